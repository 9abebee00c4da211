/* Records to bytes and back. Called by the store, and by askers and the keeper for requests. Nothing here is fatal: what cannot be decoded is named. */
#include "job/record.h"

#include <string.h>

#include "text/crc32c.h"

#define CRC_AT (RECORD_JOB_BYTES - 4)

static void put16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }
static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static void put64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }
static uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are little-endian; a big-endian port swaps in put and get");

enum { FLAG_RESULT_CUT = 1, FLAG_RESULT_JSON = 2, FLAG_CANCEL = 4, FLAG_PLACE = 8 | 16, FLAG_CHILDREN = 64 };
#define PLACE_SHIFT 3

/* The fixed record, field by field: where it lies, how wide, signed or not. Both directions walk this one table. */
enum width { W8, W16, W32, W64 };
struct field { uint16_t at, member; uint8_t width; };
#define F(at, width, member) { at, offsetof(struct job, member), width }
static const struct field job_fields[] = {
	F(24, W32, priority), F(28, W32, lane), F(32, W64, sortkey), F(40, W64, created_ms), F(48, W64, updated_ms), F(56, W64, run_at_ms),
	F(64, W64, queued_ms), F(72, W64, started_ms), F(80, W64, finished_ms), F(88, W64, expires_at_ms), F(96, W32, attempts), F(100, W32, retry_count),
	F(104, W32, max_retries), F(108, W32, crashes), F(112, W64, lease_token), F(120, W32, last_outcome), F(124, W32, exit_code), F(128, W32, term_signal),
	F(132, W32, worker), F(136, W32, worker_pid), F(140, W32, progress_pct), F(144, W64, duration_us), F(152, W64, cpu_us), F(160, W64, max_rss_kb),
	F(168, W64, result_len), F(176, W64, result_blob), F(184, W64, log_len), F(192, W64, log_blob),
	F(200, W64, lease_epoch), F(208, W64, grant_seq), F(216, W64, queued_us), F(224, W64, unique[0]), F(232, W64, unique[1]),
	F(240, W64, line[0]), F(248, W32, line[8]), F(252, W64, arrival),
};
#undef F

void record_job_encode(const struct job *j, uint8_t out[RECORD_JOB_BYTES])
{
	memset(out, 0, RECORD_JOB_BYTES);
	put16(out, RECORD_VERSION);
	out[2] = (uint8_t)j->state;
	out[3] = (uint8_t)((j->result_truncated ? FLAG_RESULT_CUT : 0) | (j->result_json ? FLAG_RESULT_JSON : 0) | (j->cancel_asked ? FLAG_CANCEL : 0) |
		(j->has_children ? FLAG_CHILDREN : 0) | ((unsigned)j->place << PLACE_SHIFT & FLAG_PLACE));
	memcpy(out + 8, j->id.b, sizeof(j->id.b));
	for (size_t i = 0; i < sizeof(job_fields) / sizeof(job_fields[0]); i++) {
		const struct field *f = &job_fields[i];
		memcpy(out + f->at, (const char *)j + f->member, f->width == W64 ? 8 : 4);
	}
	put32(out + CRC_AT, crc32c(out, CRC_AT));
}

enum record_rc record_job_decode(const void *p, size_t n, struct job *out)
{
	const uint8_t *b = p;

	if (n < RECORD_JOB_BYTES)
		return RECORD_SHORT;
	if (get16(b) > RECORD_VERSION)
		return RECORD_VERSION_NEWER;
	if (n != RECORD_JOB_BYTES || get16(b) != RECORD_VERSION)
		return RECORD_BAD;
	if (get32(b + CRC_AT) != crc32c(b, CRC_AT))
		return RECORD_CRC;
	if (b[2] == JOB_NONE || b[2] >= JOB_STATES)
		return RECORD_BAD;
	memset(out, 0, sizeof(*out));
	out->state = (enum job_state)b[2];
	out->result_truncated = b[3] & FLAG_RESULT_CUT;
	out->result_json = b[3] & FLAG_RESULT_JSON;
	out->cancel_asked = b[3] & FLAG_CANCEL;
	out->has_children = b[3] & FLAG_CHILDREN;
	out->place = (enum job_place)((b[3] & FLAG_PLACE) >> PLACE_SHIFT);
	memcpy(out->id.b, b + 8, sizeof(out->id.b));
	for (size_t i = 0; i < sizeof(job_fields) / sizeof(job_fields[0]); i++) {
		const struct field *f = &job_fields[i];
		memcpy((char *)out + f->member, b + f->at, f->width == W64 ? 8 : 4);
	}
	return RECORD_OK;
}

