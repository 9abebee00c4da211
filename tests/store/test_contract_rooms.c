/* What store.h promises of types whose jobs go only where there is room for them; over every engine. */
#include "tests/store/limits.h"

#include <stdio.h>

/* Types "r1".."r9" take room 1..9 of one owner; left[0] is what it has in all. */
static int left[10];
static bool idle;

static uint32_t room(void *arg, struct job_text type)
{
	(void)arg;
	return type.n == 2 && type.p[0] == 'r' ? (uint32_t)(type.p[1] - '0') : 0;
}

static uint32_t one_room(void *arg, struct job_text type)
{
	(void)arg;
	(void)type;
	return 7;
}

static enum store_choice choose(void *arg, uint32_t id, bool alone, struct store_owner *owner, uint64_t *grant_seq)
{
	(void)arg;
	assert_true(id < 10);
	if (left[0] <= 0 || (alone && !idle))
		return STORE_END;
	if (id && left[id] <= 0)
		return STORE_REST;
	*owner = OWNER;
	*grant_seq = ++grant;
	left[0]--;
	if (id)
		left[id]--;
	return STORE_TAKE;
}

static bool has_room(void *arg, uint32_t id)
{
	(void)arg;
	return left[id] > 0;
}

static void prepare(struct fixture *f)
{
	memset(left, 0, sizeof(left));
	left[0] = 1000;
	idle = false;
	f->rules.room = room;
	rules(f);
}

/* The type of the next job; "" where there is none. */
static const char *next(struct fixture *f, struct store_claimed *c)
{
	static char type[16];

	begin(f);
	enum store_rc rc = store_claim_for(f->store, &(struct store_chooser){ NULL, choose }, c);
	assert_true(rc == STORE_OK || rc == STORE_NOT_FOUND);
	type[0] = '\0';
	if (rc == STORE_OK)
		snprintf(type, sizeof(type), "%.*s", (int)c->spec.type.n, c->spec.type.p);
	commit(f);
	return type;
}

static void test_without_room_it_rests_and_holds_up_nobody(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c, first;

	prepare(f);
	for (int i = 0; i < 3; i++) {
		put(f, "r1", "q");
		put(f, "r2", "q");
		put(f, "free", "q");
	}
	left[1] = 1;
	assert_string_equal(next(f, &first), "r1");
	for (int i = 0; i < 3; i++)
		assert_string_equal(next(f, &c), "free");       /* r2 has no room, r1 none left */
	assert_string_equal(next(f, &c), "");
	assert_false(store_has_ready(f->store));        /* nobody looks in vain */
	assert_true(store_waits(f->store));
	store_wake(f->store, has_room, NULL);
	assert_false(store_has_ready(f->store));
	end(f, &first, JOB_OUTCOME_RELEASED);
	left[1] = 1;
	left[2] = 5;
	assert_string_equal(next(f, &c), "");           /* until it is woken */
	store_wake(f->store, has_room, NULL);
	assert_true(store_has_ready(f->store));
	assert_string_equal(next(f, &c), "r1");
	assert_memory_equal(&c.job.id, &first.job.id, sizeof(c.job.id));        /* the oldest first, as ever */
	for (int i = 0; i < 3; i++)
		assert_string_equal(next(f, &c), "r2");
	assert_string_equal(next(f, &c), "");
	recount(f);
}

static void test_room_in_all_ends_it(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;

	prepare(f);
	put(f, "r1", "q");
	put(f, "free", "q");
	left[0] = 0;
	assert_string_equal(next(f, &c), "");
	assert_true(store_has_ready(f->store));         /* nothing rests for that */
	left[0] = 1;
	assert_string_equal(next(f, &c), "free");
	recount(f);
}

static void test_what_runs_in_a_room(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c, first;

	prepare(f);
	put(f, "r1", "q");
	put(f, "r1", "p");
	put(f, "r2", "q");
	put(f, "free", "q");
	left[1] = left[2] = 2;
	assert_int_equal(store_room_running(f->store, 1), 0);
	assert_string_equal(next(f, &first), "r1");
	while (*next(f, &c))
		;
	assert_int_equal(store_room_running(f->store, 1), 2);
	assert_int_equal(store_room_running(f->store, 2), 1);
	assert_int_equal(store_room_running(f->store, 3), 0);
	end(f, &first, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(store_room_running(f->store, 1), 1);
	f->rules.room = one_room;               /* a handler for both of them */
	rules(f);
	assert_int_equal(store_room_running(f->store, 7), 3);
	recount(f);
}

static void test_an_abort_forgets_what_was_taken(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;

	prepare(f);
	put(f, "r1", "q");
	put(f, "r1", "q");
	left[1] = 1;
	begin(f);
	assert_int_equal(store_claim_for(f->store, &(struct store_chooser){ NULL, choose }, &c), STORE_OK);
	assert_int_equal(store_claim_for(f->store, &(struct store_chooser){ NULL, choose }, &c), STORE_NOT_FOUND);
	store_abort(f->store);
	left[1] = 2;
	store_wake(f->store, has_room, NULL);
	assert_string_equal(next(f, &c), "r1");
	assert_string_equal(next(f, &c), "r1");
	assert_string_equal(next(f, &c), "");
	recount(f);
}

static void crash(struct fixture *f, const char *type, unsigned times)
{
	struct store_claimed c;

	for (unsigned i = 0; i < times; i++) {
		assert_true(claimed(f, &c));
		assert_true(is(c.spec.type, type));
		abandon(f, true);
	}
}

static bool fits_free(void *arg, uint32_t id)
{
	(void)arg;
	return id == 0;
}

/* Jobs that must be alone: one that finds no room is passed over, the next is taken; their type does not rest for it. */
static void test_alone_and_without_room(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;

	f->max_crashes = 100;
	prepare(f);
	put(f, "r1", "q");
	crash(f, "r1", 2);
	assert_true(store_has_alone(f->store));
	assert_false(store_alone_fits(f->store, fits_free, NULL));
	put(f, "free", "q");
	crash(f, "free", 2);
	assert_true(store_alone_fits(f->store, fits_free, NULL));
	put(f, "r1", "q");
	assert_string_equal(next(f, &c), "");           /* none is idle, and r1 has no room */
	idle = true;
	assert_string_equal(next(f, &c), "free");
	assert_true(c.alone);
	assert_string_equal(next(f, &c), "");
	left[1] = 2;
	assert_string_equal(next(f, &c), "r1");
	assert_true(c.alone);
	store_wake(f->store, has_room, NULL);
	assert_string_equal(next(f, &c), "r1");
	assert_false(c.alone);
	recount(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_without_room_it_rests_and_holds_up_nobody), BOTH(test_room_in_all_ends_it), BOTH(test_an_abort_forgets_what_was_taken), BOTH(test_what_runs_in_a_room),
		BOTH(test_alone_and_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
