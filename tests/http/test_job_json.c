/* Jobs as JSON: every field where there is one, and nothing where there is none. S3.27 S3.28 S3.29 S3.30 S3.31 S3.32. */
#include "api_test.h"

#include "http/job_json.h"

static json_t *put(const struct job_view *v)
{
	struct buf b = { 0 };
	json_error_t err;
	json_t *j;

	job_json_put(&b, v);
	j = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &err);
	if (!j)
		fail_msg("%s: %.*s", err.text, (int)b.len, b.data);
	buf_free(&b);
	return j;
}

static const struct job_id id = { { 0x01, 0x9a, 0x2b, 0x3c, 0x4d, 0x5e, 0x7f, 0x60, 0x8a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f, 0x60, 0x71 } };
static const struct job_spec bare_spec = { .type = TEXT("email"), .queue = TEXT("default"), .backoff = { 1000, 1048576000, 2000, 25 }, .timeout_ms = 30000 };

static void a_bare_job(void **state)
{
	struct job job = { .id = id, .state = JOB_QUEUED, .max_retries = 3, .created_ms = T0, .updated_ms = T0, .progress_pct = -1 };
	struct job_view v = { .job = &job, .spec = &bare_spec, .payload = SLICE("null"), .progress_pct = -1 };
	static const char *const absent[] = { "name", "run_at", "expires_at", "trace", "tags", "started_at", "finished_at", "worker", "last_error",
		"progress", "result",
		"result_truncated", "content_type" };
	json_t *j = put(&v);

	(void)state;
	string_is(j, "id", "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071");
	string_is(j, "type", "email");
	string_is(j, "queue", "default");
	string_is(j, "state", "queued");
	number_is(j, "priority", 0);
	assert_true(json_is_null(at(j, "payload")));
	number_is(j, "max_retries", 3);
	number_is(j, "timeout", 30);
	number_is(j, "backoff.base", 1);
	number_is(j, "backoff.factor", 2);
	number_is(j, "backoff.max", 1048576);
	number_is(j, "backoff.jitter", 25);
	number_is(j, "attempts", 0);
	number_is(j, "retry_count", 0);
	string_is(j, "created_at", "2025-11-21T20:40:59.123Z");
	string_is(j, "updated_at", "2025-11-21T20:40:59.123Z");
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if (at(j, absent[i]))
			fail_msg("%s is there", absent[i]);
	assert_int_equal(json_object_size(j), 13);
	json_decref(j);
}

static void a_full_job(void **state)
{
	struct job_spec spec = { .type = TEXT("email"), .queue = TEXT("q\"1"), .name = TEXT("a\nb"), .trace = TEXT("00-a"), .tag = { TEXT("x"),
		TEXT("y") }, .ntags = 2,
		.backoff = { 250, 1500, 1500, 0 }, .timeout_ms = 1 };
	struct job job = { .id = id, .state = JOB_DEAD, .priority = -7, .max_retries = 2, .created_ms = T0, .updated_ms = T0 + 9,
		.run_at_ms = T0 + 1, .started_ms = T0 + 2,
		.finished_ms = T0 + 3, .expires_at_ms = T0 + 4, .attempts = 3, .retry_count = 2, .worker = 6, .worker_pid = 4711, .result_truncated = true };
	struct job_view v = { .job = &job, .spec = &spec, .payload = SLICE("{\"a\" : 1.50}"), .last_error = SLICE("it broke"),
		.progress = SLICE("half"), .progress_pct = 50,
		.result = SLICE("text \xff") };
	json_t *j = put(&v);

	(void)state;
	string_is(j, "queue", "q\"1");
	string_is(j, "name", "a\nb");
	number_is(j, "priority", -7);
	string_is(j, "run_at", "2025-11-21T20:40:59.124Z");
	string_is(j, "started_at", "2025-11-21T20:40:59.125Z");
	string_is(j, "finished_at", "2025-11-21T20:40:59.126Z");
	string_is(j, "expires_at", "2025-11-21T20:40:59.127Z");
	string_is(j, "updated_at", "2025-11-21T20:40:59.132Z");
	number_is(j, "timeout", 0.001);
	number_is(j, "backoff.base", 0.25);
	number_is(j, "backoff.factor", 1.5);
	number_is(j, "backoff.max", 1.5);
	number_is(j, "attempts", 3);
	number_is(j, "retry_count", 2);
	string_is(j, "trace", "00-a");
	assert_int_equal(json_array_size(at(j, "tags")), 2);
	string_is(j, "worker", "worker-6:4711");
	string_is(j, "last_error", "it broke");
	number_is(j, "progress.percent", 50);
	string_is(j, "progress.message", "half");
	string_is(j, "result", "text \xef\xbf\xbd");
	assert_true(json_is_true(at(j, "result_truncated")));
	json_decref(j);
}

