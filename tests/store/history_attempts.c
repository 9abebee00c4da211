/* Claims, ends of attempts and ends of workers, done to the store and to the model. */
#include "tests/store/history.h"

#include <stdio.h>

static void plus_succeeded(struct mtally *t) { t->succeeded++; }
static void plus_failed(struct mtally *t) { t->failed++; }
static void plus_retried(struct mtally *t) { t->retried++; }
static void plus_recovered(struct mtally *t) { t->recovered++; }
static void plus_dead(struct mtally *t) { t->dead++; }

/* --- claims --- */

unsigned expired_on_the_way(enum yes (*may)(const struct mjob *j))
{
	unsigned n = 0;

	while (n < h.nheard && h.heard[n].event == JOB_EV_EXPIRE) {
		struct mjob *j = model_of(h.heard[n++].job.id);
		assert_non_null(j);
		assert_int_equal(j->state, JOB_QUEUED);
		assert_true(past(j) && may(j) != NO);
		covered(C_EXPIRE, j->state);
		model_end(j, JOB_EXPIRED);
		keys_look();
		say(" (job %u expired)", j->number);
	}
	return n;
}

/* Who asks, and for what there is room. */
static struct offer { struct store_owner owner; bool idle, room, nothing; } offer;

static bool room_for_it(void *arg, uint32_t which)
{
	(void)arg;
	return which == 0 || offer.room;
}

static enum store_choice choose(void *arg, uint32_t which, bool alone, struct store_owner *owner, uint64_t *grant_seq)
{
	if (offer.nothing || (alone && !offer.idle))
		return STORE_END;
	if (!room_for_it(arg, which)) {
		h.rests |= !alone;
		return STORE_REST;
	}
	*owner = offer.owner;
	*grant_seq = h.grants;
	return STORE_TAKE;
}

/* Whether it could have been had now. */
static bool to_be_had(const struct mjob *j)
{
	return j->state == JOB_QUEUED && may_start(j) == YES && (!is_alone(j) || (offer.idle && (j->type != ROOM_TYPE || offer.room)));
}

static void check_choice(const struct mjob *j, bool alone)
{
	bool lone_waits = false;

	assert_int_equal(j->state, JOB_QUEUED);
	assert_true(may_start(j) != NO);
	assert_false(past(j));
	key_check_start(j);
	assert_int_equal(alone, is_alone(j));
	assert_true((!alone || offer.idle) && (j->type != ROOM_TYPE || offer.room) && !offer.nothing);
	for (unsigned i = 0; i < h.m.n; i++) {
		const struct mjob *o = &h.m.job[i];
		if (o == j || !to_be_had(o) || past(o))
			continue;
		lone_waits |= is_alone(o);
		if (o->queue == j->queue && is_alone(o) == alone && (!alone || o->type == j->type))
			assert_true(before(j, o));
	}
	assert_true(alone || !lone_waits);
}

static void check_nothing_to_claim(void)
{
	for (unsigned i = 0; i < h.m.n && !offer.nothing; i++)
		assert_false(to_be_had(&h.m.job[i]));
}

static enum store_rc ask_for_one(uint32_t slot, struct store_claimed *c)
{
	offer = (struct offer){ .owner = { FIRST_SLOT + slot, h.incarnation[slot], 77 }, .idle = dice(2), .room = true };
	h.grants++;
	say("claim for slot %u%s", slot, offer.idle ? ", idle" : "");
	if (dice(2) && !h.rests)
		return store_claim(h.f->store, &offer.owner, h.grants, offer.idle, c);
	offer.room = dice(2);
	offer.nothing = dice(12) == 0;
	say("%s%s", offer.room ? "" : ", no room for " , offer.room ? "" : type_names[ROOM_TYPE]);
	store_wake(h.f->store, room_for_it, NULL);
	h.rests &= !offer.room;
	turns_look();
	return store_claim_for(h.f->store, &(struct store_chooser){ NULL, choose }, c);
}

static void check_handed_out(const struct mjob *j, const struct store_claimed *c)
{
	char name[16];

	snprintf(name, sizeof(name), "job-N%u", j->number);
	assert_true(c->spec.name.n == strlen(name) && memcmp(c->spec.name.p, name, c->spec.name.n) == 0);
	assert_true(c->spec.queue.n == strlen(queue_names[j->queue]) && c->spec.type.n == strlen(type_names[j->type]));
	assert_int_equal(c->spec.payload_len, j->payload.n);
	if (c->spec.payload_blob == 0)
		assert_memory_equal(c->spec.payload.p, bytes_of(j->payload, 0).p, j->payload.n);
}

