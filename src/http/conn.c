/* Owns a connection's life and the order of what happens on it: head, body, handler, answer, next. Its bytes are moved by stream.c. Called by the loop through stream.c, by listen.c
 * for new ones, and by process/acceptor.c at each turn's end. Nothing here is fatal to the process; what goes wrong closes the connection. */
#include "http/conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/log.h"

#define MS 1000000LL

static void show_open(const struct http_wire *w)
{
	if (w->api->seg)
		shm_gauge(&w->api->seg->proc[w->api->slot], SHM_C_HTTP_OPEN, w->open + w->over);
}

/* --- a connection begins and ends --- */

struct http_conn *conn_new(struct http_wire *w, int fd, bool tls, bool over)
{
	struct http_conn *c = calloc(1, sizeof(*c));

	if (c && tls && w->api->tls)
		c->tls = tls_new(w->api->tls, fd);
	if (!c || (tls && !c->tls)) {
		close(fd);
		free(c);
		return NULL;
	}
	c->io.fd = fd;
	c->io.ready = conn_ready;
	c->timer.fire = conn_timer;
	c->wire = w;
	c->over = over;
	/* a handshake has to come as soon as a head has */
	c->read_due = loop_now(w->api->loop) + (tls ? w->api->conf->http.header_timeout : w->api->conf->http.idle_timeout) * MS;
	c->write_due = CONN_NEVER;
	if (loop_add(w->api->loop, &c->io, EPOLLIN | EPOLLRDHUP) < 0) {
		tls_free(c->tls);
		close(fd);
		free(c);
		return NULL;
	}
	c->next = w->first;
	if (w->first)
		w->first->prev = c;
	w->first = c;
	w->open += !over;
	w->over += over;
	wire_count(w, SHM_C_HTTP_CONNECTIONS);
	show_open(w);
	conn_due(c);
	return c;
}

/* The client has gone before its answer: the request stays until its handler is done with it. */
static void orphan(struct http_conn *c, struct http_exchange *x)
{
	x->owned = c->in;
	c->in = NULL;
	x->q.conn = NULL;
	x->q.gone = true;
	c->wire->orphans++;
	if (x->q.on_gone)
		x->q.on_gone(&x->q);
}

void conn_close(struct http_conn *c)
{
	struct http_wire *w = c->wire;
	struct http_exchange *x = c->x;

	if (c->dead)
		return;
	c->dead = true;
	loop_timer_stop(w->api->loop, &c->timer);
	loop_del(w->api->loop, &c->io);
	tls_free(c->tls);
	c->tls = NULL;
	close(c->io.fd);
	if (c->prev)
		c->prev->next = c->next;
	else
		w->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	w->open -= !c->over;
	w->over -= c->over;
	show_open(w);
	c->next = w->dead;
	w->dead = c;
	c->x = NULL;
	if (x && x->handed && !x->answered)
		orphan(c, x);
	else if (x)
		wire_put(w, x);
	conn_sent(c, true);
	wire_give(w, c->in, c->in_cap);
	wire_give(w, c->out.data, c->out.cap);
	c->in = NULL;
	c->out = (struct buf){ 0 };
	listen_resume(w);
}

/* --- answers --- */

static void count_answer(const struct http_wire *w, const struct http_exchange *x, int status)
{
	if (status < 300)
		wire_count(w, SHM_C_HTTP_2XX);
	else if (status >= 500)
		wire_count(w, SHM_C_HTTP_5XX);
	else if (status >= 400)
		wire_count(w, SHM_C_HTTP_4XX);
	if (status >= 400 && !x->handed && x->q.route && (x->q.route->flags & HTTP_ROUTE_SUBMIT))       /* else its handler has counted it */
		wire_count(w, SHM_C_REJECTED);
}

static void answer_orphan(struct http_wire *w, struct http_exchange *x)
{
	w->orphans--;
	if (w->closed) {
		wire_put(w, x);
		if (w->orphans == 0)
			wire_free(w);
		return;
	}
	x->next = w->spent;
	w->spent = x;
	listen_resume(w);
}

