/* Records: there and back, and every way in which bytes can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "job/record.h"
#include "text/crc32c.h"

static struct job_text text(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

static struct job sample_job(void)
{
	struct job j = {
		.state = JOB_RETRYING, .priority = -3, .lane = 9, .sortkey = 0x8123456789abcdef, .created_ms = 1, .updated_ms = 2, .run_at_ms = 3, .queued_ms = 4, .started_ms = 5,
		.finished_ms = 6, .expires_at_ms = 7, .attempts = 8, .retry_count = 9, .max_retries = 10, .crashes = 11, .queued_us = 12, .lease_token = 13, .lease_epoch = 14, .grant_seq = 15,
		.last_outcome = JOB_OUTCOME_TIMED_OUT, .exit_code = -1, .term_signal = 15, .worker = 3, .worker_pid = 4711, .duration_us = 16, .cpu_us = 17, .max_rss_kb = 18,
		.result_len = 19, .result_blob = 20, .log_len = 21, .log_blob = 22, .result_truncated = true, .result_json = true, .progress_pct = -1,
	};

	memset(&j.id, 0xa5, sizeof(j.id));
	return j;
}

static void test_job_there_and_back(void **state)
{
	struct job j = sample_job(), back;
	uint8_t row[RECORD_JOB_BYTES];

	(void)state;
	j.unique[0] = 23;
	j.unique[1] = 24;
	memset(j.line, 25, sizeof(j.line));
	j.arrival = UINT64_C(26) << 32 | 27;
	j.place = JOB_RESTS;
	record_job_encode(&j, row);
	assert_int_equal(record_job_decode(row, sizeof(row), &back), RECORD_OK);
	/* compared member by member through a second encoding: padding is not part of a record */
	uint8_t again[RECORD_JOB_BYTES];
	record_job_encode(&back, again);
	assert_memory_equal(row, again, sizeof(row));
	assert_int_equal(back.state, JOB_RETRYING);
	assert_int_equal(back.priority, -3);
	assert_true(back.sortkey == j.sortkey);
	assert_int_equal(back.exit_code, -1);
	assert_int_equal(back.progress_pct, -1);
	assert_int_equal(back.queued_us, 12);
	assert_int_equal(back.grant_seq, 15);
	assert_int_equal(back.log_blob, 22);
	assert_true(back.result_truncated && back.result_json);
	assert_true(back.unique[0] == 23 && back.unique[1] == 24);
	assert_memory_equal(back.line, j.line, sizeof(j.line));
	assert_true(back.arrival == j.arrival && back.place == JOB_RESTS && !back.has_children);
}

/* The bytes of version 1, as they were when it was new: what is stored stays readable. */
static void test_job_version_1_fixture(void **state)
{
	struct job j = sample_job();
	uint8_t row[RECORD_JOB_BYTES];
	static const uint8_t begin[] = { 1, 0, 5, 3, 0, 0, 0, 0, 0xa5, 0xa5 };

	(void)state;
	record_job_encode(&j, row);
	assert_memory_equal(row, begin, sizeof(begin));
	assert_int_equal(crc32c(row, sizeof(row) - 4), 0x378187e5u);
}

