/* The worker: leaves a standing claim with the keeper, runs what it is granted, and reports the ends of a loop turn in one request, which is also
 * the next claim. Called by role.c in the forked child. Fatal: a loop, ask box or table that cannot be made (exit 71), and a grant ring that is not sane. */
#include "process/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/descend.h"
#include "os/log.h"
#include "run/cage.h"
#include "run/family.h"

#define MS 1000000LL
#define KEEPER_SLOT 1u
#define REAPS_A_TURN 128u              /* about a millisecond */
#define ORPHAN_MS 1500                  /* everything is to be gone 2 s after the master */

static _Noreturn void cannot(struct process *p, const char *what)
{
	log_error("cannot begin: %s: %s", what, strerror(errno));
	child_exit(p, EX_OSERR);
}

/* --- claiming --- */

void worker_short(struct worker *w, int64_t ms)
{
	w->short_until_ns = loop_now(w->p->loop) + ms * MS;
	loop_timer_set(w->p->loop, &w->short_timer, ms * MS);
}

static void short_over(struct loop_timer *t)
{
	LOOP_OWNER(t, struct worker, short_timer)->short_until_ns = 0;          /* the end of this turn claims again */
}

static uint32_t room(const struct worker *w)
{
	if (!w->going || w->paused || w->draining || w->short_until_ns || w->running >= w->most)
		return 0;
	uint32_t left = w->most - w->running;
	return left < w->nidle ? left : w->nidle;
}

/* Also before each granted job starts: a keeper that begins anew then must not grant it again. */
static void publish(struct worker *w, uint32_t n)
{
	grant_want(w->p->seg, w->p->slot, n, w->seen);
}

/* --- room for the jobs of coprocesses --- */

_Static_assert(CONF_COPROCESSES <= SHM_WANT_TYPES, "each has a word");

static struct worker_room *room_for(struct worker *w, const struct conf_handler *h)
{
	for (uint32_t i = 0; i < w->nroom; i++)
		if (w->room[i].handler == h)
			return &w->room[i];
	return NULL;
}

/* What the grant takes of it, as publish() does of the room in all. */
static void take_room(struct worker *w, const struct grant_view *v)
{
	struct worker_room *r = w->nroom ? room_for(w, conf_handler_of(w->p->conf, (struct slice){ v->type.p, v->type.n })) : NULL;

	if (!r)
		return;
	uint32_t n = coprocess_room(r->handler);
	r->taken++;
	grant_want_room(w->p->seg, w->p->slot, (uint32_t)(r - w->room), n ? n - 1 : 0, w->seen);
}

/* True where there is more of it than the keeper knew of. */
static bool publish_rooms(struct worker *w)
{
	bool more = false;

	for (uint32_t i = 0; i < w->nroom; i++) {
		struct worker_room *r = &w->room[i];
		uint32_t n = coprocess_room(r->handler);
		more |= n + r->taken > r->promised;
		r->promised = n + r->taken;
		grant_want_room(w->p->seg, w->p->slot, i, n, w->seen);
	}
	return more;
}

/* Those that are dealt to the worker of our number, whoever had it before. */
static bool begin_coprocesses(struct worker *w)
{
	uint32_t ids[SHM_WANT_TYPES];

	for (size_t i = 0; i < w->p->conf->nhandler; i++) {
		const struct conf_handler *h = &w->p->conf->handler[i];
		uint64_t n = conf_deal(w->p->conf, h, w->p->number);
		if (n == 0 || w->nroom == SHM_WANT_TYPES)
			continue;
		if (coprocess_begin(&w->host, h, (unsigned)n) < 0)
			return false;
		ids[w->nroom] = conf_room_of(h);
		w->room[w->nroom++].handler = h;
	}
	grant_rooms(w->p->seg, w->p->slot, ids, w->nroom);
	return true;
}

static void say_running(struct worker *w, uint32_t n)
{
	atomic_store_explicit(&w->p->seg->proc[w->p->slot].running, n, memory_order_release);
}

void worker_take_grants(struct worker *w)
{
	struct grant_view v;
	int rc = 0;

	while (w->nidle > 0 && (rc = grant_next(w->p->seg, w->p->slot, &w->seen, &v)) == 1) {
		if (v.g.kind == GRANT_CANCEL) {
			grant_consume(w->p->seg, w->p->slot, &v);
			held_cancel(w, v.g.token);
			continue;
		}
		uint32_t n = room(w);
		say_running(w, w->running + 1);         /* before the grant counts as seen: or we would look idle, which decides who gets a job that must be alone */
		publish(w, n ? n - 1 : 0);
		take_room(w, &v);
		held_take(w, &v);
	}
	if (rc < 0) {
		log_error("the ring of grants is damaged: starting anew");
		family_kill_all(ORPHAN_MS);
		child_exit(w->p, EX_SOFTWARE);
	}
}

/* Says how much room there is, hands over what ended, and wakes the keeper where the room is more than it knew of: the two are then one commit of it.
 * Room and sequence move against each other, so their sum tells. */
static void claim_and_post(struct worker *w)
{
	uint32_t n = room(w);
	bool more = publish_rooms(w) || n + w->seen > w->promised;

	publish(w, n);
	w->promised = n + w->seen;
	ask_post(w->box);
	if (more)
		segment_ring(w->p->seg, KEEPER_SLOT);
}

