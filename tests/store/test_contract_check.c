/* The check of a whole store, over every engine: a sound one has no flaw, and each kind of damage is found where it lies and named. */
#include "tests/store/rich.h"

#include <stdio.h>

#include "store/check.h"
#include "store/embedded.h"
#include "store/repair.h"

struct said { unsigned n; char text[64][400]; };

static void flaw(void *arg, const struct store_flaw *f)
{
	struct said *s = arg;

	if (s->n < 64)
		snprintf(s->text[s->n], sizeof(s->text[0]), "%s: %s%s", f->table, f->of_job ? "job: " : "", f->what);
	s->n++;
}

static void check(struct fixture *f, unsigned slice, struct said *s)
{
	struct store_check_watch w = { .arg = s, .flaw = flaw };
	struct store_checked c;

	s->n = 0;
	assert_int_equal(store_check(f->reader, 0, slice, &w, &c), STORE_OK);
	assert_int_equal(c.flaws, s->n);
}

static void test_a_sound_store_has_no_flaw(void **state)
{
	struct fixture *f = *state;
	struct said s;
	struct rich r;

	check(f, 0, &s);
	assert_int_equal(s.n, 0);
	rich_make(f, &r);
	for (unsigned slice = 1; slice < 40; slice += 6) {
		check(f, slice, &s);
		if (s.n)
			fail_msg("%s", s.text[0]);
	}
}

/* --- damage --- */

static struct rich rich;

struct change { struct fixture *f; struct kv_txn *t; };

static struct change change_begin(struct fixture *f)
{
	struct change c = { f, NULL };

	assert_int_equal(f->store->kv->ops->begin(f->store->kv, true, &c.t), STORE_OK);
	return c;
}

static void change_end(struct change *c)
{
	assert_int_equal(c->f->store->kv->ops->commit(c->t), STORE_OK);
}

static struct kv_bytes first_of(struct change *c, enum kv_table t, struct kv_bytes *v)
{
	struct kv_bytes found;

	assert_int_equal(c->f->store->kv->ops->seek(c->t, t, (struct kv_bytes){ "", 0 }, &found, v), STORE_OK);
	return found;
}

static void drop(struct fixture *f, enum kv_table t, struct kv_bytes key)
{
	struct change c = change_begin(f);

	assert_int_equal(f->store->kv->ops->del(c.t, t, key), STORE_OK);
	change_end(&c);
}

static void put(struct fixture *f, enum kv_table t, struct kv_bytes key, struct kv_bytes v)
{
	struct change c = change_begin(f);

	assert_int_equal(f->store->kv->ops->put(c.t, t, key, v), STORE_OK);
	change_end(&c);
}

static void drop_first(struct fixture *f, enum kv_table t)
{
	struct change c = change_begin(f);
	struct key k = { .n = 0 };
	struct kv_bytes v, found = first_of(&c, t, &v);

	key_bytes(&k, found.p, found.n);
	assert_int_equal(f->store->kv->ops->del(c.t, t, key_of(&k)), STORE_OK);
	change_end(&c);
}

/* A bit of the first row at or after the key. */
static void flip(struct fixture *f, enum kv_table t, struct kv_bytes from, size_t at)
{
	struct change c = change_begin(f);
	struct kv_bytes found, v;
	struct key k = { .n = 0 };
	uint8_t row[4096];

	assert_int_equal(f->store->kv->ops->seek(c.t, t, from, &found, &v), STORE_OK);
	assert_true(at < v.n && v.n <= sizeof(row));
	memcpy(row, v.p, v.n);
	row[at] ^= 1;
	key_bytes(&k, found.p, found.n);
	assert_int_equal(f->store->kv->ops->put(c.t, t, key_of(&k), (struct kv_bytes){ row, v.n }), STORE_OK);
	change_end(&c);
}

static struct kv_bytes nothing(void)
{
	return (struct kv_bytes){ "", 0 };
}

