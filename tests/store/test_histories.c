/* Random histories against a plain model of the rules: what each transition answers, what is then stored, what is counted and whose turn it is, through aborts, clocks that are set back and reopenings. */
#include "tests/store/history_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- transitions --- */

static void do_submit(void)
{
	static const char *const queues[] = { "q", "heavy", "p" }, *const types[] = { "t", "u" };
	struct mjob *j = &m.job[m.n];
	struct job out;

	if (m.n == JOBS)
		return;
	*j = (struct mjob){ .queue = (int)dice(3), .type = (int)dice(2), .priority = (int32_t)dice(5) - 2, .max_retries = dice(3) };
	struct job_spec s = spec_of(types[j->type], queues[j->queue], j->priority, "[]");
	s.max_retries = j->max_retries;
	s.run_at_ms = dice(3) ? 0 : now_ms() - 20 + dice(80);
	s.expires_at_ms = dice(5) ? 0 : now_ms() + 1 + dice(60);
	assert_int_equal(try_submit(f, &s, &out), STORE_OK);
	j->id = out.id;
	j->run_at_ms = s.run_at_ms;
	j->expires_at_ms = s.expires_at_ms;
	j->state = s.run_at_ms > now_ms() ? JOB_SCHEDULED : JOB_QUEUED;
	j->sortkey = out.sortkey;
	check_key(j, out.sortkey, j->state == JOB_SCHEDULED ? s.run_at_ms : now_ms());
	for (unsigned i = 0; i < m.n; i++)
		assert_true(memcmp(&m.job[i].id, &j->id, sizeof(j->id)) != 0);
	assert_int_equal(out.state, j->state);
	m.n++;
	m.submitted++;
}

#define WAITING (IN(JOB_SCHEDULED) | IN(JOB_QUEUED) | IN(JOB_RETRYING))

/* Due times end jobs that are past theirs, and so may a claim on its way: they say so. */
static void heard(void *arg, const struct store_change *c)
{
	(void)arg;
	if (c->event != JOB_EV_EXPIRE)
		return;
	struct mjob *j = of_id(c->job.id);
	assert_true(IN(j->state) & WAITING);
	assert_true(j->expires_at_ms && j->expires_at_ms <= now_ms());
	end(j, JOB_EXPIRED);
}

static bool before(const struct mjob *a, const struct mjob *b)
{
	return a->sortkey != b->sortkey ? a->sortkey < b->sortkey : memcmp(&a->id, &b->id, sizeof(a->id)) < 0;
}

static bool is_alone(const struct mjob *j)
{
	return j->crashes >= 2;
}

static void do_claim(void)
{
	uint32_t slot = dice(SLOTS);
	struct store_owner owner = { SLOT + slot, incarnation[slot], 77 };
	bool idle = dice(2), alone_waits = false, other_waits = false;
	struct store_claimed c;
	enum store_rc rc = store_claim(f->store, &owner, ++grants, idle, &c);

	assert_true(rc == STORE_OK || rc == STORE_NOT_FOUND);
	for (unsigned i = 0; i < m.n; i++) {
		alone_waits |= m.job[i].state == JOB_QUEUED && is_alone(&m.job[i]);
		other_waits |= m.job[i].state == JOB_QUEUED && !is_alone(&m.job[i]);
	}
	assert_int_equal(rc == STORE_OK, other_waits || (idle && alone_waits));
	if (rc != STORE_OK)
		return;
	struct mjob *j = of_id(c.job.id);
	assert_int_equal(j->state, JOB_QUEUED);
	assert_false(j->expires_at_ms && j->expires_at_ms <= now_ms());
	assert_int_equal(c.alone, is_alone(j));
	assert_int_equal(c.alone, idle && alone_waits);
	for (unsigned i = 0; i < m.n; i++) {
		const struct mjob *o = &m.job[i];
		if (o != j && o->state == JOB_QUEUED && o->queue == j->queue && is_alone(o) == is_alone(j) && (!c.alone || o->type == j->type))
			assert_true(before(j, o));
	}
	j->state = JOB_RUNNING;
	j->attempts++;
	j->token = c.job.lease_token;
	j->slot = slot;
	for (unsigned i = 0; i < m.n; i++)
		assert_true(&m.job[i] == j || m.job[i].token != j->token);
	claims++;
}