static void write_answer(struct http_exchange *x, int status, const char *content_type, const struct buf *body, bool live)
{
	struct http_wire *w = x->wire;
	struct http_conn *c = x->q.conn;

	if (!c->out.data && (c->out.data = wire_block(w)))
		c->out.cap = CONN_BLOCK;
	c->last = !(x->whole || (live && x->q.streamed)) || x->lint.close || w->draining || c->over;
	reply_write(&c->out, &(struct reply){ .status = status, .content_type = content_type, .body = { body->data, body->len }, .extra = { x->q.extra.data, x->q.extra.len },
		.date = wire_date(w), .bare = x->q.method == HTTP_M_HEAD, .close = c->last, .live = live });
	if (body->failed || x->q.extra.failed)
		c->out.failed = true;
	if (x->q.sent) {
		x->q.sent->next = NULL;
		x->q.sent->mark = c->out.len;
		*(c->sent ? &c->sent_last->next : &c->sent) = x->q.sent;
		c->sent_last = x->q.sent;
	}
	conn_mark(c);
}

void conn_answer(struct http_exchange *x, int status, const char *content_type, const struct buf *body)
{
	if (x->answered || x->live)
		log_panic("a request was answered twice (%d)", status);
	x->answered = true;
	count_answer(x->wire, x, status);
	if (x->q.gone && x->q.sent)
		x->q.sent->fn(x->q.sent, false);
	if (x->q.gone)
		answer_orphan(x->wire, x);
	else
		write_answer(x, status, content_type, body, false);
}

void conn_begin(struct http_exchange *x, int status, const char *content_type)
{
	if (x->answered || x->live)
		log_panic("a request was answered twice (%d)", status);
	x->live = true;
	count_answer(x->wire, x, status);
	if (!x->q.gone)
		write_answer(x, status, content_type, &(struct buf){ 0 }, true);
}

void conn_end(struct http_exchange *x)
{
	if (x->answered || !x->live)
		log_panic("an answer was ended that does not go on");
	x->answered = true;
	if (x->q.gone) {
		answer_orphan(x->wire, x);
		return;
	}
	x->q.conn->last |= x->wire->draining || !x->whole;
	conn_mark(x->q.conn);
}

void conn_refuse(struct http_conn *c, int status, const char *why)
{
	struct http_exchange *x = c->x;

	if (!x->q.route)
		request_guess(x, c->in + c->in_at);
	x->whole = false;
	if (!x->checked)
		wire_count(c->wire, SHM_C_HTTP_REQUESTS);
	problem_send(&x->q, status, NULL, "%s", why);
}

/* --- a request comes in --- */

static bool begin(struct http_conn *c)
{
	const char *p = c->in + c->in_at;
	size_t n = c->in_len - c->in_at;

	if (n && p[0] == '\r' && !c->crlf) {
		if (n == 1)
			return false;
		if (p[1] == '\n') {     /* RFC 9112 2.2: one empty line before the request line is let pass */
			c->crlf = true;
			c->in_at += 2;
			n -= 2;
		}
	}
	if (n == 0)
		return false;
	c->x = wire_exchange(c->wire);
	if (!c->x) {
		conn_close(c);
		return false;
	}
	request_begin(c->x, c->wire, c);
	return true;
}

/* The body as far as it is there. True when all of it is; on a refusal x is answered. */
static bool take_body(struct http_conn *c, struct http_exchange *x)
{
	const struct conf_http *http = &c->wire->api->conf->http;
	char *head = c->in + c->in_at;
	size_t have = c->in_len - c->in_at, used;
	enum lint_rc rc;

	if (!x->lint.chunked) {
		if (have - x->lint.bytes < x->lint.content_length)
			return false;
		if (x->lint.content_length && (!request_body(x, head, head + x->bytes, (size_t)x->lint.content_length) || !x->complete)) {
			conn_refuse(c, 400, x->lint.no.status ? x->lint.no.why : "where the request's body ends cannot be told without doubt");
			return false;
		}
		return true;
	}
	size_t raw = x->bytes;

	rc = lint_chunks(&x->chunks, head + raw, have - raw, http->max_header, http->max_body, &used);
	if (rc == LINT_BAD) {
		conn_refuse(c, x->chunks.no.status, x->chunks.no.why);
		return false;
	}
	if (!request_body(x, head, head + raw, used) || x->complete != (rc == LINT_DONE) || x->bytes - x->lint.bytes != x->chunks.total - x->chunks.left) {
		conn_refuse(c, 400, x->lint.no.status ? x->lint.no.why : "where the chunked body ends cannot be told without doubt");
		return false;
	}
	memmove(head + x->bytes, head + raw + used, have - raw - used);
	c->in_len -= raw + used - x->bytes;
	return rc == LINT_DONE;
}

