/* GET /stats: every figure that the contract names, and that each says what happened. S3.19 S3.20 S3.22 S4.49 S4.54 S4.55 S4.56 S4.57 S4.58 S4.59 S4.60
 * S4.80. */
#include "api_test.h"

#include "http/figures.h"

static struct http_request q;

static json_t *stats(void)
{
	q = (struct http_request){ .api = &api, .method = HTTP_M_GET };
	answer_clear();
	api_stats(&q);
	assert_int_equal(answer.status, 200);
	return answer_json();
}

static void nothing_yet(void **state)
{
	static const char *const numbers[] = { "total", "scheduled", "waiting", "queued", "running", "retrying", "succeeded", "dead", "cancelled",
		"expired", "processed", "succeeded_total",
		"failed_total", "retried_total", "recovered_total", "dead_total", "rejected_total", "queue_depth", "active_workers",
			"avg_time_in_queue_ms", "avg_execution_ms",
		"queue_ms.p50", "queue_ms.p95", "queue_ms.p99", "queue_ms.max", "execution_ms.p50", "execution_ms.p95", "execution_ms.p99",
			"execution_ms.max", "submit_ms.p50", "submit_ms.p95",
		"submit_ms.p99", "submit_ms.max", "throughput_1m", "error_rate_1m", "avg_retry_count", "tasks_with_retries", "store.jobs",
			"store.used_bytes", "store.free_bytes",
		"store.commits", "store.commit_ms.p99" };
	json_t *j = stats();

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		number_is(j, numbers[i], 0);
	number_is(j, "workers", 0);
	number_is(j, "success_rate", 1);
	number_is(j, "uptime_s", 0);
	string_is(j, "version", "1.2.3");
	string_is(j, "store.engine", "memory");
	assert_true(json_is_number(at(j, "store.limit_bytes")));
	assert_int_equal(json_array_size(at(j, "processes")), 0);
	/* what the conf names is shown before its first job; families are no types */
	number_is(j, "queues.default.queued", 0);
	number_is(j, "types.email.queued", 0);
	assert_int_equal(json_object_size(at(j, "types")), 1);
	json_decref(j);
}

static void counts(void **state)
{
	static const char *const queue_members[] = { "scheduled", "waiting", "queued", "running", "retrying", "succeeded", "dead", "cancelled",
		"expired", "oldest_queued_s", "paused" };
	struct job job;
	json_t *j;

	(void)state;
	submit_type("email", "", "default");
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{}", NULL);
	submit_type("email", "", "default");
	job = claim_next();
	finish(&job, JOB_OUTCOME_FAILED, NULL, "x");            /* one retry: it is retrying */
	submit_type("t.x", "", "q\"1");
	claim_next();
	submit_type("email", "", "default");
	fake_wall_ms += 2500;
	j = stats();
	number_is(j, "total", 4);
	number_is(j, "succeeded", 1);
	number_is(j, "retrying", 1);
	number_is(j, "running", 1);
	number_is(j, "queued", 1);
	number_is(j, "queue_depth", 1);
	number_is(j, "active_workers", 1);
	number_is(j, "processed", 2);
	number_is(j, "succeeded_total", 1);
	number_is(j, "failed_total", 1);
	number_is(j, "retried_total", 1);
	number_is(j, "avg_retry_count", 0.25);
	number_is(j, "tasks_with_retries", 1);
	number_is(j, "store.jobs", 4);
	number_is(j, "queues.default.queued", 1);
	number_is(j, "queues.default.retrying", 1);
	number_is(j, "queues.default.oldest_queued_s", 2.5);
	number_is(j, "queues.q\"1.running", 1);
	number_is(j, "queues.q\"1.oldest_queued_s", 0);
	assert_true(json_is_false(at(j, "queues.default.paused")));
	for (size_t i = 0; i < sizeof(queue_members) / sizeof(queue_members[0]); i++)
		assert_non_null(json_object_get(at(j, "queues.default"), queue_members[i]));
	number_is(j, "types.email.succeeded_total", 1);
	number_is(j, "types.email.failed_total", 1);
	number_is(j, "types.email.queued", 1);
	number_is(j, "types.email.running", 0);
	assert_true(json_is_number(at(j, "types.email.execution_ms.p99")));
	string_is(j, "types.email.breaker", "off");
	json_decref(j);
	fake_wall_ms = T0;
}

static void latencies(void **state)
{
	json_t *j;

	(void)state;
	for (int i = 0; i < 100; i++) {
		histogram_add(seg.queue_us, 1500);
		histogram_add(seg.exec_us, i < 50 ? 1000 : 3000);
		histogram_add(seg.submit_us, 640);
		histogram_add(seg.commit_us, 900);
	}
	snprintf(seg.type_hist[0].name, SHM_NAME, "email");
	atomic_store(&seg.type_hist[0].ready, 1);
	histogram_add(&seg.type_hist[0].h, 7000);
	j = stats();
	number_is(j, "avg_time_in_queue_ms", 1.5);
	number_is(j, "avg_execution_ms", 2);
	number_is(j, "queue_ms.max", 1.5);
	number_is(j, "execution_ms.max", 3);
	number_is(j, "submit_ms.max", 0.64);
	number_is(j, "store.commit_ms.max", 0.9);
	number_is(j, "types.email.execution_ms.max", 7);
	assert_true(json_number_value(at(j, "queue_ms.p50")) > 1.4 && json_number_value(at(j, "queue_ms.p50")) <= 1.5);
	assert_true(json_number_value(at(j, "execution_ms.p50")) < 1.1 && json_number_value(at(j, "execution_ms.p99")) > 2.9);
	json_decref(j);
}