/* --- specs --- */

/* The texts of a spec in the order in which they follow the fixed part, with their longest lengths. */
struct text_field { size_t member; uint16_t max; };
#define T(member, max) { offsetof(struct job_spec, member), max }
static const struct text_field spec_texts[] = {
	T(type, JOB_TYPE_MAX), T(queue, JOB_QUEUE_MAX), T(name, JOB_NAME_MAX), T(trace, 64), T(content_type, 256), T(idempotency_key, JOB_KEY_MAX),
	T(unique_key, JOB_KEY_MAX), T(key, JOB_KEY_MAX),
};
#undef T
#define NTEXTS (sizeof(spec_texts) / sizeof(spec_texts[0]))

/* Where a text's length stands: the number of tags lies between the first five and the others. */
static size_t length_at(size_t i)
{
	return i < 5 ? 88 + 2 * i : 90 + 2 * i;
}
#define FINGERPRINT_AT 112
_Static_assert(90 + 2 * NTEXTS <= FINGERPRINT_AT, "the lengths end before the fingerprint");

static const struct job_text *text_of(const struct job_spec *s, size_t i)
{
	return (const struct job_text *)(const void *)((const char *)s + spec_texts[i].member);
}

/* Bytes a spec needs; 0 where a field is out of its range. */
static size_t spec_size(const struct job_spec *s)
{
	size_t n = RECORD_SPEC_HEAD;

	for (size_t i = 0; i < NTEXTS; i++) {
		if (text_of(s, i)->n > spec_texts[i].max)
			return 0;
		n += text_of(s, i)->n;
	}
	if (s->type.n == 0 || s->queue.n == 0 || s->ntags > JOB_TAGS_MAX || s->priority < -32768 || s->priority > 32767)
		return 0;
	for (unsigned i = 0; i < s->ntags; i++) {
		if (s->tag[i].n > JOB_TAG_MAX)
			return 0;
		n += 2 + s->tag[i].n;
	}
	if (s->ndepends > JOB_DEPENDS_MAX)
		return 0;
	n += s->depends ? s->ndepends * sizeof(struct job_id) : 0;
	if (s->payload_blob == 0 && (s->payload.n > JOB_INLINE_MAX || s->payload.n != s->payload_len))
		return 0;
	return n + (s->payload_blob ? 0 : s->payload.n);
}

size_t record_spec_encode(const struct job_spec *s, uint8_t *out, size_t cap)
{
	size_t n = spec_size(s), at = RECORD_SPEC_HEAD;

	if (n == 0 || n > cap)
		return 0;
	memset(out, 0, RECORD_SPEC_HEAD);
	put16(out, RECORD_VERSION);
	put16(out + 98, (uint16_t)s->ntags);
	put32(out + 8, (uint32_t)s->priority);
	put32(out + 12, s->max_retries);
	put64(out + 16, (uint64_t)s->run_at_ms);
	put64(out + 24, (uint64_t)s->expires_at_ms);
	put64(out + 32, (uint64_t)s->timeout_ms);
	put64(out + 40, (uint64_t)s->aging_ms);
	put64(out + 48, (uint64_t)s->backoff.base_ms);
	put64(out + 56, (uint64_t)s->backoff.max_ms);
	put32(out + 64, s->backoff.factor_milli);
	put32(out + 68, s->backoff.jitter_pct);
	put64(out + 72, s->payload_len);
	put64(out + 80, s->payload_blob);
	memcpy(out + FINGERPRINT_AT, s->fingerprint, sizeof(s->fingerprint));
	put16(out + 140, (uint16_t)s->ndepends);
	put16(out + 142, s->depends ? (uint16_t)s->ndepends : 0);
	for (size_t i = 0; i < NTEXTS; i++) {
		const struct job_text *t = text_of(s, i);
		put16(out + length_at(i), (uint16_t)t->n);
		if (t->n)
			memcpy(out + at, t->p, t->n);
		at += t->n;
	}
	for (unsigned i = 0; i < s->ntags; i++) {
		put16(out + at, (uint16_t)s->tag[i].n);
		if (s->tag[i].n)
			memcpy(out + at + 2, s->tag[i].p, s->tag[i].n);
		at += 2 + s->tag[i].n;
	}
	if (s->depends && s->ndepends) {
		memcpy(out + at, s->depends, s->ndepends * sizeof(struct job_id));
		at += s->ndepends * sizeof(struct job_id);
	}
	if (s->payload_blob == 0 && s->payload.n)
		memcpy(out + at, s->payload.p, s->payload.n);
	put32(out + 4, crc32c(out + 8, n - 8));
	return n;
}

