/* Tags: each finds its owner once, and no tag of the past finds a later one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/pending.h"

static void a_tag_is_taken_once(void **state)
{
	int a, b;
	uint64_t ta = pending_add(&a, NULL), tb = pending_add(&b, NULL);

	(void)state;
	assert_true(ta != 0 && tb != 0 && ta != tb);
	assert_ptr_equal(pending_take(tb, NULL), &b);
	assert_null(pending_take(tb, NULL));
	assert_ptr_equal(pending_take(ta, NULL), &a);
	assert_null(pending_take(ta, NULL));
}

static void an_old_tag_finds_nothing(void **state)
{
	int a, b;
	uint64_t old = pending_add(&a, NULL), new;

	(void)state;
	assert_ptr_equal(pending_take(old, NULL), &a);
	new = pending_add(&b, NULL);
	assert_int_equal((uint32_t)old, (uint32_t)new);         /* the place is used again */
	assert_true(old != new);
	assert_null(pending_take(old, NULL));
	assert_ptr_equal(pending_take(new, NULL), &b);
}

static void tags_that_never_were(void **state)
{
	(void)state;
	assert_null(pending_take(0, NULL));
	assert_null(pending_take(UINT64_MAX, NULL));
	assert_null(pending_take((uint64_t)1 << 32 | 4000000, NULL));
}

static void many_at_once(void **state)
{
	static int owner[5000];
	static uint64_t tag[5000];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 5000; i++)
			tag[i] = pending_add(&owner[i], NULL);
		for (size_t i = 0; i < 5000; i += 2)
			assert_ptr_equal(pending_take(tag[i], NULL), &owner[i]);
		for (size_t i = 1; i < 5000; i += 2)
			assert_ptr_equal(pending_take(tag[i], NULL), &owner[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_is_taken_once),
		cmocka_unit_test(an_old_tag_finds_nothing),
		cmocka_unit_test(tags_that_never_were),
		cmocka_unit_test(many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
