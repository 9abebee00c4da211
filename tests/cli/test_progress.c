/* cli/progress: the line that it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/progress.h"

static void line(double fraction, uint64_t done, int64_t elapsed_ns, const char *wanted)
{
	struct progress p = { .what = "draining", .unit = "jobs" };
	struct buf out = { 0 };

	progress_put(&p, fraction, done, elapsed_ns, &out);
	assert_string_equal(buf_cstr(&out), wanted);
	buf_free(&out);
}

static void says_how_far_and_how_fast(void **unused)
{
	(void)unused;
	line(0, 0, 0, "draining [                              ] 0 jobs, 0/s");
	line(0.5, 1500, 500000000, "draining [===============               ] 1,500 jobs, 3,000/s");
	line(1, 2, 1000000000, "draining [==============================] 2 jobs, 2/s");
	line(1.5, 2, 1000000000, "draining [==============================] 2 jobs, 2/s");
}

static void knows_no_end_where_there_is_none(void **unused)
{
	(void)unused;
	line(-1, 7, 1000000000, "draining 7 jobs, 7/s");
}

static void shows_nothing_where_stderr_is_no_terminal(void **unused)
{
	struct progress p;

	(void)unused;
	progress_begin(&p, "draining", "jobs");
	p.on = false;
	progress_show(&p, 0.5, 1, 1);
	assert_int_equal(p.shown_ns, 0);
	progress_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_how_far_and_how_fast),
		cmocka_unit_test(knows_no_end_where_there_is_none),
		cmocka_unit_test(shows_nothing_where_stderr_is_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
