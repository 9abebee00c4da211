/* Leases of workers on other machines, done to the store and to the model: claims, extensions, ends that are said again and again, leases that run out, and those that outlive the server. */
#include "tests/store/history.h"

#include <stdio.h>
#include <stdlib.h>

#define WORKERS 3u

struct job_text far_name(unsigned far)
{
	static const char *const names[WORKERS] = { "far:1", "", "a-machine-with-a-name-that-is-as-long-as-the-name-of-one-may-be:1" };

	return far ? (struct job_text){ names[far - 1], strlen(names[far - 1]) < STORE_WORKER_MAX ? strlen(names[far - 1]) : STORE_WORKER_MAX } : text_of("");
}

static bool holds(const struct mjob *j, uint64_t token)
{
	return j->state == JOB_RUNNING && j->far && j->token == token;
}

/* --- claims --- */

struct wish { struct job_text type[TYPES], queue[2]; unsigned types, queues; struct store_pick pick; };        /* bits of those that are meant; no queue: of any */

static void choose_wish(struct wish *w)
{
	*w = (struct wish){ .types = dice(8) ? 1u << (TYPES - 1) | dice(2) : dice(1u << TYPES) };
	w->pick = (struct store_pick){ .type = w->type, .queue = w->queue };
	for (unsigned t = 0; t < TYPES; t++)
		if (w->types >> t & 1)
			w->type[w->pick.ntypes++] = text_of(type_names[t]);
	if (dice(2))
		return;
	w->pick.nqueues = 1 + dice(2);
	for (unsigned i = 0; i < w->pick.nqueues; i++) {
		unsigned q = dice(QUEUES + 1);
		w->queue[i] = text_of(q < QUEUES ? queue_names[q] : "nowhere");
		w->queues |= 1u << q;
	}
}

static bool is_wished(const struct mjob *j, const struct wish *w)
{
	return (w->types >> j->type & 1) && (w->queues == 0 || w->queues >> j->queue & 1);
}

static bool to_be_had(const struct mjob *j, const struct wish *w)
{
	return j->state == JOB_QUEUED && is_wished(j, w) && may_go_far(j) == YES;
}

static void check_choice(const struct mjob *j, const struct wish *w, bool alone)
{
	assert_int_equal(j->state, JOB_QUEUED);
	assert_true(is_wished(j, w) && may_go_far(j) != NO && !past(j));
	assert_int_equal(alone, is_alone(j));
	key_check_start(j);
	for (unsigned i = 0; i < h.m.n; i++) {
		const struct mjob *o = &h.m.job[i];
		if (o == j || past(o) || !to_be_had(o, w))
			continue;
		assert_true(o->queue != j->queue || before(j, o));
		assert_true(h.turns_unknown || h.pass[1][j->queue] <= h.pass[1][o->queue]);
	}
}

static void take(void)
{
	unsigned far = 1 + dice(WORKERS);
	struct store_lease l = { .worker = far_name(far), .lease_ms = dice(40) ? 1 + dice(70) : -(int64_t)dice(2), .boot_ms = h.boot_ms };
	struct store_claimed c;
	struct wish w;

	choose_wish(&w);
	say("claim from afar, types %x queues %x", w.types, w.queues);
	enum store_rc rc = store_claim_remote(h.f->store, &w.pick, &l, &c);
	if (l.lease_ms <= 0) {
		say(" -> no lease\n");
		assert_int_equal(rc, STORE_INVALID);
		return;
	}
	unsigned expired = expired_on_the_way(may_go_far);
	turns_look();
	if (rc != STORE_OK) {
		say(" -> none\n");
		assert_int_equal(rc, STORE_NOT_FOUND);
		assert_int_equal(h.nheard, expired);
		for (unsigned i = 0; i < h.m.n; i++)
			assert_false(to_be_had(&h.m.job[i], &w));
		return;
	}
	struct mjob *j = model_of(c.job.id);
	assert_non_null(j);
	say(" -> job %u for %d ms\n", j->number, (int)l.lease_ms);
	check_choice(j, &w, c.alone);
	turns_taken(j, true);
	covered(is_alone(j) ? C_FAR_ALONE : C_FAR_CLAIM, j->state);
	j->far = far;
	j->lease_epoch = h.f->epoch;
	j->lease_ms = l.lease_ms;
	j->lease_end_ms = h.boot_ms + l.lease_ms;
	op_taken(j, &c, expired);
}

