/* Answers as bytes: the headers that each has, and those that its status asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/reply.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static void is(struct reply r, const char *want)
{
	struct buf out = { 0 };

	r.date = DATE;
	reply_write(&out, &r);
	assert_false(out.failed);
	if (strcmp(buf_cstr(&out), want) != 0)
		fail_msg("%s\n--- not ---\n%s", buf_cstr(&out), want);
	buf_free(&out);
}

/* How often the line is in the head of an answer with that status, where its handler has set `extra`. */
static unsigned times(int status, const char *extra, const char *line)
{
	struct reply r = { .status = status, .content_type = "text/plain", .body = SLICE("Retry-After: 9\r\n"), .extra = slice_of(extra), .date = DATE };
	struct buf out = { 0 };
	unsigned n = 0;

	reply_write(&out, &r);
	const char *text = buf_cstr(&out), *end = strstr(text, "\r\n\r\n");
	assert_non_null(end);
	for (const char *at = text; (at = strcasestr(at, line)) != NULL && at < end; at++)
		n++;
	buf_free(&out);
	return n;
}

static void whole_answers(void **state)
{
	(void)state;
	is((struct reply){ .status = 200, .content_type = "application/json", .body = SLICE("{}") },
		"HTTP/1.1 200 OK\r\nDate: " DATE "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
	/* of HEAD: the length that the body would have */
	is((struct reply){ .status = 200, .content_type = "application/json", .body = SLICE("{}"), .bare = true, .close = true },
		"HTTP/1.1 200 OK\r\nDate: " DATE "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
	is((struct reply){ .status = 204, .content_type = "text/plain", .extra = SLICE("Allow: GET\r\n") },
		"HTTP/1.1 204 No Content\r\nDate: " DATE "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nAllow: GET\r\n\r\n");
	is((struct reply){ .status = 200, .content_type = "text/css", .extra = SLICE("X: y\r\ncache-control: max-age=5\r\n"), .live = true },
		"HTTP/1.1 200 OK\r\nDate: " DATE "\r\nX-Content-Type-Options: nosniff\r\nContent-Type: text/css\r\nTransfer-Encoding: chunked\r\nX: y\r\ncache-control: max-age=5\r\n\r\n");
}

/* Who is told to come again is told when, and once; nobody else is. */
static void when_to_come_again(void **state)
{
	static const int others[] = { 200, 201, 204, 303, 400, 401, 403, 404, 408, 409, 413, 422, 431, 500, 501, 505, 507 };

	(void)state;
	assert_int_equal(times(503, "", "\r\nRetry-After: 1\r\n"), 1);
	assert_int_equal(times(429, "", "\r\nRetry-After: 1\r\n"), 1);
	assert_int_equal(times(503, "Vary: Accept\r\n", "\r\nRetry-After: 1\r\n"), 1);
	assert_int_equal(times(503, "Vary: Accept\r\nretry-after: 5\r\n", "retry-after: 5"), 1);
	assert_int_equal(times(503, "Vary: Accept\r\nretry-after: 5\r\n", "retry-after"), 1);
	assert_int_equal(times(429, "Retry-After: 3600\r\nVary: Accept\r\n", "retry-after"), 1);
	assert_int_equal(times(503, "X-Retry-After: 5\r\n", "\r\nRetry-After: 1\r\n"), 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(times(others[i], "", "retry-after"), 0);
}

static void dates(void **state)
{
	static const struct { int64_t ms; const char *text; } of[] = {
		{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" }, { 784111777999, DATE }, { 951782400000, "Tue, 29 Feb 2000 00:00:00 GMT" }, { 253402300799000, "Fri, 31 Dec 9999 23:59:59 GMT" },
	};
	char text[REPLY_DATE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		reply_date(of[i].ms, text);
		assert_string_equal(text, of[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whole_answers), cmocka_unit_test(when_to_come_again), cmocka_unit_test(dates) };

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