static void test_job_damage_is_seen(void **state)
{
	struct job j = sample_job(), back;
	uint8_t row[RECORD_JOB_BYTES];

	(void)state;
	record_job_encode(&j, row);
	for (size_t i = 0; i < sizeof(row); i++) {
		for (int bit = 0; bit < 8; bit++) {
			row[i] ^= (uint8_t)(1 << bit);
			assert_int_not_equal(record_job_decode(row, sizeof(row), &back), RECORD_OK);
			row[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t n = 0; n < sizeof(row); n++)
		assert_int_equal(record_job_decode(row, n, &back), RECORD_SHORT);
	row[0] = 2;
	assert_int_equal(record_job_decode(row, sizeof(row), &back), RECORD_VERSION_NEWER);
	assert_string_equal(record_rc_text(RECORD_CRC), "damaged (checksum)");
}

static struct job_spec sample_spec(void)
{
	return (struct job_spec){
		.type = text("img.scale"), .queue = text("media"), .name = text("a name"), .trace = text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
		.tag = { text("a"), text(""), text("ccc") }, .ntags = 3, .priority = -32768, .run_at_ms = 1, .expires_at_ms = 2, .max_retries = 3, .timeout_ms = 4, .aging_ms = 5,
		.backoff = { 6, 7, 8, 9 }, .payload = text("{\"x\": 1}"), .payload_len = 8, .content_type = text("text/csv"),
		.idempotency_key = text("once"), .unique_key = text("alone"), .key = text("customer 7"), .fingerprint = { 1, [15] = 16 },
	};
}

static void test_spec_there_and_back(void **state)
{
	struct job_spec s = sample_spec(), back;
	uint8_t row[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(&s, row, sizeof(row));

	(void)state;
	assert_true(n > RECORD_SPEC_HEAD);
	assert_int_equal(record_spec_decode(row, n, &back), RECORD_OK);
	assert_int_equal(back.priority, -32768);
	assert_int_equal(back.ntags, 3);
	assert_int_equal(back.tag[1].n, 0);
	assert_true(back.tag[2].n == 3 && memcmp(back.tag[2].p, "ccc", 3) == 0);
	assert_true(back.content_type.n == 8 && memcmp(back.content_type.p, "text/csv", 8) == 0);
	assert_true(back.payload.n == 8 && memcmp(back.payload.p, "{\"x\": 1}", 8) == 0);
	assert_int_equal(back.backoff.jitter_pct, 9);
	assert_true(back.idempotency_key.n == 4 && memcmp(back.idempotency_key.p, "once", 4) == 0);
	assert_true(back.unique_key.n == 5 && memcmp(back.unique_key.p, "alone", 5) == 0);
	assert_true(back.key.n == 10 && memcmp(back.key.p, "customer 7", 10) == 0);
	assert_memory_equal(back.fingerprint, s.fingerprint, sizeof(s.fingerprint));
	s.payload_blob = 5;
	s.payload_len = 1 << 20;
	n = record_spec_encode(&s, row, sizeof(row));
	assert_int_equal(record_spec_decode(row, n, &back), RECORD_OK);
	assert_int_equal(back.payload.n, 0);
	assert_int_equal(back.payload_len, 1 << 20);
}

static void test_spec_with_parents(void **state)
{
	static uint8_t ids[JOB_DEPENDS_MAX * 16], row[RECORD_SPEC_MAX];
	struct job_spec s = sample_spec(), back;

	(void)state;
	for (size_t i = 0; i < sizeof(ids); i++)
		ids[i] = (uint8_t)(i * 7);
	s.depends = ids;
	s.ndepends = JOB_DEPENDS_MAX;
	size_t n = record_spec_encode(&s, row, sizeof(row));
	assert_int_equal(record_spec_decode(row, n, &back), RECORD_OK);
	assert_int_equal(back.ndepends, JOB_DEPENDS_MAX);
	assert_memory_equal(back.depends, ids, sizeof(ids));
	assert_true(back.payload.n == 8 && memcmp(back.payload.p, "{\"x\": 1}", 8) == 0);
	for (size_t m = n - 9; m < n; m++)
		assert_int_not_equal(record_spec_decode(row, m, &back), RECORD_OK);
	s.depends = NULL;               /* in rows of their own: the number stays */
	size_t lean = record_spec_encode(&s, row, sizeof(row));
	assert_int_equal(n - lean, sizeof(ids));
	assert_int_equal(record_spec_decode(row, lean, &back), RECORD_OK);
	assert_int_equal(back.ndepends, JOB_DEPENDS_MAX);
	assert_null(back.depends);
	s.ndepends = JOB_DEPENDS_MAX + 1;
	assert_int_equal(record_spec_encode(&s, row, sizeof(row)), 0);
}

static void test_spec_damage_is_seen(void **state)
{
	struct job_spec s = sample_spec(), back;
	uint8_t row[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(&s, row, sizeof(row));

	(void)state;
	for (size_t i = 0; i < n; i++) {
		row[i] ^= 0x10;
		enum record_rc rc = record_spec_decode(row, n, &back);
		row[i] ^= 0x10;
		if (i == 2 || i == 3)           /* reserved: nobody reads them */
			continue;
		assert_int_not_equal(rc, RECORD_OK);
	}
	for (size_t m = 0; m < n; m++)
		assert_int_not_equal(record_spec_decode(row, m, &back), RECORD_OK);
}

/* Lengths that lie, under a checksum that does not: what a hostile neighbour could write. */
static void test_spec_lengths_are_checked(void **state)
{
	struct job_spec s = sample_spec(), back;
	uint8_t row[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(&s, row, sizeof(row));

	(void)state;
	for (size_t at = 72; at < RECORD_SPEC_HEAD; at++) {
		uint8_t was = row[at];
		for (unsigned v = 0; v < 256; v += 5) {
			row[at] = (uint8_t)v;
			uint32_t crc = crc32c(row + 8, n - 8);
			memcpy(row + 4, &crc, sizeof(crc));
			record_spec_decode(row, n, &back);      /* under the sanitizers: nothing is read beyond n */
		}
		row[at] = was;
	}
}

static void test_spec_limits(void **state)
{
	uint8_t row[RECORD_SPEC_MAX];
	char big[JOB_INLINE_MAX + 1];
	struct job_spec s = sample_spec();

	(void)state;
	memset(big, 'x', sizeof(big));
	s.type.n = 0;
	assert_int_equal(record_spec_encode(&s, row, sizeof(row)), 0);
	s = sample_spec();
	s.type = (struct job_text){ big, JOB_TYPE_MAX + 1 };
	assert_int_equal(record_spec_encode(&s, row, sizeof(row)), 0);
	s = sample_spec();
	s.priority = 32768;
	assert_int_equal(record_spec_encode(&s, row, sizeof(row)), 0);
	s = sample_spec();
	s.payload = (struct job_text){ big, sizeof(big) };
	s.payload_len = sizeof(big);
	assert_int_equal(record_spec_encode(&s, row, sizeof(row)), 0);
	s = sample_spec();
	assert_int_equal(record_spec_encode(&s, row, 20), 0);
	/* the largest of all fits what is promised */
	s.type = s.queue = (struct job_text){ big, 128 };
	s.name = (struct job_text){ big, JOB_NAME_MAX };
	s.content_type = (struct job_text){ big, 256 };
	s.ntags = JOB_TAGS_MAX;
	for (unsigned i = 0; i < JOB_TAGS_MAX; i++)
		s.tag[i] = (struct job_text){ big, JOB_TAG_MAX };
	s.payload = (struct job_text){ big, JOB_INLINE_MAX };
	s.payload_len = JOB_INLINE_MAX;
	assert_true(record_spec_encode(&s, row, sizeof(row)) > 0);
}

static void test_attempt(void **state)
{
	struct record_attempt a = {
		.attempt = 3, .outcome = JOB_OUTCOME_FAILED, .claimed_ms = 1, .started_ms = 2, .ended_ms = 3, .retry_at_ms = 4, .exit_code = 65, .term_signal = 0, .duration_us = 5,
		.cpu_us = 6, .max_rss_kb = 7, .worker = 8, .worker_pid = 9, .log_len = 3, .error = text("no luck"), .log = text("log"),
	}, back;
	uint8_t row[RECORD_ATTEMPT_MAX];
	size_t n = record_attempt_encode(&a, row, sizeof(row));

	(void)state;
	assert_true(n > 0);
	assert_int_equal(record_attempt_decode(row, n, &back), RECORD_OK);
	assert_int_equal(back.exit_code, 65);
	assert_int_equal(back.retry_at_ms, 4);
	assert_true(back.error.n == 7 && memcmp(back.error.p, "no luck", 7) == 0);
	assert_true(back.log.n == 3 && memcmp(back.log.p, "log", 3) == 0);
	for (size_t i = 8; i < n; i++) {
		row[i] ^= 1;
		assert_int_equal(record_attempt_decode(row, n, &back), RECORD_CRC);
		row[i] ^= 1;
	}
	for (size_t m = 0; m < n; m++)
		assert_int_not_equal(record_attempt_decode(row, m, &back), RECORD_OK);
	assert_int_equal(record_attempt_encode(&a, row, 40), 0);
}

/* Lengths that no writer gives, each with a checksum that is right: of the error and of the worker's name, at 84 and 108. */
static void test_attempt_limits(void **state)
{
	static const struct { size_t at; uint32_t most; } part[] = { { 84, JOB_ERROR_MAX }, { 108, 64 } };
	uint8_t row[120 + JOB_ERROR_MAX + 64 + JOB_INLINE_MAX + 1] = { 0 };
	struct record_attempt a = { .attempt = 1 }, back;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (uint32_t over = 0; over <= 1; over++) {
			size_t n = 120 + part[i].most + 1;
			uint32_t len = part[i].most + over, crc;
			assert_true(record_attempt_encode(&a, row, sizeof(row)) > 0);
			memcpy(row + part[i].at, &len, sizeof(len));
			crc = crc32c(row + 8, n - 8);
			memcpy(row + 4, &crc, sizeof(crc));
			assert_int_equal(record_attempt_decode(row, n, &back), over ? RECORD_BAD : RECORD_OK);
		}
	for (uint32_t over = 0; over <= 1; over++) {
		size_t n = 120 + JOB_INLINE_MAX + over;
		assert_true(record_attempt_encode(&a, row, sizeof(row)) > 0);
		uint32_t crc = crc32c(row + 8, n - 8);
		memcpy(row + 4, &crc, sizeof(crc));
		assert_int_equal(record_attempt_decode(row, n, &back), over ? RECORD_BAD : RECORD_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_job_there_and_back), cmocka_unit_test(test_job_version_1_fixture), cmocka_unit_test(test_job_damage_is_seen),
		cmocka_unit_test(test_spec_there_and_back), cmocka_unit_test(test_spec_with_parents), cmocka_unit_test(test_spec_damage_is_seen), cmocka_unit_test(test_spec_lengths_are_checked),
		cmocka_unit_test(test_spec_limits), cmocka_unit_test(test_attempt), cmocka_unit_test(test_attempt_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
