/* The http kind against endpoints of every sort, in a loop of the test's own. DNS is ours, so that it can lie. */
#include <netdb.h>
#include <semaphore.h>

#include "attempt.h"
#include "endpoint.h"
#include "run/transfer.h"

_Static_assert(ATTEMPTS == 64, "as many as /gather waits for below");

static char target[256], allowed[64];
static char *allow_one[] = { allowed };
static const char *flip = "127.0.0.1";          /* what flip.test resolves to */
static sem_t stalled;                           /* posted for each answer of stall.test */
static atomic_uint stalls;

/* libcurl's own calls come here, since this program comes before the C library. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out);
void freeaddrinfo(struct addrinfo *ai);

static struct addrinfo *answer_of(const char *address, const char *service)
{
	struct { struct addrinfo ai; struct sockaddr_in sa; } *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->sa = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)(service ? atoi(service) : 0)) };
	inet_pton(AF_INET, address, &made->sa.sin_addr);
	made->ai = (struct addrinfo){ .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof(made->sa), .ai_addr = (struct sockaddr *)&made->sa };
	return &made->ai;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	(void)hints;
	*out = NULL;
	if (strcmp(name, "flip.test") == 0)
		*out = answer_of(flip, service);
	if (strcmp(name, "stall.test") == 0) {
		atomic_fetch_add(&stalls, 1);
		while (sem_wait(&stalled) < 0)
			;
	}
	if (strcmp(name, "two.test") == 0 && (*out = answer_of("10.0.0.1", service)) != NULL)
		(*out)->ai_next = answer_of("127.0.0.1", service);
	return *out ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *ai)
{
	struct addrinfo *next;

	for (; ai; ai = next) {
		next = ai->ai_next;
		free(ai);
	}
}

static int http_setup(void **state)
{
	if (bench_setup(state) != 0)
		return -1;
	bench.handler.kind = CONF_HANDLER_HTTP;
	bench.handler.url = target;
	bench.handler.allow = (struct conf_list){ allow_one, 1 };
	bench.handler.backoff_max = 3600000;
	strcpy(allowed, "127.0.0.1");
	flip = "127.0.0.1";
	return 0;
}

static int http_teardown(void **state)
{
	transfer_forget();
	buf_free(&bench.handler.secret);
	return bench_teardown(state);
}

static void aim(const char *host, const char *path)
{
	snprintf(target, sizeof(target), "http://%s:%d%s", host, endpoint.port, path);
}

/* A fresh attempt, from beginning to end. */
static struct attempt *run_again(void)
{
	run_result_free(&bench.at[0].r);
	free(bench.at[0].task.payload);
	memset(&bench.at[0], 0, sizeof(bench.at[0]));
	return bench_run("{\"a\": 1}");
}

static struct attempt *call(const char *path)
{
	aim("127.0.0.1", path);
	return run_again();
}

static void assert_failed(struct attempt *at, bool for_good, const char *why)
{
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	if (at->r.no_retry != for_good || !strstr(at->r.error, why))
		fail_msg("%s: %s", at->r.no_retry ? "for good" : "to be retried", at->r.error);
}

static const char *kept_field(const char *name)
{
	static char value[512];
	char want[64];
	const char *at;

	snprintf(want, sizeof(want), "\r\n%s: ", name);
	at = strcasestr(endpoint.kept, want);
	if (!at)
		return NULL;
	at += strlen(want);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
	return value;
}

