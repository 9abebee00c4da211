/* The calls that carry a lease, from the request to the answer, with a store behind them: each status, what is refused before anything is asked, what is said twice, and what has come in between. */
#include "lease_test.h"

/* --- one --- */

static void each_call(void **state)
{
	(void)state;
	claimed("default");
	say("progress", ",\"percent\":40,\"message\":\"half\"");
	is_answered("\"state\":\"running\"");
	say("extend", "");
	is_answered("\"lease_expires_at\":\"2025-11-21T20:41:29.123Z\"");
	say("extend", ",\"by\":\"2m\"");
	is_answered("\"lease_expires_at\":\"2025-11-21T20:42:59.123Z\"");
	say("extend", ",\"by\":1");             /* never less than it has */
	is_answered("\"lease_expires_at\":\"2025-11-21T20:42:59.123Z\"");
	say("complete", ",\"result\":{\"a\":1},\"log\":\"said\",\"exit_code\":0");
	is_answered("\"state\":\"succeeded\"");
	assert_int_equal(state_of_it(), JOB_SUCCEEDED);
	claimed("default");
	say("release", "");
	is_answered("\"state\":\"queued\"");
	claim(1000);
	say("fail", ",\"error\":\"no luck\",\"exit_code\":3");
	is_answered("\"state\":\"retrying\",\"run_at\":\"2025-11-21T20:41:00.123Z\"");
	claimed("default");
	say("fail", ",\"retry_in\":\"90s\",\"signal\":9");
	is_answered("\"state\":\"retrying\",\"run_at\":\"2025-11-21T20:42:29.123Z\"");
	claimed("default");
	say("fail", ",\"retry\":false");
	is_answered("\"state\":\"dead\"");
}

/* A reply may have been lost: what is said again is answered as it was the first time, and done once. */
static void said_again(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		if (i == 0)
			claimed("default");
		say("complete", ",\"result\":1");
		is_answered("\"state\":\"succeeded\"");
	}
	claimed("default");
	for (int i = 0; i < 2; i++) {
		say("fail", "");
		is_answered("\"state\":\"retrying\",\"run_at\":\"2025-11-21T20:41:00.123Z\"");
	}
	claimed("default");
	for (int i = 0; i < 2; i++) {
		say("release", "");
		is_answered("\"state\":\"queued\"");
	}
	claimed("default");
	for (int i = 0; i < 2; i++) {
		say("progress", ",\"percent\":7");
		is_answered("\"state\":\"running\"");
	}
}

/* Another end than the one that was said is no repetition, nor is a sign of life after the end. */
static void said_otherwise(void **state)
{
	(void)state;
	claimed("default");
	say("complete", "");
	for (size_t i = 1; i < CALLS; i++) {
		say(calls[i].name, LEAST(calls[i].name));
		is_refused(409, "", "Nothing was changed");
	}
	assert_int_equal(state_of_it(), JOB_SUCCEEDED);
}

static void no_such_lease(void **state)
{
	static const char *const wrong[] = { "", "0", "00", "abc", "-1", "1 ", "99999999999999999999999999", "123456" };
	char body[100];

	(void)state;
	for (size_t i = 0; i < CALLS; i++) {
		claimed("default");
		for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
			snprintf(body, sizeof(body), "{\"lease\":\"%s\"%s}", wrong[k], LEAST(calls[i].name));
			say_of(id, calls[i].name, body);
			is_refused(409, "", "Nothing was changed");
		}
		assert_int_equal(state_of_it(), JOB_RUNNING);
		/* of another job */
		struct job first = job;
		claimed("default");
		uuid_format(first.id.b, id);
		say(calls[i].name, LEAST(calls[i].name));
		is_refused(409, "", "the lease is not, or no longer, the job's");
		job = first;
		assert_int_equal(state_of_it(), JOB_RUNNING);
	}
}

