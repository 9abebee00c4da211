/* Deaths: who it was, what it left behind, and giving its slot back through the keeper. Called by master.c for SIGCHLD.
 *
 * A dead worker's programs become the master's children (it is a subreaper). Its slot is abandoned only when they are gone too: the keeper queues its jobs
 * again at that moment, and none may still run then. Nothing here is fatal. */
#include "process/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "os/clock.h"
#include "os/descend.h"
#include "os/hunt.h"
#include "os/log.h"
#include "process/signals.h"

#define SWEEP_EVERY_NS MASTER_MS
#define SWEEP_AT_LEAST_NS (1000 * MASTER_MS)    /* before it is given up ... */
#define SWEEP_VAIN 3u                           /* ... and so many looks in a row did not find fewer */
#define SWEEP_PIDS 1024                 /* at once; the others in the next round */
#define SWEEP_WALKS 16u
#define SWEEP_A_SLICE 128u              /* processes of the machine looked at in a turn of the loop */

const char *reap_how(int status)
{
	static char text[64];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "was killed by %s%s", signals_name(WTERMSIG(status)), WCOREDUMP(status) ? " (core dumped)" : "");
	else
		snprintf(text, sizeof(text), "exited with code %d", WEXITSTATUS(status));
	return text;
}

uint32_t reap_alive(const struct master *m, enum shm_role role)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->nslot; i++)
		n += m->child[i].pid && (role == SHM_ROLE_NONE || m->child[i].role->role == role);
	return n;
}

uint32_t reap_abandoned(const struct master *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->nslot; i++)
		n += m->child[i].state == SHM_PROC_ABANDONED;
	return n;
}

static struct child *running_keeper(struct master *m)
{
	struct seat *s = seat_at(m, SHM_ROLE_KEEPER, 1);

	return s && s->child && s->child->pid && s->child->go_ns ? s->child : NULL;
}

static void abandon(struct child *c)
{
	struct child *keeper = running_keeper(c->m);

	spawn_set_state(c, SHM_PROC_ABANDONED);
	if (!keeper)
		return;                 /* its successor hears of it: reap_tell_keeper() */
	spawn_say(keeper, MASTER_ABANDONED, c->slot, -1);
	segment_ring(&c->m->seg, keeper->slot);
}

void reap_tell_keeper(struct master *m)
{
	struct child *keeper = running_keeper(m);

	for (uint32_t i = 0; keeper && i < m->nslot; i++)
		if (m->child[i].state == SHM_PROC_ABANDONED)
			spawn_say(keeper, MASTER_ABANDONED, i, -1);
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].role)
			segment_ring(&m->seg, i);
}

void reap_slot_free(struct master *m, int64_t slot)
{
	if (slot < 0 || slot >= m->nslot || m->child[slot].state != SHM_PROC_ABANDONED) {
		log_warn("the keeper freed slot %lld, which was not abandoned: ignored", (long long)slot);
		return;
	}
	spawn_set_state(&m->child[slot], SHM_PROC_FREE);
	if (m->phase == PHASE_RUNNING || m->phase == PHASE_DRAINING)
		seat_fill_waiting(m);
	reload_slot_free(m);
	drain_look(m);
}

/* --- what a dead worker left behind --- */

static bool is_ours(const struct master *m, pid_t pid)
{
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].pid == pid)
			return true;
	for (size_t i = 0; i < m->nstranger; i++)
		if (m->stranger[i] == pid)
			return true;
	return false;
}

/* Children that we have not started. Returns how many there are; fills at most SWEEP_PIDS. */
static size_t left_behind(const struct master *m, pid_t *pids)
{
	size_t max = SWEEP_PIDS + m->nslot + MASTER_STRANGERS, n = 0;
	pid_t *child = reallocarray(NULL, max, sizeof(*child));
	size_t all = child ? descend_children(child, max) : 0;

	for (size_t i = 0; i < all && i < max; i++) {
		if (is_ours(m, child[i]))
			continue;
		if (n < SWEEP_PIDS)
			pids[n] = child[i];
		n++;
	}
	free(child);
	return all > max ? n + all - max : n;
}

static void sweep_end(struct master *m)
{
	m->sweep.active = false;
	loop_timer_stop(m->loop, &m->sweep.timer);
	for (uint32_t i = 0; i < m->nslot; i++) {
		struct child *c = &m->child[i];
		if (c->role && c->role->role == SHM_ROLE_WORKER && c->pid == 0 && c->state != SHM_PROC_FREE && c->state != SHM_PROC_ABANDONED)
			abandon(c);
	}
	drain_look(m);
}

