/* The lines along which readers of logs reach workers: each its own, never blocking, descriptors not lost. */
#include "shm/line.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/shm/segment_fixture.h"

static int taken(uint32_t slot, struct line_ask *ask)
{
	int fd;

	assert_int_equal(line_take(&seg, slot, ask, &fd), 1);
	assert_true(fd >= 0);
	return fd;
}

static void test_a_pipe_goes_along(void **state)
{
	uint32_t slot = segment_worker_slot(&seg, 1);
	struct line_ask ask = { .token = 77, .follow = 1 }, got;
	char b[3];
	int p[2], fd;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(line_take(&seg, slot, &got, &fd), 0);
	assert_int_equal(line_send(&seg, slot, &ask, p[1]), 0);
	close(p[1]);
	assert_int_equal(line_take(&seg, segment_worker_slot(&seg, 0), &got, &fd), 0);  /* another's */
	fd = taken(slot, &got);
	assert_int_equal(got.token, 77);
	assert_int_equal(got.follow, 1);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(fd, "abc", 3), 3);
	close(fd);
	assert_int_equal(read(p[0], b, 3), 3);
	assert_int_equal(read(p[0], b, 3), 0);          /* no other copy of the write end is left */
	close(p[0]);
	assert_int_equal(line_take(&seg, slot, &got, &fd), 0);
}

static void test_slots_that_have_none(void **state)
{
	struct line_ask ask = { .token = 1 };
	struct segment view;
	int fd;

	(void)state;
	for (uint32_t slot = 0; slot < segment_worker_slot(&seg, 0); slot++) {
		assert_int_equal(line_send(&seg, slot, &ask, 0), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(line_fd(&seg, slot), -1);
		assert_int_equal(line_take(&seg, slot, &ask, &fd), 0);
	}
	assert_int_equal(line_send(&seg, seg.geo.nproc, &ask, 0), -1);
	assert_int_equal(line_send(&seg, UINT32_MAX, &ask, 0), -1);
	assert_int_equal(segment_view(&view, scratch("status.shm")), 0);
	assert_int_equal(line_fd(&view, segment_worker_slot(&seg, 0)), -1);
	segment_close(&view);
}

static void test_a_full_line_refuses(void **state)
{
	uint32_t slot = segment_worker_slot(&seg, 0);
	struct line_ask ask = { .token = 1 }, got;
	unsigned n = 0;
	int p[2], fd;

	(void)state;
	assert_int_equal(pipe(p), 0);
	while (n < 100000 && line_send(&seg, slot, &ask, p[1]) == 0)
		ask.token = ++n + 1;
	assert_in_range(n, 8, 99999);
	assert_true(errno == EAGAIN || errno == ETOOMANYREFS);
	for (unsigned i = 0; i < n; i++) {
		fd = taken(slot, &got);
		assert_int_equal(got.token, i + 1);
		close(fd);
	}
	assert_int_equal(line_take(&seg, slot, &got, &fd), 0);
	assert_int_equal(line_send(&seg, slot, &ask, p[1]), 0);
	close(taken(slot, &got));
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { WITH_SEGMENT(test_a_pipe_goes_along), WITH_SEGMENT(test_slots_that_have_none), WITH_SEGMENT(test_a_full_line_refuses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
