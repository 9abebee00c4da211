/* The coprocess kind, second part: the three pipes of a program. Lines are written as far as it reads them, and never waited for; what it says is taken line by line.
 * Nothing here is fatal: what it may not say ends it. */
#include "run/coprocess_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/log.h"

#define READ_ROUNDS 8u                  /* buffers a pipe may take of one loop turn */
#define DRAIN_ROUNDS 32u                /* at the end: twice what a pipe may hold */
#define AHEAD (64u << 10)               /* lines are made while no more than this waits to be written: one line more at most */

/* --- to the program --- */

/* The stream's place up to which it has been written. */
static uint64_t written(const struct coprocess *c)
{
	return c->dropped + c->sent;
}

bool coprocess_unwritten(const struct coprocess_job *j)
{
	return j->from == COPROCESS_NOT_WRITTEN || j->from >= written(j->in);
}

void coprocess_unwrite(struct coprocess_job *j)
{
	struct coprocess *c = j->in;
	struct coprocess_job *other;

	if (j->from == COPROCESS_NOT_WRITTEN)
		return;
	size_t at = (size_t)(j->from - c->dropped), n = (size_t)(j->to - j->from);
	memmove(c->out.data + at, c->out.data + at + n, c->out.len - at - n);
	c->out.len -= n;
	TAILQ_FOREACH(other, &c->jobs, link)
		if (other->from != COPROCESS_NOT_WRITTEN && other->from > j->from) {
			other->from -= n;
			other->to -= n;
		}
	j->from = j->to = COPROCESS_NOT_WRITTEN;
}

/* The lines of jobs that have none yet, in order, while there is room for them. False where memory is out. */
static bool make_lines(struct coprocess *c)
{
	struct coprocess_job *j;

	TAILQ_FOREACH(j, &c->jobs, link) {
		if (j->from != COPROCESS_NOT_WRITTEN || j->verdict != JOB_OUTCOME_NONE)
			continue;
		if (c->out.len - c->sent > AHEAD)
			return true;
		size_t from = c->out.len;
		line_job(j->base.task, &c->out);
		if (c->out.failed) {
			c->out.failed = false;
			c->out.len = from;
			return false;
		}
		j->from = c->dropped + from;
		j->to = c->dropped + c->out.len;
	}
	return true;
}

/* What is written is let go of where that is cheap. */
static void forget_written(struct coprocess *c)
{
	if (c->sent < c->out.len && (c->sent < AHEAD || c->sent < c->out.len / 2))
		return;
	c->dropped += c->sent;
	buf_consume(&c->out, c->sent);
	c->sent = 0;
	if (c->out.len == 0 && c->out.cap > 4 * AHEAD)
		buf_free(&c->out);
}

void coprocess_write(struct coprocess *c)
{
	while (c->life == COPROCESS_UP && c->to.fd >= 0) {
		if (!make_lines(c)) {
			log_warn("out of memory: a job of handler \"%s\" waits to be written", c->pool->handler->pattern);
			if (c->sent == c->out.len) {
				coprocess_verdict(c, JOB_OUTCOME_RELEASED, "out of memory: given back");
				c->asked = true;
				coprocess_end(c, c->pool->handler->kill_grace);
			}
			return;
		}
		if (c->sent == c->out.len)
			break;
		ssize_t n = write(c->to.fd, c->out.data + c->sent, c->out.len - c->sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			loop_change(c->pool->host->loop, &c->to, EPOLLOUT);
			return;
		}
		if (n < 0) {
			coprocess_close(c, &c->to);
			coprocess_lost(c);
			return;
		}
		c->sent += (size_t)n;
		forget_written(c);
	}
	if (c->to.fd >= 0)
		loop_change(c->pool->host->loop, &c->to, 0);
}