static bool take(const uint8_t **p, size_t *left, size_t n, struct job_text *out)
{
	if (n > *left)
		return false;
	*out = (struct job_text){ (const char *)*p, n };
	*p += n;
	*left -= n;
	return true;
}

/* The texts behind the fixed part; false where they do not fit what is there. */
static bool spec_texts_decode(const uint8_t *b, size_t n, struct job_spec *out)
{
	const uint8_t *p = b + RECORD_SPEC_HEAD;
	size_t left = n - RECORD_SPEC_HEAD;

	for (size_t i = 0; i < NTEXTS; i++) {
		struct job_text *t = (struct job_text *)(void *)((char *)out + spec_texts[i].member);
		uint16_t len = get16(b + length_at(i));
		if (len > spec_texts[i].max || !take(&p, &left, len, t))
			return false;
	}
	for (unsigned i = 0; i < out->ntags; i++) {
		struct job_text len;
		if (!take(&p, &left, 2, &len) || get16((const uint8_t *)len.p) > JOB_TAG_MAX)
			return false;
		if (!take(&p, &left, get16((const uint8_t *)len.p), &out->tag[i]))
			return false;
	}
	struct job_text ids;
	if (get16(b + 142) && (get16(b + 142) != out->ndepends || !take(&p, &left, out->ndepends * sizeof(struct job_id), &ids)))
		return false;
	out->depends = get16(b + 142) ? (const uint8_t *)ids.p : NULL;
	if (out->payload_blob != 0)
		return left == 0;
	return left == out->payload_len && left <= JOB_INLINE_MAX && take(&p, &left, left, &out->payload);
}

enum record_rc record_spec_decode(const void *p, size_t n, struct job_spec *out)
{
	const uint8_t *b = p;

	if (n < RECORD_SPEC_HEAD)
		return RECORD_SHORT;
	if (get16(b) > RECORD_VERSION)
		return RECORD_VERSION_NEWER;
	if (get16(b) != RECORD_VERSION)
		return RECORD_BAD;
	if (get32(b + 4) != crc32c(b + 8, n - 8))
		return RECORD_CRC;
	memset(out, 0, sizeof(*out));
	out->ntags = get16(b + 98);
	out->ndepends = get16(b + 140);
	out->priority = (int32_t)get32(b + 8);
	out->max_retries = get32(b + 12);
	out->run_at_ms = (int64_t)get64(b + 16);
	out->expires_at_ms = (int64_t)get64(b + 24);
	out->timeout_ms = (int64_t)get64(b + 32);
	out->aging_ms = (int64_t)get64(b + 40);
	out->backoff.base_ms = (int64_t)get64(b + 48);
	out->backoff.max_ms = (int64_t)get64(b + 56);
	out->backoff.factor_milli = get32(b + 64);
	out->backoff.jitter_pct = get32(b + 68);
	out->payload_len = get64(b + 72);
	out->payload_blob = get64(b + 80);
	memcpy(out->fingerprint, b + FINGERPRINT_AT, sizeof(out->fingerprint));
	if (out->ntags > JOB_TAGS_MAX || out->ndepends > JOB_DEPENDS_MAX || out->priority < -32768 || out->priority > 32767 || !spec_texts_decode(b, n, out))
		return RECORD_BAD;
	return out->type.n == 0 || out->queue.n == 0 ? RECORD_BAD : RECORD_OK;
}

/* --- attempts --- */

#define ATTEMPT_HEAD 120
#define WHO_MAX 64

