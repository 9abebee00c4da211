/* Who waits for jobs, as the keeper remembers it: once, oldest first, until it got something, gave up or its acceptor has gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "process/keeper_remote.h"

static struct keeper_waiters w;

#define FAR "\3far"
#define FAR_OF_Q "\3far\1q"

static enum store_rc take(uint32_t slot, uint64_t claim, uint32_t flags, const char *texts, uint32_t ntypes, uint32_t nqueues)
{
	struct request_claim m = { .claim = claim, .lease_ms = 30000, .max = 2, .flags = flags, .ntypes = ntypes, .nqueues = nqueues, .worker_len = 3 };
	char text[300] = "box";

	strcat(text, texts);
	return waiters_take(&w, slot, &m, (struct job_text){ text, strlen(text) });
}

static enum store_rc far(uint32_t slot, uint64_t claim, uint32_t flags)
{
	return take(slot, claim, flags, FAR, 1, 0);
}

static struct keeper_waiter *first(void)
{
	return LIST_EMPTY(&w.groups) ? NULL : TAILQ_FIRST(&LIST_FIRST(&w.groups)->waiters);
}

static void serve(struct keeper_waiter *one)
{
	one->got = 1;
	one->next_served = w.served;
	w.served = one;
}

static int end(void **state)
{
	(void)state;
	waiters_free(&w);
	assert_int_equal(w.n, 0);
	assert_true(LIST_EMPTY(&w.groups));
	memset(&w, 0, sizeof(w));
	return 0;
}

static void test_once_and_oldest_first(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(far(2, i, 0), STORE_OK);
	assert_int_equal(far(2, 3, 0), STORE_OK);               /* said again, as to a new keeper */
	assert_int_equal(far(3, 3, 0), STORE_OK);               /* another acceptor's */
	assert_int_equal(w.n, 6);
	waiters_settle(&w, true);
	assert_int_equal(first()->claim, 1);
	assert_int_equal(first()->worker_n, 3);
	assert_memory_equal(first()->worker, "box", 3);
	assert_int_equal(first()->group->pick.ntypes, 1);
	assert_int_equal(first()->group->pick.type[0].n, 3);
	assert_null(LIST_NEXT(LIST_FIRST(&w.groups), link));    /* all ask for the same */
	assert_int_equal(take(2, 9, 0, FAR_OF_Q, 1, 1), STORE_OK);
	assert_non_null(LIST_NEXT(LIST_FIRST(&w.groups), link));
	assert_int_equal(take(2, 9, REQUEST_CLAIM_END, FAR_OF_Q, 1, 1), STORE_OK);
	assert_null(LIST_NEXT(LIST_FIRST(&w.groups), link));
	assert_int_equal(far(2, 77, REQUEST_CLAIM_END), STORE_OK);
	waiters_drop_slot(&w, 2);
	assert_int_equal(w.n, 1);
	assert_int_equal(first()->slot, 3);
}

static void test_what_makes_no_sense(void **state)
{
	struct request_claim m = { .claim = 1, .lease_ms = 1000, .max = 1, .ntypes = 1, .worker_len = 50 };

	(void)state;
	assert_int_equal(waiters_take(&w, 2, &m, (struct job_text){ "box", 3 }), STORE_INVALID);
	assert_int_equal(take(2, 1, 0, "\4far", 1, 0), STORE_INVALID);
	assert_int_equal(take(2, 1, 0, FAR, 2, 0), STORE_INVALID);
	assert_int_equal(take(2, 1, 0, FAR_OF_Q, 1, 0), STORE_INVALID);
	assert_int_equal(take(2, 1, 0, "", 0, 0), STORE_INVALID);
	assert_int_equal(take(2, 1, 0, FAR, STORE_PICK_MAX + 1, 0), STORE_INVALID);
	assert_int_equal(w.n, 0);
}

static void test_the_end_of_a_batch(void **state)
{
	(void)state;
	assert_int_equal(far(2, 1, 0), STORE_OK);
	assert_int_equal(far(2, 2, REQUEST_CLAIM_ONCE), STORE_OK);
	waiters_settle(&w, false);      /* it failed: they come again with their request */
	assert_int_equal(w.n, 0);
	assert_int_equal(far(2, 1, 0), STORE_OK);
	assert_int_equal(far(2, 2, REQUEST_CLAIM_ONCE), STORE_OK);
	assert_int_equal(far(2, 3, REQUEST_CLAIM_ONCE), STORE_OK);
	serve(TAILQ_NEXT(first(), link));
	waiters_settle(&w, true);       /* the second has something, the third does not wait */
	assert_int_equal(w.n, 1);
	assert_int_equal(first()->claim, 1);
	serve(first());
	waiters_settle(&w, false);      /* what it got was not committed */
	assert_int_equal(w.n, 1);
	assert_int_equal(first()->got, 0);
	serve(first());
	waiters_settle(&w, true);
	assert_int_equal(w.n, 0);
}

#define T(t) { #t, t, NULL, end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_once_and_oldest_first), T(test_what_makes_no_sense), T(test_the_end_of_a_batch) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
