/* Addresses and connections, for the client and the load generator. Every wait has a limit. */
#include "cli/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/clock.h"

#define RIGHT "; it must be http://HOST[:PORT], https://HOST[:PORT] or unix:PATH, such as http://127.0.0.1:8080"

static bool no(char *why, size_t why_size, const char *text, const char *what)
{
	snprintf(why, why_size, "the address \"%.200s\" %s", text, what);
	return false;
}

static bool is_port(const char *p, size_t n)
{
	unsigned v = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	return v >= 1 && v <= 65535;
}

/* HOST, HOST:PORT, [V6] or [V6]:PORT in p[0..n). Characters that could end a header line or begin a path never pass. */
static bool authority(const char *p, size_t n, struct net_url *u)
{
	size_t host_at = 0, host_n, rest;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] <= ' ' || (unsigned char)p[i] >= 0x7f || strchr("/?#@\\\"<>", p[i]))
			return false;
	if (n > 0 && p[0] == '[') {
		const char *end = memchr(p, ']', n);

		if (!end)
			return false;
		host_at = 1;
		host_n = (size_t)(end - p) - 1;
		rest = host_n + 2;
	} else {
		const char *colon = memchr(p, ':', n);

		host_n = colon ? (size_t)(colon - p) : n;
		rest = host_n;
	}
	if (host_n == 0 || host_n >= sizeof(u->host) || n >= sizeof(u->authority))
		return false;
	if (rest < n && (p[rest] != ':' || !is_port(p + rest + 1, n - rest - 1)))
		return false;
	memcpy(u->host, p + host_at, host_n);
	u->host[host_n] = '\0';
	snprintf(u->port, sizeof(u->port), "%.*s", rest < n ? (int)(n - rest - 1) : 0, rest < n ? p + rest + 1 : "");
	memcpy(u->authority, p, n);
	u->authority[n] = '\0';
	return true;
}

bool net_url_parse(const char *text, struct net_url *u, char *why, size_t why_size)
{
	size_t n = strlen(text), scheme = 7;

	memset(u, 0, sizeof(*u));
	if (strncmp(text, "unix:", 5) == 0) {
		if (n - 5 == 0 || n - 5 >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return no(why, why_size, text, "needs a path of 1 to 107 bytes after unix:");
		u->is_unix = true;
		snprintf(u->host, sizeof(u->host), "%s", text + 5);
		snprintf(u->authority, sizeof(u->authority), "localhost");
		return true;
	}
	if (strncasecmp(text, "https://", 8) == 0)
		scheme = 8;
	else if (strncasecmp(text, "http://", 7) != 0)
		return no(why, why_size, text, "has no http:// in front" RIGHT);
	if (n > scheme && text[n - 1] == '/')
		n--;
	if (!authority(text + scheme, n - scheme, u))
		return no(why, why_size, text, "cannot be used" RIGHT);
	u->is_tls = scheme == 8;
	if (u->port[0] == '\0')
		snprintf(u->port, sizeof(u->port), "%s", u->is_tls ? "443" : "80");
	return true;
}

bool net_host_port_parse(const char *text, struct net_url *u, char *why, size_t why_size)
{
	memset(u, 0, sizeof(*u));
	if (!authority(text, strlen(text), u) || u->port[0] == '\0')
		return no(why, why_size, text, "cannot be used; it must be HOST:PORT, such as 127.0.0.1:11300");
	return true;
}

int net_wait(int fd, short events, int64_t deadline_ns)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline_ns - clock_boot_ns();
		int rc;

		if (left <= 0)
			return 0;
		rc = poll(&p, 1, left > 60000000000 ? 60000 : (int)((left + 999999) / 1000000));
		if (rc > 0)
			return 1;
		if (rc < 0 && errno != EINTR)
			return -1;
	}
}

int net_connect(const struct net_address *a, int64_t timeout_ms)
{
	int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, err = 0;
	socklen_t err_len = sizeof(err);

	if (fd < 0)
		return -1;
	if (a->at.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&a->at, a->len) == 0)
		return fd;
	if (errno == EINPROGRESS) {
		int rc = net_wait(fd, POLLOUT, clock_boot_ns() + timeout_ms * 1000000);

		if (rc > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len) == 0 && err == 0)
			return fd;
		if (rc >= 0)
			errno = rc == 0 ? ETIMEDOUT : err;
	}
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static int open_unix(const struct net_url *u, int64_t timeout_ms, struct net_address *a)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->at;

	memset(a, 0, sizeof(*a));
	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof(un->sun_path), "%.107s", u->host);
	a->len = sizeof(*un);
	return net_connect(a, timeout_ms);
}

int net_open(const struct net_url *u, int64_t timeout_ms, struct net_address *a, char *why, size_t why_size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int fd = -1, rc;

	if (u->is_unix) {
		fd = open_unix(u, timeout_ms, a);
		if (fd < 0)
			snprintf(why, why_size, "%m");
		return fd;
	}
	rc = getaddrinfo(u->host, u->port, &hints, &list);
	if (rc != 0) {
		snprintf(why, why_size, "%s", rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
		return -1;
	}
	for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
		memset(a, 0, sizeof(*a));
		memcpy(&a->at, at->ai_addr, at->ai_addrlen);
		a->len = at->ai_addrlen;
		fd = net_connect(a, timeout_ms);
		if (fd < 0)
			snprintf(why, why_size, "%m");
	}
	freeaddrinfo(list);
	return fd;
}

/* --- with and without TLS --- */

ssize_t net_recv(int fd, struct tls *t, void *p, size_t n)
{
	return t ? tls_recv(t, p, n) : recv(fd, p, n, 0);
}

ssize_t net_send(int fd, struct tls *t, const void *p, size_t n)
{
	return t ? tls_send(t, p, n) : send(fd, p, n, MSG_NOSIGNAL);
}

short net_events(const struct tls *t, short plain)
{
	return !t ? plain : tls_wants_out(t) ? POLLOUT : POLLIN;
}

void net_why(const struct tls *t, int error, char *why, size_t why_size)
{
	if (t)
		tls_why(t, error, why, why_size);
	else
		snprintf(why, why_size, "%s", strerror(error));
}

struct tls *net_greet(int fd, struct tls_context *c, const char *host, int64_t timeout_ms, char *why, size_t why_size)
{
	int64_t deadline = clock_boot_ns() + timeout_ms * 1000000;
	struct tls *t = tls_new_client(c, fd, host);

	if (!t)
		snprintf(why, why_size, "%s", strerror(ENOMEM));
	while (t && tls_handshake(t) < 0) {
		int error = errno;

		if (error == EAGAIN && net_wait(fd, net_events(t, 0), deadline) != 0)
			continue;
		if (error == EAGAIN)
			snprintf(why, why_size, "no TLS handshake within %d s; it may not speak TLS at this port", (int)(timeout_ms / 1000));
		else
			tls_why(t, error, why, why_size);
		tls_free(t);
		return NULL;
	}
	return t;
}

void net_hang_up(int fd, struct tls *t)
{
	if (t)
		tls_say_end(t);
	tls_free(t);
	close(fd);
}

const char *net_tls_hint(const struct net_url *u, const char *p, size_t n)
{
	if (u->is_unix || u->is_tls)
		return "";
	if (n == 0)
		return "; where this port speaks TLS, its address begins with https://";
	return n > 1 && p[0] == 0x15 && p[1] == 3 ? "; this port speaks TLS: its address begins with https://" : "";      /* an alert */
}
