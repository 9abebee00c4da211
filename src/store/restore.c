/* A job put whole into the store, as it was in another: with its id, its state and its history, into the indexes that its state demands. Called for `stint import` and by the repair; transitions of a batch as all others. */
#include "store/whole.h"

#include "store/embedded.h"

static bool waits(enum job_state s)
{
	return s == JOB_SCHEDULED || s == JOB_WAITING || s == JOB_QUEUED || s == JOB_RETRYING;
}

static struct job_id at(const uint8_t *ids, unsigned i)
{
	struct job_id id;

	memcpy(&id, ids + (size_t)i * sizeof(id), sizeof(id));
	return id;
}

/* --- whether it makes sense --- */

static const char *senseless(const struct job_whole *w)
{
	static const struct job_id none;
	bool final = job_state_final(w->state);

	if (memcmp(&w->job.id, &none, sizeof(none)) == 0)
		return "id";
	if (w->state == JOB_NONE || w->state >= JOB_STATES)
		return "state";
	if (final != (w->job.finished_ms > 0))
		return "finished_ms";
	if ((w->state == JOB_SCHEDULED || w->state == JOB_RETRYING) && w->job.run_at_ms == 0)
		return "run_at_ms";
	if ((w->state == JOB_WAITING) != (w->nwaits > 0))
		return "waits_for";
	for (unsigned i = 0; i < w->nwaits; i++) {
		struct job_id id = at(w->waits_for, i);
		bool asked = false;
		for (unsigned k = 0; k < w->spec.ndepends; k++)
			asked |= memcmp(w->spec.depends + k * sizeof(id), &id, sizeof(id)) == 0;
		if (!asked)
			return "waits_for";
	}
	return NULL;
}

/* Whom it waits for must be there before it. */
static enum store_rc parents_there(struct store *s, const struct job_whole *w)
{
	for (unsigned i = 0; i < w->nwaits; i++) {
		struct job parent;
		enum store_rc rc = job_load(s, at(w->waits_for, i), &parent);
		if (rc != STORE_OK)
			return rc == STORE_NOT_FOUND || (rc == STORE_DAMAGED && !s->spoilt) ? STORE_PARENT : rc;
	}
	return STORE_OK;
}

static enum store_rc look(struct store *s, const struct job_whole *w, const struct job *j, const char **field)
{
	uint8_t scratch[RECORD_SPEC_MAX];
	struct job_spec lean = w->spec;
	struct job there;

	*field = senseless(w);
	if (*field)
		return STORE_INVALID;
	lean.depends = NULL;
	lean.payload = (struct job_text){ NULL, 0 };
	lean.payload_blob = 1;
	*field = "type";
	if (record_spec_encode(&lean, scratch, sizeof(scratch)) == 0)
		return STORE_INVALID;
	*field = "id";
	enum store_rc rc = job_load(s, j->id, &there);
	if (rc == STORE_OK || (rc == STORE_DAMAGED && !s->spoilt))
		return STORE_REPLAYED;
	TRY(may(rc));
	*field = "unique_key";
	if (!job_state_final(w->state))
		TRY(unique_free(s, j));
	*field = "waits_for";
	return parents_there(s, w);
}

/* --- its rows --- */

static enum store_rc put_spec(struct store *s, const struct job_whole *w)
{
	static const struct job_text nothing;
	struct job_spec spec = w->spec;
	uint8_t bytes[RECORD_SPEC_MAX];

	spec.payload = w->payload;
	spec.payload_len = w->payload.n;
	spec.payload_blob = 0;
	if (w->payload.n > JOB_INLINE_MAX) {
		TRY(blob_put(s, w->payload, &spec.payload_blob));
		spec.payload = nothing;
	}
	size_t n = record_spec_encode(&spec, bytes, sizeof(bytes));
	return n ? spec_put(s, w->job.id, &spec, bytes, n) : STORE_INVALID;
}

static enum store_rc put_result(struct store *s, const struct job_whole *w, struct job *j)
{
	j->result_len = w->result.n;
	j->result_blob = 0;
	if (w->result.n == 0)
		return STORE_OK;
	if (w->result.n <= KV_BLOB_ROW)
		return sealed_put(s, KV_RESULT, id_key(&j->id), w->result);
	return blob_put(s, w->result, &j->result_blob);
}

static enum store_rc put_progress(struct store *s, const struct job_whole *w, struct job *j)
{
	uint8_t row[PROGRESS_HEAD + PROGRESS_TEXT_MAX];
	size_t n = w->message.n < PROGRESS_TEXT_MAX ? w->message.n : PROGRESS_TEXT_MAX;

	j->progress_pct = w->said ? w->percent : -1;
	if (!w->said)
		return STORE_OK;
	memcpy(row, &w->percent, 4);
	memcpy(row + 4, &w->said_attempt, 4);
	memcpy(row + 8, &w->said_ms, 8);
	if (n)
		memcpy(row + PROGRESS_HEAD, w->message.p, n);
	return row_put(s, KV_PROGRESS, id_key(&j->id), (struct kv_bytes){ row, PROGRESS_HEAD + n });
}

