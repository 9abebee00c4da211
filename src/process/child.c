/* The common part of every child: its beginning, its channel to the master, its heartbeat, its end. Called by the bodies of the roles.
 * Fatal: what child_begin() cannot set up (exit 71), and the master's death, which the role hears of through on_orphan and has ORPHAN_NS to act on. */
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "os/proc.h"
#include "os/realtime.h"
#include "os/timeslice.h"
#include "process/channel.h"

#define BEAT_NS 1000000000LL
#define ORPHAN_NS 1700000000LL          /* everything is to be gone 2 s after the master */
#define SAY_TRIES 50                    /* of 100 ms each: a master that does not read for so long is as good as dead */
#define PACKETS_A_TURN 64

static struct {
	pid_t master;
	char title[32];
	bool log_at_go, background, orphan, belled, went;
	struct process *process;
	struct loop_timer orphan_limit;
} own;

/* From a terminal these reach the whole foreground group; what they ask for comes from the master. TERM is how the kernel says that it died, CHLD is a worker's. */
static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD, 0 };

/* Who serves others is to wake at once, however many run. Before it becomes somebody else, who may not. */
static void be_prompt(const struct child_birth *birth)
{
	timeslice_short();
	/* What one of us uses of the processor counts against its session: a worker's floods of output must not make the keeper wait. */
	if (birth->background && setsid() > 0)
		timeslice_weigh_session(PROCESS_SESSION_NICE);
	if (birth->background && birth->ahead)
		realtime_allow(birth->ahead);
}

void child_born(const struct child_birth *birth)
{
	memset(&own, 0, sizeof(own));
	own.master = birth->master;
	own.log_at_go = birth->log_at_go;
	own.background = birth->background;
	snprintf(own.title, sizeof(own.title), "%s", birth->title);
	be_prompt(birth);
	log_role(own.title);
	title_set("stintd: %s", own.title);
}

static void orphan_overdue(struct loop_timer *t)
{
	(void)t;
	log_error("the master is gone and the rest did not end in time: leaving");
	child_exit(own.process, 1);
}

static void orphaned(struct process *p)
{
	if (own.orphan)
		return;
	own.orphan = true;
	log_warn("the master is gone: ending");
	loop_timer_set(p->loop, &own.orphan_limit, ORPHAN_NS);
	if (!p->on_orphan)
		child_exit(p, 0);
	p->on_orphan(p);
}

static void on_signal(void *arg, const struct signalfd_siginfo *si)
{
	struct process *p = arg;

	if (si->ssi_signo == SIGCHLD && p->on_reap)
		p->on_reap(p);
	if (getppid() != own.master)
		orphaned(p);
}

/* Opens the log that the conf names: at GO, when nothing can fail any more that a user should read on stderr, and at each further GO (the keeper's, after a reload that changed it). */
static void log_settle(struct process *p)
{
	struct log_options o = { .dest = p->conf->log, .level = (enum log_level)p->conf->log_level, .format = (enum log_format)p->conf->log_format };
	bool settled = true;

	if ((own.log_at_go || own.went) && log_open(&o) < 0) {
		log_warn("log %s: %s; logging goes on where it went", o.dest, strerror(errno));
		settled = false;
	}
	own.log_at_go = false;
	own.went = true;
	if (settled && own.background && strcmp(o.dest, "stderr") != 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null >= 0) {
			dup2(null, STDERR_FILENO);
			close(null);
		}
	}
}

static void take_packet(struct process *p, const struct process_packet *m, int fd)
{
	switch (m->message) {
	case MASTER_REOPEN:
		if (log_reopen() < 0)
			log_warn("log %s: %s; the old file is kept", p->conf->log, strerror(errno));
		return;
	case MASTER_GO:
		log_settle(p);
		break;
	}
	if (p->on_message)
		p->on_message(p, m, fd);
	else if (fd >= 0)
		close(fd);
}

