/* Listening sockets over real loopback TCP: limits of connections and of descriptors, and ends that only TCP has. */
#include "wire_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>

#define H "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"

/* The loopback's packets may take a moment on a busy machine. */
#define UNTIL(condition) \
	for (int tries_ = 0; run(), !(condition); tries_++) { \
		assert_true(tries_ < 10000); \
		usleep(1000); \
	}

static struct buf got;
static struct sockaddr_in where;
static struct http_listener *listener;

static int setup(void **state)
{
	socklen_t n = sizeof(where);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	wire_setup(state);
	where = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	assert_int_equal(listen(fd, 512), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &n), 0);
	listener = http_listen(&api, fd, false);
	assert_non_null(listener);
	return 0;
}

static int teardown(void **state)
{
	buf_free(&got);
	return wire_teardown(state);
}

/* What has come, as soon as it is `expected`. */
static void hears(int fd, const char *expected)
{
	buf_clear(&got);
	UNTIL((hear(fd, &got), strcmp(statuses(&got), expected) == 0))
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static void connect_it(int fd)
{
	assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	run();
}

static int call(void)
{
	unsigned before = http_open(&api);
	int fd = new_socket();

	connect_it(fd);
	UNTIL(http_open(&api) > before)
	return fd;
}

static void serves(void **state)
{
	int fd = call();

	(void)state;
	SAY(fd, GET("/livez") GET("/livez"));
	hears(fd, "200 200");
	assert_int_equal(http_open(&api), 1);
	close(fd);
	UNTIL(http_open(&api) == 0)
}

static void one_too_many(void **state)
{
	int a, b, c;

	(void)state;
	conf.http.max_connections = 2;
	a = call();
	b = call();
	c = call();
	SAY(c, GET("/livez"));
	hears(c, "503");
	assert_true(has((struct slice){ got.data, got.len }, "Retry-After: 1\r\n"));
	assert_true(has((struct slice){ got.data, got.len }, "max_connections"));
	close(c);
	close(b);
	UNTIL(http_open(&api) == 1)
	b = call();
	SAY(b, GET("/livez"));
	hears(b, "200");
	close(a);
	close(b);
}

/* A flood beyond the limit waits in the kernel's queue, costs no turn, and is taken up when somebody goes. */
static void a_flood(void **state)
{
	int fd[CONN_REFUSED_MAX + 20], n = CONN_REFUSED_MAX + 20;

	(void)state;
	conf.http.max_connections = 1;
	for (int i = 0; i < n; i++)
		connect_it(fd[i] = new_socket());
	UNTIL(http_open(&api) == CONN_REFUSED_MAX + 1)
	assert_int_equal(loop_turn(api.loop, 0), 0);
	SAY(fd[0], GET("/livez"));
	hears(fd[0], "200");
	for (int i = 1; i < n; i++) {
		hears(fd[i], "503");
		close(fd[i]);
	}
	UNTIL(http_open(&api) == 1)
	close(fd[0]);
	UNTIL(http_open(&api) == 0)
}

/* No descriptor left: the client is told, the listener rests, and goes on by itself. */
static void out_of_descriptors(void **state)
{
	struct rlimit before, now;
	int a = new_socket(), b = new_socket(), top = dup(a);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	now.rlim_cur = (rlim_t)top;     /* the number that is free is out of bounds */
	close(top);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	connect_it(a);
	hears(a, "503");
	assert_true(has((struct slice){ got.data, got.len }, "descriptor"));
	assert_int_equal(http_open(&api), 0);
	assert_true(api.wire->reserve_fd >= 0);
	connect_it(b);                  /* it rests now: nothing is said, nothing spins */
	assert_int_equal(loop_turn(api.loop, 0), 0);
	assert_int_equal(http_open(&api), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	pass(S / 10);
	SAY(b, GET("/livez"));
	hears(b, "200");
	close(a);
	close(b);
}

static void stops_accepting(void **state)
{
	int fd = call(), late = new_socket();

	(void)state;
	http_listener_close(listener);
	run();
	assert_int_equal(connect(late, (struct sockaddr *)&where, sizeof(where)), -1);
	SAY(fd, GET("/livez"));
	hears(fd, "200");
	close(fd);
	close(late);
}

/* The client writes all of a body that is refused before it looks: the answer must still be there. */
static void refused_and_heard(void **state)
{
	struct buf body = { 0 };
	int fd = call();

	(void)state;
	buf_str(&body, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 3000000\r\n\r\n");
	for (unsigned i = 0; i < 300000; i++)
		buf_add(&body, "0123456789", 10);
	say(fd, body.data, body.len);
	hears(fd, "413");
	close(fd);
	UNTIL(http_open(&api) == 0)
	buf_free(&body);
}

/* A reset is seen at once, a FIN alone is not taken for one. */
static void a_reset(void **state)
{
	struct linger hard = { .l_onoff = 1 };
	int fd = call();

	(void)state;
	fake.hold = true;
	SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\na");
	UNTIL(fake.nheld == 1)
	shutdown(fd, SHUT_WR);
	UNTIL(api.wire->first->hung_up)
	assert_int_equal(fake.gone, 0);
	assert_int_equal(loop_turn(api.loop, 0), 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	UNTIL(fake.gone == 1)
	assert_int_equal(http_open(&api), 0);
	problem_send(fake.held[0], 503, NULL, "gone");
}

/* What is not answered yet holds its memory, whether its client is there or not. */
static void those_who_went_count(void **state)
{
	struct linger hard = { .l_onoff = 1 };
	int fd;

	(void)state;
	conf.http.max_connections = 2;
	fake.hold = true;
	for (unsigned i = 0; i < 2; i++) {
		fd = call();
		SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\na");
		UNTIL(fake.nheld == i + 1)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(fd);
		UNTIL(fake.gone == i + 1)
	}
	assert_int_equal(http_open(&api), 0);
	fd = call();
	hears(fd, "503");
	close(fd);
	UNTIL(http_open(&api) == 0)
	problem_send(fake.held[0], 503, NULL, "gone");
	run();
	fd = call();
	SAY(fd, GET("/livez"));
	hears(fd, "200");
	close(fd);
	problem_send(fake.held[1], 503, NULL, "gone");
}

static void closed_before_the_answer(void **state)
{
	int fd = call();

	(void)state;
	fake.hold = true;
	SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\na");
	UNTIL(fake.nheld == 1)
	close(fd);
	run();
	fake.hold = false;
	answer_body(fake.held[0]);
	run();
	pass(6 * S);                    /* whatever the client's kernel says to it, lingering has an end */
	UNTIL(http_open(&api) == 0)
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(serves), T(one_too_many), T(a_flood), T(out_of_descriptors), T(stops_accepting), T(refused_and_heard), T(a_reset), T(those_who_went_count), T(closed_before_the_answer),
	};

	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
