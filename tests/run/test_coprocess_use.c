/* What a job of a coprocess is told that it took: processor time of its own and of children, once each whatever the program does, and memory. */
#include "co_bench.h"

#include "os/clock.h"

#define BURN_US (CO_BURN_MS * 1000)

static void test_each_is_told_of_its_own_time(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	until_room(1);
	int64_t quick = run("0")->r.cpu_us;
	assert_true(quick >= 0);
	assert_true(run("\"burn-itself\"")->r.cpu_us >= BURN_US);
	assert_true(run("0")->r.cpu_us < BURN_US);
}

static void test_what_children_took_counts(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	until_room(1);
	assert_true(run("\"burn-in-a-child\"")->r.cpu_us >= BURN_US / 2);       /* the kernel counts it in ticks */
	assert_true(run("0")->r.cpu_us < BURN_US);
}

/* Handed over together, worked on one after the other. */
static void test_no_time_is_told_twice(void **state)
{
	int64_t sum = 0;

	(void)state;
	begin("obey", 1, 4);
	until_room(4);
	for (unsigned i = 0; i < 4; i++)
		go(i, i == 1 ? "\"burn-itself\"" : "0");
	for (unsigned i = 0; i < 4; i++)
		until_ended(&bench.at[i]);
	int64_t taken = clock_of_process_us(instance(0)->family.pid);
	for (unsigned i = 0; i < 4; i++)
		sum += bench.at[i].r.cpu_us;
	/* the answer before it may be read while it burns: the two of them have all of it */
	assert_true(bench.at[0].r.cpu_us + bench.at[1].r.cpu_us >= BURN_US);
	assert_true(sum >= BURN_US);
	assert_true(sum <= taken);
}

static void test_time_before_the_job_is_not_its_own(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	until_room(1);
	run("\"burn-itself\"");
	instance(0)->use.told_us = 0;           /* as if none had been told */
	assert_true(run("0")->r.cpu_us < BURN_US);
}

static void test_the_most_memory_of_the_program(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	until_room(1);
	uint64_t before = run("0")->r.max_rss_kb;
	assert_true(before > 0);
	assert_true(before < CO_MEMORY >> 10);
	instance(0)->use.looked_ns = 0;         /* memory is looked at ten times a second */
	struct attempt *at = go(0, "\"take-memory\"");
	instance(0)->use.looked_ns = 0;
	until_ended(at);
	assert_true(at->r.max_rss_kb >= CO_MEMORY >> 10);
}

static void test_one_that_dies_tells_to_its_end(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	until_room(1);
	struct attempt *at = run("\"burn-itself, die-3\"");
	assert_int_equal(at->r.exit_code, 3);
	assert_true(at->r.cpu_us >= BURN_US);
	assert_true(at->r.max_rss_kb > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_is_told_of_its_own_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_children_took_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_time_is_told_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_before_the_job_is_not_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_most_memory_of_the_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_that_dies_tells_to_its_end, setup, teardown),
	};

	if (argc > 1)
		return co_main(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
