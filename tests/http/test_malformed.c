/* Malformed, ambiguous and smuggled requests against the whole wire half: what each is answered with, that the connection closes where its framing is in doubt, and that it makes no
 * difference in which pieces the bytes come. */
#include "wire_test.h"

#define H "Host: localhost\r\n"
#define P "POST /jobs HTTP/1.1\r\n" H
#define CH P "Transfer-Encoding: chunked\r\n\r\n"
#define NEXT "GET /livez HTTP/1.1\r\n" H "\r\n"

#define C(name, bytes, expected, closes) { name, bytes, sizeof(bytes) - 1, expected, closes }

static const struct malformed { const char *name, *bytes; size_t n; const char *expected; bool closes; } cases[] = {
	C("POST with a length", P "Content-Length: 5\r\n\r\nhello", "201", false),
	C("chunked", CH "5\r\nhello\r\n0\r\n\r\n", "201", false),
	C("chunked in capitals", P "Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "201", false),
	C("chunk extensions", CH "5;a=b\r\nhello\r\n0\r\n\r\n", "201", false),
	C("chunked with a trailer", CH "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "201", false),
	C("three pipelined", NEXT NEXT NEXT, "200 200 200", false),
	C("an empty line first", "\r\n" NEXT, "200", false),
	C("an empty line between", NEXT "\r\n" NEXT, "200 200", false),
	C("two empty lines first", "\r\n\r\n" NEXT, "400", true),
	C("absolute form", "GET http://localhost/livez HTTP/1.1\r\n" H "\r\n", "200", false),
	C("absolute form, port", "GET http://localhost:80/livez HTTP/1.1\r\n" H "\r\n", "200", false),
	C("absolute form, no path", "GET http://localhost HTTP/1.1\r\n" H "\r\n", "200", false),
	C("absolute form, another host", "GET http://127.0.0.1/livez HTTP/1.1\r\n" H "\r\n", "400", false),
	C("absolute form, another port", "GET http://localhost:81/livez HTTP/1.1\r\n" H "\r\n", "400", false),
	C("absolute form, user", "GET http://me@localhost/livez HTTP/1.1\r\n" H "\r\n", "400", true),
	C("%00 in the path", "GET /a%00b HTTP/1.1\r\n" H "\r\n", "400", true),
	C("% without digits", "GET /a%zz HTTP/1.1\r\n" H "\r\n", "400", true),
	C("% at the end", "GET /a%4 HTTP/1.1\r\n" H "\r\n", "400", true),
	C("NUL in the path", "GET /a\0b HTTP/1.1\r\n" H "\r\n", "400", true),
	C("length and chunked", P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT, "400", true),
	C("chunked and length", P "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" NEXT, "400", true),
	C("two lengths that differ", P "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" NEXT, "400", true),
	C("two equal lengths", P "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400", true),
	C("length 5, 6", P "Content-Length: 5, 6\r\n\r\nhello", "400", true),
	C("length 5, 5", P "Content-Length: 5, 5\r\n\r\nhello", "400", true),
	C("length -5", P "Content-Length: -5\r\n\r\nhello", "400", true),
	C("length +5", P "Content-Length: +5\r\n\r\nhello", "400", true),
	C("length 2^64 + 5", P "Content-Length: 18446744073709551621\r\n\r\nhello", "400", true),
	C("length 0x5", P "Content-Length: 0x5\r\n\r\nhello", "400", true),
	C("length 5abc", P "Content-Length: 5abc\r\n\r\nhello", "400", true),
	C("length 5 5", P "Content-Length: 5 5\r\n\r\nhello", "400", true),
	C("length empty", P "Content-Length: \r\n\r\nhello", "400", true),
	C("length with a blank before the colon", P "Content_Length : 5\r\n\r\nhello", "400", true),
	C("length blank colon", P "Content-Length : 5\r\n\r\nhello", "400", true),
	C("chunk size xyz", CH "xyz\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk size of 17 digits", CH "00000000000000005\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk size overflow", CH "10000000000000005\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk size 2^64 - 1", CH "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", "413", true),
	C("chunk size -1", CH "-1\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk size 0x5", CH "0x5\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk size and a blank", CH "5 \r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk size empty", CH "\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk size only an extension", CH ";a\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk with bare LF", CH "5\nhello\n0\n\n", "400", true),
	C("chunk size CR without LF", CH "5\rhello\r\n0\r\n\r\n", "400", true),
	C("chunk extension with LF", CH "5;a\nb\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk data longer than said", CH "4\r\nhello\r\n0\r\n\r\n", "400", true),
	C("chunk data without CR LF", CH "5\r\nhello0\r\n\r\n", "400", true),
	C("chunk data with LF alone", CH "5\r\nhello\n0\r\n\r\n", "400", true),
	C("trailer folded", CH "0\r\nA: b\r\n c\r\n\r\n", "400", true),
	C("trailer without a colon", CH "0\r\nAb\r\n\r\n", "400", true),
	C("trailer without a name", CH "0\r\n: b\r\n\r\n", "400", true),
	C("trailer with bare LF", CH "0\r\nA: b\n\r\n", "400", true),
	C("end with bare LF", CH "0\r\n\n", "400", true),
	C("end with CR X", CH "0\r\n\rX", "400", true),
	C("coding gzip, chunked", P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501", true),
	C("coding chunked, identity", P "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400", true),
	C("coding chunked, chunked", P "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400", true),
	C("coding xchunked", P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501", true),
	C("coding identity and a length", P "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", "400", true),
	C("coding xchunked and a length", P "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello", "400", true),
	C("codings chunked, then identity", P "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "400", true),
	C("codings chunked twice", P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", true),
	C("coding with a vertical tab", P "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n", "400", true),
	C("coding empty", P "Transfer-Encoding:\r\n\r\n0\r\n\r\n", "400", true),
	C("coding quoted", P "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "400", true),
	C("coding blank colon", P "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400", true),
	C("coding in HTTP/1.0", "POST /jobs HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "505", true),
	C("folded header", P "A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", "400", true),
	C("folded coding", P "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400", true),
	C("folded length", P "Content-Length: 4\r\n 2\r\n\r\nhello", "400", true),
	C("folded with a tab", P "A: b\r\n\tc\r\n\r\n", "400", true),
	C("fold on the first header", "POST /jobs HTTP/1.1\r\n Host: localhost\r\n" H "\r\n", "400", true),
	C("bare LF lines", "GET /livez HTTP/1.1\nHost: localhost\n\n", "400", true),
	C("one bare LF", "GET /livez HTTP/1.1\r\n" H "A: b\n\r\n", "400", true),
	C("bare LF at the end", "GET /livez HTTP/1.1\r\n" H "\n", "400", true),
	C("bare CR in a value", P "A: b\rc\r\n\r\n", "400", true),
	C("CR that splits a coding", P "X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", true),
	C("CR X as the end", "GET /livez HTTP/1.1\r\n" H "\rX\r\n\r\n", "400", true),
	C("CR CR LF", "GET /livez HTTP/1.1\r\r\n" H "\r\n", "400", true),
	C("header without a colon", P "Abc\r\n\r\n", "400", true),
	C("header without a name", P ": b\r\n\r\n", "400", true),
	C("NUL in a value", P "A: b\0c\r\n\r\n", "400", true),
	C("DEL in a value", P "A: b\x7f\r\n\r\n", "400", true),
	C("a blank in a name", P "A b: c\r\n\r\n", "400", true),
	C("a bracket in a name", P "A(b): c\r\n\r\n", "400", true),
	C("NUL in a name", P "A\0b: c\r\n\r\n", "400", true),
	C("a byte from 0x80 in a name", P "A\xe4: c\r\n\r\n", "400", true),
	C("bytes from 0x80 in a value", "GET /livez HTTP/1.1\r\n" H "A: \xc3\xa4\r\n\r\n", "200", false),
	C("unknown method", "FOO /jobs HTTP/1.1\r\n" H "\r\n", "501", true),
	C("method in lower case", "post /jobs HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "501", true),
	C("method PO(ST", "PO(ST /jobs HTTP/1.1\r\n" H "\r\n", "400", true),
	C("TRACE", "TRACE /livez HTTP/1.1\r\n" H "\r\n", "501", true),
	C("CONNECT", "CONNECT localhost:80 HTTP/1.1\r\n" H "\r\n", "501", true),
	C("no Host", "GET /livez HTTP/1.1\r\n\r\n", "400", true),
	C("two Hosts", "GET /livez HTTP/1.1\r\n" H H "\r\n", "400", true),
	C("Host empty", "GET /livez HTTP/1.1\r\nHost:\r\n\r\n", "400", true),
	C("Host with a blank", "GET /livez HTTP/1.1\r\nHost: local host\r\n\r\n", "400", true),
	C("Host with a list", "GET /livez HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n", "400", true),
	C("Host with a path", "GET /livez HTTP/1.1\r\nHost: localhost/evil\r\n\r\n", "400", true),
	C("Host with a user", "GET /livez HTTP/1.1\r\nHost: me@localhost\r\n\r\n", "400", true),
	C("Host with a bad port", "GET /livez HTTP/1.1\r\nHost: localhost:80a\r\n\r\n", "400", true),
	C("Host with a port too large", "GET /livez HTTP/1.1\r\nHost: localhost:65536\r\n\r\n", "400", true),
	C("Host with an open bracket", "GET /livez HTTP/1.1\r\nHost: [::1\r\n\r\n", "400", true),
	C("Host of somebody else", "GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n" NEXT, "421 200", false),
	C("HTTP/2.0", "GET /livez HTTP/2.0\r\n" H "\r\n", "505", true),
	C("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", true),
	C("HTTP/1.2", "GET /livez HTTP/1.2\r\n" H "\r\n", "505", true),
	C("HTTP/0.9", "GET /livez HTTP/0.9\r\n" H "\r\n", "505", true),
	C("HTTP/1.10", "GET /livez HTTP/1.10\r\n" H "\r\n", "400", true),
	C("HTTP/11", "GET /livez HTTP/11\r\n" H "\r\n", "400", true),
	C("http/1.1", "GET /livez http/1.1\r\n" H "\r\n", "400", true),
	C("no version", "GET /livez\r\n" H "\r\n", "400", true),
	C("HTTP/1.0", "GET /livez HTTP/1.0\r\n" H "\r\n", "505", true),
	C("HTTP/1.0 without Host", "GET /livez HTTP/1.0\r\n\r\n", "505", true),
	C("HTTP/1.0 that would stay", "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" NEXT, "505", true),
	C("a blank in the target", "GET /li vez HTTP/1.1\r\n" H "\r\n", "400", true),
	C("a tab in the target", "GET /li\tvez HTTP/1.1\r\n" H "\r\n", "400", true),
	C("tabs between the parts", "GET\t/livez\tHTTP/1.1\r\n" H "\r\n", "400", true),
	C("two blanks", "GET  /livez HTTP/1.1\r\n" H "\r\n", "400", true),
	C("a blank at the line's end", "GET /livez HTTP/1.1 \r\n" H "\r\n", "400", true),
	C("a blank first", " GET /livez HTTP/1.1\r\n" H "\r\n", "400", true),
	C("target without a slash", "GET livez HTTP/1.1\r\n" H "\r\n", "400", true),
	C("target with a fragment", "GET /livez#a HTTP/1.1\r\n" H "\r\n", "400", true),
	C("target with a backslash", "GET /a\\b HTTP/1.1\r\n" H "\r\n", "400", true),
	C("target with bytes from 0x80", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "400", true),
	C("target *", "GET * HTTP/1.1\r\n" H "\r\n", "400", true),
	C("target ftp:", "GET ftp://localhost/livez HTTP/1.1\r\n" H "\r\n", "400", true),
	C("GET with a body, then another", "GET /livez HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello" NEXT, "400 200", false),
	C("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H "\r\n" NEXT, "204 200", false),
	C("Expect: 100-continue", P "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", "201", false),
	C("Expect: something", P "Expect: something\r\nContent-Length: 5\r\n\r\nhello", "417", true),
	C("Expect twice", P "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", "400", true),
	C("upgrade to h2c", "GET /livez HTTP/1.1\r\n" H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n" NEXT, "200 200", false),
	C("upgrade with a body", P "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello" NEXT, "201 200", false),
	C("length over max_body", P "Content-Length: 10001\r\n\r\n", "413", true),
	C("length far over max_body", P "Content-Length: 9223372036854775807\r\n\r\n", "413", true),
	C("chunk over max_body", CH "2711\r\n", "413", true),
	C("chunks over max_body", CH "1\r\na\r\n2710\r\n", "413", true),
	C("5 bytes, then junk", P "Content-Length: 5\r\n\r\nhelloXXXXXXXXXX\r\n\r\n", "201 400", true),
	C("two content types", P "Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n", "400", true),
	C("two origins", P "Origin: http://localhost\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n", "400", true),
	C("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01", "400", true),
	C("a letter from 0x80 first", "\xc3\xa4", "400", true),
	C("Connection: close", "GET /livez HTTP/1.1\r\n" H "Connection: close\r\n\r\n" NEXT, "200", true),
	C("Connection: keep-alive, close", "GET /livez HTTP/1.1\r\n" H "Connection: keep-alive, Close\r\n\r\n" NEXT, "200", true),
	C("query without a name", "GET /jobs/1?=a HTTP/1.1\r\n" H "\r\n", "400", true),
	C("query that ends in &", "GET /jobs/1?wait=1& HTTP/1.1\r\n" H "\r\n", "400", true),
};

/* Says the bytes in steps of `step` and compares what comes back. */
static void try(const struct malformed *m, size_t step)
{
	struct buf got = { 0 };
	int fd = dial();
	bool closed;
	const char *expected = m->expected;

	for (size_t at = 0; at < m->n; at += step)
		say(fd, m->bytes + at, m->n - at < step ? m->n - at : step);
	closed = hear(fd, &got);
	if ((m->n - 5) % step == 0 && strncmp(m->name, "Expect: 100", 11) == 0)
		expected = "100 201";   /* nothing of the body had come when the head was complete */
	if (strcmp(statuses(&got), expected) != 0 || closed != m->closes)
		fail_msg("%s, %zu bytes at a time: %s%s, expected %s%s\n%.*s", m->name, step, statuses(&got), closed ? ", closed" : "", expected, m->closes ? ", closed" : "",
			(int)got.len, got.data ? got.data : "");
	if (closed && m->closes)
		assert_true(memmem(got.data, got.len, "Connection: close\r\n", 19) != NULL);
	close(fd);
	run();
	assert_int_equal(http_open(&api), 0);
	buf_free(&got);
}

static void whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		try(&cases[i], cases[i].n);
}

static void in_pieces(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7 };

	(void)state;
	for (size_t s = 0; s < sizeof(steps) / sizeof(*steps); s++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
			try(&cases[i], steps[s]);
}

/* --- those that are too long to be written down --- */

static void expect_long(struct buf *b, const char *expected)
{
	struct malformed m = { "long", b->data, b->len, expected, true };

	assert_false(b->failed);
	try(&m, b->len);
	try(&m, 1000);
	buf_free(b);
}

static void many(struct buf *b, const char *text, unsigned n)
{
	while (n--)
		buf_str(b, text);
}

static void too_long(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "GET /");
	many(&b, "aaaaaaaaaa", 10000);
	buf_str(&b, " HTTP/1.1\r\n" H "\r\n");
	expect_long(&b, "414");

	buf_str(&b, "GET /livez HTTP/1.1\r\n" H "A: ");
	many(&b, "aaaaaaaaaa", 100000);
	buf_str(&b, "\r\n\r\n");
	expect_long(&b, "431");

	buf_str(&b, "GET /livez HTTP/1.1\r\n" H);
	many(&b, "A: b\r\n", 10000);
	buf_str(&b, "\r\n");
	expect_long(&b, "431");

	buf_str(&b, "GET /livez HTTP/1.1\r\n" H);
	many(&b, "A: b\r\n", LINT_HEADERS_MAX);
	buf_str(&b, "\r\n");
	expect_long(&b, "431");

	buf_str(&b, "GET /jobs?");
	many(&b, "a=b&", HTTP_QUERY_MAX);
	buf_str(&b, "a=b HTTP/1.1\r\n" H "\r\n");
	expect_long(&b, "400");

	buf_str(&b, CH "5;");
	many(&b, "aaaaaaaaaa", 2000);
	buf_str(&b, "\r\nhello\r\n0\r\n\r\n");
	expect_long(&b, "431");

	buf_str(&b, CH "0\r\n");
	many(&b, "A: b\r\n", 10000);
	buf_str(&b, "\r\n");
	expect_long(&b, "431");
}

/* A head of exactly max_header bytes is taken, one more byte is not. */
static void at_the_limit(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int over = 0; over <= 1; over++) {
		struct malformed m = { .name = "at the limit", .expected = over ? "431" : "200", .closes = over };

		buf_str(&b, "GET /livez HTTP/1.1\r\n" H "A: ");
		while (b.len < conf.http.max_header - 4 + (size_t)over)
			buf_char(&b, 'a');
		buf_str(&b, "\r\n\r\n");
		m.bytes = b.data;
		m.n = b.len;
		try(&m, b.len);
		try(&m, 999);
		buf_clear(&b);
	}
	buf_free(&b);
}

/* Every byte value at each of a few places: answered, never hung, never taken for something else. */
static void any_byte(void **state)
{
	static const char text[] = P "Content-Length: 5\r\n\r\nhello";
	char copy[sizeof(text)];

	(void)state;
	for (size_t at = 0; at < sizeof(text) - 1 - 5; at++) {
		for (unsigned c = 0; c < 256; c += at % 7 + 1) {
			struct buf got = { 0 };
			int fd = dial();

			memcpy(copy, text, sizeof(text));
			copy[at] = (char)c;
			say(fd, copy, sizeof(text) - 1);
			shutdown(fd, SHUT_WR);
			run();
			assert_true(hear(fd, &got));
			if (got.len == 0 || strchr(statuses(&got), '.'))
				fail_msg("byte %u at %zu: \"%.*s\"", c, at, (int)got.len, got.data ? got.data : "");
			close(fd);
			run();
			buf_free(&got);
		}
	}
	assert_int_equal(http_open(&api), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(in_pieces, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(too_long, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(at_the_limit, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(any_byte, wire_setup, wire_teardown),
	};

	return cmocka_run_group_tests_name("malformed", tests, NULL, NULL);
}
