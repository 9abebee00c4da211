/* job/whole: a job as a line and back; what is wrong with a line is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/whole.h"
#include "text/json.h"

#define ID "\"01930000-0000-7000-8000-000000000001\""
#define BEGIN "{\"kind\":\"job\",\"id\":" ID ",\"state\":\"queued\",\"type\":\"t\",\"queue\":\"q\""
#define NEEDED ",\"backoff_factor_milli\":2000,\"created_ms\":1"
#define JOB BEGIN NEEDED

static struct whole_line l;

static void same_again(const char *line)
{
	struct whole_error e;
	struct buf out = { 0 };

	if (!whole_parse((struct slice){ line, strlen(line) - 1 }, &l, &e))
		fail_msg("%s: %s", e.field, e.what);
	switch (l.kind) {
	case WHOLE_JOB:
		whole_put_job(&out, &l.job);
		break;
	case WHOLE_KEY:
		whole_put_key(&out, &l.key);
		break;
	case WHOLE_QUEUE:
		whole_put_queue(&out, l.queue);
		break;
	case WHOLE_SCHEDULE:
		whole_put_schedule(&out, &l.schedule);
		break;
	case WHOLE_END:
		whole_put_end(&out, l.jobs);
		break;
	case WHOLE_HEAD:
		whole_put_head(&out, "0.1.0", 5);
		break;
	}
	assert_string_equal(buf_cstr(&out), line);
	buf_free(&out);
}

static void lines_are_the_same_again(void **unused)
{
	(void)unused;
	same_again("{\"kind\":\"stint-export\",\"format\":1,\"version\":\"0.1.0\",\"made_ms\":5}\n");
	same_again("{\"kind\":\"end\",\"jobs\":7}\n");
	same_again("{\"kind\":\"queue\",\"name\":\"a \\\"b\\\"\",\"paused\":true}\n");
	same_again("{\"kind\":\"key\",\"id\":" ID ",\"key\":\"once\",\"fingerprint_base64\":\"AQIDBAUGBwgJCgsMDQ4PEA==\",\"created_ms\":9}\n");
	same_again("{\"kind\":\"key\",\"id\":" ID ",\"key_base64\":\"AG9uY2U=\",\"created_ms\":9}\n");
	same_again("{\"kind\":\"queue\",\"name_base64\":\"/w==\",\"paused\":true}\n");
	same_again("{\"kind\":\"schedule\",\"name\":\"nightly\",\"job\":" ID ",\"upto_ms\":5,\"run_ms\":4,\"print\":3}\n");
	same_again(JOB ",\"payload\":null}\n");
	same_again(JOB ",\"payload\":{\"a\":[1e400,\"\xc3\xa4\",{}]}}\n");
	same_again(BEGIN ",\"priority\":-5" NEEDED ",\"sort_key\":-9223372036854775807,\"signal\":9,\"result_truncated\":true,\"tags\":[\"a\",\"\xf0\x9f\x92\xa9\"],\"depends_on\":[" ID "],\"waits_for\":[" ID "]"
		",\"progress\":{\"percent\":5,\"attempt\":1,\"at_ms\":7,\"message\":\"m\"},\"history\":[{\"attempt\":1,\"outcome\":2,\"worker_name\":\"w\",\"error\":\"e\",\"log_len\":1,\"log\":\"\\u0001\"}"
		",{\"attempt\":2,\"outcome\":6,\"log_base64\":\"gA==\"}],\"notes\":[{\"at_us\":1,\"event\":2,\"attempt\":3,\"detail\":\"d\"},{\"at_us\":2,\"event\":4}],\"payload\":1,\"result_text\":\"r\"}\n");
	same_again(BEGIN ",\"content_type\":\"a/b\"" NEEDED ",\"result_is_json\":true,\"payload_base64\":\"gIGC\",\"result\":[1]}\n");
}

static void what_would_not_stay_in_a_line_is_coded(void **unused)
{
	struct job_whole w = { .state = JOB_QUEUED, .job.created_ms = 1, .spec.backoff.factor_milli = 1000 };
	struct buf out = { 0 };
	struct whole_error e;
	char deep[2 * JSON_MAX_DEPTH + 1];

	(void)unused;
	memset(deep, '[', JSON_MAX_DEPTH);
	memset(deep + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	const struct job_text payloads[] = { { "[1,\n2]", 6 }, { deep, 2 * JSON_MAX_DEPTH }, { "\"a\\\"[[\"", 7 } };
	for (size_t i = 0; i < 3; i++) {
		w.spec.type = w.spec.queue = (struct job_text){ "t", 1 };
		w.job.exit_code = -1;
		w.payload = payloads[i];
		buf_clear(&out);
		whole_put_job(&out, &w);
		assert_int_equal(strstr(buf_cstr(&out), "payload_base64") != NULL, i < 2);
		assert_true(whole_parse((struct slice){ out.data, out.len - 1 }, &l, &e));
		assert_int_equal(l.job.payload.n, payloads[i].n);
		assert_memory_equal(l.job.payload.p, payloads[i].p, payloads[i].n);
	}
	buf_free(&out);
}

static void wrong(const char *line, const char *field, const char *what)
{
	struct whole_error e;

	if (whole_parse((struct slice){ line, strlen(line) }, &l, &e))
		fail_msg("taken: %s", line);
	assert_string_equal(e.field, field);
	if (!strstr(e.what, what))
		fail_msg("\"%s\" is not in \"%s\"", what, e.what);
}

static void what_is_wrong_is_named(void **unused)
{
	(void)unused;
	wrong("", "", "it is not JSON: column 1");
	wrong("{\"kind\":\"job\"", "", "it is not JSON: column 14");
	wrong("[]", "kind", "an object that says its kind");
	wrong("{\"kind\":\"thing\"}", "kind", "it must be job, key, queue");
	wrong("{\"kind\":7}", "kind", "it must be job, key, queue");
	wrong("{\"kind\":\"job\",\"id\":\"x\",\"payload\":1}", "id", "it must be the id of a job");
	wrong("{\"kind\":\"job\",\"id\":" ID ",\"state\":\"gone\"}", "state", "it must be a state: scheduled");
	wrong("{\"kind\":\"job\",\"id\":" ID ",\"state\":\"queued\",\"queue\":\"q\"}", "type", "it must be there");
	wrong(BEGIN "}", "created_ms", "it must be there");
	wrong(BEGIN ",\"created_ms\":1}", "backoff_factor_milli", "it must be there");
	wrong(JOB "}", "payload", "either payload, any JSON, or payload_base64");
	wrong(JOB ",\"payload\":1,\"payload_base64\":\"AA==\"}", "payload", "either");
	wrong(JOB ",\"payload_base64\":\"A\"}", "payload", "either");
	wrong(JOB ",\"payload\":1,\"payload\":2}", "payload", "it is there twice");
	wrong(JOB ",\"payload\":1,\"colour\":2}", "\"colour\"", "there is no such member of a job");
	wrong(JOB ",\"payload\":1,\"priority\":40000}", "priority", "a whole number from -32768 to 32767");
	wrong(JOB ",\"payload\":1,\"timeout_ms\":315360000001}", "timeout_ms", "a whole number from 0 to 315360000000");
	wrong(JOB ",\"payload\":1,\"aging_ms\":315360000001}", "aging_ms", "a whole number from 0 to 315360000000");
	wrong(JOB ",\"payload\":1,\"backoff_base_ms\":9007199254740992}", "backoff_base_ms", "a whole number from 0 to 315360000000");
	wrong(JOB ",\"payload\":1,\"backoff_max_ms\":315360000001}", "backoff_max_ms", "a whole number from 0 to 315360000000");
	wrong(JOB ",\"payload\":1,\"priority\":1.5}", "priority", "a whole number");
	wrong(JOB ",\"payload\":1,\"priority\":\"1\"}", "priority", "a whole number");
	wrong(JOB ",\"payload\":1,\"arrival\":99999999999999999999}", "arrival", "a whole number");
	wrong(JOB ",\"payload\":1,\"cancel_asked\":1}", "cancel_asked", "true or false");
	wrong(JOB ",\"payload\":1,\"name\":1}", "name", "a string of at most 256 bytes");
	wrong(JOB ",\"payload\":1,\"tags\":[1]}", "tags", "at most 16 strings");
	wrong(JOB ",\"payload\":1,\"tags\":1}", "tags", "an array of strings");
	wrong(JOB ",\"payload\":1,\"depends_on\":[1]}", "depends_on", "at most 256 ids");
	wrong(JOB ",\"payload\":1,\"depends_on\":1}", "depends_on", "an array of ids");
	wrong(JOB ",\"payload\":1,\"history\":[1]}", "history", "an array of objects");
	wrong(JOB ",\"payload\":1,\"history\":[{\"attempt\":1}]}", "outcome", "must say its outcome");
	wrong(JOB ",\"payload\":1,\"history\":[{\"outcome\":99}]}", "outcome", "a whole number from 1 to 7");
	wrong(JOB ",\"payload\":1,\"history\":[{\"x\":99}]}", "\"x\"", "no such member of a history's");
	wrong(JOB ",\"payload\":1,\"notes\":[{\"x\":99}]}", "\"x\"", "no such member of a note");
	wrong(JOB ",\"payload\":1,\"notes\":[{\"event\":999}]}", "event", "a whole number from 0 to 255");
	wrong(JOB ",\"payload\":1,\"progress\":{\"percent\":101}}", "percent", "a whole number from 0 to 100");
	wrong(JOB ",\"payload\":1,\"progress\":1}", "progress", "it must be an object");
	wrong(JOB ",\"payload\":1,\"fingerprint_base64\":\"AA==\"}", "fingerprint_base64", "16 bytes in base64");
	wrong(JOB ",\"payload\":1,\"result_text\":1}", "result_text", "it must be a string");
	wrong("{\"kind\":\"key\",\"id\":" ID ",\"created_ms\":1}", "key", "1 to 255 bytes");
	wrong("{\"kind\":\"queue\",\"name\":\"q\",\"name_base64\":\"AA==\",\"paused\":true}", "name", "1 to 128 bytes");
	wrong("{\"kind\":\"queue\",\"name\":\"q\"}", "paused", "it must be true");
	wrong("{\"kind\":\"queue\",\"paused\":true}", "name", "1 to 128 bytes");
	wrong("{\"kind\":\"schedule\",\"name\":\"n\",\"job\":" ID "}", "upto_ms", "a whole number");
	wrong("{\"kind\":\"end\",\"x\":1}", "\"x\"", "no such member of this kind of line");
}

static int clean(void **unused)
{
	(void)unused;
	whole_line_free(&l);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_same_again),
		cmocka_unit_test(what_would_not_stay_in_a_line_is_coded),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
