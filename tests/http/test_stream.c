/* Clients that go, and time limits. The clock is the test's. */
#include "wire_test.h"

#define H "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"
#define POST(body) "POST /jobs HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n" body

static struct buf got;

static int teardown(void **state)
{
	buf_free(&got);
	return wire_teardown(state);
}

static struct http_conn *only(void)
{
	assert_non_null(api.wire->first);
	assert_null(api.wire->first->next);
	return api.wire->first;
}

static void answer_held(unsigned i)
{
	fake.hold = false;
	answer_body(fake.held[i]);
}

/* The first answer's body as text. */
static const char *body(bool bare)
{
	static char text[4096];
	struct answer a;
	size_t at = 0;

	assert_true(answer_next(&got, &at, bare, &a));
	snprintf(text, sizeof(text), "%.*s", (int)a.body.n, a.body.p);
	return text;
}

static void gone_while_held(void **state)
{
	(void)state;
	for (int answers = 0; answers <= 1; answers++) {
		int fd = dial();

		memset(&fake, 0, sizeof(fake));
		fake.hold = true;
		fake.answer_when_gone = answers;
		SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc");
		close(fd);
		run();
		assert_int_equal(fake.gone, 1);
		assert_int_equal(http_open(&api), 0);
		assert_int_equal(http_unanswered(&api), 0);
		if (!answers) {
			assert_true(slice_eq(fake.held[0]->body, "abc"));
			answer_held(0);
		}
		run();
		assert_int_equal(api.wire->orphans, 0);
	}
}

/* shutdown(SHUT_WR) is no farewell: all that was asked is answered. */
static void half_closed(void **state)
{
	int fd = dial();

	(void)state;
	fake.hold = true;
	SAY(fd, POST("a") POST("b") GET("/livez"));
	shutdown(fd, SHUT_WR);
	run();
	assert_int_equal(fake.gone, 0);
	answer_body(fake.held[0]);
	run();
	answer_held(1);
	run();
	assert_true(hear(fd, &got));
	assert_string_equal(statuses(&got), "201 201 200");
	assert_int_equal(http_open(&api), 0);
	close(fd);
}

/* But where something is handed out to whoever waits it is one. */
static void half_closed_while_it_claims(void **state)
{
	int fd = dial();

	(void)state;
	fake.hold = fake.hangup = true;
	SAY(fd, POST("a"));
	shutdown(fd, SHUT_WR);
	run();
	assert_int_equal(fake.gone, 1);
	assert_true(fake.held[0]->gone);
	answer_held(0);
	run();
	assert_int_equal(http_open(&api), 0);
	close(fd);
}

static struct { struct http_sent s; unsigned delivered, lost; } fate[3];

static void on_sent(struct http_sent *s, bool delivered)
{
	for (unsigned i = 0; i < 3; i++)
		if (s == &fate[i].s)
			*(delivered ? &fate[i].delivered : &fate[i].lost) += 1;
}

/* Who asks is told of each answer once: when all of it is in the kernel's hands, or when it never will be. */
static void told_what_became_of_it(void **state)
{
	int fd = dial(), other = dial();

	(void)state;
	memset(fate, 0, sizeof(fate));
	fake.hold = true;
	SAY(fd, POST("a"));
	SAY(other, POST("b"));
	run();
	assert_int_equal(fake.nheld, 2);
	for (unsigned i = 0; i < 2; i++) {
		fate[i].s.fn = on_sent;
		fake.held[i]->sent = &fate[i].s;
	}
	answer_held(0);
	assert_int_equal(fate[0].delivered, 0);
	run();
	assert_int_equal(fate[0].delivered, 1);
	close(other);
	run();
	answer_held(1);                 /* it has gone before it was answered */
	run();
	assert_int_equal(fate[1].delivered, 0);
	assert_int_equal(fate[1].lost, 1);
	fake.hold = true;
	SAY(fd, POST("c"));
	run();
	fate[2].s.fn = on_sent;
	fake.held[2]->sent = &fate[2].s;
	answer_held(2);
	http_close_all(&api);           /* answered, and closed before a byte went out */
	assert_int_equal(fate[2].lost, 1);
	assert_int_equal(fate[0].delivered + fate[0].lost, 1);
	close(fd);
}

static void half_closed_inside(void **state)
{
	static const char *const part[] = { "GET /li", "POST /jobs HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel", "POST /jobs HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++) {
		int fd = dial();

		say(fd, part[i], strlen(part[i]));
		shutdown(fd, SHUT_WR);
		run();
		assert_true(hear(fd, &got));
		assert_string_equal(statuses(&got), "400");
		assert_int_equal(fake.handled, 0);
		buf_clear(&got);
		close(fd);
	}
	assert_int_equal(http_open(&api), 0);
}

static void ends_with_requests_open(void **state)
{
	int fd = dial(), other = dial();

	(void)state;
	fake.hold = true;
	SAY(fd, POST("a"));
	SAY(other, POST("b"));
	http_close_all(&api);
	assert_int_equal(fake.gone, 2);
	assert_null(api.wire);
	answer_held(0);
	answer_held(1);
	close(fd);
	close(other);
}

