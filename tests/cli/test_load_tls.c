/* The load generator over TLS: every connection shakes hands before the measuring begins, and again where it has to be opened anew; whom it does not trust it asks nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "../os/certificate.h"
#include "../os/scratch.h"
#include "cli/load.h"
#include "fake_server.h"
#include "fake_tls.h"

#define BODY_BYTES 40000                /* more than one record of TLS */

static struct load_result result;
static struct tls_context *identity;
static char long_answer[BODY_BYTES + 1];
static uint64_t got;

static void count_body(void *arg, struct slice body)
{
	(void)arg;
	got += body.n;
}

static int run(void (*serve)(int fd, unsigned number), const char *trusted, unsigned connections, uint64_t jobs)
{
	struct load_http http = { .body_fn = count_body };
	struct load_plan plan = { .protocol = &load_http, .arg = &http, .name = "the server", .connections = connections, .jobs = jobs };
	static char body[BODY_BYTES];
	struct fake_server f;
	char url[64], why[200];

	certificate_make(scratch_dir, "one", "IP:127.0.0.1");
	certificate_make(scratch_dir, "two", "IP:127.0.0.1");
	certificate_trust(scratch_dir, trusted);
	identity = certificate_context(scratch_dir, "one");
	plan.secure = tls_context_new_client(why, sizeof(why));
	assert_non_null(plan.secure);
	fake_start(&f, serve);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u", f.port);
	assert_true(net_url_parse(url, &plan.url, why, sizeof(why)));
	got = 0;
	memset(body, 'x', sizeof(body));
	load_http_prepare(&http, &plan.url, "secret", "/jobs", (struct slice){ body, sizeof(body) });
	int code = load_run(&plan, &result);
	buf_free(&http.request);
	fake_stop(&f);
	tls_context_free(plan.secure);
	tls_context_free(identity);
	return code;
}

static void answer(int fd, const char *more)
{
	static char head[1024], body[BODY_BYTES + 1];

	if (!fake_read_request(fd, head, sizeof(head), body, sizeof(body)))
		_exit(0);
	if (!strstr(head, "\r\nAuthorization: Bearer secret\r\n") || strspn(body, "x") != BODY_BYTES)
		_exit(2);
	snprintf(head, sizeof(head), "HTTP/1.1 201 Created\r\n%sContent-Length: %d\r\n\r\n", more, BODY_BYTES);
	fake_say(fd, head);
	fake_say(fd, long_answer);
}

static void serve_well(int fd, unsigned number)
{
	(void)number;
	for (;;)
		answer(fd, "");
}

static void serve_one(int fd, unsigned number)
{
	(void)number;
	answer(fd, "Connection: close\r\n");
}

static void well(int fd, unsigned number) { fake_tls_serve(identity, fd, number, serve_well); }
static void one_each(int fd, unsigned number) { fake_tls_serve(identity, fd, number, serve_one); }
static void plain(int fd, unsigned number) { (void)number; fake_say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n"); while (recv(fd, (char[100]){ 0 }, 100, 0) > 0) {} }

/* --- tests --- */

static void long_ones_both_ways(void **unused)
{
	(void)unused;
	if (!certificate_possible())
		return;
	assert_int_equal(run(well, "one", 4, 100), 0);
	assert_int_equal(result.done, 100);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.reconnects, 0);
	assert_int_equal(got, 100 * BODY_BYTES);
}

static void closed_after_each(void **unused)
{
	(void)unused;
	if (!certificate_possible())
		return;
	assert_int_equal(run(one_each, "one", 2, 20), 0);
	assert_int_equal(result.done, 20);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.reconnects, 18);
	assert_int_equal(got, 20 * BODY_BYTES);
}

static void who_is_not_to_be_trusted(void **unused)
{
	(void)unused;
	if (!certificate_possible())
		return;
	assert_int_equal(run(well, "two", 4, 100), EX_UNAVAILABLE);
	assert_non_null(strstr(result.first_error, "connection 1 of 4 to the server: its certificate is not to be trusted"));
	assert_int_equal(result.done, 0);
	assert_int_equal(run(plain, "one", 4, 100), EX_UNAVAILABLE);
	assert_non_null(strstr(result.first_error, "does not speak TLS at this port"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(long_ones_both_ways, scratch_setup, scratch_teardown), cmocka_unit_test_setup_teardown(closed_after_each, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(who_is_not_to_be_trusted, scratch_setup, scratch_teardown) };

	memset(long_answer, 'y', BODY_BYTES);
	return cmocka_run_group_tests_name("load over TLS", tests, NULL, NULL);
}
