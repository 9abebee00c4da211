/* The index of idempotency keys against a plain list: adding, removing, searching, and an abort that takes all of it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "store/idem_index.h"

#define ROWS 6000

static uint64_t seed;

static uint64_t rnd(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33 | seed << 31;
}

/* hash[row] where it is there, 0 where not. */
struct model { uint64_t hash[ROWS + 1]; uint64_t n; };

static bool has(const struct idem_index *x, uint64_t hash, uint64_t row)
{
	uint32_t at = 0;

	for (uint64_t r; (r = idem_index_next(x, hash, &at)) != 0;)
		if (r == row)
			return true;
	return false;
}

static void agree(const struct idem_index *x, const struct model *m, const uint64_t *hash_of)
{
	assert_int_equal(x->n, m->n);
	for (uint64_t row = 1; row <= ROWS; row++)
		assert_int_equal(has(x, hash_of[row], row), m->hash[row] != 0);
}

static void change(struct idem_index *x, struct model *m, const uint64_t *hash_of, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		uint64_t row = 1 + rnd() % ROWS;
		if (m->hash[row]) {
			assert_true(idem_index_remove(x, m->hash[row], row));
			m->hash[row] = 0;
			m->n--;
		} else {
			assert_true(idem_index_add(x, hash_of[row], row));
			m->hash[row] = hash_of[row];
			m->n++;
		}
	}
}

static void walk(uint64_t mask)
{
	static struct model m, before;
	static uint64_t hash_of[ROWS + 1];
	struct idem_index x = { 0 };

	memset(&m, 0, sizeof(m));
	for (int i = 1; i <= ROWS; i++)
		hash_of[i] = (rnd() & mask) | 1;
	for (int batch = 0; batch < 40; batch++) {
		before = m;
		change(&x, &m, hash_of, 1 + (unsigned)(rnd() % 1500));
		if (batch % 3 == 2) {
			idem_index_abort(&x);
			m = before;
		} else {
			idem_index_commit(&x);
		}
		agree(&x, &m, hash_of);
	}
	idem_index_free(&x);
	assert_int_equal(x.n, 0);
}

static void test_random(void **state)
{
	(void)state;
	seed = 1;
	walk(UINT64_MAX);
}

/* Few hashes for many rows, and hashes whose places lie side by side and at a shard's end. */
static void test_crowded(void **state)
{
	(void)state;
	seed = 2;
	walk(UINT64_C(0xff00000000000001));
	walk(UINT64_C(0x0f));
}

static void test_what_is_not_there(void **state)
{
	struct idem_index x = { 0 };
	uint32_t at = 0;

	(void)state;
	assert_int_equal(idem_index_next(&x, 5, &at), 0);
	assert_true(idem_index_remove(&x, 5, 1));
	assert_int_equal(x.n, 0);
	assert_true(idem_index_add(&x, 5, 1));
	assert_true(idem_index_remove(&x, 5, 2));
	assert_true(idem_index_remove(&x, 6, 1));
	assert_int_equal(x.n, 1);
	idem_index_abort(&x);
	assert_int_equal(x.n, 0);
	idem_index_free(&x);
}

/* The bound that the documentation states. */
static void test_memory(void **state)
{
	struct idem_index x = { 0 };

	(void)state;
	seed = 3;
	for (uint64_t row = 1; row <= 400000; row++) {
		assert_true(idem_index_load(&x, rnd(), row));
		if (row >= 100000 && row % 10000 == 0)
			assert_true(idem_index_bytes(&x) <= row * 32 + row);
	}
	idem_index_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random), cmocka_unit_test(test_crowded), cmocka_unit_test(test_what_is_not_there), cmocka_unit_test(test_memory) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
