/* What a coprocess is told and what it may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run/line.h"

static char nothing[1], type[] = "email", queue[] = "mail \"q\"", trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static struct run_task task_of(const char *payload, size_t n, const char *content_type)
{
	return (struct run_task){
		.id = { { 0x01, 0x93, 0x5a, 0x10, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 7 } }, .attempt = 2, .max_attempts = 4, .deadline_ms = 1763764859123, .type = type, .queue = queue, .name = nothing,
		.trace = trace, .content_type = (char *)(uintptr_t)content_type, .payload = (char *)(uintptr_t)payload, .payload_len = n,
	};
}

static void assert_line(const struct run_task *t, const char *wanted)
{
	struct buf b = { 0 };

	line_job(t, &b);
	assert_string_equal(buf_cstr(&b), wanted);
	buf_free(&b);
}

#define HEAD "{\"id\":\"01935a10-0000-7000-8000-000000000007\",\"type\":\"email\",\"queue\":\"mail \\\"q\\\"\",\"attempt\":2,\"max_attempts\":4,\"deadline\":\"2025-11-21T22:40:59.123Z\""
#define TAIL ",\"trace\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}\n"
#define JOB(payload, ct) (const struct run_task[]){ task_of(payload, sizeof(payload) - 1, ct) }

static void test_a_job(void **state)
{
	(void)state;
	assert_line(JOB("{\"to\":\"a@b\"}", ""), HEAD ",\"payload\":{\"to\":\"a@b\"}" TAIL);
	assert_line(JOB("{\n\t\"a\": 1e400,\r\n\"b\": \"\\n\"}", ""), HEAD ",\"payload\":{ \t\"a\": 1e400,  \"b\": \"\\n\"}" TAIL);
	struct run_task t = task_of("null", 4, "");
	t.deadline_ms = 0;
	t.trace = nothing;
	assert_line(&t, "{\"id\":\"01935a10-0000-7000-8000-000000000007\",\"type\":\"email\",\"queue\":\"mail \\\"q\\\"\",\"attempt\":2,\"max_attempts\":4,\"deadline\":null,\"payload\":null,\"trace\":null}\n");
}

static void test_raw_bodies(void **state)
{
	(void)state;
	assert_line(JOB("two\nlines", "text/plain"), HEAD ",\"content_type\":\"text/plain\",\"payload\":\"two\\nlines\"" TAIL);
	assert_line(JOB("12", "text/plain; charset=utf-8"), HEAD ",\"content_type\":\"text/plain; charset=utf-8\",\"payload\":\"12\"" TAIL);
	assert_line(JOB("12", "application/problem+json"), HEAD ",\"content_type\":\"application/problem+json\",\"payload\":12" TAIL);
	assert_line(JOB("{not", "application/json"), HEAD ",\"content_type\":\"application/json\",\"payload\":\"{not\"" TAIL);
	assert_line(JOB("\xff\0\x80z", "image/x"), HEAD ",\"content_type\":\"image/x\",\"payload_base64\":\"/wCAeg==\"" TAIL);
	assert_line(JOB("", "text/plain"), HEAD ",\"content_type\":\"text/plain\",\"payload\":\"\"" TAIL);
}

#define ID "\"id\":\"01935A10-0000-7000-8000-000000000007\""

static struct line_said read_line(const char *text)
{
	struct line_said s;
	char why[256] = "";

	if (!line_read(slice_of(text), &s, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	assert_int_equal(s.id.b[15], 7);
	return s;
}

static void test_answers(void **state)
{
	(void)state;
	struct line_said s = read_line(" {" ID ", \"ok\" : true , \"result\": {\"big\": 123456789012345678901234567890, \"x\": \"\\u0000\"} }\r");
	assert_int_equal(s.kind, LINE_OK);
	assert_true(slice_eq(s.result, "{\"big\": 123456789012345678901234567890, \"x\": \"\\u0000\"}"));
	s = read_line("{\"ok\":true," ID "}");
	assert_int_equal(s.result.n, 0);
	s = read_line("{" ID ",\"ok\":false,\"error\":\"no \\\"such\\\" \\u00fcser\",\"retry\":false,\"retry_in\":null}");
	assert_int_equal(s.kind, LINE_NOT_OK);
	assert_string_equal(s.text, "no \"such\" \xc3\xbcser");
	assert_false(s.retry);
	assert_int_equal(s.retry_in_ms, -1);
	s = read_line("{" ID ",\"ok\":false,\"retry_in\":1.5}");
	assert_true(s.retry && s.retry_in_ms == 1500 && s.text[0] == '\0');
	s = read_line("{" ID ",\"ok\":false,\"retry\":true,\"retry_in\":\"90s\"}");
	assert_int_equal(s.retry_in_ms, 90000);
	s = read_line("{" ID ",\"progress\":100,\"message\":\"all\"}");
	assert_int_equal(s.kind, LINE_PROGRESS);
	assert_int_equal(s.percent, 100);
	assert_string_equal(s.text, "all");
	s = read_line("{" ID ",\"progress\":0}");
	assert_int_equal(s.percent, 0);
}

static void test_what_it_may_not_say(void **state)
{
	static const struct { const char *line, *why; } bad[] = {
		{ "", "it is not JSON" }, { "done", "it is not JSON" }, { "[]", "it is not a JSON object" }, { "{" ID ",\"ok\":true", "it is not JSON" }, { "{" ID ",\"ok\":true} {}", "it is not JSON" },
		{ "{" ID ",\"ok\":true,\"result\":\"\xff\"}", "it is not JSON: invalid UTF-8" }, { "{}", "it has no \"id\"" }, { "{\"id\":7,\"ok\":true}", "its \"id\" is not the id of a job" },
		{ "{\"id\":\"01935a10-0000-7000-8000-00000000000\",\"ok\":true}", "its \"id\" is not" }, { "{" ID "}", "it has neither \"ok\" nor \"progress\"" },
		{ "{" ID ",\"ok\":true,\"progress\":1}", "it has both \"ok\" and \"progress\"" }, { "{" ID ",\"ok\":1}", "its \"ok\" is neither" }, { "{" ID ",\"ok\":\"true\"}", "its \"ok\" is neither" },
		{ "{" ID ",\"ok\":true,\"ok\":true}", "it has \"ok\" twice" }, { "{" ID ",\"ok\":true,\"o\\u006b\":false}", "twice" }, { "{" ID ",\"ok\":true,\"reslut\":1}", "it has a member \"reslut\", which is none of" },
		{ "{" ID ",\"ok\":true,\"error\":\"x\"}", "an answer with \"ok\": true has no \"error\"" }, { "{" ID ",\"ok\":true,\"retry\":false}", "has no \"retry\"" },
		{ "{" ID ",\"ok\":false,\"result\":1}", "an answer with \"ok\": false has no \"result\"" }, { "{" ID ",\"ok\":false,\"error\":7}", "its \"error\" is not a string" },
		{ "{" ID ",\"ok\":false,\"retry\":\"no\"}", "its \"retry\" is neither" }, { "{" ID ",\"ok\":false,\"retry_in\":-1}", "its \"retry_in\" is neither" },
		{ "{" ID ",\"ok\":false,\"retry_in\":\"soon\"}", "its \"retry_in\" is neither" }, { "{" ID ",\"ok\":false,\"retry_in\":[]}", "its \"retry_in\" is neither" },
		{ "{" ID ",\"progress\":101}", "whole number from 0 to 100" }, { "{" ID ",\"progress\":-1}", "whole number from 0 to 100" }, { "{" ID ",\"progress\":4.5}", "whole number from 0 to 100" },
		{ "{" ID ",\"progress\":\"4\"}", "whole number from 0 to 100" }, { "{" ID ",\"progress\":4,\"result\":1}", "a line of progress has no \"result\"" },
		{ "{" ID ",\"progress\":4,\"message\":{}}", "its \"message\" is not a string" },
	};
	struct line_said s;
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (line_read(slice_of(bad[i].line), &s, why, sizeof(why)))
			fail_msg("taken: %s", bad[i].line);
		if (!strstr(why, bad[i].why))
			fail_msg("%s: said \"%s\" instead of \"%s\"", bad[i].line, why, bad[i].why);
	}
}

static void test_showing_a_line(void **state)
{
	char out[300], line[1000];

	(void)state;
	line_show(SLICE("a\x01\tb\xc3\xbc"), out, sizeof(out));
	assert_string_equal(out, "a??b\xc3\xbc");
	memset(line, 'x', sizeof(line));
	line_show((struct slice){ line, sizeof(line) }, out, sizeof(out));
	assert_int_equal(strlen(out), LINE_SHOWN + 3);
	assert_string_equal(out + LINE_SHOWN, "...");
	line_show((struct slice){ line, sizeof(line) }, out, 20);
	assert_int_equal(strlen(out), 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_job), cmocka_unit_test(test_raw_bodies), cmocka_unit_test(test_answers), cmocka_unit_test(test_what_it_may_not_say), cmocka_unit_test(test_showing_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
