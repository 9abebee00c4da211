/* os/log_format: how lines look, and that nothing in them can break out of its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "os/log_format.h"

#define WHEN INT64_C(1795293659123)     /* 2026-11-21T20:40:59.123Z */

static const struct log_job whole_job = {
	.id = "019a", .type = "mail", .queue = "default", .outcome = "succeeded", .worker = "w-1", .trace_id = "abc",
	.attempt = 1, .duration_us = 7200, .priority = -5, .has_priority = true,
};

static void assert_text(const struct log_line *line, const char *expected)
{
	struct buf b = { 0 };

	log_put_text(&b, line);
	assert_string_equal(buf_cstr(&b), expected);
	buf_free(&b);
}

static void assert_json(const struct log_line *line, const char *expected)
{
	struct buf b = { 0 };
	json_t *json;

	log_put_json(&b, line);
	assert_string_equal(buf_cstr(&b), expected);
	json = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	assert_true(json_is_object(json));
	json_decref(json);
	buf_free(&b);
}

static void a_text_line_has_its_form(void **unused)
{
	struct log_line line = { LOG_LEVEL_INFO, WHEN, "worker 2", 123, SLICE("attempt has ended"), &whole_job };

	(void)unused;
	assert_text(&line, "2026-11-21T20:40:59.123Z info worker 2[123]: attempt has ended job=019a type=mail queue=default attempt=1 worker=w-1 "
			   "duration_ms=7.2 outcome=succeeded trace_id=abc priority=-5");
	line.job = NULL;
	line.level = LOG_LEVEL_ERROR;
	assert_text(&line, "2026-11-21T20:40:59.123Z error worker 2[123]: attempt has ended");
}

static void a_json_line_has_its_keys(void **unused)
{
	struct log_line line = { LOG_LEVEL_WARN, WHEN, "worker 2", 123, SLICE("attempt has ended"), &whole_job };

	(void)unused;
	assert_json(&line, "{\"ts\":\"2026-11-21T20:40:59.123Z\",\"level\":\"warn\",\"role\":\"worker 2\",\"pid\":123,\"msg\":\"attempt has ended\","
			   "\"job\":\"019a\",\"type\":\"mail\",\"queue\":\"default\",\"attempt\":1,\"worker\":\"w-1\",\"duration_ms\":7.2,"
			   "\"outcome\":\"succeeded\",\"trace_id\":\"abc\",\"priority\":-5}");
	line.job = NULL;
	line.level = LOG_LEVEL_DEBUG;
	assert_json(&line, "{\"ts\":\"2026-11-21T20:40:59.123Z\",\"level\":\"debug\",\"role\":\"worker 2\",\"pid\":123,\"msg\":\"attempt has ended\"}");
}

static void what_is_unknown_is_left_out(void **unused)
{
	struct log_job job = { .id = "019a", .duration_us = -1, .queue = "" };
	struct log_line line = { LOG_LEVEL_INFO, WHEN, "keeper", 1, SLICE("x"), &job };

	(void)unused;
	assert_text(&line, "2026-11-21T20:40:59.123Z info keeper[1]: x job=019a");
	job.has_priority = true;
	assert_text(&line, "2026-11-21T20:40:59.123Z info keeper[1]: x job=019a priority=0");
	assert_json(&line, "{\"ts\":\"2026-11-21T20:40:59.123Z\",\"level\":\"info\",\"role\":\"keeper\",\"pid\":1,\"msg\":\"x\",\"job\":\"019a\",\"priority\":0}");
	job = (struct log_job){ .duration_us = -1 };
	assert_text(&line, "2026-11-21T20:40:59.123Z info keeper[1]: x");
}

static void durations_have_only_the_digits_they_need(void **unused)
{
	static const struct {
		int64_t us;
		const char *field;
	} cases[] = {
		{ 0, " duration_ms=0" }, { 1, " duration_ms=0.001" }, { 20, " duration_ms=0.02" }, { 300, " duration_ms=0.3" }, { 7000, " duration_ms=7" },
		{ 7234, " duration_ms=7.234" }, { 7204, " duration_ms=7.204" }, { 7030, " duration_ms=7.03" }, { INT64_C(86400000000), " duration_ms=86400000" },
	};
	struct log_job job = { 0 };
	struct log_line line = { LOG_LEVEL_INFO, WHEN, "keeper", 1, SLICE("x"), &job };

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[128];

		job.duration_us = cases[i].us;
		snprintf(expected, sizeof(expected), "2026-11-21T20:40:59.123Z info keeper[1]: x%s", cases[i].field);
		assert_text(&line, expected);
	}
}

static void nothing_breaks_out_of_its_line_or_field(void **unused)
{
	struct log_job job = { .id = "a b", .type = "x\n2026 error", .queue = "q=\"1\"", .worker = "\xff\x1b[31m", .duration_us = -1, .trace_id = "a\\b" };
	struct log_line line = { LOG_LEVEL_INFO, WHEN, "keeper", 1, SLICE("unknown \"x\"\n\x01\xff end\\n"), &job };

	(void)unused;
	assert_text(&line, "2026-11-21T20:40:59.123Z info keeper[1]: unknown \"x\"\\n\\u0001\xef\xbf\xbd end\\\\n job=\"a b\" type=\"x\\n2026 error\" "
			   "queue=\"q=\\\"1\\\"\" worker=\"\xef\xbf\xbd\\u001b[31m\" trace_id=\"a\\\\b\"");
	assert_json(&line, "{\"ts\":\"2026-11-21T20:40:59.123Z\",\"level\":\"info\",\"role\":\"keeper\",\"pid\":1,"
			   "\"msg\":\"unknown \\\"x\\\"\\n\\u0001\xef\xbf\xbd end\\\\n\",\"job\":\"a b\",\"type\":\"x\\n2026 error\",\"queue\":\"q=\\\"1\\\"\","
			   "\"worker\":\"\xef\xbf\xbd\\u001b[31m\",\"trace_id\":\"a\\\\b\"}");
}

static void syslog_gets_its_own_head(void **unused)
{
	struct log_line line = { LOG_LEVEL_WARN, WHEN, "master", 7, SLICE("hello"), NULL };
	struct buf b = { 0 };

	(void)unused;
	setenv("TZ", "UTC0", 1);
	tzset();
	log_put_syslog_head(&b, &line);
	log_put_syslog(&b, &line);
	assert_string_equal(buf_cstr(&b), "<28>Nov 21 20:40:59 stintd[7]: master: hello");
	buf_clear(&b);
	line.wall_ms = INT64_C(1770000000000);
	line.level = LOG_LEVEL_DEBUG;
	log_put_syslog_head(&b, &line);
	assert_string_equal(buf_cstr(&b), "<31>Feb  2 02:40:00 stintd[7]: ");
	buf_free(&b);
	assert_int_equal(log_severity(LOG_LEVEL_INFO), 6);
	assert_int_equal(log_severity(LOG_LEVEL_ERROR), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_has_its_form),
		cmocka_unit_test(a_json_line_has_its_keys),
		cmocka_unit_test(what_is_unknown_is_left_out),
		cmocka_unit_test(durations_have_only_the_digits_they_need),
		cmocka_unit_test(nothing_breaks_out_of_its_line_or_field),
		cmocka_unit_test(syslog_gets_its_own_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
