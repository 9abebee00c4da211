/* cli/submit_job: a job's fields as JSON and as a query, and what is refused before it is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/submit_job.h"

#define ID1 "01930000-0000-7000-8000-000000000001"
#define ID2 "01930000-0000-7000-8000-000000000002"

static const struct submit_job everything = {
	.type = "a/b", .queue = "q \"1\"", .name = "n&m", .run_at = "2026-11-21T22:40:59+02:00", .key = "k=1", .idempotency_key = "i", .unique_key = "u", .priority = -5, .retries = 0,
	.timeout_ms = 1500, .expires_ms = 60000, .has_priority = true, .has_retries = true, .has_timeout = true, .has_expires = true, .tags = { { "x", "y z" }, 2 },
	.depends_on = { { ID1, ID2 }, 2 },
};

static void json_has_what_was_given_and_no_more(void **unused)
{
	struct buf out = { 0 };
	const struct submit_job bare = { .type = "t" };

	(void)unused;
	submit_job_json(&out, &bare, SLICE("[1, 2.50]"));
	assert_string_equal(buf_cstr(&out), "{\"type\":\"t\",\"payload\":[1, 2.50]}");
	buf_clear(&out);
	submit_job_json(&out, &everything, SLICE("null"));
	assert_string_equal(buf_cstr(&out), "{\"type\":\"a/b\",\"queue\":\"q \\\"1\\\"\",\"name\":\"n&m\",\"priority\":-5,\"run_at\":\"2026-11-21T22:40:59+02:00\",\"max_retries\":0,\"timeout\":\"1500ms\","
		"\"expires_in\":\"60000ms\",\"key\":\"k=1\",\"idempotency_key\":\"i\",\"unique_key\":\"u\",\"tags\":[\"x\",\"y z\"],\"depends_on\":[\"" ID1 "\",\"" ID2 "\"],\"payload\":null}");
	buf_free(&out);
}

static void a_query_says_the_same(void **unused)
{
	struct submit_job j = everything;
	struct buf out = { 0 };

	(void)unused;
	j.depends_on.n = 0;
	submit_job_query(&out, &j);
	assert_string_equal(buf_cstr(&out), "type=a%2Fb&queue=q%20%221%22&name=n%26m&priority=-5&run_at=2026-11-21T22:40:59%2B02:00&max_retries=0&timeout=1500ms&expires_in=60000ms"
		"&key=k%3D1&idempotency_key=i&unique_key=u&tag=x&tag=y%20z");
	buf_clear(&out);
	j = (struct submit_job){ .type = "t", .has_delay = true, .delay_ms = 0 };
	submit_job_query(&out, &j);
	assert_string_equal(buf_cstr(&out), "type=t&delay=0ms");
	buf_free(&out);
}

static void refused(const struct submit_job *j, bool raw, const char *part)
{
	char why[400] = "";

	assert_false(submit_job_check(j, raw, why, sizeof(why)));
	if (!strstr(why, part))
		fail_msg("\"%s\" does not say \"%s\"", why, part);
}

static void what_cannot_be_is_named(void **unused)
{
	char why[400];
	struct submit_job j = { .type = "t", .run_at = "2026-11-21T20:40:59Z" };

	(void)unused;
	assert_true(submit_job_check(&everything, false, why, sizeof(why)));
	refused(&everything, true, "--raw payload cannot depend on others");
	assert_true(submit_job_check(&j, true, why, sizeof(why)));
	j.has_delay = true;
	refused(&j, false, "only one of --run-at and --delay");
	j = (struct submit_job){ .type = "t", .run_at = "2026-11-21 20:40" };
	refused(&j, false, "--run-at is \"2026-11-21 20:40\"; it must be a time of RFC 3339");
	j = (struct submit_job){ .type = "t", .depends_on = { { ID1, "12" }, 2 } };
	refused(&j, false, "--depends-on is \"12\", which is not a job id");
	j = (struct submit_job){ .type = "t", .tags = { .n = 17 } };
	refused(&j, false, "there are 17 --tag; a job has at most 16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_what_was_given_and_no_more),
		cmocka_unit_test(a_query_says_the_same),
		cmocka_unit_test(what_cannot_be_is_named),
	};

	return cmocka_run_group_tests_name("cli/submit_job", tests, NULL, NULL);
}