static void fail_attempt(struct mjob *j, const struct store_finish *d)
{
	m.failed++;
	if (j->cancel_asked) {
		end(j, JOB_CANCELLED);
	} else if (d->no_retry || j->retry_count >= j->max_retries) {
		end(j, JOB_DEAD);
		m.dead++;
	} else {
		j->state = JOB_RETRYING;
		j->retry_count++;
		j->run_at_ms = now_ms() + d->retry_in_ms;
	}
}

static void do_finish(void)
{
	static const enum job_outcome ends[] = { JOB_OUTCOME_SUCCEEDED, JOB_OUTCOME_SUCCEEDED, JOB_OUTCOME_FAILED, JOB_OUTCOME_TIMED_OUT, JOB_OUTCOME_RELEASED, JOB_OUTCOME_CANCELLED };
	struct mjob *j = any_of(dice(8) ? IN(JOB_RUNNING) : ~0u);
	struct job out;

	if (!j)
		return;
	bool stale = j->state != JOB_RUNNING || dice(10) == 0;
	struct store_finish d = { .id = j->id, .token = j->token + (stale && j->state == JOB_RUNNING), .outcome = ends[dice(6)], .started_ms = 1, .duration_us = 5, .no_retry = dice(6) == 0, .retry_in_ms = dice(60) };
	assert_int_equal(store_finish(f->store, &d, &out), stale ? STORE_STALE : STORE_OK);
	if (stale)
		return;
	switch (d.outcome) {
	case JOB_OUTCOME_SUCCEEDED:
		end(j, JOB_SUCCEEDED);
		m.succeeded++;
		break;
	case JOB_OUTCOME_CANCELLED:
		end(j, JOB_CANCELLED);
		break;
	case JOB_OUTCOME_RELEASED:
		if (j->cancel_asked)
			end(j, JOB_CANCELLED);
		else
			j->state = JOB_QUEUED;
		break;
	default:
		fail_attempt(j, &d);
	}
	assert_int_equal(out.state, j->state);
}

static void crash(struct mjob *j, bool started)
{
	j->crashes += started;
	if (j->cancel_asked) {
		end(j, JOB_CANCELLED);
	} else if (started && j->crashes >= MAX_CRASHES) {
		end(j, JOB_DEAD);
		m.dead++;
	} else {
		j->state = JOB_QUEUED;
		m.recovered += started;
	}
}

static bool odd(void *arg, uint64_t token)
{
	(void)arg;
	return token % 2;
}

static void do_abandon(void)
{
	uint32_t slot = dice(SLOTS);
	bool more = true;

	while (more)
		assert_int_equal(store_abandon(f->store, SLOT + slot, incarnation[slot], odd, NULL, 1 + dice(3), &more), STORE_OK);
	for (unsigned i = 0; i < m.n; i++)
		if (m.job[i].state == JOB_RUNNING && m.job[i].slot == slot)
			crash(&m.job[i], m.job[i].token % 2);
	incarnation[slot]++;
}

static void do_due(void)
{
	bool more = true;

	while (more)
		assert_int_equal(store_due(f->store, 1 + dice(3), &more), STORE_OK);
	for (unsigned i = 0; i < m.n; i++) {
		assert_false(IN(m.job[i].state) & WAITING && m.job[i].expires_at_ms && m.job[i].expires_at_ms <= now_ms());
		if (IN(m.job[i].state) & (IN(JOB_SCHEDULED) | IN(JOB_RETRYING)) && m.job[i].run_at_ms <= now_ms())
			m.job[i].state = JOB_QUEUED;
	}
}

