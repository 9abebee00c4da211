/* Lines of keys against the rule itself: random submissions, claims, ends, retries, cancellations, deaths, pauses, aborted batches, restarts and changes of the rules, over every engine. What the store says of each
 * change is mirrored in a plain table, and each claim is held against it: never more of a key than its limit, and one at a time never out of the order of arrival, whatever has happened in between. Whatever may
 * start can be claimed, and the rows of the lines are those of the jobs. */
#include "tests/store/limits.h"

#include "store/embedded.h"

#define TYPES 3
#define KEYS 4          /* 0: none */
#define JOBS 4096

static const char *const type_name[] = { "t0", "t1", "t2" }, *const queue_name[] = { "q0", "q1" }, *const key_name[] = { "", "a", "b", "c" };

struct mirror { struct job_id id; enum job_state state; unsigned type, key; uint64_t arrival, token; int32_t crashes; };
static struct world {
	struct mirror job[JOBS];
	unsigned n;
	uint64_t arrivals;
	bool paused[2];
} w, saved;
static struct fixture *f;
static uint32_t seed;
static unsigned next_type, next_key;    /* of the submission that is under way */

static uint32_t dice(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 16) % below;
}

static struct mirror *of_id(struct job_id id)
{
	for (unsigned i = 0; i < w.n; i++)
		if (memcmp(&w.job[i].id, &id, sizeof(id)) == 0)
			return &w.job[i];
	assert_true(w.n < JOBS);
	w.job[w.n] = (struct mirror){ .id = id, .type = next_type, .key = next_key };
	return &w.job[w.n++];
}

static uint64_t limit_of(const struct mirror *j)
{
	return j->key ? type_rule[j->type].key_concurrency : 0;
}

static bool same(const struct mirror *a, const struct mirror *b)
{
	return a->key && a->key == b->key && a->type == b->type;
}

/* The rule, at the moment of a claim. */
static void may_be_claimed(const struct mirror *j)
{
	uint64_t limit = limit_of(j), running = 0;

	for (unsigned i = 0; limit && i < w.n; i++) {
		const struct mirror *o = &w.job[i];
		if (o == j || !same(o, j))
			continue;
		running += o->state == JOB_RUNNING;
		if (limit == 1 && (o->state == JOB_QUEUED || o->state == JOB_RETRYING))
			assert_true(o->arrival > j->arrival);
	}
	assert_true(limit == 0 || running < limit);
}

static void changed(void *arg, const struct store_change *c)
{
	struct mirror *j = of_id(c->job.id);

	(void)arg;
	if (c->event == JOB_EV_CLAIM)
		may_be_claimed(j);
	j->state = c->job.state;
	j->token = c->job.lease_token;
	if (j->state == JOB_QUEUED && !j->arrival)
		j->arrival = ++w.arrivals;
	if (job_state_final(j->state))
		j->arrival = 0;
}

/* Whether any job of this one's key could start now. */
static bool may_start(const struct mirror *j)
{
	uint64_t limit = limit_of(j), running = 0;

	if (j->state != JOB_QUEUED)
		return false;
	for (unsigned i = 0; limit && i < w.n; i++) {
		const struct mirror *o = &w.job[i];
		running += same(o, j) && o->state == JOB_RUNNING;
		if (limit == 1 && same(o, j) && o->state == JOB_RETRYING && o->arrival < j->arrival)
			return false;
	}
	return limit == 0 || running < limit;
}

static bool any_may_start(void)
{
	for (unsigned i = 0; i < w.n; i++)
		if (may_start(&w.job[i]))
			return true;
	return false;
}

static struct mirror *any_in(unsigned states)
{
	unsigned n = 0;
	struct mirror *one = NULL;

	for (unsigned i = 0; i < w.n; i++)
		if (states & 1u << w.job[i].state && dice(++n) == 0)
			one = &w.job[i];
	return one;
}

/* --- what is done; inside a batch --- */

static void do_submit(void)
{
	next_type = dice(TYPES);
	next_key = dice(KEYS);
	struct job_spec s = spec_of(type_name[next_type], queue_name[dice(2)], (int)dice(5) - 2, "1");
	struct job j;

	s.key = (struct job_text){ key_name[next_key], strlen(key_name[next_key]) };
	if (dice(6) == 0)
		s.run_at_ms = f->now_us / 1000 + (int64_t)dice(40);
	if (dice(12) == 0)
		s.expires_at_ms = s.run_at_ms + f->now_us / 1000 + (int64_t)dice(60);
	s.max_retries = dice(3);
	assert_int_equal(try_submit(f, &s, &j), STORE_OK);
}

