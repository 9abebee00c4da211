/* Binding, sharing and closing of listening sockets. Called by start.c and reload.c; nothing here is fatal, messages go to the caller. */
#include "process/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096                    /* the kernel cuts it to net.core.somaxconn */
#define UNIX_MODE 0660

struct complaint { char *text; size_t size; };

__attribute__((format(printf, 3, 4)))
static int complain(const struct complaint *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, c->size, fmt, ap);
	va_end(ap);
	errno = err;
	return -1;
}

static bool same_address(const struct listen_socket *s, const struct conf_listen *l)
{
	return s->is_unix == l->is_unix && s->port == l->port && strcmp(s->host, l->host) == 0;
}

/* An abandoned socket file is removed, one that somebody answers on is not, and neither is anything that is no socket. */
static int clear_stale(const struct conf_listen *l, const struct sockaddr_un *a, const struct complaint *why)
{
	struct stat st;

	if (lstat(l->host, &st) < 0)
		return errno == ENOENT ? 0 : complain(why, errno, "%s: %s", l->text, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return complain(why, EEXIST, "%s: the path is there and is no socket; remove it or listen elsewhere", l->text);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain(why, errno, "%s: socket: %s", l->text, strerror(errno));
	int rc = connect(fd, (const struct sockaddr *)a, sizeof(*a)), err = errno;
	close(fd);
	if (rc == 0 || err == EAGAIN)
		return complain(why, EADDRINUSE, "%s: %s: another process answers there", l->text, strerror(EADDRINUSE));
	if (err != ECONNREFUSED && err != ENOENT)
		return complain(why, err, "%s: is somebody there? %s", l->text, strerror(err));
	if (unlink(l->host) < 0 && errno != ENOENT)
		return complain(why, errno, "%s: removing the stale socket: %s", l->text, strerror(errno));
	return 0;
}

/* Which file it is, and whose. The directory may be another user's, who has put something else in its place by now: that is not given away. */
static int own_unix(struct listen_socket *s, const struct conf_listen *l, const struct identity *owner, const struct complaint *why)
{
	struct stat st;
	int fd = open(l->host, O_PATH | O_NOFOLLOW | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return complain(why, errno, "%s: %s", l->text, strerror(errno));
	if (fstat(fd, &st) < 0)
		rc = errno;
	else if (!S_ISSOCK(st.st_mode) || st.st_nlink > 1)
		rc = EEXIST;
	else if (owner->change && fchownat(fd, "", owner->uid, owner->gid, AT_EMPTY_PATH) < 0)
		rc = errno;
	close(fd);
	if (rc == EEXIST)
		return complain(why, rc, "%s: another program has put something else in the place of the socket", l->text);
	if (rc)
		return complain(why, rc, "%s: giving it to %s: %s", l->text, owner->change ? owner->name : "the group", strerror(rc));
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
}

static int bind_unix(struct listen_socket *s, const struct conf_listen *l, const struct identity *owner, const struct complaint *why)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(l->host) >= sizeof(a.sun_path))
		return complain(why, ENAMETOOLONG, "%s: the path of a Unix socket has at most %zu bytes", l->text, sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, l->host);
	if (clear_stale(l, &a, why) < 0)
		return -1;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return complain(why, errno, "%s: socket: %s", l->text, strerror(errno));
	mode_t usual = umask(0777 & ~UNIX_MODE);
	int rc = bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
	umask(usual);
	if (rc)
		return complain(why, rc, "%s: bind: %s", l->text, strerror(rc));
	return own_unix(s, l, owner, why);
}

static void allow_beside(int fd, bool on)
{
	int value = on;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof(value));
}

/* From 127.0.0.1:8080 to 0.0.0.0:8080, say: our own old socket has the port until it is closed, and it is not closed before the new one is there. For the moment of the bind they
 * tolerate each other; not longer, or another server's socket could slip in. */
static int bind_beside(int fd, const struct addrinfo *a, uint16_t port, const struct listen_set *running)
{
	int rc;

	for (size_t i = 0; i < running->n; i++)
		if (!running->v[i].is_unix && running->v[i].port == port)
			allow_beside(running->v[i].fd, true);
	allow_beside(fd, true);
	rc = bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0 ? errno : 0;
	allow_beside(fd, false);
	for (size_t i = 0; i < running->n; i++)
		if (!running->v[i].is_unix && running->v[i].port == port)
			allow_beside(running->v[i].fd, false);
	return rc;
}