static void do_retain(void)
{
	bool more = true;

	while (more)
		assert_int_equal(store_retain(f->store, 1 + dice(3), &more), STORE_OK);
	for (unsigned i = m.n; i-- > 0;) {
		const struct mjob *j = &m.job[i];
		int64_t keep = j->state == JOB_SUCCEEDED ? KEEP_SUCCEEDED : KEEP_FAILED;
		if (job_state_final(j->state) && j->finished_ms + keep <= now_ms())
			drop(&m.job[i]);
	}
}

static void do_retry(struct mjob *j, enum store_rc rc, const struct job *out)
{
	bool may = FINAL_BAD & IN(j->state) && !(j->expires_at_ms && j->expires_at_ms <= now_ms());

	assert_int_equal(rc, may ? STORE_OK : STORE_STATE);
	if (!may)
		return;
	j->state = JOB_QUEUED;
	j->attempts = j->retry_count = j->crashes = 0;
	j->cancel_asked = false;
	j->sortkey = out->sortkey;
	check_key(j, out->sortkey, now_ms());
}

static void do_run_now(struct mjob *j, enum store_rc rc, const struct job *out)
{
	bool scheduled = j->state == JOB_SCHEDULED;

	assert_int_equal(rc, scheduled || j->state == JOB_RETRYING ? STORE_OK : STORE_STATE);
	if (rc != STORE_OK)
		return;
	if (scheduled)
		check_key(j, out->sortkey, now_ms());
	else
		assert_true(out->sortkey == j->sortkey);
	j->sortkey = out->sortkey;
	j->run_at_ms = now_ms();
	j->state = JOB_QUEUED;
}

static void do_act(void)
{
	static const enum store_act acts[] = { STORE_ACT_CANCEL, STORE_ACT_RETRY, STORE_ACT_RUN_NOW, STORE_ACT_DELETE };
	struct mjob *j = any_of(~0u);
	enum store_act act = acts[dice(4)];
	struct job out;

	if (!j)
		return;
	enum store_rc rc = store_act(f->store, j->id, act, &out);
	switch (act) {
	case STORE_ACT_CANCEL:
		assert_int_equal(rc, job_state_final(j->state) ? STORE_STATE : STORE_OK);
		if (rc == STORE_OK && j->state == JOB_RUNNING)
			j->cancel_asked = true;
		else if (rc == STORE_OK)
			end(j, JOB_CANCELLED);
		break;
	case STORE_ACT_RETRY:
		do_retry(j, rc, &out);
		break;
	case STORE_ACT_RUN_NOW:
		do_run_now(j, rc, &out);
		break;
	default:
		assert_int_equal(rc, job_state_final(j->state) ? STORE_OK : STORE_STATE);
		if (rc == STORE_OK)
			drop(j);
	}
}

/* --- what is stored must be what the model says --- */

static void check(void)
{
	struct store_tally want = { .submitted = m.submitted, .succeeded = m.succeeded, .dead = m.dead, .failed = m.failed, .recovered = m.recovered }, have;
	int64_t next_due = INT64_MAX;

	begin(f);                       /* loads anew what an abort has left */
	commit(f);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	for (unsigned i = 0; i < m.n; i++) {
		const struct mjob *j = &m.job[i];
		struct job_spec spec;
		struct job s;
		assert_int_equal(store_get(f->reader, j->id, &s, &spec), STORE_OK);
		assert_int_equal(s.state, j->state);
		assert_int_equal(s.attempts, j->attempts);
		assert_int_equal(s.retry_count, j->retry_count);
		assert_int_equal(s.crashes, j->crashes);
		assert_true(s.sortkey == j->sortkey);
		if (job_state_final(j->state))
			assert_int_equal(s.finished_ms, j->finished_ms);
		want.state[j->state]++;
		want.retry_sum += j->retry_count;
		want.with_retries += j->retry_count > 0;
		if (IN(j->state) & (IN(JOB_SCHEDULED) | IN(JOB_RETRYING)) && j->run_at_ms < next_due)
			next_due = j->run_at_ms;
		if (IN(j->state) & WAITING && j->expires_at_ms && j->expires_at_ms < next_due)
			next_due = j->expires_at_ms;
	}
	assert_int_equal(store_read_totals(f->reader, &have), STORE_OK);
	store_read_end(f->reader);
	for (int i = 0; i < JOB_STATES; i++)
		assert_int_equal(have.state[i], want.state[i]);
	assert_int_equal(have.submitted, want.submitted);
	assert_int_equal(have.succeeded, want.succeeded);
	assert_int_equal(have.dead, want.dead);
	assert_int_equal(have.failed, want.failed);
	assert_int_equal(have.recovered, want.recovered);
	assert_int_equal(have.retry_sum, want.retry_sum);
	assert_int_equal(have.with_retries, want.with_retries);
	assert_true(store_next_due_ms(f->store) <= next_due);   /* it may be early, never late */
	recount(f);
}