static void request_as_it_goes_out(void **state)
{
	(void)state;
	struct attempt *at = call("/keep/a?b=c");
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->started, 1);
	assert_true(strncmp(endpoint.kept, "POST /keep/a?b=c HTTP/1.1\r\n", 27) == 0);
	assert_string_equal(kept_field("Content-Type"), "application/json");
	assert_string_equal(kept_field("Content-Length"), "8");
	assert_string_equal(kept_field("Stint-Job-Id"), "01935a10-0000-7000-8000-000000000000");
	assert_string_equal(kept_field("Stint-Attempt"), "2");
	assert_string_equal(kept_field("Idempotency-Key"), "01935a10-0000-7000-8000-000000000000");
	assert_string_equal(kept_field("traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	assert_null(kept_field("Expect"));
	assert_null(kept_field("Authorization"));
	assert_null(kept_field("webhook-signature"));
	assert_memory_equal(endpoint.kept + endpoint.kept_n - 8, "{\"a\": 1}", 8);
}

static void signature_and_user(void **state)
{
	(void)state;
	buf_str(&bench.handler.secret, "0123456789abcdef01234567");
	call("/keep");
	assert_string_equal(kept_field("webhook-id"), "01935a10-0000-7000-8000-000000000000");
	assert_true(strtoll(kept_field("webhook-timestamp"), NULL, 10) == bench.at[0].r.started_ms / 1000);
	assert_true(strncmp(kept_field("webhook-signature"), "v1,", 3) == 0);
	aim("ann:s%40cret@127.0.0.1", "/keep");
	run_again();
	assert_string_equal(kept_field("Authorization"), "Basic YW5uOnNAY3JldA==");
}

/* So many as there were, these two included. Who is first is taken first: when they are answered, a call before them that was given up is counted, too. */
static unsigned long long connections(void)
{
	static const char *const at[] = { "127.0.0.1", "127.0.0.2" };
	static const char ask[] = "GET /keep HTTP/1.1\r\nHost: here\r\n\r\n";
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)endpoint.port) };
	char byte;

	for (unsigned i = 0; i < 2; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		inet_pton(AF_INET, at[i], &a.sin_addr);
		assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		assert_int_equal(write(fd, ask, strlen(ask)), strlen(ask));
		assert_int_equal(read(fd, &byte, 1), 1);
		close(fd);
	}
	return atomic_load(&endpoint.connections);
}

/* Its secret was for others to read: who checks signatures is sent nothing without one. */
static void never_unsigned(void **state)
{
	static char file[] = "/etc/secret";
	unsigned long long before = connections();

	(void)state;
	bench.handler.secret_file = file;
	call("/keep");
	bench.handler.secret_file = NULL;
	assert_int_equal(bench.at[0].r.outcome, JOB_OUTCOME_FAILED);
	assert_string_equal(bench.at[0].r.error, "it is not sent unsigned: secret_file could not be read when the conf was");
	assert_int_equal(connections(), before + 2);
}

/* A raw body's own type, bytes of every sort, and none at all. */
static void bodies(void **state)
{
	static const char raw[] = "a\0b\xff\r\n\r\n";
	struct attempt *at;

	(void)state;
	aim("127.0.0.1", "/keep");
	at = bench_begin(1, raw, sizeof(raw) - 1);
	at->task.content_type = (char *)(uintptr_t)"image/png";
	bench_start(at);
	bench_wait();
	assert_string_equal(kept_field("Content-Type"), "image/png");
	assert_memory_equal(endpoint.kept + endpoint.kept_n - 8, raw, 8);
	at = bench_begin(2, "", 0);
	at->task.content_type = (char *)(uintptr_t)"a\r\nX-Evil: 1";
	bench_start(at);
	bench_wait();
	assert_string_equal(kept_field("Content-Length"), "0");
	assert_null(kept_field("X-Evil"));
	char *much = calloc(1, 1 << 20);
	assert_non_null(much);
	aim("127.0.0.1", "/echo");
	bench.handler.max_output = 2 << 20;
	at = bench_begin(3, much, 1 << 20);
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.output.len, 1 << 20);
	assert_memory_equal(at->r.output.data, much, 1 << 20);
	free(much);
}

