/* text/json: what is JSON and what is not, and where it goes wrong; parts found in it; strings written. Jansson is the second opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "text/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The text is copied to memory of exactly its size, so that a read past its end is seen. */
static bool valid(const char *text, size_t n, struct json_error *err)
{
	char *exact = malloc(n ? n : 1);
	bool ok;

	assert_non_null(exact);
	memcpy(exact, text, n);
	ok = json_valid(exact, n, err);
	free(exact);
	return ok;
}

static void good_texts_are_accepted(void **unused)
{
	static const struct slice good[] = {
		SLICE("null"), SLICE("true"), SLICE("false"), SLICE("0"), SLICE("-0"), SLICE("-1"), SLICE("12345678901234567890123456789012345"),
		SLICE("1e400"), SLICE("-1.5E-999999999999"), SLICE("0.1"), SLICE("0e0"), SLICE("0E+1"), SLICE("1.000000000000000000000000001"),
		SLICE("\"\""), SLICE("\"a\""), SLICE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), SLICE("\"\\u0000\""), SLICE("\"\\uD83D\\uDE00\""),
		SLICE("\"\\ud800\""), SLICE("\"\\udc00\\ud800\""), SLICE("\"\x7f\""), SLICE("\"\xc2\x80\""), SLICE("\"\xdf\xbf\""),
		SLICE("\"\xe0\xa0\x80\""), SLICE("\"\xed\x9f\xbf\""), SLICE("\"\xee\x80\x80\""), SLICE("\"\xef\xbf\xbf\""),
		SLICE("\"\xf0\x90\x80\x80\""), SLICE("\"\xf4\x8f\xbf\xbf\""), SLICE("\"\xe2\x80\xa8\""), SLICE("[]"), SLICE("{}"), SLICE(" \t\r\n[ ] \n"),
		SLICE("[1,2,3]"), SLICE("[ 1 , [ ] , { } ]"), SLICE("{\"a\":1}"), SLICE("{ \"a\" : [ { \"b\" : null } ] , \"a\" : 2 }"), SLICE("{\"\":0}"),
		SLICE("[[[[[]]]],{\"a\":{\"b\":{}}}]"), SLICE("\"a string that is longer than eight bytes \xc3\xa4 and goes on behind it\""),
	};
	struct json_error err;

	(void)unused;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!valid(good[i].p, good[i].n, &err))
			fail_msg("%s: %s at %zu", good[i].p, err.what, err.offset);
}