/* Writes a job's record with one thing changed. */
static void rewrite(struct fixture *f, struct job_id id, void (*edit)(struct job *j))
{
	uint8_t row[RECORD_JOB_BYTES];
	struct job j = look(f, id);

	edit(&j);
	record_job_encode(&j, row);
	put(f, KV_JOB, id_key(&id), (struct kv_bytes){ row, sizeof(row) });
}

static struct job_id nobody(void)
{
	struct job_id id;

	memset(&id, 0x5a, sizeof(id));
	return id;
}

static void no_ready(struct fixture *f)
{
	struct job j = look(f, rich.queued);
	struct key k = key_ready(j.lane, j.sortkey, &j.id);

	drop(f, KV_READY, key_of(&k));
}

static void ready_of_nobody(struct fixture *f)
{
	struct job_id id = nobody();
	struct key k = key_ready(1, 5, &id);

	put(f, KV_READY, key_of(&k), nothing());
}

static void ready_of_a_dead_one(struct fixture *f)
{
	struct job j = look(f, rich.dead);
	struct key k = key_ready(j.lane, j.sortkey, &j.id);

	put(f, KV_READY, key_of(&k), nothing());
}

static void no_due(struct fixture *f) { drop_first(f, KV_DUE); }
static void no_expiry(struct fixture *f) { drop_first(f, KV_EXPIRY); }
static void no_lease(struct fixture *f) { drop_first(f, KV_LEASE); }
static void no_remote(struct fixture *f) { drop_first(f, KV_REMOTE); }
static void no_final(struct fixture *f) { drop_first(f, KV_FINAL); }
static void no_unique(struct fixture *f) { drop_first(f, KV_UNIQUE); }
static void no_line_head(struct fixture *f) { drop_first(f, KV_LINE); }
static void no_waiting(struct fixture *f) { drop_first(f, KV_WAITING); }
static void no_child(struct fixture *f) { drop_first(f, KV_CHILD); }
static void no_parent(struct fixture *f) { drop_first(f, KV_PARENT); }
static void no_figures(struct fixture *f) { drop(f, KV_COUNT, (struct kv_bytes){ "qq", 2 }); }
static void no_lane(struct fixture *f) { drop_first(f, KV_LANE); }
static void no_head(struct fixture *f) { drop_first(f, KV_META); }
static void no_result(struct fixture *f) { drop(f, KV_RESULT, id_key(&rich.small)); }
static void no_spec(struct fixture *f) { drop(f, KV_SPEC, id_key(&rich.queued)); }
static void no_job(struct fixture *f) { drop(f, KV_JOB, id_key(&rich.dead)); }
static void no_progress(struct fixture *f) { drop(f, KV_PROGRESS, id_key(&rich.small)); }
static void bad_job(struct fixture *f) { flip(f, KV_JOB, id_key(&rich.queued), 50); }
static void bad_spec(struct fixture *f) { flip(f, KV_SPEC, id_key(&rich.queued), 20); }
static void bad_result(struct fixture *f) { flip(f, KV_RESULT, id_key(&rich.small), 2); }
static void bad_attempt(struct fixture *f) { flip(f, KV_ATTEMPT, id_key(&rich.dead), 30); }
static void bad_blob(struct fixture *f) { flip(f, KV_BLOB, nothing(), 3); }
static void bad_idem(struct fixture *f) { flip(f, KV_IDEM, nothing(), 9); }
static void bad_schedule(struct fixture *f) { flip(f, KV_SCHEDULE, nothing(), 1); }
static void bad_head(struct fixture *f) { flip(f, KV_META, nothing(), 20); }
static void bad_line_head(struct fixture *f) { flip(f, KV_LINE, nothing(), 0); }
static void bad_figures(struct fixture *f) { flip(f, KV_COUNT, nothing(), 80); }
static void bad_lease(struct fixture *f) { flip(f, KV_LEASE, nothing(), 17); }
static void bad_waiting(struct fixture *f) { flip(f, KV_WAITING, nothing(), 1); }
static void bad_note(struct fixture *f) { put(f, KV_NOTE, (struct kv_bytes){ "x", 1 }, nothing()); }
static void bad_token(struct fixture *f) { put(f, KV_TOKEN, (struct kv_bytes){ "abcd", 4 }, nothing()); }
static void bad_stage(struct fixture *f) { put(f, KV_STAGE, (struct kv_bytes){ "abcd", 4 }, nothing()); }
static void bad_lane(struct fixture *f) { put(f, KV_LANE, (struct kv_bytes){ "\0\0\0\1", 4 }, (struct kv_bytes){ "x", 1 }); }
static void bad_key(struct fixture *f) { put(f, KV_JOB, (struct kv_bytes){ "short", 5 }, nothing()); }
static void bad_spread(struct fixture *f) { put(f, KV_SPREAD, (struct kv_bytes){ "short", 5 }, nothing()); }
static void lane_of_tomorrow(struct fixture *f) { put(f, KV_LANE, (struct kv_bytes){ "\1\0\0\0", 4 }, (struct kv_bytes){ "\0\1\0tq", 5 }); }
static void figures_of_nothing(struct fixture *f) { put(f, KV_COUNT, (struct kv_bytes){ "zz", 2 }, nothing()); }

