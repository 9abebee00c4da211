/* A connection of `stint work`: kept between requests, made anew where the server has closed it. Called by work.c and by the loop. Nothing here is fatal. */
#include "cli/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define CONNECT_MS 5000
#define ANSWER_MAX (64u << 20)
#define MS 1000000LL

static void hang_up(struct link *l)
{
	if (l->io.fd < 0)
		return;
	loop_del(l->loop, &l->io);
	net_hang_up(l->io.fd, l->tls);
	l->tls = NULL;
	l->greeted = false;
	l->io.fd = -1;
	l->used = false;
}

static void finish(struct link *l, int status, const char *why)
{
	struct buf body = l->body;

	loop_timer_stop(l->loop, &l->timer);
	l->stage = LINK_IDLE;
	l->body = (struct buf){ 0 };
	if (status == 0 || l->response.close)
		hang_up(l);
	l->used = l->io.fd >= 0;
	l->heard |= status != 0;
	l->done(l, status, (struct slice){ body.data, body.len }, why);
	buf_free(&body);
}

/* At leisure the name is looked up anew and every address tried; else the last one is, without waiting. -1: why says so. */
static int dial(struct link *l, char *why, size_t size)
{
	int fd, on = 1;

	if (!l->known || l->at_leisure(l->arg)) {
		fd = net_open(&l->client->url, CONNECT_MS, &l->at, why, size);
		l->known = l->known || fd >= 0;
		return fd;
	}
	fd = socket(l->at.at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && l->at.at.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&l->at.at, l->at.len) < 0 && errno != EINPROGRESS && errno != EAGAIN) {
		snprintf(why, size, "%s", strerror(errno));
		close(fd);
		return -1;
	}
	if (fd < 0)
		snprintf(why, size, "%s", strerror(errno));
	return fd;
}

static void begin(struct link *l)
{
	char why[256] = "no answer";

	l->sent = 0;
	response_begin(&l->response, &l->body, ANSWER_MAX);
	buf_clear(&l->body);
	l->stage = LINK_CONNECTING;
	if (l->io.fd < 0) {
		int fd = dial(l, why, sizeof(why));
		if (fd < 0) {
			finish(l, 0, why);
			return;
		}
		if (l->client->secure)
			l->tls = tls_new_client(l->client->secure, fd, l->client->url.host);
		l->io.fd = fd;
		if ((l->client->secure && !l->tls) || loop_add(l->loop, &l->io, EPOLLOUT) < 0) {
			snprintf(why, sizeof(why), "%s", strerror(errno));
			net_hang_up(fd, l->tls);
			l->tls = NULL;
			l->io.fd = -1;
			finish(l, 0, why);
		}
		return;
	}
	loop_change(l->loop, &l->io, EPOLLOUT);
}

/* What the session waits for, once something gave EAGAIN. */
static void watch(struct link *l, uint32_t plain)
{
	loop_change(l->loop, &l->io, !l->tls ? plain : tls_wants_out(l->tls) ? EPOLLOUT : EPOLLIN);
}

static bool nothing_came(const struct link *l)
{
	return l->response.at == RESPONSE_HEAD && l->response.line.len == 0;
}

/* A kept connection that turns out to be closed says nothing about the server: once more on a new one. error 0: the server has closed it. */
static void broken(struct link *l, int error)
{
	bool nothing = nothing_came(l);
	bool again = l->used && !l->hushed && nothing;
	char why[400] = "the connection was closed";

	if (error)
		net_why(l->tls, error, why, sizeof(why));
	if (nothing && !l->heard && l->sent == l->out.len)
		snprintf(why + strlen(why), sizeof(why) - strlen(why), "%s", net_tls_hint(&l->client->url, NULL, 0));
	hang_up(l);
	if (again)
		begin(l);
	else
		finish(l, 0, why);
}

