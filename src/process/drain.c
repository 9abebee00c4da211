/* The end: by and by (TERM, QUIT), at once (INT, a second TERM), or of a start that failed. Called by master.c for signals and by reap.c for every death.
 *
 * Order: workers, then acceptors, then the keeper's taking of all their slots, then the keeper. Each step has a time limit after which SIGKILL does it; nothing here is fatal. */
#include "process/master.h"

#include <signal.h>

#include "os/files.h"
#include "os/log.h"

#define STOP_HANDLERS_MS 1000                   /* what handlers get at the end of a drain */
#define NOW_HANDLERS_MS 800                     /* and at once: all is to be over in 2 s */
#define WORKERS_OVERDUE_NS (2500 * MASTER_MS)   /* after STOP */
#define NOW_OVERDUE_NS (1300 * MASTER_MS)
#define ACCEPTORS_NS (1000 * MASTER_MS)
#define SLOTS_NS (1000 * MASTER_MS)
#define KEEPER_NS (10000 * MASTER_MS)           /* its last commit may take as long as a slow disk takes */
#define LAST_NS (1800 * MASTER_MS)              /* at once: SIGKILL for all */

static void say_all(struct master *m, enum shm_role role, enum process_message msg, int64_t arg)
{
	for (uint32_t i = 0; i < m->nslot; i++) {
		struct child *c = &m->child[i];
		if (c->pid == 0 || c->role->role != role)
			continue;
		if (msg == MASTER_DRAIN || msg == MASTER_STOP)
			spawn_set_state(c, SHM_PROC_DRAINING);
		spawn_say(c, msg, arg, -1);
	}
}

static void kill_all(struct master *m, enum shm_role role, const char *why)
{
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].pid && (role == SHM_ROLE_NONE || m->child[i].role->role == role))
			spawn_kill(&m->child[i], why);
}

static void stop_workers(struct master *m, int64_t handlers_ms, int64_t overdue_ns)
{
	m->drain.told_stop = true;
	say_all(m, SHM_ROLE_WORKER, MASTER_STOP, handlers_ms);
	loop_timer_set(m->loop, &m->drain.limit, overdue_ns);
}

static void step_overdue(struct loop_timer *t)
{
	struct master *m = LOOP_OWNER(t, struct master, drain.limit);

	switch (m->drain.step) {
	case DRAIN_WORKERS:
		if (m->drain.told_stop) {
			kill_all(m, SHM_ROLE_WORKER, "it did not end when told to");
			break;
		}
		log_warn("drain_timeout is over: %u workers are told to stop, what they run goes back to its queue", reap_alive(m, SHM_ROLE_WORKER));
		stop_workers(m, STOP_HANDLERS_MS, WORKERS_OVERDUE_NS);
		break;
	case DRAIN_ACCEPTORS:
		kill_all(m, SHM_ROLE_ACCEPTOR, "it did not end when told to");
		break;
	case DRAIN_SLOTS:
		log_warn("%u slots were not taken by the keeper in time: the next start does it", reap_abandoned(m));
		m->drain.step = DRAIN_KEEPER;
		m->drain.told_stop = false;
		drain_look(m);
		break;
	case DRAIN_KEEPER:
		kill_all(m, SHM_ROLE_KEEPER, "it did not end when told to");
		break;
	case DRAIN_DONE:
		break;
	}
}

static void last_overdue(struct loop_timer *t)
{
	struct master *m = LOOP_OWNER(t, struct master, drain.last);

	seat_stop_all(m, SHM_ROLE_ACCEPTOR);
	seat_stop_all(m, SHM_ROLE_KEEPER);
	m->drain.step = DRAIN_KEEPER;
	m->drain.told_stop = true;
	kill_all(m, SHM_ROLE_NONE, "the server is to be gone by now");
	drain_look(m);
}

static void enter(struct master *m, enum shm_server_state state)
{
	reload_abort(m);
	atomic_store_explicit(&m->seg.h->server_state, (uint32_t)state, memory_order_release);
	seat_stop_all(m, SHM_ROLE_WORKER);
	m->drain.limit.fire = step_overdue;
	m->drain.last.fire = last_overdue;
	if (m->ready)
		notify_send("STOPPING=1\nSTATUS=stopping");
}