/* A lease that was good and is not any more: cancelled, run out and claimed by another. */
static void lost_leases(void **state)
{
	bool more;

	(void)state;
	for (size_t i = 0; i < CALLS; i++) {
		claimed("default");
		cancel();
		say(calls[i].name, LEAST(calls[i].name));
		is_refused(409, "", "the job was cancelled");
		assert_int_equal(state_of_it(), JOB_CANCELLED);
		claimed("default");
		boot_ms += 30001;
		assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
		assert_int_equal(store_expire_leases(store, boot_ms, 100, &more), STORE_OK);
		assert_int_equal(store_commit(store), STORE_OK);
		say(calls[i].name, LEAST(calls[i].name));
		is_refused(409, "", "it ran out");
		char old[24];
		memcpy(old, lease, sizeof(old));
		claim(30000);
		char own[24];
		memcpy(own, lease, sizeof(own));
		memcpy(lease, old, sizeof(lease));
		say(calls[i].name, LEAST(calls[i].name));
		is_refused(409, "", "Nothing was changed");
		memcpy(lease, own, sizeof(lease));
		say("complete", "");
		is_answered("\"state\":\"succeeded\"");
	}
}

static void no_such_job(void **state)
{
	static const char *const bad[] = { "7", "not-an-id", "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f607", "" };
	char body[60];

	(void)state;
	for (size_t i = 0; i < CALLS; i++) {
		snprintf(body, sizeof(body), "{\"lease\":\"17\"%s}", LEAST(calls[i].name));
		say_of(UNKNOWN, calls[i].name, body);
		is_refused(404, "", "past its retention");
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
			say_of(bad[k], calls[i].name, body);
			is_refused(404, "", "ids look like");
		}
	}
}

/* What is in a body is looked at in test_lease; here: that each call reads one, and that it answers what it finds. */
static void bad_bodies(void **state)
{
	(void)state;
	claimed("default");
	for (size_t i = 0; i < CALLS; i++) {
		say_of(id, calls[i].name, "");
		is_refused(400, "", "the body is empty; an object such as {\"lease\":\"17\"} is needed");
		say_of(id, calls[i].name, "{\"lease\":}");
		is_refused(400, "", "line 1, column");
		say_of(id, calls[i].name, "[]");
		is_refused(400, "", "must be a JSON object");
		say_of(id, calls[i].name, "{}");
		is_refused(400, "lease", "is missing");
		say_of(id, calls[i].name, "{\"lease\":17}");
		is_refused(400, "lease", "string");
		say_of(id, calls[i].name, "{\"lease\":\"17\",\"lease\":\"18\"}");
		is_refused(400, "", "twice");
		say_of(id, calls[i].name, "{\"lease\":\"17\",\"x\":1e999}");
		is_refused(400, "", "beyond 64 bits");
		say(calls[i].name, ",\"outcome\":\"complete\"");
		is_refused(400, "outcome", "there is no \"outcome\" here");
	}
	say("progress", "");
	is_refused(400, "percent", "is missing");
	say("extend", ",\"by\":\"25h\"");
	is_refused(400, "by", "at most 86400");
	assert_int_equal(state_of_it(), JOB_RUNNING);
	assert_int_equal(ncommits, 0);
}

static void not_now(void **state)
{
	static const struct { int rc, status; } of[] = { { STORE_NO_SPACE, 507 }, { STORE_BUSY, 503 }, { STORE_IO, 503 }, { STORE_NO_MEMORY, 503 }, { STORE_DAMAGED, 503 } };
	struct store_reader *reader = api.reader;
	static char result[6000];

	(void)state;
	snprintf(result, sizeof(result), ",\"result\":\"%05000d\"", 0);
	for (size_t i = 0; i < CALLS; i++) {
		claimed("default");
		for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
			says = of[k].rc;
			say(calls[i].name, LEAST(calls[i].name));
			is_refused(of[k].status, "", "the store could not take it");
		}
		says = STORE_OK;
		no_room = true;
		say(calls[i].name, LEAST(calls[i].name));
		is_refused(503, "", "memory");
		no_room = false;
		api.reader = NULL;
		say(calls[i].name, LEAST(calls[i].name));
		api.reader = reader;
		is_refused(503, "", "");
		assert_int_equal(state_of_it(), JOB_RUNNING);
	}
	/* a long result, which goes up first */
	says = STORE_NO_SPACE;
	say("complete", result);
	is_refused(507, "", "the store could not take it");
	says = STORE_OK;
	no_room = true;
	say("complete", result);
	is_refused(503, "", "memory");
	no_room = false;
	say("complete", result);
	is_answered("\"state\":\"succeeded\"");
}

