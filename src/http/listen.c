/* Owns listening sockets and the limit of connections. Called by process/acceptor.c. Nothing here is fatal: what cannot be accepted now is tried again after a pause. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/conn.h"
#include "http/problem.h"
#include "os/log.h"

#define ACCEPT_BATCH 64                 /* connections taken in one turn */
#define PAUSE_NS 100000000LL            /* after accept(2) has failed */
#define WARN_NS 10000000000LL           /* between two warnings about it */

struct http_listener {
	struct loop_io io;
	struct loop_timer pause;
	struct http_wire *wire;
	struct http_listener *next;
	bool tls;
	bool full;                      /* stopped until a connection goes */
};

static void rest(struct http_listener *l)
{
	loop_change(l->wire->api->loop, &l->io, 0);
	loop_timer_set(l->wire->api->loop, &l->pause, PAUSE_NS);
}

static void on_pause(struct loop_timer *t)
{
	struct http_listener *l = LOOP_OWNER(t, struct http_listener, pause);

	if (!l->full)
		loop_change(l->wire->api->loop, &l->io, EPOLLIN);
}

void listen_resume(struct http_wire *w)
{
	for (struct http_listener *l = w->listeners; l; l = l->next) {
		if (!l->full)
			continue;
		l->full = false;
		if (!l->pause.place)
			loop_change(w->api->loop, &l->io, EPOLLIN);
	}
}

static void write_busy(struct http_wire *w, struct buf *out, const char *why)
{
	struct buf body = { 0 };

	problem_write(&body, 503, (struct slice){ NULL, 0 }, NULL, slice_of(why));
	reply_write(out, &(struct reply){ .status = 503, .content_type = PROBLEM_TYPE, .body = { body.data, body.len }, .date = wire_date(w), .close = true });
	out->failed |= body.failed;
	buf_free(&body);
}

/* No descriptor is free: the one in reserve takes a client just long enough to tell it. */
static void out_of_files(struct http_listener *l, int error)
{
	struct http_wire *w = l->wire;
	int64_t now = loop_now(w->api->loop);
	struct buf out = { 0 };
	int fd;

	if (!w->warned_ns || now - w->warned_ns >= WARN_NS) {
		w->warned_ns = now;
		log_warn("cannot accept a connection: %s; %u are open. A higher limit of open files (ulimit -n) or a lower max_connections would help", strerror(error), w->open);
	}
	if (w->reserve_fd >= 0 && (error == EMFILE || error == ENFILE)) {
		close(w->reserve_fd);
		fd = accept4(l->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			write_busy(w, &out, "the server has no file descriptor left for this connection; try again later");
			if (!l->tls && !out.failed && send(fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len)
				shutdown(fd, SHUT_WR);
			buf_free(&out);
			close(fd);
		}
		w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	rest(l);
}

static void refuse(struct http_conn *c)
{
	write_busy(c->wire, &c->out, "the server has as many connections as it may (max_connections); try again later");
	wire_count(c->wire, SHM_C_HTTP_5XX);
	c->last = true;
	conn_mark(c);
}

/* A request whose client has gone keeps its memory until it is answered: it counts, or going away would be a way around the limit. */
static bool is_full(const struct http_wire *w)
{
	return (uint64_t)w->open + w->orphans >= w->api->conf->http.max_connections;
}

static void take(struct http_wire *w, int fd, bool tls)
{
	bool over = is_full(w);
	struct http_conn *c;
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));    /* fails on a Unix socket, which needs none */
	if (over && tls) {
		close(fd);              /* it would need a handshake to be told */
		return;
	}
	c = conn_new(w, fd, tls, over);
	if (c && over)
		refuse(c);
}

static void on_listener(struct loop_io *io, uint32_t events)
{
	struct http_listener *l = LOOP_OWNER(io, struct http_listener, io);
	struct http_wire *w = l->wire;

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd;

		if (is_full(w) && w->over >= CONN_REFUSED_MAX) {
			l->full = true;
			loop_change(w->api->loop, &l->io, 0);
			return;
		}
		fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take(w, fd, l->tls);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM || errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
			out_of_files(l, errno);
			return;
		}
		/* all else is a connection that failed before it was taken: the next one may be fine */
	}
}

struct http_listener *http_listen(struct api *a, int fd, bool tls)
{
	struct http_wire *w = wire_of(a);
	struct http_listener *l = w ? calloc(1, sizeof(*l)) : NULL;

	if (!l)
		return NULL;
	l->io.fd = fd;
	l->io.ready = on_listener;
	l->pause.fire = on_pause;
	l->wire = w;
	l->tls = tls;
	if (loop_add(a->loop, &l->io, EPOLLIN) < 0) {
		free(l);
		return NULL;
	}
	l->next = w->listeners;
	w->listeners = l;
	return l;
}

void http_listener_close(struct http_listener *l)
{
	struct http_wire *w = l->wire;

	for (struct http_listener **at = &w->listeners; *at; at = &(*at)->next) {
		if (*at == l) {
			*at = l->next;
			break;
		}
	}
	loop_timer_stop(w->api->loop, &l->pause);
	loop_del(w->api->loop, &l->io);
	close(l->io.fd);
	free(l);
}

void listen_free(struct http_wire *w)
{
	while (w->listeners)
		http_listener_close(w->listeners);
}
