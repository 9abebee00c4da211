/* GET /schedules and POST /schedules/NAME/run: what is shown of a schedule, from the conf and from the store, and the job that is asked for. */
#include "api_test.h"

#include "config/schedule.h"
#include "text/uuid.h"

static struct conf_schedule two[] = {
	{ .name = (char[]){ "nightly" }, .cron = (char[]){ "0 3 * * *" }, .timezone = (char[]){ "Europe/Berlin" }, .type = (char[]){ "email" }, .queue = (char[]){ "" },
		.payload = (char[]){ "{\"day\":\"<b>\"}" }, .missed = TICK_ALL },
	{ .name = (char[]){ "a<b" }, .cron = (char[]){ "*/5 * * * *" }, .timezone = (char[]){ "UTC" }, .type = (char[]){ "t.x" }, .queue = (char[]){ "night" },
		.payload = (char[]){ "null" }, .missed = TICK_SKIP },
};

/* --- the keeper, asked in place --- */
static struct { char name[32]; uint64_t tag; uint8_t bytes[RECORD_SPEC_MAX]; size_t n; unsigned asked; } asked;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	struct request_schedule head;

	(void)b;
	assert_int_equal(op, REQUEST_SCHEDULE);
	assert_true(n == 3 && piece[0].n == sizeof(head) && piece[1].n < sizeof(asked.name) && piece[2].n <= sizeof(asked.bytes));
	memcpy(&head, piece[0].p, sizeof(head));
	assert_int_equal(head.name_len, piece[1].n);
	memset(asked.name, 0, sizeof(asked.name));
	memcpy(asked.name, piece[1].p, piece[1].n);
	asked.tag = tag;
	memcpy(asked.bytes, piece[2].p, piece[2].n);
	asked.n = piece[2].n;
	asked.asked++;
	return 0;
}

int ask_stage(struct ask_box *b, const void *bytes, size_t n, ask_staged_fn ready, void *arg)
{
	(void)b, (void)bytes, (void)n, (void)ready, (void)arg;
	fail_msg("a schedule's payload is never staged");
	return -1;
}

int ask_add_group(struct ask_box *b, uint32_t results, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)results, (void)piece, (void)n;
	fail_msg("a schedule's job comes alone");
	return -1;
}

static struct http_request q;

static void ask(void (*handler)(struct http_request *), const char *name)
{
	q = (struct http_request){ .api = &api, .method = HTTP_M_GET, .arg = { slice_of(name) } };
	answer_clear();
	handler(&q);
}

static int setup(void **state)
{
	int rc = api_setup(state);

	memset(&asked, 0, sizeof(asked));
	conf.schedule = two;
	conf.nschedule = 2;
	api.schedules = schedules_make(&conf, NULL);
	assert_non_null(api.schedules);
	return rc;
}

static int teardown(void **state)
{
	schedules_free((struct schedules *)(uintptr_t)api.schedules);
	api.schedules = NULL;
	conf.nschedule = 0;
	return api_teardown(state);
}

static json_t *get(void)
{
	ask(api_schedules, "");
	assert_int_equal(answer.status, 200);
	return answer_json();
}

static void put_row(const char *name, const struct store_schedule *row)
{
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_schedule_put(store, (struct job_text){ name, strlen(name) }, row), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
}

static void before_the_first_tick(void **state)
{
	json_t *j = get();
	const json_t *s = json_array_get(at(j, "schedules"), 0);

	(void)state;
	assert_int_equal(json_array_size(at(j, "schedules")), 2);
	string_is(s, "name", "nightly");
	string_is(s, "cron", "0 3 * * *");
	string_is(s, "timezone", "Europe/Berlin");
	string_is(s, "type", "email");
	string_is(s, "queue", "default");
	string_is(s, "missed", "all");
	string_is(s, "next_run_at", "2025-11-22T02:00:00.000Z");
	assert_null(at(s, "last_run_at"));
	assert_null(at(s, "last_job"));
	s = json_array_get(at(j, "schedules"), 1);
	string_is(s, "queue", "night");
	string_is(s, "missed", "skip");
	string_is(s, "next_run_at", "2025-11-21T20:45:00.000Z");
	json_decref(j);
}

