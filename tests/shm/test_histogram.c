/* Buckets and quantiles, and the names that have histograms of their own. */
#include "tests/shm/segment_fixture.h"

#include "shm/named.h"

static struct shm_histogram h;

static int clear(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	return 0;
}

static void test_every_value_has_its_bucket(void **state)
{
	(void)state;
	for (unsigned b = 0; b + 1 < HISTOGRAM_BUCKETS; b++) {
		uint64_t upper = histogram_upper(b);
		assert_int_equal(histogram_bucket(upper), b);
		assert_int_equal(histogram_bucket(upper + 1), b + 1);
	}
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket((UINT64_C(1) << 36) - 1), HISTOGRAM_BUCKETS - 2);
	assert_int_equal(histogram_bucket(UINT64_C(1) << 36), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	assert_true(histogram_upper(HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
}

/* Sixteen buckets a power: a value is known to within 1/16. */
static void test_buckets_are_narrow(void **state)
{
	(void)state;
	for (uint64_t v = 16; v < UINT64_C(1) << 36; v = v * 7 / 5 + 1) {
		unsigned b = histogram_bucket(v);
		assert_true(histogram_upper(b) - histogram_upper(b - 1) <= v / 16 + 1);
	}
}

static void test_quantiles(void **state)
{
	(void)state;
	assert_true(histogram_quantile(&h, 0.5) == 0);
	for (int i = 1; i <= 10000; i++)
		histogram_add(&h, i);
	assert_int_equal(h.count, 10000);
	assert_int_equal(h.max_us, 10000);
	assert_int_equal(h.sum_us, 50005000);
	for (double q = 0.05; q < 1; q += 0.05) {
		double got = histogram_quantile(&h, q), want = q * 10000;
		assert_true(got > want * 0.93 - 2 && got < want * 1.07 + 2);
	}
	assert_true(histogram_quantile(&h, 1) <= 10000);
	assert_int_equal(histogram_at_most(&h, 1023), 1023);
	assert_int_equal(histogram_at_most(&h, UINT64_MAX), 10000);
}

static void test_the_unlikely(void **state)
{
	(void)state;
	histogram_add(&h, -5);
	histogram_add(&h, INT64_MAX);
	assert_int_equal(h.bucket[0], 1);
	assert_int_equal(h.bucket[HISTOGRAM_BUCKETS - 1], 1);
	assert_true(histogram_quantile(&h, 0.99) == (double)INT64_MAX);
}

static void test_named(void **state)
{
	struct named_index x;
	struct shm_histogram *first;
	char name[32];

	(void)state;
	named_attach(&x, seg.type_hist);
	first = named_histogram(&x, (struct job_text){ "print", 5 });
	assert_ptr_equal(first, &seg.type_hist[0].h);
	assert_ptr_equal(named_histogram(&x, (struct job_text){ "print", 5 }), first);
	for (int i = 1; i < SHM_TYPES; i++) {
		int n = snprintf(name, sizeof(name), "type-%d", i);
		assert_ptr_equal(named_histogram(&x, (struct job_text){ name, (size_t)n }), &seg.type_hist[i].h);
	}
	assert_ptr_equal(named_histogram(&x, (struct job_text){ "late", 4 }), &seg.type_hist[SHM_TYPES].h);
	/* a successor finds the same places */
	struct named_index y;
	named_attach(&y, seg.type_hist);
	assert_ptr_equal(named_histogram(&y, (struct job_text){ "type-200", 8 }), &seg.type_hist[200].h);
	assert_ptr_equal(named_histogram(&y, (struct job_text){ "later", 5 }), &seg.type_hist[SHM_TYPES].h);
	assert_string_equal(seg.type_hist[200].name, "type-200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_value_has_its_bucket, clear), cmocka_unit_test_setup(test_buckets_are_narrow, clear), cmocka_unit_test_setup(test_quantiles, clear),
		cmocka_unit_test_setup(test_the_unlikely, clear), WITH_SEGMENT(test_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
