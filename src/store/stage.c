/* Blobs: long payloads, results and logs as rows of 2,000 bytes, and their staging: they go up in chunks before the request that names them, and belong to whoever staged them until then. */
#include "store/embedded.h"

struct stage_row { uint32_t incarnation, slot; uint64_t len; };

enum store_rc blob_put(struct store *s, struct job_text bytes, uint64_t *blob)
{
	*blob = s->head.next_blob++;
	for (size_t at = 0, row = 0; at < bytes.n; at += KV_BLOB_ROW, row++) {
		struct key k = key_blob(*blob, (uint32_t)row);
		size_t left = bytes.n - at;
		TRY(row_put(s, KV_BLOB, key_of(&k), (struct kv_bytes){ bytes.p + at, left < KV_BLOB_ROW ? left : KV_BLOB_ROW }));
	}
	return STORE_OK;
}

enum store_rc blob_delete(struct store *s, uint64_t blob)
{
	enum store_rc rc;

	for (uint32_t row = 0;; row++) {
		struct key k = key_blob(blob, row);
		rc = row_del(s, KV_BLOB, key_of(&k));
		if (rc != STORE_OK)
			return may(rc);
	}
}

/* A staged blob is found by its number alone: the row's key begins with who staged it, which the namer need not know. Few are staged at a time, so the scan is short. */
static enum store_rc stage_find(struct store *s, uint64_t blob, struct key *key, struct stage_row *row)
{
	struct kv_bytes found, v;
	enum store_rc rc;

	key->n = 0;
	key_u64(key, s->epoch);
	while ((rc = row_seek(s, KV_STAGE, key_of(key), &found, &v)) == STORE_OK) {
		if (found.n != 20 || v.n != sizeof(*row))
			return STORE_DAMAGED;
		if (key_get64(found.p) != s->epoch)
			return STORE_NOT_FOUND;
		key->n = 0;
		key_bytes(key, found.p, found.n);
		memcpy(row, v.p, sizeof(*row));
		if (key_get64((const uint8_t *)found.p + 12) == blob)
			return STORE_OK;
		key_u8(key, 0);
	}
	return rc;
}

bool stage_there(struct store *s, uint64_t blob, uint64_t len)
{
	struct stage_row row;
	struct key k;

	return stage_find(s, blob, &k, &row) == STORE_OK && row.len == len;
}

enum store_rc stage_own(struct store *s, uint64_t blob, uint64_t len)
{
	struct stage_row row;
	struct key k;
	enum store_rc rc = stage_find(s, blob, &k, &row);

	if (rc == STORE_NOT_FOUND || (rc == STORE_OK && row.len != len))
		return STORE_INVALID;
	TRY(rc);
	return row_del(s, KV_STAGE, key_of(&k));
}

enum store_rc store_stage(struct store *s, uint32_t slot, uint32_t incarnation, uint64_t blob, uint64_t offset, struct job_text chunk, uint64_t *out)
{
	struct stage_row row = { .incarnation = incarnation, .slot = slot };
	struct kv_bytes v;

	if (chunk.n == 0 || offset % KV_BLOB_ROW != 0)
		return STORE_INVALID;
	*out = blob;
	if (blob != 0) {
		struct key k = key_stage(s->epoch, slot, blob);
		TRY(row_get(s, KV_STAGE, key_of(&k), &v));
		if (v.n != sizeof(row))
			return STORE_DAMAGED;
		memcpy(&row, v.p, sizeof(row));
	}
	if (row.incarnation != incarnation || row.len != offset)
		return STORE_INVALID;
	if (blob == 0)
		*out = s->head.next_blob++;
	row.len += chunk.n;
	struct key k = key_stage(s->epoch, slot, *out);
	TRY(row_put(s, KV_STAGE, key_of(&k), (struct kv_bytes){ &row, sizeof(row) }));
	for (size_t at = 0; at < chunk.n; at += KV_BLOB_ROW) {
		struct key b = key_blob(*out, (uint32_t)((offset + at) / KV_BLOB_ROW));
		size_t left = chunk.n - at;
		TRY(row_put(s, KV_BLOB, key_of(&b), (struct kv_bytes){ chunk.p + at, left < KV_BLOB_ROW ? left : KV_BLOB_ROW }));
	}
	return STORE_OK;
}

/* The next staged row of a process that is gone, from *k on; slot UINT32_MAX: of another epoch than ours. */
static enum store_rc orphan_next(struct store *s, uint32_t slot, uint32_t incarnation, struct key *k, bool *found_one)
{
	struct kv_bytes found, v;
	struct stage_row row;
	enum store_rc rc;

	*found_one = false;
	while ((rc = row_seek(s, KV_STAGE, key_of(k), &found, &v)) == STORE_OK) {
		if (found.n != 20 || v.n != sizeof(row))
			return STORE_DAMAGED;
		memcpy(&row, v.p, sizeof(row));
		k->n = 0;
		key_bytes(k, found.p, found.n);
		bool old = key_get64(k->b) != s->epoch;
		if (slot == UINT32_MAX ? old : !old && row.slot == slot && row.incarnation == incarnation) {
			*found_one = true;
			return STORE_OK;
		}
		key_u8(k, 0);
	}
	return may(rc);
}

enum store_rc store_stage_drop(struct store *s, uint32_t slot, uint32_t incarnation, unsigned limit, bool *more)
{
	struct key k = { .n = 0 };
	bool one = true;

	*more = false;
	for (unsigned i = 0; i < limit; i++) {
		TRY(orphan_next(s, slot, incarnation, &k, &one));
		if (!one)
			return STORE_OK;
		TRY(blob_delete(s, key_get64(k.b + 12)));
		TRY(row_del(s, KV_STAGE, key_of(&k)));
	}
	*more = true;
	return STORE_OK;
}
