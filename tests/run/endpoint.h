/* An HTTP server that behaves in every way an endpoint may: the path says which. A thread a connection; for tests alone. */
#ifndef STINT_TESTS_RUN_ENDPOINT_H
#define STINT_TESTS_RUN_ENDPOINT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ENDPOINT_REQUEST_MAX (2u << 20)

static struct {
	int port;                               /* the test's to set */
	pthread_mutex_t lock;
	char *kept;                             /* the last request whose path begins with /keep: its head and body as they came */
	size_t kept_n;
	const char *dir;                        /* where each of them goes into a file of its own: 1.request, 2.request, ... */
	unsigned nkept;
	atomic_ullong sent, connections;        /* bytes of /huge; connections taken */
	unsigned gathered;                      /* requests that wait for /gather */
	pthread_cond_t all;
} endpoint = { .lock = PTHREAD_MUTEX_INITIALIZER, .all = PTHREAD_COND_INITIALIZER };

struct endpoint_conn { int fd; char *in; size_t n, head, total; };

static inline void endpoint_sleep(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static inline bool endpoint_send(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t got = send(fd, p, n, MSG_NOSIGNAL);
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static inline bool endpoint_say(int fd, const char *text)
{
	return endpoint_send(fd, text, strlen(text));
}

/* Until the other side is gone. */
static inline void endpoint_hold(int fd)
{
	char c;

	while (recv(fd, &c, 1, 0) > 0)
		;
}

/* One whole request into c->in; false at the end of the connection. */
static inline bool endpoint_read(struct endpoint_conn *c)
{
	char *end = NULL;

	c->head = c->total = 0;
	for (;;) {
		c->in[c->n] = '\0';
		if (!c->head && (end = strstr(c->in, "\r\n\r\n"))) {
			const char *length = strcasestr(c->in, "\r\ncontent-length:");
			c->head = (size_t)(end + 4 - c->in);
			c->total = c->head + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
		}
		if (c->head && c->n >= c->total)
			return true;
		ssize_t got = c->n < ENDPOINT_REQUEST_MAX ? recv(c->fd, c->in + c->n, ENDPOINT_REQUEST_MAX - c->n, 0) : 0;
		if (got <= 0)
			return false;
		c->n += (size_t)got;
	}
}

static inline void endpoint_keep(const struct endpoint_conn *c)
{
	char path[512];

	pthread_mutex_lock(&endpoint.lock);
	free(endpoint.kept);
	endpoint.kept = malloc(c->total + 1);
	if (endpoint.kept) {
		memcpy(endpoint.kept, c->in, c->total);
		endpoint.kept[c->total] = '\0';
	}
	endpoint.kept_n = c->total;
	endpoint.nkept++;
	if (endpoint.dir) {
		snprintf(path, sizeof(path), "%s/%u.request", endpoint.dir, endpoint.nkept);
		FILE *f = fopen(path, "w");
		if (f) {
			fwrite(c->in, 1, c->total, f);
			fclose(f);
		}
	}
	pthread_mutex_unlock(&endpoint.lock);
}

/* "/status/503?retry-after=1" */
static inline bool endpoint_status(int fd, const char *path)
{
	char answer[512], field[128] = "";
	const char *after = strstr(path, "?retry-after=");
	int n = after ? (int)strcspn(after + 13, " ") : 0;

	if (after) {
		snprintf(field, sizeof(field), "Retry-After: %.*s\r\n", n, after + 13);
		for (char *p = field; *p; p++)
			*p = *p == '_' ? ' ' : *p;
	}
	snprintf(answer, sizeof(answer), "HTTP/1.1 %.3s Said\r\n%sContent-Type: application/json\r\nContent-Length: 25\r\n\r\n{\"error\": \"as you asked\"}", path + 8, field);
	return endpoint_say(fd, answer);
}

static inline bool endpoint_huge(int fd)
{
	static char block[65536];

	memset(block, 'x', sizeof(block));
	if (!endpoint_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n"))
		return false;
	for (unsigned i = 0; i < 163840; i++) {
		if (!endpoint_send(fd, block, sizeof(block)))
			return false;
		atomic_fetch_add(&endpoint.sent, sizeof(block));
	}
	return true;
}

/* "/gather/300" answers when so many of these requests are there at once, and no sooner. */
static inline void endpoint_gather(unsigned n)
{
	pthread_mutex_lock(&endpoint.lock);
	endpoint.gathered++;
	pthread_cond_broadcast(&endpoint.all);
	while (endpoint.gathered < n)
		pthread_cond_wait(&endpoint.all, &endpoint.lock);
	pthread_mutex_unlock(&endpoint.lock);
}

static inline bool endpoint_repeat(int fd, const char *first, const char *again, long pause_ms)
{
	if (!endpoint_say(fd, first))
		return false;
	while (endpoint_say(fd, again))
		if (pause_ms)
			endpoint_sleep(pause_ms);
	return false;
}

static inline bool endpoint_is(const char *path, const char *name)
{
	return strncmp(path, name, strlen(name)) == 0;
}

/* Answers; false where the connection ends. */
static inline bool endpoint_answer(struct endpoint_conn *c, const char *path)
{
	static const char empty[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct linger hard = { 1, 0 };
	char head[128];

	if (endpoint_is(path, "/keep"))
		endpoint_keep(c);
	if (endpoint_is(path, "/sleep/"))
		endpoint_sleep(strtol(path + 7, NULL, 10));
	if (endpoint_is(path, "/gather/"))
		endpoint_gather((unsigned)strtoul(path + 8, NULL, 10));
	if (endpoint_is(path, "/status/"))
		return endpoint_status(c->fd, path);
	if (endpoint_is(path, "/echo")) {
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", c->total - c->head);
		return endpoint_say(c->fd, head) && endpoint_send(c->fd, c->in + c->head, c->total - c->head);
	}
	if (endpoint_is(path, "/redirect"))
		return endpoint_say(c->fd, "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n");
	if (endpoint_is(path, "/short"))
		return endpoint_say(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789") && false;
	if (endpoint_is(path, "/chunks"))
		return endpoint_say(c->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n567") && false;
	if (endpoint_is(path, "/head"))
		return endpoint_say(c->fd, "HTTP/1.1 200 OK\r\nContent-Type: text/pl") && false;
	if (endpoint_is(path, "/boundless"))
		return endpoint_say(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n0123456789") && false;
	if (endpoint_is(path, "/line"))
		return endpoint_repeat(c->fd, "HTTP/1.1 200 OK\r\nX-More: ", "0123456789012345678901234567890123456789", 0);
	if (endpoint_is(path, "/close"))
		return endpoint_say(c->fd, "HTTP/1.1 200 OK\r\n\r\nall of it") && false;
	if (endpoint_is(path, "/html"))
		return endpoint_say(c->fd, "HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>");
	if (endpoint_is(path, "/reset"))
		return setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0 && false;
	if (endpoint_is(path, "/nothing"))
		return false;
	if (endpoint_is(path, "/garbage"))
		return endpoint_say(c->fd, "SSH-2.0-OpenSSH_9.2\r\n") && false;
	if (endpoint_is(path, "/drip"))
		return endpoint_repeat(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x", 20);
	if (endpoint_is(path, "/flood"))
		return endpoint_repeat(c->fd, "HTTP/1.1 200 OK\r\n", "X-More: 0123456789012345678901234567890123456789\r\n", 0);
	if (endpoint_is(path, "/interim"))
		return endpoint_repeat(c->fd, "", "HTTP/1.1 102 Processing\r\nX-More: yes\r\n\r\n", 0);
	if (endpoint_is(path, "/huge"))
		return endpoint_huge(c->fd);
	if (endpoint_is(path, "/never")) {
		endpoint_hold(c->fd);
		return false;
	}
	return endpoint_say(c->fd, empty);
}

static inline void *endpoint_serve(void *arg)
{
	struct endpoint_conn c = { .fd = (int)(long)arg, .in = malloc(ENDPOINT_REQUEST_MAX + 1) };
	bool more = c.in != NULL;

	while (more && endpoint_read(&c)) {
		const char *space = strchr(c.in, ' ');
		more = space && endpoint_answer(&c, space + 1);
		memmove(c.in, c.in + c.total, c.n - c.total);
		c.n -= c.total;
	}
	close(c.fd);
	free(c.in);
	return NULL;
}

static inline void *endpoint_accept(void *arg)
{
	int listener = (int)(long)arg, fd, on = 1;
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&small, 256 << 10);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		atomic_fetch_add(&endpoint.connections, 1);
		if (pthread_create(&thread, &small, endpoint_serve, (void *)(long)fd) != 0)
			close(fd);
	}
	return NULL;
}

/* On an address of loopback. *port 0 is one of the kernel's choice. False where it cannot. */
static inline bool endpoint_listen(const char *address, int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port) };
	socklen_t n = sizeof(at);
	pthread_t thread;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &at.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 || bind(fd, (struct sockaddr *)&at, n) < 0 || listen(fd, 1024) < 0
		|| getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return false;
	*port = ntohs(at.sin_port);
	return pthread_create(&thread, NULL, endpoint_accept, (void *)(long)fd) == 0 && pthread_detach(thread) == 0;
}

#endif
