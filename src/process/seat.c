/* The places that the generation in force wants filled, and who fills them after a death. Called by start.c, reap.c, reload.c and drain.c.
 * Fatal to the server: a keeper or the only acceptor that says "do not restart". */
#include "process/master.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "os/clock.h"
#include "os/log.h"

#define LIVED_NS (1000 * MASTER_MS)             /* one that ran for so long has worked, be it only by being there */

struct seat *seat_at(struct master *m, enum shm_role role, uint32_t number)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].role && m->child[i].role->role == role && ++n == number)
			return &m->seat[i];
	return NULL;
}

uint32_t seat_capacity(const struct master *m, enum shm_role role)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->nslot; i++)
		n += m->child[i].role && m->child[i].role->role == role;
	return n;
}

struct seat *seat_of(const struct child *c)
{
	struct seat *s = seat_at(c->m, c->role->role, c->number);

	return s && s->child == c ? s : NULL;
}

uint32_t seat_filled(const struct master *m, enum shm_role role)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->nslot; i++)
		n += m->seat[i].role && m->seat[i].role->role == role && m->seat[i].child;
	return n;
}

void seat_stop_all(struct master *m, enum shm_role role)
{
	for (uint32_t i = 0; i < m->nslot; i++) {
		struct seat *s = &m->seat[i];
		if (s->role && s->role->role == role) {
			s->wanted = false;
			loop_timer_stop(m->loop, &s->again);
		}
	}
}

static void again(struct loop_timer *t)
{
	seat_fill(LOOP_OWNER(t, struct seat, again));
}

static void fill_later(struct seat *s, int64_t pause_ns)
{
	s->again.fire = again;
	loop_timer_set(s->m->loop, &s->again, pause_ns);
}

void seat_fill(struct seat *s)
{
	struct master *m = s->m;

	if (!s->wanted || s->fatal || s->child || s->again.place || m->phase == PHASE_OVER)
		return;
	struct spawn_order o = { .role = s->role, .number = s->number, .generation = m->generation, .conf = m->conf, .listen = &m->listen, .log_at_go = !m->ready };
	s->child = spawn_child(m, &o);
	if (s->child) {
		struct shm_proc *p = &m->seg.proc[s->child->slot];
		atomic_store_explicit(&p->restarts, s->deaths, memory_order_relaxed);
		if (s->deaths)
			shm_count(p, SHM_C_RESTARTS, 1);
		return;
	}
	if (errno == ENOSPC)
		return;                 /* the keeper has still to take what lies in the slots: seat_fill_waiting() */
	log_error("cannot start %s %u: %s; trying again", s->role->title, s->number, strerror(errno));
	fill_later(s, throttle_death(&s->throttle, false, clock_boot_ns()));
}

void seat_fill_waiting(struct master *m)
{
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->seat[i].role)
			seat_fill(&m->seat[i]);
}

static void give_up(struct seat *s)
{
	struct master *m = s->m;

	s->fatal = true;
	if (s->role->role == SHM_ROLE_WORKER) {
		log_error("worker %u said that it must not be restarted: its place stays empty until a reload", s->number);
		if (seat_filled(m, SHM_ROLE_WORKER) == 0)
			log_error("no worker is left: jobs are taken and none is run");
		return;
	}
	log_error("the %s said that it must not be restarted (its reason is above): the server ends", s->role->title);
	m->exit_code = EX_UNAVAILABLE;
	drain_stop(m, "a process that it cannot do without has failed");
}

void seat_child_died(struct seat *s, const struct child *c, int status)
{
	struct master *m = s->m;
	int64_t now = clock_boot_ns();
	bool worked = c->go_ns && (now - c->go_ns >= LIVED_NS || role_work(&m->seg, c->slot, c->role->role) != c->work_before);

	s->child = NULL;
	if (!s->wanted)
		return;
	s->deaths++;
	if (WIFEXITED(status) && WEXITSTATUS(status) == PROCESS_EXIT_FATAL) {
		give_up(s);
		return;
	}
	int64_t pause = throttle_death(&s->throttle, worked, now);
	if (pause == 0) {
		seat_fill(s);
		return;
	}
	log_warn("%s: the next one is started in %.1f s", spawn_name(c), (double)pause / 1e9);
	fill_later(s, pause);
}