static void result_of_nobody(struct fixture *f)
{
	struct job_id id = nobody();

	put(f, KV_RESULT, id_key(&id), nothing());
}

static void result_too_many(struct fixture *f) { put(f, KV_RESULT, id_key(&rich.dead), nothing()); }

static void parent_too_many(struct fixture *f)
{
	struct key k = key_parent(&rich.waiting, 2);

	put(f, KV_PARENT, key_of(&k), id_key(&rich.dead));
}

static void child_of_the_dead(struct fixture *f)
{
	struct key k = key_child(&rich.dead, &rich.waiting);

	put(f, KV_CHILD, key_of(&k), nothing());
}

static void cut_payload(struct fixture *f)
{
	struct kv_bytes v;
	struct change c = change_begin(f);
	struct job_spec spec;

	assert_int_equal(f->store->kv->ops->get(c.t, KV_SPEC, id_key(&rich.large), &v), STORE_OK);
	assert_int_equal(record_spec_decode(v.p, v.n, &spec), RECORD_OK);
	struct key k = key_blob(spec.payload_blob, 3);
	assert_int_equal(f->store->kv->ops->del(c.t, KV_BLOB, key_of(&k)), STORE_OK);
	change_end(&c);
}

static void stray_bytes(struct fixture *f)
{
	struct key k = key_blob(0, 4);

	put(f, KV_BLOB, key_of(&k), (struct kv_bytes){ "stray", 5 });
}

static void same_result(struct job *j) { j->result_blob--; j->result_len--; }
static void two_owners(struct fixture *f) { rewrite(f, rich.large, same_result); }
static void make_dead(struct job *j) { assert_true(job_state_apply(j, JOB_EV_CLAIM) && job_state_apply(j, JOB_EV_FAIL_DEAD)); }
static void other_state(struct fixture *f) { rewrite(f, rich.queued, make_dead); }
static void far_lane(struct job *j) { j->lane = 999; }
static void no_such_lane(struct fixture *f) { rewrite(f, rich.queued, far_lane); }
static void strange_lane(struct job *j) { j->crashes = 2; }
static void wrong_kind(struct fixture *f) { rewrite(f, rich.queued, strange_lane); }
static void childless(struct job *j) { j->has_children = false; }
static void forgotten_children(struct fixture *f) { rewrite(f, rich.queued, childless); }
static void other_unique(struct job *j) { j->unique[0]++; }
static void wrong_unique(struct fixture *f) { rewrite(f, rich.unique, other_unique); }
static void no_line(struct job *j) { memset(j->line, 0, sizeof(j->line)); }
static void wrong_key(struct fixture *f) { rewrite(f, rich.lined, no_line); }
static void late_token(struct job *j) { j->lease_token += 1000; }
static void token_of_tomorrow(struct fixture *f) { rewrite(f, rich.dead, late_token); }
static void one_retry_more(struct job *j) { j->retry_count++; }
static void wrong_sum(struct fixture *f) { rewrite(f, rich.dead, one_retry_more); }

