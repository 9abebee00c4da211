/* The lint by itself: what it finds in a good head, and where a head or a chunked body ends. What it refuses is in test_malformed.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "http/lint.h"

static enum lint_rc head_of(struct lint *l, const char *text)
{
	lint_begin(l);
	return lint_head(l, text, strlen(text), 1000, 100);
}

static bool span_is(const char *text, struct lint_span s, const char *expected)
{
	return s.n == strlen(expected) && memcmp(text + s.at, expected, s.n) == 0;
}

static void good_head(void **state)
{
	static const char text[] = "POST /jobs?a=b HTTP/1.1\r\nHost: \t[::1]:8080 \r\ncontent-LENGTH: 42\r\nExpect: 100-Continue\r\nConnection: a, keep-alive\r\n\r\nbody";
	struct lint l;

	(void)state;
	assert_int_equal(head_of(&l, text), LINT_DONE);
	assert_int_equal(l.bytes, strlen(text) - 4);
	assert_int_equal(l.method, HTTP_M_POST);
	assert_int_equal(l.nheader, 4);
	assert_int_equal(l.content_length, 42);
	assert_true(l.expect && !l.close && !l.chunked && !l.star);
	assert_true(span_is(text, l.target, "/jobs?a=b"));
	assert_true(span_is(text, l.path_query, "/jobs?a=b"));
	assert_true(span_is(text, l.host, "[::1]:8080"));
	assert_int_equal(l.authority.n, 0);
}

static void absolute_form(void **state)
{
	static const char text[] = "GET HTTPS://a.example:443?x HTTP/1.1\r\nHost: a.example\r\n\r\n";
	struct lint l;

	(void)state;
	assert_int_equal(head_of(&l, text), LINT_DONE);
	assert_true(span_is(text, l.authority, "a.example:443"));
	assert_true(span_is(text, l.path_query, "?x"));
}

/* The same verdict and the same figures whatever the pieces: the head is never looked at as a whole. */
static void in_pieces(void **state)
{
	static const char text[] = "GET /a HTTP/1.1\r\nA:b\r\nHost: localhost\r\nConnection: close\r\n\r\nGET ";
	struct lint l;

	(void)state;
	for (size_t cut = 0; cut < strlen(text) - 4; cut++) {
		lint_begin(&l);
		assert_int_equal(lint_head(&l, text, cut, 1000, 100), LINT_MORE);
		assert_int_equal(lint_head(&l, text, cut, 1000, 100), LINT_MORE);
		assert_int_equal(lint_head(&l, text, strlen(text), 1000, 100), LINT_DONE);
		assert_int_equal(l.bytes, strlen(text) - 4);
		assert_int_equal(l.nheader, 3);
		assert_true(l.close);
	}
}

static void keeps(void **state)
{
	static const struct { const char *text; bool keeps; } cases[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: x ,close, y\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct lint l;

		assert_int_equal(head_of(&l, cases[i].text), LINT_DONE);
		assert_int_equal(!l.close, cases[i].keeps);
	}
}

