/* What mail is written in, both ways: what is written, and that it decodes to what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "text/base64.h"
#include "text/mime.h"

/* No line is longer than it may be, none ends but with CRLF, all is 7-bit. */
static void assert_lines(struct buf *b)
{
	size_t line = 0;

	for (const char *p = buf_cstr(b); *p; p++) {
		if (*p == '\r') {
			assert_int_equal(p[1], '\n');
			assert_true(line <= 76);
			line = 0;
			p++;
			continue;
		}
		assert_true(*p != '\n' && (unsigned char)*p < 0x7f && ((unsigned char)*p >= ' ' || *p == '\t'));
		line++;
	}
	assert_int_equal(line, 0);
}

static void decode_header(const char *p, struct buf *out)
{
	while (*p) {
		if (strncmp(p, "=?utf-8?B?", 10) == 0) {
			const char *end = strstr(p + 10, "?=");
			assert_non_null(end);
			assert_true(end + 2 - p <= 75);
			size_t before = out->len;
			assert_true(base64_parse((struct slice){ p + 10, (size_t)(end - p - 10) }, out));
			assert_true(before == out->len || ((unsigned char)out->data[before] & 0xc0) != 0x80);   /* no character in two words */
			p = end + 2;
			if (strncmp(p, "\r\n =?", 5) == 0)
				p += 3;
			continue;
		}
		if (strncmp(p, "\r\n", 2) == 0)
			return;
		buf_char(out, *p++);
	}
}

static void test_headers(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "Hello", "Subject: Hello\r\n" }, { "", "Subject: \r\n" }, { "a \"quoted\" <one>", "Subject: a \"quoted\" <one>\r\n" }, { "caf\xc3\xa9", "Subject: =?utf-8?B?Y2Fmw6k=?=\r\n" },
		{ "=?utf-8?Q?not_one_of_ours?=", "Subject: =?utf-8?B?PT91dGYtOD9RP25vdF9vbmVfb2Zfb3Vycz89?=\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };
		mime_header(&b, "Subject", slice_of(cases[i].text));
		assert_string_equal(buf_cstr(&b), cases[i].want);
		buf_free(&b);
	}
}

static void test_long_headers(void **state)
{
	static const char *const units[] = { "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "ab\xf0\x9f\x98\x80" "c " };

	(void)state;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
		for (unsigned n = 0; n < 300; n += 7) {
			struct buf text = { 0 }, b = { 0 }, back = { 0 };
			for (unsigned i = 0; i < n; i++)
				buf_str(&text, units[u]);
			mime_header(&b, "Subject", (struct slice){ buf_cstr(&text), text.len });
			assert_lines(&b);
			decode_header(buf_cstr(&b) + 9, &back);
			assert_string_equal(buf_cstr(&back), buf_cstr(&text));
			buf_free(&text);
			buf_free(&b);
			buf_free(&back);
		}
}

static void test_phrases(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "Ann Example", "Ann Example" }, { "Example, Ann", "\"Example, Ann\"" }, { "a\"b\\c", "\"a\\\"b\\\\c\"" }, { "ann@example.org", "\"ann@example.org\"" }, { "Zo\xc3\xab", "=?utf-8?B?Wm/Dqw==?=" },
		{ "=?x?=", "=?utf-8?B?PT94Pz0=?=" }, { "(comment)", "\"(comment)\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };
		mime_phrase(&b, slice_of(cases[i].text), 6);
		assert_string_equal(buf_cstr(&b), cases[i].want);
		buf_free(&b);
	}
	/* behind so much that nothing fits */
	struct buf b = { 0 };
	mime_phrase(&b, slice_of("\xc3\xa9"), 70);
	assert_string_equal(buf_cstr(&b), "\r\n =?utf-8?B?w6k=?=");
	buf_free(&b);
}

static void test_bodies(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "", "" }, { "a", "a\r\n" }, { "a\n", "a\r\n" }, { "a\r\nb\nc", "a\r\nb\r\nc\r\n" }, { "a\rb", "a=0Db\r\n" }, { "1=2", "1=3D2\r\n" }, { "\xc3\xa9", "=C3=A9\r\n" }, { "a \nb\t\nc ", "a=20\r\nb=09\r\nc=20\r\n" },
		{ "a b", "a b\r\n" }, { ".\n..\n", ".\r\n..\r\n" }, { "\n\n", "\r\n\r\n" }, { "\a", "=07\r\n" }, { "a \r\nb", "a=20\r\nb\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };
		mime_quoted_printable(&b, slice_of(cases[i].text));
		assert_string_equal(buf_cstr(&b), cases[i].want);
		buf_free(&b);
	}
}

static int nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Random bytes, decoded again: the same, but for newlines. */
static void test_random_bodies(void **state)
{
	uint32_t x = 12345;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		char text[400];
		struct buf b = { 0 }, back = { 0 };
		size_t n = 0;
		while (n < sizeof(text)) {
			x = x * 1664525 + 1013904223;
			text[n++] = (x >> 24) % 4 ? "a =\t."[(x >> 16) % 5] : (x >> 24) % 8 ? (char)(x >> 8) : 'z';
			if (text[n - 1] == '\n' || text[n - 1] == '\r')
				text[n - 1] = 'n';
		}
		mime_quoted_printable(&b, (struct slice){ text, n });
		assert_lines(&b);
		for (const char *p = buf_cstr(&b); *p; p++) {
			if (p[0] == '=' && p[1] == '\r')
				p += 2;
			else if (p[0] == '=') {
				buf_char(&back, (char)(nibble(p[1]) * 16 + nibble(p[2])));
				p += 2;
			} else
				buf_char(&back, *p);
		}
		assert_int_equal(back.len, n + 2);
		assert_memory_equal(back.data, text, n);
		buf_free(&b);
		buf_free(&back);
	}
}

static void test_dates(void **state)
{
	char out[MIME_DATE_BYTES];

	(void)state;
	mime_date(784111777999, out);
	assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 +0000");
	mime_date(0, out);
	assert_string_equal(out, "Thu, 01 Jan 1970 00:00:00 +0000");
	mime_date(1795305600000 - 1, out);
	assert_string_equal(out, "Sat, 21 Nov 2026 23:59:59 +0000");
	mime_date(1709164800000, out);
	assert_string_equal(out, "Thu, 29 Feb 2024 00:00:00 +0000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers), cmocka_unit_test(test_long_headers), cmocka_unit_test(test_phrases), cmocka_unit_test(test_bodies), cmocka_unit_test(test_random_bodies), cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