static const struct damage { const char *name; void (*make)(struct fixture *f); const char *said; } damages[] = {
	{ "no ready", no_ready, "ready: job: it is queued and has no row in the index ready" },
	{ "ready of nobody", ready_of_nobody, "ready: job: the index ready has a row of it, and the job is not there" },
	{ "ready of a dead one", ready_of_a_dead_one, "ready: job: the index ready has a row of it, and it is dead and does not stand there" },
	{ "no due", no_due, "has no row in the index due" },
	{ "no expiry", no_expiry, "expiry: job: it is scheduled and has no row in the index expiry" },
	{ "no lease", no_lease, "lease: job: it is running and has no row in the index lease" },
	{ "bad lease", bad_lease, "lease: job: it is running, and its row in the index lease is not its own" },
	{ "no remote", no_remote, "remote: job: it is running and has no row in the index remote" },
	{ "no final", no_final, "has no row in the index final" },
	{ "no unique", no_unique, "unique: job: it is queued and has no row in the index unique" },
	{ "no line head", no_line_head, "line: jobs hold a key whose line has no head" },
	{ "bad line head", bad_line_head, "line: the head of a key's line cannot be read" },
	{ "no waiting", no_waiting, "waiting: job: it is waiting and has no row in the index waiting" },
	{ "bad waiting", bad_waiting, "waiting: job: it waits for 257 jobs, and 1 have it for their child" },
	{ "no child", no_child, "waiting: job: it waits for 1 jobs, and 0 have it for their child" },
	{ "child of the dead", child_of_the_dead, "child: job: it waits for a job that has ended, and nobody is going to tell it" },
	{ "forgotten children", forgotten_children, "child: job: a job waits for it, and it does not know that it has children" },
	{ "no parent", no_parent, "parent: job: it depends on 2 jobs, and the row of number 0 is not there" },
	{ "parent too many", parent_too_many, "parent: job: it has a parent that it did not ask for" },
	{ "bad spread", bad_spread, "spread: a row of 5 and 0 bytes is none of this table" },
	{ "no figures", no_figures, "count: the figures of queue q are not there" },
	{ "bad figures", bad_figures, "count: the figures of" },
	{ "figures of nothing", figures_of_nothing, "count: there are figures of nothing that we know" },
	{ "wrong sum", wrong_sum, "retries of" },
	{ "no lane", no_lane, "job: job: its lane 1 is not in the table of lanes" },
	{ "bad lane", bad_lane, "lane: a row of queue and type cannot be read" },
	{ "lane of tomorrow", lane_of_tomorrow, "lane: lane 16777216 has a number that has not been given out yet" },
	{ "no such lane", no_such_lane, "job: job: its lane 999 is not in the table of lanes" },
	{ "wrong kind", wrong_kind, "is not of the kind that it belongs in" },
	{ "no head", no_head, "meta: the store has no head" },
	{ "bad head", bad_head, "meta: the store's head is damaged" },
	{ "no result", no_result, "result: job: its result is not there" },
	{ "bad result", bad_result, "result: job: its result is damaged" },
	{ "result of nobody", result_of_nobody, "result: job: there is a result of it, and the job is not there" },
	{ "result too many", result_too_many, "result: job: there is a result of it that it knows nothing of" },
	{ "no spec", no_spec, "spec: job: what was asked is not there" },
	{ "bad spec", bad_spec, "spec: job: what was asked cannot be read" },
	{ "no job", no_job, "spec: job: there is what was asked of it, and the job is not there" },
	{ "bad job", bad_job, "job: job: its record cannot be read" },
	{ "bad key", bad_key, "job: a key of 5 bytes is no job's id" },
	{ "no progress", no_progress, "progress: job: its progress is not there" },
	{ "bad attempt", bad_attempt, "attempt: job: one of its attempts cannot be read" },
	{ "bad blob", bad_blob, "damaged at byte 0" },
	{ "cut payload", cut_payload, "spec: job: its payload of 12345 bytes is cut: those from 6000 on are not there" },
	{ "stray bytes", stray_bytes, "blob: the bytes with the number 0 belong to nobody" },
	{ "two owners", two_owners, "have two owners" },
	{ "bad idem", bad_idem, "idem: an idempotency key cannot be read" },
	{ "bad schedule", bad_schedule, "schedule: how far the schedule nightly has come cannot be read" },
	{ "bad note", bad_note, "note: a row of 1 and 0 bytes is none of this table" },
	{ "bad token", bad_token, "token: a row of 4 and 0 bytes is none of this table" },
	{ "bad stage", bad_stage, "stage: a row of staged bytes cannot be read" },
	{ "other state", other_state, "final: job: it is dead and has no row in the index final" },
	{ "wrong unique", wrong_unique, "the mark of its unique key is not that of the key that was asked for" },
	{ "wrong key", wrong_key, "the mark of its key is not that of the key that was asked for" },
	{ "token of tomorrow", token_of_tomorrow, "the number of its lease or arrival has not been given out yet" },
};

