/* The smtp kind against a server of the test's own, which refuses, hangs and breaks off wherever it is told to. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>

#include "attempt.h"
#include "run/smtp.h"

#define MAIL "{\"to\":\"ann@example.org\",\"subject\":\"Hi\",\"message\":\"one\\n.\\ntwo\",\"from\":\"f@example.org\"}"

static struct {                         /* how the server behaves; set while nobody is connected */
	const char *at, *answer;        /* a command that begins so gets this instead */
	const char *hang;               /* and one that begins so none at all */
	const char *ehlo;
	atomic_uint quits, hung;
	char said[65536];               /* all that the last client sent; read when it has ended */
	atomic_bool ended;
} server;
static char target[256], user[64], password[64], from[64];

static bool begins(const char *line, const char *with)
{
	return with && strncasecmp(line, with, strlen(with)) == 0;
}

static void answer(FILE *f, const char *line)
{
	if (begins(line, server.at))
		fprintf(f, "%s\r\n", server.answer);
	else if (begins(line, "EHLO"))
		fprintf(f, "%s250 SIZE 1000000\r\n", server.ehlo ? server.ehlo : "250-here\r\n");
	else if (begins(line, "AUTH"))
		fputs("334 \r\n", f);
	else if (begins(line, "DATA"))
		fputs("354 go on\r\n", f);
	else if (begins(line, "QUIT"))
		fputs("221 bye\r\n", f);
	else
		fputs(strchr(line, ' ') || begins(line, "END") || begins(line, "CONNECT") ? "250 2.0.0 fine\r\n" : "235 2.7.0 welcome\r\n", f);
	fflush(f);
}

static void *serve(void *arg)
{
	FILE *f = fdopen((int)(long)arg, "r+");
	char line[4096];
	bool data = false;

	if (!f)
		return NULL;
	server.said[0] = '\0';
	answer(f, "CONNECT");
	while (fgets(line, sizeof(line), f)) {
		fseek(f, 0, SEEK_CUR);
		if (strlen(server.said) + strlen(line) < sizeof(server.said))
			strcat(server.said, line);
		if (data && strcmp(line, ".\r\n") != 0)
			continue;
		if (begins(line, "QUIT"))
			atomic_fetch_add(&server.quits, 1);
		if (begins(data ? "END" : line, server.hang)) {
			atomic_fetch_add(&server.hung, 1);
			continue;
		}
		answer(f, data ? "END" : line);
		data = !data && begins(line, "DATA") && !begins("DATA", server.at);
		if (begins(line, "QUIT"))
			break;
	}
	fclose(f);
	atomic_store(&server.ended, true);
	return NULL;
}

static void *take(void *arg)
{
	int listener = (int)(long)arg, fd;
	pthread_t thread;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		if (pthread_create(&thread, NULL, serve, (void *)(long)fd) == 0)
			pthread_detach(thread);
	return NULL;
}

static int port;

static bool listen_here(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	pthread_t thread;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) < 0 || listen(fd, 64) < 0 || getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return false;
	port = ntohs(at.sin_port);
	return pthread_create(&thread, NULL, take, (void *)(long)fd) == 0 && pthread_detach(thread) == 0;
}

static int smtp_setup(void **state)
{
	if (bench_setup(state) != 0)
		return -1;
	server.at = server.answer = server.hang = server.ehlo = NULL;
	atomic_store(&server.ended, false);
	bench.handler.kind = CONF_HANDLER_SMTP;
	bench.handler.smtp = target;
	bench.handler.smtp_user = user;
	bench.handler.smtp_password = password;
	bench.handler.smtp_from = from;
	user[0] = password[0] = from[0] = '\0';
	snprintf(target, sizeof(target), "smtp://127.0.0.1:%d", port);
	return 0;
}

static int smtp_teardown(void **state)
{
	smtp_call_forget();
	return bench_teardown(state);
}

static void client_ended(void)
{
	while (!atomic_load(&server.ended))
		usleep(1000);
}

