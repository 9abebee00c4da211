/* Idempotency keys and unique keys: what a submission that carries one may be answered with instead of a new job, and what is remembered of it.
 *
 * KV_IDEM is a log: a key's row is appended in the transaction that makes its job, and goes from the log's head when it is older than the window. The index in memory (idem_index.h) finds a row by the hash of
 * its key, under a secret of this process, so that nobody can choose keys that collide; the row has the key itself, so that no hash decides anything. KV_UNIQUE has a plain row for each live job with such a key. */
#include "store/embedded.h"

#include "text/crc32c.h"

_Static_assert(sizeof(struct idem_row) == 48, "layout");
#define ROW_MAX (sizeof(struct idem_row) + JOB_KEY_MAX)
#define CRC_FROM 4

static uint64_t hash_of(const struct store *s, struct job_text key)
{
	uint8_t out[SIPHASH_BYTES];
	uint64_t h;

	siphash(s->idem_secret, key.p, key.n, out);
	memcpy(&h, out, sizeof(h));
	return h;
}

bool idem_decode(struct kv_bytes v, struct idem_row *row, struct job_text *key)
{
	if (v.n < sizeof(*row) || v.n > ROW_MAX)
		return false;
	memcpy(row, v.p, sizeof(*row));
	*key = (struct job_text){ (const char *)v.p + sizeof(*row), v.n - sizeof(*row) };
	return row->key_len == key->n && row->crc == crc32c((const uint8_t *)v.p + CRC_FROM, v.n - CRC_FROM);
}

static struct key row_key(uint64_t row)
{
	struct key k = { .n = 0 };

	key_u64(&k, row);
	return k;
}

/* --- idempotency keys --- */

enum store_rc idem_load(struct store *s)
{
	struct kv_bytes found, v;
	enum store_rc rc;

	s->idem_ahead = 0;              /* rows before it may be there again */
	if (s->idem_at)                 /* an abort has put the memory right by itself */
		return STORE_OK;
	if (!s->random(s->idem_secret, sizeof(s->idem_secret)))
		return STORE_IO;
	rc = s->kv->ops->before(s->txn, KV_IDEM, (struct kv_bytes){ "", 0 }, &found, &v);
	TRY(may(rc));
	if (rc == STORE_OK && found.n != 8)
		return STORE_DAMAGED;
	s->next_idem = rc == STORE_OK ? key_get64(found.p) + 1 : 1;     /* 0 is nobody */
	s->idem_loaded = rc == STORE_NOT_FOUND;
	s->idem_at = 1;
	return STORE_OK;
}

/* What this batch changes comes after it, so that an abort has nothing of this to take back. A row that cannot be read is passed over: a key less is a smaller harm than a server that does not start. */
enum store_rc idem_read(struct store *s)
{
	for (unsigned i = 0; !s->idem_loaded && i < s->idem_slice; i++) {
		struct key k = row_key(s->idem_at);
		struct kv_bytes found, v;
		struct idem_row row;
		struct job_text key;
		enum store_rc rc = s->kv->ops->seek(s->txn, KV_IDEM, key_of(&k), &found, &v);
		s->idem_loaded = rc == STORE_NOT_FOUND;
		if (rc != STORE_OK)
			return may(rc);
		if (found.n != 8)
			return STORE_DAMAGED;
		uint64_t n = key_get64(found.p);
		if (idem_decode(v, &row, &key) && !idem_index_load(&s->idem, hash_of(s, key), n))
			return STORE_NO_MEMORY;
		s->idem_at = n + 1;
	}
	return STORE_OK;
}

/* The row of a key, 0 where it is not remembered; *row is a copy. */
static enum store_rc idem_find(struct store *s, struct job_text key, uint64_t *at, struct idem_row *row)
{
	uint64_t hash = hash_of(s, key);
	uint32_t place = 0;

	while ((*at = idem_index_next(&s->idem, hash, &place)) != 0) {
		struct key k = row_key(*at);
		struct job_text have;
		struct kv_bytes v;
		TRY(must(row_get(s, KV_IDEM, key_of(&k), &v)));
		if (!idem_decode(v, row, &have))
			return STORE_DAMAGED;
		if (have.n == key.n && memcmp(have.p, key.p, key.n) == 0)
			return STORE_OK;
	}
	return STORE_OK;
}

static enum store_rc idem_drop(struct store *s, uint64_t at, struct job_text key)
{
	struct key k = row_key(at);