static void reopen(void)
{
	bool other_run = dice(2), more = true;

	if (!fixture_persists(f))
		return;
	reopenings++;
	fixture_reopen(f, f->epoch + other_run);
	store_watch(f->store, heard, NULL);
	if (!other_run)
		return;
	begin(f);
	while (more)
		assert_int_equal(store_abandon_old(f->store, 1 + dice(4), &more), STORE_OK);
	commit(f);
	for (unsigned i = 0; i < m.n; i++)
		if (m.job[i].state == JOB_RUNNING)
			crash(&m.job[i], true);
}

static void batch(void)
{
	static void (*const acts[])(void) = { do_submit, do_submit, do_submit, do_claim, do_claim, do_claim, do_finish, do_finish, do_abandon, do_due, do_retain, do_act };
	uint32_t owners[SLOTS];

	f->now_us += dice(8) ? (int64_t)dice(30000) : -(int64_t)dice(90000);
	saved = m;
	memcpy(owners, incarnation, sizeof(owners));
	begin(f);
	for (unsigned i = 1 + dice(7); i-- > 0; transitions++)
		acts[dice(sizeof(acts) / sizeof(acts[0]))]();
	assert_false(store_spoilt(f->store));
	if (dice(6) == 0) {
		store_abort(f->store);
		m = saved;
		memcpy(incarnation, owners, sizeof(owners));
		aborts++;
		return;
	}
	commit(f);
	if (now_ms() > m.latest_ms)
		m.latest_ms = now_ms();
}

static void histories(int (*setup)(void **state), unsigned count, unsigned batches)
{
	for (unsigned i = 0; i < count; i++) {
		void *state;
		begun = seed;
		assert_int_equal(setup(&state), 0);
		f = state;
		f->max_crashes = MAX_CRASHES;
		f->rules.retain_succeeded_ms = KEEP_SUCCEEDED;
		f->rules.retain_failed_ms = KEEP_FAILED;
		store_rules(f->store, &f->rules);
		store_watch(f->store, heard, NULL);
		memset(&m, 0, sizeof(m));
		grants = 0;
		for (unsigned k = 0; k < batches; k++) {
			batch();
			if (dice(4) == 0)
				check();
			if (dice(15) == 0)
				reopen();
		}
		check();
		fixture_end(&state);
	}
}

static void test_in_memory(void **state)
{
	(void)state;
	histories(fixture_memory, 2500, 30);
}

static void test_on_disk(void **state)
{
	(void)state;
	histories(fixture_lmdb, 60, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_in_memory), cmocka_unit_test(test_on_disk) };
	const char *given = getenv("STINT_TEST_SEED");

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	print_message("# STINT_TEST_SEED=%" PRIu64 "\n", seed);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (failed)
		print_message("# the last history that failed is the first one of STINT_TEST_SEED=%" PRIu64 "\n", begun);
	print_message("# %lu transitions, %lu claims, %lu aborts, %lu reopenings\n", transitions, claims, aborts, reopenings);
	return failed;
}