static void do_claim(void)
{
	static struct store_claimed c;
	struct store_owner owner = OWNER;
	enum store_rc rc = store_claim(f->store, &owner, ++grant, dice(2), &c);

	assert_true(rc == STORE_OK || rc == STORE_NOT_FOUND);
}

static void do_finish(void)
{
	static const enum job_outcome outcome[] = { JOB_OUTCOME_SUCCEEDED, JOB_OUTCOME_FAILED, JOB_OUTCOME_FAILED, JOB_OUTCOME_TIMED_OUT, JOB_OUTCOME_RELEASED, JOB_OUTCOME_CANCELLED };
	struct mirror *j = any_in(1u << JOB_RUNNING);
	struct job out;

	if (!j)
		return;
	struct store_finish m = finish_of(&(struct job){ .id = j->id, .lease_token = j->token }, outcome[dice(6)]);
	m.retry_in_ms = (int64_t)dice(50);
	assert_int_equal(store_finish(f->store, &m, &out), STORE_OK);
}

static void do_act(void)
{
	enum store_act act = (enum store_act)(1 + dice(STORE_ACTS - 1));
	struct mirror *j = any_in(store_act_states(act));
	struct job out;

	if (!j)
		return;
	enum store_rc rc = store_act(f->store, j->id, act, &out);
	if (act == STORE_ACT_DELETE && rc == STORE_OK)
		*j = w.job[--w.n];
	else
		assert_true(rc == STORE_OK || (rc == STORE_STATE && act == STORE_ACT_RETRY));   /* past its expires_at */
}

static void do_time(void)
{
	bool more;

	assert_int_equal(store_due(f->store, 1 + dice(4), &more), STORE_OK);
}

static void do_death(void)
{
	bool crashed = dice(2), more;

	assert_int_equal(store_abandon(f->store, SLOT, 3, started, &crashed, 1 + dice(5), &more), STORE_OK);
}

static void do_pause(void)
{
	unsigned q = dice(2);

	w.paused[q] = !w.paused[q];
	assert_int_equal(store_pause(f->store, (struct job_text){ queue_name[q], 2 }, w.paused[q]), STORE_OK);
}

static void do_lines(void)
{
	assert_int_equal(store_lines(f->store, 1 + dice(6)), STORE_OK);
}

static const struct { void (*does)(void); unsigned often; } deeds[] = {
	{ do_submit, 30 }, { do_claim, 32 }, { do_finish, 24 }, { do_act, 10 }, { do_time, 8 }, { do_death, 1 }, { do_pause, 1 }, { do_lines, 6 },
};

static void batch(void)
{
	bool lost = dice(12) == 0;

	saved = w;
	begin(f);
	f->now_us += dice(4000);
	for (unsigned n = 1 + dice(6); n > 0; n--) {
		uint32_t at = dice(112);
		size_t i = 0;
		while (at >= deeds[i].often)
			at -= deeds[i++].often;
		deeds[i].does();
	}
	if (lost) {
		store_abort(f->store);
		w = saved;
	} else {
		commit(f);
	}
}

/* --- what is looked at --- */

struct rows { uint64_t head, class[4]; };

/* The rows of all lines: how many jobs hold a key, rest and are lined up; and what the heads say. */
static struct rows count_rows(void)
{
	struct kv *kv = f->store->kv;
	struct key k = { .n = 0 };
	struct rows r = { .head = 0 };
	struct kv_bytes found, v;
	struct kv_txn *txn;

	assert_int_equal(kv->ops->begin(kv, false, &txn), STORE_OK);
	while (kv->ops->seek(txn, KV_LINE, key_of(&k), &found, &v) == STORE_OK) {
		assert_int_equal(found.n, KEYED_KEY_BYTES);
		uint8_t class = ((const uint8_t *)found.p)[16];
		uint64_t holders;
		assert_in_range(class, KEYED_HEAD, KEYED_LINED);
		r.class[class]++;
		if (class == KEYED_HEAD) {
			memcpy(&holders, v.p, sizeof(holders));
			r.head += holders;
		}
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
	}
	kv->ops->abort(txn);
	return r;
}

