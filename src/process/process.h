/* WHO RUNS: what master and children share. doc/architecture.md has the life of a process.
 *
 * A child's life: forked -> opens what it needs -> CHILD_READY to the master -> MASTER_GO -> runs -> MASTER_DRAIN / MASTER_STOP / MASTER_QUIT -> _exit(0).
 * The channel is a SOCK_SEQPACKET pair a child; the master's death is its end of file (and PDEATHSIG TERM). Exit code 2 says: do not restart. */
#ifndef STINT_PROCESS_PROCESS_H
#define STINT_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "event/loop.h"
#include "os/daemon.h"
#include "shm/segment.h"

#define PROCESS_EXIT_FATAL 2            /* a child that must not be restarted; its reason has been logged */

/* What a session of ours weighs, as a nice value: nine of others. Each program of a handler is in a session of its own, and a fork bomb of a thousand would be a thousand times what we are. */
#define PROCESS_SESSION_NICE (-10)

enum process_message {
	/* child to master */
	CHILD_READY = 1,
	CHILD_CONF_TAKEN,       /* keeper: the tables handed over are in force; arg = that of MASTER_CONF */
	CHILD_SLOT_FREE,        /* keeper: arg = slot whose leases and requests are taken; it may be given out again */
	CHILD_DRAINED,          /* worker: nothing runs and everything is answered (it exits next); acceptor: no request is open */
	CHILD_CONF_REFUSED,     /* keeper: the tables handed over could not be taken, the old ones stay in force; arg = that of MASTER_CONF */
	/* master to child */
	MASTER_GO = 32,         /* begin: claim, accept. To the keeper once more after a reload that changed the log: child.c opens it as p->conf says */
	MASTER_CONF,            /* keeper: an fd (memfd, SCM_RIGHTS) with conf_dump(secrets) text; arg = which hand-over it is */
	MASTER_ABANDONED,       /* keeper: arg = slot of a process that is gone (with all that it had started) */
	MASTER_DRAIN,           /* worker: claim no more, finish what runs. acceptor: answer what is open and what comes on open connections with Connection: close, accept no more; then exit */
	MASTER_STOP,            /* worker: end handlers now (TERM, KILL within arg ms), give leases back, exit. acceptor, keeper: exit as soon as what lies there is answered */
	MASTER_PAUSE,           /* worker: claim no more until MASTER_GO (WINCH) */
	MASTER_REOPEN,          /* open the log again */
	MASTER_REFUSE,          /* acceptor: the server drains: /readyz and submissions 503, go on answering */
};

struct process_packet { uint32_t message; uint32_t reserved; int64_t arg; };

/* What a child gets from its fork. Valid for its whole life. */
struct process {
	struct segment *seg;
	uint32_t slot, number, incarnation;
	enum shm_role role;
	const struct conf *conf;        /* of its generation; the keeper puts in what it was handed */
	struct identity identity;       /* to become, after what needs more rights */
	int channel;                    /* to the master */
	const char *groups;             /* worker: where control groups of its programs may be made; "": nowhere */
	int *listen_fd;                 /* acceptor: bound, listening, non-blocking; conf->http.nlisten of them */
	struct loop *loop;              /* made by child_begin() */
	struct loop_io channel_io, bell_io;
	struct loop_timer beat;
	void (*on_message)(struct process *p, const struct process_packet *m, int fd);   /* fd -1 where none came; the callee closes it */
	void (*on_bell)(struct process *p);
	void (*on_orphan)(struct process *p);   /* the master is gone */
	void (*on_reap)(struct process *p);     /* SIGCHLD: a child of ours has died; the loop has room for one list of signals, and child.c has taken it */
	void *arg;
};

/* The roles' bodies, called in the child; they never return. */
_Noreturn void keeper_main(struct process *p);
_Noreturn void acceptor_main(struct process *p);
_Noreturn void worker_main(struct process *p);

/* Common beginning of a child (child.c): signal mask, PDEATHSIG, title, log role, identity, loop with channel, doorbell and heartbeat; on_* must be set. Exits with 71 where it cannot. */
void child_begin(struct process *p);
void child_say(struct process *p, enum process_message m, int64_t arg);
/* One turn: sleeps through segment_sleep() unless busy() finds work, at most max_wait_ns. */
void child_turn(struct process *p, bool (*busy)(void *arg), int64_t max_wait_ns);
_Noreturn void child_exit(struct process *p, int code);         /* flushes the log and leaves by _exit: no destructor of LMDB runs */

#endif