/* A body that is handled as it comes may have any length. */
static bool take_head(struct http_conn *c, struct http_exchange *x)
{
	const struct conf_http *http = &c->wire->api->conf->http;
	char *head = c->in + c->in_at, why[120];
	enum lint_rc rc = lint_head(&x->lint, head, c->in_len - c->in_at, http->max_header, UINT64_MAX);

	if (rc == LINT_MORE)
		return false;
	if (rc != LINT_DONE || !request_head(x, head)) {
		conn_refuse(c, x->lint.no.status, x->lint.no.why);
		return false;
	}
	x->q.streamed = x->q.method == HTTP_M_POST && ((slice_eq(x->q.path, "/jobs") && api_submit_streams(&x->q)) || (slice_eq(x->q.path, "/import") && api_import_streams(&x->q)));
	if (x->q.streamed || x->lint.content_length <= http->max_body)
		return true;
	snprintf(why, sizeof(why), "the body has %" PRIu64 " bytes; at most %" PRIu64 " are taken (max_body)", x->lint.content_length, http->max_body);
	conn_refuse(c, 413, why);
	return false;
}

/* --- a body that is handled as it comes --- */

/* Takes what has come off the wire and gives it away. What cannot be right closes the connection: some of its jobs may be stored, and answered. */
static void take_piece(struct http_conn *c, struct http_exchange *x)
{
	char *head = c->in + c->in_at;
	size_t raw = x->lint.bytes, have = c->in_len - c->in_at - raw, used = have;
	bool done;

	x->bytes = raw;
	if (x->lint.chunked) {
		enum lint_rc rc = lint_chunks(&x->chunks, head + raw, have, c->wire->api->conf->http.max_header, UINT64_MAX, &used);
		done = rc == LINT_DONE;
		if (rc == LINT_BAD) {
			conn_close(c);
			return;
		}
	} else {
		if (have > x->lint.content_length - x->taken)
			used = (size_t)(x->lint.content_length - x->taken);
		done = x->taken + used == x->lint.content_length;
	}
	if (used > 0 && !request_body(x, head, head + raw, used)) {
		conn_close(c);
		return;
	}
	x->taken += used;
	x->given += x->bytes - raw;
	if (x->complete != done || (x->lint.chunked && x->given != x->chunks.total - x->chunks.left)) {
		conn_close(c);
		return;
	}
	struct slice piece = { head + raw, x->bytes - raw };
	x->whole = done;
	if (piece.n > 0 || done)
		x->q.on_body(&x->q, piece, done);
	memmove(head + raw, head + raw + used, have - used);
	c->in_len -= used;
	x->bytes = raw;
}

static bool wants_body(const struct http_exchange *x)
{
	return x->handed && !x->answered && x->q.streamed && !x->whole && !x->q.hold && x->q.on_body;
}

bool conn_wants_body(const struct http_conn *c)
{
	return c->x && wants_body(c->x);
}

void http_body_more(struct http_request *q)
{
	q->hold = false;
	if (!q->gone)
		conn_mark(q->conn);
}

