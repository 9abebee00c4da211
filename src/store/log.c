/* What an attempt wrote to its standard error: kept with the attempt's row, for the last ten that have one. Called by finish.c for every row that is written, and by readers. */
#include "store/embedded.h"

#define LOGS_KEPT 10u

/* Takes the log out of an attempt's row. One that cannot be read is left: it is in nobody's way. */
static enum store_rc drop(struct store *s, const struct key *k, struct kv_bytes row)
{
	struct record_attempt a;

	if (record_attempt_decode(row.p, row.n, &a) != RECORD_OK || (a.log_blob == 0 && a.log.n == 0))
		return STORE_OK;
	uint64_t blob = a.log_blob, len = a.log_len;
	a.log_blob = 0;                 /* the length stays: it says that there was one */
	a.log.n = 0;
	size_t n = record_attempt_encode(&a, s->scratch, sizeof(s->scratch));
	if (n == 0)
		return STORE_OK;
	TRY(row_put(s, KV_ATTEMPT, key_of(k), (struct kv_bytes){ s->scratch, n }));
	return blob ? blob_drop(s, blob, len) : STORE_OK;
}

enum store_rc log_trim(struct store *s, struct job_id id, uint64_t token)
{
	struct key k = key_attempt(&id, token);
	struct kv_bytes found, v;

	for (unsigned i = 0; i < LOGS_KEPT; i++) {
		enum store_rc rc = row_before(s, KV_ATTEMPT, key_of(&k), &found, &v);
		if (rc != STORE_OK || found.n != k.n || memcmp(found.p, &id, sizeof(id)) != 0)
			return may(rc);
		k.n = 0;
		key_bytes(&k, found.p, found.n);
	}
	return drop(s, &k, v);
}

/* --- reading --- */

struct wanted { uint32_t attempt; uint64_t token; bool found; struct record_attempt a; };

/* By number, or by token where none is asked for. Of equal numbers the last counts: a job that was retried by hand began to count anew. */
static bool look(void *arg, const struct record_attempt *a)
{
	struct wanted *w = arg;

	if (w->attempt ? a->attempt == w->attempt : a->token == w->token) {
		w->a = *a;
		w->found = true;
	}
	return true;
}

enum store_rc store_log(struct store_reader *r, const struct job *j, uint32_t attempt, struct buf *out, bool *dropped)
{
	bool last = attempt == 0 || attempt == j->attempts;
	struct wanted w = { .attempt = last ? 0 : attempt, .token = j->lease_token };

	*dropped = false;
	if (j->attempts == 0 && attempt == 0)
		return STORE_NOT_FOUND;
	TRY(store_attempts(r, j->id, look, &w));
	if (!w.found)           /* a first attempt that succeeded without a word has no row */
		return last && j->attempts && j->state != JOB_RUNNING ? STORE_OK : STORE_NOT_FOUND;
	if (w.a.log_blob) {
		size_t before = out->len;
		TRY(store_blob(r, w.a.log_blob, 0, w.a.log_len, out));
		return out->len - before == w.a.log_len ? STORE_OK : STORE_DAMAGED;
	}
	*dropped = w.a.log_len > w.a.log.n;
	buf_add(out, w.a.log.p, w.a.log.n);
	return out->failed ? STORE_NO_MEMORY : STORE_OK;
}