static void after_a_tick(void **state)
{
	struct job job = submit_type("email", "nightly", "default");
	struct store_schedule row = { .upto_ms = T0 - 5000, .run_ms = T0 - 4000, .job = job.id, .print = schedules_at(api.schedules, 0)->print };
	char id[UUID_TEXT_BYTES];
	json_t *j;

	(void)state;
	put_row("nightly", &row);
	j = get();
	uuid_format(job.id.b, id);
	string_is(json_array_get(at(j, "schedules"), 0), "last_run_at", "2025-11-21T20:40:55.123Z");
	string_is(json_array_get(at(j, "schedules"), 0), "last_job", id);
	string_is(json_array_get(at(j, "schedules"), 0), "next_run_at", "2025-11-22T02:00:00.000Z");
	json_decref(j);
	/* the clock was put back: what has run does not run again */
	row.upto_ms = T0 + 2 * 86400000LL;
	put_row("nightly", &row);
	j = get();
	string_is(json_array_get(at(j, "schedules"), 0), "next_run_at", "2025-11-24T02:00:00.000Z");
	json_decref(j);
	/* but another expression begins anew */
	row.print++;
	put_row("nightly", &row);
	j = get();
	string_is(json_array_get(at(j, "schedules"), 0), "next_run_at", "2025-11-22T02:00:00.000Z");
	json_decref(j);
}

static void on_the_page(void **state)
{
	struct store_schedule row = { .upto_ms = T0, .run_ms = T0 - 4000, .print = schedules_at(api.schedules, 1)->print };

	(void)state;
	put_row("a<b", &row);
	server_runs();
	ask(api_status_page, "");
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "<h2 id=\"schedules\">"));
	assert_non_null(strstr(answer.body, "a&lt;b"));
	assert_null(strstr(answer.body, "a<b"));
	assert_non_null(strstr(answer.body, "ago</time></a></td>"));
	conf.nschedule = 0;
	schedules_free((struct schedules *)(uintptr_t)api.schedules);
	api.schedules = schedules_make(&conf, NULL);
	ask(api_status_page, "");
	assert_null(strstr(answer.body, "<h2 id=\"schedules\">"));
	ask(api_schedules, "");
	assert_string_equal(answer.body, "{\"schedules\":[]}");
}

static void no_store(void **state)
{
	struct store_reader *r = api.reader;

	(void)state;
	api.reader = NULL;
	ask(api_schedules, "");
	api.reader = r;
	assert_int_equal(answer.status, 503);
}

static void run_now(void **state)
{
	struct job_spec spec;
	struct request_result r = { .rc = STORE_OK, .state = JOB_QUEUED, .at_ms = T0 };
	json_t *j;

	(void)state;
	ask(api_schedule_run, "nightly");
	assert_int_equal(answer.answers, 0);
	assert_int_equal(asked.asked, 1);
	assert_string_equal(asked.name, "nightly");
	assert_int_equal(record_spec_decode(asked.bytes, asked.n, &spec), RECORD_OK);
	assert_memory_equal(spec.name.p, "nightly", 7);
	assert_memory_equal(spec.queue.p, "default", 7);
	assert_int_equal(spec.max_retries, 3);
	assert_int_equal(spec.timeout_ms, 30000);
	assert_int_equal(spec.aging_ms, 60000);
	assert_int_equal(spec.payload_len, 13);
	r.tag = asked.tag;
	memset(r.id.b, 3, sizeof(r.id.b));
	api_answered(&api, &r);
	assert_int_equal(answer.status, 201);
	assert_non_null(strstr(answer.headers, "Location: /jobs/03030303-"));
	j = answer_json();
	string_is(j, "state", "queued");
	string_is(j, "payload.day", "<b>");
	json_decref(j);
}

static void run_refused(void **state)
{
	struct request_result r = { .rc = STORE_QUEUE_FULL };

	(void)state;
	ask(api_schedule_run, "nobody");
	assert_int_equal(answer.status, 404);
	ask(api_schedule_run, "nightl");
	assert_int_equal(answer.status, 404);
	assert_int_equal(asked.asked, 0);
	ask(api_schedule_run, "a<b");
	r.tag = asked.tag;
	api_answered(&api, &r);
	assert_int_equal(answer.status, 429);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(before_the_first_tick), T(after_a_tick), T(on_the_page), T(no_store), T(run_now), T(run_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
