/* Turns among queues and lanes, and what is held back from them: pure memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/turn.h"

#define T0 1800000000000000LL

static struct store_limit a_limit, type_limit;

static uint32_t weight(void *arg, struct job_text queue)
{
	(void)arg;
	return queue.p[0] == 'a' ? 3 : 1;
}

static struct store_limit limit_of_queue(void *arg, struct job_text queue)
{
	(void)arg;
	return queue.p[0] == 'a' ? a_limit : (struct store_limit){ .concurrency = 0 };
}

static struct store_limit limit_of_type(void *arg, struct job_text type)
{
	(void)arg;
	return type.p[0] == 'x' ? type_limit : (struct store_limit){ .concurrency = 0 };
}

static struct turn *t;
static uint32_t lanes;

static void rules(void)
{
	struct store_rules r = { .weight = weight, .queue_limit = limit_of_queue, .type_limit = limit_of_type };

	assert_true(turn_rules(t, &r));
}

static int setup(void **state)
{
	(void)state;
	t = turn_new();
	lanes = 0;
	a_limit = type_limit = (struct store_limit){ .concurrency = 0 };
	rules();
	return turn_clock(t, T0) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	turn_free(t);
	return 0;
}

static struct job_text text(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

static struct job_id id_of(uint64_t n)
{
	struct job_id id = { { 0 } };

	memcpy(id.b, &n, sizeof(n));
	return id;
}

/* A lane with work for ever, its head under this key. */
static struct turn_lane *lane(const char *queue, const char *type, uint64_t key)
{
	struct turn_lane *l = turn_lane_add(t, ++lanes, turn_queue(t, text(queue), true), turn_type(t, text(type), true), false);

	assert_non_null(l);
	assert_true(turn_head(t, l, true, key, id_of(lanes)));
	return l;
}

static struct turn_lane *start(void)
{
	struct turn_lane *l = turn_pick(t);

	if (!l)
		return NULL;
	turn_taken(t, l);
	l->queue->tally.state[JOB_RUNNING]++;
	l->type->tally.state[JOB_RUNNING]++;
	assert_true(turn_ran(t, l, true));
	return l;
}

static void end(struct turn_lane *l)
{
	l->queue->tally.state[JOB_RUNNING]--;
	l->type->tally.state[JOB_RUNNING]--;
	assert_true(turn_ran(t, l, false));
}

static void pause_queue(const char *name, bool paused)
{
	struct turn_named *q = turn_queue(t, text(name), true);

	q->limit.paused = paused;
	assert_true(turn_settle(t, q));
}

static void test_weights(void **state)
{
	struct turn_lane *a = lane("a", "y", 5), *b = lane("b", "y", 1);
	unsigned na = 0, nb = 0;

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct turn_lane *l = start();
		na += l == a;
		nb += l == b;
	}
	assert_int_equal(na, 300);
	assert_int_equal(nb, 100);
}

static void test_least_key_first(void **state)
{
	struct turn_lane *late = lane("a", "y", 9), *soon = lane("a", "z", 3);

	(void)state;
	assert_ptr_equal(start(), soon);
	assert_true(turn_head(t, soon, true, 11, id_of(7)));
	assert_ptr_equal(start(), late);
	assert_true(turn_head(t, late, false, 0, id_of(0)));
	assert_ptr_equal(start(), soon);
	assert_true(turn_head(t, soon, false, 0, id_of(0)));
	assert_false(turn_has(t));
	assert_null(start());
}

/* A queue that was held back comes back as a newcomer: what it missed is not made up for, or it would hold up the others. */
static void test_a_pause_earns_no_credit(void **state)
{
	struct turn_lane *b = lane("b", "y", 1);
	unsigned nb = 0;

	(void)state;
	lane("c", "y", 1);
	pause_queue("b", true);
	for (int i = 0; i < 100; i++)
		assert_ptr_not_equal(start(), b);
	pause_queue("b", false);
	for (int i = 0; i < 20; i++)
		nb += start() == b;
	assert_in_range(nb, 9, 11);
}

