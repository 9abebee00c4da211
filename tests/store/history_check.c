/* Compares all that can be seen of the store with the model; and ends a history's jobs to see that they leave nothing. Between two batches. */
#include "tests/store/history.h"

#include "store/check.h"
#include "store/embedded.h"

/* --- one job --- */

#define LOGS_KEPT 10u

struct walk { const struct mjob *j; unsigned n; };

static bool same_text(struct job_text a, struct job_text b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool same_attempt(void *arg, const struct record_attempt *a)
{
	struct walk *w = arg;
	const struct mattempt *m = &w->j->attempt[w->n++];
	struct buf log = { 0 };

	assert_true(w->n <= w->j->nattempts);
	assert_true(a->token == m->token && a->attempt == m->attempt && a->outcome == m->outcome);
	assert_true(a->claimed_ms == m->claimed_ms && a->started_ms == m->started_ms && a->ended_ms == m->ended_ms && a->retry_at_ms == m->retry_at_ms);
	assert_int_equal(a->exit_code, m->exit_code);
	assert_int_equal(a->worker == STORE_REMOTE, m->far != 0);
	assert_true(!m->far || same_text(a->who, far_name(m->far)));
	assert_true(m->error[0] ? a->error.n >= strlen(m->error) && memcmp(a->error.p, m->error, strlen(m->error)) == 0 : a->error.n == 0);
	if (w->n + LOGS_KEPT <= w->j->nattempts)
		return true;                    /* its log is too old to be kept */
	assert_int_equal(a->log_len, m->log.n);
	if (a->log_blob) {
		assert_int_equal(store_blob(h.f->reader, a->log_blob, 0, a->log_len, &log), STORE_OK);
		assert_int_equal(log.len, m->log.n);
		assert_memory_equal(log.data, bytes_of(m->log, 0).p, m->log.n);
	} else if (m->log.n) {
		assert_memory_equal(a->log.p, bytes_of(m->log, 0).p, m->log.n);
	}
	buf_free(&log);
	return true;
}

static bool same_note(void *arg, const struct store_note *n)
{
	struct walk *w = arg;
	const struct mnote *m = &w->j->note[w->n++];

	assert_true(w->n <= w->j->nnotes);
	assert_int_equal(n->event, m->event);
	assert_int_equal(n->at_ms, m->at_us / 1000);
	assert_int_equal(n->attempt, m->attempt);
	assert_int_equal(n->detail.n > 0, m->parent);
	return true;
}

static void check_history(const struct mjob *j)
{
	struct walk w = { j, 0 };
	struct job_text error;
	const char *last = "";

	assert_int_equal(store_attempts(h.f->reader, j->id, same_attempt, &w), STORE_OK);
	assert_int_equal(w.n, j->nattempts);
	w.n = 0;
	assert_int_equal(store_notes(h.f->reader, j->id, same_note, &w), STORE_OK);
	assert_int_equal(w.n, j->nnotes);
	for (unsigned i = 0; i < j->nattempts; i++)
		if (j->attempt[i].error[0])
			last = j->attempt[i].error;
	assert_int_equal(store_last_error(h.f->reader, j->id, &error), *last ? STORE_OK : STORE_NOT_FOUND);
	assert_true(error.n >= strlen(last) && memcmp(error.p ? error.p : "", last, strlen(last)) == 0);
}

static void check_bytes(const struct mjob *j, const struct job *s)
{
	struct buf b = { 0 };
	struct store_progress said;

	assert_int_equal(store_payload(h.f->reader, j->id, &b), STORE_OK);
	assert_int_equal(b.len, j->payload.n);
	assert_memory_equal(b.data, bytes_of(j->payload, 0).p, b.len);
	buf_clear(&b);
	assert_int_equal(store_result(h.f->reader, s, &b), j->result.n ? STORE_OK : STORE_NOT_FOUND);
	assert_int_equal(b.len, j->result.n);
	if (b.len)
		assert_memory_equal(b.data, bytes_of(j->result, 0).p, b.len);
	buf_clear(&b);
	assert_int_equal(store_depends(h.f->reader, j->id, &b), STORE_OK);
	assert_int_equal(b.len, j->nparents * sizeof(struct job_id));
	for (unsigned i = 0; i < j->nparents; i++)
		assert_memory_equal(b.data + i * sizeof(struct job_id), &j->parent[i].id, sizeof(struct job_id));
	buf_free(&b);
	assert_int_equal(s->progress_pct, j->percent);
	enum store_rc rc = store_progress_get(h.f->reader, j->id, &said);
	assert_int_equal(rc, j->percent >= 0 ? STORE_OK : STORE_NOT_FOUND);
	if (rc != STORE_OK)
		return;
	assert_true(said.percent == j->percent && said.attempt == j->said_attempt && said.at_ms == j->said_ms);
	assert_int_equal(said.message.n, j->message.n);
	if (said.message.n)
		assert_memory_equal(said.message.p, bytes_of(j->message, 0).p, said.message.n);
}

static bool check_job(void *arg, const struct job *s, const struct job_spec *spec)
{
	const struct mjob *j = model_of(s->id);
	unsigned *n = arg;

	(*n)++;
	assert_non_null(j);
	assert_int_equal(s->state, j->state);
	assert_int_equal(s->priority, j->priority);
	assert_true(s->created_ms == j->created_ms && s->run_at_ms == j->run_at_ms && s->expires_at_ms == j->expires_at_ms);
	assert_true(s->started_ms == j->started_ms && s->finished_ms == j->finished_ms);
	assert_true(s->attempts == j->attempts && s->retry_count == j->retry_count && s->max_retries == j->max_retries && s->crashes == j->crashes);
	assert_int_equal(s->cancel_asked, j->cancel_asked);
	assert_int_equal(s->last_outcome, j->last_outcome);
	assert_true(s->lease_token == j->token);
	key_check_place(j, s);
	far_check(j, s);
	assert_int_equal(spec->tag[0].p[0], j->tag);
	check_bytes(j, s);
	check_history(j);
	return true;
}

/* --- figures --- */

static void same_tally(const struct store_tally *have, unsigned which)
{
	const struct mtally *t = &h.m.tally[which];
	struct store_tally want = { .submitted = 0 };

	for (unsigned i = 0; i < h.m.n; i++) {
		const struct mjob *j = &h.m.job[i];
		if (which != QUEUES + TYPES && (which < QUEUES ? j->queue != which : j->type != which - QUEUES))
			continue;
		want.state[j->state]++;
		want.retry_sum += j->retry_count;
		want.with_retries += j->retry_count > 0;
	}
	for (unsigned i = 0; i < JOB_STATES; i++)
		assert_int_equal(have->state[i], want.state[i]);
	assert_true(have->retry_sum == want.retry_sum && have->with_retries == want.with_retries);
	assert_true(have->submitted == t->submitted && have->processed == t->processed && have->succeeded == t->succeeded && have->failed == t->failed);
	assert_true(have->retried == t->retried && have->recovered == t->recovered && have->dead == t->dead);
}

struct figures { const char *const *names; unsigned n, from, met; };

static bool figure(void *arg, const struct store_figure *s)
{
	struct figures *w = arg;

	for (unsigned i = 0; i < w->n; i++) {
		if (s->name.n != strlen(w->names[i]) || memcmp(s->name.p, w->names[i], s->name.n) != 0)
			continue;
		same_tally(&s->tally, w->from + i);
		if (w->from == 0)
			assert_int_equal(s->paused, h.m.paused[i]);
		else
			breaker_check(i, &s->breaker);
		w->met |= 1u << i;
		return true;
	}
	fail_msg("the figures of a queue or type that was never there");
	return true;
}

static void check_figures(void)
{
	struct figures queues = { queue_names, QUEUES, 0, 0 }, types = { type_names, TYPES, QUEUES, 0 };
	static const struct store_tally nothing;
	struct store_tally all;

	assert_int_equal(store_read_totals(h.f->reader, &all), STORE_OK);
	same_tally(&all, QUEUES + TYPES);
	assert_int_equal(store_queues(h.f->reader, figure, &queues), STORE_OK);
	assert_int_equal(store_types(h.f->reader, figure, &types), STORE_OK);
	for (unsigned i = 0; i < QUEUES; i++)
		if (!(queues.met >> i & 1)) {
			same_tally(&nothing, i);
			assert_false(h.m.paused[i]);
		}
	for (unsigned i = 0; i < TYPES; i++)
		if (!(types.met >> i & 1))
			same_tally(&nothing, QUEUES + i);
}

/* What the keeper goes by when it decides whether to sleep. */
static void check_alarms(void)
{
	enum yes ready = NO, alone = NO;
	int64_t next_due = INT64_MAX;

	for (unsigned i = 0; i < h.m.n; i++) {
		const struct mjob *j = &h.m.job[i];
		enum yes may = j->state == JOB_QUEUED ? may_start(j) : NO;
		if (is_alone(j) && may > alone)
			alone = may;
		if (!is_alone(j) && may > ready)
			ready = may;
		if ((IN(j->state) & (IN(JOB_SCHEDULED) | IN(JOB_RETRYING))) && j->run_at_ms < next_due)
			next_due = j->run_at_ms;
		if ((WAITING_STATES & IN(j->state)) && j->expires_at_ms && j->expires_at_ms < next_due)
			next_due = j->expires_at_ms;
		if (j->state == JOB_WAITING) {
			bool wait = false, bad = false;
			for (unsigned k = 0; k < j->nparents; k++) {
				wait |= j->parent[k].how == LINK_OPEN;
				bad |= j->parent[k].how == LINK_BAD;
			}
			assert_true((wait && !bad) || store_has_spread(h.f->store));
		}
	}
	assert_true(store_next_due_ms(h.f->store) <= next_due);  /* it may be early, never late */
	if (ready != MAYBE)
		assert_int_equal(store_has_ready(h.f->store), ready == YES);
	if (ready == YES || alone == YES)
		assert_true(store_waits(h.f->store));
	if (alone != MAYBE)
		assert_int_equal(store_has_alone(h.f->store), alone == YES);
}

static void flaw(void *arg, const struct store_flaw *f)
{
	(void)arg;
	say("unsound, table %s: %s\n", f->table, f->what);
}

/* Every record and row by itself. */
static void check_sound(void)
{
	struct store_check_watch w = { .flaw = flaw };
	struct store_checked c;

	assert_int_equal(store_check(h.f->reader, 0, 1 + dice(40), &w, &c), STORE_OK);
	assert_int_equal(c.flaws, 0);
	assert_int_equal(c.jobs, h.m.n);
}

void check_all(void)
{
	unsigned n = 0;

	batch_begin();                  /* loads anew what an abort has left */
	batch_commit();
	check_alarms();
	far_alarms();
	assert_int_equal(store_read_begin(h.f->reader), STORE_OK);
	assert_int_equal(store_recent(h.f->reader, UINT32_MAX, check_job, &n), STORE_OK);
	assert_int_equal(n, h.m.n);
	check_figures();
	check_list();
	store_read_end(h.f->reader);
	check_sound();
}

/* --- the end --- */

static bool nobody_began(void *arg, uint64_t token)
{
	(void)arg;
	(void)token;
	return false;
}

static bool keep_none(void *arg, struct job_text name)
{
	(void)arg;
	(void)name;
	return false;
}

static void end_all(void)
{
	struct job out;
	bool more = true;

	for (unsigned slot = 0; slot < SLOTS; slot++)
		for (uint32_t i = 0; i <= h.incarnation[slot]; i++)
			assert_int_equal(store_abandon(h.f->store, FIRST_SLOT + slot, i, nobody_began, NULL, 1000, &more), STORE_OK);
	for (unsigned i = 0; i < h.m.n; i++) {
		enum store_rc rc = store_act(h.f->store, h.m.job[i].id, STORE_ACT_CANCEL, &out);
		assert_true(rc == STORE_OK || rc == STORE_STATE);
	}
	for (unsigned i = 0; i < h.m.n; i++)
		assert_int_equal(store_act(h.f->store, h.m.job[i].id, STORE_ACT_DELETE, &out), STORE_OK);
	while (store_has_spread(h.f->store))
		assert_int_equal(store_spread(h.f->store, 100), STORE_OK);
	for (unsigned i = 0; i < h.m.nstaged; i++)
		assert_int_equal(store_unstage(h.f->store, FIRST_SLOT + h.m.staged[i].slot, h.m.staged[i].incarnation, h.m.staged[i].blob), STORE_OK);
	for (more = true; more;)
		assert_int_equal(store_retain(h.f->store, 100, &more), STORE_OK);
	for (more = true; more;)
		assert_int_equal(store_sweep(h.f->store, 100, &more), STORE_OK);
	assert_int_equal(store_schedules_prune(h.f->store, keep_none, NULL, 1000), STORE_OK);
}

void check_empty(void)
{
	static const bool stays[KV_TABLES] = { [KV_META] = true, [KV_LANE] = true, [KV_COUNT] = true, [KV_TOKEN] = true };
	struct store *s = h.f->store;
	struct kv_bytes found, v;

	h.f->rules.idempotency_window_ms = 1;
	store_rules(s, &h.f->rules);
	h.f->now_us += INT64_C(1000000000);
	assert_int_equal(store_begin(s, h.f->now_us), STORE_OK);
	end_all();
	assert_false(store_spoilt(s));
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(store_begin(s, h.f->now_us), STORE_OK);
	for (unsigned t = 0; t < KV_TABLES; t++)
		if (!stays[t] && s->kv->ops->seek(s->txn, (enum kv_table)t, (struct kv_bytes){ "", 0 }, &found, &v) != STORE_NOT_FOUND)
			fail_msg("rows are left in table %s", kv_table_names[t]);
	store_abort(s);
}