void drain_begin(struct master *m, const char *why)
{
	if (m->phase != PHASE_RUNNING)
		return;
	log_info("%s: draining, %u workers may finish for up to %lld ms", why, reap_alive(m, SHM_ROLE_WORKER), (long long)m->conf->drain_timeout);
	enter(m, SHM_SERVER_DRAINING);
	m->phase = PHASE_DRAINING;
	loop_timer_set(m->loop, &m->drain.limit, m->conf->drain_timeout * MASTER_MS);
	say_all(m, SHM_ROLE_ACCEPTOR, MASTER_REFUSE, 0);
	say_all(m, SHM_ROLE_WORKER, MASTER_DRAIN, 0);
	drain_look(m);
}

void drain_stop(struct master *m, const char *why)
{
	if (m->phase == PHASE_STOPPING || m->phase == PHASE_OVER)
		return;
	log_info("%s: stopping now", why);
	enter(m, SHM_SERVER_STOPPING);
	m->phase = PHASE_STOPPING;
	m->drain.now = true;
	loop_timer_set(m->loop, &m->drain.last, LAST_NS);
	if (m->drain.step == DRAIN_WORKERS) {
		seat_stop_all(m, SHM_ROLE_ACCEPTOR);
		say_all(m, SHM_ROLE_ACCEPTOR, MASTER_REFUSE, 0);
		say_all(m, SHM_ROLE_ACCEPTOR, MASTER_STOP, NOW_HANDLERS_MS);
		stop_workers(m, NOW_HANDLERS_MS, NOW_OVERDUE_NS);
	}
	drain_look(m);
}

void drain_kill(struct master *m)
{
	enter(m, SHM_SERVER_STOPPING);
	seat_stop_all(m, SHM_ROLE_ACCEPTOR);
	seat_stop_all(m, SHM_ROLE_KEEPER);
	m->phase = PHASE_STOPPING;
	m->drain.step = DRAIN_KEEPER;
	m->drain.told_stop = true;
	reap_sweep_begin(m);
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].pid) {
			m->child[i].killed = "the start has failed";
			kill(m->child[i].pid, SIGKILL);
		}
	loop_timer_set(m->loop, &m->sweep.timer, 0);
}

void drain_child_ready(struct master *m, struct child *c)
{
	const struct seat *s = seat_of(c);

	if (c->role->role == SHM_ROLE_WORKER || !s || !s->wanted) {
		spawn_say(c, MASTER_STOP, 0, -1);       /* it was being born when the end began */
		return;
	}
	if (c->role->role == SHM_ROLE_ACCEPTOR)
		spawn_say(c, MASTER_REFUSE, 0, -1);
	spawn_go(c);
	if (c->role->role == SHM_ROLE_KEEPER)
		reap_tell_keeper(m);
}

/* Goes as far as the dead allow. A step is entered by falling into it; what it waits for brings us back here. */
void drain_look(struct master *m)
{
	struct drain *d = &m->drain;
	struct seat *keeper = seat_at(m, SHM_ROLE_KEEPER, 1);

	if ((m->phase != PHASE_DRAINING && m->phase != PHASE_STOPPING) || m->sweep.active)
		return;
	if (d->step == DRAIN_WORKERS && reap_alive(m, SHM_ROLE_WORKER) == 0) {
		log_info("no worker is left: the acceptor ends");
		seat_stop_all(m, SHM_ROLE_ACCEPTOR);
		d->step = DRAIN_ACCEPTORS;
		say_all(m, SHM_ROLE_ACCEPTOR, MASTER_STOP, ACCEPTORS_NS / MASTER_MS);
		loop_timer_set(m->loop, &d->limit, ACCEPTORS_NS);
	}
	if (d->step == DRAIN_ACCEPTORS && reap_alive(m, SHM_ROLE_ACCEPTOR) == 0) {
		d->step = DRAIN_SLOTS;
		loop_timer_set(m->loop, &d->limit, SLOTS_NS);
	}
	if (d->step == DRAIN_SLOTS && (reap_abandoned(m) == 0 || keeper->fatal)) {
		d->step = DRAIN_KEEPER;
		d->told_stop = false;
	}
	if (d->step == DRAIN_KEEPER && !d->told_stop) {
		d->told_stop = true;
		seat_stop_all(m, SHM_ROLE_KEEPER);
		say_all(m, SHM_ROLE_KEEPER, MASTER_STOP, 0);
		loop_timer_set(m->loop, &d->limit, KEEPER_NS);
	}
	if (d->step == DRAIN_KEEPER && reap_alive(m, SHM_ROLE_NONE) == 0) {
		d->step = DRAIN_DONE;
		loop_timer_stop(m->loop, &d->limit);
		loop_timer_stop(m->loop, &d->last);
		m->phase = PHASE_OVER;
	}
}
