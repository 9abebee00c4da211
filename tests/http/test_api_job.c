/* GET /jobs/ID and below, over a memory store: the job, its history, its bytes, and waiting for its end. S3.35 S4.44 S4.52 S4.82. */
#include "api_test.h"

#include "http/job_wait.h"
#include "http/job_watch.h"
#include "shm/event_ring.h"
#include "text/uuid.h"

static struct http_request q[3];
static char ids[3][UUID_TEXT_BYTES];

static void begin(unsigned i, const struct job_id *id, const char *wait)
{
	uuid_format(id->b, ids[i]);
	q[i] = (struct http_request){ .api = &api, .method = HTTP_M_GET, .arg = { { ids[i], 36 } } };
	if (wait)
		q[i].query[q[i].nquery++] = (struct http_pair){ SLICE("wait"), slice_of(wait) };
	answer_clear();
}

static json_t *get(void (*handler)(struct http_request *), const struct job_id *id)
{
	begin(0, id, NULL);
	handler(&q[0]);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 200);
	return answer_json();
}

static void the_job(void **state)
{
	struct job job = submit_type("email", "n", "default");
	json_t *j = get(api_job, &job.id);

	(void)state;
	string_is(j, "id", ids[0]);
	string_is(j, "state", "queued");
	number_is(j, "payload.a", 1);
	assert_null(at(j, "result"));
	json_decref(j);
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{\"ok\":true}", NULL);
	j = get(api_job, &job.id);
	string_is(j, "state", "succeeded");
	assert_true(json_is_true(at(j, "result.ok")));
	number_is(j, "attempts", 1);
	assert_non_null(strstr(json_string_value(at(j, "worker")), ":4711"));
	json_decref(j);
}

static void a_job_that_fails(void **state)
{
	struct job job = submit_type("email", "n", "default");
	json_t *j;

	(void)state;
	job = claim_next();
	finish(&job, JOB_OUTCOME_FAILED, NULL, "no <such> host");
	j = get(api_job, &job.id);
	string_is(j, "state", "retrying");
	string_is(j, "last_error", "no <such> host");
	number_is(j, "retry_count", 1);
	assert_non_null(at(j, "run_at"));
	json_decref(j);
	j = get(api_job_history, &job.id);
	string_is(json_array_get(at(j, "history"), 0), "event", "queued");
	string_is(json_array_get(at(j, "history"), 3), "event", "failed");
	string_is(json_array_get(at(j, "history"), 4), "event", "retry_scheduled");
	assert_int_equal(json_array_size(at(j, "history")), 5);
	json_decref(j);
}

static void history_sees_the_worker_start(void **state)
{
	struct job job = submit_type("email", "n", "default");
	struct shm_run *run = segment_runs(&seg, segment_worker_slot(&seg, 0));
	json_t *j;

	(void)state;
	job = claim_next();
	j = get(api_job_history, &job.id);
	assert_int_equal(json_array_size(at(j, "history")), 2);
	json_decref(j);
	run[3].token = job.lease_token;
	run[3].started_ms = T0 + 4;
	atomic_store(&run[3].state, SHM_RUN_STARTED);
	j = get(api_job_history, &job.id);
	string_is(json_array_get(at(j, "history"), 2), "event", "started");
	string_is(json_array_get(at(j, "history"), 2), "at", "2025-11-21T20:40:59.127Z");
	json_decref(j);
}

