/* The master: one struct, and the parts that act on it (start, spawn, seat, reap, reload, drain, watch). One thread, one loop; nothing in it waits.
 *
 * What lies in shared memory is written here for others to read; the master decides by its own tables alone. */
#ifndef STINT_PROCESS_MASTER_H
#define STINT_PROCESS_MASTER_H

#include "os/cgroup.h"
#include "process/listen.h"
#include "process/process.h"
#include "process/role.h"
#include "process/throttle.h"

#define MASTER_MS 1000000LL                     /* in ns */
#define MASTER_START_NS (30000 * MASTER_MS)     /* fork to READY */

struct master;

/* A process slot as the master knows it. */
struct child {
	struct master *m;
	const struct role *role;        /* whose slot it is, for ever; NULL: none of ours */
	uint32_t slot;
	uint32_t number, incarnation, generation;
	pid_t pid;                      /* 0: nobody there */
	enum shm_proc_state state;
	struct loop_io io;              /* its channel; fd -1 where there is none */
	struct loop_timer start_limit;
	uint64_t work_before;           /* role_work() when it was forked */
	int64_t go_ns;                  /* when it was told to go; 0: not yet */
	bool ending;                    /* it was told to end: its death is no surprise */
	const char *killed;             /* why we killed it; NULL: we did not */
	unsigned mute;                  /* ticks since its channel was closed: dying takes a moment */
};

/* A place to be filled in the generation in force: "worker 2". */
struct seat {
	struct master *m;
	const struct role *role;
	uint32_t number;
	bool wanted;
	bool fatal;                     /* its child said: do not restart */
	struct child *child;            /* NULL: nobody now */
	struct throttle throttle;
	struct loop_timer again;
	uint32_t deaths;
};

enum master_phase { PHASE_STARTING, PHASE_RUNNING, PHASE_DRAINING, PHASE_STOPPING, PHASE_OVER };

struct reload {
	bool active;                    /* the new generation is on its way */
	bool again;                     /* another one was asked for meanwhile */
	bool waiting;                   /* asked for, but old processes still have the slots */
	bool handed;                    /* the keeper has been given the new tables */
	int64_t given;                  /* number of the last tables given to a keeper: an answer about earlier ones tells nothing */
	struct conf *conf;
	struct listen_set listen;
	uint32_t generation;
	bool log_changes;
	struct loop_timer limit;
};

enum drain_step { DRAIN_WORKERS, DRAIN_ACCEPTORS, DRAIN_SLOTS, DRAIN_KEEPER, DRAIN_DONE };

struct drain {
	enum drain_step step;
	bool now;                       /* INT: within 2 s */
	bool told_stop;                 /* workers have been told to stop */
	struct loop_timer limit;        /* of the step */
	struct loop_timer last;         /* SIGKILL for whatever is left */
};

struct sweep {                          /* ending what a dead worker has left behind */
	bool active;
	int64_t until_ns;               /* not given up before */
	size_t left;                    /* at the last look */
	unsigned vain;                  /* looks in a row that did not find fewer */
	struct hunt *hunt;              /* of those that it found; NULL: none is under way */
	struct loop_timer timer;
};

struct watch {
	struct loop_timer tick;
	int64_t last_ns;                /* of the last tick */
	int64_t judge_from_ns;          /* heartbeats are not held older than this: we were asleep ourselves */
	struct loop_timer ping;         /* systemd's watchdog */
	int64_t ping_ns;                /* 0: not asked for */
};

#define GROUPS_CONTROLLERS 3

struct groups {                         /* the server's control groups */
	int dir;                        /* its own part, open; -1: none, and path is "" */
	bool stale;                     /* some of a dead worker were not gone at the last look */
	bool has[GROUPS_CONTROLLERS];   /* memory, pids, cpu: what its groups can limit, and what is shared out between them */
	bool took[GROUPS_CONTROLLERS];  /* was begun by us where we were started */
	char home[CGROUP_PATH_MAX];     /* where it was started */
	char path[CGROUP_PATH_MAX];     /* home/stint-INSTANCE */
};

#define MASTER_STRANGERS 64

struct master {
	struct conf *conf;              /* in force */
	const char *conf_file, *prefix, *version;
	const struct role *roles;
	bool foreground;
	struct identity identity;
	struct segment seg;
	struct loop *loop;
	struct listen_set listen;
	int lock_fd, run_lock_fd;
	pid_t pid;
	struct child *child;            /* by slot */
	struct seat *seat;              /* by slot too: the i-th seat of a role stands where the i-th slot of it does */
	uint32_t nslot, run_capacity;
	uint32_t generation, last_generation;   /* in force; the last number given: one that failed is not used again, its processes may still be dying */
	enum master_phase phase;
	int exit_code;
	bool no_claims;
	bool daemonized, ready;         /* ready: the parent or systemd has been told */
	pid_t stranger[MASTER_STRANGERS];       /* children we had before we were stintd: not ours to end */
	size_t nstranger;
	struct reload reload;
	struct drain drain;
	struct sweep sweep;
	struct watch watch;
	struct groups groups;
};