	if (!idem_index_remove(&s->idem, hash_of(s, key), at))
		return STORE_NO_MEMORY;
	return must(row_del(s, KV_IDEM, key_of(&k)));
}

static bool outlived(const struct store *s, const struct idem_row *row)
{
	return row->created_ms + s->rules.idempotency_window_ms <= s->now_ms;
}

/* Oldest first, as they were written. Those of a time when the clock was ahead are passed over, and looked at again when it has come so far: what was written behind them does not wait for that. */
enum store_rc idem_expire(struct store *s, unsigned limit, bool *more)
{
	*more = false;
	if (s->now_ms >= s->idem_ahead_ms || s->idem_ahead > s->next_idem) {
		s->idem_ahead = 0;
		s->idem_ahead_ms = INT64_MAX;
	}
	for (unsigned i = 0; s->idem.n || !s->idem_loaded; i++) {
		struct kv_bytes found, v;
		struct key k = row_key(s->idem_ahead);
		struct idem_row row;
		struct job_text key;
		uint8_t copy[JOB_KEY_MAX];
		enum store_rc rc = row_seek(s, KV_IDEM, key_of(&k), &found, &v);
		if (rc != STORE_OK)
			return may(rc);
		uint64_t at = key_get64(found.p);
		bool sound = idem_decode(v, &row, &key), stays = sound && !outlived(s, &row);
		if (stays && row.created_ms <= s->now_ms)
			return STORE_OK;
		if (i == limit) {
			*more = true;
			return STORE_OK;
		}
		if (stays) {
			s->idem_ahead = at + 1;
			s->idem_ahead_ms = row.created_ms < s->idem_ahead_ms ? row.created_ms : s->idem_ahead_ms;
			continue;
		}
		if (!sound) {
			k = row_key(at);
			TRY(row_del(s, KV_IDEM, key_of(&k)));
			row_whole(s);
			continue;
		}
		memcpy(copy, key.p, key.n);
		TRY(idem_drop(s, at, (struct job_text){ (const char *)copy, key.n }));
		row_whole(s);
	}
	return STORE_OK;
}

/* What the key is answered with. NOT_FOUND: a new job; *old is then a row that stands in its place and is to go. */
enum store_rc idem_check(struct store *s, const struct job_spec *spec, struct job *out, uint64_t *old)
{
	struct idem_row row;
	uint64_t at;

	*old = 0;
	if (!s->idem_loaded)
		return STORE_KEYS_LATER;
	TRY(idem_find(s, spec->idempotency_key, &at, &row));
	if (at == 0)
		return STORE_NOT_FOUND;
	enum store_rc rc = outlived(s, &row) ? STORE_NOT_FOUND : job_load(s, row.id, out);
	if (rc == STORE_NOT_FOUND)
		*old = at;
	TRY(rc);
	return memcmp(row.fingerprint, spec->fingerprint, sizeof(row.fingerprint)) == 0 ? STORE_REPLAYED : STORE_KEY_REUSED;
}

enum store_rc idem_put(struct store *s, const struct job_spec *spec, const struct job_id *id, int64_t created_ms, uint64_t old)
{
	struct job_text key = spec->idempotency_key;
	struct idem_row row = { .key_len = (uint32_t)key.n, .id = *id, .created_ms = created_ms };
	uint8_t bytes[ROW_MAX];
	uint64_t at = s->next_idem++;
	struct key k = row_key(at);

	if (old)
		TRY(idem_drop(s, old, key));
	memcpy(row.fingerprint, spec->fingerprint, sizeof(row.fingerprint));
	memcpy(bytes, &row, sizeof(row));
	memcpy(bytes + sizeof(row), key.p, key.n);
	row.crc = crc32c(bytes + CRC_FROM, sizeof(row) + key.n - CRC_FROM);
	memcpy(bytes, &row.crc, sizeof(row.crc));
	if (!idem_index_add(&s->idem, hash_of(s, key), at))
		return STORE_NO_MEMORY;
	return row_put(s, KV_IDEM, key_of(&k), (struct kv_bytes){ bytes, sizeof(row) + key.n });
}

/* --- unique keys --- */

