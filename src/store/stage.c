/* Blobs: long payloads, results and logs as rows of 2,000 bytes, and their staging: they go up in chunks before the request that names them, and belong to whoever staged them until then.
 * What belongs to nobody is moved to epoch 0 and swept from there, so many rows a batch: deleting a long one in one go would hold the writer. */
#include "store/embedded.h"

#include "text/crc32c.h"

#define DROP_AT_ONCE (16u * KV_BLOB_ROW)
#define NOBODY UINT64_C(0)              /* no server has this epoch */

/* --- rows with a checksum --- */

static uint32_t seal(struct kv_bytes key, const void *p, size_t n)
{
	return crc32c(p, n) ^ crc32c(key.p, key.n);
}

enum store_rc sealed_put(struct store *s, enum kv_table t, struct kv_bytes key, struct job_text bytes)
{
	uint8_t row[KV_BLOB_ROW + sizeof(uint32_t)];

	if (bytes.n > KV_BLOB_ROW)
		return STORE_INVALID;
	if (bytes.n)
		memcpy(row, bytes.p, bytes.n);
	uint32_t sum = seal(key, row, bytes.n);
	memcpy(row + bytes.n, &sum, sizeof(sum));
	return row_put(s, t, key, (struct kv_bytes){ row, bytes.n + sizeof(sum) });
}

enum store_rc sealed_open(struct kv_bytes key, struct kv_bytes *v)
{
	uint32_t sum;

	if (v->n < sizeof(sum))
		return STORE_DAMAGED;
	v->n -= sizeof(sum);
	memcpy(&sum, (const uint8_t *)v->p + v->n, sizeof(sum));
	return sum == seal(key, v->p, v->n) ? STORE_OK : STORE_DAMAGED;
}

/* --- blobs --- */

/* `first` is the number of the first row; all but the last of a blob are full. */
static enum store_rc rows_put(struct store *s, uint64_t blob, uint64_t first, struct job_text bytes)
{
	for (size_t at = 0; at < bytes.n; at += KV_BLOB_ROW, first++) {
		struct key k = key_blob(blob, (uint32_t)first);
		size_t left = bytes.n - at;
		TRY(sealed_put(s, KV_BLOB, key_of(&k), (struct job_text){ bytes.p + at, left < KV_BLOB_ROW ? left : KV_BLOB_ROW }));
	}
	return STORE_OK;
}

enum store_rc blob_put(struct store *s, struct job_text bytes, uint64_t *blob)
{
	*blob = s->head.next_blob++;
	return rows_put(s, *blob, 0, bytes);
}

/* Deletes at most *left rows of it, which says afterwards how many more would have been allowed. */
static enum store_rc blob_eat(struct store *s, uint64_t blob, unsigned *left)
{
	struct key k = key_blob(blob, 0);

	while (*left > 0) {
		struct kv_bytes found, v;
		enum store_rc rc = row_seek(s, KV_BLOB, key_of(&k), &found, &v);
		if (rc == STORE_NOT_FOUND || (rc == STORE_OK && (found.n < 8 || key_get64(found.p) != blob)))
			return STORE_OK;
		TRY(rc);
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		TRY(row_del(s, KV_BLOB, key_of(&k)));
		(*left)--;
	}
	return STORE_OK;
}

static enum store_rc doom(struct store *s, uint64_t blob, const struct stage_row *row)
{
	struct key k = key_stage(NOBODY, blob);

	s->doomed = true;
	return row_put(s, KV_STAGE, key_of(&k), (struct kv_bytes){ row, sizeof(*row) });
}

enum store_rc blob_drop(struct store *s, uint64_t blob, uint64_t len)
{
	unsigned all = UINT32_MAX;

	return len <= DROP_AT_ONCE ? blob_eat(s, blob, &all) : doom(s, blob, &(struct stage_row){ .len = len });
}

/* --- staging --- */

static enum store_rc stage_load(struct store *s, uint64_t blob, struct stage_row *row)
{
	struct key k = key_stage(s->epoch, blob);
	struct kv_bytes v;

	TRY(row_get(s, KV_STAGE, key_of(&k), &v));
	if (v.n != sizeof(*row))
		return STORE_DAMAGED;
	memcpy(row, v.p, sizeof(*row));
	return STORE_OK;
}

bool stage_there(struct store *s, uint64_t blob, uint64_t len)
{
	struct stage_row row;

	return stage_load(s, blob, &row) == STORE_OK && row.len == len;
}

enum store_rc stage_own(struct store *s, uint64_t blob, uint64_t len)
{
	struct key k = key_stage(s->epoch, blob);

	return stage_there(s, blob, len) ? row_del(s, KV_STAGE, key_of(&k)) : STORE_INVALID;
}

enum store_rc store_stage(struct store *s, uint32_t slot, uint32_t incarnation, uint64_t blob, uint64_t offset, struct job_text chunk, uint64_t *out)
{
	struct stage_row row = { .incarnation = incarnation, .slot = slot };