static const struct bad {
	struct slice text;
	size_t offset;
	const char *what;
} bad[] = {
	{ SLICE(""), 0, "the text is empty" },
	{ SLICE("  "), 2, "the text is empty" },
	{ SLICE("1 2"), 2, "something follows the value" },
	{ SLICE("null,"), 4, "something follows the value" },
	{ SLICE("{}}"), 2, "something follows the value" },
	{ SLICE("null\0"), 4, "something follows the value" },
	{ SLICE("\0"), 0, "a value was expected" },
	{ SLICE("]"), 0, "a value was expected" },
	{ SLICE("'a'"), 0, "a value was expected" },
	{ SLICE("+1"), 0, "a value was expected" },
	{ SLICE(".5"), 0, "a value was expected" },
	{ SLICE("NaN"), 0, "a value was expected" },
	{ SLICE("Infinity"), 0, "a value was expected" },
	{ SLICE("/* */1"), 0, "a value was expected" },
	{ SLICE("\xef\xbb\xbf" "1"), 0, "a value was expected" },
	{ SLICE("\xa0" "1"), 0, "a value was expected" },
	{ SLICE("\v1"), 0, "a value was expected" },
	{ SLICE("[1,]"), 3, "a value was expected" },
	{ SLICE("[,1]"), 1, "a value was expected" },
	{ SLICE("[1,,2]"), 3, "a value was expected" },
	{ SLICE("{\"a\":}"), 5, "a value was expected" },
	{ SLICE("{\"a\":1,\"b\":,}"), 11, "a value was expected" },
	{ SLICE("nul"), 3, "the text ends inside a word" },
	{ SLICE("nulL"), 3, "unknown word (only true, false and null stand without quotes)" },
	{ SLICE("tRue"), 1, "unknown word (only true, false and null stand without quotes)" },
	{ SLICE("fals "), 4, "unknown word (only true, false and null stand without quotes)" },
	{ SLICE("truee"), 4, "something follows the value" },
	{ SLICE("01"), 1, "leading zero in number" },
	{ SLICE("-01"), 2, "leading zero in number" },
	{ SLICE("[00]"), 2, "leading zero in number" },
	{ SLICE("-"), 1, "the text ends inside a number" },
	{ SLICE("1."), 2, "the text ends inside a number" },
	{ SLICE("1e"), 2, "the text ends inside a number" },
	{ SLICE("1e+"), 3, "the text ends inside a number" },
	{ SLICE("--1"), 1, "no digit after the minus sign" },
	{ SLICE("[-]"), 2, "no digit after the minus sign" },
	{ SLICE("-.5"), 1, "no digit after the minus sign" },
	{ SLICE("[1.]"), 3, "no digit after the decimal point" },
	{ SLICE("1.e1"), 2, "no digit after the decimal point" },
	{ SLICE("[1e]"), 3, "no digit in the exponent" },
	{ SLICE("1e+-1"), 3, "no digit in the exponent" },
	{ SLICE("1e1.5"), 3, "something follows the value" },
	{ SLICE("0x10"), 1, "something follows the value" },
	{ SLICE("1_000"), 1, "something follows the value" },
	{ SLICE("\""), 1, "the text ends inside a string" },
	{ SLICE("\"abcdefghijklmnop"), 17, "the text ends inside a string" },
	{ SLICE("\"\\"), 2, "the text ends inside a string" },
	{ SLICE("\"\\\""), 3, "the text ends inside a string" },
	{ SLICE("\"\\u12"), 5, "the text ends inside a string" },
	{ SLICE("\"\\u12g4\""), 5, "\\u without four hexadecimal digits" },
	{ SLICE("\"\\u12\""), 5, "\\u without four hexadecimal digits" },
	{ SLICE("\"\\U0041\""), 2, "unknown escape in string" },
	{ SLICE("\"\\x41\""), 2, "unknown escape in string" },
	{ SLICE("\"\\'\""), 2, "unknown escape in string" },
	{ SLICE("\"\\\0\""), 2, "unknown escape in string" },
	{ SLICE("\"\\\n\""), 2, "unknown escape in string" },
	{ SLICE("\"a\tb\""), 2, "control character in string" },
	{ SLICE("\"a\nb\""), 2, "control character in string" },
	{ SLICE("\"\0\""), 1, "control character in string" },
	{ SLICE("\"\x1f\""), 1, "control character in string" },
	{ SLICE("\"abcdefghijk\x01lmnopqrst\""), 12, "control character in string" },
	{ SLICE("\"\x80\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xbf\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xc0\xaf\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xc1\xbf\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xc3\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xc3"), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xc3(\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xe0\x80\xaf\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xe0\x9f\xbf\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xe2\x82\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xed\xa0\x80\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xed\xbf\xbf\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xf0\x80\x80\xaf\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xf0\x8f\xbf\xbf\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xf4\x90\x80\x80\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xf5\x80\x80\x80\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"\xff\""), 1, "invalid UTF-8 in string" },
	{ SLICE("\"abcdefgh\xff" "ijklmnop\""), 9, "invalid UTF-8 in string" },
	{ SLICE("["), 1, "the text ends where a value was expected" },
	{ SLICE("[1"), 2, "the text ends inside an array" },
	{ SLICE("[1,"), 3, "the text ends where a value was expected" },
	{ SLICE("[1 2]"), 3, "a comma or ] was expected" },
	{ SLICE("[1}"), 2, "a comma or ] was expected" },
	{ SLICE("[\"a\":1]"), 4, "a comma or ] was expected" },
	{ SLICE("{"), 1, "the text ends inside an object" },
	{ SLICE("{\"a\""), 4, "the text ends inside an object" },
	{ SLICE("{\"a\":"), 5, "the text ends where a value was expected" },
	{ SLICE("{\"a\":1"), 6, "the text ends inside an object" },
	{ SLICE("{\"a\":1,"), 7, "the text ends inside an object" },
	{ SLICE("{\"a\" 1}"), 5, "a colon was expected" },
	{ SLICE("{\"a\"}"), 4, "a colon was expected" },
	{ SLICE("{\"a\":1 \"b\":2}"), 7, "a comma or } was expected" },
	{ SLICE("{\"a\":1]"), 6, "a comma or } was expected" },
	{ SLICE("{\"a\":1,}"), 7, "a member name in double quotes was expected" },
	{ SLICE("{,}"), 1, "a member name in double quotes was expected" },
	{ SLICE("{a:1}"), 1, "a member name in double quotes was expected" },
	{ SLICE("{'a':1}"), 1, "a member name in double quotes was expected" },
	{ SLICE("{1:1}"), 1, "a member name in double quotes was expected" },
	{ SLICE("{[]:1}"), 1, "a member name in double quotes was expected" },
};

