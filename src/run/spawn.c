/* Clones the child of a handler and takes it to its program. The child runs in our memory on a stack of its own while we stand still, so it
 * makes raw system calls only (the library's setuid and friends would act on more than the caller) and tells its failure by writing it down.
 * Used by the exec kind. Nothing here is fatal. */
#include "run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/timeslice.h"

#define NO_SANITIZE __attribute__((no_sanitize("address", "undefined")))
#define KERNEL_SIGSET 8                 /* bytes of the kernel's own sigset */
#define SIGNALS 64
#define MOST_NICE 19                    /* setpriority(2) takes more for it, sched_setattr(2) does not */
#define STACK_BYTES (64u << 10)
#define FD_SEARCH_MAX 65536u            /* without close_range(2) descriptors are closed one by one up to here */

#ifdef SYS_setresuid32
#define CALL_SETRESUID SYS_setresuid32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETGROUPS SYS_setgroups32
#else
#define CALL_SETRESUID SYS_setresuid
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETGROUPS SYS_setgroups
#endif

static uint64_t ignored;                /* a bit a signal, once looked */
static bool looked;

struct child {
	const struct spawn_plan *plan;
	struct spawn_error *error;
	pid_t parent;
	int priority;                   /* the nice value to have */
	bool resliced;                  /* it is not to have our short time slice */
	struct timeslice_attr slice;
	bool joins;                     /* it is not in its control group from its begin */
};

NO_SANITIZE static long child_cage(const struct child *c)
{
	if (!c->joins)
		return 0;
	long fd = syscall(SYS_openat, c->plan->cage, "cgroup.procs", O_WRONLY, 0);
	return fd < 0 || syscall(SYS_write, fd, "0", (size_t)1) < 0 ? -1 : 0;           /* 0: itself */
}

NO_SANITIZE static long child_fds(const struct spawn_plan *p)
{
	const int want[3] = { p->in, p->out, p->err };

	for (int i = 0; i < 3; i++)
		if (syscall(SYS_dup3, want[i], i, 0) < 0)
			return -1;
	if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0)
		return 0;
	for (unsigned fd = 3; fd < FD_SEARCH_MAX; fd++)
		syscall(SYS_close, fd);
	return 0;
}

/* Every signal at its default. Handlers end with the execution, so these are the ones that we ignore; a zeroed struct says so in any layout. */
NO_SANITIZE static void child_signals_default(void)
{
	static const unsigned long nothing[8];

	for (int sig = 1; sig <= SIGNALS; sig++)
		if (ignored >> (sig - 1) & 1)
			syscall(SYS_rt_sigaction, sig, nothing, NULL, (size_t)KERNEL_SIGSET);
}

NO_SANITIZE static long child_limits(const struct spawn_plan *p)
{
	for (size_t i = 0; i < p->nlimit; i++)
		if (syscall(SYS_prlimit64, 0, p->limit[i].resource, &p->limit[i].value, NULL) < 0)
			return -1;
	return 0;
}

NO_SANITIZE static long child_user(const struct spawn_plan *p)
{
	static struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	static const struct __user_cap_data_struct none[2];

	if (!p->change_user)
		return 0;
	if (syscall(CALL_SETGROUPS, p->ngroups, p->groups) < 0 || syscall(CALL_SETRESGID, p->gid, p->gid, p->gid) < 0)
		return -1;
	if (syscall(CALL_SETRESUID, p->uid, p->uid, p->uid) < 0)
		return -1;
	return p->drop_rights ? syscall(SYS_capset, &head, none) : 0;
}

/* After the change of user, which would clear the death signal. */
NO_SANITIZE static long child_privileges(void)
{
	if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -1;
	return syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

NO_SANITIZE static int child_main(void *arg)
{
	static const unsigned long no_signals[2];
	struct child *c = arg;
	const struct spawn_plan *p = c->plan;
	enum spawn_step step;

	step = SPAWN_CAGE;
	if (child_cage(c) < 0)
		goto fail;
	step = SPAWN_SESSION;
	if (syscall(SYS_setsid) < 0)
		goto fail;
	step = SPAWN_FDS;
	if (child_fds(p) < 0)
		goto fail;
	child_signals_default();
	syscall(SYS_umask, p->umask);
	step = SPAWN_NICE;
	if (p->nice && syscall(SYS_setpriority, PRIO_PROCESS, 0, c->priority) < 0)
		goto fail;
	if (c->resliced)
		syscall(SYS_sched_setattr, 0, &c->slice, 0);
	step = SPAWN_USER;
	if (child_user(p) < 0)
		goto fail;
	step = SPAWN_LIMIT;
	if (child_limits(p) < 0)
		goto fail;
	step = SPAWN_PRIVILEGES;
	if (child_privileges() < 0)
		goto fail;
	step = SPAWN_CWD;
	if (syscall(SYS_chdir, p->cwd) < 0)
		goto fail;
	step = SPAWN_ORPHAN;
	errno = ESRCH;
	if (syscall(SYS_getppid) != c->parent)
		goto fail;
	step = SPAWN_SIGNALS;
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, no_signals, NULL, (size_t)KERNEL_SIGSET) < 0)
		goto fail;
	step = SPAWN_EXEC;
	syscall(SYS_execve, p->file, p->argv, p->envp);