/* True: it is connected, and with TLS the server has shown who it is. */
static bool connected(struct link *l)
{
	int err = 0;
	socklen_t n = sizeof(err);

	if (l->stage == LINK_CONNECTING && (getsockopt(l->io.fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0 || err)) {
		broken(l, err ? err : errno);
		return false;
	}
	l->stage = LINK_GREETING;
	if (l->tls && !l->greeted && tls_handshake(l->tls) < 0) {
		if (errno == EAGAIN)
			watch(l, EPOLLIN);
		else
			broken(l, errno);
		return false;
	}
	l->greeted = true;
	l->stage = LINK_BUSY;
	return true;
}

static void send_some(struct link *l)
{
	if (l->stage != LINK_BUSY && !connected(l))
		return;
	while (l->sent < l->out.len) {
		ssize_t sent = net_send(l->io.fd, l->tls, l->out.data + l->sent, l->out.len - l->sent);
		if (sent < 0 && errno == EAGAIN) {
			watch(l, EPOLLOUT);
			return;
		}
		if (sent < 0 && errno != EINTR) {
			broken(l, errno);
			return;
		}
		l->sent += sent > 0 ? (size_t)sent : 0;
	}
	loop_change(l->loop, &l->io, EPOLLIN);
}

static void read_some(struct link *l)
{
	char bytes[16384];
	ssize_t n = net_recv(l->io.fd, l->tls, bytes, sizeof(bytes)), used;
	bool first = nothing_came(l);
	const char *hint;

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		watch(l, EPOLLIN);
		return;
	}
	if (l->stage == LINK_IDLE) {
		hang_up(l);             /* closed between two requests, or bytes that nobody has asked for */
		return;
	}
	if (n == 0 && response_eof(&l->response)) {
		finish(l, l->response.status, NULL);
		return;
	}
	if (n <= 0) {
		broken(l, n < 0 ? errno : 0);
		return;
	}
	hint = first ? net_tls_hint(&l->client->url, bytes, (size_t)n) : "";
	used = *hint ? -1 : response_feed(&l->response, bytes, (size_t)n);
	if (used < 0 || used < n) {
		hang_up(l);
		finish(l, 0, *hint ? hint + strspn(hint, "; ") : used < 0 ? l->response.why : "there are bytes after the answer's end");
	} else if (l->response.at == RESPONSE_DONE) {
		finish(l, l->response.status, NULL);
	}
}

static void ready(struct loop_io *io, uint32_t events)
{
	struct link *l = LOOP_OWNER(io, struct link, io);

	if (l->stage != LINK_IDLE && l->sent < l->out.len && (l->tls || (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))))
		send_some(l);           /* a session may have to read before it can send on */
	else
		read_some(l);
	/* What the session has deciphered already tells nobody that it is there. */
	while (l->tls && l->stage == LINK_BUSY && l->sent == l->out.len && tls_pending(l->tls))
		read_some(l);
}

static void too_late(struct loop_timer *t)
{
	struct link *l = LOOP_OWNER(t, struct link, timer);

	hang_up(l);
	finish(l, 0, "no answer in time");
}

void link_init(struct link *l, struct loop *loop, const struct client *client)
{
	*l = (struct link){ .io = { .fd = -1, .ready = ready }, .timer.fire = too_late, .loop = loop, .client = client };
}

void link_post(struct link *l, const char *target, struct slice json, int64_t timeout_ms)
{
	struct buf *b = &l->out;

	l->hushed = false;
	buf_clear(b);
	buf_printf(b, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: stint\r\nAccept: application/json\r\n", target, l->client->url.authority);
	if (l->client->token)
		buf_printf(b, "Authorization: Bearer %s\r\n", l->client->token);
	buf_printf(b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", json.n);
	buf_slice(b, json);
	loop_timer_set(l->loop, &l->timer, timeout_ms * MS);
	if (b->failed) {
		l->stage = LINK_BUSY;
		finish(l, 0, "out of memory");
		return;
	}
	begin(l);
}

void link_hush(struct link *l)
{
	l->hushed = true;
	if (l->tls && l->greeted)
		tls_say_end(l->tls);
	if (l->io.fd >= 0)
		shutdown(l->io.fd, SHUT_WR);
}

void link_close(struct link *l)
{
	loop_timer_stop(l->loop, &l->timer);
	hang_up(l);
	l->stage = LINK_IDLE;
	response_free(&l->response);
	buf_free(&l->out);
	buf_free(&l->body);
}
