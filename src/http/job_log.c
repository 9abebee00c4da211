/* The log of a running attempt lies in its worker's memory: we send that worker the write end of a pipe (shm/line.h) and pass on what comes out of the other. Called by api_job_log.c.
 *
 * Nothing piles up here: while the client does not take what it has, the pipe is not read, and the worker writes to its end as much as goes in. The pipe's end is the stream's end; where a worker
 * died before it took its end of it, the job's own record says that the attempt is over. */
#include "http/job_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/job_request.h"
#include "http/job_watch.h"
#include "shm/line.h"

#define AGAIN_NS (5 * 1000000LL)        /* before a worker that could not be told, or did not know of the attempt yet, is told again; twice as long each time */
#define AGAIN_MAX_NS (200 * 1000000LL)
#define CHECK_NS (1000 * 1000000LL)     /* while it runs: whether it still does */
#define UNSENT_MAX (64u << 10)
#define READ_BYTES (64u << 10)

struct reader {
	struct http_request *q;
	struct job_id id;
	uint32_t attempt;
	uint64_t token;                 /* 0: it does not run yet */
	bool follow;
	bool got;                       /* something has come out of the pipe */
	int64_t again_ns;               /* the last pause before it was asked for again; 0: it was not */
	bool over;                      /* the attempt was over when we last looked, and nothing has come since */
	struct loop_io io;              /* read end; fd -1: none yet */
	int other;                      /* write end, until the worker has been sent it */
	struct loop_timer timer;        /* while it runs */
	struct job_watch watch;         /* while it does not */
	bool watching;
};

static unsigned readers;

unsigned job_log_readers(void)
{
	return readers;
}

static void pipe_close(struct reader *r)
{
	if (r->io.fd >= 0) {
		loop_del(r->q->api->loop, &r->io);
		close(r->io.fd);
	}
	if (r->other >= 0)
		close(r->other);
	r->io.fd = r->other = -1;
}

static void unwatch(struct reader *r)
{
	if (r->watching)
		job_watch_end(&r->watch);
	r->watching = false;
}

static void hang_up(struct reader *r)
{
	loop_timer_stop(r->q->api->loop, &r->timer);
	unwatch(r);
	pipe_close(r);
	r->q->state = NULL;
	r->q->on_gone = r->q->on_room = NULL;
	readers--;
	free(r);
}

static void end(struct reader *r)
{
	struct http_request *q = r->q;

	hang_up(r);
	live_end(q);
}

static void client_gone(struct http_request *q)
{
	end(q->state);
}

/* --- what is kept in the store --- */

/* Over before it could be read live, or without a log that can be: what was kept is the stream. */
static void tell_kept(struct reader *r, const struct job *job)
{
	struct store_reader *from = r->q->api->reader;
	struct buf log = { 0 };
	bool dropped;

	if (store_log(from, job, r->attempt, &log, &dropped) == STORE_OK)
		live_add(r->q, (struct slice){ log.data, log.len });
	buf_free(&log);
}

/* A pipe with nothing in it: the attempt may have been over, and its worker done with it, when it was asked. True: it is not over; its worker had not taken it yet, or has just ended it and the store
 * does not know. */
static bool nothing_came(struct reader *r)
{
	struct store_reader *from = r->q->api->reader;
	bool runs = false;
	struct job job;

	if (!from || store_read_begin(from) != STORE_OK)
		return false;
	if (store_get(from, r->id, &job, NULL) == STORE_OK) {
		runs = job.state == JOB_RUNNING && job.lease_token == r->token;
		if (!runs)
			tell_kept(r, &job);
	}
	store_read_end(from);
	return runs;
}

/* --- what comes out of the pipe --- */

static void pause_then_again(struct reader *r)
{
	r->again_ns = r->again_ns ? r->again_ns * 2 : AGAIN_NS;
	if (r->again_ns > AGAIN_MAX_NS)
		r->again_ns = AGAIN_MAX_NS;
	loop_timer_set(r->q->api->loop, &r->timer, r->again_ns);
}

