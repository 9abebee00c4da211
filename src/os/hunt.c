/* Walks through /proc until everybody below some processes stands still, then kills them all. Called by the workers for what a handler leaves behind, by the master for what a dead worker leaves and by
 * its start for what an earlier run left. Nothing here is fatal; memory that is out makes a walk see less, and the caller hunts again. */
#include "os/hunt.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/proc.h"

/* How many walks in a row must find nobody new and nobody running. Two: who forks and ends between being listed and being looked at is out of the
 * first walk's sight, but what it leaves is new to the second. Four where somebody is in an uninterruptible wait: that is a vfork(2) parent, which
 * never shows as stopped, or a stuck disk; neither makes children meanwhile. */
#define QUIET_WALKS 2u
#define QUIET_WALKS_STUCK 4u

struct row {
	struct proc p;
	bool below;             /* to be killed: a descendant of a root, or a root that is */
};

struct table {
	struct row *rows;
	size_t len, cap;
	size_t vanished;        /* listed, but gone before the look */
};

/* In order. */
struct pids {
	pid_t *v;
	size_t n;
};

struct hunt {
	struct pids roots;
	bool with_roots;
	struct pids known;      /* the descendants that the walk before has seen, dead or alive */
	struct table t;
	int proc;               /* the walk that is under way, else -1 */
	unsigned walks, quiet;
	size_t killing;         /* the next row to be killed, once all stand still */
	bool still;
	size_t killed;
	pid_t self;
};

static int by_parent(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->p.ppid > y->p.ppid) - (x->p.ppid < y->p.ppid);
}

