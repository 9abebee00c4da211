/* The load generator's loop. Called by the bench subcommands; one thread, epoll, no timers but the run's own limits.
 *
 * The loop costs the server it measures as little as it can: one read and one write a request, the clock is read once a turn and once an answer. */
#include "cli/load.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"

#define CONNECT_MS 5000
#define EVENTS 256
#define READ_BYTES 65536
#define TURN_MS 50
#define PROGRESS_NS 100000000
#define ERRORS_IN_A_ROW 1000            /* with nothing done in between: it makes no sense to go on */

static void note_error(struct load *l, const char *what)
{
	l->result->errors++;
	if (l->result->first_error[0] == '\0')
		snprintf(l->result->first_error, sizeof(l->result->first_error), "%s", what);
}

static void conn_close(struct load *l, struct load_conn *c)
{
	if (c->fd < 0)
		return;
	net_hang_up(c->fd, c->tls);
	c->fd = -1;
	c->tls = NULL;
	c->watching_out = false;
	l->open--;
}

static int conn_watch(struct load *l, struct load_conn *c, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data = { .ptr = c } };

	return epoll_ctl(l->epoll, op, c->fd, &ev);
}

/* Takes a descriptor that is connected; the handshake is no part of what is measured. False with a reason in `why`: it is closed. */
static bool conn_adopt(struct load *l, struct load_conn *c, int fd, char *why, size_t why_size)
{
	c->fd = fd;
	c->close_after = false;
	l->open++;
	if (l->plan->secure && !(c->tls = net_greet(fd, l->plan->secure, l->plan->url.host, CONNECT_MS, why, why_size))) {
		conn_close(l, c);
		return false;
	}
	if (conn_watch(l, c, EPOLL_CTL_ADD, EPOLLIN) == 0)
		return true;
	snprintf(why, why_size, "%s", strerror(errno));
	conn_close(l, c);
	return false;
}

/* A further one, to the address that answered. */
static bool conn_open(struct load *l, struct load_conn *c, char *why, size_t why_size)
{
	int fd = net_connect(&l->at, CONNECT_MS);

	if (fd >= 0)
		return conn_adopt(l, c, fd, why, why_size);
	snprintf(why, why_size, "%s", strerror(errno));
	return false;
}

/* Closed by the server: fine between two units, an error within one. */
static void conn_lost(struct load *l, struct load_conn *c, const char *why)
{
	char text[256];

	if (c->busy) {
		c->busy = false;
		l->busy--;
		snprintf(text, sizeof(text), "%s closed a connection before it answered: %s", l->plan->name, why);
		note_error(l, text);
	}
	conn_close(l, c);
}

static bool conn_again(struct load *l, struct load_conn *c)
{
	char why[256], text[320];

	if (!conn_open(l, c, why, sizeof(why))) {
		snprintf(text, sizeof(text), "cannot connect to %s again: %s", l->plan->name, why);
		note_error(l, text);
		return false;
	}
	l->result->reconnects++;
	return true;
}

static void conn_broken(struct load *l, struct load_conn *c, int error)
{
	char why[200];

	net_why(c->tls, error, why, sizeof(why));
	conn_lost(l, c, why);
}

static void watch_out(struct load *l, struct load_conn *c, bool out)
{
	if (c->watching_out != out)
		conn_watch(l, c, EPOLL_CTL_MOD, out ? EPOLLIN | EPOLLOUT : EPOLLIN);
	c->watching_out = out;
}

static void conn_send(struct load *l, struct load_conn *c)
{
	while (c->out.n > 0) {
		ssize_t n = net_send(c->fd, c->tls, c->out.p, c->out.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			watch_out(l, c, net_events(c->tls, POLLOUT) & POLLOUT);
			return;
		}
		if (n < 0) {
			conn_broken(l, c, errno);
			return;
		}
		c->out.p += n;
		c->out.n -= (size_t)n;
	}
	watch_out(l, c, false);
}

