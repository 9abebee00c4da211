/* Long lines of a coprocess: the result is cut wherever it stands and in whatever pieces it comes, the rest of the line is read as ever, and nothing but the result may be long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run/line_cut.h"

#define ID "\"id\":\"01935a10-0000-7000-8000-000000000007\""

static struct line_cut cut;
static struct buf kept;

/* In pieces of so many bytes. False: it is too long. */
static bool feed(struct slice line, size_t most, size_t piece)
{
	buf_clear(&kept);
	line_cut_begin(&cut, most);
	for (size_t at = 0; at < line.n; at += piece)
		if (!line_cut_add(&cut, &kept, line.p + at, line.n - at < piece ? line.n - at : piece))
			return false;
	return true;
}

static struct slice kept_line(void) { return (struct slice){ kept.data, kept.len }; }

static int done(void **state)
{
	(void)state;
	buf_free(&kept);
	return 0;
}

/* Each is cut at every length, in pieces of 1, 2 and 3 bytes and whole: its beginning, and how long it was. */
static void wherever_it_stands(void **state)
{
	static const struct { const char *before, *result, *behind; } lines[] = {
		{ "{" ID ",\"ok\":true,\"result\":", "\"a long one\"", "}" },
		{ "{\"result\":", "\"a \\\"long\\\\\"", "," ID ",\"ok\":true}" },
		{ " {\t\"ok\" : true , \"result\" :\r ", "{\"result\":[1,{\"a\":\"}]\"},\"\\\\\"],\"b\":{}}", " , " ID " } \r" },
		{ "{\"ok\":true,\"result\":", "[[],[\"]\"],{\"result\":2}]", " ," ID "}" },
		{ "{\"ok\":true,\"result\":", "123456789012345678901234567890", "," ID "}" },
		{ "{\"ok\":true," ID ",\"result\":", "-1.5e300", "}" },
		{ "{\"ok\":true," ID ",\"result\":", "true", " }" },
		{ "{\"ok\":true," ID ",\"result\" :", "null", "}" },
		{ "{\"ok\":true," ID ",\"result\":", "\"\"", "}" },
		{ "{\"ok\":true," ID ",\"result\":", "{}", "}" },
		{ "{\"ok\":true," ID ",\"result\":", "\"\xc3\xa4\xe2\x82\xac\\u00e4\"", "}" },
	};
	struct line_said said, whole;
	char text[300], why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t n = strlen(lines[i].result);
		snprintf(text, sizeof(text), "%s%s%s", lines[i].before, lines[i].result, lines[i].behind);
		assert_true(line_read(slice_of(text), &whole, why, sizeof(why)));
		for (size_t most = 0; most <= n; most++)
			for (size_t piece = 1; piece <= 4; piece++) {
				assert_true(feed(slice_of(text), most, piece < 4 ? piece : sizeof(text)));
				assert_int_equal(cut.total, n);
				assert_int_equal(kept.len, strlen(text) - n + most);
				if (!line_cut_read(&cut, kept_line(), &said, why, sizeof(why)))
					fail_msg("%s at %zu: %s", text, most, why);
				assert_true(said.kind == LINE_OK && said.result.n == most && said.result_total == n);
				assert_memory_equal(said.result.p, lines[i].result, most);
				assert_memory_equal(&said.id, &whole.id, sizeof(whole.id));
			}
	}
}

/* What is wrong besides is found as in any line, and a result that has no end is none. */
static void what_is_wrong_besides(void **state)
{
	static const struct { const char *line, *why; } bad[] = {
		{ "{" ID ",\"ok\":true,\"result\":\"long one\",\"reslut\":1}", "\"reslut\", which is none of" }, { "{\"ok\":true,\"result\":\"long one\"}", "it has no \"id\"" },
		{ "{" ID ",\"ok\":false,\"result\":\"long one\"}", "has no \"result\"" }, { "{" ID ",\"ok\":true,\"result\":\"long one\"", "it is not JSON" },
		{ "{" ID ",\"ok\":true,\"result\":\"long one", "it is not JSON" }, { "{" ID ",\"ok\":true,\"result\":[\"long one\"", "it is not JSON" },
		{ "{" ID ",\"ok\":true,\"result\":\"long one\"}}", "it is not JSON" }, { "{" ID ",\"ok\":true,\"result\":\"long one\"\"x\"}", "it is not JSON" },
		{ "{" ID ",\"ok\":true,\"result\":\"long one\",\"result\":1}", "\"result\" twice" }, { "[{" ID ",\"ok\":true,\"result\":\"long one\"}]", "not a JSON object" },
		{ "{" ID ",\"progress\":1,\"result\":\"long one\"}", "has no \"result\"" },
	};
	struct line_said said;
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(feed(slice_of(bad[i].line), 3, 1));
		if (line_cut_read(&cut, kept_line(), &said, why, sizeof(why)) || !strstr(why, bad[i].why))
			fail_msg("%s: %s", bad[i].line, why);
	}
}

static void nothing_else_may_be_long(void **state)
{
	static char line[LINE_MORE + 1000];
	static const char head[] = "{" ID ",\"ok\":false,\"error\":\"";
	struct line_said said;
	char why[256];

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_true(feed((struct slice){ line, LINE_MORE }, 3, 1000));
	assert_false(feed((struct slice){ line, LINE_MORE + 1 }, 3, 1000));
	memcpy(line, head, sizeof(head) - 1);
	assert_false(feed((struct slice){ line, sizeof(line) }, 1 << 20, 1000));
	memcpy(line + LINE_MORE - 2, "\"}", 2);
	assert_true(feed((struct slice){ line, LINE_MORE }, 3, 999));
	assert_true(line_cut_read(&cut, kept_line(), &said, why, sizeof(why)));
	assert_int_equal(said.kind, LINE_NOT_OK);
	/* one of another object is no result of the line */
	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"a\":{\"result\":[", 16);
	assert_false(feed((struct slice){ line, sizeof(line) }, 3, 1));
}

/* As much as a program likes to say: no more than the limit is kept. */
static void without_end(void **state)
{
	static char x[65536];

	(void)state;
	memset(x, '[', sizeof(x));
	assert_true(feed(SLICE("{\"result\":"), 5000, 100));
	for (int i = 0; i < 100; i++)
		assert_true(line_cut_add(&cut, &kept, x, sizeof(x)));
	assert_int_equal(cut.total, 100 * sizeof(x));
	assert_int_equal(kept.len, 10 + 5000);
	assert_true(kept.cap < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(wherever_it_stands, done), cmocka_unit_test_teardown(what_is_wrong_besides, done), cmocka_unit_test_teardown(nothing_else_may_be_long, done),
		cmocka_unit_test_teardown(without_end, done) };

	return cmocka_run_group_tests_name("line_cut", tests, NULL, NULL);
}
