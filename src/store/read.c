/* Reading: snapshots of their own, in any process. Nothing here changes anything. */
#include "store/embedded.h"

#include <stdio.h>
#include <stdlib.h>

struct store_reader *store_reader_open(const char *path, uint64_t map_size, struct store *writer, enum store_rc *rc, char *why, size_t size)
{
	struct store_reader *r = calloc(1, sizeof(*r));

	*why = '\0';
	*rc = STORE_NO_MEMORY;
	if (!r)
		return NULL;
	r->borrowed = writer != NULL;
	r->kv = writer ? writer->kv : lmdb_open_reader(path, map_size, rc, why, size);
	if (!r->kv) {
		free(r);
		return NULL;
	}
	*rc = STORE_OK;
	return r;
}

void store_reader_close(struct store_reader *r)
{
	if (!r)
		return;
	store_read_end(r);
	if (!r->borrowed)
		r->kv->ops->close(r->kv);
	free(r);
}

enum store_rc store_read_begin(struct store_reader *r)
{
	return r->txn ? STORE_BUSY : r->kv->ops->begin(r->kv, false, &r->txn);
}

void store_read_end(struct store_reader *r)
{
	if (r->txn)
		r->kv->ops->abort(r->txn);
	r->txn = NULL;
}

static enum store_rc get(struct store_reader *r, enum kv_table t, struct kv_bytes k, struct kv_bytes *v)
{
	return r->kv->ops->get(r->txn, t, k, v);
}

static enum store_rc seek(struct store_reader *r, enum kv_table t, const struct key *k, struct kv_bytes *found, struct kv_bytes *v)
{
	return r->kv->ops->seek(r->txn, t, key_of(k), found, v);
}

enum store_rc store_get(struct store_reader *r, struct job_id id, struct job *job, struct job_spec *spec)
{
	struct kv_bytes v;

	if (job) {
		TRY(get(r, KV_JOB, id_key(&id), &v));
		TRY(job_decode(v, id, job));
	}
	if (spec) {
		enum store_rc rc = get(r, KV_SPEC, id_key(&id), &v);
		TRY(job ? must(rc) : rc);
		if (record_spec_decode(v.p, v.n, spec) != RECORD_OK)
			return STORE_DAMAGED;
	}
	return STORE_OK;
}

/* Walks the rows whose keys begin with `id`, in order. */
static enum store_rc each_of(struct store_reader *r, enum kv_table t, struct job_id id, enum store_rc (*fn)(void *arg, struct kv_bytes key, struct kv_bytes v, bool *go_on), void *arg)
{
	struct key k = { .n = 0 };
	bool go_on = true;

	key_bytes(&k, &id, sizeof(id));
	while (go_on) {
		struct kv_bytes found, v;
		enum store_rc rc = seek(r, t, &k, &found, &v);
		if (rc == STORE_NOT_FOUND || (rc == STORE_OK && (found.n < sizeof(id) || memcmp(found.p, &id, sizeof(id)) != 0)))
			return STORE_OK;
		TRY(rc);
		TRY(fn(arg, found, v, &go_on));
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
	}
	return STORE_OK;
}

struct attempts { bool (*fn)(void *arg, const struct record_attempt *a); void *arg; };

static enum store_rc one_attempt(void *arg, struct kv_bytes key, struct kv_bytes v, bool *go_on)
{
	struct attempts *w = arg;
	struct record_attempt a;

	(void)key;
	if (record_attempt_decode(v.p, v.n, &a) != RECORD_OK)
		return STORE_DAMAGED;
	*go_on = w->fn(w->arg, &a);
	return STORE_OK;
}

enum store_rc store_attempts(struct store_reader *r, struct job_id id, bool (*fn)(void *arg, const struct record_attempt *a), void *arg)
{
	return each_of(r, KV_ATTEMPT, id, one_attempt, &(struct attempts){ fn, arg });
}

static bool keep_error(void *arg, const struct record_attempt *a)
{
	struct job_text *last = arg;

	if (a->error.n)
		*last = a->error;
	return true;
}

enum store_rc store_last_error(struct store_reader *r, struct job_id id, struct job_text *error)
{
	*error = (struct job_text){ NULL, 0 };
	TRY(store_attempts(r, id, keep_error, error));
	return error->n ? STORE_OK : STORE_NOT_FOUND;
}

enum store_rc store_depends(struct store_reader *r, struct job_id id, struct buf *out)
{
	for (unsigned i = 0;; i++) {
		struct key k = key_parent(&id, i);
		struct kv_bytes v;
		enum store_rc rc = get(r, KV_PARENT, key_of(&k), &v);
		if (rc != STORE_OK)
			return may(rc);
		buf_add(out, v.p, v.n);
		if (out->failed || v.n != sizeof(id))
			return out->failed ? STORE_NO_MEMORY : STORE_DAMAGED;
	}
}

enum store_rc store_worker(struct store_reader *r, const struct job *job, struct job_text *name)
{
	struct key running = key_remote(job->lease_epoch, (int64_t)job->grant_seq, job->lease_token), ended = key_attempt(&job->id, job->lease_token);
	struct record_attempt a;
	struct kv_bytes v;