/* The head of a blocked lane may change meanwhile; it comes back where it belongs. */
static void test_heads_change_while_blocked(void **state)
{
	struct turn_lane *x = lane("b", "x", 2), *y = lane("b", "y", 3), *other;

	(void)state;
	type_limit.concurrency = 1;
	rules();
	assert_ptr_equal(start(), x);
	assert_ptr_equal(start(), y);
	assert_true(turn_head(t, x, true, 5, id_of(8)));
	other = lane("c", "x", 1);
	assert_ptr_not_equal(start(), other);
	end(x);
	assert_true(turn_head(t, x, true, 2, id_of(9)));
	struct turn_lane *first = start(), *second = start();
	assert_true(first == other || second == other || first == x || second == x);
	assert_false(first != y && second != y);        /* one of the type and no more */
	assert_true(turn_head(t, y, false, 0, id_of(0)));
	assert_false(turn_has(t));
	end(first == y ? second : first);
	assert_true(turn_has(t));
	assert_true(turn_head(t, x, false, 0, id_of(0)));
	assert_true(turn_head(t, other, false, 0, id_of(0)));
	assert_false(turn_has(t));
}

static void test_blocked_by_both(void **state)
{
	struct turn_lane *x = lane("a", "x", 1);

	(void)state;
	a_limit.concurrency = type_limit.concurrency = 1;
	rules();
	assert_ptr_equal(start(), x);
	assert_false(turn_has(t));
	type_limit.concurrency = 2;
	rules();
	assert_false(turn_has(t));                      /* the queue is still full */
	a_limit.concurrency = 2;
	rules();
	assert_ptr_equal(start(), x);
	pause_queue("a", true);
	end(x);
	end(x);
	assert_false(turn_has(t));
	pause_queue("a", false);
	assert_true(turn_has(t));
}

/* Many queues that wait for a token each: woken in the order of time, none forgotten. */
static void test_many_wait_for_tokens(void **state)
{
	char name[16];
	unsigned woken = 0;

	(void)state;
	type_limit.rate = 0;
	a_limit.rate = 1;
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "a%u", i);
		lane(name, "y", 1);
	}
	rules();
	for (unsigned i = 0; i < 300; i++) {
		assert_true(turn_clock(t, T0 + (int64_t)(i * 7919 % 300) * 1000));      /* also back: who waits by then is not let go sooner */
		assert_non_null(start());
	}
	assert_false(turn_has(t));
	assert_null(start());
	for (int64_t last = 0; turn_next_token_us(t) != INT64_MAX; woken++) {
		int64_t next = turn_next_token_us(t);
		assert_true(next > last);
		last = next;
		assert_true(turn_clock(t, next));
		assert_true(turn_has(t));
		while (start())
			;
		if (woken == 1000)
			break;
	}
	assert_int_equal(woken, 1000);                  /* they never run dry: each took its token and waits for the next */
	a_limit.rate = 0;
	rules();
	assert_int_equal(turn_next_token_us(t), INT64_MAX);
	for (unsigned i = 0; i < 300; i++)
		assert_non_null(start());
}

/* Each of thousands of queues gets its share, to one start more or less, whatever comes and goes between. */
static void test_thousands_of_queues(void **state)
{
	enum { QUEUES = 3000 };
	static unsigned starts[QUEUES];
	static struct turn_lane *l[QUEUES];
	unsigned heavy = 0;
	char name[16];

	(void)state;
	memset(starts, 0, sizeof(starts));
	for (unsigned i = 0; i < QUEUES; i++) {
		snprintf(name, sizeof(name), "%c%u", i % 3 == 0 ? 'a' : 'b', i);
		l[i] = lane(name, "y", i);
		heavy += i % 3 == 0;
	}
	unsigned a_round = heavy * 3 + (QUEUES - heavy);
	for (unsigned n = 0; n < 10 * a_round; n++) {
		struct turn_lane *got = start();
		starts[got->id - 1]++;
		end(got);
		if (n % 7 == 0) {               /* one has no work for a moment: that neither costs nor earns it more than a turn */
			struct turn_lane *x = l[(n / 7 * 131) % QUEUES];
			assert_true(turn_head(t, x, false, 0, id_of(0)));
			assert_true(turn_head(t, x, true, x->id, id_of(x->id)));
		}
	}
	for (unsigned i = 0; i < QUEUES; i++)
		assert_in_range(starts[i], i % 3 == 0 ? 28 : 9, i % 3 == 0 ? 32 : 11);
}

