/* What store.h promises of listings: each job that is meant once, in the order of its state's index, in pieces of any size, whatever changes between two of them; over every engine. */
#include "tests/store/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(state) (1u << (state))
#define MOST 8192

static struct seen { struct job_id id[MOST]; size_t n, wanted; } seen;

static bool see(void *arg, struct job_id id)
{
	(void)arg;
	assert_true(seen.n < MOST);
	seen.id[seen.n++] = id;
	return seen.n < seen.wanted;
}

static struct job_text text(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

static enum store_rc piece(struct fixture *f, const struct store_filter *filter, unsigned looks, size_t most, struct store_cursor *at)
{
	seen.wanted = seen.n + most;
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	enum store_rc rc = store_list(f->reader, filter, looks, at, see, NULL);
	store_read_end(f->reader);
	return rc;
}

/* All of it, in pieces. */
static void list(struct fixture *f, const struct store_filter *filter, unsigned looks, size_t most)
{
	struct store_cursor at = { .part = 0 };

	seen.n = 0;
	for (unsigned calls = 0; at.part != STORE_CURSOR_END; calls++) {
		assert_true(calls < 2 * MOST);
		assert_int_equal(piece(f, filter, looks, most, &at), STORE_OK);
	}
}

static struct job_id put(struct fixture *f, const char *type, const char *queue, int priority, int64_t delay_ms)
{
	struct job_spec s = spec_of(type, queue, priority, "1");

	f->now_us += 1000;
	s.run_at_ms = delay_ms ? f->now_us / 1000 + delay_ms : 0;
	return submit(f, &s).id;
}

static struct job_id end(struct fixture *f, enum job_outcome outcome)
{
	struct store_claimed c;
	struct job out;

	f->now_us += 1000;
	assert_true(claim(f, 0, &c));
	struct store_finish m = finish_of(&c.job, outcome);
	m.no_retry = true;
	assert_int_equal(finish(f, &m, &out), STORE_OK);
	return c.job.id;
}

static void is(const struct job_id *wanted, size_t n)
{
	assert_int_equal(seen.n, n);
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(&seen.id[i], &wanted[i], sizeof(*wanted));
}

static void reverse(struct job_id *id, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct job_id t = id[i];
		id[i] = id[n - 1 - i];
		id[n - 1 - i] = t;
	}
}

/* In pieces by looks and by jobs, one at a time too. */
static void in_all_pieces(struct fixture *f, const struct store_filter *filter, const struct job_id *wanted, size_t n)
{
	for (unsigned looks = 1; looks < 12; looks += 5)
		for (size_t most = 1; most < 20; most += 6) {
			list(f, filter, looks, most);
			is(wanted, n);
		}
	list(f, filter, 10000, 1000);
	is(wanted, n);
}

static void test_newest_first(void **state)
{
	struct fixture *f = *state;
	struct store_filter any = { 0 }, email = { .type = text("email") }, low = { .queue = text("low") };
	struct job_id id[9], some[9];
	size_t n = 0, m = 0;

	list(f, &any, 100, 10);
	is(id, 0);
	for (unsigned i = 0; i < 9; i++)
		id[i] = put(f, i % 3 ? "email" : "report", i % 2 ? "low" : "default", 0, i == 4 ? 1000 : 0);
	end(f, JOB_OUTCOME_SUCCEEDED);
	reverse(id, 9);
	in_all_pieces(f, &any, id, 9);
	for (unsigned i = 0; i < 9; i++)
		if ((8 - i) % 3)
			some[n++] = id[i];
	in_all_pieces(f, &email, some, n);
	for (unsigned i = 0; i < 9; i++)
		if ((8 - i) % 2)
			some[m++] = id[i];
	in_all_pieces(f, &low, some, m);
}

