/* What is kept of a handler's output, and the lines in it that are for us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run/output.h"
#include "text/duration.h"

static struct { unsigned calls; int percent; char message[64]; } said;

static void progress(void *arg, int percent, struct slice message)
{
	(void)arg;
	said.calls++;
	said.percent = percent;
	memcpy(said.message, message.p, message.n);
	said.message[message.n] = '\0';
}

static struct output_log the_log;

static int setup(void **state)
{
	(void)state;
	memset(&said, 0, sizeof(said));
	output_log_init(&the_log);
	the_log.progress = progress;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_free(&the_log.kept);
	return 0;
}

static void add(const char *text)
{
	output_log_add(&the_log, text, strlen(text));
}

static void test_head_keeps_the_first_and_counts_all(void **state)
{
	struct output_head o = { .limit = 5 };

	(void)state;
	output_head_add(&o, "abc", 3);
	assert_false(output_head_cut(&o));
	output_head_add(&o, "def", 3);
	output_head_add(&o, "ghi", 3);
	assert_string_equal(buf_cstr(&o.kept), "abcde");
	assert_int_equal(o.total, 9);
	assert_true(output_head_cut(&o));
	buf_free(&o.kept);
}

static void test_head_exactly_full_is_not_cut(void **state)
{
	struct output_head o = { .limit = 3 };

	(void)state;
	output_head_add(&o, "abc", 3);
	assert_false(output_head_cut(&o));
	output_head_add(&o, "", 0);
	assert_false(output_head_cut(&o));
	buf_free(&o.kept);
}

static void test_head_of_nothing(void **state)
{
	struct output_head o = { .limit = 0 };

	(void)state;
	output_head_add(&o, "abc", 3);
	assert_int_equal(o.kept.len, 0);
	assert_true(output_head_cut(&o));
	buf_free(&o.kept);
}

static void test_marks_are_taken_out(void **state)
{
	(void)state;
	add("one\n::progress 40 half way there\ntwo\n::retry-in 90s\nthree");
	output_log_end(&the_log);
	assert_string_equal(buf_cstr(&the_log.kept), "one\ntwo\nthree");
	assert_int_equal(the_log.total, strlen("one\n::progress 40 half way there\ntwo\n::retry-in 90s\nthree"));
	assert_int_equal(said.calls, 1);
	assert_int_equal(said.percent, 40);
	assert_string_equal(said.message, "half way there");
	assert_int_equal(the_log.retry_in_ms, 90000);
}

static void test_marks_in_pieces(void **state)
{
	const char *text = "x\n::progress 7 a b\n:not one\n::progress 100\r\n::retry-in 1.5\n";

	(void)state;
	for (const char *p = text; *p; p++)
		output_log_add(&the_log, p, 1);
	output_log_end(&the_log);
	assert_string_equal(buf_cstr(&the_log.kept), "x\n:not one\n");
	assert_int_equal(said.calls, 2);
	assert_int_equal(said.percent, 100);
	assert_string_equal(said.message, "");
	assert_int_equal(the_log.retry_in_ms, 1500);
}

/* However the bytes come, the same is kept and the same is heard. */
static void test_any_pieces_give_the_same(void **state)
{
	static const char text[] = "a\n:b\n::progress 1 x\n\n:\nc::progress 2\n::retry-in 1s\n::progress 3 y\n::progress\n\n\nend";
	static const char kept[] = "a\n:b\n\n:\nc::progress 2\n::progress\n\n\nend";

	(void)state;
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		buf_clear(&the_log.kept);
		the_log.said = the_log.total = 0;
		the_log.retry_in_ms = -1;
		said.calls = 0;
		for (size_t at = 0; at < strlen(text); at += piece)
			output_log_add(&the_log, text + at, strlen(text) - at < piece ? strlen(text) - at : piece);
		output_log_end(&the_log);
		assert_string_equal(buf_cstr(&the_log.kept), kept);
		assert_int_equal(the_log.total, strlen(text));
		assert_int_equal(the_log.said, strlen(kept));
		assert_int_equal(the_log.retry_in_ms, 1000);
		assert_int_equal(said.calls, 2);
		assert_string_equal(said.message, "y");
	}
	buf_clear(&the_log.kept);
	the_log.plain = true;
	add(text);
	assert_string_equal(buf_cstr(&the_log.kept), text);
}

static void test_a_mark_as_last_line_needs_no_newline(void **state)
{
	(void)state;
	add("::retry-in 2h");
	assert_int_equal(the_log.retry_in_ms, -1);
	output_log_end(&the_log);
	assert_int_equal(the_log.retry_in_ms, 7200000);
	assert_int_equal(the_log.kept.len, 0);
}

static void test_the_longest_pause(void **state)
{
	(void)state;
	add("::retry-in 3650d\n");
	assert_int_equal(the_log.retry_in_ms, DURATION_LIMIT_MS);
}

