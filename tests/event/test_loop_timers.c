/* event/loop: timers in their order, whatever is done to them. Nothing sleeps: the delays are of nanoseconds, and a loop that would wait for ever
 * is ended by an alarm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/loop.h"

static struct loop *loop;

static int setup(void **unused)
{
	(void)unused;
	alarm(60);      /* instead of hanging where a wake-up is missing */
	loop = loop_new();
	return loop ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	loop_free(loop);
	return 0;
}

struct alarm_clock {
	struct loop_timer timer;
	unsigned calls;
	int64_t again_ns;       /* set again by its own call; -1: not */
	struct loop_timer *stop;
};

static int64_t last_due;
static unsigned fired;

static void alarm_fire(struct loop_timer *t)
{
	struct alarm_clock *a = LOOP_OWNER(t, struct alarm_clock, timer);

	assert_true(t->due_ns >= last_due);
	assert_true(t->due_ns <= loop_now(loop));
	assert_int_equal(t->place, 0);
	last_due = t->due_ns;
	fired++;
	a->calls++;
	if (a->again_ns >= 0)
		loop_timer_set(loop, t, a->again_ns);
	if (a->stop)
		loop_timer_stop(loop, a->stop);
}

static struct alarm_clock alarm_clock(void)
{
	return (struct alarm_clock){ .timer.fire = alarm_fire, .again_ns = -1 };
}

static void timers_fire_in_order_whatever_was_done_to_them(void **unused)
{
	enum { MANY = 500 };
	static struct alarm_clock clocks[MANY];
	unsigned seed = 7, expected = 0, calls = 0;

	(void)unused;
	last_due = 0;
	fired = 0;
	for (unsigned i = 0; i < MANY; i++)
		clocks[i] = alarm_clock();
	/* Set, set anew and stopped at random; all delays end within a millisecond. */
	for (unsigned i = 0; i < 20 * MANY; i++) {
		struct alarm_clock *a;

		seed = seed * 1664525 + 1013904223;
		a = &clocks[(seed >> 8) % MANY];
		if (seed >> 30 == 0)
			loop_timer_stop(loop, &a->timer);
		else
			loop_timer_set(loop, &a->timer, (int64_t)(seed >> 4 & 0xfffff));
	}
	for (unsigned i = 0; i < MANY; i++)
		expected += clocks[i].timer.place != 0;
	assert_true(expected > MANY / 2);
	while (calls < expected)
		calls += loop_turn(loop, -1);
	assert_int_equal(calls, expected);
	assert_int_equal(fired, expected);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(clocks[i].timer.place, 0);
		assert_true(clocks[i].calls <= 1);
	}
	assert_int_equal(loop_turn(loop, 0), 0);
}

static void a_timer_wakes_a_loop_that_waits(void **unused)
{
	struct alarm_clock a = alarm_clock();
	int64_t due;

	(void)unused;
	last_due = 0;
	loop_timer_set(loop, &a.timer, 3000000);
	due = a.timer.due_ns;
	assert_int_equal(due, loop_now(loop) + 3000000);
	while (a.calls == 0)
		loop_turn(loop, -1);
	assert_true(loop_now(loop) >= due);
	/* An earlier one behind a later one. */
	loop_timer_set(loop, &a.timer, INT64_MAX);
	assert_true(a.timer.due_ns == INT64_MAX);
	loop_timer_set(loop, &a.timer, 1000);
	while (a.calls == 1)
		loop_turn(loop, -1);
}

static void a_turn_ends_though_a_timer_sets_itself_again(void **unused)
{
	struct alarm_clock a = alarm_clock();

	(void)unused;
	last_due = 0;
	a.again_ns = 0;
	loop_timer_set(loop, &a.timer, -5);
	assert_int_equal(a.timer.due_ns, loop_now(loop));
	for (unsigned turn = 1; turn <= 5; turn++) {
		assert_int_equal(loop_turn(loop, -1), 1);
		assert_int_equal(a.calls, turn);
	}
	loop_timer_stop(loop, &a.timer);
}

static void a_stopped_timer_does_not_fire(void **unused)
{
	struct alarm_clock a = alarm_clock(), b = alarm_clock(), c = alarm_clock();

	(void)unused;
	last_due = 0;
	loop_timer_stop(loop, &a.timer);
	loop_timer_set(loop, &a.timer, 0);
	loop_timer_stop(loop, &a.timer);
	loop_timer_stop(loop, &a.timer);
	/* Due in the same turn, but stopped by the one before. */
	loop_timer_set(loop, &b.timer, 0);
	loop_timer_set(loop, &c.timer, 1);
	b.stop = &c.timer;
	while (b.calls == 0)
		loop_turn(loop, -1);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(a.calls, 0);
	assert_int_equal(c.calls, 0);
}

static void a_turn_waits_no_longer_than_it_may(void **unused)
{
	struct alarm_clock a = alarm_clock();
	int64_t before;

	(void)unused;
	assert_int_equal(loop_turn(loop, 0), 0);
	before = loop_now(loop);
	assert_int_equal(loop_turn(loop, 1), 0);
	assert_int_equal(loop_turn(loop, 2000001), 0);
	assert_true(loop_now(loop) >= before + 2000001);
	loop_timer_set(loop, &a.timer, INT64_C(3600) * 1000000000);
	assert_int_equal(loop_turn(loop, 1000), 0);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(a.calls, 0);
	loop_timer_stop(loop, &a.timer);
}

static void freeing_the_loop_unsets_its_timers(void **unused)
{
	struct alarm_clock a = alarm_clock();

	(void)unused;
	last_due = 0;
	loop_timer_set(loop, &a.timer, 1000000000);
	loop_free(loop);
	loop = loop_new();
	assert_non_null(loop);
	assert_int_equal(a.timer.place, 0);
	loop_timer_set(loop, &a.timer, 0);
	assert_int_equal(loop_turn(loop, -1), 1);
	loop_free(NULL);
}

#define loop_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		loop_test(timers_fire_in_order_whatever_was_done_to_them),
		loop_test(a_timer_wakes_a_loop_that_waits),
		loop_test(a_turn_ends_though_a_timer_sets_itself_again),
		loop_test(a_stopped_timer_does_not_fire),
		loop_test(a_turn_waits_no_longer_than_it_may),
		loop_test(freeing_the_loop_unsets_its_timers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
