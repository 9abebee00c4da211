/* The life of a connection: answers, their order, what is kept and what an idle one holds, the end. */
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

static void an_answer(void **state)
{
	int fd = dial();

	(void)state;
	SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
	assert_false(hear(fd, &got));
	buf_char(&got, '\0');
	assert_string_equal(got.data, "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
		"Content-Type: text/plain\r\nContent-Length: 7\r\nLocation: /jobs/1\r\n\r\n5:hello");
	pass(1 * S);
	buf_clear(&got);
	SAY(fd, GET("/metrics"));
	assert_false(hear(fd, &got));
	assert_true(has((struct slice){ got.data, got.len }, "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"));
	assert_true(has((struct slice){ got.data, got.len }, "Cache-Control: max-age=60\r\n"));
	assert_false(has((struct slice){ got.data, got.len }, "no-store"));
	close(fd);
}

static void a_problem(void **state)
{
	int fd = dial();

	(void)state;
	SAY(fd, GET("/nothing%22here?a=b"));
	assert_false(hear(fd, &got));
	assert_true(has((struct slice){ got.data, got.len }, "Content-Type: application/problem+json\r\n"));
	assert_true(strstr(body(false), "\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\""));
	assert_true(strstr(body(false), "\"instance\":\"/nothing\\\"here\"}"));
	close(fd);
}

static void head_has_no_body(void **state)
{
	struct answer a;
	size_t at = 0;
	int fd = dial();

	(void)state;
	SAY(fd, "HEAD /livez HTTP/1.1\r\n" H "\r\n" GET("/livez"));
	assert_false(hear(fd, &got));
	assert_true(answer_next(&got, &at, true, &a));
	assert_int_equal(a.status, 200);
	assert_true(has(a.head, "Content-Length: 6\r\n"));
	assert_true(answer_next(&got, &at, false, &a));
	assert_true(has(a.body, "/livez"));
	assert_int_equal(at, got.len);
	close(fd);
}

/* Requests that wait are answered one by one in their order, and the next is not begun before. */
static void pipelined_and_held(void **state)
{
	int fd = dial();

	(void)state;
	fake.hold = true;
	SAY(fd, POST("a") POST("b") GET("/livez"));
	assert_int_equal(fake.handled, 1);
	assert_false(hear(fd, &got));
	assert_int_equal(got.len, 0);
	answer_body(fake.held[0]);
	run();
	assert_int_equal(fake.handled, 2);
	assert_false(hear(fd, &got));
	assert_string_equal(statuses(&got), "201");
	answer_body(fake.held[1]);
	run();
	assert_false(hear(fd, &got));
	assert_string_equal(statuses(&got), "201 201 200");
	assert_true(has((struct slice){ got.data, got.len }, "1:a"));
	close(fd);
}