static void test_wrong_marks_stay_in_the_log(void **state)
{
	static const char *const wrong[] = {
		"::progress\n", "::progress x\n", "::progress 101 too much\n", "::progress -1\n", "::progress 4x\n", "::progress 99999999999999999999\n", "::progress40\n", " ::progress 4\n",
		"::retry-in\n", "::retry-in soon\n", "::retry-in -5s\n", "::retry-in 5 s\n", "::retry-in 3651d\n", "::retry-in 99999999999999999999d\n", "::other 1\n", ":: progress 4\n", "::\n", ":\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		buf_clear(&the_log.kept);
		add(wrong[i]);
		assert_string_equal(buf_cstr(&the_log.kept), wrong[i]);
	}
	assert_int_equal(said.calls, 0);
	assert_int_equal(the_log.retry_in_ms, -1);
}

static void test_an_overlong_mark_is_text(void **state)
{
	char text[3 * OUTPUT_LINE_MAX];

	(void)state;
	memset(text, 'm', sizeof(text));
	memcpy(text, "::progress 5 ", 13);
	text[sizeof(text) - 1] = '\n';
	for (size_t at = 0; at < sizeof(text); at += 100)
		output_log_add(&the_log, text + at, sizeof(text) - at < 100 ? sizeof(text) - at : 100);
	assert_int_equal(the_log.kept.len, sizeof(text));
	assert_memory_equal(the_log.kept.data, text, sizeof(text));
	assert_int_equal(said.calls, 0);
	add("::progress 6 fits\n");
	assert_int_equal(said.percent, 6);
}

static void test_log_keeps_the_tail(void **state)
{
	char line[101];
	size_t lines = 3 * OUTPUT_LOG_MAX / 100;

	(void)state;
	for (size_t i = 0; i < lines; i++) {
		snprintf(line, sizeof(line), "%098zu\n", i);
		add(line);
		assert_true(the_log.kept.len <= 2 * OUTPUT_LOG_MAX);
	}
	output_log_end(&the_log);
	assert_int_equal(the_log.kept.len, OUTPUT_LOG_MAX);
	assert_int_equal(the_log.total, lines * 99);
	assert_memory_equal(the_log.kept.data + OUTPUT_LOG_MAX - 99, line, 99);
}

static void test_one_piece_longer_than_the_log(void **state)
{
	size_t n = 5 * OUTPUT_LOG_MAX;
	char *text = malloc(n);

	(void)state;
	memset(text, 'a', n);
	text[n - 1] = 'z';
	add("before\n");
	output_log_add(&the_log, text, n);
	output_log_end(&the_log);
	assert_int_equal(the_log.kept.len, OUTPUT_LOG_MAX);
	assert_int_equal(the_log.kept.data[OUTPUT_LOG_MAX - 1], 'z');
	assert_int_equal(the_log.kept.data[0], 'a');
	free(text);
}

static void test_last_line(void **state)
{
	static const struct { const char *log, *line; } good[] = {
		{ "one", "one" }, { "one\n", "one" }, { "one\ntwo\n", "two" }, { "one\n  two \t\r\n\n \n", "two" }, { "\n\none", "one" }, { "a\r\nb\r\n", "b" },
	};
	static const char *const none[] = { "", "\n", " \n\t\n\r\n" };
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(output_last_line(slice_of(good[i].log), out, sizeof(out)));
		assert_string_equal(out, good[i].line);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(output_last_line(slice_of(none[i]), out, sizeof(out)));
}

static void test_copy_cuts_between_characters(void **state)
{
	char out[8];

	(void)state;
	output_copy(SLICE("abcdef\xc3\xa9g"), out, sizeof(out));               /* the character would be cut in two */
	assert_string_equal(out, "abcdef");
	output_copy(SLICE("abcde\xc3\xa9g"), out, sizeof(out));
	assert_string_equal(out, "abcde\xc3\xa9");
	output_copy(SLICE("abcd\xf0\x9f\x98\x80g"), out, sizeof(out));
	assert_string_equal(out, "abcd");
	output_copy(SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80"), out, sizeof(out));  /* no characters at all: cut anywhere, but not to nothing */
	assert_int_equal(strlen(out), 7);
	output_copy(SLICE("a\0b"), out, sizeof(out));
	assert_string_equal(out, "a?b");
	output_copy(SLICE(""), out, sizeof(out));
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head_keeps_the_first_and_counts_all),
		cmocka_unit_test(test_head_exactly_full_is_not_cut),
		cmocka_unit_test(test_head_of_nothing),
		cmocka_unit_test_setup_teardown(test_marks_are_taken_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_pieces_give_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_mark_as_last_line_needs_no_newline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_longest_pause, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_marks_stay_in_the_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_overlong_mark_is_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log_keeps_the_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_piece_longer_than_the_log, setup, teardown),
		cmocka_unit_test(test_last_line),
		cmocka_unit_test(test_copy_cuts_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
