/* Readers of the log of an attempt that runs: each has a pipe, of which we hold the write end. What is kept goes in, then what comes; when the attempt ends, the rest, and the pipe is closed.
 *
 * Nothing is copied while it runs: a follower is a place in the log. One that is too slow for what is kept is told how much it has missed. Called by worker.c and worker_job.c; nothing here is
 * fatal, and where nobody reads it costs one look a read of output. */
#include "process/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/output.h"
#include "shm/line.h"

#define ASKS_A_TURN 64u

struct follower {
	struct worker *w;
	struct held *j;                 /* NULL: what is left to be said lies in `own` */
	struct loop_io io;              /* write end */
	uint64_t at;                    /* bytes of the log before this one have been written, or passed over */
	struct buf own;                 /* goes before anything else: what it has missed, the rest after the end */
	size_t own_at;
	uint64_t missed;                /* the bytes that `own` tells of; 0: it does not */
	LIST_ENTRY(follower) link;
};

static void gone(struct follower *f)
{
	loop_del(f->w->p->loop, &f->io);
	close(f->io.fd);
	if (f->j)
		LIST_REMOVE(f, link);
	buf_free(&f->own);
	free(f);
}

/* Bytes taken; 0: the pipe is full, and we are told when it is not; -1: its reader is gone. */
static ssize_t put(struct follower *f, const char *p, size_t n)
{
	ssize_t done;

	do
		done = write(f->io.fd, p, n);
	while (done < 0 && errno == EINTR);
	if (done >= 0)
		return done;
	if (errno != EAGAIN)
		return -1;
	return loop_change(f->w->p->loop, &f->io, EPOLLOUT) < 0 ? -1 : 0;
}

/* Told when it can be written, and by then it may be more. */
static void miss(struct follower *f, uint64_t first)
{
	if (first <= f->at || (f->own.len && !(f->missed && f->own_at == 0)))
		return;
	f->missed += first - f->at;
	f->at = first;
	buf_clear(&f->own);
	buf_printf(&f->own, "\n[%" PRIu64 " bytes passed over: they came faster than they were read]\n", f->missed);
}

static const struct output_log *log_of(const struct held *j)
{
	return j->attempt && j->kind->log ? j->kind->log(j->attempt) : NULL;
}

/* What is to be written next: our own words, then the log from where it stands. Empty: nothing now. */
static struct slice next(struct follower *f)
{
	const struct output_log *log = f->j ? log_of(f->j) : NULL;

	if (log)
		miss(f, log->said - log->kept.len);
	if (f->own_at < f->own.len)
		return (struct slice){ f->own.data + f->own_at, f->own.len - f->own_at };
	if (!log)
		return (struct slice){ NULL, 0 };
	size_t left = (size_t)(log->said - f->at);
	return (struct slice){ log->kept.data + log->kept.len - left, left };
}

static void took(struct follower *f, size_t n)
{
	if (f->own_at == f->own.len) {
		f->at += n;
		return;
	}
	f->own_at += n;
	if (f->own_at == f->own.len) {
		buf_clear(&f->own);
		f->own_at = 0;
		f->missed = 0;
	}
}

static void pump(struct follower *f)
{
	for (;;) {
		struct slice s = next(f);
		ssize_t n = s.n ? put(f, s.p, s.n) : 0;
		if (n < 0 || (s.n == 0 && (!f->j || loop_change(f->w->p->loop, &f->io, 0) < 0))) {
			gone(f);
			return;
		}
		if (n == 0)
			return;
		took(f, (size_t)n);
	}
}

static void ready(struct loop_io *io, uint32_t events)
{
	struct follower *f = LOOP_OWNER(io, struct follower, io);

	if (events & EPOLLERR)          /* nobody has the read end any more */
		gone(f);
	else
		pump(f);
}

/* From here on it needs the attempt no more: what is left of the log becomes its own. */
static void detach(struct follower *f, struct slice log, uint64_t said)
{
	LIST_REMOVE(f, link);
	f->j = NULL;
	miss(f, said - log.n);
	size_t left = said - f->at < log.n ? (size_t)(said - f->at) : log.n;
	if (left)
		buf_add(&f->own, log.p + log.n - left, left);
	pump(f);
}

void follow_ended(struct held *j, struct slice log, uint64_t said)
{
	struct follower *f;

	while ((f = LIST_FIRST(&j->followers)) != NULL) {
		bool sound = said >= f->at && said >= log.n;    /* a kind that showed no log while it ran has not counted either */
		detach(f, sound || f->at == 0 ? log : (struct slice){ NULL, 0 }, sound ? said : f->at == 0 ? log.n : f->at);
	}
}

void follow_logged(void *arg, struct run_task *t)
{
	struct held *j = LOOP_OWNER(t, struct held, task);
	struct follower *f, *following;

	(void)arg;
	for (f = LIST_FIRST(&j->followers); f; f = following) {
		following = LIST_NEXT(f, link);
		pump(f);
	}
}

/* --- they come --- */

static struct held *held_under(struct worker *w, uint64_t token)
{
	for (uint32_t i = 0; i < w->capacity; i++)
		if (w->held[i].state != HELD_FREE && w->held[i].task.token == token)
			return &w->held[i];
	return NULL;
}

/* Begins with the tail that would be kept if it ended now. */
static void follow(struct worker *w, struct held *j, int fd, bool until_its_end)
{
	struct follower *f = calloc(1, sizeof(*f));
	const struct output_log *log = log_of(j);

	if (!f || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		free(f);
		close(fd);
		return;
	}
	*f = (struct follower){ .w = w, .j = j, .io = { .fd = fd, .ready = ready } };
	if (loop_add(w->p->loop, &f->io, EPOLLOUT) < 0) {
		close(fd);
		free(f);
		return;
	}
	LIST_INSERT_HEAD(&j->followers, f, link);
	if (log)
		f->at = log->said - (log->kept.len < OUTPUT_LOG_MAX ? log->kept.len : OUTPUT_LOG_MAX);
	if (j->state != HELD_RUNNING)
		detach(f, (struct slice){ j->log.data, j->log.len }, j->log.len);
	else if (!until_its_end)
		detach(f, log ? (struct slice){ log->kept.data, log->kept.len } : (struct slice){ NULL, 0 }, log ? log->said : 0);
	else
		pump(f);
}

static void line_ready(struct loop_io *io, uint32_t events)
{
	struct worker *w = LOOP_OWNER(io, struct worker, line_io);
	struct line_ask ask;
	int fd;

	(void)events;
	for (unsigned i = 0; i < ASKS_A_TURN && line_take(w->p->seg, w->p->slot, &ask, &fd) == 1; i++) {
		if (!held_under(w, ask.token))
			worker_take_grants(w);          /* who asks may have heard of it before us */
		struct held *j = held_under(w, ask.token);
		if (fd >= 0 && j)
			follow(w, j, fd, ask.follow);
		else if (fd >= 0)
			close(fd);      /* an attempt that is over, and its log in the store or on its way there; or one that we are not granted yet, which is asked for again */
	}
}

int follow_init(struct worker *w)
{
	w->line_io = (struct loop_io){ .fd = line_fd(w->p->seg, w->p->slot), .ready = line_ready };
	if (w->line_io.fd < 0) {
		errno = EINVAL;
		return -1;
	}
	return loop_add(w->p->loop, &w->line_io, EPOLLIN);
}