static void bad_texts_are_refused_where_they_go_wrong(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct json_error err = { 0 };

		if (valid(bad[i].text.p, bad[i].text.n, &err))
			fail_msg("accepted: %s", bad[i].text.p);
		if (err.offset != bad[i].offset || strcmp(err.what, bad[i].what) != 0)
			fail_msg("%s: '%s' at %zu instead of '%s' at %zu", bad[i].text.p, err.what, err.offset, bad[i].what, bad[i].offset);
	}
}

static void errors_have_line_and_column(void **unused)
{
	static const char text[] = "{\n  \"a\": 1,\n  \"\xc3\xa4\": tru\n}";
	struct json_error err;

	(void)unused;
	assert_false(json_valid(text, strlen(text), &err));
	assert_int_equal(err.line, 3);
	assert_int_equal(err.column, 12);
	assert_int_equal(err.offset, strlen("{\n  \"a\": 1,\n  \"\xc3\xa4\": tru"));
	assert_false(json_valid("x", 1, &err));
	assert_int_equal(err.line, 1);
	assert_int_equal(err.column, 1);
}

static void every_single_byte_in_a_string_is_judged(void **unused)
{
	(void)unused;
	/* At each place of a word of eight, so that the fast path and the slow one are both asked. */
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 0; at < 20; at++) {
			char text[] = "\"....................\"";
			bool expected = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
			struct json_error err;

			text[1 + at] = (char)c;
			/* A quote leaves dots behind the string, a backslash escapes a dot or the closing quote: wrong as well. */
			assert_int_equal(valid(text, sizeof(text) - 1, &err), expected);
		}
	}
}