static void statuses(void **state)
{
	(void)state;
	struct attempt *at = call("/status/201");
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(attempt_output(at), "{\"error\": \"as you asked\"}");
	assert_failed(call("/status/503"), false, " answered 503 Service Unavailable: {\"error\": \"as you asked\"}");
	assert_string_equal(buf_cstr(&bench.at[0].r.log), "{\"error\": \"as you asked\"}");
	assert_int_equal(bench.at[0].r.retry_in_ms, -1);
	assert_failed(call("/status/429?retry-after=7"), false, "429");
	assert_int_equal(bench.at[0].r.retry_in_ms, 7000);
	assert_failed(call("/status/503?retry-after=999999"), false, "503");
	assert_int_equal(bench.at[0].r.retry_in_ms, 3600000);
	assert_failed(call("/status/503?retry-after=Sun,_06_Nov_1994_08:49:37_GMT"), false, "503");
	assert_int_equal(bench.at[0].r.retry_in_ms, 0);
	assert_failed(call("/status/404?retry-after=7"), true, "404 Not Found");
	assert_int_equal(bench.at[0].r.retry_in_ms, -1);
	assert_failed(call("/status/409"), false, "409");
	assert_failed(call("/html"), false, "answered 500 Internal Server Error");
	assert_null(strstr(bench.at[0].r.error, "html"));
	assert_failed(call("/redirect"), true, "answered 302 Found: redirects are not followed, and it points to http://169.254.169.254/latest/meta-data/");
}

static void broken_answers(void **state)
{
	static const struct { const char *path, *why; } cases[] = {
		{ "/short", "ended before its stated length" }, { "/chunks", "127.0.0.1:" }, { "/reset", "127.0.0.1:" }, { "/nothing", "without an answer" }, { "/garbage", "127.0.0.1:" },
		{ "/flood", "header" }, { "/interim", "header of more than 65536 bytes" }, { "/line", "header of more than 65536 bytes" },
		{ "/head", "ended within its header" }, { "/boundless", "ended before its stated length" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_failed(call(cases[i].path), false, cases[i].why);
	assert_int_equal(call("/close")->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(attempt_output(&bench.at[0]), "all of it");
}

static void output_is_capped(void **state)
{
	(void)state;
	bench.handler.max_output = 10000;
	struct attempt *at = call("/huge");
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->r.output.len, 10000);
	assert_true(at->r.output_cut);
	assert_true(at->r.output_total < 1 << 20);
	bench.handler.max_output = 25;
	at = call("/status/200");
	assert_int_equal(at->r.output.len, 25);
	assert_false(at->r.output_cut);
	bench.handler.max_output = 0;
	at = call("/status/200");
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->r.output.len, 0);
	assert_true(at->r.output_cut);
	assert_failed(call("/status/400"), true, "400 Bad Request");
}

static void time_limits(void **state)
{
	static const char *const paths[] = { "/drip", "/never" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		aim("127.0.0.1", paths[i]);
		struct attempt *at = bench_begin(i, "{}", 2);
		at->task.timeout_ms = 150;
		bench_start(at);
		bench_wait();
		assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
		assert_string_equal(at->r.error, "timed out after 150ms");
		assert_false(at->r.no_retry);
	}
}

static void stopped(void **state)
{
	(void)state;
	aim("127.0.0.1", "/never");
	for (unsigned i = 0; i < 2; i++) {
		struct attempt *at = bench_begin(i, "{}", 2);
		bench_start(at);
		loop_turn(bench.loop, -1);
		run_http.stop(&bench.host, at->a, i ? RUN_STOP_CANCEL : RUN_STOP_RELEASE, 0);
		assert_int_equal(at->ended, 1);
		assert_int_equal(at->r.outcome, i ? JOB_OUTCOME_CANCELLED : JOB_OUTCOME_RELEASED);
	}
	assert_int_equal(bench.open, 0);
}

static void nobody_there(void **state)
{
	(void)state;
	snprintf(target, sizeof(target), "http://127.0.0.1:1/");
	assert_failed(run_again(), false, "cannot connect to 127.0.0.1:1: Connection refused");
	assert_int_equal(bench.at[0].r.exit_code, -1);
	snprintf(target, sizeof(target), "http://nowhere.test/secret/path");
	assert_failed(run_again(), false, "cannot look up nowhere.test");
	assert_null(strstr(bench.at[0].r.error, "secret"));
}

/* Numbers in every notation that leads to loopback, and names. */
static void refused(void **state)
{
	static const char *const hosts[] = {
		"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.0.0.1.", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
		"[2002:7f00:1::]", "[::127.0.0.1]", "localhost", "LOCALHOST", "localhost.", "flip.test", "10.0.0.1", "169.254.169.254", "100.64.0.1", "192.168.0.1", "172.16.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[fe80::1]",
		"[fc00::1]", "[ff02::1]", "u:p@127.0.0.1", "two.test",
	};

	(void)state;
	strcpy(allowed, "192.0.2.1");
	unsigned long long before = connections();
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		aim(hosts[i], "/keep");
		struct attempt *at = run_again();
		if (at->r.outcome != JOB_OUTCOME_FAILED || !at->r.no_retry || !strstr(at->r.error, "refused to call ")) {
			/* a notation that libcurl takes for a name is as good */
			if (!strstr(at->r.error, "cannot look up"))
				fail_msg("%s: %s", hosts[i], at->r.error);
		}
	}
	assert_int_equal(connections(), before + 2);
}

