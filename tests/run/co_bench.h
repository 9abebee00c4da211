/* Coprocesses begun by a test as a worker begins them; to be read after attempt.h. */
#ifndef STINT_TESTS_RUN_CO_BENCH_H
#define STINT_TESTS_RUN_CO_BENCH_H

#include "attempt.h"
#include "co_fixture.h"
#include "run/coprocess_inside.h"

static unsigned crowded;                /* given back for want of a free instance */

static inline void ended(void *arg, struct run_task *t, struct run_result *r)
{
	crowded += r->crowded;
	bench_ended(arg, t, r);
}

static inline int setup(void **state)
{
	int rc = bench_setup(state);

	bench.host.ended = ended;
	bench.handler.pipeline = 1;
	bench.handler.instances = 1;
	crowded = 0;
	return rc;
}

static inline bool all_gone(void)
{
	coprocess_drain();
	while (!coprocess_gone())
		loop_turn(bench.loop, -1);
	return true;
}

static inline int teardown(void **state)
{
	all_gone();
	coprocess_forget();
	return bench_teardown(state);
}

/* This test itself, as the coprocess `what`. */
static inline void begin(const char *what, unsigned instances, unsigned pipeline)
{
	bench_exec(bench.exe, what, NULL);
	bench.handler.kind = CONF_HANDLER_COPROCESS;
	bench.handler.coprocess = bench.handler.exec;
	bench.handler.pipeline = pipeline;
	assert_int_equal(coprocess_begin(&bench.host, &bench.handler, instances), 0);
	coprocess_warm();
}

static inline struct coprocess *instance(unsigned i)
{
	return &coprocess_pools->instance[i];
}

/* Another of the same, begun anew. */
static inline struct attempt *go(unsigned i, const char *payload)
{
	struct attempt *at = &bench.at[i];

	run_result_free(&at->r);
	free(at->task.payload);
	memset(at, 0, sizeof(*at));
	bench_begin(i, payload, strlen(payload));
	bench_start(at);
	return at;
}

static inline void until_ended(struct attempt *at)
{
	while (!at->ended)
		loop_turn(bench.loop, -1);
	assert_int_equal(at->ended, 1);
}

static inline struct attempt *run(const char *payload)
{
	struct attempt *at = go(0, payload);

	until_ended(at);
	return at;
}

static inline void until_room(unsigned n)
{
	while (coprocess_room(&bench.handler) < n)
		loop_turn(bench.loop, -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
