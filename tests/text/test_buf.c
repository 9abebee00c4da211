/* text/buf: growth, numbers, formatting, consuming, and that a failure is remembered. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text/buf.h"

static void assert_content(struct buf *b, const char *expected)
{
	assert_string_equal(buf_cstr(b), expected);
	assert_int_equal(b->len, strlen(expected));
}

static void a_zeroed_buffer_is_empty(void **unused)
{
	struct buf b = { 0 };

	(void)unused;
	assert_content(&b, "");
	buf_free(&b);
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
}

static void pieces_are_appended(void **unused)
{
	struct buf b = { 0 };

	(void)unused;
	buf_str(&b, "job ");
	buf_char(&b, '#');
	buf_u64(&b, 7);
	buf_slice(&b, SLICE(" in "));
	buf_add(&b, "mailXX", 4);
	buf_add(&b, NULL, 0);
	assert_content(&b, "job #7 in mail");
	buf_clear(&b);
	assert_content(&b, "");
	buf_free(&b);
}

static void it_grows_to_what_is_needed(void **unused)
{
	struct buf b = { 0 };

	(void)unused;
	for (unsigned i = 0; i < 100000; i++)
		buf_char(&b, (char)('a' + i % 26));
	assert_false(b.failed);
	assert_int_equal(b.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_free(&b);
}

static void numbers_reach_their_ends(void **unused)
{
	struct buf b = { 0 };

	(void)unused;
	buf_u64(&b, 0);
	buf_char(&b, ' ');
	buf_u64(&b, ULLONG_MAX);
	buf_char(&b, ' ');
	buf_i64(&b, LLONG_MIN);
	buf_char(&b, ' ');
	buf_i64(&b, LLONG_MAX);
	buf_char(&b, ' ');
	buf_i64(&b, -1);
	assert_content(&b, "0 18446744073709551615 -9223372036854775808 9223372036854775807 -1");
	buf_free(&b);
}

static void formatting_fits_at_every_length(void **unused)
{
	char expected[300];
	struct buf b = { 0 };

	(void)unused;
	/* Each length once in a fresh buffer and once in one that has exactly or almost the room. */
	for (int n = 0; n < 300; n++) {
		memset(expected, 'x', (size_t)n);
		expected[n] = '\0';
		buf_free(&b);
		buf_printf(&b, "%s", expected);
		assert_false(b.failed);
		assert_content(&b, expected);
		buf_clear(&b);
		buf_printf(&b, "%s", expected);
		assert_content(&b, expected);
	}
	buf_clear(&b);
	buf_printf(&b, "%d of %s", 3, "five");
	buf_printf(&b, "; %c", 'z');
	assert_content(&b, "3 of five; z");
	buf_free(&b);
}

static void consuming_takes_from_the_front(void **unused)
{
	struct buf b = { 0 };

	(void)unused;
	buf_str(&b, "abcdef");
	buf_consume(&b, 0);
	assert_content(&b, "abcdef");
	buf_consume(&b, 2);
	assert_content(&b, "cdef");
	buf_consume(&b, 4);
	assert_content(&b, "");
	buf_str(&b, "gh");
	buf_consume(&b, 100);
	assert_content(&b, "");
	buf_free(&b);
}

static void failure_is_remembered_until_cleared(void **unused)
{
	struct buf b = { 0 };

	(void)unused;
	buf_str(&b, "start");
	assert_false(buf_reserve(&b, SIZE_MAX - 2));
	assert_true(b.failed);
	buf_str(&b, "lost");
	buf_char(&b, '!');
	buf_printf(&b, "%d", 1);
	buf_u64(&b, 1);
	assert_int_equal(b.len, 5);
	assert_string_equal(buf_cstr(&b), "start");
	buf_clear(&b);
	assert_false(b.failed);
	buf_str(&b, "anew");
	assert_content(&b, "anew");
	buf_free(&b);
}

static void slices_compare_and_copy(void **unused)
{
	char *copy;

	(void)unused;
	assert_true(slice_eq(SLICE("mail"), "mail"));
	assert_false(slice_eq(SLICE("mail"), "mai"));
	assert_false(slice_eq(SLICE("mai"), "mail"));
	assert_false(slice_eq(SLICE("mall"), "mail"));
	assert_true(slice_eq(slice_of(NULL), ""));
	assert_true(slice_eq((struct slice){ NULL, 0 }, ""));
	assert_true(slice_among(SLICE("a"), SLICE("a\0bc\0")) && slice_among(SLICE("bc"), SLICE("a\0bc\0")) && slice_among(SLICE("bc"), SLICE("a\0bc")));
	assert_false(slice_among(SLICE("b"), SLICE("a\0bc\0")) || slice_among(SLICE("abc"), SLICE("a\0bc\0")) || slice_among(SLICE("a\0bc"), SLICE("a\0bc\0")));
	assert_false(slice_among(SLICE(""), SLICE("a\0")) || slice_among(SLICE("a"), SLICE("")) || slice_among(SLICE(""), SLICE("")));
	assert_int_equal(slice_of("abc").n, 3);
	copy = slice_dup((struct slice){ "abcdef", 3 });
	assert_string_equal(copy, "abc");
	free(copy);
	copy = slice_dup((struct slice){ NULL, 0 });
	assert_string_equal(copy, "");
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_buffer_is_empty),
		cmocka_unit_test(pieces_are_appended),
		cmocka_unit_test(it_grows_to_what_is_needed),
		cmocka_unit_test(numbers_reach_their_ends),
		cmocka_unit_test(formatting_fits_at_every_length),
		cmocka_unit_test(consuming_takes_from_the_front),
		cmocka_unit_test(failure_is_remembered_until_cleared),
		cmocka_unit_test(slices_compare_and_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