static void bytes(void **state)
{
	struct job_spec spec = { .type = TEXT("email"), .queue = TEXT("default"), .content_type = TEXT("text/html"),
		.payload = TEXT("<script>\0</script>"), .payload_len = 18,
		.backoff = { 1000, 2000, 2000, 0 } };
	struct job job = submit_type("email", "n", "default");

	(void)state;
	begin(0, &job.id, NULL);
	api_job_payload(&q[0]);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.content_type, "application/json");
	assert_string_equal(answer.body, "{\"a\": 1}");
	begin(0, &job.id, NULL);
	api_job_result(&q[0]);
	assert_int_equal(answer.status, 404);
	assert_non_null(strstr(answer.detail, "no result"));
	assert_non_null(strstr(answer.detail, "queued"));
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "plain \xc3\xa4", NULL);
	begin(0, &job.id, NULL);
	api_job_result(&q[0]);
	assert_string_equal(answer.content_type, "text/plain; charset=utf-8");
	assert_string_equal(answer.body, "plain \xc3\xa4");
	job = submit_spec(&spec);
	begin(0, &job.id, NULL);
	api_job_payload(&q[0]);
	assert_string_equal(answer.content_type, "text/html");
	assert_int_equal(answer.n, 18);
	assert_non_null(strstr(answer.headers, "sandbox"));     /* a page of somebody else's must not run as one of ours */
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "\x01\xff", NULL);
	begin(0, &job.id, NULL);
	api_job_result(&q[0]);
	assert_string_equal(answer.content_type, "application/octet-stream");
	/* as only an import can bring them */
	static const char *const odd[] = { "text/plain\r\nSet-Cookie: a=b", "text/plain\nX: y", "a\x7f" };
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		spec.content_type = (struct job_text){ odd[i], strlen(odd[i]) };
		job = submit_spec(&spec);
		begin(0, &job.id, NULL);
		api_job_payload(&q[0]);
		assert_string_equal(answer.content_type, "application/octet-stream");
		assert_int_equal(answer.n, 18);
	}
}

static void what_is_not_there(void **state)
{
	static void (*const handlers[])(struct http_request *) = { api_job, api_job_history, api_job_result, api_job_payload };
	struct job_id none = { { 9 } };
	struct store_reader *reader = api.reader;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		begin(0, &none, NULL);
		handlers[i](&q[0]);
		assert_int_equal(answer.status, 404);
		assert_non_null(strstr(answer.detail, ids[0]));
		begin(0, &none, NULL);
		q[0].arg[0] = SLICE("not-an-id");
		handlers[i](&q[0]);
		assert_int_equal(answer.status, 404);
		assert_non_null(strstr(answer.detail, "not-an-id"));
		begin(0, &none, NULL);
		api.reader = NULL;
		handlers[i](&q[0]);
		api.reader = reader;
		assert_int_equal(answer.status, 503);
	}
	begin(0, &none, "30s");
	api_job(&q[0]);
	assert_int_equal(answer.status, 404);           /* no use waiting for it */
	assert_int_equal(job_watch_count(), 0);
}

/* --- waiting --- */

static void keeper_tells(const struct job *j, enum job_state s)
{
	struct shm_event e = { .state = (uint8_t)s };

	memcpy(e.id, j->id.b, 16);
	event_put(&seg, &e);
}

static void waits_for_the_end(void **state)
{
	struct job job = submit_type("email", "n", "default"), other = submit_type("email", "n", "default");
	json_t *j;

	(void)state;
	begin(1, &other.id, "10m");
	api_job(&q[1]);
	begin(0, &job.id, "30s");
	api_job(&q[0]);
	assert_int_equal(answer.answers, 0);
	assert_int_equal(job_watch_count(), 2);
	job = claim_next();
	keeper_tells(&job, JOB_RUNNING);
	api_tick(&api);
	assert_int_equal(answer.answers, 0);
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{}", NULL);
	keeper_tells(&job, JOB_SUCCEEDED);
	assert_true(api_pending(&api));
	assert_int_equal(atomic_load(&seg.proc[api.slot].listening), 1);        /* the keeper has to ring */
	api_tick(&api);
	assert_int_equal(answer.answers, 1);
	j = answer_json();
	string_is(j, "id", ids[0]);
	string_is(j, "state", "succeeded");
	json_decref(j);
	assert_int_equal(job_watch_count(), 1);
	q[1].on_gone(&q[1]);
	assert_int_equal(job_watch_count(), 0);
	assert_int_equal(fake_timers(), 0);
}

