/* A server of a test's own on a loopback port: a child that hands every connection, by number, to a function of the test in a child of its own. */
#ifndef STINT_TESTS_CLI_FAKE_SERVER_H
#define STINT_TESTS_CLI_FAKE_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct fake_server { pid_t pid; unsigned port; char url[64], host_port[64]; };

__attribute__((unused)) static void fake_say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		_exit(3);
}

/* Reads until `end` has come; the text is NUL-terminated in out. False at the end of the connection. */
__attribute__((unused)) static int fake_read_until(int fd, const char *end, char *out, size_t size)
{
	size_t n = 0;

	while (n + 1 < size) {
		ssize_t got = recv(fd, out + n, 1, 0);

		if (got <= 0)
			return 0;
		out[++n] = '\0';
		if (n >= strlen(end) && strcmp(out + n - strlen(end), end) == 0)
			return 1;
	}
	_exit(4);
}

/* A request's head into `head`, its body by Content-Length into `body`. */
__attribute__((unused)) static int fake_read_request(int fd, char *head, size_t head_size, char *body, size_t body_size)
{
	const char *length;
	size_t n, got = 0;

	body[0] = '\0';
	if (!fake_read_until(fd, "\r\n\r\n", head, head_size))
		return 0;
	length = strstr(head, "Content-Length: ");
	n = length ? strtoul(length + 16, NULL, 10) : 0;
	if (n >= body_size)
		_exit(5);
	while (got < n) {
		ssize_t more = recv(fd, body + got, n - got, 0);

		if (more <= 0)
			return 0;
		got += (size_t)more;
	}
	body[n] = '\0';
	return 1;
}

__attribute__((unused)) static void fake_json(int fd, const char *status, const char *json)
{
	char text[4096];

	snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(json), json);
	fake_say(fd, text);
}

static void fake_start(struct fake_server *f, void (*serve)(int fd, unsigned number))
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) != 0 || listen(listener, 128) != 0 || getsockname(listener, (struct sockaddr *)&at, &len) != 0)
		abort();
	f->port = ntohs(at.sin_port);
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u", f->port);
	snprintf(f->host_port, sizeof(f->host_port), "127.0.0.1:%u", f->port);
	f->pid = fork();
	if (f->pid < 0)
		abort();
	if (f->pid > 0) {
		setpgid(f->pid, f->pid);
		close(listener);
		return;
	}
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (unsigned number = 0;; number++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(6);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(fd, number);
			_exit(0);
		}
		close(fd);
	}
}

static void fake_stop(struct fake_server *f)
{
	kill(-f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
}

/* A port on which nobody listens. */
__attribute__((unused)) static unsigned fake_closed_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		abort();
	close(fd);
	return ntohs(at.sin_port);
}

#endif