void op_claim(void)
{
	uint32_t slot = dice(SLOTS);
	struct store_claimed c;
	enum store_rc rc = ask_for_one(slot, &c);
	unsigned expired = expired_on_the_way(may_start);
	turns_look();
	if (rc != STORE_OK) {
		say(" -> none\n");
		assert_int_equal(rc, STORE_NOT_FOUND);
		assert_int_equal(h.nheard, expired);
		check_nothing_to_claim();
		return;
	}
	struct mjob *j = model_of(c.job.id);
	assert_non_null(j);
	say(" -> job %u\n", j->number);
	check_choice(j, c.alone);
	turns_taken(j, false);
	covered(C_CLAIM, j->state);
	j->far = 0;
	j->slot = slot;
	j->incarnation = h.incarnation[slot];
	j->grant = h.grants;
	j->begun = dice(2);
	op_taken(j, &c, expired);
}

void op_taken(struct mjob *j, const struct store_claimed *c, unsigned expired)
{
	bucket_take(j->queue);
	bucket_take(QUEUES + j->type);
	j->attempts++;
	j->started_ms = now_ms();
	j->finished_ms = 0;
	assert_true(c->job.lease_token > h.m.last_token);
	h.m.last_token = j->token = c->job.lease_token;
	breaker_start(j);
	j->state = JOB_RUNNING;
	check_handed_out(j, c);
	h.nheard -= expired;
	memmove(h.heard, h.heard + expired, h.nheard * sizeof(h.heard[0]));
	heard_one(j, JOB_EV_CLAIM, JOB_OUTCOME_NONE);
}

/* --- ends of attempts --- */

void choose_end(struct ending *e, const struct mjob *j)
{
	static const enum job_outcome ends[] = { JOB_OUTCOME_SUCCEEDED, JOB_OUTCOME_SUCCEEDED, JOB_OUTCOME_FAILED, JOB_OUTCOME_FAILED, JOB_OUTCOME_TIMED_OUT, JOB_OUTCOME_RELEASED, JOB_OUTCOME_CANCELLED };
	struct store_finish *d = &e->f;

	*e = (struct ending){ .f = { .id = j->id, .token = j->token, .outcome = ends[dice(7)], .exit_code = (int32_t)dice(4), .no_retry = dice(6) == 0, .retry_in_ms = dice(3) ? (int64_t)dice(40) : -1, .duration_us = 5 } };
	d->started_ms = dice(4) ? now_ms() : 0;
	if (dice(30) == 0)
		d->outcome = JOB_OUTCOME_CRASHED;       /* nobody may say that of himself */
	if (d->outcome == JOB_OUTCOME_SUCCEEDED && dice(2)) {
		e->staged = dice(3) ? NULL : staged_any();
		e->result = e->staged ? e->staged->bytes : some_bytes();
		d->result_len = e->result.n;
		if (e->staged)
			d->result_blob = e->staged->blob;
		else
			d->result = bytes_of(e->result, 1);
	}
	if (dice(3) == 0) {
		e->log = some_bytes();
		d->log = bytes_of(e->log, 2);
	}
	if (d->result_blob && dice(6) == 0)
		d->result_len++;
	if (d->outcome != JOB_OUTCOME_SUCCEEDED) {
		snprintf(e->error, sizeof(e->error), "boom %u", j->number);
		d->error = text_of(e->error);
	}
}

static void failed(struct mjob *j, const struct store_finish *d)
{
	model_count(j, plus_failed);
	if (j->cancel_asked) {
		model_end(j, JOB_CANCELLED);
	} else if (d->no_retry || j->retry_count >= j->max_retries) {
		model_count(j, plus_dead);
		model_end(j, JOB_DEAD);
	} else {
		int64_t backoff = j->retry_count == 0 ? 7 : j->retry_count == 1 ? 14 : 20;
		j->retry_count++;
		j->state = JOB_RETRYING;
		j->run_at_ms = now_ms() + (d->retry_in_ms >= 0 ? d->retry_in_ms : backoff);
		model_count(j, plus_retried);
	}
}

