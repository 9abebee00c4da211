/* cli/top_sample: one look after the other at a segment that changes, with a store and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/top.h"
#include "shm/named.h"
#include "tests/store/contract.h"

#define WALL 1763757659123LL
#define S 1000000000LL

static char dir[256], path[300];
static struct segment seg, view;
static struct status_now now;
static struct named_index queue_index, type_index;
static struct top_sampler sampler;

static bool alive(pid_t pid)
{
	return pid != 666;
}

static void person(uint32_t slot, enum shm_role role, int32_t pid, uint32_t number)
{
	atomic_store(&seg.proc[slot].role, (uint32_t)role);
	atomic_store(&seg.proc[slot].state, (uint32_t)SHM_PROC_RUNNING);
	atomic_store(&seg.proc[slot].pid, pid);
	atomic_store(&seg.proc[slot].number, number);
}

static int make_segment(uint64_t epoch)
{
	struct segment_plan plan = { .workers = 2, .worker_jobs = 4, .version = "9.8.7" };

	if (segment_create(&seg, path, &plan, epoch, WALL, now.boot_id) != 0 || segment_view(&view, path) != 0)
		return -1;
	named_attach(&queue_index, seg.queue_hist);
	named_attach(&type_index, seg.type_hist);
	person(0, SHM_ROLE_MASTER, 100, 0);
	person(1, SHM_ROLE_KEEPER, 101, 0);
	person(segment_worker_slot(&seg, 0), SHM_ROLE_WORKER, 103, 1);
	person(segment_worker_slot(&seg, 1), SHM_ROLE_WORKER, 104, 2);
	return 0;
}

static void drop_segment(void)
{
	segment_close(&view);
	segment_close(&seg);
	unlink(path);
}

static int set_up(void **unused)
{
	(void)unused;
	snprintf(dir, sizeof(dir), "%s/stint-top.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/status.shm", dir);
	now = (struct status_now){ .wall_ms = WALL, .boot_ns = 5000 * S, .boot_id = { 1, 2, 3 } };
	memset(&sampler, 0, sizeof(sampler));
	return make_segment(1);
}

static int tear_down(void **unused)
{
	(void)unused;
	top_sampler_free(&sampler);
	drop_segment();
	return rmdir(dir);
}

static void look_at(struct top *t, int64_t after_ns)
{
	now.boot_ns += after_ns;
	now.wall_ms += after_ns / 1000000;
	top_free(t);
	assert_int_equal(top_sample(&sampler, &view, &now, alive, t), 0);
}

static void worked(unsigned n, const char *queue, const char *type, int64_t us)
{
	for (unsigned i = 0; i < n; i++) {
		histogram_add(seg.queue_us, us);
		histogram_add(seg.exec_us, us);
		histogram_add(named_histogram(&queue_index, (struct job_text){ queue, strlen(queue) }), us);
		histogram_add(named_histogram(&type_index, (struct job_text){ type, strlen(type) }), us);
		shm_count(&seg.proc[1], SHM_C_SUCCEEDED, 1);
	}
}

static struct top_name *named(struct top_names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	fail_msg("there is no %s", name);
	return NULL;
}

static bool about(double v, double wanted)
{
	return v > wanted * 0.999 - 0.001 && v < wanted * 1.001 + 0.001;
}

static void rates_are_of_the_window(void **unused)
{
	struct top t = { .window_s = 0 };

	(void)unused;
	worked(1000, "a", "x", 50000);
	look_at(&t, 0);
	assert_true(t.window_s == 0);
	assert_true(t.rate[TOP_SUCCEEDED] == 0);
	assert_int_equal(named(&t.queues, "a")->out, 1000);
	worked(10, "a", "x", 1000);
	worked(20, "b", "y", 1000);
	look_at(&t, 2 * S);
	assert_true(about(t.window_s, 2));
	assert_true(about(t.rate[TOP_SUCCEEDED], 15));
	assert_true(about(named(&t.queues, "a")->out_s, 5));
	assert_true(about(named(&t.queues, "b")->out_s, 10));           /* new: it has begun at 0 */
	assert_true(about(named(&t.types, "y")->out_s, 10));
	assert_int_equal(t.queue.count, 30);
	assert_true(t.queue.p99 < 1.2);                                 /* what was before the window does not count */
	assert_true(named(&t.queues, "a")->ms.p50 > 40);                /* a name's percentiles are of all time */
	for (int i = 0; i < 40; i++)
		look_at(&t, S);
	assert_true(about(t.window_s, 10));
	assert_true(t.rate[TOP_SUCCEEDED] == 0);
	assert_int_equal(t.queue.count, 0);
	worked(100, "a", "x", 1000);
	for (int i = 0; i < 200; i++)
		look_at(&t, S / 10);
	assert_true(t.window_s <= 10.001 && t.window_s > 1.3);          /* short looks fill what is kept before the window is over */
	worked(100, "a", "x", 1000);
	look_at(&t, 60 * S);
	assert_true(about(t.window_s, 60));                             /* one that is late is compared with the one before */
	assert_true(about(t.rate[TOP_SUCCEEDED], 100.0 / 60));
	top_free(&t);
}