static void may_write(struct loop_io *io, uint32_t events)
{
	struct coprocess *c = LOOP_OWNER(io, struct coprocess, to);

	if (events & (EPOLLERR | EPOLLHUP)) {   /* it has closed its input */
		coprocess_close(c, io);
		coprocess_lost(c);
		return;
	}
	coprocess_write(c);
}

/* --- from the program --- */

static void remember_answer(struct coprocess *c, const struct job_id *id)
{
	c->answered[c->nanswered++ % COPROCESS_REMEMBERED] = *id;
}

static bool was_answered(const struct coprocess *c, const struct job_id *id)
{
	for (unsigned i = 0; i < COPROCESS_REMEMBERED && i < c->nanswered; i++)
		if (memcmp(&c->answered[i], id, sizeof(*id)) == 0)
			return true;
	return false;
}

/* An answer to a job that ends otherwise, come what may, is heard and dropped. */
static void take_answer(struct coprocess *c, struct coprocess_job *j, const struct line_said *said, size_t bytes)
{
	struct run_result r;

	remember_answer(c, &said->id);
	c->failures = 0;
	if (j->verdict != JOB_OUTCOME_NONE && !j->answer_counts)
		return;
	run_result_init(&r);
	j->output_total += bytes;
	if (said->kind == LINE_OK) {
		size_t most = (size_t)c->pool->handler->max_output;
		r.outcome = JOB_OUTCOME_SUCCEEDED;
		r.output_cut = said->result_total > most;
		buf_add(&r.output, said->result.p, r.output_cut ? most : said->result.n);
		j->output_total = said->result_total;
	} else {
		r.no_retry = !said->retry;
		r.retry_in_ms = said->retry_in_ms;
		output_copy(slice_of(said->text[0] ? said->text : "failed without a word"), r.error, sizeof(r.error));
	}
	coprocess_use_tell(c, &r);
	coprocess_job_end(j, &r);
	coprocess_finish(c);
}

static void take_line(struct coprocess *c, struct slice line)
{
	struct line_said said;
	char why[256];

	if (!(c->cuts ? line_cut_read(&c->cut, line, &said, why, sizeof(why)) : line_read(line, &said, why, sizeof(why)))) {
		coprocess_fault(c, why, line);
		return;
	}
	struct coprocess_job *j = coprocess_job_of(c, &said.id);
	if (!j) {
		coprocess_fault(c, was_answered(c, &said.id) ? "it has answered this job before" : "it has no such job", line);
		return;
	}
	if (said.kind != LINE_PROGRESS)
		take_answer(c, j, &said, line.n);
	else if (c->pool->host->progress)
		c->pool->host->progress(c->pool->host->arg, j->base.task, said.percent, slice_of(said.text));
}

/* Longer than one is kept whole: what has come of it is gone through again, and from here on only what is kept is added. */
static bool begin_cut(struct coprocess *c, size_t most)
{
	struct buf all = c->line;
	bool good;

	c->line = (struct buf){ 0 };
	c->cuts = true;
	line_cut_begin(&c->cut, most);
	good = line_cut_add(&c->cut, &c->line, all.data, all.len);
	buf_free(&all);
	return good;
}

/* A piece of a line that did not come whole, or is long. */
static void take_piece(struct coprocess *c, const char *p, size_t n)
{
	size_t most = (size_t)c->pool->handler->max_output;
	bool good = true;

	if (c->cuts)
		good = line_cut_add(&c->cut, &c->line, p, n);
	else
		buf_add(&c->line, p, n);
	if (!c->cuts && !c->line.failed && c->line.len > most + LINE_MORE)
		good = begin_cut(c, most);
	if (c->line.failed)
		coprocess_fault(c, "memory is out for a line of it", (struct slice){ c->line.data, c->line.len });
	else if (!good)
		coprocess_fault(c, "a line has more than 16K besides its \"result\", which alone may be longer", (struct slice){ c->line.data, c->line.len });
}