static void slow_head(void **state)
{
	int fd = dial();

	(void)state;
	SAY(fd, "GET /livez HTTP/1.1\r\nHost: ");
	for (int i = 0; i < 9; i++) {
		pass(1 * S);
		SAY(fd, "a");
		assert_false(hear(fd, &got));
	}
	pass(1 * S);
	assert_true(hear(fd, &got));
	assert_string_equal(statuses(&got), "408");
	assert_true(strstr(body(false), "header_timeout"));
	close(fd);
	run();
	assert_int_equal(http_open(&api), 0);
}

static void slow_body(void **state)
{
	int fd = dial();

	(void)state;
	SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\n");
	for (int i = 0; i < 29; i++) {
		pass(1 * S);
		SAY(fd, "a");
		assert_false(hear(fd, &got));
	}
	pass(1 * S);
	assert_true(hear(fd, &got));
	assert_string_equal(statuses(&got), "408");
	assert_true(strstr(body(false), "body_timeout"));
	assert_int_equal(fake.handled, 0);
	close(fd);
}

/* A large body that comes steadily is not slow. */
static void steady_body(void **state)
{
	char part[CONN_STEP] = { 0 };
	int fd = dial();

	(void)state;
	conf.http.max_body = 10 * CONN_STEP;
	SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 655360\r\n\r\n");
	for (int i = 0; i < 10; i++) {
		pass(20 * S);
		say(fd, part, sizeof(part));
	}
	hear(fd, &got);
	assert_int_equal(fake.handled, 1);
	assert_string_equal(statuses(&got), "201");
	close(fd);
}

static void idle(void **state)
{
	int silent = dial(), used = dial(), head = dial();

	(void)state;
	pass(40 * S);
	SAY(used, GET("/livez"));
	assert_false(hear(used, &got));
	SAY(head, "\r\n");
	pass(34 * S);
	assert_false(hear(silent, &got));
	pass(1 * S);
	buf_clear(&got);
	assert_true(hear(silent, &got));
	assert_true(hear(head, &got));
	assert_int_equal(got.len, 0);
	assert_false(hear(used, &got));
	pass(39 * S);
	assert_false(hear(used, &got));
	pass(1 * S);
	assert_true(hear(used, &got));
	assert_int_equal(http_open(&api), 0);
	close(silent);
	close(used);
	close(head);
}

/* However long a handler takes, it is not the client's fault. */
static void handlers_have_time(void **state)
{
	int fd = dial();

	(void)state;
	fake.hold = true;
	SAY(fd, POST("a"));
	pass(3600 * S);
	assert_int_equal(http_open(&api), 1);
	answer_held(0);
	run();
	assert_false(hear(fd, &got));
	assert_string_equal(statuses(&got), "201");
	pass(74 * S);
	assert_int_equal(http_open(&api), 1);
	pass(1 * S);
	assert_int_equal(http_open(&api), 0);
	close(fd);
}

static void answers_that_nobody_reads(void **state)
{
	int fd = dial(), small = 4096;

	(void)state;
	fake.reply_bytes = 1000000;
	setsockopt(only()->io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	SAY(fd, GET("/metrics"));
	assert_int_equal(http_unanswered(&api), 1);
	pass(19 * S);
	assert_int_equal(http_open(&api), 1);
	pass(1 * S);
	assert_int_equal(http_open(&api), 0);
	close(fd);
}

/* Ten bytes every now and then do not hold it for ever either. */
static void answers_read_by_drips(void **state)
{
	int fd = dial(), small = 4096;
	unsigned seconds = 0;
	char some[10];

	(void)state;
	fake.reply_bytes = 1000000;
	setsockopt(only()->io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	SAY(fd, GET("/metrics"));
	while (http_open(&api) && seconds < 1000) {
		assert_true(recv(fd, some, sizeof(some), 0) > 0);
		pass(1 * S);
		seconds++;
	}
	assert_int_equal(seconds, 20);
	close(fd);
}

static void lingers_so_long(void **state)
{
	int fd = dial();

	(void)state;
	SAY(fd, "x y z\r\n");
	assert_true(hear(fd, &got));
	assert_string_equal(statuses(&got), "400");
	for (int i = 0; i < 4; i++) {
		pass(1 * S);
		SAY(fd, "more");
		assert_int_equal(http_open(&api), 1);
	}
	pass(1 * S);
	assert_int_equal(http_open(&api), 0);
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, wire_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(gone_while_held), T(half_closed), T(half_closed_while_it_claims), T(told_what_became_of_it), T(half_closed_inside), T(ends_with_requests_open),
		T(slow_head), T(slow_body), T(steady_body), T(idle), T(handlers_have_time), T(answers_that_nobody_reads),
		T(answers_read_by_drips), T(lingers_so_long),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
