/* One child's birth, and what the master says to it. Called by start.c, seat.c and reload.c for births, by all for words.
 * Nothing here is fatal to the master: a fork that fails is its caller's to repeat. */
#include "process/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/hunt.h"
#include "os/log.h"
#include "process/channel.h"
#include "process/child.h"

#define PACKETS_A_TURN 64

static const char *title_of(const struct role *role, uint32_t number)
{
	static char text[32];

	if (!role->numbered)
		return role->title;
	snprintf(text, sizeof(text), "%s %u", role->title, number);
	return text;
}

const char *spawn_name(const struct child *c)
{
	return title_of(c->role, c->number);
}

void spawn_set_state(struct child *c, enum shm_proc_state state)
{
	c->state = state;
	atomic_store_explicit(&c->m->seg.proc[c->slot].state, (uint32_t)state, memory_order_release);
}

/* The keeper has one slot, which its successor takes at once: nobody else could take what lies in it. */
static bool slot_is_free(const struct child *c, enum shm_role role)
{
	return c->role && c->role->role == role && c->pid == 0 && (c->state == SHM_PROC_FREE || role == SHM_ROLE_KEEPER);
}

static struct child *find_slot(struct master *m, enum shm_role role)
{
	for (uint32_t i = 0; i < m->nslot; i++)
		if (slot_is_free(&m->child[i], role))
			return &m->child[i];
	return NULL;
}

bool spawn_has_room(const struct master *m, const struct role *role, uint32_t n)
{
	for (uint32_t i = 0; i < m->nslot && n; i++)
		if (slot_is_free(&m->child[i], role->role))
			n--;
	return n == 0;
}

static void start_overdue(struct loop_timer *t)
{
	spawn_kill(LOOP_OWNER(t, struct child, start_limit), "it did not get ready in 30 s");
}

static void take_packet(struct child *c, const struct process_packet *p)
{
	switch (p->message) {
	case CHILD_READY:
		master_ready(c);
		return;
	case CHILD_CONF_TAKEN:
		if (c->role->role == SHM_ROLE_KEEPER) {
			reload_conf_taken(c->m, p->arg);
			return;
		}
		break;
	case CHILD_CONF_REFUSED:
		if (c->role->role == SHM_ROLE_KEEPER) {
			reload_conf_refused(c->m, p->arg);
			return;
		}
		break;
	case CHILD_SLOT_FREE:
		if (c->role->role == SHM_ROLE_KEEPER) {
			reap_slot_free(c->m, p->arg);
			return;
		}
		break;
	case CHILD_DRAINED:
		log_debug("%s has nothing left to do", spawn_name(c));
		return;
	}
	log_warn("%s sent a message that it may not send (%u): ignored", spawn_name(c), p->message);
}

/* A child that floods us is read a bit at a time: the rest of the loop goes on in between. */
static void channel_ready(struct loop_io *io, uint32_t events)
{
	struct child *c = LOOP_OWNER(io, struct child, io);
	pid_t pid = c->pid;

	(void)events;
	for (unsigned i = 0; i < PACKETS_A_TURN && c->pid == pid && io->fd >= 0; i++) {
		struct process_packet p;
		switch (channel_receive(io->fd, &p, NULL)) {
		case CHANNEL_PACKET:
			take_packet(c, &p);
			break;
		case CHANNEL_EMPTY:
			return;
		case CHANNEL_BAD:
			log_warn("%s sent a packet of another size: ignored", spawn_name(c));
			break;
		case CHANNEL_CLOSED:    /* it is dying, and SIGCHLD tells; one that lives on without it is ended by the watchdog's tick */
			loop_del(c->m->loop, io);
			close(io->fd);
			io->fd = -1;
			return;
		}
	}
}

static void close_set(const struct listen_set *set, const struct listen_set *kept, const struct listen_set *closed)
{
	for (size_t i = 0; i < set->n; i++)
		if (!listen_has(kept, set->v[i].fd) && !listen_has(closed, set->v[i].fd))
			close(set->v[i].fd);
}

/* In the child: gives up what is the master's alone. The locks most of all: flock is inherited, and would outlive the master. */
static void give_up_masters(struct master *m, const struct spawn_order *o)
{
	static const struct listen_set none;
	const struct listen_set *kept = o->role->role == SHM_ROLE_ACCEPTOR ? o->listen : &none;

	close(m->lock_fd);
	close(m->run_lock_fd);
	if (m->groups.dir >= 0)
		close(m->groups.dir);
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].io.fd >= 0)
			close(m->child[i].io.fd);
	close_set(&m->listen, kept, &none);
	close_set(&m->reload.listen, kept, &m->listen);
	hunt_drop(m->sweep.hunt);
	loop_free(m->loop);
}

/* Who answers others and mostly waits goes first while it is light: a quarter of one processor is left for all others where it is the only one. */
static unsigned ahead_of(enum shm_role role)
{
	return role == SHM_ROLE_KEEPER ? 50 : role == SHM_ROLE_ACCEPTOR ? 25 : 0;
}

