/* What store.h promises of jobs with a key, of types with a key_concurrency: case by case, over every engine. test_line_cost.c has cost and damage, test_lines.c holds the same against the rule at random. */
#include "tests/store/lines.h"

/* One at a time and in order; another key, another type and no key go on. */
static void test_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c, d;
	struct job a[3];

	set_rule(f, 1);
	for (int i = 0; i < 3; i++)
		a[i] = put_key(f, "t0", i == 1 ? "q1" : "q0", "a");
	struct job b = put_key(f, "t0", "q0", "b"), other = put_key(f, "t1", "q0", "a"), none = put(f, "t0", "q0");
	claims(f, &c, &a[0]);
	claims(f, &d, &b);
	claims(f, &d, &other);
	claims(f, &d, &none);
	nothing(f);
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	claims(f, &c, &a[1]);                                   /* whatever its queue */
	nothing(f);
	fixture_reopen(f, f->epoch);
	nothing(f);
	end(f, &c, JOB_OUTCOME_CANCELLED);
	claims(f, &c, &a[2]);
	nothing(f);
	recount(f);
}

/* A priority says when the next of a key starts among other jobs, not which one of the key it is. */
static void test_priority_within_a_key(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	struct job_spec s = spec_of("t0", "q0", 0, "1");

	set_rule(f, 1);
	s.key = (struct job_text){ "a", 1 };
	struct job first = submit(f, &s);
	s.priority = 5;
	struct job second = submit(f, &s);
	struct job plain = put(f, "t0", "q0");
	s.priority = 9;
	struct job third = submit(f, &s);
	claims(f, &c, &first);
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	claims(f, &c, &second);                                 /* before one that came before it and has no key */
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	claims(f, &c, &third);
	claims(f, &c, &plain);
}

static void test_a_retrying_head_keeps_its_key(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c, d;

	set_rule(f, 1);
	struct job a = put_key(f, "t0", "q0", "a"), b = put_key(f, "t0", "q0", "a");
	claims(f, &c, &a);
	retry_in(f, &c, 10000);
	nothing(f);
	struct job other = put_key(f, "t0", "q0", "b");
	claims(f, &d, &other);
	f->now_us += 20000000;
	due(f);
	claims(f, &c, &a);
	retry_in(f, &c, 100000);
	fixture_reopen(f, f->epoch);
	nothing(f);
	assert_int_equal(act(f, a.id, STORE_ACT_RUN_NOW), STORE_OK);
	claims(f, &c, &a);
	retry_in(f, &c, 100000);
	assert_int_equal(act(f, a.id, STORE_ACT_CANCEL), STORE_OK);     /* and lets go of it at its end */
	claims(f, &c, &b);
	recount(f);
}

/* Where several may run a job that waits for its backoff is in nobody's way, and lines up at its old place. */
static void test_three_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c[4];
	struct job a[7];

	set_rule(f, 3);
	for (int i = 0; i < 7; i++)
		a[i] = put_key(f, "t0", "q0", "a");
	for (int i = 0; i < 3; i++)
		claims(f, &c[i], &a[i]);
	nothing(f);
	retry_in(f, &c[1], 5000);
	claims(f, &c[1], &a[3]);
	nothing(f);
	f->now_us += 10000000;
	due(f);
	nothing(f);
	end(f, &c[0], JOB_OUTCOME_SUCCEEDED);
	claims(f, &c[0], &a[1]);
	end(f, &c[1], JOB_OUTCOME_SUCCEEDED);
	claims(f, &c[1], &a[4]);
	nothing(f);
	recount(f);
}

/* A job goes into the line when it is queued, not before. */
static void test_arrival_is_when_it_is_queued(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t0", "q0", 0, "1");
	struct store_claimed c;

	set_rule(f, 1);
	s.key = (struct job_text){ "a", 1 };
	s.run_at_ms = f->now_us / 1000 + 60000;
	struct job later = submit(f, &s);
	struct job a = put_key(f, "t0", "q0", "a"), parent = put(f, "t1", "q1");
	s.run_at_ms = 0;
	s.ndepends = 1;
	s.depends = parent.id.b;
	struct job child = submit(f, &s);
	claims(f, &c, &a);
	f->now_us += 120000000;
	due(f);                                                 /* the scheduled one is second, */
	struct job b = put_key(f, "t0", "q0", "a");             /* this one third */
	end(f, &c, JOB_OUTCOME_FAILED);
	assert_int_equal(act(f, a.id, STORE_ACT_CANCEL), STORE_OK);
	assert_int_equal(act(f, a.id, STORE_ACT_RETRY), STORE_OK);      /* by hand: at the end, which is fourth */
	claims(f, &c, &parent);
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	begin(f);
	assert_int_equal(store_spread(f->store, 100), STORE_OK);        /* and the child fifth */
	commit(f);
	const struct job *const order[] = { &later, &b, &a, &child };
	for (size_t i = 0; i < 4; i++) {
		claims(f, &c, order[i]);
		nothing(f);
		end(f, &c, JOB_OUTCOME_SUCCEEDED);
	}
	recount(f);
}

