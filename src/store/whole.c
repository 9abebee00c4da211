/* A job taken whole out of the store: its record, what was asked, its bytes and its history, as one. Called by `stint export` and by the repair; changes nothing. */
#include "store/whole.h"

#include <stdlib.h>

#include "store/embedded.h"

enum store_rc store_next_job(struct store_reader *r, struct job_id *at)
{
	static const struct job_id begin;
	struct key k = { .n = 0 };
	struct kv_bytes found, v;

	if (memcmp(at, &begin, sizeof(begin)) != 0) {
		key_bytes(&k, at, sizeof(*at));
		key_u8(&k, 0);
	}
	for (;;) {
		TRY(r->kv->ops->seek(r->txn, KV_JOB, key_of(&k), &found, &v));
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		if (found.n == sizeof(*at)) {
			if (memcmp(found.p, at, sizeof(*at)) <= 0)
				return STORE_DAMAGED;
			memcpy(at, found.p, sizeof(*at));
			return STORE_OK;
		}
		key_u8(&k, 0);
	}
}

/* --- its parts --- */

struct gather { struct job_whole *w; enum store_rc rc; };

static bool room(void **v, unsigned n, size_t size)
{
	void *more = n % 8 ? *v : realloc(*v, (n + 8) * size);

	if (more)
		*v = more;
	return more && n < WHOLE_ATTEMPTS_MAX;
}

static bool one_attempt(void *arg, const struct record_attempt *a)
{
	struct gather *g = arg;
	struct job_whole *w = g->w;
	void *v = w->attempt;

	if (!room(&v, w->nattempts, sizeof(*a))) {
		g->rc = STORE_NO_MEMORY;
		return false;
	}
	w->attempt = v;
	w->attempt[w->nattempts++] = *a;
	return true;
}

/* Notes by themselves: what store_notes() tells has lost its microseconds. */
static enum store_rc read_notes(struct store_reader *r, struct job_id id, struct job_whole *w)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	enum store_rc rc;

	key_bytes(&k, &id, sizeof(id));
	while ((rc = r->kv->ops->seek(r->txn, KV_NOTE, key_of(&k), &found, &v)) == STORE_OK && found.n >= sizeof(id) && memcmp(found.p, &id, sizeof(id)) == 0) {
		void *list = w->note;
		if (found.n != 25 || v.n < 4)
			return STORE_DAMAGED;
		if (!room(&list, w->nnotes, sizeof(*w->note)))
			return STORE_NO_MEMORY;
		w->note = list;
		struct whole_note *n = &w->note[w->nnotes++];
		*n = (struct whole_note){ .at_us = (int64_t)key_get64((const uint8_t *)found.p + 16), .event = ((const uint8_t *)found.p)[24] };
		memcpy(&n->attempt, v.p, sizeof(n->attempt));
		n->detail = (struct job_text){ (const char *)v.p + 4, v.n - 4 };
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
	}
	return may(rc);
}

static enum store_rc read_depends(struct store_reader *r, struct job_whole *w, size_t *depends, size_t *waits)
{
	struct buf *b = &w->bytes;

	*depends = b->len;
	TRY(store_depends(r, w->job.id, b));
	w->spec.ndepends = (unsigned)((b->len - *depends) / sizeof(struct job_id));
	*waits = b->len;
	for (unsigned i = 0; i < w->spec.ndepends && w->state == JOB_WAITING; i++) {
		struct job_id parent;
		struct kv_bytes v;
		memcpy(&parent, b->data + *depends + i * sizeof(parent), sizeof(parent));
		struct key k = key_child(&parent, &w->job.id);
		enum store_rc rc = r->kv->ops->get(r->txn, KV_CHILD, key_of(&k), &v);
		TRY(may(rc));
		if (rc != STORE_OK)
			continue;
		buf_add(b, &parent, sizeof(parent));
		w->nwaits++;
	}
	return b->failed ? STORE_NO_MEMORY : STORE_OK;
}

static enum store_rc read_progress(struct store_reader *r, struct job_whole *w)
{
	struct store_progress p;
	enum store_rc rc = w->job.progress_pct >= 0 ? store_progress_get(r, w->job.id, &p) : STORE_NOT_FOUND;

	if (rc == STORE_OK) {
		w->said = true;
		w->percent = p.percent;
		w->said_attempt = p.attempt;
		w->said_ms = p.at_ms;
		w->message = p.message;
	}
	return may(rc);
}

/* The bytes of the logs behind all others; each attempt's text then points there. */
static enum store_rc read_logs(struct store_reader *r, struct job_whole *w)
{
	enum store_rc worst = STORE_OK;

	for (unsigned i = 0; i < w->nattempts; i++) {
		struct record_attempt *a = &w->attempt[i];
		size_t before = w->bytes.len;
		if (!a->log_blob)
			continue;
		enum store_rc rc = store_blob(r, a->log_blob, 0, a->log_len, &w->bytes);
		if (rc == STORE_OK && w->bytes.len - before != a->log_len)
			rc = STORE_DAMAGED;
		a->log = (struct job_text){ NULL, w->bytes.len - before };      /* placed when no more bytes come */
		if (rc != STORE_OK) {
			worst = rc;
			w->bytes.len = before;
			a->log.n = a->log_blob = 0;
		}
	}
	return worst;
}