/* --- what their holders say, or somebody else --- */

static bool may_be_said(enum job_outcome outcome)
{
	return outcome == JOB_OUTCOME_SUCCEEDED || outcome == JOB_OUTCOME_FAILED || outcome == JOB_OUTCOME_RELEASED;
}

/* One that has ended, rather by the word of its holder. */
static uint64_t old_token(const struct mjob *j)
{
	const struct mattempt *a = &j->attempt[dice(j->nattempts)];

	for (unsigned i = 0; i < j->nattempts && dice(3); i++)
		if (j->attempt[i].far && may_be_said((enum job_outcome)j->attempt[i].outcome))
			a = &j->attempt[i];
	return a->token;
}

/* A job and a token: mostly of a lease that is held, else one that was, or of nobody. */
static struct mjob *somebody(uint64_t *token)
{
	struct mjob *j = dice(3) ? any_running(true) : NULL;

	if (!j)
		j = any_of(ANY_STATE);
	for (unsigned i = 0; i < h.m.n && j && !j->far && dice(6); i++)
		j = &h.m.job[i];                /* rather one that a remote worker has had */
	if (!j)
		return NULL;
	*token = j->token;
	if (holds(j, *token) ? dice(3) == 0 : dice(3) > 0)
		*token = dice(5) && j->nattempts ? old_token(j) : j->token + 1 + dice(3);
	return j;
}

static void extend(void)
{
	uint64_t token;
	struct mjob *j = somebody(&token);
	int64_t by_ms = dice(2) ? 0 : dice(12) ? (int64_t)dice(150) : -1, left = -1;

	if (!j)
		return;
	enum store_rc want = by_ms < 0 ? STORE_INVALID : holds(j, token) ? STORE_OK : STORE_STALE;
	say("extend job %u (%s) token %+d by %d -> %s\n", j->number, job_state_name(j->state), (int)(token - j->token), (int)by_ms, store_rc_text(want));
	assert_int_equal(store_holds(h.f->store, j->id, token), holds(j, token));
	assert_int_equal(store_extend(h.f->store, j->id, token, by_ms, h.boot_ms, &left), want);
	heard_none();
	if (want != STORE_OK) {
		covered(C_FAR_STALE, j->state);
		return;
	}
	covered(C_FAR_EXTEND, j->state);
	int64_t end_ms = h.boot_ms + (by_ms ? by_ms : j->lease_ms);
	if (j->lease_epoch == h.f->epoch && end_ms < j->lease_end_ms)
		end_ms = j->lease_end_ms;       /* never to less than it has */
	assert_int_equal(left, end_ms - h.boot_ms);
	j->lease_end_ms = end_ms;
	j->lease_epoch = h.f->epoch;
}

/* What somebody is answered with who does not hold the job: who did, and says what he said then, as he was then. */
static enum store_rc said_before(struct mjob *j, const struct store_finish *d, const struct store_ended *then)
{
	const struct mattempt *a = attempt_of(j, d->token);

	if (!a || !a->far || a->outcome != (uint32_t)d->outcome) {
		covered(C_FAR_STALE, j->state);
		return STORE_STALE;
	}
	enum job_state failed = a->retry_at_ms ? JOB_RETRYING : JOB_DEAD;
	assert_int_equal(then->state, d->outcome == JOB_OUTCOME_SUCCEEDED ? JOB_SUCCEEDED : d->outcome == JOB_OUTCOME_RELEASED ? JOB_QUEUED : failed);
	assert_int_equal(then->run_at_ms, a->retry_at_ms);
	covered(C_FAR_AGAIN, j->state);
	return STORE_REPLAYED;
}

/* Whoever says it again mostly says the same. */
static void say_again(const struct mjob *j, struct ending *e)
{
	for (unsigned i = 0; i < j->nattempts && dice(4); i++)
		if (j->attempt[i].token == e->f.token && may_be_said((enum job_outcome)j->attempt[i].outcome))
			e->f.outcome = (enum job_outcome)j->attempt[i].outcome;
}

