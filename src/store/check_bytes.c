/* The check: payloads, results and logs that lie in rows of their own. Each number has one owner, all its rows, and no row is nobody's. */
#include "store/check_impl.h"

#include <inttypes.h>
#include <stdlib.h>

bool check_blob_whole(struct check *c, enum kv_table t, const struct job_id *id, const char *what, uint64_t blob, uint64_t len)
{
	check_remember(c, &c->owned, blob, len);
	for (uint64_t at = 0; at < len && c->failed == STORE_OK; at += KV_BLOB_ROW) {
		struct key k = key_blob(blob, (uint32_t)(at / KV_BLOB_ROW));
		uint64_t want = len - at < KV_BLOB_ROW ? len - at : KV_BLOB_ROW;
		struct kv_bytes v;
		if (!check_get(c, KV_BLOB, key_of(&k), &v)) {
			check_flaw(c, t, id, "its %s of %" PRIu64 " bytes is cut: those from %" PRIu64 " on are not there", what, len, at);
			return false;
		}
		if (sealed_open(key_of(&k), &v) != STORE_OK || v.n != want) {
			check_flaw(c, t, id, "its %s of %" PRIu64 " bytes is damaged at byte %" PRIu64, what, len, at);
			return false;
		}
	}
	return true;
}

void check_attempt(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct record_attempt a;
	struct job_id id;
	struct job j;

	if (key.n != 24) {
		check_flaw(c, KV_ATTEMPT, NULL, "a key of %zu bytes is no attempt's", key.n);
		return;
	}
	memcpy(&id, key.p, sizeof(id));
	enum record_rc rc = record_attempt_decode(v.p, v.n, &a);
	if (rc != RECORD_OK || a.token != key_get64((const uint8_t *)key.p + 16))
		check_flaw(c, KV_ATTEMPT, &id, "one of its attempts cannot be read: %s", rc == RECORD_OK ? "it is that of another lease" : record_rc_text(rc));
	else if (check_job_of(c, &id, &j) == CHECK_JOB_GONE)
		check_flaw(c, KV_ATTEMPT, &id, "there is an attempt of it, and the job is not there");
	else if (a.log_blob)
		check_blob_whole(c, KV_ATTEMPT, &id, "log", a.log_blob, a.log_len);
}

void check_stage_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	if (key.n != 16 || v.n != sizeof(struct stage_row))
		check_flaw(c, KV_STAGE, NULL, "a row of staged bytes cannot be read");
	else
		check_remember(c, &c->staged, key_get64((const uint8_t *)key.p + 8), 0);
}

static int by_number(const void *a, const void *b)
{
	struct check_blob x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x.blob > y.blob) - (x.blob < y.blob);
}

void check_owned_twice(struct check *c)
{
	struct check_blobs *b[2] = { &c->owned, &c->staged };

	for (int i = 0; i < 2; i++)
		if (b[i]->n)
			qsort(b[i]->v, b[i]->n, sizeof(*b[i]->v), by_number);
	for (size_t i = 1; i < c->owned.n; i++)
		if (c->owned.v[i].blob == c->owned.v[i - 1].blob)
			check_flaw(c, KV_BLOB, NULL, "the bytes with the number %" PRIu64 " have two owners", c->owned.v[i].blob);
}

static const struct check_blob *among(const struct check_blobs *b, uint64_t blob)
{
	struct check_blob key = { blob, 0 };

	return b->n ? bsearch(&key, b->v, b->n, sizeof(key), by_number) : NULL;
}

/* Bytes that came up since the check began may belong to a job that has been looked at already, and so may those that were staged then. */
static bool may_have_an_owner(struct check *c, uint64_t blob)
{
	struct key doomed = key_stage(0, blob);

	return c->headless || blob >= c->head.next_blob || among(&c->staged, blob) || check_has(c, KV_STAGE, &doomed);
}

void check_blob_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	if (key.n != 12) {
		check_flaw(c, KV_BLOB, NULL, "a key of %zu bytes is not one of a row of bytes", key.n);
		return;
	}
	uint64_t blob = key_get64(key.p);
	uint32_t row = key_get32((const uint8_t *)key.p + 8);
	const struct check_blob *owned = among(&c->owned, blob);
	bool beyond = owned && (uint64_t)row * KV_BLOB_ROW >= owned->len;
	if (owned && !beyond)
		return;                 /* it has been read */
	if (c->whole && blob != c->nobodys && !may_have_an_owner(c, blob)) {
		c->nobodys = blob;
		check_flaw(c, KV_BLOB, NULL, beyond ? "the bytes with the number %" PRIu64 " have rows behind their end" : "the bytes with the number %" PRIu64 " belong to nobody", blob);
	}
	if (sealed_open(key, &v) != STORE_OK)
		check_flaw(c, KV_BLOB, NULL, "row %" PRIu32 " of the bytes with the number %" PRIu64 " is damaged", row, blob);
}