static void place_logs(struct job_whole *w, size_t at)
{
	for (unsigned i = 0; i < w->nattempts; i++) {
		struct record_attempt *a = &w->attempt[i];
		if (a->log_blob) {
			a->log.p = w->bytes.data + at;
			at += a->log.n;
			a->log_blob = 0;
		}
		a->token = 0;
	}
}

/* A part that can be left out: what is lost of it is named, and the rest goes on. */
static enum store_rc lossy(enum store_rc rc, const char *part, const char **what)
{
	if (rc == STORE_DAMAGED)
		*what = part;
	return rc == STORE_DAMAGED || rc == STORE_NOT_FOUND ? STORE_OK : rc;
}

/* Where the parts begin among the bytes: those move as they grow. */
struct places { size_t payload, payload_len, result, result_len, depends, waits, logs; };

static enum store_rc read_parts(struct store_reader *r, struct job_whole *w, const char **what, struct places *at)
{
	struct gather g = { w, STORE_OK };

	TRY(lossy(store_attempts(r, w->job.id, one_attempt, &g), "its history", what));
	TRY(g.rc);
	TRY(lossy(read_notes(r, w->job.id, w), "its history", what));
	TRY(lossy(read_progress(r, w), "its progress", what));
	at->result = w->bytes.len;
	TRY(lossy(store_result(r, &w->job, &w->bytes), "its result", what));
	if (*what && w->bytes.len - at->result != w->job.result_len)
		w->bytes.len = at->result;
	at->result_len = w->bytes.len - at->result;
	TRY(read_depends(r, w, &at->depends, &at->waits));
	at->logs = w->bytes.len;
	return lossy(read_logs(r, w), "a log", what);
}

enum store_rc store_whole(struct store_reader *r, struct job_id id, struct job_whole *w, const char **what, bool *rest)
{
	struct places at = { .payload = 0 };

	whole_clear(w);
	*what = NULL;
	*rest = false;
	enum store_rc rc = store_get(r, id, &w->job, NULL);
	if (rc == STORE_DAMAGED)
		*what = "its record";
	TRY(rc);
	w->state = w->job.state;
	rc = must(store_get(r, id, NULL, &w->spec));
	if (rc == STORE_DAMAGED)
		*what = "what was asked";
	TRY(rc);
	rc = store_payload(r, id, &w->bytes);
	if (rc == STORE_DAMAGED)
		*what = "its payload";
	TRY(rc);
	at.payload_len = w->bytes.len;
	TRY(read_parts(r, w, what, &at));
	if (w->bytes.failed)
		return STORE_NO_MEMORY;
	const char *p = w->bytes.data ? w->bytes.data : "";
	w->payload = (struct job_text){ p, at.payload_len };
	w->result = (struct job_text){ p + at.result, at.result_len };
	w->spec.depends = w->spec.ndepends ? (const uint8_t *)p + at.depends : NULL;
	w->waits_for = w->nwaits ? (const uint8_t *)p + at.waits : NULL;
	place_logs(w, at.logs);
	*rest = *what != NULL;
	return *what ? STORE_DAMAGED : STORE_OK;
}

/* --- what is beside the jobs --- */

enum store_rc store_next_key(struct store_reader *r, uint64_t *at, struct whole_key *out)
{
	for (;;) {
		struct kv_bytes found, v;
		struct idem_row row;
		struct key k = { .n = 0 };
		key_u64(&k, *at + 1);
		TRY(r->kv->ops->seek(r->txn, KV_IDEM, key_of(&k), &found, &v));
		if (found.n != 8 || key_get64(found.p) <= *at)
			return STORE_DAMAGED;
		*at = key_get64(found.p);
		if (!idem_decode(v, &row, &out->key))
			continue;
		out->id = row.id;
		out->created_ms = row.created_ms;
		memcpy(out->fingerprint, row.fingerprint, sizeof(out->fingerprint));
		return STORE_OK;
	}
}

enum store_rc store_next_schedule(struct store_reader *r, struct job_text name, struct whole_schedule *out)
{
	uint8_t at[KV_KEY_MAX + 1];
	size_t n = name.n < KV_KEY_MAX ? name.n : KV_KEY_MAX;

	if (n)
		memcpy(at, name.p, n);
	at[n] = 0;
	for (;;) {
		struct kv_bytes found, v;
		struct store_schedule row;
		TRY(r->kv->ops->seek(r->txn, KV_SCHEDULE, (struct kv_bytes){ at, n ? n + 1 : 0 }, &found, &v));
		if (schedule_decode(found, v, &row) == STORE_OK) {
			*out = (struct whole_schedule){ { found.p, found.n }, row.job, row.upto_ms, row.run_ms, row.print };
			return STORE_OK;
		}
		if (found.n == 0 || found.n > KV_KEY_MAX)
			return STORE_DAMAGED;
		n = found.n;
		memcpy(at, found.p, n);
		at[n] = 0;
	}
}
