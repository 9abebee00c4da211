/* cli/work: the pauses before another try, and what it refuses before it asks anybody. The rest of its life is tests/system/remote_work.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sysexits.h>

#include <cmocka.h>

#include "cli/work.h"

#define MS 1000000LL

static void pauses_grow_and_have_an_end(void **unused)
{
	static const struct { unsigned tries; int64_t ms; } rows[] = { { 0, 500 }, { 1, 500 }, { 2, 1000 }, { 3, 2000 }, { 6, 16000 }, { 7, 30000 }, { 1000, 30000 }, { 4000000000u, 30000 } };
	int64_t least = INT64_MAX, most = 0;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int k = 0; k < 50; k++) {
			int64_t ns = work_pause(rows[i].tries);
			assert_in_range(ns, rows[i].ms * MS * 3 / 4, rows[i].ms * MS * 5 / 4);
		}
	for (int k = 0; k < 200; k++) {
		int64_t ns = work_pause(1);
		least = ns < least ? ns : least;
		most = ns > most ? ns : most;
	}
	assert_true(most > least);      /* not all at the same time */
}

static int refused(const char *const *words)
{
	const struct cli_command self = { "work", "", "", cli_work };
	char *argv[12];
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	argv[argc] = NULL;
	return cli_work(&self, argc, argv);
}

static void what_cannot_be_is_refused(void **unused)
{
	static const char *const rows[][10] = {
		{ "work" },
		{ "work", "--type", "a" },
		{ "work", "--type", "a", "--" },
		{ "work", "--", "/bin/true" },
		{ "work", "--type", ",a", "--", "/bin/true" },
		{ "work", "--type", "a,,b", "--", "/bin/true" },
		{ "work", "--type", "a", "--queue", "b,", "--", "/bin/true" },
		{ "work", "--type", "a", "--jobs", "0", "--", "/bin/true" },
		{ "work", "--type", "a", "stray", "--", "/bin/true" },
		{ "work", "--type", "a", "--url", "nowhere", "--", "/bin/true" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(refused(rows[i]), EX_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pauses_grow_and_have_an_end), cmocka_unit_test(what_cannot_be_is_refused) };

	return cmocka_run_group_tests_name("cli/work", tests, NULL, NULL);
}
