/* What time and others' ends bring, done to the store and to the model: due jobs, children that are told, retention, reloads, a new keeper's questions. */
#include "tests/store/history.h"

#include <stdio.h>

#include "text/uuid.h"

/* --- due --- */

#define DUE_STATES (IN(JOB_SCHEDULED) | IN(JOB_RETRYING))

/* Those past their expires_at end first, then those whose time has come are queued; each in the order of their times. */
static void one_due(const struct heard *e, bool *queues, int64_t *last_ms)
{
	struct mjob *j = model_of(e->job.id);

	assert_non_null(j);
	covered(e->event == JOB_EV_EXPIRE ? C_EXPIRE : C_DUE, j->state);
	if (e->event == JOB_EV_EXPIRE) {
		assert_true((WAITING_STATES & IN(j->state)) && past(j) && !*queues);
		model_end(j, JOB_EXPIRED);
	} else {
		assert_int_equal(e->event, JOB_EV_DUE);
		assert_true((DUE_STATES & IN(j->state)) && j->run_at_ms <= now_ms() && (!*queues || j->run_at_ms >= *last_ms));
		*queues = true;
		*last_ms = j->run_at_ms;
		j->state = JOB_QUEUED;
	}
	keys_look();
	assert_int_equal(e->job.state, j->state);
	say(" %u %s", j->number, job_state_name(j->state));
}

void op_due(void)
{
	bool more = true, stop = false;

	say("due:");
	while (more && !stop) {
		bool queues = false;
		int64_t last_ms = 0;
		hear_begin();
		assert_int_equal(store_due(h.f->store, 1 + dice(3), &more), STORE_OK);
		for (unsigned i = 0; i < h.nheard; i++)
			one_due(&h.heard[i], &queues, &last_ms);
		stop = dice(8) == 0;
	}
	say("\n");
	for (unsigned i = 0; i < h.m.n && !more; i++) {
		const struct mjob *j = &h.m.job[i];
		assert_false((DUE_STATES & IN(j->state)) && j->run_at_ms <= now_ms());
		assert_false((WAITING_STATES & IN(j->state)) && past(j));
	}
}

/* --- parents --- */

static bool any_link(const struct mjob *j, int how)
{
	for (unsigned k = 0; k < j->nparents; k++)
		if ((int)j->parent[k].how == how)
			return true;
	return false;
}

static bool is_to_be_told(const struct mjob *j)
{
	return j->state == JOB_WAITING && (any_link(j, LINK_BAD) || !any_link(j, LINK_OPEN));
}

static void told(struct mjob *j, const struct heard *e)
{
	bool later = j->run_at_ms > now_ms();

	assert_int_equal(j->state, JOB_WAITING);
	if (e->event == JOB_EV_CANCEL) {
		assert_true(any_link(j, LINK_BAD));
		covered(C_PARENT_FAILED, j->state);
		model_end(j, JOB_CANCELLED);
		model_note(j, j->finished_ms * 1000, JOB_EV_CANCEL, true);
	} else {
		assert_false(any_link(j, LINK_OPEN) || any_link(j, LINK_BAD));
		assert_int_equal(e->event, later ? JOB_EV_PARENTS_LATER : JOB_EV_PARENTS_DONE);
		covered(C_RELEASED, j->state);
		model_note(j, h.f->now_us, e->event, false);
		j->state = later ? JOB_SCHEDULED : JOB_QUEUED;
		check_rank(j, &e->job, later);
	}
	keys_look();
	assert_int_equal(e->job.state, j->state);
	say(" (job %u %s)", j->number, job_state_name(j->state));
}

void op_spread(void)
{
	bool stop = false;

	say("spread:");
	while (store_has_spread(h.f->store) && !stop) {
		hear_begin();
		assert_int_equal(store_spread(h.f->store, 1 + dice(4)), STORE_OK);
		for (unsigned i = 0; i < h.nheard; i++) {
			struct mjob *j = model_of(h.heard[i].job.id);
			assert_non_null(j);
			told(j, &h.heard[i]);
		}
		stop = dice(5) == 0;
	}
	say("\n");
	for (unsigned i = 0; i < h.m.n && !store_has_spread(h.f->store); i++)
		assert_false(is_to_be_told(&h.m.job[i]));
}

/* --- retention --- */

void op_retain(void)
{
	bool more = true;
	int at;

	say("retain:");
	while (more)
		assert_int_equal(store_retain(h.f->store, 1 + dice(3), &more), STORE_OK);
	keys_expire();
	while ((at = retention_next(&h.f->rules)) >= 0) {
		say(" %u", h.m.job[at].number);
		covered(C_RETAIN, h.m.job[at].state);
		model_drop(&h.m.job[at]);
	}
	say("\n");
	heard_none();
}

/* --- the conf --- */

static struct store_limit limit_named(const char *const *names, unsigned n, unsigned from, struct job_text name)
{
	for (unsigned i = 0; i < n; i++)
		if (name.n == strlen(names[i]) && memcmp(name.p, names[i], name.n) == 0)
			return h.rules.limit[from + i];
	return (struct store_limit){ .concurrency = 0 };
}

static struct store_limit queue_limit(void *arg, struct job_text name)
{
	(void)arg;
	return limit_named(queue_names, QUEUES, 0, name);
}

static struct store_limit type_limit(void *arg, struct job_text name)
{
	(void)arg;
	return limit_named(type_names, TYPES, QUEUES, name);
}