static void another_server_begins_anew(void **unused)
{
	struct top t = { .window_s = 0 };

	(void)unused;
	worked(5000, "a", "x", 1000);
	look_at(&t, 0);
	look_at(&t, S);
	drop_segment();
	assert_int_equal(make_segment(2), 0);
	worked(10, "a", "x", 1000);
	look_at(&t, S);
	assert_true(t.window_s == 0);
	worked(10, "a", "x", 1000);
	look_at(&t, S);
	assert_true(about(t.window_s, 1));
	assert_true(about(t.rate[TOP_SUCCEEDED], 10));
	top_free(&t);
}

static void runs(uint32_t worker, unsigned i, enum shm_run_state state, uint8_t id, int64_t for_ms)
{
	struct shm_run *r = &segment_runs(&seg, segment_worker_slot(&seg, worker))[i];

	r->started_ms = WALL - for_ms;
	r->attempt = 2;
	r->id[15] = id;
	snprintf(r->type, sizeof(r->type), "type %u", id);
	atomic_store(&r->state, (uint32_t)state);
}

static void jobs_that_run_are_those_of_living_workers(void **unused)
{
	struct top t = { .window_s = 0 };

	(void)unused;
	runs(0, 0, SHM_RUN_STARTED, 1, 1000);
	runs(0, 1, SHM_RUN_GRANTED, 2, 9000);
	runs(1, 3, SHM_RUN_STARTED, 3, 5000);
	runs(1, 2, SHM_RUN_STARTED, 4, -70);
	look_at(&t, 0);
	assert_int_equal(t.nrun, 3);
	assert_string_equal(t.run[0].id, "00000000-0000-0000-0000-000000000003");
	assert_string_equal(t.run[0].type, "type 3");
	assert_int_equal(t.run[0].worker, 2);
	assert_int_equal(t.run[0].for_ms, 5000);
	assert_int_equal(t.run[1].worker, 1);
	assert_int_equal(t.run[2].for_ms, 0);
	atomic_store(&seg.proc[segment_worker_slot(&seg, 1)].pid, 666);
	look_at(&t, S);
	assert_int_equal(t.nrun, 1);
	top_free(&t);
}

static void the_store_knows_what_waits(void **unused)
{
	struct top t = { .window_s = 0 };
	struct store_claimed c;
	struct fixture *f;
	void *state = NULL;

	(void)unused;
	assert_int_equal(fixture_memory(&state), 0);
	f = state;
	now.wall_ms = T0 / 1000 + 60000;
	struct job_spec a = spec_of("x", "a", 0, "1"), b = spec_of("y", "b", 0, "1");
	for (int i = 0; i < 3; i++)
		submit(f, &a);
	b.run_at_ms = now.wall_ms + 3600000;
	submit(f, &b);
	assert_true(claim(f, 1, &c));
	worked(1, "a", "x", 1000);
	look_at(&t, 0);
	assert_false(t.has_store);
	sampler.store = f->reader;
	look_at(&t, S);
	assert_true(t.has_store);
	assert_true(t.window_s == 0);           /* what was seen without the store is not to be compared with */
	assert_int_equal(t.queues.n, 2);
	assert_int_equal(named(&t.queues, "a")->queued, 2);
	assert_int_equal(named(&t.queues, "a")->running, 1);
	assert_int_equal(named(&t.queues, "a")->in, 3);
	assert_int_equal(named(&t.queues, "a")->ms.count, 1);
	assert_true(named(&t.queues, "a")->oldest_ms >= 60000);
	assert_int_equal(named(&t.queues, "b")->later, 1);
	assert_int_equal(named(&t.queues, "b")->oldest_ms, -1);
	assert_int_equal(named(&t.types, "y")->later, 1);
	submit(f, &a);
	look_at(&t, 2 * S);
	assert_true(about(named(&t.queues, "a")->in_s, 0.5));
	assert_true(named(&t.queues, "a")->out_s == 0);
	top_free(&t);
	top_sampler_free(&sampler);
	assert_int_equal(fixture_end(&state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rates_are_of_the_window, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_server_begins_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(jobs_that_run_are_those_of_living_workers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_store_knows_what_waits, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("cli/top_sample", tests, NULL, NULL);
}