static void end(void)
{
	static const enum cover what[JOB_OUTCOMES] = { [JOB_OUTCOME_SUCCEEDED] = C_FAR_SUCCEED, [JOB_OUTCOME_FAILED] = C_FAR_FAIL, [JOB_OUTCOME_RELEASED] = C_FAR_RELEASE };
	struct store_ended then = { JOB_NONE, -1 };
	struct ending e;
	uint64_t token;
	struct mjob *j = somebody(&token);

	if (!j)
		return;
	choose_end(&e, j);
	e.f.token = token;
	if (!may_be_said(e.f.outcome) && dice(8))
		e.f.outcome = dice(2) ? JOB_OUTCOME_FAILED : JOB_OUTCOME_RELEASED;
	say_again(j, &e);
	if (e.f.outcome != JOB_OUTCOME_SUCCEEDED) {
		e.result.n = 0;
		e.staged = NULL;
	}
	say("end from afar, job %u (%s) %s token %+d", j->number, job_state_name(j->state), job_outcome_name(e.f.outcome), (int)(token - j->token));
	enum store_rc rc = store_finish_remote(h.f->store, &e.f, &then);
	say(" -> %s\n", store_rc_text(rc));
	covered_rc(rc);
	bool wrong_length = e.staged && e.f.result_len != e.result.n;
	enum store_rc want = !may_be_said(e.f.outcome) ? STORE_INVALID : !holds(j, token) ? said_before(j, &e.f, &then) : wrong_length ? STORE_INVALID : STORE_OK;
	assert_int_equal(rc, want);
	if (rc != STORE_OK) {
		heard_none();
		return;
	}
	covered(what[e.f.outcome], j->state);
	if (e.f.outcome != JOB_OUTCOME_RELEASED)
		e.f.started_ms = j->started_ms;
	op_ended(j, &e);
	assert_int_equal(then.state, j->state);
	assert_int_equal(then.run_at_ms, j->state == JOB_RETRYING ? j->run_at_ms : 0);
}

/* Its answer could not be written, so that nobody has heard of it. */
static void give_back(void)
{
	uint64_t token;
	struct mjob *j = somebody(&token);

	if (!j)
		return;
	if (j->state == JOB_RUNNING && !j->far)
		token = j->token + 1;           /* such leases are not given back so */
	enum store_rc want = holds(j, token) ? STORE_OK : STORE_STALE;
	say("give back job %u (%s) -> %s\n", j->number, job_state_name(j->state), store_rc_text(want));
	assert_int_equal(store_give_back(h.f->store, j->id, token), want);
	if (want != STORE_OK) {
		heard_none();
		return;
	}
	given_up(j, JOB_OUTCOME_RELEASED);
	heard_one(j, JOB_EV_GIVE_BACK, JOB_OUTCOME_RELEASED);
}

void far_cancelled(struct mjob *j)
{
	covered(C_FAR_CANCEL, j->state);
	breaker_end(j, JOB_OUTCOME_CANCELLED);
	struct mattempt *a = model_attempt(j, JOB_OUTCOME_CANCELLED);
	a->started_ms = j->started_ms;
	model_count_processed(j);
	j->last_outcome = JOB_OUTCOME_CANCELLED;
	model_end(j, JOB_CANCELLED);
	j->holds = false;
	lay_down(j);
	keys_look();
}

/* --- what time brings --- */

static int by_end(const void *a, const void *b)
{
	const struct mjob *x = *(struct mjob *const *)a, *y = *(struct mjob *const *)b;

	if (x->lease_epoch != y->lease_epoch)
		return x->lease_epoch < y->lease_epoch ? -1 : 1;
	if (x->lease_end_ms != y->lease_end_ms)
		return x->lease_end_ms < y->lease_end_ms ? -1 : 1;
	return x->token < y->token ? -1 : x->token > y->token;
}

/* Leases of this run, or of older ones, in order of their ends. */
static unsigned leases(struct mjob **v, bool old)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h.m.n; i++)
		if (h.m.job[i].state == JOB_RUNNING && h.m.job[i].far && (h.m.job[i].lease_epoch != h.f->epoch) == old)
			v[n++] = &h.m.job[i];
	qsort(v, n, sizeof(*v), by_end);
	return n;
}

