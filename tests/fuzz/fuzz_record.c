/* Records as a store might hold them. Their checksums are put right first, or nothing would be looked at behind them: whatever is then taken stays within its bytes and can be written again. */
#include <string.h>

#include "job/record.h"
#include "tests/fuzz/fuzz.h"
#include "text/crc32c.h"

static const uint8_t *begin, *end;

static void inside(struct job_text t)
{
	MUST(t.n == 0 || ((const uint8_t *)t.p >= begin && (const uint8_t *)t.p + t.n <= end));
}

static void as_job(const uint8_t *p, size_t n)
{
	uint8_t out[RECORD_JOB_BYTES];
	struct job j, back;

	if (record_job_decode(p, n, &j) != RECORD_OK)
		return;
	record_job_encode(&j, out);
	MUST(record_job_decode(out, sizeof(out), &back) == RECORD_OK);
	MUST(memcmp(&j.id, &back.id, sizeof(j.id)) == 0 && j.state == back.state && j.sortkey == back.sortkey && j.arrival == back.arrival && j.place == back.place);
}

static void as_spec(const uint8_t *p, size_t n)
{
	static uint8_t out[RECORD_SPEC_MAX];
	struct job_spec s;

	if (record_spec_decode(p, n, &s) != RECORD_OK)
		return;
	const struct job_text text[] = { s.type, s.queue, s.name, s.trace, s.content_type, s.idempotency_key, s.unique_key, s.key, s.payload,
		{ (const char *)s.depends, s.depends ? 16 * s.ndepends : 0 } };
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		inside(text[i]);
	MUST(s.ntags <= JOB_TAGS_MAX);
	for (unsigned i = 0; i < s.ntags; i++)
		inside(s.tag[i]);
	MUST(record_spec_encode(&s, out, sizeof(out)) == n);
}

static void as_attempt(const uint8_t *p, size_t n)
{
	static uint8_t out[RECORD_ATTEMPT_MAX];
	struct record_attempt a;

	if (record_attempt_decode(p, n, &a) != RECORD_OK)
		return;
	inside(a.error);
	inside(a.log);
	inside(a.who);
	MUST(record_attempt_encode(&a, out, sizeof(out)) > 0);
}

/* The first byte says which record it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t p[16384];
	uint32_t crc;

	if (n < 1 || n - 1 > sizeof(p))
		return 0;
	memcpy(p, data + 1, n - 1);
	n--;
	begin = p;
	end = p + n;
	if (data[0] % 3 == 0 && n == RECORD_JOB_BYTES) {
		crc = crc32c(p, n - 4);
		memcpy(p + n - 4, &crc, 4);
	} else if (data[0] % 3 != 0 && n >= 8) {
		crc = crc32c(p + 8, n - 8);
		memcpy(p + 4, &crc, 4);
	}
	(data[0] % 3 == 0 ? as_job : data[0] % 3 == 1 ? as_spec : as_attempt)(p, n);
	return 0;
}