static struct attempt *mail(const char *payload)
{
	run_result_free(&bench.at[0].r);
	free(bench.at[0].task.payload);
	memset(&bench.at[0], 0, sizeof(bench.at[0]));
	return bench_run(payload);
}

static void assert_failed(struct attempt *at, bool for_good, const char *why)
{
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	if (at->r.no_retry != for_good || !strstr(at->r.error, why))
		fail_msg("%s: %s", at->r.no_retry ? "for good" : "to be retried", at->r.error);
}

static void sent(void **state)
{
	(void)state;
	server.at = "END";
	server.answer = "250 2.0.0 queued as \"ABC\"";
	struct attempt *at = mail(MAIL);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->started, 1);
	assert_string_equal(attempt_output(at), "{\"message_id\":\"<01935a10-0000-7000-8000-000000000000@example.org>\",\"answer\":\"250 2.0.0 queued as \\\"ABC\\\"\"}");
	client_ended();
	assert_non_null(strstr(server.said, "MAIL FROM:<f@example.org> SIZE="));
	assert_non_null(strstr(server.said, "RCPT TO:<ann@example.org>\r\n"));
	assert_non_null(strstr(server.said, "\r\n\r\none\r\n..\r\ntwo\r\n.\r\n"));
	assert_null(strstr(server.said, "AUTH"));
}

static void logged_in(void **state)
{
	(void)state;
	server.ehlo = "250-AUTH PLAIN LOGIN\r\n";
	strcpy(user, "ann@example.org");
	strcpy(password, "s\303\251cret");
	assert_int_equal(mail("{\"to\":\"b@c\",\"message\":\"x\"}")->r.outcome, JOB_OUTCOME_SUCCEEDED);
	client_ended();
	assert_non_null(strstr(server.said, "AUTH PLAIN"));
	assert_non_null(strstr(server.said, "AGFubkBleGFtcGxlLm9yZwBzw6ljcmV0"));
	assert_non_null(strstr(server.said, "MAIL FROM:<ann@example.org>"));   /* the user's own address */
	atomic_store(&server.ended, false);
	user[0] = password[0] = '\0';
	strcpy(from, "Stint <s@t>");
	snprintf(target, sizeof(target), "smtp://u%%40v:p@127.0.0.1:%d", port);
	assert_int_equal(mail("{\"to\":\"b@c\",\"message\":\"x\"}")->r.outcome, JOB_OUTCOME_SUCCEEDED);
	client_ended();
	assert_non_null(strstr(server.said, "AHVAdgBw"));
	assert_non_null(strstr(server.said, "MAIL FROM:<s@t>"));
}

static void refused(void **state)
{
	static const struct { const char *at, *answer; bool for_good; const char *why; } cases[] = {
		{ "RCPT", "450 4.2.0 try later", false, " answered 450 4.2.0 try later" }, { "RCPT", "550 5.1.1 no such user", true, " answered 550 5.1.1 no such user" }, { "MAIL", "451 greylisted", false, "451 greylisted" },
		{ "MAIL", "530 5.7.0 Authentication required", true, "530 5.7.0 Authentication required: set smtp_user and smtp_password" }, { "DATA", "554 no", true, "554 no" }, { "END", "552 too big", true, "552 too big" },
		{ "END", "452 full", false, "452 full" }, { "CONNECT", "421 too busy", false, "421 too busy" }, { "CONNECT", "554 go away", true, "554 go away" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		server.at = cases[i].at;
		server.answer = cases[i].answer;
		assert_failed(mail(MAIL), cases[i].for_good, cases[i].why);
	}
	server.ehlo = "250-AUTH PLAIN\r\n";
	server.at = "AUTH";
	server.answer = "535 5.7.8 bad password";
	strcpy(user, "u");
	strcpy(password, "p");
	assert_failed(mail(MAIL), true, "535 5.7.8 bad password: check smtp_user and smtp_password");
	assert_int_equal(bench.at[0].r.output.len, 0);
}

/* A line without end is the server's fault: the attempt has failed, and is not given back as for want of our own memory. */
static void endless(void **state)
{
	static const char *const where[] = { "CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END" };
	static char line[4 << 20];

	(void)state;
	memset(line, '2', sizeof(line) - 1);
	server.answer = line;
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		server.at = where[i];
		assert_failed(mail(MAIL), false, "127.0.0.1:");
	}
}

