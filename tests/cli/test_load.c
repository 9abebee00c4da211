/* cli/load and its two protocols, against servers that behave and servers that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sysexits.h>

#include <cmocka.h>

#include "cli/load.h"
#include "fake_server.h"

static struct load_result result;
static struct load_http http;
static struct load_beanstalk beanstalk;
static unsigned bodies;
static uint64_t shown;

static void count_body(void *arg, struct slice body)
{
	(void)arg;
	assert_int_equal(body.n, 13);
	assert_memory_equal(body.p, "{\"id\":\"some\"}", 13);
	bodies++;
}

static void show(void *arg, uint64_t done, int64_t elapsed_ns)
{
	(void)arg;
	assert_true(elapsed_ns >= 0);
	shown = done;
}

static int run_http(const struct fake_server *f, unsigned connections, uint64_t jobs, int64_t limit_ms)
{
	struct load_plan plan = { .protocol = &load_http, .arg = &http, .name = "the server", .connections = connections, .jobs = jobs, .limit_ms = limit_ms, .progress = show };
	char why[128];
	int code;

	bodies = 0;
	http.body_fn = count_body;
	assert_true(net_url_parse(f->url, &plan.url, why, sizeof(why)));
	load_http_prepare(&http, &plan.url, "secret", "/jobs", SLICE("{\"type\":\"noop\"}"));
	code = load_run(&plan, &result);
	buf_free(&http.request);
	return code;
}

static int run_beanstalk(const struct fake_server *f, const struct load_protocol *p, unsigned connections, uint64_t jobs)
{
	struct load_plan plan = { .protocol = p, .arg = &beanstalk, .name = "the peer", .connections = connections, .jobs = jobs };
	char why[128];
	int code;

	assert_true(net_host_port_parse(f->host_port, &plan.url, why, sizeof(why)));
	load_beanstalk_prepare(&beanstalk, SLICE("payload\r\nof 20 bytes"));
	code = load_run(&plan, &result);
	buf_free(&beanstalk.put);
	return code;
}

static void one_request(int fd, char *head, char *body)
{
	if (!fake_read_request(fd, head, 1024, body, 1024))
		_exit(0);
	if (strncmp(head, "POST /jobs HTTP/1.1\r\nHost: 127.0.0.1:", 37) != 0 || !strstr(head, "\r\nAuthorization: Bearer secret\r\n") || strcmp(body, "{\"type\":\"noop\"}") != 0)
		_exit(2);
}

/* --- HTTP --- */

static void serve_well(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	for (;;) {
		one_request(fd, head, body);
		fake_say(fd, "HTTP/1.1 201 Created\r\nContent-Le");
		fake_say(fd, "ngth: 13\r\n\r\n{\"id\":");
		fake_say(fd, "\"some\"}");
	}
}

static void so_many_jobs_are_submitted(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_well);
	assert_int_equal(run_http(&f, 8, 1000, 0), 0);
	fake_stop(&f);
	assert_int_equal(result.done, 1000);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.us.count, 1000);
	assert_int_equal(bodies, 1000);
	assert_true(result.elapsed_ns > 0);
	assert_int_equal(result.reconnects, 0);
}

static void a_time_ends_it_and_what_was_asked_is_answered(void **unused)
{
	struct fake_server f;

	(void)unused;
	shown = 0;
	fake_start(&f, serve_well);
	assert_int_equal(run_http(&f, 4, 0, 300), 0);
	fake_stop(&f);
	assert_true(result.done > 0);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.elapsed_ns, 300 * 1000000);
	assert_true(result.done_late <= 4);
	assert_int_equal(bodies, result.done + result.done_late);
	assert_true(shown > 0);
}

static void serve_one_each(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	one_request(fd, head, body);
	fake_say(fd, "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 13\r\n\r\n{\"id\":\"some\"}");
}

static void a_server_that_closes_is_connected_to_again(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_one_each);
	assert_int_equal(run_http(&f, 3, 30, 0), 0);
	fake_stop(&f);
	assert_int_equal(result.done, 30);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.reconnects, 27);
}

static void serve_refusals(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	for (int i = 0;; i++) {
		one_request(fd, head, body);
		if (i % 2)
			fake_json(fd, "201 Created", "{\"id\":\"some\"}");
		else
			fake_json(fd, "429 Too Many Requests", "{\"title\":\"Too much\",\"detail\":\"the queue is full\"}");
	}
}

static void refusals_are_counted_and_the_first_is_told(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_refusals);
	assert_int_equal(run_http(&f, 1, 10, 0), 0);
	fake_stop(&f);
	assert_int_equal(result.done, 5);
	assert_int_equal(result.errors, 5);
	assert_int_equal(result.us.count, 5);
	assert_string_equal(result.first_error, "429: the queue is full");
}