	*out = blob;
	if (chunk.n == 0 || offset % KV_BLOB_ROW != 0 || offset / KV_BLOB_ROW > UINT32_MAX / 2)
		return STORE_INVALID;
	if (blob != 0)
		TRY(stage_load(s, blob, &row));
	if (row.slot != slot || row.incarnation != incarnation || row.len != offset)
		return STORE_INVALID;
	if (blob == 0)
		*out = s->head.next_blob++;
	row.len += chunk.n;
	struct key k = key_stage(s->epoch, *out);
	enum store_rc rc = row_put(s, KV_STAGE, key_of(&k), (struct kv_bytes){ &row, sizeof(row) });
	if (rc == STORE_OK)
		rc = rows_put(s, *out, offset / KV_BLOB_ROW, chunk);
	return settled(s, rc);
}

enum store_rc store_staged(struct store *s, uint32_t slot, uint32_t incarnation, uint64_t blob, uint64_t len, struct buf *out)
{
	struct stage_row row;
	enum store_rc rc = stage_load(s, blob, &row);

	if (rc != STORE_OK)
		return rc == STORE_NOT_FOUND ? STORE_INVALID : rc;
	if (row.slot != slot || row.incarnation != incarnation || row.len != len)
		return STORE_INVALID;
	for (uint64_t at = 0; at < len; at += KV_BLOB_ROW) {
		struct key k = key_blob(blob, (uint32_t)(at / KV_BLOB_ROW));
		struct kv_bytes v;
		TRY(must(row_get(s, KV_BLOB, key_of(&k), &v)));
		TRY(sealed_open(key_of(&k), &v));
		buf_add(out, v.p, v.n);
	}
	return out->failed ? STORE_NO_MEMORY : out->len == len ? STORE_OK : STORE_DAMAGED;
}

enum store_rc store_unstage(struct store *s, uint32_t slot, uint32_t incarnation, uint64_t blob)
{
	struct key k = key_stage(s->epoch, blob);
	struct stage_row row;

	TRY(stage_load(s, blob, &row));
	if (row.slot != slot || row.incarnation != incarnation)
		return STORE_NOT_FOUND;
	enum store_rc rc = row_del(s, KV_STAGE, key_of(&k));
	if (rc == STORE_OK)
		rc = doom(s, blob, &row);
	return settled(s, rc);
}

/* --- of the dead --- */

/* The first staged row at or after *k, which is left at it. A row that is none is deleted: nothing can be told from it. */
static enum store_rc stage_next(struct store *s, struct key *k, struct stage_row *row)
{
	struct kv_bytes found, v;

	for (;;) {
		TRY(row_seek(s, KV_STAGE, key_of(k), &found, &v));
		k->n = 0;
		key_bytes(k, found.p, found.n);
		if (found.n == 16 && v.n == sizeof(*row)) {
			memcpy(row, v.p, sizeof(*row));
			return STORE_OK;
		}
		TRY(row_del(s, KV_STAGE, key_of(k)));
		row_whole(s);
	}
}

enum store_rc store_stage_drop(struct store *s, uint32_t slot, uint32_t incarnation, unsigned limit, bool *more)
{
	struct key k = key_stage(s->epoch, 0);
	struct stage_row row;
	enum store_rc rc;
	unsigned n = 0;

	*more = false;
	while ((rc = stage_next(s, &k, &row)) == STORE_OK && key_get64(k.b) == s->epoch) {
		if (row.slot == slot && row.incarnation == incarnation) {
			if (n++ == limit) {
				*more = true;
				return STORE_OK;
			}
			TRY(store_unstage(s, slot, incarnation, key_get64(k.b + 8)));
		}
		key_u8(&k, 0);
	}
	return settled(s, may(rc));
}

enum store_rc store_sweep(struct store *s, unsigned limit, bool *more)
{
	struct key k = { .n = 0 };
	struct stage_row row;
	enum store_rc rc;

	*more = false;
	while (s->doomed && (rc = stage_next(s, &k, &row)) != STORE_NOT_FOUND) {
		if (rc == STORE_OK && key_get64(k.b) == s->epoch) {
			if (s->epoch == UINT64_MAX)
				break;
			k = key_stage(s->epoch + 1, 0);         /* those of this run have an owner */
			continue;
		}
		if (rc == STORE_OK)
			rc = blob_eat(s, key_get64(k.b + 8), &limit);
		if (rc == STORE_OK && limit == 0) {
			*more = true;
			return settled(s, rc);
		}
		if (rc == STORE_OK)
			rc = row_del(s, KV_STAGE, key_of(&k));
		if (rc != STORE_OK)
			return settled(s, rc);
		limit--;
	}
	s->doomed = false;
	return settled(s, STORE_OK);
}