static void lost(void *arg, const struct job_id *id, const char *what)
{
	struct said *s = arg;

	if (s->n < 64)
		snprintf(s->text[s->n], sizeof(s->text[0]), "%s%s", id ? "job: " : "", what);
	s->n++;
}

/* Built anew it is sound, and has every job but what was lost and said so. */
static void repaired(struct fixture *f, const struct damage *d)
{
	struct said told = { .n = 0 }, s;
	struct store_repair r = { .arg = &told, .lost = lost };
	struct fixture *g;
	void *own = NULL;

	assert_int_equal(fixture_memory(&own), 0);
	g = own;
	g->rules.idempotency_window_ms = 86400000;
	g->rules.idempotency_max = 1000;
	store_rules(g->store, &g->rules);
	assert_int_equal(store_rebuild(f->reader, g->store, f->now_us, &r), STORE_OK);
	check(g, 0, &s);
	if (s.n)
		fail_msg("%s, %s: not sound when it was built anew: %s", f->engine, d->name, s.text[0]);
	recount(g);
	assert_int_equal(r.nlost, told.n);
	if (r.jobs + told.n < 17)
		fail_msg("%s, %s: %u jobs are left, and %u are said to be lost", f->engine, d->name, (unsigned)r.jobs, told.n);
	fixture_end(&own);
}

static void damaged(void **state, const struct damage *d)
{
	struct fixture *f = *state;
	struct said s;
	bool met = false;

	rich_make(f, &rich);
	d->make(f);
	check(f, 3, &s);
	for (unsigned i = 0; i < s.n; i++)
		met |= strstr(s.text[i], d->said) != NULL;
	if (!met)
		fail_msg("%s, %s: %u flaws, and not \"%s\"; the first: %s", f->engine, d->name, s.n, d->said, s.n ? s.text[0] : "");
	repaired(f, d);
}

static void every_damage(void **state, int (*setup)(void **state))
{
	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		void *own = NULL;
		assert_int_equal(setup(&own), 0);
		damaged(&own, &damages[i]);
		fixture_end(&own);
	}
}

static void test_every_damage_is_found_in_memory(void **state) { every_damage(state, fixture_memory); }
static void test_every_damage_is_found_in_lmdb(void **state) { every_damage(state, fixture_lmdb); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_sound_store_has_no_flaw, fixture_memory, fixture_end),
		cmocka_unit_test_setup_teardown(test_a_sound_store_has_no_flaw, fixture_lmdb, fixture_end),
		cmocka_unit_test(test_every_damage_is_found_in_memory),
		cmocka_unit_test(test_every_damage_is_found_in_lmdb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