/* What DNS says now decides, and a connection that one handler may use is not another's. */
static void changing_answers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		aim("flip.test", "/echo");
		flip = i ? "127.0.0.2" : "127.0.0.1";
		struct attempt *at = bench_begin(i, "{}", 2);
		bench_start(at);
		bench_wait();
		if (i)
			assert_failed(at, true, "refused to call 127.0.0.2 (loopback), the address of flip.test:");
		else
			assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
		transfer_forget();      /* and with it its memory of DNS */
	}
	/* of two answers the one that may be called is */
	aim("two.test", "/echo");
	struct attempt *at = bench_begin(2, "{}", 2);
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void kept_connections(void **state)
{
	(void)state;
	strcpy(allowed, "flip.test");
	aim("flip.test", "/echo");
	unsigned long long before = connections();
	for (unsigned i = 0; i < 3; i++) {
		struct attempt *at = bench_begin(i, "{}", 2);
		bench_start(at);
		bench_wait();
		assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	}
	assert_int_equal(atomic_load(&endpoint.connections), before + 1);
	strcpy(allowed, "other.test");
	struct attempt *at = bench_begin(3, "{}", 2);
	bench_start(at);
	bench_wait();
	assert_failed(at, true, "refused to call 127.0.0.1");
	assert_int_equal(atomic_load(&endpoint.connections), before + 1);
}

/* Taking back a transfer does not wait for its name. */
static void stalled_dns(void **state)
{
	(void)state;
	aim("stall.test", "/");
	struct attempt *at = bench_begin(0, "{}", 2);
	at->task.timeout_ms = 50;
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
	at = bench_begin(1, "{}", 2);
	bench_start(at);
	while (atomic_load(&stalls) < 2)
		loop_turn(bench.loop, 1000000);
	run_http.stop(&bench.host, at->a, RUN_STOP_CANCEL, 0);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_CANCELLED);
	sem_post(&stalled);
	sem_post(&stalled);
}

/* All at once in one loop: the endpoint answers none before all have come. */
static void many_at_once(void **state)
{
	(void)state;
	aim("127.0.0.1", "/gather/64");
	for (unsigned i = 0; i < ATTEMPTS; i++)
		bench_start(bench_begin(i, "{}", 2));
	bench_wait();
	for (unsigned i = 0; i < ATTEMPTS; i++)
		assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_SUCCEEDED);
}

#define HTTP_TEST(f) cmocka_unit_test_setup_teardown(f, http_setup, http_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(request_as_it_goes_out), HTTP_TEST(signature_and_user), HTTP_TEST(never_unsigned), HTTP_TEST(bodies), HTTP_TEST(statuses), HTTP_TEST(broken_answers), HTTP_TEST(output_is_capped), HTTP_TEST(time_limits),
		HTTP_TEST(stopped), HTTP_TEST(nobody_there), HTTP_TEST(refused), HTTP_TEST(changing_answers), HTTP_TEST(kept_connections), HTTP_TEST(stalled_dns), HTTP_TEST(many_at_once),
	};
	signal(SIGPIPE, SIG_IGN);
	sem_init(&stalled, 0, 0);
	if (!endpoint_listen("127.0.0.1", &endpoint.port) || !endpoint_listen("127.0.0.2", &endpoint.port))
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