static char hidden;

static bool runs_here(void *arg, struct job_text type)
{
	(void)arg;
	return type.p[0] != hidden;
}

static uint32_t other_weight(void *arg, struct job_text queue)
{
	(void)arg;
	return queue.p[0] == 'a' ? 1 : 4;
}

/* A reload: other weights, types that no longer run here, limits that are gone; and back. */
static void test_rules_change(void **state)
{
	struct turn_lane *a = lane("a", "y", 1), *b = lane("b", "y", 1), *z = lane("b", "z", 0);
	struct store_rules r = { .weight = other_weight, .runs_here = runs_here, .queue_limit = limit_of_queue };
	unsigned na = 0, nb = 0;

	(void)state;
	assert_ptr_equal(turn_pick(t)->queue, a->queue);
	hidden = 'z';
	assert_true(turn_rules(t, &r));
	for (int i = 0; i < 500; i++) {
		struct turn_lane *l = start();
		na += l == a;
		nb += l == b;
		end(l);
	}
	assert_int_equal(na + nb, 500);                 /* z runs nowhere, though its key is the least */
	assert_in_range(na, 99, 101);
	hidden = 'y';
	a_limit.concurrency = 1;
	assert_true(turn_rules(t, &r));
	assert_ptr_equal(start(), z);
	end(z);
	hidden = 0;
	assert_true(turn_rules(t, &r));
	while (start() != a)
		;
	for (int i = 0; i < 20; i++)
		assert_ptr_equal(start()->queue, b->queue);     /* a is at its limit */
	a_limit.concurrency = 0;
	assert_true(turn_rules(t, &r));
	unsigned before = 0;
	while (start() != a)
		assert_true(++before < 10);
	assert_true(turn_has(t));
	hidden = 'y';
	assert_true(turn_head(t, z, false, 0, id_of(0)));
	assert_true(turn_rules(t, &r));
	assert_false(turn_has(t));
}

/* Heads, pauses and ends at random: what is picked has the least key of its queue, and there is something to pick whenever something may run. */
static void test_random_heads(void **state)
{
	enum { LANES = 40 };
	struct turn_lane *l[LANES];
	uint32_t seed = 17;
	char queue[4] = "a", type[4] = "y";

	(void)state;
	for (unsigned i = 0; i < LANES; i++) {
		queue[0] = (char)('a' + i % 5);
		type[0] = (char)('p' + i / 5);
		l[i] = lane(queue, type, i);
	}
	for (unsigned n = 0; n < 20000; n++) {
		seed = seed * 1664525u + 1013904223u;
		struct turn_lane *x = l[(seed >> 8) % LANES];
		if (seed >> 30)
			assert_true(turn_head(t, x, seed >> 29 & 1, seed >> 16 & 63, id_of(seed >> 5 & 7)));
		else
			pause_queue((char[2]){ (char)('a' + (seed >> 20) % 5), '\0' }, seed >> 29 & 1);
		struct turn_lane *picked = turn_pick(t);
		bool may = false;
		for (unsigned i = 0; i < LANES; i++) {
			may |= l[i]->has && !l[i]->queue->limit.paused;
			if (!picked || l[i]->queue != picked->queue || !l[i]->has)
				continue;
			assert_true(picked->key < l[i]->key || (picked->key == l[i]->key && memcmp(&picked->head, &l[i]->head, sizeof(l[i]->head)) <= 0));
		}
		assert_int_equal(may, picked != NULL);
		assert_int_equal(may, turn_has(t));
		if (picked)
			turn_taken(t, picked);
	}
}

