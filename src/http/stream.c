/* Owns the bytes of a connection: reading, writing once a turn, lingering after the last answer, and its deadlines. Called by the loop and by conn.c. Nothing here is fatal. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/conn.h"

#define MS 1000000LL
#define ROOM 1024                       /* less than this left in the buffer is too little for another read */

void conn_mark(struct http_conn *c)
{
	struct http_wire *w = c->wire;

	if (c->marked)
		return;
	c->marked = true;
	c->marked_next = NULL;
	if (w->marked_last)
		w->marked_last->marked_next = c;
	else
		w->marked_first = c;
	w->marked_last = c;
}

size_t conn_unsent(const struct http_conn *c)
{
	return c->out.len - c->out_at;
}

/* --- deadlines: one timer, left alone as long as it is early enough --- */

void conn_due(struct http_conn *c)
{
	int64_t due = c->read_due < c->write_due ? c->read_due : c->write_due;
	struct loop *l = c->wire->api->loop;

	if (due == CONN_NEVER || (c->timer.place && c->timer.due_ns <= due))
		return;
	loop_timer_set(l, &c->timer, due - loop_now(l));
}

/* A request that does not come in time is told so; a silent connection is closed without a word. */
static void too_slow(struct http_conn *c)
{
	const struct conf_http *http = &c->wire->api->conf->http;
	char why[120];

	if (c->phase == CONN_HEAD)
		snprintf(why, sizeof(why), "the request's head did not come within %" PRId64 " ms (header_timeout)", http->header_timeout);
	else if (c->phase == CONN_BODY)
		snprintf(why, sizeof(why), "the request's body did not come within %" PRId64 " ms (body_timeout)", http->body_timeout);
	if (c->x && !c->x->handed && (c->phase == CONN_HEAD || c->phase == CONN_BODY)) {
		conn_refuse(c, 408, why);
		conn_advance(c);
	} else {
		conn_close(c);
	}
}

void conn_timer(struct loop_timer *t)
{
	struct http_conn *c = LOOP_OWNER(t, struct http_conn, timer);
	int64_t now = loop_now(c->wire->api->loop);

	if (now >= c->write_due)
		conn_close(c);
	else if (now >= c->read_due)
		too_slow(c);
	else
		conn_due(c);
}

/* --- what epoll is asked for --- */

static void want(struct http_conn *c, uint32_t events)
{
	if (loop_change(c->wire->api->loop, &c->io, events) < 0)
		conn_close(c);
}

void conn_input(struct http_conn *c)
{
	want(c, c->io.events | EPOLLIN | (c->hung_up ? 0 : EPOLLRDHUP));
}

/* --- in --- */

/* Room for another read: the buffer is borrowed, tidied or made larger. What comes in is bounded by max_header and max_body, and so is this. */
static bool make_room(struct http_conn *c)
{
	size_t have = c->in_len - c->in_at;
	char *more;

	if (!c->in) {
		c->in = wire_block(c->wire);
		c->in_cap = c->in ? CONN_BLOCK : 0;
		c->in_at = c->in_len = 0;
		return c->in;
	}
	if (c->in_cap - c->in_len >= ROOM)
		return true;
	more = c->in;
	if (have + ROOM > c->in_cap / 2)
		more = malloc(c->in_cap * 2);
	if (!more)
		return false;
	if (c->x)
		request_moved(c->x, c->in + c->in_at, more);
	memmove(more, c->in + c->in_at, have);
	if (more != c->in) {
		size_t cap = c->in_cap;

		c->in_cap *= 2;
		wire_give(c->wire, c->in, cap);
		c->in = more;
	}
	c->in_at = 0;
	c->in_len = have;
	return true;
}

/* The client has said its last byte. What it has asked in full is still answered: a half-closed connection can be written to. */
static void ended(struct http_conn *c)
{
	c->ended = true;
	if (c->x && c->x->handed && c->x->q.streamed && !c->x->whole) {
		conn_close(c);
	} else if (c->x && !c->x->handed) {
		conn_refuse(c, 400, "the connection ended inside the request");
		conn_advance(c);
	} else if (!c->x && conn_unsent(c) == 0) {
		conn_close(c);
	} else {
		c->last = true;
		want(c, c->io.events & ~(uint32_t)(EPOLLIN | EPOLLRDHUP));
		conn_mark(c);
	}
}

static ssize_t receive(struct http_conn *c, void *p, size_t n)
{
	return c->tls ? tls_recv(c->tls, p, n) : recv(c->io.fd, p, n, 0);
}