static void run_out(void)
{
	struct mjob *v[M_JOBS];
	unsigned n, over = 0, limit = 1 + dice(4);
	bool more;

	h.boot_ms += dice(3) ? 0 : dice(100);
	n = leases(v, false);
	while (over < n && v[over]->lease_end_ms <= h.boot_ms)
		over++;
	say("leases run out:");
	assert_int_equal(store_expire_leases(h.f->store, h.boot_ms, limit, &more), STORE_OK);
	assert_int_equal(more, over > limit);
	assert_int_equal(h.nheard, over < limit ? over : limit);
	for (unsigned i = 0; i < h.nheard; i++) {
		assert_true(same_id(h.heard[i].job.id, v[i]->id));
		given_up(v[i], JOB_OUTCOME_LEASE_EXPIRED);
		assert_int_equal(h.heard[i].outcome, JOB_OUTCOME_LEASE_EXPIRED);
		assert_int_equal(h.heard[i].job.state, v[i]->state);
		assert_int_equal(h.heard[i].event, v[i]->state == JOB_QUEUED ? JOB_EV_GIVE_BACK : JOB_EV_FAIL_DEAD);
		say(" %u", v[i]->number);
	}
	say("%s\n", more ? ", and more" : "");
	far_alarms();
}

/* A job that outlives its workers: what crashed twice is claimed alone here, and like any other from afar. */
static void ordeal(void)
{
	for (unsigned times = 1 + dice(3); times > 0; times--) {
		take();
		turns_look();
		h.boot_ms += 70;
		hear_begin();
		run_out();
		turns_look();
		hear_begin();
	}
}

bool far_renew(unsigned limit)
{
	struct mjob *v[M_JOBS];
	unsigned n = leases(v, true);
	bool more;

	say("leases of older runs:");
	assert_int_equal(store_renew_leases(h.f->store, h.boot_ms, limit, &more), STORE_OK);
	assert_int_equal(more, n >= limit);
	for (unsigned i = 0; i < n && i < limit; i++) {
		covered(C_FAR_RENEW, v[i]->state);
		v[i]->lease_epoch = h.f->epoch;
		v[i]->lease_end_ms = h.boot_ms + v[i]->lease_ms;
		say(" %u", v[i]->number);
	}
	say("\n");
	return more;
}

void op_far(void)
{
	static const struct { void (*op)(void); unsigned weight; } ops[] = { { take, 9 }, { end, 6 }, { extend, 3 }, { run_out, 2 }, { ordeal, 2 }, { give_back, 1 } };
	struct mjob *v[M_JOBS];
	unsigned at = dice(24);

	if (!h.rules.far && leases(v, false) + leases(v, true) == 0 && dice(8)) {
		op_claim();                     /* nothing can be had */
		return;
	}
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (at < ops[i].weight) {
			ops[i].op();
			return;
		}
		at -= ops[i].weight;
	}
	far_renew(1 + dice(3));
	heard_none();
}

/* --- what can be seen --- */

void far_check(const struct mjob *j, const struct job *in)
{
	struct job_text name, want = far_name(j->far);

	assert_int_equal(store_worker(h.f->reader, in, &name), want.n ? STORE_OK : STORE_NOT_FOUND);
	assert_true(name.n == want.n && (name.n == 0 || memcmp(name.p, want.p, name.n) == 0));
	if (!j->far || j->state != JOB_RUNNING)
		return;
	assert_true(in->worker == STORE_REMOTE && in->lease_epoch == j->lease_epoch);
	assert_int_equal(in->grant_seq, j->lease_end_ms);
}

/* No lease ends unseen. */
void far_alarms(void)
{
	struct mjob *v[M_JOBS];

	if (leases(v, false) > 0)
		assert_true(store_next_lease_ms(h.f->store) <= v[0]->lease_end_ms);
}

/* What there is for somebody who waits: asked for, and told of where there was nothing. */
void far_look(void)
{
	const struct job_text types[TYPES] = { text_of(type_names[0]), text_of(type_names[1]), text_of(type_names[2]) };
	const struct store_pick any = { .type = types, .ntypes = TYPES };
	uint64_t news = store_remote_news(h.f->store);
	enum yes has = NO;

	for (unsigned i = 0; i < h.m.n; i++) {
		enum yes may = h.m.job[i].state == JOB_QUEUED ? may_go_far(&h.m.job[i]) : NO;
		has = may > has ? may : has;
	}
	if (has != MAYBE)
		assert_int_equal(store_has_remote(h.f->store, &any), has == YES);
	if (has == YES && !h.far_had)
		assert_true(news != h.far_news);
	h.far_had = has != NO;
	h.far_news = news;
}
