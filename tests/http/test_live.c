/* Answers that go on: their bytes on the wire, clients that are slow or go, and what comes after them on the connection. */
#include "wire_test.h"

#define H "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"
#define LOG "/jobs/019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071/log"

static struct buf got;
static unsigned rooms;

static int setup(void **state)
{
	rooms = 0;
	if (wire_setup(state) != 0)
		return -1;
	fake.hold = true;
	return 0;
}

static int teardown(void **state)
{
	buf_free(&got);
	return wire_teardown(state);
}

static const char *text(void)
{
	return buf_cstr(&got);
}

static const char *last(size_t n)
{
	return text() + got.len - n;
}

static void room(struct http_request *q)
{
	(void)q;
	rooms++;
}

static void ended_when_gone(struct http_request *q)
{
	fake.gone++;
	assert_true(q->gone);
	live_add(q, SLICE("into the void"));
	assert_int_equal(live_unsent(q), 0);
	live_end(q);
}

/* A request whose answer has begun. */
static struct http_request *begun(int fd, const char *request)
{
	say(fd, request, strlen(request));
	struct http_request *q = fake.held[fake.nheld - 1];
	q->on_gone = ended_when_gone;
	q->on_room = room;
	assert_true(live_begin(q, 200, "text/plain"));
	run();
	return q;
}

static void in_chunks(void **state)
{
	int fd = dial();
	struct http_request *q = begun(fd, GET(LOG));

	(void)state;
	assert_false(hear(fd, &got));
	assert_string_equal(text(), "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
		"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_int_equal(rooms, 1);
	buf_clear(&got);
	live_add(q, SLICE("hello"));
	live_add(q, SLICE(""));         /* an empty chunk would be the end */
	live_add(q, SLICE("0123456789abcdefg"));
	assert_true(live_unsent(q) > 0);
	run();
	assert_false(hear(fd, &got));
	assert_string_equal(text(), "5\r\nhello\r\n11\r\n0123456789abcdefg\r\n");
	assert_int_equal(live_unsent(q), 0);
	assert_int_equal(rooms, 2);
	assert_int_equal(http_unanswered(&api), 1);
	buf_clear(&got);
	SAY(fd, "POST /jobs HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx");      /* waits behind it */
	assert_int_equal(fake.handled, 1);
	fake.hold = false;
	live_end(q);
	run();
	assert_false(hear(fd, &got));
	assert_memory_equal(text(), "0\r\n\r\nHTTP/1.1 201 Created\r\n", 27);
	assert_int_equal(http_unanswered(&api), 0);
	close(fd);
}

static void to_a_client_that_closes(void **state)
{
	static const char end[] = "\r\n3\r\nabc\r\n0\r\n\r\n";
	int fd = dial();

	(void)state;
	struct http_request *q = begun(fd, "GET " LOG " HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	live_add(q, SLICE("abc"));
	live_end(q);
	run();
	assert_true(hear(fd, &got));    /* and closed */
	assert_non_null(strstr(text(), "Connection: close\r\n"));
	assert_null(strstr(text(), "Content-Length"));
	assert_string_equal(last(strlen(end)), end);
	buf_clear(&got);
	close(fd);
	run();
}

static void head_has_no_body(void **state)
{
	int fd = dial();

	(void)state;
	SAY(fd, "HEAD " LOG " HTTP/1.1\r\n" H "\r\n");
	assert_false(live_begin(fake.held[0], 200, "text/plain"));
	run();
	assert_false(hear(fd, &got));
	assert_non_null(strstr(text(), "Transfer-Encoding: chunked\r\n"));
	assert_string_equal(last(4), "\r\n\r\n");
	buf_clear(&got);
	fake.hold = false;
	SAY(fd, GET("/livez"));
	assert_false(hear(fd, &got));
	assert_memory_equal(text(), "HTTP/1.1 200 OK", 15);
	close(fd);
}

static void cut_is_seen(void **state)
{
	int fd = dial();
	struct http_request *q = begun(fd, GET(LOG));

	(void)state;
	live_add(q, SLICE("part"));
	live_cut(q);
	run();
	assert_true(hear(fd, &got));
	assert_string_equal(last(9), "4\r\npart\r\n");
	close(fd);
}

static void clients_that_go(void **state)
{
	int fd = dial();
	struct http_request *q = begun(fd, GET(LOG));

	(void)state;
	/* a half-closed one has gone: nobody who reads on closes that half */
	shutdown(fd, SHUT_WR);
	run();
	assert_int_equal(fake.gone, 1);
	assert_int_equal(http_open(&api), 0);
	close(fd);
	fd = dial();
	q = begun(fd, GET(LOG));
	live_add(q, SLICE("not read"));
	close(fd);
	run();
	assert_int_equal(fake.gone, 2);
	assert_int_equal(http_unanswered(&api), 0);
}

static void slow_clients(void **state)
{
	int fd = dial();
	struct http_request *q = begun(fd, GET(LOG));
	static char bytes[30000];
	size_t most = 0;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	assert_false(hear(fd, &got));
	/* one that takes a little now and then does not make the buffer grow for ever */
	for (int i = 0; i < 200; i++) {
		char part[30100];
		while (live_unsent(q) < 100000) {
			live_add(q, (struct slice){ bytes, sizeof(bytes) });
			run();
		}
		assert_true(recv(fd, part, sizeof(part), 0) > 0);
		run();
		most = api.wire->first->out.cap > most ? api.wire->first->out.cap : most;
	}
	assert_true(most < 1000000);
	/* one that takes nothing is closed */
	pass(19 * S);
	assert_int_equal(fake.gone, 0);
	pass(2 * S);
	assert_int_equal(fake.gone, 1);
	close(fd);
}

static void silence_is_no_fault(void **state)
{
	int fd = dial();
	struct http_request *q = begun(fd, GET(LOG));

	(void)state;
	for (int i = 0; i < 100; i++)
		pass(100 * S);
	live_add(q, SLICE("x"));
	live_end(q);
	run();
	assert_false(hear(fd, &got));
	assert_string_equal(last(11), "1\r\nx\r\n0\r\n\r\n");
	close(fd);
}

static void a_drain(void **state)
{
	int fd = dial();
	struct http_request *q = begun(fd, GET(LOG));

	(void)state;
	assert_false(http_draining(&api));
	http_drain(&api, 0);
	assert_true(http_draining(&api));
	run();
	assert_false(hear(fd, &got));           /* it is not cut short */
	live_add(q, SLICE("y"));
	live_end(q);
	run();
	assert_true(hear(fd, &got));
	assert_string_equal(last(11), "1\r\ny\r\n0\r\n\r\n");
	close(fd);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(in_chunks), TEST(to_a_client_that_closes), TEST(head_has_no_body), TEST(cut_is_seen), TEST(clients_that_go), TEST(slow_clients),
		TEST(silence_is_no_fault), TEST(a_drain) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