/* --- children --- */

static void on_reap(struct process *p)
{
	struct worker *w = p->arg;

	if (family_reap(REAPS_A_TURN))
		loop_timer_set(p->loop, &w->reap_timer, 0);
}

static void reap_more(struct loop_timer *t)
{
	on_reap(LOOP_OWNER(t, struct worker, reap_timer)->p);
}

static void on_orphan(struct process *p)
{
	family_kill_all(ORPHAN_MS);
	child_exit(p, 1);
}

/* --- what the master says --- */

static void on_message(struct process *p, const struct process_packet *m, int fd)
{
	struct worker *w = p->arg;

	if (fd >= 0)
		close(fd);
	switch (m->message) {
	case MASTER_GO:
		w->going = true;
		coprocess_warm();
		w->paused = atomic_load_explicit(&p->seg->h->no_claims, memory_order_acquire) != 0;
		break;
	case MASTER_PAUSE:
		w->paused = true;
		break;
	case MASTER_DRAIN:
		w->draining = true;
		coprocess_drain();
		break;
	case MASTER_STOP:
		w->draining = true;
		held_stop_all(w, m->arg);
		coprocess_stop(m->arg);
		break;
	}
}

/* --- its life --- */

/* Looked at before sleeping; what is found is done at the end of the turn. */
static bool busy(void *arg)
{
	struct worker *w = arg;
	const struct shm_proc *me = &w->p->seg->proc[w->p->slot];

	if (ask_poll(w->box) > 0)
		return true;
	return w->nidle > 0 && atomic_load_explicit(&me->grant_head, memory_order_acquire) != atomic_load_explicit(&me->grant_tail, memory_order_relaxed);
}

static void count(struct worker *w)
{
	struct shm_proc *me = &w->p->seg->proc[w->p->slot];
	const struct { enum shm_counter c; uint64_t now, *then; } figure[] = {
		{ SHM_C_SPAWNS, w->host.spawns, &w->spawns },
		{ SHM_C_SPAWN_FAILURES, w->host.spawn_failures, &w->spawn_failures },
		{ SHM_C_OUTPUT_BYTES, w->host.output_bytes, &w->output_bytes },
	};

	for (size_t i = 0; i < sizeof(figure) / sizeof(figure[0]); i++) {
		if (figure[i].now == *figure[i].then)
			continue;
		shm_count(me, figure[i].c, figure[i].now - *figure[i].then);
		*figure[i].then = figure[i].now;
	}
}

static void end_turn(struct worker *w)
{
	ask_poll(w->box);
	worker_take_grants(w);
	say_running(w, w->running);             /* before the keeper is rung: what it then sees decides */
	claim_and_post(w);
	count(w);
	log_flush();
	if (w->draining && w->running == 0 && coprocess_gone() && w->nidle == w->capacity && ask_outstanding(w->box) == 0) {
		child_say(w->p, CHILD_DRAINED, 0);
		child_exit(w->p, 0);
	}
}

static void answered(void *arg, const struct request_result *r)
{
	held_answered(arg, r);
}

/* Whether some handler's programs are somebody else, and to be ended as such. */
static bool names_users(const struct conf *c)
{
	for (size_t i = 0; i < c->nhandler; i++)
		if ((c->handler[i].user && c->handler[i].user[0]) || (c->handler[i].group && c->handler[i].group[0]))
			return true;
	return false;
}

static void begin(struct worker *w, struct process *p)
{
	*w = (struct worker){ .p = p, .capacity = p->seg->geo.run_capacity, .run = segment_runs(p->seg, p->slot) };
	w->most = p->conf->worker_jobs < w->capacity ? (uint32_t)p->conf->worker_jobs : w->capacity;
	snprintf(w->name, sizeof(w->name), "%u", (unsigned)p->number);
	w->short_timer.fire = short_over;
	w->reap_timer.fire = reap_more;
	p->arg = w;
	p->on_message = on_message;
	p->on_orphan = on_orphan;
	p->on_reap = on_reap;
	/* A program that signals its parent's process group must not reach the master's, or a shell's; and as one in the background we may still write to its terminal. */
	signal(SIGTTOU, SIG_IGN);
	setpgid(0, 0);
	p->identity.switches = names_users(p->conf);
	child_begin(p);
	if (descend_subreaper() < 0)
		cannot(p, "PR_SET_CHILD_SUBREAPER");
	cage_open(p->groups ? p->groups : "");
	w->box = ask_open(p->seg, p->slot, answered, w);
	if (!w->box || held_init(w) < 0)
		cannot(p, "tables of jobs");
	if (follow_init(w) < 0)
		cannot(p, "the line to readers of logs");
	w->host = (struct run_host){ .loop = p->loop, .arg = w, .started = held_started, .ended = held_ended, .progress = held_progress, .logged = follow_logged, .pid = getpid() };
	w->seen = w->promised = grant_attach(p->seg, p->slot);
	if (!begin_coprocesses(w))
		cannot(p, "coprocesses");
}

_Noreturn void worker_main(struct process *p)
{
	static struct worker worker;

	begin(&worker, p);
	child_say(p, CHILD_READY, 0);
	for (;;) {
		child_turn(p, busy, -1);
		end_turn(&worker);
	}
}