	*name = (struct job_text){ NULL, 0 };
	if (job->worker != STORE_REMOTE || job->lease_token == 0)
		return STORE_NOT_FOUND;
	if (job->state == JOB_RUNNING) {
		TRY(get(r, KV_REMOTE, key_of(&running), &v));
		if (v.n > sizeof(struct remote_row))
			*name = (struct job_text){ (const char *)v.p + sizeof(struct remote_row), v.n - sizeof(struct remote_row) };
	} else {
		TRY(get(r, KV_ATTEMPT, key_of(&ended), &v));
		if (record_attempt_decode(v.p, v.n, &a) == RECORD_OK)
			*name = a.who;
	}
	return name->n ? STORE_OK : STORE_NOT_FOUND;
}

enum store_rc store_progress_get(struct store_reader *r, struct job_id id, struct store_progress *out)
{
	struct kv_bytes v;

	TRY(get(r, KV_PROGRESS, id_key(&id), &v));
	if (v.n < PROGRESS_HEAD)
		return STORE_DAMAGED;
	memcpy(&out->percent, v.p, 4);
	memcpy(&out->attempt, (const char *)v.p + 4, 4);
	memcpy(&out->at_ms, (const char *)v.p + 8, 8);
	out->message = (struct job_text){ (const char *)v.p + PROGRESS_HEAD, v.n - PROGRESS_HEAD };
	return STORE_OK;
}

struct notes { bool (*fn)(void *arg, const struct store_note *n); void *arg; };

static enum store_rc one_note(void *arg, struct kv_bytes key, struct kv_bytes v, bool *go_on)
{
	struct notes *w = arg;
	struct store_note n;

	if (key.n != 25 || v.n < 4)
		return STORE_DAMAGED;
	n.at_ms = (int64_t)key_get64((const uint8_t *)key.p + 16) / 1000;
	n.event = ((const uint8_t *)key.p)[24];
	memcpy(&n.attempt, v.p, 4);
	n.detail = (struct job_text){ (const char *)v.p + 4, v.n - 4 };
	*go_on = w->fn(w->arg, &n);
	return STORE_OK;
}

enum store_rc store_notes(struct store_reader *r, struct job_id id, bool (*fn)(void *arg, const struct store_note *n), void *arg)
{
	return each_of(r, KV_NOTE, id, one_note, &(struct notes){ fn, arg });
}

enum store_rc store_blob(struct store_reader *r, uint64_t blob, uint64_t offset, size_t max, struct buf *out)
{
	while (max > 0) {
		struct key k = key_blob(blob, (uint32_t)(offset / KV_BLOB_ROW));
		size_t skip = (size_t)(offset % KV_BLOB_ROW);
		struct kv_bytes v;
		enum store_rc rc = get(r, KV_BLOB, key_of(&k), &v);
		if (rc != STORE_OK)
			return may(rc);
		TRY(sealed_open(key_of(&k), &v));
		if (v.n <= skip)
			return STORE_OK;
		size_t n = v.n - skip < max ? v.n - skip : max;
		buf_add(out, (const char *)v.p + skip, n);
		if (out->failed)
			return STORE_NO_MEMORY;
		offset += n;
		max -= n;
		if (v.n < KV_BLOB_ROW)
			return STORE_OK;
	}
	return STORE_OK;
}

/* A whole blob of known length: less is damage. */
static enum store_rc whole_blob(struct store_reader *r, uint64_t blob, uint64_t len, struct buf *out)
{
	size_t before = out->len;

	TRY(store_blob(r, blob, 0, len, out));
	return out->len - before == len ? STORE_OK : STORE_DAMAGED;
}

enum store_rc store_result(struct store_reader *r, const struct job *job, struct buf *out)
{
	struct kv_bytes v;

	if (job->result_len == 0)
		return STORE_NOT_FOUND;
	if (job->result_blob)
		return whole_blob(r, job->result_blob, job->result_len, out);
	TRY(must(get(r, KV_RESULT, id_key(&job->id), &v)));
	TRY(sealed_open(id_key(&job->id), &v));
	buf_add(out, v.p, v.n);
	return out->failed ? STORE_NO_MEMORY : STORE_OK;
}

enum store_rc store_payload(struct store_reader *r, struct job_id id, struct buf *out)
{
	struct job_spec spec;

	TRY(store_get(r, id, NULL, &spec));
	if (spec.payload_blob)
		return whole_blob(r, spec.payload_blob, spec.payload_len, out);
	buf_add(out, spec.payload.p, spec.payload.n);
	return out->failed ? STORE_NO_MEMORY : STORE_OK;
}

enum store_rc store_recent(struct store_reader *r, unsigned max, bool (*fn)(void *arg, const struct job *j, const struct job_spec *s), void *arg)
{
	struct key k = { .n = 0 };

	for (unsigned i = 0; i < max; i++) {
		struct kv_bytes found, v;
		struct job_spec spec;
		struct job_id id;
		struct job j;
		enum store_rc rc = r->kv->ops->before(r->txn, KV_JOB, key_of(&k), &found, &v);
		if (rc != STORE_OK)
			return may(rc);
		if (found.n != sizeof(id))
			return STORE_DAMAGED;
		memcpy(&id, found.p, sizeof(id));
		rc = store_get(r, id, &j, &spec);
		if (rc == STORE_OK && !fn(arg, &j, &spec))
			return STORE_OK;
		if (rc != STORE_DAMAGED)        /* one that cannot be read does not hide the others */
			TRY(rc);
		k.n = 0;
		key_bytes(&k, &id, sizeof(id));
	}
	return STORE_OK;
}