static int bind_inet(struct listen_socket *s, const struct conf_listen *l, const struct listen_set *running, const struct complaint *why)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found = NULL;
	char port[8];
	int one = 1;

	snprintf(port, sizeof(port), "%u", (unsigned)l->port);
	int rc = getaddrinfo(l->host, port, &hints, &found);
	if (rc != 0)
		return complain(why, EADDRNOTAVAIL, "%s: %s", l->text, gai_strerror(rc));
	s->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0) {
		rc = errno;
		freeaddrinfo(found);
		return complain(why, rc, "%s: socket: %s", l->text, strerror(rc));
	}
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (found->ai_family == AF_INET6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	rc = bind(s->fd, found->ai_addr, found->ai_addrlen) < 0 ? errno : 0;
	if (rc == EADDRINUSE && running)
		rc = bind_beside(s->fd, found, l->port, running);
	freeaddrinfo(found);
	return rc == 0 ? 0 : complain(why, rc, "%s: bind: %s", l->text, strerror(rc));
}

static void socket_free(struct listen_socket *s, bool for_good)
{
	struct stat st;

	if (for_good && s->fd >= 0) {
		close(s->fd);
		if (s->is_unix && s->ino && lstat(s->host, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
			unlink(s->host);
	}
	free(s->text);
	free(s->host);
}

static int socket_open(struct listen_socket *s, const struct conf_listen *l, const struct listen_set *running, const struct identity *owner, const struct complaint *why)
{
	*s = (struct listen_socket){ .fd = -1, .text = strdup(l->text), .host = strdup(l->host), .port = l->port, .is_unix = l->is_unix };
	if (!s->text || !s->host)
		return complain(why, ENOMEM, "%s: %s", l->text, strerror(ENOMEM));
	for (size_t i = 0; running && i < running->n; i++) {
		if (same_address(&running->v[i], l)) {
			s->fd = running->v[i].fd;
			s->dev = running->v[i].dev;
			s->ino = running->v[i].ino;
			return 0;
		}
	}
	if ((l->is_unix ? bind_unix(s, l, owner, why) : bind_inet(s, l, running, why)) < 0)
		return -1;
	if (listen(s->fd, BACKLOG) < 0)
		return complain(why, errno, "%s: listen: %s", l->text, strerror(errno));
	return 0;
}

int listen_open(struct listen_set *set, const struct conf_http *http, const struct listen_set *running, const struct identity *owner, char *why, size_t why_size)
{
	const struct complaint c = { why, why_size };

	set->n = 0;
	set->v = calloc(http->nlisten + 1, sizeof(*set->v));
	if (!set->v)
		return complain(&c, ENOMEM, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < http->nlisten; i++) {
		set->n++;
		if (socket_open(&set->v[i], &http->listen[i], running, owner, &c) < 0) {
			int saved = errno;
			listen_close(set, running);
			errno = saved;
			return -1;
		}
	}
	return 0;
}

bool listen_has(const struct listen_set *set, int fd)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].fd == fd)
			return true;
	return false;
}

void listen_close(struct listen_set *set, const struct listen_set *kept)
{
	for (size_t i = 0; i < set->n; i++)
		socket_free(&set->v[i], !kept || !listen_has(kept, set->v[i].fd));
	free(set->v);
	*set = (struct listen_set){ 0 };
}

int *listen_descriptors(const struct listen_set *set)
{
	int *fd = calloc(set->n + 1, sizeof(*fd));

	for (size_t i = 0; fd && i < set->n; i++)
		fd[i] = set->v[i].fd;
	return fd;
}

bool listen_tls(const struct conf_http *http, struct tls_context **out, char *why, size_t size)
{
	bool any = false;

	*out = NULL;
	for (size_t i = 0; i < http->nlisten; i++)
		any |= http->listen[i].tls;
	if (any)
		*out = tls_context_new((struct slice){ http->certificate_pem.p, http->certificate_pem.n }, (struct slice){ http->key_pem.p, http->key_pem.n }, why, size);
	return !any || *out;
}
