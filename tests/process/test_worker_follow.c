/* Readers of a log while it is written, at the worker's end: what they get, when it ends, and that none of them holds anything. */
#include "process/worker.h"

#include <errno.h>
#include <fcntl.h>

#include "shm/line.h"
#include "worker_fixture.h"

static const char *fifo(void)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s", scratch("fifo"));
	return path;
}

/* Jobs of the type json are a program that runs what it reads from the fifo; *ear is our end of that. */
static void shells(int *ear)
{
	struct conf_handler *h = (struct conf_handler *)(uintptr_t)conf_handler_of(process.conf, (struct slice){ "json", 4 });

	assert_int_equal(mkfifo(fifo(), 0600), 0);
	*ear = open(fifo(), O_RDWR | O_CLOEXEC);
	assert_true(*ear >= 0);
	free(h->exec.v[2]);
	assert_true(asprintf(&h->exec.v[2], "exec sh < '%s' >&2", fifo()) > 0);
}

static struct held *shell(int *ear)
{
	shells(ear);
	return grant("json", "{}");
}

static void tell(int ear, const char *line)
{
	assert_int_equal(write(ear, line, strlen(line)), (ssize_t)strlen(line));
}

static int reader_of(uint64_t token, bool follow)
{
	struct line_ask ask = { .token = token, .follow = follow };
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(line_send(&seg, slot, &ask, p[1]), 0);
	close(p[1]);
	return p[0];
}

/* What has come, appended; true at its end. */
static bool hear(int fd, struct buf *b)
{
	char part[4096];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(b, part, (size_t)n);
	return n == 0;
}

static void hear_until(int fd, struct buf *b, const char *end)
{
	size_t n = strlen(end);

	while (b->len < n || memcmp(b->data + b->len - n, end, n) != 0) {
		assert_false(hear(fd, b));
		loop_turn(process.loop, 20000000);
	}
}

static void hear_out(int fd, struct buf *b)
{
	while (!hear(fd, b))
		loop_turn(process.loop, 20000000);
	close(fd);
}

static void test_what_was_kept_then_what_comes_then_the_end(void **state)
{
	struct buf a = { 0 }, b = { 0 }, now = { 0 };
	int ear;
	struct held *j = shell(&ear);
	int first = reader_of(next_token, true);

	(void)state;
	tell(ear, "echo one\n");
	hear_until(first, &a, "one\n");
	int second = reader_of(next_token, true), third = reader_of(next_token, false);
	hear_until(second, &b, "one\n");
	hear_out(third, &now);
	assert_string_equal(buf_cstr(&now), "one\n");
	tell(ear, "echo two; echo ::progress 5 no; printf three; exit\n");
	run_down();
	hear_out(first, &a);
	hear_out(second, &b);
	assert_string_equal(buf_cstr(&a), "one\ntwo\nthree");
	assert_string_equal(buf_cstr(&b), "one\ntwo\nthree");
	assert_true(LIST_EMPTY(&j->followers));
	/* over, and not recorded yet: it is still there */
	buf_clear(&a);
	first = reader_of(next_token, true);
	hear_out(first, &a);
	assert_string_equal(buf_cstr(&a), "one\ntwo\nthree");
	keep_all();
	buf_clear(&a);
	first = reader_of(next_token, true);
	hear_out(first, &a);
	assert_int_equal(a.len, 0);             /* recorded: no longer ours */
	assert_all_free();
	close(ear);
	buf_free(&a);
	buf_free(&b);
	buf_free(&now);
}

static void test_tokens_of_nobody(void **state)
{
	struct buf b = { 0 };

	(void)state;
	hear_out(reader_of(12345, true), &b);
	hear_out(reader_of(0, false), &b);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

/* Who is quicker than the worker to hear of a job finds it all the same: the grant lies there. */
static void test_asked_before_it_was_taken(void **state)
{
	struct buf b = { 0 };
	int ear;

	(void)state;
	shells(&ear);
	grant_only("json", "{}", 0, 0);
	int fd = reader_of(next_token, true);
	tell(ear, "echo hello\n");
	hear_until(fd, &b, "hello\n");
	tell(ear, "exit\n");
	run_down();
	hear_out(fd, &b);
	assert_string_equal(buf_cstr(&b), "hello\n");
	keep_all();
	assert_all_free();
	close(ear);
	buf_free(&b);
}

static void test_a_slow_reader_is_told(void **state)
{
	struct buf slow = { 0 }, quick = { 0 };
	unsigned long long missed = 0;
	size_t said = 0;
	char *at, *tail = NULL;
	int ear;
	struct held *j = shell(&ear);
	int s = reader_of(next_token, true), q = reader_of(next_token, true);

	(void)state;
	tell(ear, "echo begun\n");
	hear_until(q, &quick, "begun\n");
	for (int i = 0; i < 50; i++) {  /* no more at once than a reader who reads can take */
		char line[64], end[16];
		snprintf(line, sizeof(line), "seq %d %d\n", 100000 + 2000 * i, 101999 + 2000 * i);
		snprintf(end, sizeof(end), "\n%d\n", 101999 + 2000 * i);
		tell(ear, line);
		hear_until(q, &quick, end);
	}
	assert_false(LIST_EMPTY(&j->followers));
	tell(ear, "exit\n");
	run_down();
	keep_all();                     /* nothing of the job is needed any more */
	assert_all_free();
	hear_out(s, &slow);
	hear_out(q, &quick);
	assert_int_equal(quick.len, 6 + 700000);
	assert_memory_equal(slow.data, "begun\n100000\n", 13);
	/* what it got and what it missed, once or more often, are the whole */
	for (char *p = (char *)(uintptr_t)buf_cstr(&slow); (p = strstr(p, "\n[")); p = at) {
		unsigned long long gap = 0;
		assert_int_equal(sscanf(p, "\n[%llu bytes passed over", &gap), 1);
		size_t words = strcspn(p + 1, "\n") + 2;
		missed += gap;
		said += words;
		at = p + words - 1;     /* the newline at its end may begin the next */
		tail = p + words;
	}
	assert_non_null(tail);
	size_t left = slow.len - (size_t)(tail - slow.data);
	assert_int_equal(slow.len - said + missed, quick.len);
	assert_memory_equal(tail, quick.data + quick.len - left, left);
	close(ear);
	buf_free(&slow);
	buf_free(&quick);
}

static void test_readers_that_go_are_forgotten(void **state)
{
	struct buf b = { 0 };
	int ear;
	struct held *j = shell(&ear);

	(void)state;
	for (int i = 0; i < 300; i++) {
		int fd = reader_of(next_token, true);
		if (i == 0)
			tell(ear, "echo hello\n");
		hear_until(fd, &b, "hello\n");
		close(fd);
		buf_clear(&b);
	}
	while (!LIST_EMPTY(&j->followers))
		loop_turn(process.loop, 20000000);
	tell(ear, "exit\n");
	run_down();
	keep_all();
	assert_all_free();
	close(ear);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_what_was_kept_then_what_comes_then_the_end), TEST(test_tokens_of_nobody), TEST(test_asked_before_it_was_taken), TEST(test_a_slow_reader_is_told),
		TEST(test_readers_that_go_are_forgotten) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
