/* SipHash-2-4-128 against the vectors of its authors: key 00 01 .. 0f, text 00 01 .. n-1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "text/siphash.h"

static const struct { size_t n; uint8_t hash[SIPHASH_BYTES]; } vectors[] = {
	{ 0, { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 } },
	{ 1, { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 } },
	{ 7, { 0xa1, 0xf1, 0xeb, 0xbe, 0xd8, 0xdb, 0xc1, 0x53, 0xc0, 0xb8, 0x4a, 0xa6, 0x1f, 0xf0, 0x82, 0x39 } },
	{ 8, { 0x3b, 0x62, 0xa9, 0xba, 0x62, 0x58, 0xf5, 0x61, 0x0f, 0x83, 0xe2, 0x64, 0xf3, 0x14, 0x97, 0xb4 } },
	{ 9, { 0x26, 0x44, 0x99, 0x06, 0x0a, 0xd9, 0xba, 0xab, 0xc4, 0x7f, 0x8b, 0x02, 0xbb, 0x6d, 0x71, 0xed } },
	{ 15, { 0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11, 0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3, 0xd9 } },
	{ 16, { 0x6e, 0xe2, 0xa4, 0xca, 0x67, 0xb0, 0x54, 0xbb, 0xfd, 0x33, 0x15, 0xbf, 0x85, 0x23, 0x05, 0x77 } },
	{ 63, { 0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a, 0x50, 0x3e, 0x06, 0x9a, 0x97, 0x3f, 0xbd, 0x7c } },
};

static void ascending(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)i;
}

static void test_vectors(void **state)
{
	uint8_t key[SIPHASH_BYTES], text[64], out[SIPHASH_BYTES];

	(void)state;
	ascending(key, sizeof(key));
	ascending(text, sizeof(text));
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		siphash(key, text, vectors[i].n, out);
		assert_memory_equal(out, vectors[i].hash, sizeof(out));
	}
}

/* Where the text lies in memory makes no difference, and its key may be overwritten by its hash. */
static void test_in_place(void **state)
{
	uint8_t key[SIPHASH_BYTES], text[80], out[SIPHASH_BYTES];

	(void)state;
	for (size_t shift = 0; shift < 16; shift++) {
		ascending(key, sizeof(key));
		ascending(text + shift, 64);
		siphash(key, text + shift, 63, key);
		ascending(text, 64);
		uint8_t again[SIPHASH_BYTES];
		ascending(again, sizeof(again));
		siphash(again, text, 63, out);
		assert_memory_equal(out, key, sizeof(out));
	}
}

static void test_every_bit_counts(void **state)
{
	uint8_t key[SIPHASH_BYTES] = { 0 }, text[24] = { 0 }, out[SIPHASH_BYTES], other[SIPHASH_BYTES];

	(void)state;
	siphash(key, text, sizeof(text), out);
	for (size_t bit = 0; bit < sizeof(text) * 8; bit++) {
		text[bit / 8] ^= (uint8_t)(1u << bit % 8);
		siphash(key, text, sizeof(text), other);
		assert_memory_not_equal(out, other, sizeof(out));
		text[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	siphash(key, text, sizeof(text) - 1, other);            /* nor is a shorter text of the same bytes the same */
	assert_memory_not_equal(out, other, sizeof(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors), cmocka_unit_test(test_in_place), cmocka_unit_test(test_every_bit_counts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