static void time_is_up(void **state)
{
	struct job job = submit_type("email", "n", "default");
	json_t *j;

	(void)state;
	begin(0, &job.id, "2s");
	api_job(&q[0]);
	fake_pass(1990);
	assert_int_equal(answer.answers, 0);
	fake_pass(20);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 200);
	j = answer_json();
	string_is(j, "state", "queued");
	json_decref(j);
	assert_int_equal(fake_timers(), 0);
}

static void a_keeper_that_died_told_nothing(void **state)
{
	struct job job = submit_type("email", "n", "default");

	(void)state;
	begin(0, &job.id, "30s");
	api_job(&q[0]);
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{}", NULL);
	api_tick(&api);
	assert_int_equal(answer.answers, 0);            /* no event: the keeper was killed before it told */
	atomic_fetch_add(&seg.h->keeper_turn, 1);
	api_tick(&api);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(job_watch_count(), 0);
}

static void overtaken_by_the_ring(void **state)
{
	struct job job = submit_type("email", "n", "default");
	struct job stranger = { .id = { { 3 } } };

	(void)state;
	begin(0, &job.id, "30s");
	api_job(&q[0]);
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{}", NULL);
	keeper_tells(&job, JOB_SUCCEEDED);
	for (unsigned i = 0; i < SHM_EVENTS + 5; i++)
		keeper_tells(&stranger, JOB_SUCCEEDED);
	api_tick(&api);
	assert_int_equal(answer.answers, 1);
}

static void an_event_that_was_lost(void **state)
{
	struct job job = submit_type("email", "n", "default");

	(void)state;
	begin(0, &job.id, "30s");
	api_job(&q[0]);
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{}", NULL);
	fake_pass(5000);                                /* the sweep finds it */
	api_tick(&api);
	assert_int_equal(answer.answers, 1);
}

static void draining_does_not_wait_for_what_will_not_run(void **state)
{
	struct job running = submit_type("email", "n", "default"), queued;

	(void)state;
	running = claim_next();
	queued = submit_type("email", "n", "default");
	begin(0, &running.id, "30s");
	api_job(&q[0]);
	begin(1, &queued.id, "30s");
	api_job(&q[1]);
	api.draining = true;
	api_tick(&api);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(job_watch_count(), 1);
	fake_pass(31000);
	assert_int_equal(job_watch_count(), 0);
}

/* Given back by its worker after the draining was seen: told at once, since the server may be gone before the next look at all. */
static void what_a_draining_server_gives_back_is_told_at_once(void **state)
{
	struct job running = submit_type("email", "n", "default");

	(void)state;
	running = claim_next();
	begin(0, &running.id, "30s");
	api_job(&q[0]);
	api.draining = true;
	api_tick(&api);
	assert_int_equal(answer.answers, 0);
	finish(&running, JOB_OUTCOME_RELEASED, NULL, NULL);
	keeper_tells(&running, JOB_QUEUED);
	api_tick(&api);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(job_watch_count(), 0);
}

static void final_already(void **state)
{
	struct job job = submit_type("email", "n", "default");

	(void)state;
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{}", NULL);
	begin(0, &job.id, "30s");
	api_job(&q[0]);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(fake_timers(), 0);
}

static void bad_waits(void **state)
{
	static const char *const bad[] = { "", "soon", "-1s", "11m", "600.5" };
	struct job job = submit_type("email", "n", "default");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(0, &job.id, bad[i]);
		api_job(&q[0]);
		assert_int_equal(answer.status, 400);
		assert_string_equal(answer.field, "wait");
		assert_non_null(strstr(answer.detail, "10m"));
	}
	begin(0, &job.id, "0");
	api_job(&q[0]);
	assert_int_equal(answer.status, 200);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
		T(the_job), T(a_job_that_fails), T(history_sees_the_worker_start), T(bytes), T(what_is_not_there), T(waits_for_the_end), T(time_is_up),
		T(a_keeper_that_died_told_nothing), T(overtaken_by_the_ring), T(an_event_that_was_lost),
			T(draining_does_not_wait_for_what_will_not_run), T(what_a_draining_server_gives_back_is_told_at_once), T(final_already), T(bad_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