/* Of the type, a NUL (which no type has) and the key. 128 bits: two of them do not meet. */
void unique_hash(const struct job_spec *spec, uint64_t out[2])
{
	static const uint8_t fixed[SIPHASH_BYTES] = "stint unique key";
	uint8_t text[JOB_TYPE_MAX + 1 + JOB_KEY_MAX], hash[SIPHASH_BYTES];

	out[0] = out[1] = 0;
	if (spec->unique_key.n == 0)
		return;
	memcpy(text, spec->type.p, spec->type.n);
	text[spec->type.n] = '\0';
	memcpy(text + spec->type.n + 1, spec->unique_key.p, spec->unique_key.n);
	siphash(fixed, text, spec->type.n + 1 + spec->unique_key.n, hash);
	memcpy(out, hash, sizeof(hash));
	out[1] |= 1;                    /* never nothing */
}

static bool has_unique(const uint64_t hash[2])
{
	return hash[0] || hash[1];
}

static struct kv_bytes unique_row(const uint64_t hash[2])
{
	return (struct kv_bytes){ hash, 2 * sizeof(hash[0]) };
}

/* LIVE, with *out, where a job holds it; else NOT_FOUND. */
static enum store_rc unique_check(struct store *s, const uint64_t hash[2], struct job *out)
{
	struct kv_bytes v;
	struct job_id id;

	TRY(row_get(s, KV_UNIQUE, unique_row(hash), &v));
	if (v.n != sizeof(id))
		return STORE_DAMAGED;
	memcpy(&id, v.p, sizeof(id));
	TRY(must(job_load(s, id, out)));
	return job_state_final(out->state) ? STORE_DAMAGED : STORE_LIVE;
}

enum store_rc unique_free(struct store *s, const struct job *j)
{
	struct job other;

	return has_unique(j->unique) ? may(unique_check(s, j->unique, &other)) : STORE_OK;
}

enum store_rc unique_put(struct store *s, const struct job *j)
{
	return has_unique(j->unique) ? row_put(s, KV_UNIQUE, unique_row(j->unique), id_key(&j->id)) : STORE_OK;
}

enum store_rc unique_end(struct store *s, const struct job *j)
{
	struct kv_bytes v;

	if (!has_unique(j->unique))
		return STORE_OK;
	enum store_rc rc = row_get(s, KV_UNIQUE, unique_row(j->unique), &v);
	if (rc != STORE_OK || v.n != sizeof(j->id) || memcmp(v.p, &j->id, sizeof(j->id)) != 0)
		return may(rc);         /* not its own: the end of a job is no time to find fault with that */
	return row_del(s, KV_UNIQUE, unique_row(j->unique));
}

/* --- a submission --- */

bool idem_remembers(const struct store *s, const struct job_spec *spec)
{
	return spec->idempotency_key.n && s->rules.idempotency_window_ms > 0;
}

enum store_rc unique_known(struct store *s, const struct job_spec *spec, struct job *out)
{
	uint64_t hash[2];

	unique_hash(spec, hash);
	return has_unique(hash) ? unique_check(s, hash, out) : STORE_NOT_FOUND;
}

enum store_rc store_submit_known(struct store *s, const struct job_spec *spec, struct job *out)
{
	enum store_rc rc = STORE_NOT_FOUND;
	uint64_t old;

	if (idem_remembers(s, spec))
		rc = idem_check(s, spec, out, &old);
	return rc == STORE_NOT_FOUND ? unique_known(s, spec, out) : rc;
}

enum store_rc keys_check(struct store *s, const struct job_spec *spec, struct job *out, uint64_t *old)
{
	enum store_rc rc = STORE_NOT_FOUND;
	bool more;

	*old = 0;
	if (idem_remembers(s, spec)) {
		if (s->idem_loaded && s->idem.n >= s->rules.idempotency_max)
			TRY(idem_expire(s, IDEM_FULL_SLICE, &more));
		rc = idem_check(s, spec, out, old);
		if (rc == STORE_NOT_FOUND && s->idem.n - (*old != 0) >= s->rules.idempotency_max)
			return STORE_KEYS_FULL;
	}
	if (rc == STORE_NOT_FOUND)
		rc = unique_known(s, spec, out);
	if (rc == STORE_LIVE && idem_remembers(s, spec)) {
		/* the same request again is to be answered with this job, also when it has ended */
		TRY(idem_put(s, spec, &out->id, s->now_ms, *old));
		row_whole(s);
	}
	return may(rc);
}

enum store_rc keys_put(struct store *s, const struct job_spec *spec, const struct job *j, uint64_t old)
{
	if (idem_remembers(s, spec))
		TRY(idem_put(s, spec, &j->id, s->now_ms, old));
	return unique_put(s, j);
}