/* Leases are numbered within the job: nobody holds one of them, and what is claimed from now on has a greater number. Its last one has a row, but where a first success said nothing. */
static enum store_rc put_history(struct store *s, const struct job_whole *w, struct job *j)
{
	uint32_t attempts = j->attempts;

	s->who_token = 0;
	for (unsigned i = 0; i < w->nattempts; i++) {
		struct record_attempt a = w->attempt[i];
		a.token = j->lease_token = i + 1;
		TRY(attempt_put(s, j, &a));
	}
	bool silent = w->state == JOB_SUCCEEDED && (w->nattempts == 0 || w->attempt[w->nattempts - 1].outcome != JOB_OUTCOME_SUCCEEDED);
	j->lease_token = w->nattempts + silent;
	for (unsigned i = 0; i < w->nnotes; i++) {
		j->attempts = w->note[i].attempt;
		TRY(note_put(s, j, w->note[i].at_us, (enum job_event)w->note[i].event, w->note[i].detail));
	}
	j->attempts = attempts;
	return STORE_OK;
}

/* It ran: nobody does that any more. As one that is released, or cancelled where it was to be. */
static enum store_rc end_run(struct store *s, struct job *j)
{
	struct record_attempt a = {
		.token = ++j->lease_token, .attempt = j->attempts, .outcome = j->cancel_asked ? JOB_OUTCOME_CANCELLED : JOB_OUTCOME_RELEASED, .claimed_ms = j->started_ms,
		.ended_ms = s->now_ms, .exit_code = -1, .worker = j->worker, .worker_pid = j->worker_pid,
	};

	j->last_outcome = a.outcome;
	j->exit_code = -1;
	j->term_signal = 0;
	j->duration_us = j->cpu_us = 0;
	j->max_rss_kb = 0;
	if (j->cancel_asked)
		j->finished_ms = s->now_ms;
	else
		j->queued_us = s->now_us;
	TRY(attempt_put(s, j, &a));
	return job_state_apply(j, j->cancel_asked ? JOB_EV_CANCEL : JOB_EV_GIVE_BACK) ? STORE_OK : STORE_INVALID;
}

/* --- its place --- */

/* Its place in the order of arrival, which no other job of its line has. */
static enum store_rc keep_arrival(struct store *s, struct job *j, uint64_t arrival)
{
	const struct turn_named *type = turn_lane_of(s->turn, j->lane)->type;

	j->arrival = job_state_final(j->state) || !job_has_line(j) ? 0 : arrival;
	if (j->arrival == 0)
		return STORE_OK;
	if (j->arrival >= s->head.next_token) {
		s->head.next_token = j->arrival + 1;
		return STORE_OK;
	}
	bool taken = type->limit.rule.key_concurrency == 0;     /* then there are no rows that would say so */
	for (unsigned class = KEYED_HOLDS; class <= KEYED_LINED && !taken; class++) {
		struct key k = key_line(type->number, j->line, class, j->arrival);
		struct kv_bytes v;
		enum store_rc rc = row_get(s, KV_LINE, key_of(&k), &v);
		TRY(may(rc));
		taken = rc == STORE_OK;
	}
	if (taken)
		j->arrival = s->head.next_token++;
	return STORE_OK;
}

/* Its parents know it; those that have ended tell it as soon as the others of theirs are told. */
static enum store_rc wait_for(struct store *s, const struct job_whole *w)
{
	uint32_t open = w->nwaits;

	for (unsigned i = 0; i < w->nwaits; i++) {
		struct job_id id = at(w->waits_for, i);
		struct key k = key_child(&id, &w->job.id);
		struct job parent;
		TRY(must(job_load(s, id, &parent)));
		TRY(row_put(s, KV_CHILD, key_of(&k), (struct kv_bytes){ "", 0 }));
		if (job_state_final(parent.state)) {
			TRY(spread_put(s, &parent));
		} else if (!parent.has_children) {
			parent.has_children = true;
			TRY(job_write(s, &parent));
		}
	}
	return row_put(s, KV_WAITING, id_key(&w->job.id), (struct kv_bytes){ &open, sizeof(open) });
}

static enum store_rc put_place(struct store *s, const struct job_whole *w, struct job *j)
{
	struct key final = key_final(j->state, j->finished_ms, &j->id);

	TRY(keep_arrival(s, j, w->job.arrival));
	if (j->expires_at_ms && waits(j->state))
		TRY(expiry_moved(s, j, JOB_NONE));
	switch (j->state) {
	case JOB_QUEUED:
		return ready_put(s, j);
	case JOB_SCHEDULED:
		return due_put(s, j);
	case JOB_RETRYING:
		if (job_has_line(j))
			TRY(keyed_rest(s, j));
		return due_put(s, j);
	case JOB_WAITING:
		return wait_for(s, w);
	default:
		return row_put(s, KV_FINAL, key_of(&final), (struct kv_bytes){ "", 0 });
	}
}