size_t record_attempt_encode(const struct record_attempt *a, uint8_t *out, size_t cap)
{
	size_t inline_log = a->log_blob ? 0 : a->log.n;
	size_t n = ATTEMPT_HEAD + a->error.n + a->who.n + inline_log;

	if (n > cap || a->who.n > WHO_MAX || a->error.n > JOB_ERROR_MAX || inline_log > JOB_INLINE_MAX)
		return 0;
	memset(out, 0, ATTEMPT_HEAD);
	put16(out, RECORD_VERSION);
	put32(out + 104, a->outcome);
	put64(out + 112, a->token);
	put32(out + 8, a->attempt);
	put32(out + 12, (uint32_t)a->exit_code);
	put32(out + 16, (uint32_t)a->term_signal);
	put32(out + 20, a->worker);
	put64(out + 24, (uint64_t)a->claimed_ms);
	put64(out + 32, (uint64_t)a->started_ms);
	put64(out + 40, (uint64_t)a->ended_ms);
	put64(out + 48, (uint64_t)a->retry_at_ms);
	put64(out + 56, (uint64_t)a->duration_us);
	put64(out + 64, (uint64_t)a->cpu_us);
	put64(out + 72, a->max_rss_kb);
	put32(out + 80, (uint32_t)a->worker_pid);
	put32(out + 84, (uint32_t)a->error.n);
	put64(out + 88, a->log_blob);
	put64(out + 96, a->log_len);
	put32(out + 108, (uint32_t)a->who.n);
	if (a->error.n)
		memcpy(out + ATTEMPT_HEAD, a->error.p, a->error.n);
	if (a->who.n)
		memcpy(out + ATTEMPT_HEAD + a->error.n, a->who.p, a->who.n);
	if (inline_log)
		memcpy(out + ATTEMPT_HEAD + a->error.n + a->who.n, a->log.p, inline_log);
	put32(out + 4, crc32c(out + 8, n - 8));
	return n;
}

enum record_rc record_attempt_decode(const void *p, size_t n, struct record_attempt *out)
{
	const uint8_t *b = p;

	if (n < ATTEMPT_HEAD)
		return RECORD_SHORT;
	if (get16(b) > RECORD_VERSION)
		return RECORD_VERSION_NEWER;
	if (get16(b) != RECORD_VERSION)
		return RECORD_BAD;
	if (get32(b + 4) != crc32c(b + 8, n - 8))
		return RECORD_CRC;
	if (get32(b + 104) >= JOB_OUTCOMES)
		return RECORD_BAD;
	*out = (struct record_attempt){
		.attempt = get32(b + 8), .outcome = get32(b + 104), .token = get64(b + 112), .claimed_ms = (int64_t)get64(b + 24), .started_ms = (int64_t)get64(b + 32),
		.ended_ms = (int64_t)get64(b + 40), .retry_at_ms = (int64_t)get64(b + 48), .exit_code = (int32_t)get32(b + 12),
		.term_signal = (int32_t)get32(b + 16), .duration_us = (int64_t)get64(b + 56), .cpu_us = (int64_t)get64(b + 64),
		.max_rss_kb = get64(b + 72), .worker = get32(b + 20), .worker_pid = (int32_t)get32(b + 80), .log_blob = get64(b + 88), .log_len = get64(b + 96),
	};
	uint32_t error_len = get32(b + 84), who_len = get32(b + 108);
	if (error_len > JOB_ERROR_MAX || who_len > WHO_MAX || n - ATTEMPT_HEAD < error_len + who_len || n - ATTEMPT_HEAD - error_len - who_len > JOB_INLINE_MAX)
		return RECORD_BAD;
	out->error = (struct job_text){ (const char *)b + ATTEMPT_HEAD, error_len };
	out->who = (struct job_text){ (const char *)b + ATTEMPT_HEAD + error_len, who_len };
	out->log = (struct job_text){ (const char *)b + ATTEMPT_HEAD + error_len + who_len, n - ATTEMPT_HEAD - error_len - who_len };
	return RECORD_OK;
}

const char *record_rc_text(enum record_rc rc)
{
	static const char *const text[] = { "sound", "cut short", "of a newer version", "damaged (checksum)", "not a record" };

	return (unsigned)rc < sizeof(text) / sizeof(text[0]) ? text[rc] : "unknown";
}
