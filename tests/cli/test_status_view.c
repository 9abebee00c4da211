/* cli/status_view: what is read out of a segment, alive, dead, or of another boot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/status_view.h"

#define WALL 1763757659123LL    /* 2025-11-21T20:40:59.123Z */
#define BOOT 5000000000000LL

static char dir[256], path[300];
static struct segment seg;      /* as the server has it */
static struct segment view;     /* as the command has it */
static struct status_now now;
static pid_t dead_pid;

static bool alive(pid_t pid)
{
	return pid != dead_pid;
}

static void person(uint32_t slot, enum shm_role role, int32_t pid, enum shm_proc_state state)
{
	struct shm_proc *p = &seg.proc[slot];

	atomic_store(&p->role, (uint32_t)role);
	atomic_store(&p->state, (uint32_t)state);
	atomic_store(&p->pid, pid);
	atomic_store(&p->started_ms, WALL - 3723000);
	atomic_store(&p->heartbeat_ns, BOOT - 500000000);
	atomic_store(&p->generation, 3u);
	atomic_store(&p->rss_kb, 2048u);
}

static int set_up(void **unused)
{
	struct segment_plan plan = { .workers = 2, .worker_jobs = 4, .version = "9.8.7" };

	(void)unused;
	snprintf(dir, sizeof(dir), "%s/stint-status.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/status.shm", dir);
	now = (struct status_now){ .wall_ms = WALL, .boot_ns = BOOT, .boot_id = { 1, 2, 3 } };
	if (segment_create(&seg, path, &plan, 1, WALL, now.boot_id) != 0 || segment_view(&view, path) != 0)
		return -1;
	dead_pid = -1;
	person(0, SHM_ROLE_MASTER, 100, SHM_PROC_RUNNING);
	person(1, SHM_ROLE_KEEPER, 101, SHM_PROC_RUNNING);
	person(segment_acceptor_slot(&seg, 0), SHM_ROLE_ACCEPTOR, 102, SHM_PROC_RUNNING);
	atomic_store(&seg.proc[segment_acceptor_slot(&seg, 0)].number, 1u);
	person(segment_worker_slot(&seg, 0), SHM_ROLE_WORKER, 103, SHM_PROC_RUNNING);
	person(segment_worker_slot(&seg, 1), SHM_ROLE_WORKER, 104, SHM_PROC_DRAINING);
	atomic_store(&seg.proc[segment_worker_slot(&seg, 0)].number, 1u);
	atomic_store(&seg.proc[segment_worker_slot(&seg, 1)].number, 2u);
	atomic_store(&seg.proc[segment_worker_slot(&seg, 1)].running, 4u);
	atomic_store(&seg.h->server_state, (uint32_t)SHM_SERVER_RUNNING);
	atomic_store(&seg.h->generation, 3u);
	shm_gauge(&seg.proc[1], SHM_C_STATE_FIRST + 3, 1234);   /* queued */
	shm_gauge(&seg.proc[1], SHM_C_STATE_FIRST + 6, 5000000);        /* succeeded */
	shm_gauge(&seg.proc[1], SHM_C_SUCCEEDED, 5000001);
	shm_count(&seg.proc[segment_acceptor_slot(&seg, 0)], SHM_C_REJECTED, 7);
	for (int i = 1; i <= 100; i++)
		histogram_add(seg.queue_us, i * 10);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	segment_close(&view);
	segment_close(&seg);
	unlink(path);
	return rmdir(dir);
}

