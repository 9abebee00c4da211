/* cli/options: what is read, what is refused and how it is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

static bool flag;
static const char *text;
static int64_t count, ms;
static bool count_given;

static const struct option_spec spec[] = {
	{ OPTION_FLAG, "json", 0, &flag, NULL, NULL, 0, 0, "print JSON" },
	{ OPTION_TEXT, "conf", 'c', &text, NULL, "FILE", 0, 0, "the conf" },
	{ OPTION_INTEGER, "jobs", 'n', &count, &count_given, "N", -5, 1000, "how many" },
	{ OPTION_DURATION, "seconds", 0, &ms, NULL, "S", 100, 60000, "how long" },
	{ .kind = OPTION_END },
};

static struct option_operands args;
static char why[512];

/* Words separated by one blank; "" stands for an empty word. */
static enum options_result parse(const char *line)
{
	static char copy[256];
	static char *argv[32];
	int argc = 0;

	flag = count_given = false;
	text = NULL;
	count = 7;
	ms = 11;
	why[0] = '\0';
	snprintf(copy, sizeof(copy), "cmd %s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "\"\"") == 0 ? word + 2 : word;
	return options_parse(spec, argc, argv, &args, why, sizeof(why));
}

static void every_form_is_read(void **unused)
{
	(void)unused;
	assert_int_equal(parse("--json --conf a.conf --jobs 12 --seconds 2"), OPTIONS_OK);
	assert_true(flag);
	assert_string_equal(text, "a.conf");
	assert_int_equal(count, 12);
	assert_int_equal(ms, 2000);
	assert_int_equal(args.n, 0);
	assert_int_equal(parse("--conf=b=c --jobs=-5 --seconds=250ms"), OPTIONS_OK);
	assert_string_equal(text, "b=c");
	assert_int_equal(count, -5);
	assert_int_equal(ms, 250);
	assert_int_equal(parse("-c d -n9"), OPTIONS_OK);
	assert_string_equal(text, "d");
	assert_int_equal(count, 9);
	assert_int_equal(parse("--jobs -3"), OPTIONS_OK);
	assert_int_equal(count, -3);
}

static void defaults_stay_and_what_was_given_is_known(void **unused)
{
	(void)unused;
	assert_int_equal(parse(""), OPTIONS_OK);
	assert_false(flag);
	assert_null(text);
	assert_int_equal(count, 7);
	assert_int_equal(ms, 11);
	assert_false(count_given);
	assert_int_equal(parse("--jobs 7"), OPTIONS_OK);
	assert_true(count_given);
}

static void operands_may_stand_anywhere(void **unused)
{
	(void)unused;
	assert_int_equal(parse("one --json - two -- --jobs -x"), OPTIONS_OK);
	assert_int_equal(args.n, 5);
	assert_string_equal(args.v[0], "one");
	assert_string_equal(args.v[1], "-");
	assert_string_equal(args.v[2], "two");
	assert_string_equal(args.v[3], "--jobs");
	assert_string_equal(args.v[4], "-x");
	assert_int_equal(count, 7);
}

static void too_many_operands(void **unused)
{
	static char *many[OPTION_OPERANDS + 3];
	static char name[] = "x", one[] = "1", last[] = "last";

	(void)unused;
	for (size_t i = 0; i < OPTION_OPERANDS; i++)
		many[i + 1] = one;
	many[0] = name;
	many[OPTION_OPERANDS + 1] = last;
	assert_int_equal(options_parse(&(struct option_spec){ .kind = OPTION_END }, OPTION_OPERANDS + 1, many, &args, why, sizeof(why)), OPTIONS_OK);
	assert_int_equal(args.n, OPTION_OPERANDS);
	assert_int_equal(options_parse(&(struct option_spec){ .kind = OPTION_END }, OPTION_OPERANDS + 2, many, &args, why, sizeof(why)), OPTIONS_BAD);
	assert_non_null(strstr(why, "\"last\""));
}

static void help_wins_over_what_follows(void **unused)
{
	(void)unused;
	assert_int_equal(parse("--help --nonsense"), OPTIONS_HELP);
	assert_int_equal(parse("x -h"), OPTIONS_HELP);
	assert_int_equal(parse("--conf --help"), OPTIONS_OK);   /* a value, whatever it looks like */
	assert_string_equal(text, "--help");
}

static void mistakes_are_named(void **unused)
{
	static const struct { const char *line, *says; } bad[] = {
		{ "--job 3", "unknown option --job; there are --json --conf --jobs --seconds --help" },
		{ "-x", "unknown option -x" },
		{ "--json=yes", "--json takes no value" },
		{ "--jobs", "--jobs needs a value" },
		{ "-c", "--conf needs a value" },
		{ "--conf \"\"", "--conf is empty" },
		{ "--jobs 1001", "--jobs is \"1001\"; it must be a whole number from -5 to 1000" },
		{ "--jobs -6", "from -5 to 1000" },
		{ "--jobs 1x", "--jobs is \"1x\"" },
		{ "--jobs +1", "--jobs is \"+1\"" },
		{ "--jobs \"\"", "--jobs is \"\"" },
		{ "--jobs -", "--jobs is \"-\"" },
		{ "--jobs 99999999999999999999", "--jobs is \"99999999999999999999\"" },
		{ "--seconds 99ms", "--seconds is \"99ms\"; it must be a duration from 100ms to 1m" },
		{ "--seconds 61", "from 100ms to 1m" },
		{ "--seconds soon", "--seconds is \"soon\"" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i].line) != OPTIONS_BAD || !strstr(why, bad[i].says))
			fail_msg("%s: said \"%s\", wanted \"%s\"", bad[i].line, why, bad[i].says);
	}
}

static void a_short_buffer_holds_what_fits(void **unused)
{
	static char name[] = "cmd", wrong[] = "--wrong";
	char *argv[] = { name, wrong };
	char little[24];

	(void)unused;
	assert_int_equal(options_parse(spec, 2, argv, &args, little, sizeof(little)), OPTIONS_BAD);
	assert_string_equal(little, "unknown option --wrong;");
}

static void the_help_has_a_line_an_option(void **unused)
{
	struct buf out = { 0 };

	(void)unused;
	options_describe(spec, &out);
	assert_string_equal(buf_cstr(&out),
		"      --json                   print JSON\n"
		"  -c, --conf FILE              the conf\n"
		"  -n, --jobs N                 how many\n"
		"      --seconds S              how long\n");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_read),
		cmocka_unit_test(defaults_stay_and_what_was_given_is_known),
		cmocka_unit_test(operands_may_stand_anywhere), cmocka_unit_test(too_many_operands),
		cmocka_unit_test(help_wins_over_what_follows),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(a_short_buffer_holds_what_fits),
		cmocka_unit_test(the_help_has_a_line_an_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