static void read_some(struct http_conn *c)
{
	ssize_t n;

	if (!make_room(c)) {
		conn_close(c);
		return;
	}
	n = receive(c, c->in + c->in_len, c->in_cap - c->in_len);
	if (n > 0) {
		c->in_len += (size_t)n;
		conn_advance(c);
	} else if (n == 0) {
		ended(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		conn_close(c);
	}
	if (c->in && c->in_at == c->in_len && !c->x) {
		wire_give(c->wire, c->in, c->in_cap);
		c->in = NULL;
		c->in_at = c->in_len = c->in_cap = 0;
	}
}

/* After the last answer: what still comes is dropped, so that the client's kernel does not drop the answer. */
static void linger(struct http_conn *c)
{
	ssize_t n = receive(c, c->wire->scratch, sizeof(c->wire->scratch));

	if (n > 0)
		c->dropped += (uint64_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || c->dropped > CONN_LINGER_BYTES)
		conn_close(c);
}

static bool waits(const struct http_conn *c)
{
	return (c->last && !conn_wants_body(c)) || c->held || (c->x && c->x->handed && !conn_wants_body(c));
}

/* What the session has deciphered already tells nobody that it is there. */
static void read_on(struct http_conn *c)
{
	while (!c->dead && c->tls && c->phase != CONN_LINGER && !c->ended && !waits(c) && tls_pending(c->tls))
		read_some(c);
	if (!c->dead && c->tls && tls_wants_out(c->tls))
		want(c, c->io.events | EPOLLOUT);
}

/* Input that may not be taken now is switched off only when it comes: most clients send nothing before they have their answer. */
void conn_ready(struct loop_io *io, uint32_t events)
{
	struct http_conn *c = LOOP_OWNER(io, struct http_conn, io);

	if (events & EPOLLOUT)
		conn_mark(c);
	if ((events & EPOLLOUT) && c->tls && tls_wants_out(c->tls))
		events |= EPOLLIN;      /* what was read needs something to be written first */
	if (c->phase == CONN_LINGER) {
		linger(c);
	} else if (events & EPOLLIN) {
		if (waits(c))
			want(c, c->io.events & ~(uint32_t)EPOLLIN);
		else
			read_some(c);
		read_on(c);
	}
	if (!c->dead && (events & EPOLLRDHUP)) {
		c->hung_up = true;
		want(c, c->io.events & ~(uint32_t)EPOLLRDHUP);
		if (!c->dead && c->x && c->x->handed && !c->x->answered && (c->x->q.route->flags & HTTP_ROUTE_HANGUP))
			conn_close(c);
	}
	if (!c->dead && (events & (EPOLLHUP | EPOLLERR)))
		conn_close(c);
}

/* --- out --- */

void conn_sent(struct http_conn *c, bool closed)
{
	while (c->sent && (closed || c->sent->mark <= c->out_at)) {
		struct http_sent *s = c->sent;
		c->sent = s->next;
		s->fn(s, s->mark <= c->out_at && !c->out.failed);
	}
}

static void send_some(struct http_conn *c)
{
	const struct conf_http *http = &c->wire->api->conf->http;
	size_t n = conn_unsent(c);
	ssize_t sent = 0;

	if (n)
		sent = c->tls ? tls_send(c->tls, c->out.data + c->out_at, n) : send(c->io.fd, c->out.data + c->out_at, n, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(c);
		return;
	}
	if (sent > 0)
		c->out_at += (size_t)sent;
	conn_sent(c, false);
	if (c->out_at < c->out.len) {
		c->write_mark += sent > 0 ? (size_t)sent : 0;
		if (c->write_due == CONN_NEVER || c->write_mark >= CONN_STEP) {
			c->write_mark = 0;
			c->write_due = loop_now(c->wire->api->loop) + http->write_timeout * MS;
			conn_due(c);
		}
		want(c, c->io.events | EPOLLOUT);
		return;
	}
	wire_give(c->wire, c->out.data, c->out.cap);
	c->out = (struct buf){ 0 };
	c->out_at = c->write_mark = 0;
	c->write_due = CONN_NEVER;
	want(c, c->io.events & ~(uint32_t)EPOLLOUT);
}

/* Everything is sent and nothing will be asked any more. */
static void finish(struct http_conn *c)
{
	if (c->tls)
		tls_say_end(c->tls);
	if (c->ended || shutdown(c->io.fd, SHUT_WR) < 0) {
		conn_close(c);
		return;
	}
	c->phase = CONN_LINGER;
	wire_give(c->wire, c->in, c->in_cap);
	c->in = NULL;
	c->in_at = c->in_len = c->in_cap = 0;
	c->read_due = loop_now(c->wire->api->loop) + CONN_LINGER_MS * MS;
	conn_due(c);
	want(c, EPOLLIN);
}

void conn_flush(struct http_conn *c)
{
	if (c->phase == CONN_LINGER)
		return;
	if (c->x && (c->x->answered || conn_wants_body(c)))
		conn_advance(c);
	while (!c->dead) {
		if (c->out.failed) {    /* an answer that does not fit into memory is not sent in part */
			conn_close(c);
			return;
		}
		send_some(c);
		if (c->dead || conn_unsent(c))
			return;
		if (!c->held)
			break;
		conn_advance(c);        /* it had been stopped until this was sent */
	}
	if (!c->dead && c->x && c->x->live && !c->x->answered && c->x->q.on_room)
		c->x->q.on_room(&c->x->q);
	read_on(c);
	if (!c->dead && c->last && !c->x)
		finish(c);
}