static bool may_begin(struct load *l)
{
	const struct load_plan *p = l->plan;

	if (p->jobs && l->begun >= p->jobs)
		l->over = true;
	if (l->end_ns && l->now_ns >= l->end_ns)
		l->over = true;
	return !l->over;
}

static void unit_begin(struct load *l, struct load_conn *c)
{
	if (!may_begin(l))
		return;
	if (c->fd < 0 && !conn_again(l, c))
		return;
	l->begun++;
	l->busy++;
	c->busy = true;
	c->step = 0;
	c->began_ns = l->now_ns;
	c->out = l->plan->protocol->request(l, c);
	conn_send(l, c);
}

static void unit_end(struct load *l, struct load_conn *c, bool well)
{
	struct load_result *r = l->result;

	l->now_ns = clock_boot_ns();
	l->last_answer_ns = l->now_ns;
	c->busy = false;
	l->busy--;
	if (!well) {
		note_error(l, l->refusal);
	} else if (l->end_ns && l->now_ns > l->end_ns) {
		r->done_late++;
	} else {
		r->done++;
		histogram_add(&r->us, (l->now_ns - c->began_ns) / 1000);
		r->elapsed_ns = l->now_ns - l->start_ns;
	}
	if (c->close_after)
		conn_close(l, c);
	unit_begin(l, c);
}

/* Bytes that came: one answer, or a part of one, as nothing is pipelined. 0, or an exit code where the server does not speak the protocol. */
static int conn_take(struct load *l, struct load_conn *c, const char *p, size_t n)
{
	while (n > 0) {
		size_t used = 0;
		enum load_answer a;
		bool last;

		if (!c->busy) {
			snprintf(l->refusal, sizeof(l->refusal), "%s sent something that nobody asked for", l->plan->name);
			return EX_PROTOCOL;
		}
		a = l->plan->protocol->answer(l, c, p, n, &used);
		if (a == LOAD_BROKEN)
			return EX_PROTOCOL;
		if (a == LOAD_MORE)
			return 0;
		p += used;
		n -= used;
		last = c->close_after;
		if (a == LOAD_NEXT) {
			c->out = l->plan->protocol->request(l, c);
			conn_send(l, c);
		} else {
			unit_end(l, c, a == LOAD_DONE);
		}
		if (last || c->fd < 0)
			return 0;
	}
	return 0;
}

static int conn_read(struct load *l, struct load_conn *c)
{
	for (;;) {
		ssize_t n = net_recv(c->fd, c->tls, l->bytes, READ_BYTES);
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (c->tls && tls_wants_out(c->tls))
				watch_out(l, c, true);
			return 0;
		}
		if (n <= 0) {
			if (n < 0)
				conn_broken(l, c, errno);
			else
				conn_lost(l, c, "end of file");
			unit_begin(l, c);
			return 0;
		}
		rc = conn_take(l, c, l->bytes, (size_t)n);
		if (rc != 0 || c->fd < 0 || (!c->tls && n < READ_BYTES))        /* a session may hold more than the descriptor shows */
			return rc;
	}
}

static int open_all(struct load *l)
{
	const struct load_plan *p = l->plan;
	struct load_result *r = l->result;
	char why[200] = "";
	int fd = net_open(&p->url, CONNECT_MS, &l->at, why, sizeof(why));

	if (fd < 0) {
		snprintf(r->first_error, sizeof(r->first_error), "cannot connect to %s: %s. Is it running there?", p->name, why);
		return EX_UNAVAILABLE;
	}
	for (unsigned i = 0; i < p->connections; i++) {
		errno = 0;
		if (i == 0 ? !conn_adopt(l, &l->conn[i], fd, why, sizeof(why)) : !conn_open(l, &l->conn[i], why, sizeof(why))) {
			snprintf(r->first_error, sizeof(r->first_error), "connection %u of %u to %s: %s", i + 1, p->connections, p->name, why);
			return errno == EMFILE ? EX_OSERR : EX_UNAVAILABLE;
		}
	}
	return 0;
}