static void processes_and_store(void **state)
{
	const json_t *p, *w;
	json_t *j;

	(void)state;
	server_runs();
	atomic_store(&seg.proc[segment_worker_slot(&seg, 0)].running, 2);
	atomic_store(&seg.proc[segment_worker_slot(&seg, 0)].restarts, 3);
	atomic_store(&seg.proc[segment_worker_slot(&seg, 1)].role, 99);         /* nonsense in shared memory is not shown */
	atomic_store(&seg.proc[segment_worker_slot(&seg, 1)].state, 77);
	shm_gauge(&seg.proc[1], SHM_C_STORE_USED, 4096);
	shm_gauge(&seg.proc[1], SHM_C_STORE_FREE, 8192);
	shm_gauge(&seg.proc[1], SHM_C_COMMITS, 12);
	shm_count(&seg.proc[2], SHM_C_REJECTED, 5);
	conf.store.map_size = 1 << 20;
	j = stats();
	p = at(j, "processes");
	assert_int_equal(json_array_size(p), 4);
	string_is(json_array_get(p, 0), "role", "master");
	string_is(json_array_get(p, 1), "role", "keeper");
	string_is(json_array_get(p, 2), "role", "acceptor");
	w = json_array_get(p, 3);
	string_is(w, "role", "worker");
	string_is(w, "state", "running");
	string_is(w, "started_at", "2025-11-21T20:40:54.123Z");
	number_is(w, "pid", 103);
	number_is(w, "slot", segment_worker_slot(&seg, 0));
	number_is(w, "generation", 0);
	number_is(w, "restarts", 3);
	number_is(w, "running", 2);
	number_is(w, "rss_kb", 2048);
	number_is(j, "workers", 1);
	number_is(j, "uptime_s", 5);
	number_is(j, "store.used_bytes", 4096);
	number_is(j, "store.free_bytes", 8192);
	number_is(j, "store.limit_bytes", 1 << 20);
	number_is(j, "store.commits", 12);
	number_is(j, "rejected_total", 5);
	json_decref(j);
}

static void totals_without_the_store(void **state)
{
	struct store_reader *reader = api.reader;
	json_t *j;

	(void)state;
	shm_gauge(&seg.proc[1], (enum shm_counter)(SHM_C_STATE_FIRST + JOB_QUEUED), 9);
	shm_gauge(&seg.proc[1], SHM_C_PROCESSED, 30);
	shm_gauge(&seg.proc[1], SHM_C_SUCCEEDED, 3);
	shm_gauge(&seg.proc[1], SHM_C_DEAD, 1);
	api.reader = NULL;
	j = stats();
	api.reader = reader;
	number_is(j, "queued", 9);
	number_is(j, "total", 9);
	number_is(j, "processed", 30);
	number_is(j, "success_rate", 0.75);
	number_is(j, "queues.default.queued", 0);
	json_decref(j);
}

static void ended(uint64_t processed, uint64_t failed)
{
	shm_gauge(&seg.proc[1], SHM_C_PROCESSED, processed);
	shm_gauge(&seg.proc[1], SHM_C_FAILED, failed);
}

static void rates_of_the_last_minute(void **state)
{
	struct figures f;
	json_t *j;

	(void)state;
	figures_forget();
	ended(1000, 900);                       /* before we looked */
	api_tick(&api);
	for (unsigned s = 1; s <= 10; s++) {
		fake_loop_ns += 500000000;
		api_tick(&api);                 /* a bell between two seconds */
		fake_loop_ns += 500000000;
		ended(1000 + s * 20, 900 + s * 5);
		api_tick(&api);
	}
	j = stats();
	number_is(j, "throughput_1m", 20);
	number_is(j, "error_rate_1m", 0.25);
	json_decref(j);
	figures_gather(&f, &api, T0);
	assert_int_equal(f.nrate, 10);
	assert_int_equal(f.rate[0], 20);
	assert_int_equal(f.rate[9], 20);
	figures_free(&f);
	for (unsigned s = 0; s < 100; s++) {    /* a quiet minute: what was before it is forgotten */
		fake_loop_ns += 1000000000;
		api_tick(&api);
	}
	j = stats();
	number_is(j, "throughput_1m", 0);
	number_is(j, "error_rate_1m", 0);
	json_decref(j);
	figures_gather(&f, &api, T0);
	assert_int_equal(f.nrate, FIGURES_SECONDS);
	figures_free(&f);
	fake_loop_ns += 3600000000000LL;        /* the process stood still: samples older than the minute do not count */
	ended(5000, 5000);
	j = stats();
	number_is(j, "throughput_1m", 0);
	json_decref(j);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = { T(nothing_yet), T(counts), T(latencies), T(processes_and_store), T(totals_without_the_store),
		T(rates_of_the_last_minute) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
