/* What programs left behind when their leader was gone: found among our children, ended, and the families of which nothing is left told of. Called by family.c.
 * Nothing here is fatal.
 *
 * All of it goes in slices, a turn of the loop each, since a fork bomb leaves thousands and a look at one is some system calls. Meanwhile the leaders alone are reaped: the number of a child that is being
 * looked at stays its own. */
#include "run/family_inside.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "os/descend.h"
#include "os/hunt.h"
#include "os/log.h"
#include "os/proc.h"

#define CHILDREN_MAX 1024u              /* looked at in one sweep; the others in the next one */
#define LOOKS_A_SLICE 8u
#define HUNTED_A_SLICE 16u
#define KILL_PAUSE_NS 1000000LL         /* in which so many die */
#define STUBBORN_SWEEPS 3u              /* after so many in vain whole trees are stopped and then killed, as only a fork bomb needs: that is some walks through /proc */
#define REAPS 128u

static struct {
	bool wanted;
	bool open;                      /* one is under way */
	bool unknown;                   /* it has found something that may belong to any family */
	bool stubborn;
	bool killed;                    /* somebody, in this slice */
	pid_t child[CHILDREN_MAX];
	size_t n;                       /* still to be looked at */
	pid_t prey[CHILDREN_MAX];       /* of the stubborn */
	size_t nprey;
	struct hunt *hunt;
	unsigned sweeps;                /* in a row that found something left */
	struct loop *loop;
	struct loop_timer timer;
} own;

/* --- whose a child is --- */

static bool is_mark(void *arg, const char *entry)
{
	struct family **whose = arg, *f;

	if (strncmp(entry, "STINT_", 6) != 0)
		return false;
	LIST_FOREACH(f, &families, link)
		if (strcmp(entry, f->mark) == 0)
			*whose = f;
	return *whose != NULL;
}

/* Whose mark a process carries in its environment. NULL where it shows none (a zombie, another user's, or one that has overwritten it). */
static struct family *marked_by(pid_t pid)
{
	struct family *whose = NULL;

	proc_environ(pid, is_mark, &whose);
	return whose;
}

/* Whose it is; NULL where nothing tells. Its own session or group says so first, the environment next. */
static struct family *owner_of(pid_t pid)
{
	struct family *f;
	struct proc p;

	if (proc_read(pid, &p))
		LIST_FOREACH(f, &families, link)
			if (f->pid == p.session || f->pid == p.pgrp)
				return f;
	LIST_FOREACH(f, &families, link)
		if (cage_has(&f->cage, pid))
			return f;
	return marked_by(pid);
}

/* A program of ours: one that runs, or has been reaped since the sweep began (its number may be somebody else's by now, whom the next one finds). */
static bool is_leader(pid_t pid)
{
	struct family *f;

	LIST_FOREACH(f, &families, link)
		if (f->pid == pid && !f->judged)
			return true;
	return false;
}

/* --- its end --- */

/* What is below it becomes ours and is found by the next sweep. False where we may not. */
static bool end_process(pid_t pid)
{
	static pid_t refused;

	if (kill(pid, own.stubborn ? SIGSTOP : SIGKILL) == 0 || errno != EPERM) {
		if (own.stubborn)
			own.prey[own.nprey++] = pid;
		own.killed |= !own.stubborn;
		return true;
	}
	if (refused != pid)
		log_warn("process %d was left behind by a handler and may not be ended by us: it runs as another user", (int)pid);
	refused = pid;
	return false;
}

static void look_at(pid_t pid)
{
	if (is_leader(pid))
		return;
	struct family *f = owner_of(pid);
	if ((f && f->stage != FAMILY_GONE) || !end_process(pid))
		return;
	if (f)
		f->left = true;
	else
		own.unknown = true;
}

/* --- a sweep --- */

/* The next one that nothing is left of. Looked for from the begin each time: whoever is told of one may begin another. */
static struct family *next_over(void)
{
	struct family *f;

	LIST_FOREACH(f, &families, link)
		if (f->judged && !f->left)
			return f;
	return NULL;
}

static void begin(void)
{
	struct family *f;

	own.wanted = false;
	own.unknown = false;
	own.stubborn = own.sweeps >= STUBBORN_SWEEPS;
	own.nprey = 0;
	LIST_FOREACH(f, &families, link) {
		f->judged = f->stage == FAMILY_GONE;
		f->left = false;
		own.open |= f->judged;
		own.loop = f->host->loop;
	}
	own.n = own.open ? descend_children(own.child, CHILDREN_MAX) : 0;
	if (own.n > CHILDREN_MAX) {
		own.unknown = true;
		own.n = CHILDREN_MAX;
	}
}

static void finish(void)
{
	struct family *f;
	bool pending = false;

	own.open = false;
	LIST_FOREACH(f, &families, link) {
		if (!f->judged)
			continue;
		f->left |= own.unknown || cage_left(&f->cage);
		pending |= f->left;
	}
	own.sweeps = pending ? own.sweeps + 1 : 0;
	while ((f = next_over()) != NULL) {
		family_leave(f);
		f->over(f);
	}
}

/* True while there is more to do. */
static bool slice(void)
{
	own.killed = own.hunt && hunt_kills(own.hunt);
	for (unsigned i = 0; own.n > 0 && i < LOOKS_A_SLICE; i++)
		look_at(own.child[--own.n]);    /* the newest first: who hops from number to number is among them */
	if (own.n > 0)
		return true;
	if (own.nprey > 0)
		own.hunt = hunt_begin(own.prey, own.nprey);
	for (size_t i = 0; !own.hunt && i < own.nprey; i++)
		kill(own.prey[i], SIGKILL);             /* no memory: one by one */
	own.nprey = 0;
	if (own.hunt && hunt_step(own.hunt, HUNTED_A_SLICE, FAMILY_WALKS))
		return true;
	hunt_drop(own.hunt);
	own.hunt = NULL;
	return false;
}

/* What ended meanwhile was not reaped, and nobody tells of it again. */
static void again(struct loop_timer *t)
{
	if (own.open)
		family_sweep();
	else if (family_reap(REAPS))
		loop_timer_set(own.loop, t, 0);
}

void family_sweep(void)
{
	bool goes_on = own.open;

	if (!own.open && own.wanted)
		begin();
	if (!own.open)
		return;
	bool more = slice();
	if (!more)
		finish();
	own.timer.fire = again;
	if (more || goes_on)
		loop_timer_set(own.loop, &own.timer, own.killed ? KILL_PAUSE_NS : 0);
}

void family_sweep_wanted(void)
{
	own.wanted = true;
}

bool family_sweeping(void)
{
	return own.open;
}

void family_sweep_stop(void)
{
	if (own.loop)
		loop_timer_stop(own.loop, &own.timer);
	hunt_drop(own.hunt);
	own.hunt = NULL;
	own.open = own.wanted = false;
	own.n = own.nprey = 0;
	own.sweeps = 0;
}