/* Lines of a chunk; the last one may go on in the next. */
static void take_out(struct coprocess *c, const char *p, size_t n)
{
	while (n && !c->deaf) {
		const char *newline = memchr(p, '\n', n);
		size_t part = newline ? (size_t)(newline - p) : n;
		if (newline && c->line.len == 0 && part <= c->pool->handler->max_output + LINE_MORE) {
			take_line(c, (struct slice){ p, part });
		} else {
			take_piece(c, p, part);
			if (newline && !c->deaf)
				take_line(c, (struct slice){ c->line.data, c->line.len });
			if (newline) {
				buf_clear(&c->line);
				c->cuts = false;
			}
		}
		p += part + (newline != NULL);
		n -= part + (newline != NULL);
	}
	if (c->deaf || (c->line.len == 0 && c->line.cap > RUN_READ_BYTES))
		buf_free(&c->line);
}

/* What it says besides belongs to every job that it has: it does not tell for which it was. */
static void take_err(struct coprocess *c, const char *p, size_t n)
{
	struct coprocess_job *j;

	output_log_add(&c->log, p, n);
	TAILQ_FOREACH(j, &c->jobs, link) {
		if (coprocess_unwritten(j))
			continue;
		output_log_add(&j->log, p, n);
		if (c->pool->host->logged)
			c->pool->host->logged(c->pool->host->arg, j->base.task);
	}
}

static void take(void *arg, struct loop_io *io, const char *p, size_t n)
{
	struct coprocess *c = arg;

	if (io == &c->err)
		take_err(c, p, n);
	else
		take_out(c, p, n);
}

static void read_some(struct coprocess *c, struct loop_io *io, unsigned rounds)
{
	if (!run_read(c->pool->host, io, rounds, take, c))
		coprocess_close(c, io);
}

static void may_read_out(struct loop_io *io, uint32_t events)
{
	struct coprocess *c = LOOP_OWNER(io, struct coprocess, from);

	(void)events;
	read_some(c, &c->err, READ_ROUNDS);     /* what it said before an answer goes into that job's log */
	read_some(c, io, READ_ROUNDS);
	if (io->fd < 0)
		coprocess_lost(c);
}

static void may_read_err(struct loop_io *io, uint32_t events)
{
	(void)events;
	read_some(LOOP_OWNER(io, struct coprocess, err), io, READ_ROUNDS);
}

void coprocess_read_all(struct coprocess *c)
{
	read_some(c, &c->err, DRAIN_ROUNDS);
	read_some(c, &c->from, DRAIN_ROUNDS);
}

/* --- the pipes --- */

void coprocess_io_init(struct coprocess *c)
{
	c->to = (struct loop_io){ .fd = -1, .ready = may_write };
	c->from = (struct loop_io){ .fd = -1, .ready = may_read_out };
	c->err = (struct loop_io){ .fd = -1, .ready = may_read_err };
}

void coprocess_close(struct coprocess *c, struct loop_io *io)
{
	if (io->fd < 0)
		return;
	loop_del(c->pool->host->loop, io);
	close(io->fd);
	io->fd = -1;
}

int coprocess_listen(struct coprocess *c, int to, int from, int err)
{
	struct { struct loop_io *io; int fd; uint32_t events; } pipe[] = { { &c->to, to, 0 }, { &c->from, from, EPOLLIN }, { &c->err, err, EPOLLIN } };
	int failed = 0;

	c->out.len = c->line.len = c->sent = 0;
	c->dropped = 0;
	c->nanswered = 0;
	c->fault[0] = '\0';
	c->deaf = c->asked = c->cuts = false;
	for (unsigned i = 0; i < 3; i++) {
		pipe[i].io->fd = pipe[i].fd;
		if (loop_add(c->pool->host->loop, pipe[i].io, pipe[i].events) < 0) {
			failed = errno;
			close(pipe[i].fd);
			pipe[i].io->fd = -1;
		}
	}
	if (!failed)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		coprocess_close(c, pipe[i].io);
	errno = failed;
	return -1;
}
