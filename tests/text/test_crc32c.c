/* text/crc32c: the published sums, by both ways. The file itself is included, for a processor with the instruction would hide the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text/crc32c.c"

static void known_sums(void **unused)
{
	uint8_t bytes[32];

	(void)unused;
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
	assert_int_equal(crc32c("", 0), 0);
	assert_int_equal(crc32c(NULL, 0), 0);
	/* RFC 3720, B.4 */
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x62a8ab43);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x46dd794e);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(31 - i);
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x113fdb5c);
}

static void table_and_instruction_agree(void **unused)
{
	uint8_t bytes[300];

	(void)unused;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	assert_int_equal(~crc_by_table(~0U, (const uint8_t *)"123456789", 9), 0xe3069283);
	/* Every length and every alignment to eight. */
	for (unsigned from = 0; from < 8; from++)
		for (unsigned n = 0; n + from <= sizeof(bytes); n++)
			assert_int_equal(crc32c(bytes + from, n), ~crc_by_table(~0U, bytes + from, n));
}

static void one_bit_changes_the_sum(void **unused)
{
	uint8_t bytes[64] = { 0 };
	uint32_t before = crc32c(bytes, sizeof(bytes));

	(void)unused;
	for (unsigned bit = 0; bit < sizeof(bytes) * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_not_equal(crc32c(bytes, sizeof(bytes)), before);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sums),
		cmocka_unit_test(table_and_instruction_agree),
		cmocka_unit_test(one_bit_changes_the_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