static void check_rows(void)
{
	struct rows r = count_rows(), want = { .head = 0 };

	for (unsigned i = 0; i < w.n; i++) {
		struct job j = look(f, w.job[i].id);
		assert_int_equal(j.state, w.job[i].state);
		if (job_state_final(j.state) || !limit_of(&w.job[i]))
			assert_int_equal(j.place, JOB_FREE);
		else if (j.state == JOB_RUNNING)
			assert_int_equal(j.place, JOB_HOLDS);
		else if (j.state == JOB_RETRYING)
			assert_int_equal(j.place, JOB_RESTS);
		else if (j.state == JOB_QUEUED)
			assert_true(j.place == JOB_HOLDS || j.place == JOB_LINED);
		want.class[KEYED_HOLDS] += j.place == JOB_HOLDS;
		want.class[KEYED_RESTS] += j.place == JOB_RESTS;
		want.class[KEYED_LINED] += j.place == JOB_LINED;
	}
	for (int i = KEYED_HOLDS; i <= KEYED_LINED; i++)
		assert_int_equal(r.class[i], want.class[i]);
	assert_int_equal(r.head, want.class[KEYED_HOLDS]);
}

static void settle(void)
{
	do {                                    /* an aborted batch is forgotten at the next begin */
		begin(f);
		do_lines();
		commit(f);
	} while (store_has_lines(f->store));
}

static void check(void)
{
	settle();
	if (!w.paused[0] && !w.paused[1])
		assert_int_equal(store_has_ready(f->store) || store_has_alone(f->store), any_may_start());
	check_rows();
	recount(f);
}

static void new_rules(void)
{
	for (unsigned t = 0; t < TYPES; t++)
		if (dice(2))
			type_rule[t].key_concurrency = dice(4);
	rules(f);
}

static void again(void)
{
	fixture_reopen(f, f->epoch);
	store_watch(f->store, changed, NULL);
}

/* Everything is brought to an end: then no row is left. And gone, so that the next history begins with nothing. */
static void run_dry(void)
{
	static struct store_claimed c;
	struct store_owner owner = OWNER;
	struct job out;
	bool more;

	settle();
	begin(f);
	for (unsigned q = 0; q < 2; q++)
		assert_int_equal(store_pause(f->store, (struct job_text){ queue_name[q], 2 }, false), STORE_OK);
	commit(f);
	w.paused[0] = w.paused[1] = false;
	for (struct mirror *j; (j = any_in(1u << JOB_RUNNING)) != NULL;) {
		struct store_finish m = finish_of(&(struct job){ .id = j->id, .lease_token = j->token }, JOB_OUTCOME_SUCCEEDED);
		assert_int_equal(finish(f, &m, NULL), STORE_OK);
	}
	while (any_in(1u << JOB_SCHEDULED | 1u << JOB_QUEUED | 1u << JOB_RETRYING)) {
		f->now_us += 1000000;
		begin(f);
		assert_int_equal(store_due(f->store, 1000, &more), STORE_OK);
		while (store_claim(f->store, &owner, ++grant, true, &c) == STORE_OK) {
			struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
			assert_int_equal(store_finish(f->store, &m, &out), STORE_OK);
		}
		commit(f);
	}
	recount(f);
	begin(f);
	for (unsigned i = 0; i < w.n; i++)
		assert_int_equal(store_act(f->store, w.job[i].id, STORE_ACT_DELETE, &out), STORE_OK);
	commit(f);
	struct rows r = count_rows();
	assert_int_equal(r.head + r.class[0] + r.class[1] + r.class[2] + r.class[3], 0);
}

static void history(struct fixture *fixture, uint32_t number)
{
	f = fixture;
	seed = number;
	memset(&w, 0, sizeof(w));
	f->max_crashes = 4;
	store_watch(f->store, changed, NULL);
	rules(f);
	for (unsigned i = 0; i < 150; i++) {
		batch();
		if (dice(25) == 0)
			new_rules();
		if (dice(40) == 0)
			again();
		if (dice(10) == 0)
			check();
	}
	check();
	run_dry();
}

static void random_histories(struct fixture *fixture, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned t = 0; t < TYPES; t++)
			type_rule[t].key_concurrency = t;
		print_message("# seed %u\n", 1000 + i);
		history(fixture, 1000 + i);
	}
}

static void test_random_histories(void **state)
{
	struct fixture *fixture = *state;

	random_histories(fixture, fixture_persists(fixture) ? 12 : 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = { BOTH(test_random_histories) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
