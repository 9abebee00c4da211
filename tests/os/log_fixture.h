/* The log with its insides open, to be given a syslog socket of ours and to be looked at, set up anew for each test. */
#ifndef STINT_TESTS_OS_LOG_FIXTURE_H
#define STINT_TESTS_OS_LOG_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/log.c"
#include "scratch.h"

static int real_stderr;

static inline int log_setup(void **unused)
{
	/* Where something does block, the test ends instead of hanging. */
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	real_stderr = dup(STDERR_FILENO);
	log_role("tester");
	return real_stderr < 0 ? -1 : scratch_setup(unused);
}

static inline int log_teardown(void **unused)
{
	struct log_options plain = { "stderr", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT };

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	unsetenv("JOURNAL_STREAM");
	pending_drop(0);
	log_open(&plain);
	buf_free(&state.pending);
	buf_free(&state.line);
	buf_free(&state.message);
	state.dropped = state.reported = 0;
	state.torn = false;
	return scratch_teardown(unused);
}

static inline void open_log(const char *dest, enum log_level level, enum log_format format)
{
	struct log_options opt = { dest, level, format };

	assert_int_equal(log_open(&opt), 0);
}

static inline unsigned count(const char *text, const char *what)
{
	const char *end = text + strlen(text);
	unsigned n = 0;

	for (; (text = memmem(text, (size_t)(end - text), what, strlen(what))) != NULL; text += strlen(what))
		n++;
	return n;
}

static inline void assert_count(const char *path, const char *what, unsigned expected)
{
	char *text = scratch_read(path);

	assert_non_null(text);
	if (count(text, what) != expected)
		fail_msg("'%s' stands %u times instead of %u in:\n%s", what, count(text, what), expected, text);
	free(text);
}

#define log_test(f) cmocka_unit_test_setup_teardown(f, log_setup, log_teardown)

#endif
