/* os/realtime: ahead of ordinary processes while it is light, one of them when it is not, by its share of the time and by one long stretch; also as somebody else; never in what it forks. Where this machine lets
 * nobody do so, that it says so. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/realtime.h"
#include "os/timeslice.h"

#define AHEAD (SCHED_RR | SCHED_RESET_ON_FORK)
#define USUAL (SCHED_OTHER | SCHED_RESET_ON_FORK)
#define NOBODY 65534

/* Each in a process of its own, which the policy dies with. */
static int in_a_child(int (*body)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(body());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int may(void)
{
	struct rlimit l = { 1000000, RLIM_INFINITY };
	struct sched_param p = { .sched_priority = 1 };

	return setrlimit(RLIMIT_RTTIME, &l) == 0 && sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) == 0;
}

static int by_share(void)
{
	struct timeslice_attr a;

	timeslice_short();
	if (!realtime_allow(30) || sched_getscheduler(0) != AHEAD)
		return 1;
	realtime_look(1000, 300);       /* as much as it may */
	if (sched_getscheduler(0) != AHEAD)
		return 2;
	realtime_look(2000, 300 + 301);
	if (sched_getscheduler(0) != USUAL || !timeslice_of(0, &a) || (timeslice_is_short() && a.runtime != TIMESLICE_SHORT_NS))
		return 3;
	realtime_look(3000, 601 + 200); /* light, but not light enough */
	if (sched_getscheduler(0) != USUAL)
		return 4;
	realtime_look(4000, 801 + 199);
	if (sched_getscheduler(0) != AHEAD)
		return 5;
	return timeslice_of(0, &a) && a.priority == 1 ? 0 : 6;
}

static int by_stretch(void)
{
	int64_t begun;

	if (!realtime_allow(30))
		return 1;
	for (int i = 0; i < 2; i++) {
		/* the second one is told of as soon as the first: the kernel moves its limit on */
		begun = clock_of_process_us(getpid());
		while (sched_getscheduler(0) == AHEAD && clock_of_process_us(getpid()) - begun < 900000)
			;
		if (sched_getscheduler(0) != USUAL)
			return 2 + i;
		realtime_look((i + 1) * 1000, 0);
		if (sched_getscheduler(0) != AHEAD)
			return 4 + i;
	}
	return 0;
}

static int as_somebody_else(void)
{
	struct rlimit l;

	if (geteuid() != 0)
		return 0;               /* nobody else to become */
	if (!realtime_allow(30) || getrlimit(RLIMIT_RTPRIO, &l) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	realtime_look(1000, 1000);
	if (sched_getscheduler(0) != USUAL)
		return 2;
	realtime_look(2000, 1000);
	/* where the limit could not be raised there is no way back, and that is no fault */
	return sched_getscheduler(0) == (l.rlim_cur > 0 ? AHEAD : USUAL) ? 0 : 3;
}

static int plain(void)
{
	return sched_getscheduler(0) == SCHED_OTHER ? 0 : 1;
}

static int forks(void)
{
	return realtime_allow(30) ? in_a_child(plain) : 2;
}

static int not_allowed(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_RTPRIO, &none) < 0 || (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)))
		return 1;
	if (realtime_allow(30) || errno != EPERM)
		return 2;
	realtime_look(1000, 0);
	return sched_getscheduler(0) == SCHED_OTHER ? 0 : 3;
}

static int decided_already(void)
{
	struct sched_param p = { 0 };

	if (sched_setscheduler(0, SCHED_BATCH, &p) < 0)
		return 1;
	if (realtime_allow(30) || errno != EINVAL)
		return 2;
	realtime_look(1000, 0);
	return sched_getscheduler(0) == SCHED_BATCH ? 0 : 3;
}

static void where_it_may(int (*body)(void))
{
	if (!in_a_child(may)) {
		print_message("this machine lets us have no real-time priority\n");
		assert_int_equal(in_a_child(not_allowed), 0);
		return;
	}
	assert_int_equal(in_a_child(body), 0);
}

static void a_busy_one_is_one_of_many(void **unused) { (void)unused; where_it_may(by_share); }
static void a_long_stretch_ends_it_at_once(void **unused) { (void)unused; where_it_may(by_stretch); }
static void it_goes_on_as_somebody_else(void **unused) { (void)unused; where_it_may(as_somebody_else); }
static void it_is_not_inherited(void **unused) { (void)unused; where_it_may(forks); }
static void who_may_not_is_told(void **unused) { (void)unused; assert_int_equal(in_a_child(not_allowed), 0); }
static void what_was_decided_stays(void **unused) { (void)unused; assert_int_equal(in_a_child(decided_already), 0); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_busy_one_is_one_of_many),
		cmocka_unit_test(a_long_stretch_ends_it_at_once),
		cmocka_unit_test(it_goes_on_as_somebody_else),
		cmocka_unit_test(it_is_not_inherited),
		cmocka_unit_test(who_may_not_is_told),
		cmocka_unit_test(what_was_decided_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