static void payload_and_result_keep_their_bytes(void **state)
{
	struct job job = { .id = id, .state = JOB_SUCCEEDED, .result_json = true };
	struct job_view v = { .job = &job, .spec = &bare_spec, .payload = SLICE("{\"big\":123456789012345678901234567890, \"e\":1e400}"),
		.progress_pct = -1, .result = SLICE("[1,  2]") };
	struct buf b = { 0 };

	(void)state;
	job_json_put(&b, &v);
	assert_non_null(strstr(buf_cstr(&b), "\"payload\":{\"big\":123456789012345678901234567890, \"e\":1e400},"));
	assert_non_null(strstr(buf_cstr(&b), "\"result\":[1,  2]}"));
	buf_free(&b);
}

static void a_raw_job_has_no_payload(void **state)
{
	struct job_spec spec = bare_spec;
	struct job job = { .id = id, .state = JOB_QUEUED };
	struct job_view v = { .job = &job, .spec = &spec, .progress_pct = -1 };
	json_t *j;

	(void)state;
	spec.content_type = (struct job_text)TEXT("image/png");
	spec.timeout_ms = 0;
	j = put(&v);
	assert_null(at(j, "payload"));
	assert_null(at(j, "timeout"));
	string_is(j, "content_type", "image/png");
	json_decref(j);
}

static void numbers(void **state)
{
	static const struct { int64_t milli; const char *text; } n[] = { { 0, "0" }, { 1, "0.001" }, { 10, "0.01" }, { 500, "0.5" }, { 1000, "1" },
		{ 1234, "1.234" }, { 120000, "120" }, { -1500, "-1.5" } };

	(void)state;
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		struct buf b = { 0 };
		job_json_seconds(&b, n[i].milli);
		assert_string_equal(buf_cstr(&b), n[i].text);
		buf_clear(&b);
		job_json_millis(&b, n[i].milli);
		assert_string_equal(buf_cstr(&b), n[i].text);
		buf_free(&b);
	}
}

static void what_is_text(void **state)
{
	static const struct slice yes[] = { SLICE(""), SLICE("a\tb\r\n"), SLICE("\xc3\xa4"), SLICE("\xe2\x82\xac"), SLICE("\xf0\x9f\x98\x80"),
		SLICE("\xf4\x8f\xbf\xbf") };
	static const struct slice no[] = { SLICE("\0"), SLICE("\x1b[m"), SLICE("\xff"), SLICE("\xc0\x80"), SLICE("\xc3"), SLICE("\xe0\x9f\xbf"),
		SLICE("\xed\xa0\x80"), SLICE("\xf0\x8f\xbf\xbf"),
		SLICE("\xf4\x90\x80\x80"), SLICE("\xf5\x80\x80\x80"), SLICE("\x80"), SLICE("\xe2\x82"), SLICE("\xc3z") };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!job_json_utf8(yes[i]))
			fail_msg("yes[%zu]", i);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (job_json_utf8(no[i]))
			fail_msg("no[%zu]", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_job),
		cmocka_unit_test(a_full_job),
		cmocka_unit_test(payload_and_result_keep_their_bytes),
		cmocka_unit_test(a_raw_job_has_no_payload),
		cmocka_unit_test(numbers),
		cmocka_unit_test(what_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