/* The rules of an end; returns its event. */
static enum job_event ended(struct mjob *j, const struct store_finish *d)
{
	if (d->outcome != JOB_OUTCOME_RELEASED)
		model_count_processed(j);
	if (d->outcome == JOB_OUTCOME_SUCCEEDED) {
		model_count(j, plus_succeeded);
		model_end(j, JOB_SUCCEEDED);
		return JOB_EV_SUCCEED;
	}
	if (d->outcome == JOB_OUTCOME_FAILED || d->outcome == JOB_OUTCOME_TIMED_OUT)
		failed(j, d);
	else if (d->outcome == JOB_OUTCOME_CANCELLED || j->cancel_asked)
		model_end(j, JOB_CANCELLED);
	else
		j->state = JOB_QUEUED;
	j->holds = false;
	return j->state == JOB_CANCELLED ? JOB_EV_CANCEL : j->state == JOB_DEAD ? JOB_EV_FAIL_DEAD : j->state == JOB_RETRYING ? JOB_EV_FAIL_RETRY : JOB_EV_GIVE_BACK;
}

static void attempt_ended(struct mjob *j, const struct store_finish *d, struct mbytes log)
{
	if (d->outcome == JOB_OUTCOME_SUCCEEDED && log.n == 0 && j->attempts == 1 && !j->far)
		return;                         /* the job itself says all there is to say */
	struct mattempt *a = model_attempt(j, d->outcome);
	a->started_ms = d->started_ms;
	a->exit_code = d->exit_code;
	a->log = log;
	a->retry_at_ms = j->state == JOB_RETRYING ? j->run_at_ms : 0;
	snprintf(a->error, sizeof(a->error), "%.*s", (int)d->error.n, d->error.p ? d->error.p : "");
}

void op_ended(struct mjob *j, const struct ending *e)
{
	const struct store_finish *d = &e->f;

	j->last_outcome = d->outcome;
	breaker_end(j, d->outcome);
	enum job_event event = ended(j, d);
	attempt_ended(j, d, e->log);
	if (d->started_ms)
		j->started_ms = d->started_ms;
	if (j->state == JOB_SUCCEEDED) {
		j->result = e->result;
		if (e->staged)
			staged_own(e->staged);
	}
	lay_down(j);
	heard_one(j, event, d->outcome);
}

void op_finish(void)
{
	static const enum cover what[JOB_OUTCOMES] = { [JOB_OUTCOME_SUCCEEDED] = C_SUCCEED, [JOB_OUTCOME_FAILED] = C_FAIL, [JOB_OUTCOME_TIMED_OUT] = C_TIME_OUT, [JOB_OUTCOME_RELEASED] = C_RELEASE, [JOB_OUTCOME_CANCELLED] = C_END_CANCELLED };
	struct mjob *j = dice(8) ? any_running(false) : any_of(ANY_STATE);
	struct ending e;
	struct store_finish *d = &e.f;
	struct job out;

	if (!j || (j->state == JOB_RUNNING && j->far))
		return;                         /* the workers here know nothing of such a lease */
	choose_end(&e, j);
	if (dice(10) == 0)
		d->token = dice(2) && j->nattempts ? j->attempt[dice(j->nattempts)].token : d->token + 1 + dice(3);
	enum store_rc want = d->outcome == JOB_OUTCOME_CRASHED ? STORE_INVALID : j->state != JOB_RUNNING || d->token != j->token ? STORE_STALE : d->result_blob && d->result_len != e.result.n ? STORE_INVALID : STORE_OK;
	say("finish job %u (%s) %s token %+d", j->number, job_state_name(j->state), job_outcome_name(d->outcome), (int)(d->token - j->token));
	enum store_rc rc = store_finish(h.f->store, d, &out);
	say(" -> %s\n", store_rc_text(rc));
	assert_int_equal(rc, want);
	covered_rc(rc);
	if (rc == STORE_STALE)
		covered(C_STALE, j->state);
	if (rc != STORE_OK) {
		heard_none();
		return;
	}
	covered(what[d->outcome], j->state);
	op_ended(j, &e);
}