/* Given back, crashed, and claimed alone after that: the head goes before those who came later. */
static void test_given_back(void **state)
{
	struct fixture *f = *state;
	struct store_owner owner = OWNER;
	struct store_claimed c;

	f->max_crashes = 10;
	set_rule(f, 1);
	struct job a = put_key(f, "t0", "q0", "a"), b = put_key(f, "t0", "q0", "a");
	claims(f, &c, &a);
	end(f, &c, JOB_OUTCOME_RELEASED);
	claims(f, &c, &a);
	abandon(f, true);
	claims(f, &c, &a);
	abandon(f, true);
	nothing(f);                                             /* it has crashed twice: only an idle worker may have it, and b waits for it */
	assert_true(store_has_alone(f->store));
	begin(f);
	assert_int_equal(store_claim(f->store, &owner, ++grant, true, &c), STORE_OK);
	commit(f);
	assert_true(same(c.job.id, a.id) && c.alone);
	nothing(f);
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	claims(f, &c, &b);
	recount(f);
}

/* In the middle of the line, at its head, past its time: those behind move up. */
static void test_leaving_the_line(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t0", "q0", 0, "1");
	struct store_claimed c;
	struct job a[4];

	set_rule(f, 1);
	for (int i = 0; i < 4; i++)
		a[i] = put_key(f, "t0", "q0", "a");
	s.key = (struct job_text){ "a", 1 };
	s.expires_at_ms = f->now_us / 1000 + 1000;
	submit(f, &s);
	struct job last = put_key(f, "t0", "q0", "a");
	assert_int_equal(queue_of(f, "q0").tally.state[JOB_QUEUED], 6);
	assert_int_equal(queue_of(f, "q0").oldest_queued_ms, a[0].queued_ms);
	assert_int_equal(act(f, a[1].id, STORE_ACT_CANCEL), STORE_OK);
	assert_int_equal(act(f, a[0].id, STORE_ACT_CANCEL), STORE_OK);
	claims(f, &c, &a[2]);
	assert_int_equal(queue_of(f, "q0").oldest_queued_ms, a[3].queued_ms);   /* one that waits for its key is queued as well */
	assert_int_equal(act(f, a[2].id, STORE_ACT_CANCEL), STORE_OK);          /* asked to end: has the key until then */
	nothing(f);
	end(f, &c, JOB_OUTCOME_CANCELLED);
	claims(f, &c, &a[3]);
	f->now_us += 60000000;
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	claims(f, &c, &last);
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	for (int i = 0; i < 4; i++)
		assert_int_equal(act(f, a[i].id, STORE_ACT_DELETE), STORE_OK);
	assert_int_equal(line_rows(f->store), 0);
	recount(f);
}

static void test_bulk_finds_those_in_line(void **state)
{
	struct fixture *f = *state;
	struct store_bulk b = { .act = STORE_ACT_CANCEL, .filter.states = 1u << JOB_QUEUED, .filter.queue = { "q0", 2 }, .filter.text = { "CUSTOMER a", 10 } };
	struct store_bulk_limit left;
	struct store_bulk_seen seen = { .n = 0 };
	struct store_cursor at = { 0 };
	uint64_t n, sum = 0;
	struct job_spec s = spec_of("t0", "q0", 0, "1");

	set_rule(f, 1);
	s.key = (struct job_text){ "customer a", 10 };
	for (int i = 0; i < 60; i++) {
		s.priority = i;                                 /* who comes later has the better place, once it has the key */
		s.queue.p = i % 3 ? "q0" : "q1";
		submit(f, &s);
	}
	put_key(f, "t0", "q0", "b");
	put_key(f, "t0", "q0", "b");
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_bulk_limits(f->reader, &b), STORE_OK);
	assert_int_equal(store_bulk_count(f->reader, &b, f->now_us / 1000, 1000, &seen, &at, &n), STORE_OK);
	store_bulk_seen_free(&seen);
	store_read_end(f->reader);
	assert_int_equal(n, 40);
	for (at = (struct store_cursor){ 0 }; at.part != STORE_CURSOR_END; sum += n) {
		left = (struct store_bulk_limit){ 7, 40 };
		begin(f);
		assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, NULL, NULL), STORE_OK);
		commit(f);
	}
	assert_int_equal(sum, 40);
	assert_int_equal(queue_of(f, "q0").tally.state[JOB_QUEUED], 2);
	assert_int_equal(queue_of(f, "q1").tally.state[JOB_QUEUED], 20);
	recount(f);
}

