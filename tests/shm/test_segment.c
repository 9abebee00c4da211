/* The segment: made whole, viewed from outside, refused when it is not sane; ringing and sleeping. */
#include "tests/shm/segment_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "shm/event_ring.h"
#include "shm/request.h"

static void test_geometry(void **state)
{
	struct stat st;

	(void)state;
	assert_memory_equal(seg.geo.magic, SHM_MAGIC, 8);
	assert_int_equal(seg.geo.nworker, 6);
	assert_int_equal(seg.geo.nproc, 2 + 4 + 6);
	assert_int_equal(segment_acceptor_slot(&seg, 0), 2);
	assert_int_equal(segment_worker_slot(&seg, 0), 6);
	assert_null(segment_runs(&seg, 5));
	assert_non_null(segment_runs(&seg, 6));
	assert_null(segment_runs(&seg, seg.geo.nproc));
	assert_int_equal(stat(scratch("status.shm"), &st), 0);
	assert_int_equal(st.st_size, seg.geo.total_bytes);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true((uint64_t)st.st_blocks * 512 >= seg.geo.total_bytes);        /* no hole: touching one on a full disk would be SIGBUS */
	assert_int_equal(stat(scratch("status.shm.new"), &st), -1);
}

/* No part runs into the next: every word of every part is written with its own value, then looked at. */
static void test_parts_do_not_overlap(void **state)
{
	struct { uint64_t off, bytes; } part[] = {
		{ 0, seg.geo.header_bytes }, { seg.geo.off_proc, seg.geo.nproc * sizeof(struct shm_proc) }, { seg.geo.off_run, (uint64_t)seg.geo.nworker * seg.geo.run_capacity * sizeof(struct shm_run) },
		{ seg.geo.off_request, request_count(&seg) * sizeof(struct shm_request) }, { seg.geo.off_grant, (uint64_t)seg.geo.nworker * seg.geo.grant_bytes },
		{ seg.geo.off_handout, seg.geo.nacceptor * (uint64_t)SHM_HANDOUTS * sizeof(struct shm_handout) },
		{ seg.geo.off_event, SHM_EVENTS * sizeof(struct shm_event) }, { seg.geo.off_queue_hist, (SHM_TYPES + 1) * sizeof(struct shm_named) },
		{ seg.geo.off_type_hist, (SHM_TYPES + 1) * sizeof(struct shm_named) }, { seg.geo.off_submit_hist, 3 * sizeof(struct shm_histogram) }, { seg.geo.off_commit_hist, sizeof(struct shm_histogram) },
	};
	size_t n = sizeof(part) / sizeof(part[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(part[i].off + part[i].bytes <= seg.geo.total_bytes);
		for (size_t j = 0; j < n; j++)
			if (i != j)
				assert_true(part[i].off + part[i].bytes <= part[j].off || part[j].off + part[j].bytes <= part[i].off);
	}
	uint64_t end = seg.geo.off_area;
	for (uint32_t i = 0; i < request_count(&seg); i++) {
		const struct shm_request *r = request_slot(&seg, i);
		assert_int_equal(r->off_ops, end);
		assert_int_equal(r->off_results, r->off_ops + r->ops_capacity);
		end = r->off_results + (i < 16 ? seg.geo.result_bytes_acceptor : seg.geo.result_bytes_worker);
		assert_true(r->results_capacity * sizeof(struct request_result) <= end - r->off_results);
	}
	assert_true(end <= seg.geo.off_grant);
}

/* In a directory where others may write, too: nothing that lies at the name it is made under is written to. */
static void test_what_was_planted_is_not_written_to(void **state)
{
	static const char text[] = "somebody's";
	struct segment_plan plan = { .workers = 2, .worker_jobs = 16, .version = "test" };
	struct segment again;
	struct stat st;
	gid_t group = getgid();

	(void)state;
	scratch_write(scratch("victim"), text);
	assert_int_equal(link(scratch("victim"), scratch("status.shm.new")), 0);
	plan.group = &group;
	assert_int_equal(segment_create(&again, scratch("status.shm"), &plan, 43, 1800000000000, fixture_boot), 0);
	segment_close(&again);
	char *left = scratch_read(scratch("victim"));
	assert_string_equal(left, text);
	free(left);
	assert_int_equal(stat(scratch("status.shm"), &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_gid, group);
	assert_int_equal(st.st_nlink, 1);
}

static void test_a_view_of_what_is_no_file(void **state)
{
	struct segment view;

	(void)state;
	assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
	alarm(60);                      /* it would wait for a writer */
	assert_int_equal(segment_view(&view, scratch("fifo")), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(segment_view(&view, scratch_dir), -1);
	assert_int_equal(errno, EPROTO);
	alarm(0);
}

static void test_readable_with_every_process_dead(void **state)
{
	struct segment view;
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {                 /* a child counts and dies without a word */
		shm_count(&seg.proc[6], SHM_C_SPAWNS, 41);
		shm_count(&seg.proc[6], SHM_C_SPAWNS, 1);
		histogram_add(seg.exec_us, 1000);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(segment_view(&view, scratch("status.shm")), 0);
	assert_int_equal(shm_counter(&view.proc[6], SHM_C_SPAWNS), 42);
	assert_int_equal(segment_total(&view, SHM_C_SPAWNS), 42);
	assert_int_equal(view.exec_us->count, 1);
	assert_string_equal(view.geo.version, "test");
	segment_close(&view);
}

static void damage(size_t at, uint8_t v)
{
	int fd = open(scratch("status.shm"), O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &v, 1, (off_t)at), 1);
	close(fd);
}

static void test_a_view_checks_the_header(void **state)
{
	static const size_t fields[] = {
		offsetof(struct shm_geometry, magic), offsetof(struct shm_geometry, layout), offsetof(struct shm_geometry, header_bytes), offsetof(struct shm_geometry, total_bytes) + 3,
		offsetof(struct shm_geometry, nproc), offsetof(struct shm_geometry, nworker), offsetof(struct shm_geometry, run_capacity), offsetof(struct shm_geometry, off_event) + 1,
		offsetof(struct shm_geometry, off_type_hist) + 4,
	};
	struct segment view;

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint8_t was = ((const uint8_t *)seg.base)[fields[i]];
		damage(fields[i], (uint8_t)(was ^ 0x7f));
		assert_int_equal(segment_view(&view, scratch("status.shm")), -1);
		assert_int_equal(errno, EPROTO);
		damage(fields[i], was);
	}
	/* cut short: a copy, since the whole one is mapped */
	for (off_t n = 0; n < 3; n++) {
		int fd = open(scratch("cut.shm"), O_RDWR | O_CREAT | O_TRUNC, 0600);
		assert_int_equal(write(fd, seg.base, 4096), 4096);
		assert_int_equal(ftruncate(fd, n * 4096), 0);
		close(fd);
		assert_int_equal(segment_view(&view, scratch("cut.shm")), -1);
	}
	assert_int_equal(segment_view(&view, scratch("absent")), -1);
	assert_int_equal(errno, ENOENT);
}

static bool rung(uint32_t slot)
{
	struct pollfd p = { .fd = seg.bell[slot], .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void test_ring_and_sleep(void **state)
{
	(void)state;
	segment_ring(&seg, 3);
	assert_false(rung(3));          /* awake: nothing to wake */
	segment_sleep(&seg, 3);
	segment_ring(&seg, 3);
	assert_true(rung(3));
	segment_ring(&seg, 3);
	segment_awake(&seg, 3);
	assert_false(rung(3));
	segment_sleep(&seg, 3);
	segment_awake(&seg, 3);         /* nobody rang */
	assert_false(rung(3));
	segment_ring(&seg, 3);
	assert_false(rung(3));
}

#define HANDOVERS 20000
static _Atomic uint32_t work_posted, work_taken;

static void *sleeper(void *arg)
{
	(void)arg;
	while (atomic_load(&work_taken) < HANDOVERS) {
		segment_sleep(&seg, 4);
		if (atomic_load_explicit(&work_posted, memory_order_relaxed) == atomic_load_explicit(&work_taken, memory_order_relaxed)) {
			struct pollfd p = { .fd = seg.bell[4], .events = POLLIN };
			if (poll(&p, 1, 20000) != 1)
				return "a ring was lost";
		}
		segment_awake(&seg, 4);
		atomic_store(&work_taken, atomic_load(&work_posted));
	}
	return NULL;
}

/* Whoever publishes and rings is always heard: no hand-over hangs, whatever way the two interleave. */
static void test_no_ring_is_lost(void **state)
{
	pthread_t t;
	void *said;

	(void)state;
	atomic_store(&work_posted, 0);
	atomic_store(&work_taken, 0);
	assert_int_equal(pthread_create(&t, NULL, sleeper, NULL), 0);
	for (uint32_t i = 0; i < HANDOVERS; i++) {
		atomic_store_explicit(&work_posted, i + 1, memory_order_release);
		segment_ring(&seg, 4);
		for (unsigned spin = 0; atomic_load(&work_taken) != i + 1 && spin < 200000000; spin++)
			sched_yield();
	}
	pthread_join(t, &said);
	assert_null(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SEGMENT(test_geometry), WITH_SEGMENT(test_parts_do_not_overlap), WITH_SEGMENT(test_what_was_planted_is_not_written_to), WITH_SEGMENT(test_a_view_of_what_is_no_file),
		WITH_SEGMENT(test_readable_with_every_process_dead),
		WITH_SEGMENT(test_a_view_checks_the_header), WITH_SEGMENT(test_ring_and_sleep), WITH_SEGMENT(test_no_ring_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