static void serve_only_refusals(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	for (;;) {
		one_request(fd, head, body);
		fake_json(fd, "422 Unprocessable Content", "{\"detail\":\"no handler for noop\"}");
	}
}

static void nothing_but_refusals_ends_the_run(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_only_refusals);
	assert_int_equal(run_http(&f, 4, 100000, 0), EX_UNAVAILABLE);
	fake_stop(&f);
	assert_int_equal(result.done, 0);
	assert_true(result.errors >= 1000 && result.errors < 2000);
	assert_string_equal(result.first_error, "422: no handler for noop");
}

static void hang_up_once(int fd, unsigned number)
{
	char head[1024], body[1024];

	if (number >= 2) {
		serve_well(fd, number);
		return;
	}
	one_request(fd, head, body);
	fake_say(fd, "HTTP/1.1 201 Cre");
}

static void a_lost_answer_is_an_error_and_the_run_goes_on(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, hang_up_once);
	assert_int_equal(run_http(&f, 2, 20, 0), 0);
	fake_stop(&f);
	assert_int_equal(result.done, 18);
	assert_int_equal(result.errors, 2);
	assert_non_null(strstr(result.first_error, "the server closed a connection before it answered"));
}

static void serve_nonsense(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	one_request(fd, head, body);
	fake_say(fd, "+OK redis\r\n\r\n");
	fake_read_until(fd, "never", head, sizeof(head));
}

static void nonsense_ends_the_run(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_nonsense);
	assert_int_equal(run_http(&f, 2, 20, 0), EX_PROTOCOL);
	fake_stop(&f);
	assert_non_null(strstr(result.first_error, "no HTTP answer: it does not begin as HTTP/1.1 does"));
}

static void serve_too_much(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	one_request(fd, head, body);
	fake_say(fd, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
	fake_read_until(fd, "never", head, sizeof(head));
}

static void an_answer_nobody_asked_for_ends_the_run(void **unused)
{
	struct fake_server f;
	struct load_plan plan = { .protocol = &load_http, .arg = &http, .name = "the server", .connections = 1, .jobs = 1 };
	char why[128];

	(void)unused;
	http.body_fn = NULL;
	fake_start(&f, serve_too_much);
	assert_true(net_url_parse(f.url, &plan.url, why, sizeof(why)));
	load_http_prepare(&http, &plan.url, "secret", "/jobs", SLICE("{\"type\":\"noop\"}"));
	assert_int_equal(load_run(&plan, &result), EX_PROTOCOL);
	buf_free(&http.request);
	fake_stop(&f);
	assert_non_null(strstr(result.first_error, "nobody asked for"));
}

static void nobody_there_is_said(void **unused)
{
	struct fake_server f;

	(void)unused;
	snprintf(f.url, sizeof(f.url), "http://127.0.0.1:%u", fake_closed_port());
	assert_int_equal(run_http(&f, 2, 20, 0), EX_UNAVAILABLE);
	assert_string_equal(result.first_error, "cannot connect to the server: Connection refused. Is it running there?");
}

/* --- beanstalkd --- */

static void serve_put(int fd, unsigned number)
{
	char line[256];

	(void)number;
	while (fake_read_until(fd, "put 0 0 120 20\r\npayload\r\nof 20 bytes\r\n", line, sizeof(line))) {
		fake_say(fd, "INSERTED 1");
		fake_say(fd, "7\r\n");
	}
}

static void puts_are_counted(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_put);
	assert_int_equal(run_beanstalk(&f, &load_beanstalk_put, 4, 100), 0);
	fake_stop(&f);
	assert_int_equal(result.done, 100);
	assert_int_equal(result.errors, 0);
}

static void serve_full(int fd, unsigned number)
{
	char line[256];

	(void)number;
	while (fake_read_until(fd, "bytes\r\n", line, sizeof(line)))
		fake_say(fd, "DRAINING\r\n");
}

static void refused_puts_are_told(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_full);
	assert_int_equal(run_beanstalk(&f, &load_beanstalk_put, 1, 3), 0);
	fake_stop(&f);
	assert_int_equal(result.done, 0);
	assert_int_equal(result.errors, 3);
	assert_string_equal(result.first_error, "beanstalkd answered DRAINING");
}

