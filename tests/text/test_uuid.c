/* text/uuid: order above all, then the bits of version 7, then the text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text/uuid.h"

static const uint8_t zero[UUID_BYTES];

static void assert_version7(const uint8_t id[UUID_BYTES])
{
	assert_int_equal(id[6] >> 4, 7);
	assert_int_equal(id[8] >> 6, 2);
}

/* A small generator of our own, so that a failing run can be run again. */
static uint32_t seed = 20261121;

static void random_bytes(uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		out[i] = (uint8_t)(seed >> 24);
	}
}

static void a_new_millisecond_takes_the_random_bits(void **unused)
{
	const uint8_t rnd[10] = { 0xab, 0xcd, 0xff, 1, 2, 3, 4, 5, 6, 7 };
	const uint8_t expected[UUID_BYTES] = { 0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7b, 0xcd, 0xbf, 1, 2, 3, 4, 5, 6, 7 };
	uint8_t id[UUID_BYTES];

	(void)unused;
	uuid7_next(zero, 0x017f22e279b0, rnd, id);
	assert_memory_equal(id, expected, UUID_BYTES);
	assert_int_equal(uuid7_ms(id), 0x017f22e279b0);
}

static void within_a_millisecond_it_counts_up(void **unused)
{
	const uint8_t first_rnd[10] = { 0 }, rnd[10] = { 9, 9, 9, 9, 9, 9, 9, 0x01, 0x02, 0x03 };
	uint8_t a[UUID_BYTES], b[UUID_BYTES];

	(void)unused;
	uuid7_next(zero, 1000, first_rnd, a);
	uuid7_next(a, 1000, rnd, b);
	assert_version7(b);
	assert_int_equal(uuid7_ms(b), 1000);
	assert_memory_equal(a, b, 13);
	assert_int_equal(b[13] << 16 | b[14] << 8 | b[15], 0x010204);
}

static void a_clock_that_steps_back_is_not_followed(void **unused)
{
	const uint8_t rnd[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	uint8_t a[UUID_BYTES], b[UUID_BYTES];

	(void)unused;
	uuid7_next(zero, 5000, rnd, a);
	uuid7_next(a, 4000, rnd, b);
	assert_int_equal(uuid7_ms(b), 5000);
	assert_true(memcmp(b, a, UUID_BYTES) > 0);
	uuid7_next(a, -1, rnd, b);
	assert_int_equal(uuid7_ms(b), 5000);
	assert_true(memcmp(b, a, UUID_BYTES) > 0);
}

static void carries_reach_over_the_variant(void **unused)
{
	const uint8_t all[10] = { 0x00, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, none[10] = { 0 };
	uint8_t a[UUID_BYTES], b[UUID_BYTES];

	(void)unused;
	uuid7_next(zero, 1000, all, a);
	uuid7_next(a, 1000, none, b);
	assert_version7(b);
	assert_int_equal(uuid7_ms(b), 1000);
	assert_int_equal(b[7], 6);
	assert_int_equal(b[8], 0x80);
	assert_int_equal(b[15], 0);
	assert_true(memcmp(b, a, UUID_BYTES) > 0);
}

static void exhausted_bits_borrow_a_millisecond(void **unused)
{
	uint8_t rnd[10], a[UUID_BYTES], b[UUID_BYTES];

	(void)unused;
	memset(rnd, 0xff, sizeof(rnd));
	uuid7_next(zero, 1000, rnd, a);
	uuid7_next(a, 1000, rnd, b);
	assert_version7(b);
	assert_int_equal(uuid7_ms(b), 1001);
	assert_true(memcmp(b, a, UUID_BYTES) > 0);
}

static void the_successor_of_a_foreign_id_is_greater(void **unused)
{
	const uint8_t rnd[10] = { 0 };
	uint8_t a[UUID_BYTES], b[UUID_BYTES];

	(void)unused;
	memset(a, 0xff, sizeof(a));
	a[0] = 0;
	uuid7_next(a, 1000, rnd, b);
	assert_version7(b);
	assert_true(memcmp(b, a, UUID_BYTES) > 0);
}

static void every_one_is_greater_than_the_last(void **unused)
{
	uint8_t id[UUID_BYTES] = { 0 }, last[UUID_BYTES], rnd[10];
	int64_t ms = 1790000000000;

	(void)unused;
	for (unsigned i = 0; i < 50000; i++) {
		random_bytes(rnd, sizeof(rnd));
		ms += (int)(rnd[0] % 5) - 2;
		memcpy(last, id, UUID_BYTES);
		uuid7_next(id, ms, rnd, id);
		assert_true(memcmp(id, last, UUID_BYTES) > 0);
		assert_version7(id);
		assert_true(uuid7_ms(id) >= ms);
	}
}

static void text_goes_there_and_back(void **unused)
{
	uint8_t id[UUID_BYTES], back[UUID_BYTES];
	char text[UUID_TEXT_BYTES];

	(void)unused;
	assert_true(uuid_parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 36, id));
	uuid_format(id, text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
	assert_true(uuid_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", 36, back));
	assert_memory_equal(id, back, UUID_BYTES);
	for (unsigned i = 0; i < 1000; i++) {
		random_bytes(id, sizeof(id));
		uuid_format(id, text);
		assert_int_equal(strlen(text), 36);
		assert_true(uuid_parse(text, 36, back));
		assert_memory_equal(id, back, UUID_BYTES);
	}
}

static void other_text_is_refused(void **unused)
{
	static const char *const bad[] = {
		"", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", "017f22e279b07cc398c4dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e2 79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4dc-0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}", "017f22e2-79b0-7cc3-98c4-dc0c0c0739 f", "-17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
	};
	uint8_t id[UUID_BYTES] = { 42 };

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(uuid_parse(bad[i], strlen(bad[i]), id));
	assert_false(uuid_parse("017f22e2-79b0-7cc3-98c4-dc0c0c0\0" "98f", 36, id));
	assert_int_equal(id[0], 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_millisecond_takes_the_random_bits),
		cmocka_unit_test(within_a_millisecond_it_counts_up),
		cmocka_unit_test(a_clock_that_steps_back_is_not_followed),
		cmocka_unit_test(carries_reach_over_the_variant),
		cmocka_unit_test(exhausted_bits_borrow_a_millisecond),
		cmocka_unit_test(the_successor_of_a_foreign_id_is_greater),
		cmocka_unit_test(every_one_is_greater_than_the_last),
		cmocka_unit_test(text_goes_there_and_back),
		cmocka_unit_test(other_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