/* A server that drains still hears how jobs have ended. */
static void while_it_drains(void **state)
{
	(void)state;
	claimed("default");
	api.draining = fake_draining = true;
	say("extend", "");
	assert_int_equal(answer.status, 200);
	say("complete", "");
	is_answered("\"state\":\"succeeded\"");
}

static char mail[] = "mail";
static struct conf_token token = { .name = (char[]){ "mail" }, .roles = CONF_ROLE_WORK, .queues = mail, .queues_bytes = sizeof(mail) };

/* To a token that is for some queues a job of another is not there, whatever lease it says. */
static void jobs_of_other_queues(void **state)
{
	(void)state;
	q.token = &token;
	for (size_t i = 0; i < CALLS; i++) {
		claimed("default");
		say(calls[i].name, LEAST(calls[i].name));
		is_refused(404, "", "there is no job");
		assert_int_equal(state_of_it(), JOB_RUNNING);
		claimed("mail");
		say(calls[i].name, LEAST(calls[i].name));
		assert_int_equal(answer.status, 200);
	}
}

/* --- many --- */

static void post_results(struct slice body)
{
	answer_clear();
	ncommits = 0;
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .path = SLICE("/claims/results"), .body = body, .token = q.token };
	api_claim_results(&q);
	keeper_runs();
	assert_int_equal(answer.answers, 1);
}

static struct buf array;

/* Adds an element for the job at hand, with its lease or `with` in its place. */
static void add(const char *outcome, const char *with, const char *more)
{
	buf_printf(&array, "%s{\"id\":\"%s\",\"lease\":\"%s\",\"outcome\":\"%s\"%s}", array.len ? "," : "[", id, with ? with : lease, outcome, more);
}

static json_t *answered(void)
{
	buf_char(&array, ']');
	post_results((struct slice){ array.data, array.len });
	buf_free(&array);
	if (answer.status != 200)
		fail_msg("%d %s: %s", answer.status, answer.field, answer.detail);
	return answer_json();
}

static void result_is(const json_t *j, size_t i, int status, const char *job_state)
{
	const json_t *r = json_array_get(at(j, "results"), i);

	number_is(r, "status", status);
	assert_int_equal(at(r, "detail") != NULL, status != 200);
	if (job_state)
		string_is(r, "state", job_state);
	else
		assert_null(at(r, "state"));
}

static void many_at_once(void **state)
{
	char ids[4][UUID_TEXT_BYTES];

	(void)state;
	claimed("default");
	memcpy(ids[0], id, sizeof(id));
	add("complete", NULL, ",\"result\":[1, 2]");
	add("complete", NULL, "");              /* twice in one array: done once */
	claimed("default");
	memcpy(ids[1], id, sizeof(id));
	add("fail", NULL, ",\"error\":\"x\",\"retry_in\":\"60s\"");
	claimed("default");
	add("release", NULL, "");
	claimed("default");                     /* what was released, again */
	memcpy(ids[2], id, sizeof(id));
	add("complete", "4711", "");
	memcpy(ids[3], UNKNOWN, sizeof(UNKNOWN));
	memcpy(id, ids[3], sizeof(id));
	add("fail", "17", "");
	json_t *j = answered();
	assert_int_equal(json_array_size(at(j, "results")), 6);
	result_is(j, 0, 200, "succeeded");
	result_is(j, 1, 200, "succeeded");
	result_is(j, 2, 200, "retrying");
	string_is(json_array_get(at(j, "results"), 2), "run_at", "2025-11-21T20:41:59.123Z");
	result_is(j, 3, 200, "queued");
	result_is(j, 4, 409, NULL);
	result_is(j, 5, 404, NULL);
	string_is(json_array_get(at(j, "results"), 0), "id", ids[0]);
	string_is(json_array_get(at(j, "results"), 2), "id", ids[1]);
	string_is(json_array_get(at(j, "results"), 4), "id", ids[2]);
	string_is(json_array_get(at(j, "results"), 5), "id", ids[3]);
	json_decref(j);
	assert_int_equal(ncommits, 1);
	post_results(SLICE("[]"));
	assert_string_equal(answer.body, "{\"results\":[]}");
	assert_int_equal(ncommits, 0);
}