static void nesting_has_a_limit(void **unused)
{
	char text[4 * JSON_MAX_DEPTH + 16];
	struct json_error err;

	(void)unused;
	memset(text, '[', JSON_MAX_DEPTH + 1);
	memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	assert_true(valid(text, 2 * JSON_MAX_DEPTH, &err));
	memset(text, '[', JSON_MAX_DEPTH + 1);
	memset(text + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
	assert_false(valid(text, 2 * JSON_MAX_DEPTH + 2, &err));
	assert_string_equal(err.what, "nested too deeply");
	assert_int_equal(err.offset, JSON_MAX_DEPTH);
	/* Side by side is not inside each other. */
	text[0] = '[';
	for (size_t i = 0; i < JSON_MAX_DEPTH; i++)
		memcpy(text + 1 + 3 * i, "[],", 3);
	text[3 * JSON_MAX_DEPTH] = ']';
	assert_true(valid(text, 3 * JSON_MAX_DEPTH + 1, &err));
}

/* Whether jansson's refusal is one of those that do not count: it cannot hold what the grammar allows. */
static bool beyond_jansson(const json_error_t *err)
{
	return strstr(err->text, "too big") || strstr(err->text, "overflow") || strstr(err->text, "\\u0000") || strstr(err->text, "\\uD") ||
	       strstr(err->text, "\\ud");
}

static void mutations_are_judged_as_jansson_does(void **unused)
{
	static const char start[] = "{\"type\": \"mail\", \"n\": [1, -2.5e+3, 0.0, true, false, null, \"\\u00e4\\n\", \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"], \"o\":{}}";
	static const char pieces[] = "{}[],:\"\\ \t\n0123456789.eE+-truefalsnu/bd\x80\xbf\xc3\xe2\xf0\xff\x01\x7f";
	unsigned seed = 4711, accepted = 0, refused = 0;

	(void)unused;
	for (unsigned i = 0; i < 60000; i++) {
		char text[sizeof(start) + 8];
		size_t n = sizeof(start) - 1;
		struct json_error err;
		json_error_t second;
		json_t *json;
		bool ok;

		memcpy(text, start, n);
		for (unsigned change = 0; change < 1 + i % 3 && n; change++) {
			size_t at;
			char piece;

			seed = seed * 1664525 + 1013904223;
			at = (seed >> 8) % n;
			seed = seed * 1664525 + 1013904223;
			piece = pieces[(seed >> 8) % (sizeof(pieces) - 1)];
			if (seed >> 30 == 0) {
				text[at] = piece;
			} else if (seed >> 30 == 1) {
				memmove(text + at, text + at + 1, --n - at);
			} else if (seed >> 30 == 2) {
				memmove(text + at + 1, text + at, n++ - at);
				text[at] = piece;
			} else if (i % 7 == 0) {
				n = at + 1;
			}
		}
		ok = valid(text, n, &err);
		json = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &second);
		if (ok != (json != NULL) && !(ok && beyond_jansson(&second)))
			fail_msg("%.*s: we %s, jansson: %s", (int)n, text, ok ? "accept" : err.what, json ? "accepts" : second.text);
		json_decref(json);
		*(ok ? &accepted : &refused) += 1;
	}
	assert_true(accepted > 1000);
	assert_true(refused > 1000);
}

static void assert_member(const char *text, const char *name, const char *expected)
{
	struct slice value = { 0 };
	bool found = json_member(text, strlen(text), name, &value);

	if (found != (expected != NULL) || (found && !slice_eq(value, expected)))
		fail_msg("%s of %s: %.*s", name, text, (int)value.n, value.p ? value.p : "");
}

static void members_are_found_as_they_stand(void **unused)
{
	static const char text[] = " { \"a\" : 1.50 ,\"b\":{\"a\":2, \"x\":[\"}\", 3]} , \"c d\":\"e\\\"f\", \"\":null,\"b\":7, \"z\" :[ ] } ";

	(void)unused;
	assert_member(text, "a", "1.50");
	assert_member(text, "b", "{\"a\":2, \"x\":[\"}\", 3]}");
	assert_member(text, "c d", "\"e\\\"f\"");
	assert_member(text, "", "null");
	assert_member(text, "z", "[ ]");
	assert_member(text, "x", NULL);
	assert_member(text, "A", NULL);
	assert_member(text, "aa", NULL);
	assert_member("{}", "a", NULL);
	assert_member("[\"a\",1]", "a", NULL);
	assert_member("\"a\"", "a", NULL);
}

static void escaped_member_names_are_resolved(void **unused)
{
	(void)unused;
	assert_member("{\"p\\u0061yload\":1}", "payload", "1");
	assert_member("{\"\\u00E4\\n\\/\":1}", "\xc3\xa4\n/", "1");
	assert_member("{\"\\ud83d\\ude00x\":1}", "\xf0\x9f\x98\x80x", "1");
	assert_member("{\"\\u20ac\":1}", "\xe2\x82\xac", "1");
	assert_member("{\"a\\u0000b\":1,\"a\":2}", "a", "2");
	assert_member("{\"\\ud83d\":1,\"\\ud83d\\u0041\":2}", "A", NULL);
	assert_member("{\"\\\"\\\\\\b\\f\\r\\t\":1}", "\"\\\b\f\r\t", "1");
}