/* One of several queues: in every index, and each piece looks at no more than it may. */
static void test_some_queues(void **state)
{
	static const char names[] = "low\0q\0high";
	static const char *const queue[] = { "low", "lo", "high", "default", "q" };
	struct fixture *f = *state;
	struct job_text some = { names, sizeof(names) };
	struct store_filter any = { .queues = some }, later = { .states = BIT(JOB_SCHEDULED), .queues = some }, queued = { .states = BIT(JOB_QUEUED), .queues = some };
	struct job_id id[20], want[20];
	size_t n = 0;

	for (unsigned i = 0; i < 20; i++)
		id[i] = put(f, "a", queue[i % 5], 0, i < 10 ? 1000 + i : 0);
	for (unsigned i = 0; i < 20; i++)
		if (i % 5 != 1 && i % 5 != 3)
			want[n++] = id[i];
	assert_int_equal(n, 12);
	in_all_pieces(f, &later, want, 6);
	in_all_pieces(f, &queued, want + 6, 6);
	any.queue = text("low");
	reverse(want, 12);
	list(f, &any, 100, 10);
	assert_int_equal(seen.n, 4);
	any.queue = text("default");            /* every member must hold */
	list(f, &any, 100, 10);
	assert_int_equal(seen.n, 0);
	any.queue.n = 0;
	in_all_pieces(f, &any, want, 12);
}

/* Within a queue exactly the order in which they are claimed. */
static void test_next_to_run_first(void **state)
{
	struct fixture *f = *state;
	struct store_filter all = { .states = BIT(JOB_QUEUED) }, one = { .states = BIT(JOB_QUEUED), .queue = text("default") };
	static const int priority[] = { 0, 5, -3, 0, 5, 100, -3, 7 };
	struct job_id id[24], claimed[8];

	for (unsigned i = 0; i < 8; i++)
		id[i] = put(f, i % 2 ? "a" : "b", "default", priority[i], 0);
	list(f, &one, 10000, 1000);
	struct seen first = seen;
	in_all_pieces(f, &one, first.id, 8);
	for (unsigned i = 0; i < 8; i++)
		claimed[i] = end(f, JOB_OUTCOME_SUCCEEDED);
	seen = first;
	is(claimed, 8);

	for (unsigned i = 0; i < 24; i++) {     /* equal priorities: over all queues in order of arrival */
		char queue[8];
		snprintf(queue, sizeof(queue), "q%u", i % 5);
		id[i] = put(f, i % 7 ? "a" : "b", queue, 0, 0);
	}
	in_all_pieces(f, &all, id, 24);
}

static void test_each_state(void **state)
{
	struct fixture *f = *state;
	struct job_id later[3], dead[2], done[2], waits, runs;
	struct store_claimed c;

	done[1] = put(f, "a", "default", 0, 0);
	end(f, JOB_OUTCOME_SUCCEEDED);
	done[0] = put(f, "a", "default", 0, 0);
	end(f, JOB_OUTCOME_SUCCEEDED);
	dead[1] = put(f, "a", "default", 0, 0);
	end(f, JOB_OUTCOME_FAILED);
	dead[0] = put(f, "b", "default", 0, 0);
	end(f, JOB_OUTCOME_FAILED);
	later[2] = put(f, "a", "default", 0, 9000);
	later[0] = put(f, "a", "default", 0, 1000);
	later[1] = put(f, "a", "default", 0, 5000);
	runs = put(f, "a", "default", 0, 0);
	assert_true(claim(f, 1, &c));
	struct job_spec s = spec_of("a", "default", 0, "1");
	s.ndepends = 1;
	s.depends = runs.b;
	waits = submit(f, &s).id;

	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_SCHEDULED) }, later, 3);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_RUNNING) }, &runs, 1);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_WAITING) }, &waits, 1);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_SUCCEEDED) }, done, 2);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_DEAD) }, dead, 2);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_DEAD), .type = text("b") }, dead, 1);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_CANCELLED) }, NULL, 0);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_EXPIRED) }, NULL, 0);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_QUEUED) }, NULL, 0);
	in_all_pieces(f, &(struct store_filter){ .states = BIT(JOB_RETRYING) }, NULL, 0);
}