static void count(struct store *s, const struct job *j)
{
	struct tally_set set = tally_of(s, turn_lane_of(s->turn, j->lane));

	for (int i = 0; i < 3; i++) {
		set.t[i]->state[j->state]++;
		set.t[i]->submitted++;
		set.t[i]->retry_sum += j->retry_count;
		set.t[i]->with_retries += j->retry_count > 0;
	}
}

/* What a store gives itself is not the other's. */
static void strip(struct job *j)
{
	j->lane = 0;
	j->lease_token = j->lease_epoch = j->grant_seq = 0;
	j->result_blob = j->log_blob = 0;
	j->has_children = false;
	j->place = JOB_FREE;
	j->arrival = 0;
	memset(j->line, 0, sizeof(j->line));
}

static enum store_rc restore(struct store *s, const struct job_whole *w, const char **field)
{
	struct job j = w->job;
	enum store_rc rc;

	strip(&j);
	keyed_hash(&w->spec, &j);
	unique_hash(&w->spec, j.unique);
	TRY(look(s, w, &j, field));
	*field = "";
	struct turn_lane *l = lane_make(s, w->spec.queue, w->spec.type, TURN_PLAIN, &rc);
	if (!l)
		return rc;
	j.lane = l->id;
	job_state_restore(&j, w->state);
	TRY(put_spec(s, w));
	TRY(put_result(s, w, &j));
	TRY(put_progress(s, w, &j));
	TRY(put_history(s, w, &j));
	if (j.state == JOB_RUNNING)
		TRY(end_run(s, &j));
	if (j.lease_token >= s->head.next_token)
		s->head.next_token = j.lease_token + 1;
	for (unsigned i = 0; i < w->spec.ndepends; i++) {
		struct key k = key_parent(&j.id, i);
		struct job_id parent = at(w->spec.depends, i);
		TRY(row_put(s, KV_PARENT, key_of(&k), id_key(&parent)));
	}
	TRY(put_place(s, w, &j));
	if (!job_state_final(j.state))
		TRY(unique_put(s, &j));
	count(s, &j);
	return job_write(s, &j);
}

enum store_rc store_restore(struct store *s, const struct job_whole *w, const char **field)
{
	return settled(s, restore(s, w, field));
}

enum job_state store_restored(const struct job_whole *w)
{
	return w->state != JOB_RUNNING ? w->state : w->job.cancel_asked ? JOB_CANCELLED : JOB_QUEUED;
}

enum store_rc store_restore_key(struct store *s, const struct whole_key *k)
{
	struct job_spec spec = { .idempotency_key = k->key };
	struct job there, other;
	uint64_t old;

	TRY(job_load(s, k->id, &there));
	if (!idem_remembers(s, &spec))
		return STORE_OK;        /* this store remembers none */
	memcpy(spec.fingerprint, k->fingerprint, sizeof(spec.fingerprint));
	enum store_rc rc = idem_check(s, &spec, &other, &old);
	if (rc == STORE_KEY_REUSED)
		return STORE_REPLAYED;
	if (rc != STORE_NOT_FOUND)
		return rc;
	if (s->idem.n - (old != 0) >= s->rules.idempotency_max)
		return STORE_KEYS_FULL;
	return settled(s, idem_put(s, &spec, &k->id, k->created_ms, old));
}

enum store_rc store_restore_schedule(struct store *s, const struct whole_schedule *t)
{
	struct store_schedule row;
	enum store_rc rc = store_schedule_get(s, t->name, &row);

	if (rc == STORE_OK)
		return STORE_REPLAYED;
	if (rc != STORE_NOT_FOUND && (rc != STORE_DAMAGED || s->spoilt))
		return rc;
	row = (struct store_schedule){ t->upto_ms, t->run_ms, t->job, t->print };
	return store_schedule_put(s, t->name, &row);
}

enum store_rc store_restore_line(struct store *s, const struct whole_line *l, const char **field)
{
	*field = "";
	switch (l->kind) {
	case WHOLE_JOB:
		return store_restore(s, &l->job, field);
	case WHOLE_KEY:
		*field = "id";
		return store_restore_key(s, &l->key);
	case WHOLE_SCHEDULE:
		return store_restore_schedule(s, &l->schedule);
	case WHOLE_QUEUE:
		return store_pause(s, l->queue, true);
	default:
		return STORE_OK;
	}
}

const char *store_restore_text(enum store_rc rc)
{
	switch (rc) {
	case STORE_LIVE: return "a live job of its type has this key already";
	case STORE_PARENT: return "a job that it waits for is not there";
	case STORE_INVALID: return "it does not agree with the rest of the job";
	default: return store_rc_text(rc);
	}
}