void op_progress(void)
{
	struct mjob *j = any_of(dice(3) ? IN(JOB_RUNNING) : ANY_STATE);
	struct mbytes message = { dice(1000), dice(40) };
	int32_t percent = (int32_t)dice(104) - 1;

	if (!j)
		return;
	uint64_t token = j->token + (dice(8) == 0);
	enum store_rc want = percent < 0 || percent > 100 ? STORE_INVALID : j->state != JOB_RUNNING || token != j->token ? STORE_STALE : STORE_OK;
	say("progress of job %u (%s) %d -> %s\n", j->number, job_state_name(j->state), percent, store_rc_text(want));
	assert_int_equal(store_progress(h.f->store, j->id, token, percent, bytes_of(message, 0)), want);
	covered(C_PROGRESS, j->state);
	if (want != STORE_OK) {
		heard_none();
		return;
	}
	heard_one(j, JOB_EV_PROGRESS, JOB_OUTCOME_NONE);
	j->said_attempt = j->attempts;
	j->said_ms = now_ms();
	j->percent = percent;
	j->message = message;
}

void given_up(struct mjob *j, enum job_outcome outcome)
{
	static const char *const why[JOB_OUTCOMES] = { [JOB_OUTCOME_CRASHED] = "the worker died while it ran this job", [JOB_OUTCOME_LEASE_EXPIRED] = "the lease ran out: nothing was heard of its worker in time" };
	static const enum cover what[JOB_OUTCOMES] = { [JOB_OUTCOME_CRASHED] = C_CRASHED, [JOB_OUTCOME_LEASE_EXPIRED] = C_FAR_LOST };
	bool begun = outcome != JOB_OUTCOME_RELEASED;
	struct mattempt *a = model_attempt(j, outcome);

	covered(begun ? what[outcome] : j->far ? C_FAR_BACK : C_LET_GO, j->state);
	breaker_end(j, outcome);
	j->crashes += begun;
	j->last_outcome = outcome;
	a->started_ms = begun ? j->started_ms : 0;
	if (begun)
		model_count_processed(j);
	bool over = begun && !j->cancel_asked && j->crashes >= h.f->max_crashes;
	if (begun)
		snprintf(a->error, sizeof(a->error), "%s%s", why[outcome], over ? ", and" : "");
	if (over)
		model_count(j, plus_dead);
	else if (begun && !j->cancel_asked)
		model_count(j, plus_recovered);
	if (over || j->cancel_asked)
		model_end(j, over ? JOB_DEAD : JOB_CANCELLED);
	else
		j->state = JOB_QUEUED;
	j->holds = false;
	lay_down(j);
	keys_look();
}

static bool begun_by(void *arg, uint64_t token)
{
	(void)arg;
	for (unsigned i = 0; i < h.m.n; i++)
		if (h.m.job[i].state == JOB_RUNNING && h.m.job[i].token == token)
			return h.m.job[i].begun;
	fail_msg("a lease that nobody has");
	return false;
}

/* Each that was heard of must be a job of that worker. */
static void given_back(uint32_t slot)
{
	for (unsigned i = 0; i < h.nheard; i++) {
		struct mjob *j = model_of(h.heard[i].job.id);
		assert_non_null(j);
		assert_true(j->state == JOB_RUNNING && j->slot == slot && j->incarnation == h.incarnation[slot]);
		given_up(j, j->begun ? JOB_OUTCOME_CRASHED : JOB_OUTCOME_RELEASED);
		assert_int_equal(h.heard[i].job.state, j->state);
		assert_int_equal(h.heard[i].outcome, j->last_outcome);
		assert_int_equal(h.heard[i].event, j->state == JOB_QUEUED ? JOB_EV_GIVE_BACK : j->state == JOB_DEAD ? JOB_EV_FAIL_DEAD : JOB_EV_CANCEL);
		say(" (job %u %s)", j->number, job_state_name(j->state));
	}
}

void op_abandon(void)
{
	uint32_t slot = dice(SLOTS);
	bool more = true, stop = false;

	say("slot %u is gone:", slot);
	while (more && !stop) {
		hear_begin();
		assert_int_equal(store_abandon(h.f->store, FIRST_SLOT + slot, h.incarnation[slot], begun_by, NULL, 1 + dice(3), &more), STORE_OK);
		given_back(slot);
		stop = dice(6) == 0;
	}
	say("%s\n", more ? " and more are left" : "");
	if (more)
		return;
	for (unsigned i = 0; i < h.m.n; i++)
		assert_false(h.m.job[i].state == JOB_RUNNING && h.m.job[i].slot == slot);
	h.incarnation[slot]++;
}
