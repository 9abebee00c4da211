/* cli/width: columns of a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/width.h"

static void a_character_is_one_two_or_no_column(void **unused)
{
	(void)unused;
	assert_int_equal(width_of(SLICE("")), 0);
	assert_int_equal(width_of(SLICE("plain")), 5);
	assert_int_equal(width_of(SLICE("\xc3\xa9t\xc3\xa9")), 3);              /* e acute, t, e acute */
	assert_int_equal(width_of(SLICE("e\xcc\x81")), 1);                      /* the accent as a character of its own */
	assert_int_equal(width_of(SLICE("\xe6\x97\xa5\xe6\x9c\xac")), 4);       /* two of East Asia */
	assert_int_equal(width_of(SLICE("\xff\xfe" "ab")), 4);                  /* no UTF-8 */
	assert_int_equal(width_of(SLICE("a\xe6\x97")), 3);                      /* half a character */
	assert_int_equal(width_of(SLICE("a\0b")), 3);
}

static void a_cut_leaves_whole_characters(void **unused)
{
	(void)unused;
	assert_int_equal(width_cut(SLICE("plain"), 0), 0);
	assert_int_equal(width_cut(SLICE("plain"), 3), 3);
	assert_int_equal(width_cut(SLICE("plain"), 9), 5);
	assert_int_equal(width_cut(SLICE("\xc3\xa9t\xc3\xa9"), 1), 2);
	assert_int_equal(width_cut(SLICE("e\xcc\x81x"), 1), 3);                 /* the accent goes with its letter */
	assert_int_equal(width_cut(SLICE("\xe6\x97\xa5\xe6\x9c\xac"), 3), 3);   /* the second one does not fit */
	assert_int_equal(width_cut(SLICE("\xe6\x97\xa5"), 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_character_is_one_two_or_no_column), cmocka_unit_test(a_cut_leaves_whole_characters) };

	return cmocka_run_group_tests_name("cli/width", tests, NULL, NULL);
}