static bool room_is(void *arg, uint32_t room)
{
	return room == *(const uint32_t *)arg;
}

static uint32_t room_of_type(void *arg, struct job_text type)
{
	(void)arg;
	return type.p[0] == 'y' ? 7 : type.p[0] == 'z' ? 8 : 0;
}

static void test_a_type_without_room_rests(void **state)
{
	struct store_rules r = { .room = room_of_type };
	uint32_t has = 0;

	(void)state;
	assert_true(turn_rules(t, &r));
	struct turn_lane *y1 = lane("a", "y", 1), *y2 = lane("b", "y", 2), *z = lane("a", "z", 3), *x = lane("a", "x", 4);
	assert_int_equal(y1->type->room, 7);
	assert_int_equal(x->type->room, 0);
	assert_false(turn_rests(t));
	assert_true(turn_rest(t, y1->type));
	assert_ptr_equal(turn_pick(t), z);
	assert_true(turn_rest(t, z->type));
	assert_ptr_equal(turn_pick(t), x);                      /* nothing else, of queue b neither */
	assert_true(turn_head(t, y2, true, 0, id_of(9)));       /* another head changes nothing */
	struct turn_lane *y3 = lane("c", "y", 0);               /* nor does a new lane */
	assert_ptr_equal(turn_pick(t), x);
	assert_true(turn_wake(t, room_is, &has));
	assert_ptr_equal(turn_pick(t), x);
	has = 8;
	assert_true(turn_wake(t, room_is, &has));
	assert_ptr_equal(turn_pick(t), z);
	assert_true(turn_rests(t));
	has = 7;
	assert_true(turn_wake(t, room_is, &has));
	assert_false(turn_rests(t));
	assert_int_equal(y1->place && y2->place && y3->place, true);
	/* at a reload it may need no room any more */
	assert_true(turn_rest(t, z->type));
	assert_true(turn_rules(t, &(struct store_rules){ .room = NULL }));
	has = 0;
	assert_true(turn_wake(t, room_is, &has));
	assert_false(turn_rests(t));
}

static bool nowhere(void *arg, struct job_text type)
{
	(void)arg;
	(void)type;
	return false;
}

/* Remote workers: a queue whose turn is over has two lanes among those of the type, its jobs and those that have crashed. Neither is left in the way of other queues. */
static void test_two_lanes_of_a_queue(void **state)
{
	const struct store_pick any = { .type = &(struct job_text){ "y", 1 }, .ntypes = 1 };
	struct turn_lane *plain, *alone, *x, *z;

	(void)state;
	assert_true(turn_rules(t, &(struct store_rules){ .runs_here = nowhere }));
	plain = lane("q", "y", 2);
	alone = turn_lane_add(t, ++lanes, plain->queue, plain->type, TURN_ALONE);
	assert_true(turn_head(t, alone, true, 1, id_of(lanes)));
	x = lane("x", "y", 4);
	z = lane("z", "y", 3);
	assert_true(alone->place == 1 && z->place / 2 == plain->place);
	struct turn_lane *const want[] = { alone, z, x, alone, z, x };
	for (unsigned i = 0; i < 6; i++) {
		struct turn_lane *l = turn_pick_remote(t, &any);
		assert_ptr_equal(l, want[i]);
		turn_taken(t, l);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_weights), TEST(test_least_key_first), TEST(test_a_pause_earns_no_credit), TEST(test_heads_change_while_blocked), TEST(test_blocked_by_both), TEST(test_many_wait_for_tokens),
		TEST(test_thousands_of_queues), TEST(test_rules_change), TEST(test_a_type_without_room_rests), TEST(test_random_heads), TEST(test_two_lanes_of_a_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
