/* Figures of queues and types: the oldest job of each, and that their cost grows with the number of queues and not with its square. */
#include "tests/store/contract.h"

#include <stdio.h>
#include <string.h>

#include "store/embedded.h"

#define QUEUES 2000u

/* --- an engine that counts how often it is asked --- */

static const struct kv_ops *real;
static unsigned long asked;

static enum store_rc counted_get(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes *value)
{
	asked++;
	return real->get(t, table, key, value);
}

static enum store_rc counted_seek(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value)
{
	asked++;
	return real->seek(t, table, key, found, value);
}

/* --- */

struct seen { unsigned n; bool sorted; char last[32]; int64_t oldest[QUEUES + 1]; uint64_t queued; };

static bool note(void *arg, const struct store_figure *g)
{
	struct seen *s = arg;
	char name[32] = "";

	memcpy(name, g->name.p, g->name.n < sizeof(name) ? g->name.n : sizeof(name) - 1);
	s->sorted &= strcmp(s->last, name) < 0;
	memcpy(s->last, name, sizeof(name));
	if (s->n <= QUEUES)
		s->oldest[s->n] = g->oldest_queued_ms;
	s->n++;
	s->queued += g->tally.state[JOB_QUEUED];
	return true;
}

static struct seen look_at_queues(struct fixture *f)
{
	struct seen s = { .sorted = true };

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_queues(f->reader, note, &s), STORE_OK);
	store_read_end(f->reader);
	assert_true(s.sorted);
	return s;
}

static void test_the_oldest_of_each_queue(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "b", 0, "1");
	int64_t first_a, first_b;
	struct store_claimed c;

	first_b = submit(f, &s).queued_ms;
	s.type = (struct job_text){ "u", 1 };
	s.queue = (struct job_text){ "a", 1 };
	first_a = submit(f, &s).queued_ms;
	s.type = (struct job_text){ "t", 1 };
	submit(f, &s);
	s.queue = (struct job_text){ "ba", 2 };
	submit(f, &s);
	struct seen seen = look_at_queues(f);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.oldest[0], first_a);
	assert_int_equal(seen.oldest[1], first_b);
	assert_true(seen.oldest[2] > first_a);
	for (uint64_t i = 0; i < 4; i++)
		assert_true(claim(f, i + 1, &c));
	seen = look_at_queues(f);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.oldest[0] + seen.oldest[1] + seen.oldest[2], 0);
}

static void test_thousands_of_queues(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "", 0, "1");
	struct kv_ops counted;
	struct job j;
	char name[16];

	begin(f);
	for (unsigned i = 0; i < QUEUES; i++) {
		snprintf(name, sizeof(name), "q%06u", i);
		s.queue = (struct job_text){ name, strlen(name) };
		assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	}
	commit(f);
	real = f->reader->kv->ops;
	counted = *real;
	counted.get = counted_get;
	counted.seek = counted_seek;
	f->reader->kv->ops = &counted;
	asked = 0;
	struct seen seen = look_at_queues(f);
	f->reader->kv->ops = real;
	assert_int_equal(seen.n, QUEUES);
	assert_int_equal(seen.queued, QUEUES);
	for (unsigned i = 0; i < QUEUES; i++)
		assert_int_equal(seen.oldest[i], j.queued_ms);
	assert_in_range(asked, QUEUES, 5 * QUEUES);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_the_oldest_of_each_queue),
		BOTH(test_thousands_of_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