static void channel_ready(struct loop_io *io, uint32_t events)
{
	struct process *p = LOOP_OWNER(io, struct process, channel_io);

	(void)events;
	for (unsigned i = 0; i < PACKETS_A_TURN; i++) {
		struct process_packet m;
		int fd;
		switch (channel_receive(p->channel, &m, &fd)) {
		case CHANNEL_PACKET:
			take_packet(p, &m, fd);
			break;
		case CHANNEL_EMPTY:
			return;
		case CHANNEL_BAD:
			log_warn("a packet of another size on the master's channel was dropped");
			break;
		case CHANNEL_CLOSED:
			loop_del(p->loop, &p->channel_io);
			orphaned(p);
			return;
		}
	}
}

/* The eventfd is emptied before the role looks for work. What is published after its look is found by busy() before the next wait. */
static void bell_ready(struct loop_io *io, uint32_t events)
{
	struct process *p = LOOP_OWNER(io, struct process, bell_io);
	uint64_t rings;

	(void)events;
	while (read(io->fd, &rings, sizeof(rings)) < 0 && errno == EINTR)
		;
	own.belled = true;
	if (p->on_bell)
		p->on_bell(p);
}

static void beat(struct loop_timer *t)
{
	struct process *p = LOOP_OWNER(t, struct process, beat);
	struct shm_proc *me = &p->seg->proc[p->slot];

	atomic_store_explicit(&me->heartbeat_ns, clock_boot_ns(), memory_order_relaxed);
	atomic_store_explicit(&me->rss_kb, proc_resident_kb(), memory_order_relaxed);
	shm_gauge(me, SHM_C_LOG_DROPPED, log_dropped());
	realtime_look(clock_boot_ns() / 1000, clock_of_process_us(getpid()));
	loop_timer_set(p->loop, t, BEAT_NS);
}

static _Noreturn void cannot(struct process *p, const char *what)
{
	log_error("cannot begin: %s: %s", what, strerror(errno));
	child_exit(p, EX_OSERR);
}

void child_begin(struct process *p)
{
	own.process = p;
	own.orphan_limit.fire = orphan_overdue;
	signal(SIGPIPE, SIG_IGN);
	if (identity_become(&p->identity) < 0)
		cannot(p, p->identity.name);
	/* Becoming somebody else clears it, so it comes after; and the master may have died before it. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		cannot(p, "PR_SET_PDEATHSIG");
	p->loop = loop_new();
	if (!p->loop)
		cannot(p, "event loop");
	p->channel_io = (struct loop_io){ .fd = p->channel, .ready = channel_ready };
	p->bell_io = (struct loop_io){ .fd = p->seg->bell[p->slot], .ready = bell_ready };
	p->beat.fire = beat;
	if (loop_signals(p->loop, signals, on_signal, p) < 0)
		cannot(p, "signals");
	if (loop_add(p->loop, &p->channel_io, EPOLLIN) < 0 || loop_add(p->loop, &p->bell_io, EPOLLIN) < 0)
		cannot(p, "channel and doorbell");
	beat(&p->beat);
	if (getppid() != own.master)
		orphaned(p);
}

void child_say(struct process *p, enum process_message m, int64_t arg)
{
	for (unsigned i = 0; i < SAY_TRIES; i++) {
		if (channel_send(p->channel, m, arg, -1) == 0)
			return;
		if (errno != EAGAIN && errno != ENOBUFS)
			break;
		struct pollfd f = { .fd = p->channel, .events = POLLOUT };
		poll(&f, 1, 100);
	}
	orphaned(p);
}

void child_turn(struct process *p, bool (*busy)(void *arg), int64_t max_wait_ns)
{
	own.belled = false;
	segment_sleep(p->seg, p->slot);
	if (busy && busy(p->arg)) {
		segment_awake(p->seg, p->slot);
		loop_turn(p->loop, 0);
		if (p->on_bell && !own.belled)
			p->on_bell(p);
	} else {
		loop_turn(p->loop, max_wait_ns);
		if (!own.belled)        /* else the ringer has cleared the word, and the eventfd is empty */
			segment_awake(p->seg, p->slot);
	}
	log_flush();
}

#ifdef STINT_COVERAGE
void __gcov_dump(void);
#endif

_Noreturn void child_exit(struct process *p, int code)
{
	(void)p;
	log_flush();
#ifdef STINT_COVERAGE
	__gcov_dump();          /* _exit would leave its counts behind */
#endif
	_exit(code);
}
