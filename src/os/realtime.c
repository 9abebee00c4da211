/* Who answers others does so in time though a fork bomb runs: it is chosen before every ordinary process. One that is busy itself must not be, or nobody else would run: it is put back among the ordinary ones by the
 * kernel's word (RLIMIT_RTTIME) or by its share of the time. Called by the keeper and the acceptor. Nothing here is fatal. */
#include "os/realtime.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/timeslice.h"

#define RESET_ON_FORK 0x01u             /* SCHED_FLAG_RESET_ON_FORK, whose header does not go with <sched.h> */
#define PRIORITY 1u                     /* the least: every other real-time process goes before us */

static struct {
	bool allowed;
	volatile sig_atomic_t ahead;
	int nice;
	unsigned percent;
	int64_t now, taken;             /* at the last look */
} own;

static bool set(bool ahead)
{
	struct timeslice_attr a = { .size = sizeof(a), .flags = RESET_ON_FORK, .nice = own.nice };

	if (ahead) {
		a.policy = SCHED_RR;
		a.priority = PRIORITY;
	} else {
		a.policy = SCHED_OTHER;
		a.runtime = timeslice_is_short() ? TIMESLICE_SHORT_NS : 0;
	}
	if (syscall(SYS_sched_setattr, 0, &a, 0) != 0)
		return false;
	own.ahead = ahead;
	return true;
}

static void stretched(int sig)
{
	int saved = errno;

	(void)sig;
	set(false);
	errno = saved;
}

/* The kernel moves the limit on by a second each time that it tells of it. */
static bool limit_stretch(void)
{
	struct rlimit l = { .rlim_cur = REALTIME_STRETCH_US, .rlim_max = RLIM_INFINITY };

	if (getrlimit(RLIMIT_RTTIME, &l) == 0)
		l.rlim_cur = REALTIME_STRETCH_US;
	return setrlimit(RLIMIT_RTTIME, &l) == 0;
}

bool realtime_allow(unsigned percent)
{
	struct sigaction sa = { .sa_handler = stretched, .sa_flags = SA_RESTART };
	struct rlimit least = { PRIORITY, PRIORITY };
	struct timeslice_attr a;

	if (!timeslice_of(0, &a))
		return false;
	own.nice = a.nice;
	own.percent = percent;
	if (a.policy != SCHED_OTHER) {
		errno = EINVAL;         /* whoever started us has decided */
		return false;
	}
	sigemptyset(&sa.sa_mask);
	/* without the limit on its stretches it must not begin */
	if (!limit_stretch() || sigaction(SIGXCPU, &sa, NULL) < 0)
		return false;
	setrlimit(RLIMIT_RTPRIO, &least);       /* so that who is not root any more may begin again; where that is not to be had he does not */
	own.allowed = set(true);
	return own.allowed;
}

void realtime_look(int64_t now, int64_t taken)
{
	int64_t passed = now - own.now, used = taken - own.taken;

	if (!own.allowed)
		return;
	own.now = now;
	own.taken = taken;
	if (own.ahead && used * 100 > passed * own.percent)
		set(false);
	else if (!own.ahead && used * 150 < passed * own.percent && limit_stretch())
		set(true);
}