/* A limit where there was none: also for what runs, rests and is queued already, in the order in which it came; in slices, and what runs too many is waited for. */
static void test_a_limit_comes(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c[3], d;
	struct job a[40];

	rules(f);
	for (int i = 0; i < 40; i++)
		a[i] = put_key(f, "t0", i % 2 ? "q1" : "q0", i % 4 == 3 ? "b" : "a");
	assert_int_equal(line_rows(f->store), 0);               /* without a limit a key costs no row */
	for (int i = 0; i < 3; i++)
		assert_true(claimed(f, &c[i]));
	struct job other = put_key(f, "t1", "q0", "a");
	set_rule(f, 1);
	claims(f, &d, &other);
	nothing(f);                                             /* nothing of the type before all are in line */
	assert_true(settle(f, 10) > 10);
	bool b_runs = false;
	for (int i = 0; i < 3; i++)
		b_runs |= same(c[i].job.id, a[3].id);
	if (!b_runs) {
		claims(f, &d, &a[3]);
		end(f, &d, JOB_OUTCOME_SUCCEEDED);
	}
	for (int i = 0; i < 3; i++)
		end(f, &c[i], JOB_OUTCOME_RELEASED);
	for (int i = 0, n = 0; n < 30; i++) {
		if (i % 4 == 3)
			continue;
		assert_int_equal(act(f, a[i].id, STORE_ACT_CANCEL) == STORE_OK, true);
		n++;
	}
	recount(f);
}

static void test_the_order_of_those_gathered(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	struct job a[30];

	rules(f);
	for (int i = 0; i < 30; i++) {
		struct job_spec s = spec_of("t0", i % 2 ? "q1" : "q0", i % 7, "1");
		s.key = (struct job_text){ "a", 1 };
		a[i] = submit(f, &s);
	}
	set_rule(f, 1);
	settle(f, 7);
	for (int i = 0; i < 30; i++) {
		if (i == 9)
			fixture_reopen(f, f->epoch);
		claims(f, &c, &a[i]);
		nothing(f);
		end(f, &c, JOB_OUTCOME_SUCCEEDED);
	}
	assert_int_equal(line_rows(f->store), 0);
}

/* 1 to 3, 3 to 1, 1 to none; each also with the server killed half way. */
static void test_other_limits(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c[40];
	struct job a[40];

	set_rule(f, 1);
	for (int i = 0; i < 40; i++)
		a[i] = put_key(f, "t0", "q0", i % 2 ? "a" : "b");
	claims(f, &c[0], &a[0]);
	claims(f, &c[1], &a[1]);
	set_rule(f, 3);
	begin(f);
	assert_int_equal(store_lines(f->store, 3), STORE_OK);
	commit(f);
	fixture_reopen(f, f->epoch);
	settle(f, 5);
	for (int i = 2; i < 6; i++)
		claims(f, &c[i], &a[i]);
	nothing(f);
	end(f, &c[2], JOB_OUTCOME_SUCCEEDED);
	end(f, &c[4], JOB_OUTCOME_SUCCEEDED);                   /* of b two have the key that do not run */
	set_rule(f, 1);
	nothing(f);                                             /* and are not to start before that is put right */
	begin(f);
	assert_int_equal(store_lines(f->store, 2), STORE_OK);
	commit(f);
	fixture_reopen(f, f->epoch);
	settle(f, 5);
	nothing(f);
	end(f, &c[0], JOB_OUTCOME_SUCCEEDED);
	claims(f, &c[0], &a[6]);
	nothing(f);
	set_rule(f, 0);
	settle(f, 5);
	assert_int_equal(line_rows(f->store), 0);
	for (int i = 7; i < 40; i++)
		claims(f, &c[i], &a[i]);
	nothing(f);
	recount(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_one_at_a_time), BOTH(test_priority_within_a_key), BOTH(test_a_retrying_head_keeps_its_key), BOTH(test_three_at_a_time), BOTH(test_arrival_is_when_it_is_queued),
		BOTH(test_given_back), BOTH(test_leaving_the_line), BOTH(test_bulk_finds_those_in_line), BOTH(test_a_limit_comes), BOTH(test_the_order_of_those_gathered), BOTH(test_other_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