/* What goes or comes between two pieces changes nothing for the rest. */
static void test_changes_in_between(void **state)
{
	struct fixture *f = *state;
	struct store_filter queued = { .states = BIT(JOB_QUEUED) };
	struct store_cursor at = { .part = 0 };
	struct job_id id[8];
	struct job j;

	for (unsigned i = 0; i < 8; i++)
		id[i] = put(f, i % 2 ? "a" : "b", "default", 0, 0);
	seen.n = 0;
	assert_int_equal(piece(f, &queued, 100, 3, &at), STORE_OK);
	begin(f);
	for (unsigned i = 1; i < 5; i++)        /* given, the cursor's own, and two to come */
		assert_int_equal(store_act(f->store, id[i], STORE_ACT_CANCEL, &j), STORE_OK);
	commit(f);
	struct job_id late = put(f, "c", "default", 0, 0);
	while (at.part != STORE_CURSOR_END)
		assert_int_equal(piece(f, &queued, 100, 3, &at), STORE_OK);
	is((struct job_id[]){ id[0], id[1], id[2], id[5], id[6], id[7], late }, 7);
}

static void test_cursors_of_others(void **state)
{
	struct fixture *f = *state;
	struct store_cursor at = { .part = 0 };

	put(f, "a", "default", 0, 0);
	put(f, "a", "default", 0, 0);
	seen.n = 0;
	assert_int_equal(piece(f, &(struct store_filter){ .states = BIT(JOB_QUEUED) }, 100, 1, &at), STORE_OK);
	assert_int_equal(piece(f, &(struct store_filter){ 0 }, 100, 1, &at), STORE_INVALID);
	assert_int_equal(piece(f, &(struct store_filter){ .states = BIT(JOB_DEAD) }, 100, 1, &at), STORE_INVALID);
	at.part = 77;
	assert_int_equal(piece(f, &(struct store_filter){ 0 }, 100, 1, &at), STORE_INVALID);
	at.part = 0;
	assert_int_equal(piece(f, &(struct store_filter){ .states = BIT(JOB_DEAD) | BIT(JOB_QUEUED) }, 100, 1, &at), STORE_INVALID);
	at.part = STORE_CURSOR_END;
	assert_int_equal(piece(f, &(struct store_filter){ 0 }, 100, 1, &at), STORE_OK);
}

/* No cursor, whatever is in it, leads anywhere but to an answer. */
static void test_invented_cursors(void **state)
{
	struct fixture *f = *state;
	uint32_t x = 12345;

	for (unsigned i = 0; i < 12; i++)
		put(f, i % 2 ? "a" : "b", i % 3 ? "default" : "low", 0, i % 4 ? 0 : 1000);
	for (unsigned i = 0; i < 3000; i++) {
		struct store_filter filter = { .states = i % 10 ? BIT(i % 10) : 0 };
		struct store_cursor at = { .part = (x & 7) | 0x100 };
		for (unsigned k = 0; k < sizeof(at.key); k++) {
			x = x * 1664525u + 1013904223u;
			at.key[k] = i % 3 ? (uint8_t)(x >> 24) : 0xff;
		}
		seen.n = 0;
		enum store_rc rc = piece(f, &filter, 50, 100, &at);
		assert_true(rc == STORE_OK || rc == STORE_INVALID);
	}
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct job_id));
}

/* More queues with work than are merged: still each job once. */
static void test_too_many_queues(void **state)
{
	struct fixture *f = *state;
	struct store_filter queued = { .states = BIT(JOB_QUEUED) };
	struct job_id *id = calloc(4200, sizeof(*id));
	size_t found = 0;

	begin(f);
	for (unsigned i = 0; i < 4200; i++) {
		char queue[16];
		snprintf(queue, sizeof(queue), "q%u", i);
		struct job_spec s = spec_of("a", queue, 0, "1");
		struct job j;
		assert_int_equal(try_submit(f, &s, &j), STORE_OK);
		id[i] = j.id;
	}
	commit(f);
	list(f, &queued, 3000, 1000);
	assert_int_equal(seen.n, 4200);
	qsort(seen.id, seen.n, sizeof(seen.id[0]), by_id);
	for (size_t i = 0; i < 4200; i++)
		found += memcmp(&seen.id[i], &id[i], sizeof(*id)) == 0;
	assert_int_equal(found, 4200);
	free(id);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_newest_first),
		BOTH(test_some_queues), BOTH(test_next_to_run_first), BOTH(test_each_state), BOTH(test_changes_in_between), BOTH(test_cursors_of_others), BOTH(test_invented_cursors),
		BOTH(test_too_many_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