static void no_login(void **state)
{
	(void)state;
	strcpy(target, "smtp://mail.example.org:587");
	assert_failed(mail(MAIL), false, "smtp_user and smtp_password are not set for handler \"test\"");
	assert_int_equal(bench.at[0].started, 0);
	strcpy(target, "smtps://mail.example.org");
	assert_failed(mail(MAIL), false, "SMTP_USER and SMTP_PASSWORD in the environment");
	snprintf(target, sizeof(target), "smtp://127.0.0.1:%d", port);
	strcpy(user, "u");
	assert_failed(mail(MAIL), false, "smtp_password is not set");
	user[0] = '\0';
	strcpy(password, "p");
	assert_failed(mail(MAIL), false, "smtp_user is not set");
}

static void bad_payloads(void **state)
{
	(void)state;
	atomic_store(&server.ended, false);
	assert_failed(mail("{\"to\":\"a@b\\nRCPT TO:<c@d>\",\"message\":\"x\",\"from\":\"f@g\"}"), true, "has a newline");
	assert_int_equal(bench.at[0].started, 1);
	assert_false(atomic_load(&server.ended));
	assert_failed(mail("7"), true, "the payload is no mail");
}

/* A server that does not answer QUIT holds up nothing: neither a success nor a refusal. */
static void silent_quit(void **state)
{
	(void)state;
	server.hang = "QUIT";
	assert_int_equal(mail(MAIL)->r.outcome, JOB_OUTCOME_SUCCEEDED);
	server.at = "END";
	server.answer = "550 spam";
	assert_failed(mail(MAIL), true, "550 spam");
}

static void silent(void **state)
{
	static const char *const where[] = { "EHLO", "RCPT", "END" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		server.hang = where[i];
		struct attempt *at = bench_begin(i, MAIL, strlen(MAIL));
		at->task.timeout_ms = 200;
		bench_start(at);
		bench_wait();
		assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
		assert_string_equal(at->r.error, "timed out after 200ms");
		smtp_call_forget();
	}
	for (unsigned i = 3; i < 5; i++) {
		unsigned before = atomic_load(&server.hung);
		struct attempt *at = bench_begin(i, MAIL, strlen(MAIL));
		bench_start(at);
		while (atomic_load(&server.hung) == before)
			loop_turn(bench.loop, 1000000);
		run_smtp.stop(&bench.host, at->a, i == 3 ? RUN_STOP_CANCEL : RUN_STOP_RELEASE, 0);
		assert_int_equal(at->ended, 1);
		assert_int_equal(at->r.outcome, i == 3 ? JOB_OUTCOME_CANCELLED : JOB_OUTCOME_RELEASED);
	}
}

static void nobody_there(void **state)
{
	(void)state;
	strcpy(target, "smtp://127.0.0.1:1");
	assert_failed(mail(MAIL), false, "cannot connect to 127.0.0.1:1: Connection refused");
	/* a password does not go where no TLS is; this name is loopback's, but not to us: it is only looked up */
	snprintf(target, sizeof(target), "smtp://u:p@127.0.0.1.nip.invalid:%d", port);
	assert_failed(mail(MAIL), false, "cannot look up");
}

static void many_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++)
		bench_start(bench_begin(i, MAIL, strlen(MAIL)));
	bench_wait();
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_SUCCEEDED);
}

#define SMTP_TEST(f) cmocka_unit_test_setup_teardown(f, smtp_setup, smtp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SMTP_TEST(sent), SMTP_TEST(logged_in), SMTP_TEST(refused), SMTP_TEST(endless), SMTP_TEST(no_login), SMTP_TEST(bad_payloads), SMTP_TEST(silent_quit), SMTP_TEST(silent), SMTP_TEST(nobody_there), SMTP_TEST(many_at_once),
	};
	signal(SIGPIPE, SIG_IGN);
	if (!listen_here())
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
