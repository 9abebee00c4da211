/* cli/screen: lines cut and filled to the width of a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/screen.h"

static void cell_is(const char *text, unsigned columns, bool right, const char *wanted)
{
	struct buf out = { 0 };

	screen_cell(&out, text, columns, right);
	assert_string_equal(buf_cstr(&out), wanted);
	buf_free(&out);
}

static void a_cell_has_its_width(void **unused)
{
	(void)unused;
	cell_is("abc", 5, false, "abc  ");
	cell_is("abc", 5, true, "  abc");
	cell_is("abcde", 5, true, "abcde");
	cell_is("abcdef", 5, true, "abcd~");
	cell_is("", 2, false, "  ");
	cell_is("abc", 1, false, "~");
	cell_is("abc", 0, false, "");
	cell_is("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 6, false, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	cell_is("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5, false, "\xe6\x97\xa5\xe6\x9c\xac~");
	cell_is("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4, false, "\xe6\x97\xa5~ ");            /* half of a wide one is left empty */
	cell_is("a\033[2Jb", 9, false, "a\\x1b[2Jb");
}

static void a_screen_is_full_at_its_size(void **unused)
{
	struct screen s = { 0 };
	struct buf out = { 0 };

	(void)unused;
	screen_begin(&s, 3, 6);
	screen_line(&s, SCREEN_BOLD, "%s", "0123456789");
	screen_line(&s, SCREEN_REVERSE, "%s", "ab");
	screen_line(&s, SCREEN_PLAIN, "%d", 7);
	screen_line(&s, SCREEN_PLAIN, "too much");
	screen_text(&s, &out);
	assert_string_equal(buf_cstr(&out), "012345\nab\n7\n");
	buf_clear(&out);
	screen_write(&s, &out);
	assert_string_equal(buf_cstr(&out), "\033[1;1H\033[2K\033[1m012345\033[0m\033[2;1H\033[2K\033[7mab    \033[0m\033[3;1H\033[2K7");
	assert_false(s.failed);
	screen_free(&s);
	buf_free(&out);
}

static void the_last_line_has_its_place(void **unused)
{
	struct screen s = { 0 };
	struct buf out = { 0 };

	(void)unused;
	screen_begin(&s, 4, 10);
	screen_line(&s, SCREEN_PLAIN, "first");
	screen_last(&s, SCREEN_REVERSE, "foot");
	screen_text(&s, &out);
	assert_string_equal(buf_cstr(&out), "first\n\n\nfoot\n");
	buf_clear(&out);
	screen_begin(&s, 1, 3);         /* another size: nothing of before is left */
	screen_last(&s, SCREEN_PLAIN, "foot");
	screen_text(&s, &out);
	assert_string_equal(buf_cstr(&out), "foo\n");
	buf_clear(&out);
	screen_begin(&s, 0, 0);
	screen_line(&s, SCREEN_PLAIN, "nowhere");
	screen_last(&s, SCREEN_PLAIN, "foot");
	screen_text(&s, &out);
	assert_string_equal(buf_cstr(&out), "");
	screen_free(&s);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_has_its_width),
		cmocka_unit_test(a_screen_is_full_at_its_size),
		cmocka_unit_test(the_last_line_has_its_place),
	};

	return cmocka_run_group_tests_name("cli/screen", tests, NULL, NULL);
}
