/* The signal table: what the documentation promises of it. */
#include "process/signals.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_each_signal_does_what_the_manual_says(void **state)
{
	static const struct { int signo; const char *name; enum signal_action action; } want[] = {
		{ SIGHUP, "SIGHUP", SIGNAL_RELOAD }, { SIGTERM, "SIGTERM", SIGNAL_DRAIN }, { SIGQUIT, "SIGQUIT", SIGNAL_DRAIN }, { SIGINT, "SIGINT", SIGNAL_STOP },
		{ SIGUSR1, "SIGUSR1", SIGNAL_REOPEN }, { SIGUSR2, "SIGUSR2", SIGNAL_UPGRADE }, { SIGWINCH, "SIGWINCH", SIGNAL_PAUSE }, { SIGCHLD, "SIGCHLD", SIGNAL_REAP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct signal_entry *e = signals_find(want[i].signo);
		assert_non_null(e);
		assert_string_equal(e->name, want[i].name);
		assert_int_equal(e->action, want[i].action);
	}
	assert_null(signals_find(SIGKILL));
	assert_null(signals_find(0));
}

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(signals_find_word("stop")->signo, SIGINT);
	assert_int_equal(signals_find_word("quit")->signo, SIGTERM);
	assert_int_equal(signals_find_word("reload")->signo, SIGHUP);
	assert_int_equal(signals_find_word("reopen")->signo, SIGUSR1);
	assert_null(signals_find_word("restart"));
	assert_null(signals_find_word(""));
	assert_null(signals_find_word("STOP"));
}

static void test_no_signal_stands_twice(void **state)
{
	(void)state;
	for (const struct signal_entry *e = signals_table; e->signo; e++)
		assert_ptr_equal(signals_find(e->signo), e);
}

static void test_the_list_is_the_table(void **state)
{
	int list[SIGNALS_MAX];
	size_t n = 0;

	(void)state;
	signals_list(list);
	for (const struct signal_entry *e = signals_table; e->signo; e++)
		assert_int_equal(list[n++], e->signo);
	assert_int_equal(list[n], 0);
}

static void test_names_of_any_signal(void **state)
{
	(void)state;
	assert_string_equal(signals_name(SIGKILL), "SIGKILL");
	assert_string_equal(signals_name(SIGSEGV), "SIGSEGV");
	assert_string_equal(signals_name(SIGRTMIN + 3), "signal 37");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_signal_does_what_the_manual_says),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_no_signal_stands_twice),
		cmocka_unit_test(test_the_list_is_the_table),
		cmocka_unit_test(test_names_of_any_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