static const char *text_of(bool json)
{
	static struct buf out;
	struct status st = { .process = NULL };
	static char copy[8192];

	assert_int_equal(status_gather(&st, &view, &now, alive), 0);
	(json ? status_put_json : status_put_text)(&st, &out);
	snprintf(copy, sizeof(copy), "%s", buf_cstr(&out));
	buf_free(&out);
	status_free(&st);
	return copy;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void a_running_server_is_on_one_screen(void **unused)
{
	const char *text = text_of(false);
	unsigned lines = 0;

	(void)unused;
	has(text, "Stint 9.8.7  running, up 1h 2m, conf generation 3\n");
	has(text, "master            100  running        1h 2m     0s        0        0     2.0 MB\n");
	has(text, "acceptor          102  running        1h 2m     0s        0        0     2.0 MB\n");
	has(text, "worker 1          103  running        1h 2m     0s        0        0     2.0 MB\n");
	has(text, "worker 2          104  draining       1h 2m     0s        4        0     2.0 MB\n");
	has(text, "JOBS NOW 5,001,234\n");
	has(text, "queued             1,234");
	has(text, "succeeded      5,000,001");
	has(text, "rejected               7");
	has(text, "in queue ");
	assert_null(strstr(text, "NOT RUNNING"));
	assert_null(strstr(text, "FAILED"));
	for (; *text; text++)
		lines += *text == '\n';
	assert_true(lines <= 30);
}

static void the_dead_are_told(void **unused)
{
	(void)unused;
	dead_pid = 103;
	has(text_of(false), "worker 1          103  dead ");
	has(text_of(false), "running, up");
	dead_pid = 100;
	has(text_of(false), "Stint 9.8.7  NOT RUNNING; the figures below are the last it left behind 0s ago\n");
	has(text_of(false), "queued             1,234");
	has(text_of(true), "{\"alive\":false,");
}

static void the_silent_are_told(void **unused)
{
	(void)unused;
	now.boot_ns = BOOT + 60000000000;
	has(text_of(false), "worker 1          103  silent         1h 2m  1m 0s ");
}

/* After a boot the pids may be anybody's. */
static void nobody_lives_on_after_a_boot(void **unused)
{
	(void)unused;
	now.boot_id[0]++;
	has(text_of(false), "Stint 9.8.7  NOT RUNNING; the figures below are the last it left behind\n");
	has(text_of(false), "master            100  dead           1h 2m      - ");
}

static void holding_and_a_failed_reload_are_told(void **unused)
{
	(void)unused;
	atomic_store(&seg.h->no_claims, 1u);
	atomic_store(&seg.h->reload_failed, 1u);
	atomic_store(&seg.h->reload_ok_ms, WALL);
	has(text_of(false), "holding: claims are stopped (HUP ends it), up");
	has(text_of(false), "The last reload FAILED: its conf has mistakes (`stintd -t` names them); the one before is in force, since 2025-11-21T20:40:59.123Z\n");
}

static void json_has_it_all(void **unused)
{
	json_t *root = json_loads(text_of(true), 0, NULL), *p;

	(void)unused;
	assert_non_null(root);
	assert_true(json_is_true(json_object_get(root, "alive")));
	assert_string_equal(json_string_value(json_object_get(root, "version")), "9.8.7");
	assert_string_equal(json_string_value(json_object_get(root, "server_state")), "running");
	assert_int_equal(json_integer_value(json_object_get(root, "uptime_s")), 3723);
	assert_int_equal(json_integer_value(json_object_get(root, "queued")), 1234);
	assert_int_equal(json_integer_value(json_object_get(root, "total")), 5001234);
	assert_int_equal(json_integer_value(json_object_get(root, "succeeded_total")), 5000001);
	assert_int_equal(json_integer_value(json_object_get(root, "rejected_total")), 7);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "queue_ms"), "count")), 100);
	assert_true(json_number_value(json_object_get(json_object_get(root, "queue_ms"), "max")) == 1.0);
	assert_int_equal(json_array_size(json_object_get(root, "processes")), 5);
	p = json_array_get(json_object_get(root, "processes"), 4);
	assert_string_equal(json_string_value(json_object_get(p, "role")), "worker");
	assert_string_equal(json_string_value(json_object_get(p, "state")), "draining");
	assert_int_equal(json_integer_value(json_object_get(p, "running")), 4);
	assert_int_equal(json_integer_value(json_object_get(p, "heartbeat_age_ms")), 500);
	json_decref(root);
}

/* A child may have written anything into what it can write. */
static void nonsense_in_it_does_no_harm(void **unused)
{
	json_t *root;

	(void)unused;
	atomic_store(&seg.proc[1].role, 77u);
	atomic_store(&seg.proc[1].state, 78u);
	atomic_store(&seg.proc[0].heartbeat_ns, INT64_MAX);
	atomic_store(&seg.proc[0].started_ms, INT64_MAX);
	atomic_store(&seg.h->server_state, 79u);
	memset(view.geo.version, '\033', sizeof(view.geo.version));
	shm_gauge(&seg.proc[1], SHM_C_STORE_REFUSING, INT64_MAX);
	has(text_of(false), "Stint \\x1b\\x1b");
	has(text_of(false), "  unknown, up -,");
	has(text_of(false), "unknown           101  unknown ");
	root = json_loads(text_of(true), 0, NULL);
	assert_non_null(root);
	json_decref(root);
}

static void free_slots_are_not_shown(void **unused)
{
	(void)unused;
	atomic_store(&seg.proc[segment_worker_slot(&seg, 1)].state, (uint32_t)SHM_PROC_FREE);
	assert_null(strstr(text_of(false), "worker 2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_running_server_is_on_one_screen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_dead_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_silent_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_lives_on_after_a_boot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(holding_and_a_failed_reload_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(json_has_it_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nonsense_in_it_does_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(free_slots_are_not_shown, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
