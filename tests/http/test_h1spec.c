/* The 33 cases of h1spec (github.com/uNetworking/h1spec, http_test.ts as of October 2024) against the whole wire half, in its order and with its names. h1spec's server echoes bodies at /;
 * ours has that handler at /jobs, so that is what the target of its POSTs is here. Of a request that is cut off, h1spec wants that the server waits: here the rest then comes and is
 * answered. */
#include "wire_test.h"

#define CUT "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"    /* what its fragments are the begin of */
#define G "GET / HTTP/1.1\r\n"
#define H "Host: example.com\r\n"
#define P "POST /jobs HTTP/1.1\r\n" H

static const struct h1_case {
	const char *name, *bytes;
	int from, to;           /* the status may be one of these; 0: the server waits */
	const char *body;       /* where it is 201 */
} cases[] = {
	{ "Fragmented method", "G", 0, 0, NULL },
	{ "Fragmented URL 1", "GET ", 0, 0, NULL },
	{ "Fragmented URL 2", "GET /hello", 0, 0, NULL },
	{ "Fragmented URL 3", "GET /hello ", 0, 0, NULL },
	{ "Fragmented HTTP version", "GET /hello HTTP", 0, 0, NULL },
	{ "Fragmented request line", "GET /hello HTTP/1.1", 0, 0, NULL },
	{ "Fragmented request line newline 1", "GET /hello HTTP/1.1\r", 0, 0, NULL },
	{ "Fragmented request line newline 2", "GET /hello HTTP/1.1\r\n", 0, 0, NULL },
	{ "Fragmented field name", "GET /hello HTTP/1.1\r\nHos", 0, 0, NULL },
	{ "Fragmented field value 1", "GET /hello HTTP/1.1\r\nHost:", 0, 0, NULL },
	{ "Fragmented field value 2", "GET /hello HTTP/1.1\r\nHost: ", 0, 0, NULL },
	{ "Fragmented field value 3", "GET /hello HTTP/1.1\r\nHost: localhost", 0, 0, NULL },
	{ "Fragmented field value 4", "GET /hello HTTP/1.1\r\nHost: localhost\r", 0, 0, NULL },
	{ "Fragmented request", "GET /hello HTTP/1.1\r\nHost: localhost\r\n", 0, 0, NULL },
	{ "Fragmented request termination", "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r", 0, 0, NULL },
	{ "Request without HTTP version", "GET / \r\n\r\n", 400, 599, NULL },
	{ "Request with Expect header", G H "Expect: 100-continue\r\n\r\n", 200, 299, NULL },
	{ "Valid GET request", G H "\r\n", 200, 299, NULL },
	{ "Valid GET request with edge cases", G "hoSt:\texample.com\r\nempty:\r\n\r\n", 200, 299, NULL },
	{ "Invalid header characters", G H "X-Invalid[]: test\r\n\r\n", 400, 499, NULL },
	{ "Missing Host header", G "Content-Length: 5\r\n\r\n", 400, 499, NULL },
	{ "Multiple Host headers", G H "Host: example.org\r\n\r\n", 400, 499, NULL },
	{ "Overflowing negative Content-Length header", G H "Content-Length: -123456789123456789123456789\r\n\r\n", 400, 499, NULL },
	{ "Negative Content-Length header", G H "Content-Length: -1234\r\n\r\n", 400, 499, NULL },
	{ "Non-numeric Content-Length header", G H "Content-Length: abc\r\n\r\n", 400, 499, NULL },
	{ "Empty header value", G H "X-Empty-Header: \r\n\r\n", 200, 299, NULL },
	{ "Header containing invalid control character", G H "X-Bad-Control-Char: test\x07\r\n\r\n", 400, 499, NULL },
	{ "Invalid HTTP version", "GET / HTTP/9.9\r\n" H "\r\n", 400, 599, NULL },
	{ "Invalid prefix of request", "Extra line" G H "\r\n", 400, 599, NULL },
	{ "Invalid line ending", G H "\rSome-Header: Test\r\n\r\n", 400, 499, NULL },
	{ "Valid POST request with body", P "Content-Length: 5\r\n\r\nhello", 201, 201, "5:hello" },
	{ "Chunked Transfer-Encoding", P "Transfer-Encoding: chunked\r\n\r\nc\r\nHellO world1\r\n0\r\n\r\n", 201, 201, "12:HellO world1" },
	/* h1spec lets pass that the chunks are believed; RFC 9112 6.1 lets a server refuse, and ours does */
	{ "Conflicting Transfer-Encoding and Content-Length in varying case", P "content-LengtH: 5\r\nTransFer-Encoding: chunked\r\n\r\nc\r\nHellO world1\r\n0\r\n\r\n", 400, 499, NULL },
};

static char *example[] = { (char []){ "example.com" } };

static int h1spec_setup(void **state)
{
	wire_setup(state);
	conf.http.hosts.v = example;
	return 0;
}

static void say_in_steps(int fd, const char *bytes, size_t step)
{
	for (size_t n = strlen(bytes); n > 0; n -= n < step ? n : step) {
		say(fd, bytes, n < step ? n : step);
		bytes += n < step ? n : step;
	}
}

/* Nothing has been said yet, and the connection is open. Then comes what is missing. */
static void expect_wait(const struct h1_case *k, int fd, struct buf *got)
{
	assert_true(strncmp(k->bytes, CUT, strlen(k->bytes)) == 0);
	if (hear(fd, got) || got->len)
		fail_msg("%s: the server did not wait", k->name);
	say(fd, CUT + strlen(k->bytes), strlen(CUT) - strlen(k->bytes));
	if (hear(fd, got) || strcmp(statuses(got), "404") != 0)
		fail_msg("%s: %s at its end", k->name, statuses(got));
}

static void try(const struct h1_case *k, size_t step)
{
	int fd = dial();
	struct buf got = { 0 };
	struct answer a;
	size_t at = 0;

	say_in_steps(fd, k->bytes, step);
	if (k->from == 0) {
		expect_wait(k, fd, &got);
	} else {
		hear(fd, &got);
		if (!answer_next(&got, &at, false, &a) || a.status < k->from || a.status > k->to || at != got.len)
			fail_msg("%s, %zu bytes at a time: %s, expected %d to %d", k->name, step, statuses(&got), k->from, k->to);
		if (k->body)
			assert_true(slice_eq(a.body, k->body));
	}
	close(fd);
	run();
	assert_int_equal(http_open(&api), 0);
	buf_free(&got);
}

static void h1spec(void **state)
{
	(void)state;
	assert_int_equal(sizeof(cases) / sizeof(*cases), 33);
	for (size_t i = 0; i < 33; i++) {
		try(&cases[i], 1000);
		try(&cases[i], 1);
		try(&cases[i], 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(h1spec, h1spec_setup, wire_teardown) };

	return cmocka_run_group_tests_name("h1spec", tests, NULL, NULL);
}