fail:
	*c->error = (struct spawn_error){ step, errno };
	syscall(SYS_exit_group, 127);
	return 127;
}

/* A child that is born in its control group: moving one later waits for all other moves, and for the scheduler. It has a copy of our memory, since the newer call takes
 * no function and no stack of its own; so what went wrong comes back through a page that is shared. -1 where the kernel, or who filters its calls, has not got it. */
static pid_t clone_caged(struct child *c)
{
	static struct spawn_error *page;
	static bool refused;
	struct clone_args args = { .flags = CLONE_VFORK | CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)(unsigned)c->plan->cage };
	struct child own = *c;

	if (refused)
		return -1;
	if (!page) {
		void *p = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return -1;
		page = p;
	}
	*page = *c->error;
	own.error = page;
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child_main(&own);
	if (pid < 0)
		refused = errno != EAGAIN && errno != ENOMEM;
	else
		*c->error = *page;
	return pid;
}

/* Once: to ask for each of them each time takes as long as some programs run. */
static void look_at_signals(void)
{
	struct sigaction now;

	ignored = 0;
	for (int sig = 1; sig <= SIGNALS; sig++)
		if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			ignored |= UINT64_C(1) << (sig - 1);
	looked = true;
}

void spawn_signals_changed(void)
{
	looked = false;
}

/* With every signal blocked, so that no handler of ours runs in the child. */
static pid_t clone_child(struct child *c)
{
	static _Alignas(64) char stack[STACK_BYTES];
	sigset_t all, old;
	pid_t pid = -1;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	if (c->plan->caged)
		pid = clone_caged(c);
	if (pid < 0) {
		c->joins = c->plan->caged;
		pid = clone(child_main, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, c);
	}
	if (pid < 0)
		*c->error = (struct spawn_error){ SPAWN_CLONE, errno };
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

/* The three descriptors must lie above those they become. Returns -1 where one cannot be moved; moved ones are to be closed. */
static int lift(struct spawn_plan *p, int moved[3])
{
	int *fd[3] = { &p->in, &p->out, &p->err };

	for (int i = 0; i < 3; i++) {
		if (*fd[i] > 2)
			continue;
		moved[i] = fcntl(*fd[i], F_DUPFD_CLOEXEC, 3);
		if (moved[i] < 0)
			return -1;
		*fd[i] = moved[i];
	}
	return 0;
}

pid_t spawn(const struct spawn_plan *plan, struct spawn_error *e)
{
	struct spawn_plan p = *plan;
	struct child c = { .plan = &p, .error = e, .parent = getpid() };
	int moved[3] = { -1, -1, -1 };
	pid_t pid = -1;

	*e = (struct spawn_error){ SPAWN_EXEC, 0 };
	if (!looked)
		look_at_signals();
	c.resliced = timeslice_is_short();
	if (p.nice || c.resliced)
		c.priority = getpriority(PRIO_PROCESS, 0) + p.nice;
	if (c.resliced)
		c.slice = timeslice_usual(c.priority < MOST_NICE ? c.priority : MOST_NICE);
	if (lift(&p, moved) < 0)
		*e = (struct spawn_error){ SPAWN_CLONE, errno };
	else
		pid = clone_child(&c);
	for (int i = 0; i < 3; i++)
		if (moved[i] >= 0)
			close(moved[i]);
	if (pid < 0 || e->error == 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -1;
}

void spawn_limit_add(struct spawn_plan *p, int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit own;

	if (p->nlimit == SPAWN_LIMITS)
		return;
	/* Without privileges a hard limit goes down only, and one that is stricter already is as good. */
	if (getrlimit((__rlimit_resource_t)resource, &own) == 0) {
		hard = hard < own.rlim_max ? hard : own.rlim_max;
		soft = soft < hard ? soft : hard;
	}
	p->limit[p->nlimit++] = (struct spawn_limit){ resource, { .rlim_cur = soft, .rlim_max = hard } };
}

void spawn_limit_drop(struct spawn_plan *p, int resource)
{
	for (size_t i = 0; i < p->nlimit; i++)
		if (p->limit[i].resource == resource)
			p->limit[i--] = p->limit[--p->nlimit];
}

bool spawn_short(const struct spawn_error *e)
{
	if (e->step == SPAWN_CWD)
		return e->error == ENOMEM;
	return e->error == EAGAIN || e->error == ENOMEM || e->error == EMFILE || e->error == ENFILE || e->error == ESRCH;
}