static _Noreturn void be_child(struct master *m, struct child *c, const struct spawn_order *o, int channel)
{
	static struct process p;
	struct child_birth birth = { .master = m->pid, .title = title_of(o->role, o->number), .log_at_go = o->log_at_go, .background = m->daemonized,
		.ahead = ahead_of(o->role->role) };

	child_born(&birth);
	p = (struct process){ .seg = &m->seg, .slot = c->slot, .number = o->number, .incarnation = c->incarnation, .role = o->role->role,
		.conf = o->conf, .identity = m->identity, .channel = channel, .groups = m->groups.path };
	give_up_masters(m, o);
	if (o->role->role == SHM_ROLE_ACCEPTOR) {
		p.listen_fd = listen_descriptors(o->listen);
		if (!p.listen_fd) {
			log_error("no memory for the listeners");
			child_exit(&p, 1);
		}
	}
	o->role->body(&p);
	child_exit(&p, 0);              /* a body does not return; a test's may */
}

/* What others may read of the slot, before there is a process in it that could write there. */
static void announce(struct child *c)
{
	struct shm_proc *p = &c->m->seg.proc[c->slot];

	atomic_store_explicit(&p->role, (uint32_t)c->role->role, memory_order_relaxed);
	atomic_store_explicit(&p->number, c->number, memory_order_relaxed);
	atomic_store_explicit(&p->incarnation, c->incarnation, memory_order_relaxed);
	atomic_store_explicit(&p->generation, c->generation, memory_order_relaxed);
	atomic_store_explicit(&p->started_ms, clock_wall_ms(), memory_order_relaxed);
	atomic_store_explicit(&p->heartbeat_ns, clock_boot_ns(), memory_order_relaxed);
	atomic_store_explicit(&p->sleeping, 0, memory_order_relaxed);
	atomic_store_explicit(&p->running, 0, memory_order_relaxed);
	spawn_set_state(c, SHM_PROC_STARTING);
}

struct child *spawn_child(struct master *m, const struct spawn_order *o)
{
	struct child *c = find_slot(m, o->role->role);
	int pair[2];

	if (!c) {
		errno = ENOSPC;
		return NULL;
	}
	if (channel_pair(pair) < 0)
		return NULL;
	c->number = o->number;
	c->generation = o->generation;
	c->incarnation++;
	c->work_before = role_work(&m->seg, c->slot, o->role->role);
	c->go_ns = 0;
	c->ending = false;
	c->killed = NULL;
	c->mute = 0;
	enum shm_proc_state before = c->state;
	announce(c);
	log_flush();                    /* or the child would write our lines once more */
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		be_child(m, c, o, pair[1]);
	}
	int saved = errno;
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		spawn_set_state(c, before);
		errno = saved;
		return NULL;
	}
	c->pid = pid;
	atomic_store_explicit(&m->seg.proc[c->slot].pid, pid, memory_order_relaxed);
	c->io = (struct loop_io){ .fd = pair[0], .ready = channel_ready };
	if (loop_add(m->loop, &c->io, EPOLLIN) < 0) {
		close(pair[0]);         /* its end of file ends the child, its death comes back to the caller */
		c->io.fd = -1;
		spawn_kill(c, "its channel could not be watched");
	}
	c->start_limit.fire = start_overdue;
	loop_timer_set(m->loop, &c->start_limit, MASTER_START_NS);
	log_info("%s started, pid %d, slot %u", spawn_name(c), (int)pid, c->slot);
	return c;
}

void spawn_say(struct child *c, enum process_message msg, int64_t arg, int fd)
{
	if (c->pid == 0 || c->io.fd < 0)
		return;
	if (msg == MASTER_DRAIN || msg == MASTER_STOP)
		c->ending = true;
	if (channel_send(c->io.fd, msg, arg, fd) == 0 || errno == EPIPE || errno == ECONNRESET)
		return;
	spawn_kill(c, "it does not read what the master says");
}

void spawn_kill(struct child *c, const char *why)
{
	if (c->pid == 0 || c->killed)
		return;
	log_warn("%s (pid %d) is killed: %s", spawn_name(c), (int)c->pid, why);
	c->killed = why;
	kill(c->pid, SIGKILL);
}

void spawn_go(struct child *c)
{
	if (c->go_ns == 0)
		c->go_ns = clock_boot_ns();
	spawn_set_state(c, SHM_PROC_RUNNING);
	spawn_say(c, MASTER_GO, 0, -1);
}

void spawn_forget(struct child *c)
{
	loop_timer_stop(c->m->loop, &c->start_limit);
	if (c->io.fd >= 0) {
		loop_del(c->m->loop, &c->io);
		close(c->io.fd);
		c->io.fd = -1;
	}
	c->pid = 0;
	atomic_store_explicit(&c->m->seg.proc[c->slot].pid, 0, memory_order_relaxed);
}