static int by_number(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool has(const struct pids *s, pid_t pid)
{
	return s->n && bsearch(&pid, s->v, s->n, sizeof(pid), by_number);
}

static bool table_add(struct table *t, const struct row *r)
{
	if (t->len == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct row *rows = reallocarray(t->rows, cap, sizeof(*rows));

		if (!rows)
			return false;
		t->rows = rows;
		t->cap = cap;
	}
	t->rows[t->len++] = *r;
	return true;
}

/* --- one walk --- */

/* Goes on with it. Whoever is seen running below a root or below somebody known is stopped on sight. True while there is more of it. */
static bool walk_on(struct hunt *h, size_t max)
{
	while (max-- > 0) {
		pid_t pid = proc_next(h->proc);
		struct row r = { .below = h->with_roots && has(&h->roots, pid) };

		if (pid == 0)
			return false;
		if (!proc_read(pid, &r.p)) {
			h->t.vanished++;
			continue;
		}
		if (pid != h->self && (r.below || has(&h->roots, r.p.ppid) || has(&h->known, r.p.ppid)) && !proc_stopped(&r.p))
			kill(pid, SIGSTOP);
		if (!table_add(&h->t, &r))
			return false;
	}
	return true;
}

/* The first row whose parent is `ppid`, or len. */
static size_t table_find(const struct table *t, pid_t ppid)
{
	size_t low = 0, high = t->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->rows[middle].p.ppid < ppid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Marks the descendants of the roots, breadth first, never ourselves. `queue` begins with the roots and has room for one pid more for each row; those of the descendants follow. Returns how many they are. */
static size_t mark(struct hunt *h, pid_t *queue)
{
	struct table *t = &h->t;
	size_t head = 0, tail = h->roots.n;

	for (; head < tail; head++) {
		for (size_t i = table_find(t, queue[head]); i < t->len && t->rows[i].p.ppid == queue[head]; i++) {
			if (t->rows[i].below || t->rows[i].p.pid == h->self)
				continue;
			t->rows[i].below = true;
			queue[tail++] = t->rows[i].p.pid;
		}
	}
	return tail - h->roots.n;
}

/* Sends SIGSTOP to whoever still runs. True where nobody did and nobody is new; *stuck where somebody is in an uninterruptible wait. Somebody that we
 * may not signal (a set-user-id program) cannot be waited for. */
static bool stop_all(const struct hunt *h, bool *stuck)
{
	bool still = h->t.vanished == 0;

	*stuck = false;
	for (size_t i = 0; i < h->t.len; i++) {
		const struct proc *p = &h->t.rows[i].p;

		if (!h->t.rows[i].below)
			continue;
		if (!has(&h->known, p->pid) && !(h->with_roots && has(&h->roots, p->pid)))
			still = false;
		if (proc_stopped(p) || kill(p->pid, SIGSTOP) != 0)
			continue;
		if (p->state == 'D')
			*stuck = true;
		else
			still = false;
	}
	return still;
}

/* What a whole walk has seen. Sets h->still where they are to be killed now. */
static void walk_end(struct hunt *h, unsigned walks)
{
	pid_t *seen = reallocarray(NULL, h->roots.n + h->t.len + 1, sizeof(*seen));
	bool stuck = false, quiet = false;

	close(h->proc);
	h->proc = -1;
	h->walks++;
	if (h->t.len)
		qsort(h->t.rows, h->t.len, sizeof(*h->t.rows), by_parent);
	if (seen) {
		memcpy(seen, h->roots.v, h->roots.n * sizeof(*seen));
		size_t n = mark(h, seen);
		quiet = stop_all(h, &stuck);
		memmove(seen, seen + h->roots.n, n * sizeof(*seen));
		qsort(seen, n, sizeof(*seen), by_number);
		free(h->known.v);
		h->known = (struct pids){ seen, n };
	}
	h->quiet = quiet ? h->quiet + 1 : 0;
	h->still = !seen || h->walks >= walks || h->quiet >= (stuck ? QUIET_WALKS_STUCK : QUIET_WALKS);
	h->killing = 0;
}

/* True while there are more. */
static bool kill_on(struct hunt *h, size_t max)
{
	for (; h->killing < h->t.len; h->killing++) {
		const struct row *r = &h->t.rows[h->killing];
		if (!r->below || proc_ended(&r->p))
			continue;
		if (max-- == 0)
			return true;
		h->killed += kill(r->p.pid, SIGKILL) == 0;
	}
	/* those too that a walk has not seen, for want of memory or descriptors */
	for (size_t i = 0; h->with_roots && i < h->roots.n; i++)
		kill(h->roots.v[i], SIGKILL);
	return false;
}

/* --- the hunt --- */

static bool begin(struct hunt *h, const pid_t *roots, size_t n, bool with_roots)
{
	*h = (struct hunt){ .proc = -1, .with_roots = with_roots, .self = getpid() };
	h->roots.v = reallocarray(NULL, n + 1, sizeof(*roots));
	if (!h->roots.v)
		return false;
	memcpy(h->roots.v, roots, n * sizeof(*roots));
	h->roots.n = n;
	qsort(h->roots.v, n, sizeof(*roots), by_number);
	for (size_t i = 0; with_roots && i < n; i++)
		kill(roots[i], SIGSTOP);
	return true;
}

static void end(struct hunt *h)
{
	if (h->proc >= 0)
		close(h->proc);
	free(h->roots.v);
	free(h->known.v);
	free(h->t.rows);
}

struct hunt *hunt_begin(const pid_t *roots, size_t n)
{
	struct hunt *h = malloc(sizeof(*h));

	if (h && begin(h, roots, n, true))
		return h;
	free(h);
	return NULL;
}

bool hunt_step(struct hunt *h, size_t max, unsigned walks)
{
	if (h->still)
		return kill_on(h, max);
	if (h->proc < 0) {
		h->t.len = h->t.vanished = 0;
		h->proc = proc_open();
	}
	if (h->proc >= 0 && walk_on(h, max))
		return true;
	walk_end(h, walks);
	if (!h->still)
		sched_yield();
	return true;
}

bool hunt_kills(const struct hunt *h)
{
	return h->still;
}

void hunt_drop(struct hunt *h)
{
	if (!h)
		return;
	end(h);
	free(h);
}

static size_t whole(const pid_t *roots, size_t n, unsigned walks, bool with_roots)
{
	struct hunt h;
	size_t killed = 0;

	if (walks == 0 || !begin(&h, roots, n, with_roots))
		return 0;
	while (hunt_step(&h, SIZE_MAX, walks))
		;
	killed = h.killed;
	end(&h);
	return killed;
}

void hunt_all(const pid_t *roots, size_t n, unsigned walks)
{
	whole(roots, n, walks, true);
}

size_t hunt_below(pid_t root, unsigned walks)
{
	return whole(&root, 1, walks, false);
}