/* One that is wrong in its form: nothing of the array is done, and the answer names the element. */
static void bad_arrays(void **state)
{
	static const struct { const char *element, *field; } bad[] = {
		{ "{}", "[1].outcome" }, { "{\"id\":\"" UNKNOWN "\",\"lease\":\"1\",\"outcome\":\"extend\"}", "[1].outcome" }, { "{\"id\":\"7\",\"lease\":\"1\",\"outcome\":\"fail\"}", "[1].id" },
		{ "{\"id\":\"" UNKNOWN "\",\"outcome\":\"fail\"}", "[1].lease" }, { "{\"id\":\"" UNKNOWN "\",\"lease\":\"1\",\"outcome\":\"release\",\"error\":\"x\"}", "[1].error" },
		{ "7", "[1]" }, { "null", "[1]" }, { "{\"id\":1,\"id\":1}", "[1]" },
	};
	char body[400];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		claimed("default");
		snprintf(body, sizeof(body), "[{\"id\":\"%s\",\"lease\":\"%s\",\"outcome\":\"complete\"},%s]", id, lease, bad[i].element);
		post_results(slice_of(body));
		is_refused(400, bad[i].field, "");
		assert_int_equal(state_of_it(), JOB_RUNNING);
	}
	post_results(SLICE("{\"results\":[]}"));
	is_refused(400, "", "must be a JSON array of");
	post_results(SLICE("7"));
	is_refused(400, "", "must be a JSON array of");
	post_results(SLICE(""));
	is_refused(400, "", "the body is empty; a JSON array of");
	post_results(SLICE("[{}"));
	is_refused(400, "", "line 1, column");
}

static void as_many_as_there_may_be(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MEMBERS_ARRAY_MAX; i++) {
		claimed("default");
		add("complete", NULL, "");
	}
	json_t *j = answered();
	assert_int_equal(json_array_size(at(j, "results")), MEMBERS_ARRAY_MAX);
	for (unsigned i = 0; i < MEMBERS_ARRAY_MAX; i++)
		result_is(j, i, 200, "succeeded");
	json_decref(j);
	assert_int_equal(ncommits, 1);
	for (unsigned i = 0; i <= MEMBERS_ARRAY_MAX; i++)
		buf_str(&array, i ? ",{}" : "[{}");
	buf_char(&array, ']');
	post_results((struct slice){ array.data, array.len });
	buf_free(&array);
	is_refused(413, "", "more than 1000");
}

static void many_and_trouble(void **state)
{
	struct store_reader *reader = api.reader;
	json_t *j;

	(void)state;
	/* each says for itself what became of it */
	claimed("default");
	add("complete", NULL, "");
	says = STORE_NO_SPACE;
	j = answered();
	says = STORE_OK;
	result_is(j, 0, 507, NULL);
	json_decref(j);
	claimed("default");
	add("complete", NULL, "");
	no_room = true;
	j = answered();
	no_room = false;
	result_is(j, 0, 503, NULL);
	json_decref(j);
	add("complete", NULL, "");
	api.reader = NULL;
	j = answered();
	api.reader = reader;
	result_is(j, 0, 503, NULL);
	json_decref(j);
	assert_int_equal(state_of_it(), JOB_RUNNING);
	/* a token that is for some queues: the others are not there */
	q.token = &token;
	add("complete", NULL, "");
	claimed("mail");
	add("complete", NULL, "");
	j = answered();
	result_is(j, 0, 404, NULL);
	result_is(j, 1, 200, "succeeded");
	json_decref(j);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_call), CASE(said_again), CASE(said_otherwise), CASE(no_such_lease), CASE(lost_leases), CASE(no_such_job), CASE(bad_bodies), CASE(not_now), CASE(while_it_drains), CASE(jobs_of_other_queues),
		CASE(many_at_once), CASE(bad_arrays), CASE(as_many_as_there_may_be), CASE(many_and_trouble),
	};

	return cmocka_run_group_tests_name("api_lease", tests, NULL, NULL);
}