/* Each connection gets jobs numbered from 100 x its number, whole, in pieces, and empty ones in turn. */
static void serve_drain(int fd, unsigned number)
{
	char line[256], wanted[64], text[64];

	for (unsigned i = 0; fake_read_until(fd, "reserve\r\n", line, sizeof(line)); i++) {
		unsigned id = 100 * number + i;

		if (strcmp(line, "reserve\r\n") != 0)
			_exit(7);
		if (i % 3 == 0) {
			snprintf(text, sizeof(text), "RESERVED %u 5\r\nhe\nlo\r\n", id);
			fake_say(fd, text);
		} else if (i % 3 == 1) {
			snprintf(text, sizeof(text), "RESERVED %u 5\r", id);
			fake_say(fd, text);
			usleep(1000);   /* so that it comes as pieces; nothing hangs on it */
			fake_say(fd, "\nhel");
			usleep(1000);
			fake_say(fd, "lo\r");
			fake_say(fd, "\n");
		} else {
			snprintf(text, sizeof(text), "RESERVED %u 0\r\n\r\n", id);
			fake_say(fd, text);
		}
		snprintf(wanted, sizeof(wanted), "delete %u\r\n", id);
		if (!fake_read_until(fd, "\r\n", line, sizeof(line)) || strcmp(line, wanted) != 0)
			_exit(8);
		fake_say(fd, "DELETED\r\n");
	}
}

static void every_job_is_reserved_and_deleted(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_drain);
	assert_int_equal(run_beanstalk(&f, &load_beanstalk_drain, 5, 60), 0);
	fake_stop(&f);
	assert_int_equal(result.done, 60);
	assert_int_equal(result.errors, 0);
}

static void serve_bad_reserve(int fd, unsigned number)
{
	char line[256];

	(void)number;
	fake_read_until(fd, "reserve\r\n", line, sizeof(line));
	fake_say(fd, "RESERVED 1 lots\r\n");
	fake_read_until(fd, "never", line, sizeof(line));
}

static void a_reserve_line_without_a_length_ends_the_run(void **unused)
{
	struct fake_server f;

	(void)unused;
	fake_start(&f, serve_bad_reserve);
	assert_int_equal(run_beanstalk(&f, &load_beanstalk_drain, 1, 3), EX_PROTOCOL);
	fake_stop(&f);
	assert_non_null(strstr(result.first_error, "without an id and a length"));
}

/* The body of the next request. */
static const char *next_body(struct load *l, struct load_conn *c)
{
	struct slice r = load_http.request(l, c);
	static char text[600];
	char *body;

	assert_true(r.n < sizeof(text));
	memcpy(text, r.p, r.n);
	text[r.n] = '\0';
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(strlen(body + 4), strtoul(strstr(text, "Content-Length: ") + 16, NULL, 10));
	return body + 4;
}

static void numbers_and_priorities_change_from_job_to_job(void **state)
{
	struct load_http h = { .numbered = true, .priorities = 3 };
	struct load_plan plan = { .arg = &h };
	struct load l = { .plan = &plan };
	struct load_conn c = { .fd = -1 };
	struct net_url u = { .authority = "here" };
	char first[600];

	(void)state;
	load_http_prepare(&h, &u, NULL, "/jobs", SLICE("{\"type\":\"noop\",\"payload\":\"0\",\"priority\":0,\"unique_key\":\"a-%\",\"name\":\"%\"}"));
	snprintf(first, sizeof(first), "%s", next_body(&l, &c));
	assert_null(strchr(first, '%'));
	const char *key = strstr(first, "\"a-"), *name = strstr(first, "\"name\":\"");
	assert_true(key && name && memcmp(key + 3, name + 8, 16) == 0);         /* one number a job */
	for (unsigned i = 1; i < 7; i++) {
		const char *body = next_body(&l, &c), *at = strstr(first, "\"priority\":");
		assert_int_equal(strlen(body), strlen(first));
		assert_string_not_equal(body, first);
		size_t digit = (size_t)(at - first) + 11;
		assert_int_equal(body[digit] - '0', (first[digit] - '0' + (int)i) % 3);
		assert_memory_equal(body, first, digit);        /* nothing before it has changed */
	}
	buf_free(&h.request);
	buf_free(&c.text);
	buf_free(&c.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_priorities_change_from_job_to_job),
		cmocka_unit_test(so_many_jobs_are_submitted),
		cmocka_unit_test(a_time_ends_it_and_what_was_asked_is_answered),
		cmocka_unit_test(a_server_that_closes_is_connected_to_again),
		cmocka_unit_test(refusals_are_counted_and_the_first_is_told),
		cmocka_unit_test(nothing_but_refusals_ends_the_run),
		cmocka_unit_test(a_lost_answer_is_an_error_and_the_run_goes_on),
		cmocka_unit_test(nonsense_ends_the_run),
		cmocka_unit_test(an_answer_nobody_asked_for_ends_the_run),
		cmocka_unit_test(nobody_there_is_said),
		cmocka_unit_test(puts_are_counted),
		cmocka_unit_test(refused_puts_are_told),
		cmocka_unit_test(every_job_is_reserved_and_deleted),
		cmocka_unit_test(a_reserve_line_without_a_length_ends_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