/* A refusal comes with the first bytes that cannot be right, not with the head's end. */
static void early(void **state)
{
	static const struct { const char *text; int status; } cases[] = {
		{ "\x16", 400 }, { "{", 400 }, { "GET / HTTP/2.0\r\n", 505 }, { "GET / HTTP/1.0\r\n", 505 }, { "NO / HTTP/1.1\r\n", 501 }, { "GET / HTTP/1.1\r\nA\r\n", 400 }, { "GET / HTTP/1.1\n", 400 },
		{ "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n", 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct lint l;

		assert_int_equal(head_of(&l, cases[i].text), LINT_BAD);
		assert_int_equal(l.no.status, cases[i].status);
		assert_true(strlen(l.no.why) > 10);
	}
}

static void limits(void **state)
{
	char text[2000] = "GET /";
	struct lint l;

	(void)state;
	memset(text + 5, 'a', 1500);
	lint_begin(&l);
	assert_int_equal(lint_head(&l, text, 1000, 1000, 100), LINT_MORE);
	assert_int_equal(lint_head(&l, text, 1001, 1000, 100), LINT_BAD);
	assert_int_equal(l.no.status, 414);
	memcpy(text, "GET / HTTP/1.1\r\nA:", 18);
	lint_begin(&l);
	assert_int_equal(lint_head(&l, text, 1001, 1000, 100), LINT_BAD);
	assert_int_equal(l.no.status, 431);
	assert_int_equal(head_of(&l, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"), LINT_DONE);
	assert_int_equal(head_of(&l, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n"), LINT_BAD);
	assert_int_equal(l.no.status, 413);
}

static void authorities(void **state)
{
	static const struct { const char *text, *host, *port; } cases[] = {
		{ "a", "a", "" }, { "a:1", "a", "1" }, { "a:", "a", "" }, { "1.2.3.4:65535", "1.2.3.4", "65535" }, { "[::1]", "[::1]", "" }, { "[::1]:80", "[::1]", "80" },
		{ "a:65536", NULL, NULL }, { "a:000001", NULL, NULL }, { "", NULL, NULL }, { ":80", NULL, NULL }, { "[]", NULL, NULL }, { "[::1", NULL, NULL }, { "[::1]x", NULL, NULL },
		{ "[g]", NULL, NULL }, { "a b", NULL, NULL }, { "a@b", NULL, NULL }, { "a:b", NULL, NULL }, { "a:1:2", NULL, NULL }, { "a/b", NULL, NULL }, { "a,b", NULL, NULL },
		{ "::1", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice host, port;
		bool ok = lint_authority(slice_of(cases[i].text), &host, &port);

		assert_int_equal(ok, cases[i].host != NULL);
		if (ok)
			assert_true(slice_eq(host, cases[i].host) && slice_eq(port, cases[i].port));
	}
}

static enum lint_rc chunks(struct lint_chunks *k, const char *text, size_t step, size_t *used)
{
	enum lint_rc rc = LINT_MORE;
	size_t n = strlen(text);

	*used = 0;
	memset(k, 0, sizeof(*k));
	while (rc == LINT_MORE && *used < n) {
		size_t part = n - *used < step ? n - *used : step, took = 0;

		rc = lint_chunks(k, text + *used, part, 50, 100, &took);
		if (rc == LINT_MORE)
			assert_int_equal(took, part);
		*used += took;
	}
	return rc;
}

static void chunked(void **state)
{
	static const char text[] = "5\r\nhello\r\n00A;x\r\n0123456789\r\n0\r\nA: b\r\n\r\n", more[] = "GET / HTTP/1.1\r\n";
	char both[200] = "";
	struct lint_chunks k;
	size_t used;

	(void)state;
	strcat(strcat(both, text), more);
	for (size_t step = 1; step < strlen(both); step++) {
		assert_int_equal(chunks(&k, both, step, &used), LINT_DONE);
		assert_int_equal(used, strlen(text));
		assert_int_equal(k.total, 15);
		assert_int_equal(k.left, 0);
	}
}

static void chunked_limits(void **state)
{
	static const struct { const char *text; int status; } cases[] = {
		{ "64\r\n", 0 }, { "65\r\n", 413 }, { "5\r\nhello\r\n60\r\n", 413 }, { "5\r\nhello\r\n5f\r\n", 0 }, { "5;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 431 },
		{ "0\r\nA:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 431 }, { "g", 400 }, { "0\r\r", 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct lint_chunks k;
		size_t used;

		assert_int_equal(chunks(&k, cases[i].text, 3, &used), cases[i].status ? LINT_BAD : LINT_MORE);
		assert_int_equal(k.no.status, cases[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_head), cmocka_unit_test(absolute_form), cmocka_unit_test(in_pieces), cmocka_unit_test(keeps), cmocka_unit_test(early),
		cmocka_unit_test(limits), cmocka_unit_test(authorities), cmocka_unit_test(chunked), cmocka_unit_test(chunked_limits),
	};

	return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
