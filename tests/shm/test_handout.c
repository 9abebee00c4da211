/* Jobs on their way to remote workers: what the acceptor sees when, and what is left after each death. */
#include "tests/shm/segment_fixture.h"

#include <unistd.h>

#include "shm/handout.h"

#define ACCEPTOR segment_acceptor_slot(&seg, 1)

static struct handout got[SHM_HANDOUTS];
static unsigned ngot;

static void keep(void *arg, const struct handout *h)
{
	(void)arg;
	got[ngot++] = *h;
}

static unsigned take(uint64_t *seen)
{
	ngot = 0;
	handout_take(&seg, ACCEPTOR, seen, keep, NULL);
	return ngot;
}

static uint32_t write_one(uint64_t claim, uint64_t token)
{
	uint32_t at = 0;
	struct handout h = { .claim = claim, .token = token, .id = { { (uint8_t)token } } };

	assert_true(handout_room(&seg, ACCEPTOR, &at));
	handout_write(&seg, ACCEPTOR, at, &h);
	return at;
}

static void test_seen_after_the_commit_and_once(void **state)
{
	uint64_t seen = 0;

	(void)state;
	write_one(7, 1);
	write_one(7, 2);
	assert_int_equal(take(&seen), 0);
	handout_publish(&seg, ACCEPTOR);
	assert_int_equal(take(&seen), 2);
	assert_int_equal(got[0].claim, 7);
	assert_int_equal(got[1].token, 2);
	assert_int_equal(got[1].id.b[0], 2);
	assert_int_equal(take(&seen), 0);
	seen = UINT64_MAX;              /* a look whatever was seen finds nothing twice */
	assert_int_equal(take(&seen), 0);
	handout_free(&seg, ACCEPTOR, got[0].index);
	assert_int_equal(write_one(8, 3), got[0].index);
	handout_forget(&seg, ACCEPTOR); /* the batch failed */
	handout_publish(&seg, ACCEPTOR);
	assert_int_equal(take(&seen), 0);
	assert_null(handout_table(&seg, segment_worker_slot(&seg, 0)));
	assert_null(handout_table(&seg, SHM_KEEPER_SLOT));
}

/* A batch counts as a whole: what the keeper is just publishing is not seen with an earlier one. */
static void test_a_batch_is_seen_as_a_whole(void **state)
{
	uint64_t seen = UINT64_MAX;
	uint32_t at;

	(void)state;
	at = write_one(1, 1);
	write_one(1, 2);
	atomic_store(&handout_table(&seg, ACCEPTOR)[at].state, SHM_HANDOUT_GRANTED);     /* half way through */
	assert_int_equal(take(&seen), 0);
	handout_publish(&seg, ACCEPTOR);
	assert_int_equal(take(&seen), 2);
}

static void test_a_full_table_rings(void **state)
{
	uint64_t seen = 0, n = 0;
	uint32_t at = 0;

	(void)state;
	for (uint32_t i = 0; i < SHM_HANDOUTS; i++)
		write_one(i, i);
	handout_publish(&seg, ACCEPTOR);
	assert_int_equal(take(&seen), SHM_HANDOUTS);
	segment_sleep(&seg, SHM_KEEPER_SLOT);
	assert_false(handout_room(&seg, ACCEPTOR, &at));
	handout_free(&seg, ACCEPTOR, 5);
	assert_int_equal(read(seg.bell[SHM_KEEPER_SLOT], &n, sizeof(n)), sizeof(n));
	assert_true(handout_room(&seg, ACCEPTOR, &at));
	assert_int_equal(at, 5);
	segment_sleep(&seg, SHM_KEEPER_SLOT);
	handout_free(&seg, ACCEPTOR, 6);        /* nobody waits for it now */
	assert_int_equal(read(seg.bell[SHM_KEEPER_SLOT], &n, sizeof(n)), -1);
	handout_clear(&seg, ACCEPTOR);
	seen = UINT64_MAX;
	assert_int_equal(take(&seen), 0);
}

static bool odd(void *arg, struct job_id id, uint64_t token)
{
	(void)arg;
	assert_int_equal(id.b[0], token);
	return token % 2;
}

/* The keeper died between its commit and the publishing, or in it: what the store holds is granted, the rest is free. */
static void test_a_successor_mends(void **state)
{
	uint64_t seen = 0;

	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		write_one(9, i);
	atomic_store(&handout_table(&seg, ACCEPTOR)[0].state, SHM_HANDOUT_GRANTED);
	handout_mend(&seg, ACCEPTOR, odd, NULL);
	assert_int_equal(take(&seen), 2);
	assert_int_equal(got[0].token + got[1].token, 4);
	handout_mend(&seg, ACCEPTOR, odd, NULL);        /* again, as in each of its first batches */
	assert_int_equal(take(&seen), 0);
	assert_int_equal(write_one(9, 5), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SEGMENT(test_seen_after_the_commit_and_once),
		WITH_SEGMENT(test_a_batch_is_seen_as_a_whole),
		WITH_SEGMENT(test_a_full_table_rings),
		WITH_SEGMENT(test_a_successor_mends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
