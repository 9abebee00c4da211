/* os/clock: in which units, and that the boot has an id. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"

static void the_wall_clock_counts_milliseconds_since_1970(void **unused)
{
	int64_t before = (int64_t)time(NULL) - 1, now = clock_wall_ms(), after = (int64_t)time(NULL) + 1;

	(void)unused;
	assert_true(now >= before * 1000);
	assert_true(now <= after * 1000);
}

static void the_boot_clock_counts_nanoseconds_and_only_up(void **unused)
{
	struct timespec before, after;
	int64_t now, last = 0;

	(void)unused;
	clock_gettime(CLOCK_BOOTTIME, &before);
	now = clock_boot_ns();
	clock_gettime(CLOCK_BOOTTIME, &after);
	assert_true(now >= before.tv_sec * INT64_C(1000000000) + before.tv_nsec);
	assert_true(now <= after.tv_sec * INT64_C(1000000000) + after.tv_nsec);
	for (unsigned i = 0; i < 1000; i++) {
		now = clock_boot_ns();
		assert_true(now >= last);
		last = now;
	}
}

static void the_boot_id_is_the_same_each_time(void **unused)
{
	const uint8_t zero[16] = { 0 };
	uint8_t a[16], b[16];

	(void)unused;
	memset(a, 1, sizeof(a));
	memset(b, 2, sizeof(b));
	clock_boot_id(a);
	clock_boot_id(b);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, zero, sizeof(a));
}

/* That it hears of a setting is for test_keeper_clock and for hands: a test that sets the clock would be nobody's neighbour. */
static void a_watch_is_quiet_while_nobody_sets_the_clock(void **unused)
{
	int watch = clock_watch();
	struct pollfd p = { .fd = watch, .events = POLLIN };

	(void)unused;
	assert_true(watch >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_false(clock_was_set(watch));
	assert_true(fcntl(watch, F_GETFD) & FD_CLOEXEC);
	close(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wall_clock_counts_milliseconds_since_1970),
		cmocka_unit_test(the_boot_clock_counts_nanoseconds_and_only_up),
		cmocka_unit_test(a_watch_is_quiet_while_nobody_sets_the_clock),
		cmocka_unit_test(the_boot_id_is_the_same_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
