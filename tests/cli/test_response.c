/* cli/response: every answer read the same however its bytes are cut; everything else refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/response.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct wanted {
	const char *bytes;
	int status;
	const char *body;
	bool close;
	size_t extra;           /* bytes at the end that are not its own */
};

static const struct wanted good[] = {
	{ "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello", 201, "hello", false, 0 },
	{ "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, "", false, 0 },
	{ "HTTP/1.1 200\r\nContent-Length: 1 \r\nX: y\r\n\r\nz", 200, "z", false, 0 },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP", 200, "ab", false, 4 },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 200, "hello0123456789", false, 0 },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nTrailer: yes\r\n\r\nX", 200, "", false, 1 },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\n!", 202, "!", false, 0 },
	{ "HTTP/1.1 204 No Content\r\n\r\n", 204, "", false, 0 },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", 304, "", false, 0 },
	{ "HTTP/1.1 400 Bad Request\r\nConnection: keep-alive, Close\r\nContent-Length: 2\r\n\r\nno", 400, "no", true, 0 },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true, 0 },
};

/* Feeds w->bytes in pieces of `step`, and checks what came out. */
static void feed(const struct wanted *w, size_t step)
{
	struct response r = { 0 };
	struct buf body = { 0 };
	size_t n = strlen(w->bytes), at = 0;

	response_begin(&r, &body, 1000);
	while (at < n && r.at != RESPONSE_DONE) {
		size_t piece = n - at < step ? n - at : step;
		ssize_t used = response_feed(&r, w->bytes + at, piece);

		if (used < 0)
			fail_msg("%s: %s", w->bytes, r.why);
		if ((size_t)used < piece)
			assert_int_equal(r.at, RESPONSE_DONE);
		at += (size_t)used;
	}
	if (r.at != RESPONSE_DONE || n - at != w->extra || r.status != w->status || r.close != w->close || strcmp(buf_cstr(&body), w->body) != 0)
		fail_msg("%s by %zu: at %d, %zu left, status %d, close %d, body \"%s\"", w->bytes, step, (int)r.at, n - at, r.status, r.close, buf_cstr(&body));
	assert_int_equal(r.body_bytes, strlen(w->body));
	buf_free(&body);
	response_free(&r);
}

static void answers_are_read_however_they_are_cut(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT(good); i++)
		for (size_t step = 1; step <= strlen(good[i].bytes); step++)
			feed(&good[i], step);
}

static void one_parser_reads_many(void **unused)
{
	struct response r = { 0 };
	struct buf body = { 0 };

	(void)unused;
	for (size_t i = 0; i < COUNT(good); i++) {
		buf_clear(&body);
		response_begin(&r, &body, 1000);
		assert_int_equal(response_feed(&r, good[i].bytes, strlen(good[i].bytes)), strlen(good[i].bytes) - good[i].extra);
		assert_int_equal(r.at, RESPONSE_DONE);
		assert_string_equal(buf_cstr(&body), good[i].body);
	}
	buf_free(&body);
	response_free(&r);
}

static void what_is_no_answer_is_refused(void **unused)
{
	static const struct { const char *bytes, *why; } bad[] = {
		{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not begin as HTTP/1.1" },
		{ "HTTP/2 200 OK\r\n\r\n", "does not begin as HTTP/1.1" },
		{ "HTTP/1.1 2000 OK\r\n\r\n", "does not begin as HTTP/1.1" },
		{ "HTTP/1.1 099 No\r\n\r\n", "does not begin as HTTP/1.1" },
		{ "HTTP/1.1 20 OK\r\n\r\n", "does not begin as HTTP/1.1" },
		{ "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "does not end in CRLF" },
		{ "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "a header cannot be understood" },
		{ "HTTP/1.1 200 OK\r\n: empty\r\n\r\n", "a header cannot be understood" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "a header cannot be understood" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "a header cannot be understood" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "a header cannot be understood" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "a header cannot be understood" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "a header cannot be understood" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "both a Content-Length and a Transfer-Encoding" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "not a hexadecimal number" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "not a hexadecimal number" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", "not a hexadecimal number" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "longer than its size" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\r\n", "does not end in CRLF" },
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++) {
		for (size_t step = 1; step <= strlen(bad[i].bytes); step++) {
			struct response r = { 0 };
			struct buf body = { 0 };
			size_t n = strlen(bad[i].bytes), at = 0;
			ssize_t used = 0;

			response_begin(&r, &body, 1000);
			while (at < n && used >= 0) {
				used = response_feed(&r, bad[i].bytes + at, n - at < step ? n - at : step);
				at += used > 0 ? (size_t)used : 0;
			}
			if (used >= 0 || !strstr(r.why, bad[i].why))
				fail_msg("%s by %zu: %s", bad[i].bytes, step, used < 0 ? r.why : "taken");
			buf_free(&body);
			response_free(&r);
		}
	}
}

static void limits_hold(void **unused)
{
	static char many[RESPONSE_HEAD_MAX + 1];
	struct response r = { 0 };
	struct buf body = { 0 };
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n";

	(void)unused;
	memset(many, 'a', sizeof(many));
	response_begin(&r, &body, 1000);
	assert_int_equal(response_feed(&r, head, strlen(head)), strlen(head));
	assert_int_equal(response_feed(&r, many, 1000), 1000);
	assert_int_equal(response_feed(&r, many, 1), -1);
	assert_non_null(strstr(r.why, "longer than this command takes"));

	response_begin(&r, NULL, 0);            /* passed over: no limit */
	assert_int_equal(response_feed(&r, head, strlen(head)), strlen(head));
	assert_int_equal(response_feed(&r, many, 2000), 2000);
	assert_int_equal(r.at, RESPONSE_DONE);
	assert_int_equal(r.body_bytes, 2000);

	response_begin(&r, &body, 1000);
	assert_int_equal(response_feed(&r, many, RESPONSE_HEAD_MAX), -1);
	assert_non_null(strstr(r.why, "64 KiB"));
	buf_free(&body);
	response_free(&r);
}

static void a_body_may_end_with_the_connection(void **unused)
{
	static const char bytes[] = "HTTP/1.1 200 OK\r\n\r\nto the end";
	struct response r = { 0 };
	struct buf body = { 0 };

	(void)unused;
	response_begin(&r, &body, 1000);
	assert_int_equal(response_feed(&r, bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(r.at, RESPONSE_UNTIL_CLOSE);
	assert_true(response_eof(&r));
	assert_true(r.close);
	assert_string_equal(buf_cstr(&body), "to the end");

	response_begin(&r, &body, 1000);
	assert_false(response_eof(&r));         /* nothing came */
	assert_int_equal(response_feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 41), 41);
	assert_false(response_eof(&r));         /* cut short */
	buf_free(&body);
	response_free(&r);
}

static void an_answer_to_head_has_no_body(void **unused)
{
	static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nRetry-After: 7\r\n\r\n";
	struct response r = { 0 };

	(void)unused;
	response_begin(&r, NULL, 0);
	assert_int_equal(r.retry_after, -1);
	r.bodyless = true;
	assert_int_equal(response_feed(&r, bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(r.at, RESPONSE_DONE);
	assert_int_equal(r.retry_after, 7);
	response_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read_however_they_are_cut),
		cmocka_unit_test(one_parser_reads_many),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(a_body_may_end_with_the_connection),
		cmocka_unit_test(an_answer_to_head_has_no_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
