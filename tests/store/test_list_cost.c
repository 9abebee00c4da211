/* What a piece of a listing costs, counted in questions to the engine: bounded by the rows that it may look at, whatever filters there are and however many jobs and lanes do not fit them. Over every engine. */
#include "tests/store/kv_count.h"

#include <stdio.h>
#include <string.h>

#define BIT(state) (1u << (state))
#define LOOKS 100u

static size_t seen;

static bool see(void *arg, struct job_id id)
{
	(void)arg, (void)id;
	seen++;
	return true;
}

static struct job_text text(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

/* The most that one piece of all of it asked. */
static uint64_t worst(struct fixture *f, const struct store_filter *filter, size_t *pieces)
{
	struct store_cursor at = { .part = 0 };
	uint64_t most = 0;

	seen = *pieces = 0;
	while (at.part != STORE_CURSOR_END) {
		assert_int_equal(store_read_begin(f->reader), STORE_OK);
		count_engine(f->reader->kv);
		assert_int_equal(store_list(f->reader, filter, LOOKS, &at, see, NULL), STORE_OK);
		f->reader->kv->ops = real_ops;
		store_read_end(f->reader);
		most = asked > most ? asked : most;
		assert_true(++*pieces < 10000);
	}
	return most;
}

static void fill(struct fixture *f, const char *type, const char *queue, unsigned n, int64_t delay_ms)
{
	struct job_spec s = spec_of(type, queue, 0, "1");
	struct job j;

	s.name = text("Ann");
	s.tag[0] = text("red");
	s.ntags = 1;
	s.run_at_ms = delay_ms ? f->now_us / 1000 + delay_ms : 0;
	begin(f);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	commit(f);
}

static void end_some(struct fixture *f, unsigned n, enum job_outcome outcome)
{
	for (unsigned i = 0; i < n; i++) {
		struct store_claimed c;
		struct job out;

		assert_true(claim(f, i, &c));
		struct store_finish m = finish_of(&c.job, outcome);
		m.no_retry = true;
		m.error = text("no such host");
		assert_int_equal(finish(f, &m, &out), STORE_OK);
	}
}

/* Each filter by itself and all together, with each state and without one: a row costs its place, its record, its lane, its spec and its last error, and no more. */
static void test_every_filter(void **state)
{
	struct fixture *f = *state;
	const struct store_filter by[] = { { 0 }, { .type = text("none") }, { .queue = text("none") }, { .queues = text("a b") }, { .tag = text("blue") }, { .text = text("nobody") },
		{ .type = text("t0"), .queue = text("default"), .tag = text("red"), .text = text("nobody") } };
	size_t pieces;

	fill(f, "t0", "default", 700, 0);
	end_some(f, 150, JOB_OUTCOME_SUCCEEDED);
	end_some(f, 150, JOB_OUTCOME_FAILED);
	fill(f, "t0", "default", 300, 60000);
	for (unsigned state_of = 0; state_of < JOB_STATES; state_of++)
		for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
			struct store_filter filter = by[i];
			filter.states = state_of == JOB_NONE ? 0 : BIT(state_of);
			assert_in_range(worst(f, &filter, &pieces), 1, 6 * LOOKS + 12);
			assert_in_range(pieces, 1, 1000 / LOOKS + 2);
		}
}

/* Lanes that do not fit are stepped over, and there may be more of them than a listing looks through at once. */
static void test_many_lanes(void **state)
{
	struct fixture *f = *state;
	size_t pieces;

	for (unsigned lanes = 0; lanes < 9000; ) {
		begin(f);
		for (unsigned i = 0; i < 1000; i++, lanes++) {
			char queue[16];
			struct job j;
			snprintf(queue, sizeof(queue), "q%u", lanes);
			struct job_spec s = spec_of("t0", queue, 0, "1");
			assert_int_equal(try_submit(f, &s, &j), STORE_OK);
		}
		commit(f);
		struct store_filter rare = { .states = BIT(JOB_QUEUED), .type = text("none") };
		uint64_t most = worst(f, &rare, &pieces);
		assert_int_equal(seen, 0);
		assert_in_range(most, 1, 2 * 8192 + 6 * LOOKS + 12);
		assert_in_range(pieces, 1, lanes + 1000 <= 8192 ? 1 : (lanes + 1000) / LOOKS + 2);
	}
	fill(f, "rare", "default", 250, 0);
	struct store_filter rare = { .states = BIT(JOB_QUEUED), .type = text("rare") }, all = { .states = BIT(JOB_QUEUED) };
	worst(f, &rare, &pieces);
	assert_int_equal(seen, 250);
	worst(f, &all, &pieces);
	assert_int_equal(seen, 9250);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = { BOTH(test_every_filter), BOTH(test_many_lanes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