static uint32_t room(void *arg, struct job_text type)
{
	(void)arg;
	return type.n == 1 && type.p[0] == type_names[ROOM_TYPE][0];
}

static bool runs_here(void *arg, struct job_text type)
{
	(void)arg;
	for (unsigned t = 0; t < TYPES; t++)
		if (type.n == strlen(type_names[t]) && memcmp(type.p, type_names[t], type.n) == 0)
			return !(h.rules.far >> t & 1);
	return true;
}

static void rules_new(void)
{
	static const uint64_t few[] = { 0, 0, 0, 1, 2 };
	static const double rates[] = { 0, 0, 0.5, 2, 4 };
	struct store_rules *r = &h.f->rules;
	bool limits = dice(3) == 0, rated = limits && dice(2), breaks = dice(4) == 0;

	h.rules.rates = rated || breaks;
	h.rules.far = dice(5) < 3 ? 0 : 1u << (TYPES - 1) | dice(2);
	for (unsigned i = 0; i < QUEUES + TYPES; i++)
		h.rules.limit[i] = (struct store_limit){ .concurrency = limits ? few[dice(5)] : 0, .rate = rated ? rates[dice(5)] : 0, .max_queued = limits && i < QUEUES ? few[dice(5)] * 3 : 0, .key_concurrency = h.rules.limit[i].key_concurrency };
	for (unsigned i = QUEUES; i < QUEUES + TYPES; i++) {
		h.rules.limit[i].breaker_failures = breaks ? few[dice(3) + 2] : 0;
		h.rules.limit[i].breaker_cooldown_ms = 5 + dice(25);
	}
	breakers_clock();
	r->queue_limit = queue_limit;
	r->type_limit = type_limit;
	r->room = room;
	r->retain_succeeded_ms = dice(3) ? 40 + dice(100) : 0;
	r->retain_failed_ms = dice(3) ? 60 + dice(200) : 0;
	r->retain_count = dice(3) ? 0 : 2 + dice(5);
	r->max_queued = dice(4) ? 0 : 4 + dice(6);
	r->idempotency_window_ms = dice(6) ? 30 + dice(200) : 0;
	r->idempotency_max = dice(3) ? 100 : 1 + dice(3);
	r->runs_here = runs_here;
	h.f->max_crashes = h.rules.far ? 1 + dice(6) : 1 + dice(4);
	store_rules(h.f->store, r);
}

static void keys_new(void)
{
	static const uint64_t most[] = { 0, 1, 1, 2, 2, 3 };

	for (unsigned t = 0; t < TYPES; t++) {
		uint64_t *of = &h.rules.limit[QUEUES + t].key_concurrency, was = *of;
		*of = h.rules.keyed ? most[dice(6)] : 0;
		h.m.unsure[t] |= *of != was;
		say(" %u", (unsigned)*of);
	}
}

void rules_first(void)
{
	h.rules.keyed = dice(3) == 0;
	say("at once of a key:");
	keys_new();
	memset(h.m.unsure, 0, sizeof(h.m.unsure));      /* there is no job yet */
	rules_new();
	say("\n");
}

void op_rules(void)
{
	say("reload of the rules");
	if (!h.rules.keyed || dice(3) == 0) {
		rules_new();
	} else {
		say(", at once of a key:");
		keys_new();
		store_rules(h.f->store, &h.f->rules);
	}
	say("\n");
}

/* --- what a new keeper asks for --- */

struct wanted { const struct mjob *job[M_JOBS]; unsigned n, seen; };

static bool granted(void *arg, uint64_t seq, const struct store_claimed *c)
{
	struct wanted *w = arg;

	assert_true(w->seen < w->n && w->job[w->seen]->grant == seq && same_id(w->job[w->seen]->id, c->job.id));
	assert_int_equal(c->alone, is_alone(w->job[w->seen]));
	w->seen++;
	return true;
}

static void to_cancel(void *arg, struct job_id id, uint64_t token)
{
	struct wanted *w = arg;

	while (w->seen < w->n && !w->job[w->seen]->cancel_asked)
		w->seen++;
	assert_true(w->seen < w->n && same_id(w->job[w->seen]->id, id) && w->job[w->seen]->token == token);
	w->seen++;
}

void op_leases(void)
{
	uint32_t slot = dice(SLOTS);
	struct store_owner owner = { FIRST_SLOT + slot, h.incarnation[slot], 77 };
	uint64_t after = h.grants > 6 ? h.grants - dice(6) : 0, lone, want_lone = 0;
	struct wanted all = { .n = 0 }, later = { .n = 0 };

	for (uint64_t seq = 1; seq <= h.grants; seq++)
		for (unsigned i = 0; i < h.m.n; i++) {
			const struct mjob *j = &h.m.job[i];
			if (j->state != JOB_RUNNING || j->slot != slot || j->grant != seq)
				continue;
			all.job[all.n++] = j;
			if (seq > after)
				later.job[later.n++] = j;
			want_lone = is_alone(j) ? seq : want_lone;
		}
	say("leases of slot %u\n", slot);
	assert_int_equal(store_regrant(h.f->store, &owner, after, granted, &later), STORE_OK);
	assert_int_equal(later.seen, later.n);
	assert_int_equal(store_cancels(h.f->store, &owner, to_cancel, &all), STORE_OK);
	while (all.seen < all.n)
		assert_false(all.job[all.seen++]->cancel_asked);
	assert_int_equal(store_lone(h.f->store, &owner, &lone), STORE_OK);
	assert_int_equal(lone, want_lone);
	heard_none();
}
