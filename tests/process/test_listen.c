/* Listening sockets: bound with clear errors, shared over a reload, and Unix sockets that are removed only when nobody is there. */
#include "process/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[256];
static const struct identity nobody;

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/stint-listen.XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);              /* fails where a test left a file */
}

/* A port that was free a moment ago, held by *fd until it is closed. */
static uint16_t take_port(int *fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(*fd >= 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(*fd, 1), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static struct conf_listen tcp(uint16_t port, char text[64])
{
	static char host[] = "127.0.0.1";

	snprintf(text, 64, "127.0.0.1:%u", (unsigned)port);
	return (struct conf_listen){ .text = text, .host = host, .port = port, .loopback = true };
}

static struct conf_listen unix_at(const char *name, char text[320])
{
	snprintf(text, 320, "unix:%s/%s", dir, name);
	return (struct conf_listen){ .text = text, .host = text + 5, .is_unix = true, .loopback = true };
}

static bool answers(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	int rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return rc == 0;
}

/* Opens with a port of its own; another process may snatch it in between, so a few are tried. */
static uint16_t open_tcp(struct listen_set *set, struct conf_listen *l, char text[64])
{
	char why[256];

	for (int i = 0; i < 20; i++) {
		int fd;
		uint16_t port = take_port(&fd);
		close(fd);
		*l = tcp(port, text);
		struct conf_http http = { .listen = l, .nlisten = 1 };
		if (listen_open(set, &http, NULL, &nobody, why, sizeof(why)) == 0)
			return port;
	}
	fail_msg("no port was free: %s", why);
	return 0;
}

static void test_a_socket_is_non_blocking_and_stays_at_home(void **state)
{
	struct listen_set set;
	struct conf_listen l;
	char text[64];

	(void)state;
	open_tcp(&set, &l, text);
	assert_int_equal(set.n, 1);
	assert_true(fcntl(set.v[0].fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(set.v[0].fd, F_GETFD) & FD_CLOEXEC);
	int *fds = listen_descriptors(&set);
	assert_int_equal(fds[0], set.v[0].fd);
	free(fds);
	int fd = set.v[0].fd;
	listen_close(&set, NULL);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_a_taken_port_is_named(void **state)
{
	struct conf_listen l[2];
	struct listen_set set;
	char why[256] = "", text[320], taken[64];
	int fd;

	(void)state;
	l[0] = unix_at("first", text);
	l[1] = tcp(take_port(&fd), taken);
	struct conf_http http = { .listen = l, .nlisten = 2 };
	assert_int_equal(listen_open(&set, &http, NULL, &nobody, why, sizeof(why)), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_non_null(strstr(why, taken));
	assert_non_null(strstr(why, "Address already in use"));
	assert_int_equal(access(l[0].host, F_OK), -1);          /* what had been bound before it is undone */
	assert_int_equal(set.n, 0);
	close(fd);
}

static void test_a_reload_shares_what_stays_and_closes_what_goes(void **state)
{
	struct listen_set old, new;
	struct conf_listen l[2];
	char text[64], path[320], why[256];

	(void)state;
	open_tcp(&old, &l[0], text);
	l[1] = unix_at("new", path);
	struct conf_http http = { .listen = l, .nlisten = 2 };
	assert_int_equal(listen_open(&new, &http, &old, &nobody, why, sizeof(why)), 0);
	assert_int_equal(new.v[0].fd, old.v[0].fd);
	assert_true(listen_has(&new, old.v[0].fd));
	assert_false(listen_has(&old, new.v[1].fd));
	listen_close(&old, &new);
	assert_true(fcntl(new.v[0].fd, F_GETFD) >= 0);          /* it is the new set's now */
	http = (struct conf_http){ .listen = l, .nlisten = 1 };
	assert_int_equal(listen_open(&old, &http, &new, &nobody, why, sizeof(why)), 0);
	int going = new.v[1].fd;
	listen_close(&new, &old);
	assert_int_equal(fcntl(going, F_GETFD), -1);
	assert_int_equal(access(l[1].host, F_OK), -1);
	listen_close(&old, NULL);
}

static bool port_answers(const char *host, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, host, &a.sin_addr);
	int rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return rc == 0;
}

static void test_the_same_port_of_all_addresses(void **state)
{
	static char any[] = "0.0.0.0";
	struct listen_set old, new, third;
	struct conf_listen l, wide;
	char text[64], why[256];

	(void)state;
	uint16_t port = open_tcp(&old, &l, text);
	wide = l;
	wide.host = any;
	struct conf_http http = { .listen = &wide, .nlisten = 1 };
	assert_int_equal(listen_open(&new, &http, &old, &nobody, why, sizeof(why)), 0);
	assert_int_not_equal(new.v[0].fd, old.v[0].fd);
	/* others are kept out as ever */
	assert_int_equal(listen_open(&third, &http, NULL, &nobody, why, sizeof(why)), -1);
	assert_int_equal(errno, EADDRINUSE);
	listen_close(&old, &new);
	assert_true(port_answers("127.0.0.1", port));
	assert_true(port_answers("127.0.0.2", port));
	/* and back again */
	http.listen = &l;
	assert_int_equal(listen_open(&old, &http, &new, &nobody, why, sizeof(why)), 0);
	listen_close(&new, &old);
	assert_true(port_answers("127.0.0.1", port));
	assert_false(port_answers("127.0.0.2", port));
	assert_int_equal(listen_open(&third, &http, NULL, &nobody, why, sizeof(why)), -1);
	listen_close(&old, NULL);
}

static void test_a_failed_reload_leaves_the_running_sockets(void **state)
{
	struct listen_set old, new;
	struct conf_listen l[2];
	char text[64], taken[64], why[256];
	int fd;

	(void)state;
	open_tcp(&old, &l[0], text);
	l[1] = tcp(take_port(&fd), taken);
	struct conf_http http = { .listen = l, .nlisten = 2 };
	assert_int_equal(listen_open(&new, &http, &old, &nobody, why, sizeof(why)), -1);
	assert_true(fcntl(old.v[0].fd, F_GETFD) >= 0);
	close(fd);
	listen_close(&old, NULL);
}

static void test_a_stale_unix_socket_is_replaced(void **state)
{
	struct listen_set first, second;
	struct conf_listen l;
	char path[320], why[256];
	struct stat st;

	(void)state;
	l = unix_at("sock", path);
	struct conf_http http = { .listen = &l, .nlisten = 1 };
	assert_int_equal(listen_open(&first, &http, NULL, &nobody, why, sizeof(why)), 0);
	assert_true(answers(l.host));
	assert_int_equal(stat(l.host, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	close(first.v[0].fd);           /* as a killed server leaves it */
	first.v[0].fd = -1;
	assert_int_equal(listen_open(&second, &http, NULL, &nobody, why, sizeof(why)), 0);
	assert_true(answers(l.host));
	listen_close(&first, NULL);
	listen_close(&second, NULL);
	assert_int_equal(access(l.host, F_OK), -1);
}

/* --- somebody who writes to the directory as well, at the worst moment --- */

static const char *swap_for;

int bind(int fd, const struct sockaddr *a, socklen_t n)
{
	int rc = (int)syscall(SYS_bind, fd, a, n);
	const char *path = ((const struct sockaddr_un *)(const void *)a)->sun_path;

	if (rc == 0 && swap_for && a->sa_family == AF_UNIX && (unlink(path) != 0 || symlink(swap_for, path) != 0))
		abort();
	return rc;
}

static void test_a_link_put_in_the_place_of_the_socket_is_not_followed(void **state)
{
	struct listen_set set;
	struct conf_listen l;
	char path[320], victim[320], why[256];
	struct stat st;

	(void)state;
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	int fd = open(victim, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	l = unix_at("sock", path);
	struct conf_http http = { .listen = &l, .nlisten = 1 };
	swap_for = victim;
	int rc = listen_open(&set, &http, NULL, &nobody, why, sizeof(why));
	swap_for = NULL;
	assert_int_equal(rc, -1);
	assert_non_null(strstr(why, "something else in the place of the socket"));
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(l.host);
	unlink(victim);
}

static void test_a_file_that_is_not_ours_any_more_is_not_removed(void **state)
{
	struct listen_set first, second;
	struct conf_listen l;
	char path[320], why[256];

	(void)state;
	l = unix_at("sock", path);
	struct conf_http http = { .listen = &l, .nlisten = 1 };
	assert_int_equal(listen_open(&first, &http, NULL, &nobody, why, sizeof(why)), 0);
	assert_int_equal(unlink(l.host), 0);
	assert_int_equal(listen_open(&second, &http, NULL, &nobody, why, sizeof(why)), 0);
	listen_close(&first, NULL);
	assert_true(answers(l.host));
	listen_close(&second, NULL);
}

static void test_a_unix_socket_that_answers_is_left_alone(void **state)
{
	struct listen_set first, second;
	struct conf_listen l;
	char path[320], why[256];

	(void)state;
	l = unix_at("sock", path);
	struct conf_http http = { .listen = &l, .nlisten = 1 };
	assert_int_equal(listen_open(&first, &http, NULL, &nobody, why, sizeof(why)), 0);
	assert_int_equal(listen_open(&second, &http, NULL, &nobody, why, sizeof(why)), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_non_null(strstr(why, l.host));
	assert_true(answers(l.host));
	listen_close(&first, NULL);
}

static void test_a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct listen_set set;
	struct conf_listen l;
	char path[320], why[256];

	(void)state;
	l = unix_at("file", path);
	int fd = open(l.host, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	struct conf_http http = { .listen = &l, .nlisten = 1 };
	assert_int_equal(listen_open(&set, &http, NULL, &nobody, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "no socket"));
	assert_int_equal(unlink(l.host), 0);    /* still there */
}

static void test_a_path_that_is_too_long(void **state)
{
	struct listen_set set;
	struct conf_listen l;
	char text[320], why[256];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:/", 6);
	text[sizeof(text) - 1] = '\0';
	l = (struct conf_listen){ .text = text, .host = text + 5, .is_unix = true };
	struct conf_http http = { .listen = &l, .nlisten = 1 };
	assert_int_equal(listen_open(&set, &http, NULL, &nobody, why, sizeof(why)), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_socket_is_non_blocking_and_stays_at_home),
		cmocka_unit_test(test_a_taken_port_is_named),
		cmocka_unit_test(test_a_reload_shares_what_stays_and_closes_what_goes),
		cmocka_unit_test(test_the_same_port_of_all_addresses),
		cmocka_unit_test(test_a_failed_reload_leaves_the_running_sockets),
		cmocka_unit_test(test_a_stale_unix_socket_is_replaced),
		cmocka_unit_test(test_a_link_put_in_the_place_of_the_socket_is_not_followed),
		cmocka_unit_test(test_a_file_that_is_not_ours_any_more_is_not_removed),
		cmocka_unit_test(test_a_unix_socket_that_answers_is_left_alone),
		cmocka_unit_test(test_a_file_that_is_no_socket_is_left_alone),
		cmocka_unit_test(test_a_path_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
