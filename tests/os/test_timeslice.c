/* os/timeslice: a short one where the kernel has them, which forks inherit and can shed, and nothing else is changed by it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/timeslice.h"

static void a_slice_is_made_short_and_usual_again(void **unused)
{
	struct timeslice_attr usual, now;
	int status;

	(void)unused;
	assert_int_equal(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + 2), 0);
	assert_true(timeslice_of(0, &usual));
	assert_false(timeslice_is_short());
	bool made = timeslice_short();
	assert_int_equal(timeslice_is_short(), made);
	assert_true(timeslice_of(0, &now));
	assert_int_equal(now.nice, usual.nice);
	assert_int_equal(now.policy, usual.policy);
	/* a kernel of 6.12 or newer shows its slices */
	assert_int_equal(made, usual.runtime != 0);
	assert_int_equal(now.runtime, made ? TIMESLICE_SHORT_NS : usual.runtime);
	pid_t child = fork();
	if (child == 0) {
		struct timeslice_attr its, plain = timeslice_usual(now.nice);

		if (!timeslice_of(0, &its) || its.runtime != now.runtime || timeslice_is_short() != made)
			_exit(1);
		if (made && syscall(SYS_sched_setattr, 0, &plain, 0) != 0)
			_exit(2);
		if (!timeslice_of(0, &its) || its.runtime != usual.runtime || its.nice != usual.nice || its.policy != usual.policy)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* "/autogroup-42 nice 3"; false where this kernel has none. */
static bool weight_of_session(int *nice)
{
	FILE *f = fopen("/proc/self/autogroup", "re");
	bool read = f && fscanf(f, "/autogroup-%*d nice %d", nice) == 1;

	if (f)
		fclose(f);
	return read;
}

static void a_session_weighs_what_it_is_told(void **unused)
{
	int status;

	(void)unused;
	pid_t child = fork();
	if (child == 0) {
		int nice;

		if (setsid() < 0)
			_exit(1);
		if (!weight_of_session(&nice))
			_exit(timeslice_weigh_session(4) ? 2 : 0);
		/* who is not root may do it ten times a second */
		while (!timeslice_weigh_session(4))
			if (errno != EAGAIN)
				_exit(3);
		_exit(weight_of_session(&nice) && nice == 4 ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_weighs_what_it_is_told),
		cmocka_unit_test(a_slice_is_made_short_and_usual_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