/* Nothing is read while a request is handled, however much the client says, and what it said is not lost. */
static void reading_stops(void **state)
{
	char junk[4096];
	size_t sent = 0, fits;
	ssize_t n;
	int fd = dial();

	(void)state;
	fake.hold = true;
	SAY(fd, POST("a"));
	memset(junk, 'x', sizeof(junk));
	while ((n = send(fd, junk, sizeof(junk), MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	run();
	fits = only()->in_cap;
	assert_false(only()->io.events & EPOLLIN);
	assert_true(fits <= CONN_BLOCK);
	answer_held(0);
	run();
	hear(fd, &got);
	assert_string_equal(statuses(&got), "201 414");
	assert_true(sent > 2 * fits);
	close(fd);
}

static void idle_holds_nothing(void **state)
{
	struct http_conn *c;
	int fd = dial();

	(void)state;
	SAY(fd, POST("a") GET("/metrics"));
	hear(fd, &got);
	c = only();
	assert_null(c->in);
	assert_null(c->out.data);
	assert_null(c->x);
	assert_true(sizeof(*c) <= 320);
	SAY(fd, "GET ");
	assert_non_null(c->in);
	SAY(fd, "/livez HTTP/1.1\r\n" H "\r\n");
	assert_null(c->in);
	close(fd);
}

/* A reader that does not read: no more requests are begun than fit, and all are answered in the end. */
static void replies_are_bounded(void **state)
{
	struct answer a;
	size_t at = 0;
	unsigned n = 0, wanted = 0;
	int fd = dial(), small = 4096;
	struct buf all = { 0 };

	(void)state;
	fake.reply_bytes = 20000;
	setsockopt(only()->io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (all.len < 6000) {
		buf_str(&all, GET("/metrics"));
		wanted++;
	}
	assert_int_equal(send(fd, all.data, all.len, 0), all.len);
	run();
	assert_true(conn_unsent(only()) < CONN_OUT_HIGH + 21000);
	assert_true(only()->held);
	while (!hear(fd, &got) && n < wanted)
		while (answer_next(&got, &at, false, &a))
			n++;
	assert_int_equal(n, wanted);
	assert_int_equal(at, got.len);
	assert_null(only()->out.data);
	buf_free(&all);
	close(fd);
}

static void bodies(void **state)
{
	struct buf all = { 0 };
	int fd = dial();

	(void)state;
	/* as long as is taken, in pieces, by its length */
	buf_str(&all, "POST /jobs HTTP/1.1\r\n" H "X-Last: y\r\nContent-Length: 10000\r\n\r\n");
	for (unsigned i = 0; i < 10000; i++)
		buf_char(&all, (char)('a' + i % 26));
	for (size_t at = 0; at < all.len; at += 700)
		say(fd, all.data + at, all.len - at < 700 ? all.len - at : 700);
	hear(fd, &got);
	assert_string_equal(statuses(&got), "201");
	assert_true(memmem(got.data, got.len, "10000:abc", 9) && memmem(got.data, got.len, all.data + all.len - 10000, 10000));
	buf_clear(&got);
	/* the same chunked, each chunk of another size, the last piece with a request behind it */
	struct buf chunked = { 0 };
	buf_str(&chunked, "POST /jobs HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t at = 0, n = 1; at < 10000; at += n, n = n * 7 % 601 + 1) {
		size_t part = 10000 - at < n ? 10000 - at : n;

		buf_printf(&chunked, "%zx\r\n", part);
		buf_add(&chunked, all.data + all.len - 10000 + at, part);
		buf_str(&chunked, "\r\n");
	}
	buf_str(&chunked, "0\r\n\r\n" GET("/livez"));
	for (size_t step = 1; step < chunked.len; step = step * 3 + 1) {
		for (size_t at = 0; at < chunked.len; at += step)
			say(fd, chunked.data + at, chunked.len - at < step ? chunked.len - at : step);
		hear(fd, &got);
		assert_string_equal(statuses(&got), "201 200");
		assert_true(memmem(got.data, got.len, "10000:abc", 9) && memmem(got.data, got.len, all.data + all.len - 10000, 10000));
		buf_clear(&got);
	}
	buf_free(&all);
	buf_free(&chunked);
	close(fd);
}

/* What a handler holds stays where it is while more comes in behind it. */
static void held_bytes_stay(void **state)
{
	int fd = dial();

	(void)state;
	fake.hold = true;
	SAY(fd, "POST /jobs?type=a%20b HTTP/1.1\r\n" H "X-A: b\r\nContent-Length: 3\r\n\r\nabc");
	SAY(fd, GET("/livez") GET("/livez"));
	assert_true(slice_eq(http_header(fake.held[0], "x-a"), "b"));
	assert_true(slice_eq(http_query(fake.held[0], "type"), "a b"));
	assert_true(slice_eq(fake.held[0]->target, "/jobs?type=a%20b"));
	assert_true(slice_eq(fake.held[0]->body, "abc"));
	assert_null(http_header(fake.held[0], "x-b").p);
	answer_held(0);
	run();
	hear(fd, &got);
	assert_string_equal(statuses(&got), "201 200 200");
	close(fd);
}

static void too_large_is_said_before_it_comes(void **state)
{
	struct buf junk = { 0 };
	int fd = dial();

	(void)state;
	SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 5000000\r\n\r\n");
	assert_true(hear(fd, &got));
	assert_string_equal(statuses(&got), "413");
	for (unsigned i = 0; i < 5000; i++)     /* what it goes on saying is read and dropped */
		buf_add(&junk, "0123456789abcdef0123456789abcdef", 32);
	say(fd, junk.data, junk.len);
	assert_int_equal(only()->phase, CONN_LINGER);
	assert_true(only()->dropped == junk.len);
	close(fd);
	run();
	assert_int_equal(http_open(&api), 0);
	buf_free(&junk);
}

static void continues(void **state)
{
	int fd = dial();

	(void)state;
	SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	hear(fd, &got);
	assert_string_equal(statuses(&got), "100");
	SAY(fd, "hello");
	hear(fd, &got);
	assert_string_equal(statuses(&got), "100 201");
	buf_clear(&got);
	/* what will not do is said instead of it, and the body is not waited for */
	SAY(fd, "POST /nothing HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	assert_true(hear(fd, &got));
	assert_string_equal(statuses(&got), "404");
	close(fd);
}

static void drains(void **state)
{
	int silent = dial(), once = dial(), waits = dial();

	(void)state;
	fake.hold = true;
	SAY(waits, POST("a"));
	http_drain(&api, 2000);
	SAY(once, GET("/livez"));
	assert_true(hear(once, &got));
	assert_true(has((struct slice){ got.data, got.len }, "Connection: close\r\n"));
	close(once);
	run();
	assert_int_equal(http_open(&api), 2);
	pass(2 * S);
	assert_int_equal(http_open(&api), 1);
	assert_true(hear(silent, &got));
	assert_int_equal(http_unanswered(&api), 1);
	answer_held(0);
	run();
	assert_int_equal(http_unanswered(&api), 0);
	buf_clear(&got);
	assert_true(hear(waits, &got));
	assert_string_equal(statuses(&got), "201");
	assert_true(has((struct slice){ got.data, got.len }, "Connection: close\r\n"));
	close(waits);
	run();
	assert_int_equal(http_open(&api), 0);
	close(silent);
}

/* A submission is refused, what only reads is not. */
static void only_reads(void)
{
	int fd = dial();

	SAY(fd, POST("a") GET("/livez"));
	assert_false(hear(fd, &got));
	assert_string_equal(statuses(&got), "503 200");
	assert_true(has((struct slice){ got.data, got.len }, "Retry-After: "));
	assert_int_equal(fake.handled, 0);
	close(fd);
}

static void refuses_submissions(void **state)
{
	(void)state;
	api.draining = true;
	only_reads();
}

static void writes_nothing_without_a_keeper(void **state)
{
	(void)state;
	api.keeper_away = true;
	only_reads();
}

/* What was asked before its keeper went: nobody knows whether it was stored. What only reads goes on. */
static void gives_up(void **state)
{
	int writes = dial(), reads = dial();

	(void)state;
	fake.hold = true;
	SAY(writes, POST("a"));
	SAY(reads, GET("/jobs/1"));
	assert_int_equal(fake.nheld, 2);
	http_give_up(&api);
	run();
	assert_true(hear(writes, &got));
	assert_int_equal(got.len, 0);
	assert_int_equal(fake.gone, 1);
	assert_false(hear(reads, &got));
	assert_int_equal(http_open(&api), 1);
	answer_body(fake.held[0]);
	answer_path(fake.held[1]);
	run();
	assert_false(hear(reads, &got));
	assert_string_equal(statuses(&got), "200");
	close(writes);
	close(reads);
}

#define T(f) cmocka_unit_test_setup_teardown(f, wire_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_answer), T(a_problem), T(head_has_no_body), T(pipelined_and_held), T(reading_stops), T(idle_holds_nothing),
		T(replies_are_bounded), T(bodies), T(held_bytes_stay), T(too_large_is_said_before_it_comes), T(continues), T(drains),
		T(refuses_submissions), T(writes_nothing_without_a_keeper), T(gives_up),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
