/* cli/job_follow: attempt after attempt, over connections that break. The server is one of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/job_ask.h"
#include "cli/job_follow.h"
#include "fake_server.h"

#define ID "01930000-0000-7000-8000-000000000001"

static const char *const *script;       /* what is asked, what is answered, in this order; NULL ends it */
static int *at;                         /* shared by all connections: how far the script has come */

static void chunk(int fd, const char *text)
{
	char out[300];

	snprintf(out, sizeof(out), "%zx\r\n%s\r\n", strlen(text), text);
	fake_say(fd, out);
}

/* "=job": a job; "~text": a log in two chunks; "!text": a log that breaks off; "#503": refused. */
static void answer(int fd, const char *what)
{
	if (*what == '=') {
		fake_json(fd, "200 OK", what + 1);
	} else if (*what == '#') {
		fake_json(fd, what + 1, "{\"detail\":\"not now\"}");
	} else {
		fake_say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
		if (what[1])
			chunk(fd, what + 1);
		if (*what == '!')
			_exit(0);
		fake_say(fd, "0\r\n\r\n");
	}
}

static void serve(int fd, unsigned number)
{
	char head[1024], body[64];

	(void)number;
	while (fake_read_request(fd, head, sizeof(head), body, sizeof(body))) {
		const char *asked = script[*at], *what = asked ? script[*at + 1] : NULL;

		*strstr(head, " HTTP/1.1") = '\0';
		if (!asked || strcmp(head + 4, asked) != 0) {
			fake_json(fd, "418 Not Expected", "{\"detail\":\"this was not expected\"}");
			continue;
		}
		*at += 2;
		answer(fd, what);
	}
}

#define JOB "/jobs/" ID
#define LOG(n) "/jobs/" ID "/log?follow=1&attempt=" #n
#define IS(state, attempts) "={\"state\":\"" state "\",\"attempts\":" #attempts "}"

/* Follows by a script; what came to stdout, and the exit code. */
static const char *follow(const char *const *lines, enum log_out_form form, int wanted)
{
	static char out[2000];
	struct log_out o = { .form = form };
	struct fake_server f;
	struct client client;
	struct buf job = { 0 };
	FILE *tmp = tmpfile();
	int saved = dup(STDOUT_FILENO), code;
	size_t n;

	assert_non_null(tmp);
	script = lines;
	*at = 0;
	fake_start(&f, serve);
	assert_int_equal(client_init(&client, f.url, NULL), 0);
	fflush(stdout);
	dup2(fileno(tmp), STDOUT_FILENO);
	code = job_follow(&client, ID, &o, &job);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	fake_stop(&f);
	rewind(tmp);
	n = fread(out, 1, sizeof(out) - 1, tmp);
	out[n] = '\0';
	fclose(tmp);
	if (code != wanted)
		fail_msg("exit code %d, wanted %d: %s", code, wanted, client.why);
	if (wanted == 0)
		assert_null(lines[*at]);
	client_close(&client);
	log_out_free(&o);
	buf_free(&job);
	return out;
}

static void a_job_that_has_ended(void **unused)
{
	static const char *const lines[] = { JOB, IS("dead", 4), LOG(4), "~the end\n", JOB, IS("dead", 4), NULL };
	static const char *const never[] = { JOB, IS("cancelled", 0), NULL };

	(void)unused;
	assert_string_equal(follow(lines, LOG_OUT_BYTES, 0), "the end\n");
	assert_string_equal(follow(never, LOG_OUT_BYTES, 0), "");
}

static void from_the_attempt_that_runs_to_the_last(void **unused)
{
	static const char *const lines[] = {
		JOB, IS("running", 2), LOG(2), "~two", JOB, IS("retrying", 2), LOG(3), "~three", JOB, IS("running", 3), LOG(4), "~", JOB, IS("succeeded", 3), NULL,
	};

	(void)unused;
	assert_string_equal(follow(lines, LOG_OUT_JSON, 0), "{\"attempt\":2,\"line\":\"two\"}\n{\"attempt\":3,\"line\":\"three\"}\n");
}

static void one_that_is_to_run_is_waited_for(void **unused)
{
	static const char *const lines[] = {
		JOB, IS("queued", 0), LOG(1), "~", JOB, IS("queued", 0), LOG(1), "~now\n", JOB, IS("succeeded", 1), NULL,       /* at first the server drained */
	};
	static const char *const cancelled[] = { JOB, IS("scheduled", 0), LOG(1), "~", JOB, IS("cancelled", 0), NULL };

	(void)unused;
	assert_string_equal(follow(lines, LOG_OUT_BYTES, 0), "now\n");
	assert_string_equal(follow(cancelled, LOG_OUT_BYTES, 0), "");
}

static void what_was_said_before_the_line_broke_is_not_said_again(void **unused)
{
	static const char *const lines[] = {
		JOB, IS("running", 1), LOG(1), "!one t", JOB, IS("running", 1), LOG(1), "!one", JOB, "#503 Service Unavailable", JOB, IS("running", 1), LOG(1), "~one two\n",
		JOB, IS("succeeded", 1), NULL,
	};

	(void)unused;
	assert_string_equal(follow(lines, LOG_OUT_BYTES, 0), "one two\n");
}

static void an_attempt_whose_log_is_gone_is_passed_over(void **unused)
{
	static const char *const lines[] = { JOB, IS("running", 1), LOG(1), "#404 Not Found", JOB, IS("running", 2), LOG(2), "~two\n", JOB, IS("succeeded", 2), NULL };

	(void)unused;
	assert_string_equal(follow(lines, LOG_OUT_BYTES, 0), "two\n");
}

static void what_no_later_try_mends_ends_it(void **unused)
{
	static const char *const gone[] = { JOB, IS("running", 1), LOG(1), "~one\n", JOB, "#404 Not Found", NULL };
	static const char *const forbidden[] = { JOB, IS("running", 1), LOG(1), "#403 Forbidden", NULL };

	(void)unused;
	assert_string_equal(follow(gone, LOG_OUT_BYTES, EX_NOINPUT), "one\n");
	assert_string_equal(follow(forbidden, LOG_OUT_BYTES, EX_NOPERM), "");
}

static int set_up(void **unused)
{
	(void)unused;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_that_has_ended),
		cmocka_unit_test(from_the_attempt_that_runs_to_the_last),
		cmocka_unit_test(one_that_is_to_run_is_waited_for),
		cmocka_unit_test(what_was_said_before_the_line_broke_is_not_said_again),
		cmocka_unit_test(an_attempt_whose_log_is_gone_is_passed_over),
		cmocka_unit_test(what_no_later_try_mends_ends_it),
	};

	return cmocka_run_group_tests_name("cli/job_follow", tests, set_up, NULL);
}
