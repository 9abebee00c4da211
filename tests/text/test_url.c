/* URLs: their parts, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "text/url.h"

static void assert_slice(struct slice s, const char *want)
{
	if (!slice_eq(s, want))
		fail_msg("got %.*s, wanted %s", (int)s.n, s.p ? s.p : "", want);
}

static void test_parts(void **state)
{
	static const struct { const char *url, *scheme, *user, *password, *host, *path; unsigned port; } cases[] = {
		{ "http://a", "http", "", "", "a", "", 0 }, { "https://hooks.example.org/x?y=/z#w", "https", "", "", "hooks.example.org", "/x?y=/z#w", 0 }, { "HTTP://A:8080", "HTTP", "", "", "A", "", 8080 },
		{ "http://[::1]:81/", "http", "", "", "[::1]", "/", 81 }, { "http://u:p%40@h:1?q", "http", "u", "p%40", "h", "?q", 1 }, { "smtp://u@h", "smtp", "u", "", "h", "", 0 },
		{ "smtp://a@b:c@d@h", "smtp", "a@b", "c@d", "h", "", 0 }, { "http://h:/p", "http", "", "", "h", "/p", 0 }, { "http://127.1", "http", "", "", "127.1", "", 0 }, { "http://:p@h", "http", "", "p", "h", "", 0 },
		{ "http://h#@evil", "http", "", "", "h", "#@evil", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url u;
		const char *wrong = url_parse(slice_of(cases[i].url), &u);
		if (wrong)
			fail_msg("%s: %s", cases[i].url, wrong);
		assert_slice(u.scheme, cases[i].scheme);
		assert_slice(u.user, cases[i].user);
		assert_slice(u.password, cases[i].password);
		assert_slice(u.host, cases[i].host);
		assert_slice(u.path, cases[i].path);
		assert_int_equal(u.port, cases[i].port);
		assert_true(u.place.p == u.host.p && u.place.p + u.place.n == u.path.p);
	}
}

static void test_wrong(void **state)
{
	static const struct { const char *url, *why; } cases[] = {
		{ "", "scheme" }, { "example.org/x", "scheme" }, { "http:/x", "scheme" }, { "http:x", "scheme" }, { "://x", "scheme" }, { "1http://x", "scheme" }, { "http://", "no host" }, { "http:///x", "no host" },
		{ "http://:80", "no host" }, { "http://u@", "no host" }, { "http://a b", "space" }, { "http://a\tb", "control" }, { "http://a\nb", "control" }, { "http://a\x7f", "control" }, { "http://a/\xc3\xa9", "ASCII" },
		{ "http://b\xc3\xbc" "cher.example", "ASCII" }, { "http://a\\@b", "backslash" }, { "http://[::1", "brackets" }, { "http://[127.0.0.1]", "brackets" }, { "http://[::1]x", "no port" }, { "http://h:0", "port" },
		{ "http://h:65536", "port" }, { "http://h:80x", "port" }, { "http://h:-1", "port" }, { "http://h:123456", "port" }, { "http://h*", "no name" }, { "http://h%41", "no name" }, { "http://a,b", "no name" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url u;
		const char *wrong = url_parse(slice_of(cases[i].url), &u);
		if (!wrong || !strstr(wrong, cases[i].why))
			fail_msg("%s: %s", cases[i].url, wrong ? wrong : "taken");
	}
	struct url u;
	assert_non_null(url_parse((struct slice){ "http://a\0b", 10 }, &u));
}

static void test_names(void **state)
{
	struct url u;

	(void)state;
	assert_null(url_parse(slice_of("HtTp://H.Example."), &u));
	assert_true(url_scheme_is(&u, "http"));
	assert_false(url_scheme_is(&u, "https"));
	assert_true(url_host_is(u.host, "h.example"));
	assert_true(url_host_is(slice_of("h.example"), "H.EXAMPLE."));
	assert_false(url_host_is(u.host, "h.example.org"));
	assert_false(url_host_is(u.host, "xh.example"));
	assert_false(url_host_is(slice_of("h.example"), ""));
}

static void test_encode(void **state)
{
	struct buf b = { 0 };

	(void)state;
	url_encode(&b, SLICE("aZ09-._~: &=+%/?#\"<\0\xc3\xbc"));
	assert_string_equal(buf_cstr(&b), "aZ09-._~:%20%26%3D%2B%25%2F%3F%23%22%3C%00%C3%BC");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parts), cmocka_unit_test(test_wrong), cmocka_unit_test(test_names), cmocka_unit_test(test_encode) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