/* For a client that waits with its body until it hears that it is wanted. */
static void invite(struct http_conn *c, const struct http_exchange *x)
{
	if (x->lint.expect && c->in_len - c->in_at == x->lint.bytes) {
		buf_slice(&c->out, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
		conn_mark(c);
	}
}

static void begin_streamed(struct http_conn *c, struct http_exchange *x)
{
	x->q.began_ns = loop_now(c->wire->api->loop);
	x->handed = true;
	invite(c, x);
	x->q.route->handle(&x->q);
}

static void hand_over(struct http_conn *c, struct http_exchange *x)
{
	x->q.body = (struct slice){ c->in + c->in_at + x->lint.bytes, x->bytes - x->lint.bytes };
	x->q.began_ns = loop_now(c->wire->api->loop);
	x->handed = true;
	x->q.route->handle(&x->q);
}

/* Takes the request as far as it has come. False: more bytes are needed. A client that waits for 100 Continue hears at once that its request will not do; any other has its body read
 * first (it is within max_body), so that its connection can go on whatever pieces the body came in. */
static bool receive(struct http_conn *c)
{
	struct http_exchange *x = c->x;
	bool fresh = !x->parsed;

	if (fresh && !take_head(c, x))
		return x->answered;
	x->whole = !x->q.streamed && take_body(c, x);
	if (x->answered)
		return true;
	if (!x->checked && (x->whole || x->lint.expect || x->q.streamed)) {
		x->checked = true;
		x->q.api = c->wire->api;
		wire_count(c->wire, SHM_C_HTTP_REQUESTS);
		if (!request_check(x))
			return true;
	}
	if (x->whole) {
		hand_over(c, x);
		return true;
	}
	if (x->q.streamed) {
		begin_streamed(c, x);
		return true;
	}
	if (fresh)
		invite(c, x);
	return false;
}

/* The answered request goes, and its bytes with it. */
static void next(struct http_conn *c)
{
	struct http_exchange *x = c->x;

	c->x = NULL;
	c->crlf = false;
	c->phase = CONN_HANDLER;
	c->in_at = x->whole ? c->in_at + x->bytes : c->in_len;
	wire_put(c->wire, x);
}

/* Where nothing lies in the buffer it is given back; the deadline follows from what is awaited. */
static void settle(struct http_conn *c)
{
	const struct conf_http *http = &c->wire->api->conf->http;
	int64_t now = loop_now(c->wire->api->loop);
	struct http_exchange *x = c->x;

	if (c->in_at == c->in_len) {
		wire_give(c->wire, c->in, c->in_cap);
		c->in = NULL;
		c->in_at = c->in_len = c->in_cap = 0;
	}
	if (x && x->handed && !wants_body(x)) {
		c->phase = CONN_HANDLER;
		c->read_due = CONN_NEVER;
		return;
	}
	if (x && x->handed) {
		c->read_due = now + http->body_timeout * MS;
		c->phase = CONN_BODY;
	} else if (x && x->parsed) {
		if (c->phase != CONN_BODY || c->in_len - c->in_at >= x->body_mark + CONN_STEP) {
			x->body_mark = c->in_len - c->in_at;
			c->read_due = now + http->body_timeout * MS;
		}
		c->phase = CONN_BODY;
	} else if (x) {
		if (c->phase != CONN_HEAD)
			c->read_due = now + http->header_timeout * MS;
		c->phase = CONN_HEAD;
	} else {
		if (c->phase != CONN_IDLE)
			c->read_due = now + http->idle_timeout * MS;
		c->phase = CONN_IDLE;
	}
	conn_due(c);
	if ((!c->last || conn_wants_body(c)) && !c->held && !c->ended)
		conn_input(c);
}

void conn_advance(struct http_conn *c)
{
	c->held = false;
	while (!c->dead) {
		if (c->x && (c->x->handed || c->x->answered)) {
			if (wants_body(c->x) && c->in_len - c->in_at > c->x->lint.bytes) {
				take_piece(c, c->x);
				continue;
			}
			if (wants_body(c->x) && c->x->complete && !c->x->whole) {       /* it is empty */
				c->x->whole = true;
				c->x->q.on_body(&c->x->q, SLICE(""), true);
				continue;
			}
			if (!c->x->answered)
				break;
			next(c);
		}
		if (c->last)
			break;
		if (conn_unsent(c) >= CONN_OUT_HIGH) {
			c->held = true;
			break;
		}
		if ((!c->x && !begin(c)) || !receive(c))
			break;
	}
	if (!c->dead)
		settle(c);
}
