/* Owns what a process's connections share: the memory they lend each other (a request costs no allocation, an idle connection holds no buffer), the list of those to be looked at when a
 * turn ends, and the end of them all. Called by conn.c and by process/acceptor.c. Nothing here is fatal. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/conn.h"
#include "os/clock.h"

/* --- memory --- */

char *wire_block(struct http_wire *w)
{
	char *b = w->block;

	if (!b)
		return malloc(CONN_BLOCK);
	memcpy(&w->block, b, sizeof(w->block));
	w->nblock--;
	return b;
}

void wire_give(struct http_wire *w, char *block, size_t cap)
{
	if (!block)
		return;
	if (cap != CONN_BLOCK || w->nblock == CONN_BLOCKS) {
		free(block);
		return;
	}
	memcpy(block, &w->block, sizeof(w->block));
	w->block = block;
	w->nblock++;
}

struct http_exchange *wire_exchange(struct http_wire *w)
{
	struct http_exchange *x = w->spare;

	if (!x)
		return calloc(1, sizeof(*x));
	w->spare = x->next;
	w->nspare--;
	return x;
}

static void release(struct http_exchange *x)
{
	buf_free(&x->text);
	buf_free(&x->q.extra);
	free(x);
}

void wire_put(struct http_wire *w, struct http_exchange *x)
{
	free(x->owned);
	x->owned = NULL;
	if (w->nspare == CONN_BLOCKS) {
		release(x);
		return;
	}
	x->next = w->spare;
	w->spare = x;
	w->nspare++;
}

static void bury(struct http_wire *w)
{
	while (w->spent) {
		struct http_exchange *x = w->spent;

		w->spent = x->next;
		wire_put(w, x);
	}
	while (w->dead) {
		struct http_conn *c = w->dead;

		w->dead = c->next;
		free(c);
	}
}

void wire_free(struct http_wire *w)
{
	bury(w);
	while (w->spare)
		release(wire_exchange(w));
	while (w->block)
		free(wire_block(w));
	if (w->reserve_fd >= 0)
		close(w->reserve_fd);
	free(w);
}

/* --- the whole --- */

/* Time for a client that has an idle connection to use it once more has passed. */
static void end_idle(struct loop_timer *t)
{
	struct http_wire *w = LOOP_OWNER(t, struct http_wire, drain);

	for (struct http_conn *c = w->first, *following; c; c = following) {
		following = c->next;
		if (!c->x && conn_unsent(c) == 0 && c->phase != CONN_LINGER)
			conn_close(c);
	}
}

struct http_wire *wire_of(struct api *a)
{
	struct http_wire *w = a->wire;

	if (w)
		return w;
	w = malloc(sizeof(*w));
	if (!w)
		return NULL;
	memset(w, 0, offsetof(struct http_wire, scratch));
	w->api = a;
	w->drain.fire = end_idle;
	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	a->wire = w;
	if (a->seg)             /* a process before us in this slot may have left its own figure */
		shm_gauge(&a->seg->proc[a->slot], SHM_C_HTTP_OPEN, 0);
	return w;
}

/* Made again when the loop's time has passed into another second since. */
const char *wire_date(struct http_wire *w)
{
	int64_t now = loop_now(w->api->loop), wall;

	if (w->date[0] && now < w->date_ns)
		return w->date;
	wall = clock_wall_ms();
	reply_date(wall, w->date);
	w->date_ns = now + (1000 - wall % 1000) * 1000000;
	return w->date;
}

void wire_count(const struct http_wire *w, enum shm_counter c)
{
	if (w->api->seg)
		shm_count(&w->api->seg->proc[w->api->slot], c, 1);
}

void http_resume(struct api *a)
{
	if (!a->wire)
		return;
	for (struct http_conn *c = a->wire->marked_first; c; c = c->marked_next)
		if (!c->dead && c->x && (c->x->answered || conn_wants_body(c)))
			conn_advance(c);
}

void http_flush(struct api *a)
{
	struct http_wire *w = a->wire;

	if (!w)
		return;
	while (w->marked_first) {
		struct http_conn *c = w->marked_first;

		w->marked_first = c->marked_next;
		if (!w->marked_first)
			w->marked_last = NULL;
		c->marked = false;
		if (!c->dead)
			conn_flush(c);
	}
	bury(w);
}

void http_drain(struct api *a, int64_t idle_ms)
{
	struct http_wire *w = a->wire;

	if (!w)
		return;
	w->draining = true;
	if (idle_ms > 0)
		loop_timer_set(a->loop, &w->drain, idle_ms * 1000000);
	else
		end_idle(&w->drain);
}

bool http_draining(const struct api *a)
{
	return a->wire && a->wire->draining;
}

unsigned http_open(const struct api *a)
{
	return a->wire ? a->wire->open + a->wire->over : 0;
}

unsigned http_unanswered(const struct api *a)
{
	unsigned n = 0;

	if (a->wire)
		for (const struct http_conn *c = a->wire->first; c; c = c->next)
			n += c->x || conn_unsent(c);
	return n;
}

void http_give_up(struct api *a)
{
	struct http_conn *next;

	for (struct http_conn *c = a->wire ? a->wire->first : NULL; c; c = next) {
		next = c->next;
		if (c->x && c->x->handed && !c->x->answered && !request_reads(&c->x->q))
			conn_close(c);
	}
}

void http_close_all(struct api *a)
{
	struct http_wire *w = a->wire;

	if (!w)
		return;
	while (w->first)
		conn_close(w->first);
	listen_free(w);
	loop_timer_stop(a->loop, &w->drain);
	w->marked_first = w->marked_last = NULL;
	a->wire = NULL;
	w->closed = true;
	bury(w);
	if (w->orphans == 0)
		wire_free(w);
}

/* --- who it is --- */

void http_peer(const struct http_request *q, struct http_peer *out)
{
	union { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; } a;
	socklen_t n = sizeof(a);
	struct ucred user;

	out->n = 0;
	if (!q->conn || getpeername(q->conn->io.fd, &a.any, &n) < 0)
		return;
	if (a.any.sa_family == AF_INET) {
		out->n = 4;
		memcpy(out->b, &a.four.sin_addr, 4);
	} else if (a.any.sa_family == AF_INET6) {
		bool four = IN6_IS_ADDR_V4MAPPED(&a.six.sin6_addr);
		out->n = four ? 4 : 8;
		memcpy(out->b, (const char *)&a.six.sin6_addr + (four ? 12 : 0), out->n);
	} else if (n = sizeof(user), getsockopt(q->conn->io.fd, SOL_SOCKET, SO_PEERCRED, &user, &n) == 0) {
		out->n = sizeof(user.uid);
		memcpy(out->b, &user.uid, sizeof(user.uid));
	}
}

bool http_is_tls(const struct http_request *q)
{
	return q->conn && q->conn->tls;
}