static void ready(struct loop_io *io, uint32_t events)
{
	struct reader *r = LOOP_OWNER(io, struct reader, io);
	static char bytes[READ_BYTES];
	ssize_t n = read(io->fd, bytes, sizeof(bytes));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (!r->got && nothing_came(r) && r->follow) {
			pipe_close(r);
			r->token = 0;
			pause_then_again(r);
		} else {
			end(r);
		}
		return;
	}
	r->got = true;
	r->over = false;
	live_add(r->q, (struct slice){ bytes, (size_t)n });
	if (live_unsent(r->q) >= UNSENT_MAX && loop_change(r->q->api->loop, io, 0) < 0)
		end(r);
}

static void has_room(struct http_request *q)
{
	struct reader *r = q->state;

	if (r->io.fd >= 0 && loop_change(q->api->loop, &r->io, EPOLLIN) < 0)
		end(r);
}

static bool pipe_open(struct reader *r)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	r->io = (struct loop_io){ .fd = fd[0], .ready = ready };
	if (loop_add(r->q->api->loop, &r->io, EPOLLIN) < 0) {
		close(fd[0]);
		close(fd[1]);
		r->io.fd = -1;
		return false;
	}
	r->other = fd[1];
	return true;
}

/* Asks the worker that has the job's lease. True: it is not to be asked again, since it was told, or since no worker of ours runs the job: then there is no log before the end. */
static bool ask(struct reader *r, const struct job *job)
{
	const struct segment *seg = r->q->api->seg;
	struct line_ask a = { .token = r->token, .follow = r->follow };

	if (job->lease_epoch != seg->geo.epoch)
		return true;
	if (line_send(seg, job->worker, &a, r->other) < 0)
		return errno == EINVAL;         /* no worker's slot */
	close(r->other);
	r->other = -1;
	return true;
}

/* --- looking at the job --- */

/* False: it is over. */
static bool look(struct reader *r, const struct job *job)
{
	bool runs = job->state == JOB_RUNNING && job->attempts == r->attempt;

	if (!r->token && runs) {
		r->token = job->lease_token;
		if (!pipe_open(r))
			return false;
	}
	if (runs && job->lease_token == r->token) {
		r->over = false;
		return r->other < 0 || !ask(r, job) || r->other < 0 || r->follow;
	}
	if (r->token && r->other < 0) {         /* what lies in the pipe comes first; a client that takes it slowly has its time */
		bool was = r->over;
		r->over = (r->io.events & EPOLLIN) != 0;
		return !was || !r->over;
	}
	if (!r->token && job->attempts < r->attempt && !job_state_final(job->state))
		return true;
	tell_kept(r, job);
	return false;
}

static void look_again(struct reader *r)
{
	struct api *a = r->q->api;
	bool go_on = r->token || !(a->draining || http_draining(a));    /* nothing starts any more */
	struct job job;

	if (go_on && a->reader && store_read_begin(a->reader) == STORE_OK) {
		go_on = store_get(a->reader, r->id, &job, NULL) == STORE_OK && look(r, &job);
		store_read_end(a->reader);
	}
	if (!go_on) {
		end(r);
	} else if (r->token) {
		unwatch(r);
		if (r->other < 0)
			loop_timer_set(a->loop, &r->timer, CHECK_NS);
		else
			pause_then_again(r);
	} else if (!r->watching) {      /* it is to be asked for again, and the store could not be read */
		pause_then_again(r);
	}
}

static void again(struct loop_timer *t)
{
	look_again(LOOP_OWNER(t, struct reader, timer));
}

static void told(struct job_watch *w)
{
	look_again(LOOP_OWNER(w, struct reader, watch));
}

void job_log_stream(struct http_request *q, const struct job *job, uint32_t attempt, bool follow)
{
	struct reader *r = readers < JOB_LOG_READERS ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		reply_header(q, "Retry-After", "5");
		problem_send(q, 503, NULL, "%u logs are being read while they are written, and no more can be at a time", readers);
		return;
	}
	*r = (struct reader){ .q = q, .id = job->id, .attempt = attempt, .follow = follow, .io.fd = -1, .other = -1, .timer.fire = again,
		.watch = { .id = job->id, .states = JOB_WATCH_FINAL | 1u << JOB_RUNNING, .look = told } };
	readers++;
	if (!live_begin(q, 200, "text/plain; charset=utf-8")) {
		hang_up(r);
		return;
	}
	q->state = r;
	q->on_gone = client_gone;
	q->on_room = has_room;
	r->watching = true;
	job_watch_begin(q->api, &r->watch);
	look_again(r);
}