/* What ends the run before its plan does. */
static int judge(struct load *l, uint64_t errors_before, uint64_t done_before)
{
	struct load_result *r = l->result;

	if (l->now_ns - l->last_answer_ns > LOAD_SILENCE_NS) {
		snprintf(r->first_error, sizeof(r->first_error), "%s has answered nothing for 30 s; %u requests are open", l->plan->name, l->busy);
		return EX_TEMPFAIL;
	}
	if (r->errors - errors_before >= ERRORS_IN_A_ROW && r->done == done_before)
		return EX_UNAVAILABLE;
	return l->busy == 0 && !l->over && l->open == 0 ? EX_UNAVAILABLE : 0;
}

/* A connection that could not begin its next unit (the server was away for a moment) tries again. */
static void revive(struct load *l)
{
	for (unsigned i = 0; i < l->plan->connections && !l->over; i++)
		if (!l->conn[i].busy)
			unit_begin(l, &l->conn[i]);
}

static int turn(struct load *l)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(l->epoll, ev, EVENTS, TURN_MS);

	l->now_ns = clock_boot_ns();
	for (int i = 0; i < n; i++) {
		struct load_conn *c = ev[i].data.ptr;
		int rc = 0;

		if (c->fd >= 0 && ((ev[i].events & EPOLLOUT) || (c->tls && c->out.n)))
			conn_send(l, c);
		if (c->fd >= 0 && ((ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || c->tls))
			rc = conn_read(l, c);
		if (rc != 0) {
			snprintf(l->result->first_error, sizeof(l->result->first_error), "%s", l->refusal);
			return rc;
		}
	}
	if (l->now_ns - l->last_progress_ns > PROGRESS_NS) {
		l->last_progress_ns = l->now_ns;
		if (l->plan->progress)
			l->plan->progress(l->plan->progress_arg, l->result->done, l->now_ns - l->start_ns);
		if (l->busy < l->plan->connections)
			revive(l);
	}
	return 0;
}

static int run(struct load *l)
{
	uint64_t errors = 0, done = 0;
	int code = 0;

	l->now_ns = l->start_ns = l->last_answer_ns = clock_boot_ns();
	if (l->plan->limit_ms)
		l->end_ns = l->start_ns + l->plan->limit_ms * 1000000;
	for (unsigned i = 0; i < l->plan->connections; i++)
		unit_begin(l, &l->conn[i]);
	while (code == 0 && (may_begin(l) || l->busy > 0)) {
		code = turn(l);
		if (code == 0)
			code = judge(l, errors, done);
		if (l->result->done != done) {
			done = l->result->done;
			errors = l->result->errors;
		}
	}
	if (l->end_ns && l->now_ns >= l->end_ns)
		l->result->elapsed_ns = l->end_ns - l->start_ns;
	return code;
}

int load_run(const struct load_plan *plan, struct load_result *result)
{
	struct load l = { .plan = plan, .result = result };
	int code = EX_OSERR;

	memset(result, 0, sizeof(*result));
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.conn = calloc(plan->connections, sizeof(*l.conn));
	l.bytes = malloc(READ_BYTES);
	if (l.epoll < 0 || !l.conn || !l.bytes) {
		snprintf(result->first_error, sizeof(result->first_error), "cannot begin: %s", strerror(errno));
		goto done;
	}
	for (unsigned i = 0; i < plan->connections; i++)
		l.conn[i].fd = -1;
	code = open_all(&l);
	if (code == 0)
		code = run(&l);
done:
	for (unsigned i = 0; l.conn && i < plan->connections; i++) {
		conn_close(&l, &l.conn[i]);
		response_free(&l.conn[i].response);
		buf_free(&l.conn[i].text);
		buf_free(&l.conn[i].body);
	}
	if (l.epoll >= 0)
		close(l.epoll);
	free(l.conn);
	free(l.bytes);
	return code;
}
