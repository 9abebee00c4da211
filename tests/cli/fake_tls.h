/* A fake server's connection spoken to with TLS: its function serves the plain end of a socket pair, as it does without. */
#ifndef STINT_TESTS_CLI_FAKE_TLS_H
#define STINT_TESTS_CLI_FAKE_TLS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/tls.h"

struct fake_way { char bytes[65536]; size_t at, n; };

/* What a call on either end gave: false where it has to wait. */
static bool fake_moved(ssize_t n)
{
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		_exit(0);               /* the other side is gone, or does not like the certificate */
	return n > 0;
}

/* Carries bytes both ways until the plain end is closed. */
static void fake_tls_carry(struct tls *t, int fd, int plain)
{
	static struct fake_way in, out;
	bool in_over = false, out_over = false;

	while (!out_over || out.at < out.n) {
		bool moved = false;
		ssize_t n;

		if (in.at == in.n && !in_over) {
			in.at = in.n = 0;
			n = tls_recv(t, in.bytes, sizeof(in.bytes));
			in_over = n == 0;
			if (in_over)
				shutdown(plain, SHUT_WR);
			else if (fake_moved(n))
				in.n = (size_t)n;
			moved = in_over || in.n > 0;
		}
		if (in.at < in.n && fake_moved(n = send(plain, in.bytes + in.at, in.n - in.at, MSG_NOSIGNAL | MSG_DONTWAIT))) {
			in.at += (size_t)n;
			moved = true;
		}
		if (out.at == out.n && !out_over) {
			out.at = out.n = 0;
			n = recv(plain, out.bytes, sizeof(out.bytes), MSG_DONTWAIT);
			out_over = n == 0;
			if (out_over || fake_moved(n))
				out.n = (size_t)n;
			moved |= out_over || out.n > 0;
		}
		if (out.at < out.n && fake_moved(n = tls_send(t, out.bytes + out.at, out.n - out.at))) {
			out.at += (size_t)n;
			moved = true;
		}
		struct pollfd p[2] = {
			{ .fd = fd, .events = (short)((in.at == in.n && !in_over ? POLLIN : 0) | (out.at < out.n ? POLLOUT : 0)) },
			{ .fd = plain, .events = (short)((out.at == out.n && !out_over ? POLLIN : 0) | (in.at < in.n ? POLLOUT : 0)) },
		};
		if (!moved)
			poll(p, 2, 100);        /* the session may wait for the other direction */
	}
	tls_say_end(t);
}

/* To be called by a function of a fake server. */
static void fake_tls_serve(struct tls_context *c, int fd, unsigned number, void (*serve)(int fd, unsigned number))
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || (pid = fork()) < 0)
		_exit(7);
	if (pid == 0) {
		close(pair[0]);
		close(fd);
		serve(pair[1], number);
		_exit(0);
	}
	close(pair[1]);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		_exit(8);
	signal(SIGPIPE, SIG_IGN);
	fake_tls_carry(tls_new(c, fd), fd, pair[0]);
}

#endif