struct master_options {
	struct conf *conf;              /* taken over */
	const char *conf_file, *prefix; /* for reloads */
	const char *version;
	const struct role *roles;
	bool foreground;
};

/* Runs the server until it is over; returns the exit code (sysexits). Everything that goes wrong before it is ready is on stderr. */
int master_run(const struct master_options *opt);

void master_log_settled(struct master *m);              /* after log_open(), log_reopen(): the file is made the children's as well */
void master_ready(struct child *c);                     /* a child has said READY */

/* --- start.c: everything before the first GO --- */
int start_prepare(struct master *m);                    /* directories, locks, sockets, segment, background. 0, or the exit code; the reason has been written */
void start_children(struct master *m);
void start_child_ready(struct master *m, struct child *c);
void start_failed(struct master *m, int exit_code);     /* the reason has been logged */
void start_child_died(struct master *m, const struct child *c, int status);
void start_undo(struct master *m);                      /* at the end, also of a start that failed: pid file, sockets, segment, locks */

/* --- strays.c --- */
void strays_end(const char *segment_path);              /* ends the programs of an earlier run, whose segment that is */

/* --- groups.c: control groups --- */
int groups_begin(struct master *m);                     /* 0; sets m->groups where there can be some. Ends what an earlier run left in them */
bool groups_clear(struct master *m);                    /* ends what is in the groups of workers that are gone, and removes them. False: some are not gone yet */
void groups_end(struct master *m);

/* --- spawn.c: one child's birth, and talking to it --- */
struct spawn_order { const struct role *role; uint32_t number, generation; const struct conf *conf; const struct listen_set *listen; bool log_at_go; };
struct child *spawn_child(struct master *m, const struct spawn_order *o);       /* NULL with errno; ENOSPC: no slot is free */
bool spawn_has_room(const struct master *m, const struct role *role, uint32_t n);
void spawn_set_state(struct child *c, enum shm_proc_state state);
const char *spawn_name(const struct child *c);          /* "worker 2" (static buffer) */
void spawn_say(struct child *c, enum process_message msg, int64_t arg, int fd);  /* one that does not read for hundreds of packets is killed */
void spawn_kill(struct child *c, const char *why);
void spawn_go(struct child *c);
void spawn_forget(struct child *c);                     /* the process is gone: closes its channel, stops its timers */

/* --- seat.c: which places are to be filled, and when --- */
struct seat *seat_of(const struct child *c);            /* NULL: it sits nowhere (an older or a coming generation) */
struct seat *seat_at(struct master *m, enum shm_role role, uint32_t number);    /* number from 1; NULL: beyond */
uint32_t seat_capacity(const struct master *m, enum shm_role role);
void seat_fill(struct seat *s);
void seat_fill_waiting(struct master *m);               /* a slot has become free */
void seat_child_died(struct seat *s, const struct child *c, int status);
void seat_stop_all(struct master *m, enum shm_role role);       /* no successors any more */
uint32_t seat_filled(const struct master *m, enum shm_role role);

/* --- reap.c: deaths, what the dead left behind, their slots --- */
void reap_children(struct master *m);
void reap_slot_free(struct master *m, int64_t slot);    /* the keeper has taken what lay there */
void reap_tell_keeper(struct master *m);                /* a new keeper hears of all slots that are still abandoned */
uint32_t reap_alive(const struct master *m, enum shm_role role);        /* SHM_ROLE_NONE: all */
uint32_t reap_abandoned(const struct master *m);
void reap_sweep_begin(struct master *m);
const char *reap_how(int status);                       /* "exited with code 3" (static buffer) */

/* --- reload.c --- */
void reload_begin(struct master *m);
void reload_if_asked(struct master *m);                 /* another one was asked for when it could not be done */
void reload_look(struct master *m);                     /* a child has become ready: can it go on? */
void reload_conf_taken(struct master *m, int64_t which);
void reload_conf_refused(struct master *m, int64_t which);
void reload_fail(struct master *m, const char *why);
bool reload_owns(const struct master *m, const struct child *c);        /* of the coming generation */
void reload_slot_free(struct master *m);
void reload_keeper_died(struct master *m);
void reload_abort(struct master *m);                    /* the server ends: no word about a failure */

/* --- drain.c --- */
void drain_begin(struct master *m, const char *why);    /* TERM, QUIT */
void drain_stop(struct master *m, const char *why);     /* INT, a second TERM */
void drain_kill(struct master *m);                      /* a start that failed */
void drain_look(struct master *m);                      /* something ended: is the step done? */
void drain_child_ready(struct master *m, struct child *c);      /* a successor came up while we drain */

/* --- watch.c: heartbeats, ours and the children's --- */
void watch_begin(struct master *m);
void watch_stop(struct master *m);

#endif
