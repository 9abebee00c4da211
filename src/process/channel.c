/* Sending and taking packets on the channel between master and child; used by both sides. Nothing here is fatal. */
#include "process/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union descriptor_room {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int channel_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd);
}

int channel_send(int channel, enum process_message message, int64_t arg, int fd)
{
	struct process_packet packet = { .message = message, .arg = arg };
	struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	union descriptor_room room;
	ssize_t n;

	memset(&room, 0, sizeof(room));
	if (fd >= 0) {
		m.msg_control = room.bytes;
		m.msg_controllen = sizeof(room.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		n = sendmsg(channel, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* The descriptor that came along, or -1. The room is for one: the kernel closes what does not fit. */
static int descriptor_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int))) {
			int fd;
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
			return fd;
		}
	}
	return -1;
}

enum channel_rc channel_receive(int channel, struct process_packet *out, int *fd)
{
	struct iovec part = { .iov_base = out, .iov_len = sizeof(*out) };
	union descriptor_room room;
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	if (fd) {
		m.msg_control = room.bytes;
		m.msg_controllen = sizeof(room.bytes);
		*fd = -1;
	}
	do
		n = recvmsg(channel, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? CHANNEL_EMPTY : CHANNEL_CLOSED;
	if (n == 0)
		return CHANNEL_CLOSED;
	if (fd)
		*fd = descriptor_of(&m);
	if (n == (ssize_t)sizeof(*out) && !(m.msg_flags & MSG_TRUNC))
		return CHANNEL_PACKET;
	if (fd && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return CHANNEL_BAD;
}