/* Whoever was stopped by us, or by the worker before it died, is to be killed, and not to wait for somebody who lets it go on. */
static void hunt_anew(struct master *m, const pid_t *pids, size_t n)
{
	m->sweep.hunt = hunt_begin(pids, n);
	if (!m->sweep.hunt)
		hunt_all(pids, n, SWEEP_WALKS);         /* which kills at least them, where memory is out */
}

static void sweep_look(struct master *m)
{
	pid_t pids[SWEEP_PIDS];
	bool cleared = groups_clear(m);
	size_t n = left_behind(m, pids);

	/* The kernel's list of children may miss one while others die: only a second look that finds nobody counts. */
	if (n == 0 && (n = left_behind(m, pids)) == 0 && cleared) {
		sweep_end(m);
		return;
	}
	m->sweep.vain = n < m->sweep.left ? 0 : m->sweep.vain + 1;
	m->sweep.left = n;
	if (m->sweep.vain >= SWEEP_VAIN && clock_boot_ns() >= m->sweep.until_ns) {
		log_error("what a dead worker left behind does not die: its jobs are queued again all the same");
		sweep_end(m);
		return;
	}
	if (n)
		hunt_anew(m, pids, n < SWEEP_PIDS ? n : SWEEP_PIDS);
	loop_timer_set(m->loop, &m->sweep.timer, n ? 0 : SWEEP_EVERY_NS);
}

static void sweep_step(struct master *m)
{
	if (m->sweep.hunt) {
		bool more = hunt_step(m->sweep.hunt, SWEEP_A_SLICE, SWEEP_WALKS);
		if (!more) {
			hunt_drop(m->sweep.hunt);
			m->sweep.hunt = NULL;
		}
		loop_timer_set(m->loop, &m->sweep.timer, more ? 0 : SWEEP_EVERY_NS);
		return;
	}
	sweep_look(m);
}

static void sweep_again(struct loop_timer *t)
{
	reap_children(LOOP_OWNER(t, struct master, sweep.timer));
}

void reap_sweep_begin(struct master *m)
{
	m->sweep.active = true;
	m->sweep.left = SIZE_MAX;
	m->sweep.vain = 0;
	m->sweep.until_ns = clock_boot_ns() + SWEEP_AT_LEAST_NS;
	m->sweep.timer.fire = sweep_again;
}

/* --- deaths --- */

static void log_death(const struct child *c, pid_t pid, int status)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0, given_up = c->m->phase == PHASE_STOPPING && !c->m->ready;

	if (given_up)
		log_debug("%s (pid %d) %s", spawn_name(c), (int)pid, reap_how(status));
	else if (c->ending && clean)
		log_info("%s ended, pid %d", spawn_name(c), (int)pid);
	else
		log_warn("%s (pid %d) %s%s%s", spawn_name(c), (int)pid, reap_how(status), c->killed ? ": " : "", c->killed ? c->killed : "");
}

static void child_died(struct child *c, int status)
{
	struct master *m = c->m;
	struct seat *seat = seat_of(c);
	bool coming = reload_owns(m, c);

	log_death(c, c->pid, status);
	spawn_forget(c);
	switch (c->role->role) {
	case SHM_ROLE_KEEPER:
		spawn_set_state(c, SHM_PROC_FREE);
		break;
	case SHM_ROLE_WORKER:
		reap_sweep_begin(m);
		break;
	default:
		abandon(c);
	}
	if (m->phase == PHASE_STARTING)
		start_child_died(m, c, status);
	else if (coming)
		reload_fail(m, "a process of the new generation died before it was ready");
	else if (c->role->role == SHM_ROLE_KEEPER)
		reload_keeper_died(m);
	if (seat)
		seat_child_died(seat, c, status);
}

static void reap_one(struct master *m, pid_t pid, int status)
{
	for (uint32_t i = 0; i < m->nslot; i++) {
		if (m->child[i].pid == pid) {
			child_died(&m->child[i], status);
			return;
		}
	}
	for (size_t i = 0; i < m->nstranger; i++) {
		if (m->stranger[i] == pid) {
			m->stranger[i] = m->stranger[--m->nstranger];
			return;
		}
	}
}

/* Of those that have ended, our own alone: what is being hunted keeps its number. */
static void reap_own(struct master *m)
{
	int status;

	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].pid && waitpid(m->child[i].pid, &status, WNOHANG) > 0)
			child_died(&m->child[i], status);
}

void reap_children(struct master *m)
{
	int status;
	pid_t pid;

	if (m->sweep.hunt)
		reap_own(m);
	else
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			reap_one(m, pid, status);
	if (m->sweep.active)
		sweep_step(m);
	drain_look(m);
}
