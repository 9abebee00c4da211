/* Pairs of sockets, one a worker slot, kept over fork. Called by acceptors (send) and workers (take). Nothing here is fatal. */
#include "shm/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The pair of a slot, ours and the worker's end; NULL where it is no worker's. */
static int *pair_of(const struct segment *s, uint32_t slot)
{
	uint32_t first = segment_worker_slot(s, 0);

	return s->line && slot >= first && slot - first < s->geo.nworker ? s->line + 2 * (size_t)(slot - first) : NULL;
}

int line_make(struct segment *s)
{
	size_t n = 2 * (size_t)s->geo.nworker;

	s->line = malloc(n * sizeof(*s->line));
	if (!s->line)
		return -1;
	for (size_t i = 0; i < n; i++)
		s->line[i] = -1;
	for (size_t i = 0; i < n; i += 2)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s->line + i) < 0)
			return -1;
	return 0;
}

void line_close(struct segment *s)
{
	for (size_t i = 0; s->line && i < 2 * (size_t)s->geo.nworker; i++)
		if (s->line[i] >= 0)
			close(s->line[i]);
	free(s->line);
	s->line = NULL;
}

int line_fd(const struct segment *s, uint32_t slot)
{
	const int *pair = pair_of(s, slot);

	return pair ? pair[1] : -1;
}

int line_send(const struct segment *s, uint32_t slot, const struct line_ask *ask, int fd)
{
	const int *pair = pair_of(s, slot);
	union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control = { .space = { 0 } };
	struct line_ask copy = *ask;
	struct iovec piece = { &copy, sizeof(copy) };
	struct msghdr m = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	ssize_t n;

	if (!pair) {
		errno = EINVAL;
		return -1;
	}
	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	do
		n = sendmsg(pair[0], &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int line_take(const struct segment *s, uint32_t slot, struct line_ask *ask, int *fd)
{
	const int *pair = pair_of(s, slot);
	union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec piece = { ask, sizeof(*ask) };
	struct msghdr m = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	ssize_t n;

	*fd = -1;
	if (!pair)
		return 0;
	do
		n = recvmsg(pair[1], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if (n != sizeof(*ask))
		memset(ask, 0, sizeof(*ask));   /* no attempt has this token */
	return 1;
}