struct gathered {
	char text[200];
	unsigned stop_after, calls;
};

static bool gather(void *arg, struct slice element)
{
	struct gathered *g = arg;

	strncat(g->text, element.p, element.n);
	strcat(g->text, "|");
	return ++g->calls != g->stop_after;
}

static void elements_come_one_by_one(void **unused)
{
	static const char text[] = " [ 1 ,\"a,b]\", [2,3] ,{\"c\":[]}, null ] ";
	struct gathered all = { 0 }, two = { .stop_after = 2 }, none = { 0 };

	(void)unused;
	assert_true(json_each(text, strlen(text), gather, &all));
	assert_string_equal(all.text, "1|\"a,b]\"|[2,3]|{\"c\":[]}|null|");
	assert_false(json_each(text, strlen(text), gather, &two));
	assert_string_equal(two.text, "1|\"a,b]\"|");
	assert_true(json_each("[ ]", 3, gather, &none));
	assert_false(json_each("{}", 2, gather, &none));
	assert_false(json_each("1", 1, gather, &none));
	assert_int_equal(none.calls, 0);
}

static void unchecked_text_does_no_harm(void **unused)
{
	struct gathered g = { 0 };
	struct slice value;

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char *exact = malloc(bad[i].text.n ? bad[i].text.n : 1);

		assert_non_null(exact);
		memcpy(exact, bad[i].text.p, bad[i].text.n);
		json_member(exact, bad[i].text.n, "zz", &value);
		g.text[0] = '\0';
		json_each(exact, bad[i].text.n, gather, &g);
		free(exact);
	}
	assert_false(json_member("{\"a\":1,\"b\"", 10, "b", &value));
}

static void assert_written(struct slice s, const char *expected)
{
	struct buf b = { 0 };
	struct json_error err;

	json_put_string(&b, s);
	assert_string_equal(buf_cstr(&b), expected);
	assert_true(json_valid(b.data, b.len, &err));
	buf_free(&b);
}

static void strings_are_written_escaped(void **unused)
{
	(void)unused;
	assert_written(SLICE(""), "\"\"");
	assert_written((struct slice){ NULL, 0 }, "\"\"");
	assert_written(SLICE("a \"quoted\" back\\slash/"), "\"a \\\"quoted\\\" back\\\\slash/\"");
	assert_written(SLICE("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
	assert_written(SLICE("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\"");
	assert_written(SLICE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
	assert_written(SLICE("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_written(SLICE("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_written(SLICE("twelve bytes\n and twelve"), "\"twelve bytes\\n and twelve\"");
}

static void what_is_written_reads_back(void **unused)
{
	char text[64];
	unsigned seed = 1;

	(void)unused;
	for (unsigned i = 0; i < 5000; i++) {
		size_t n = i % sizeof(text);
		struct buf b = { 0 };
		json_t *json;

		for (size_t at = 0; at < n; at++) {
			seed = seed * 1664525 + 1013904223;
			text[at] = (char)(seed >> 24 & 0x7f);
		}
		json_put_string(&b, (struct slice){ text, n });
		json = json_loadb(b.data, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(json);
		assert_int_equal(json_string_length(json), n);
		assert_memory_equal(json_string_value(json), text, n);
		json_decref(json);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_accepted),
		cmocka_unit_test(bad_texts_are_refused_where_they_go_wrong),
		cmocka_unit_test(errors_have_line_and_column),
		cmocka_unit_test(every_single_byte_in_a_string_is_judged),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(mutations_are_judged_as_jansson_does),
		cmocka_unit_test(members_are_found_as_they_stand),
		cmocka_unit_test(escaped_member_names_are_resolved),
		cmocka_unit_test(elements_come_one_by_one),
		cmocka_unit_test(unchecked_text_does_no_harm),
		cmocka_unit_test(strings_are_written_escaped),
		cmocka_unit_test(what_is_written_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
