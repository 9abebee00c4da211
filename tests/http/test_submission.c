/* Submissions that carry keys: the header, what is answered with a job that is there, what is refused. S1.22 S1.30. */
#include "submit_test.h"

#include "text/uuid.h"

static void post_with_key(const char *content_type, const char *key, const char *again, const char *body)
{
	answer_clear();
	headers[0] = (struct http_pair){ SLICE("idempotency-key"), slice_of(key) };
	headers[1] = (struct http_pair){ SLICE("content-type"), slice_of(content_type) };
	headers[2] = (struct http_pair){ SLICE("idempotency-key"), slice_of(again) };
	q = (struct http_request){ .api = &api, .header = headers, .nheader = again ? 3 : 2, .body = slice_of(body) };
	api_submit(&q);
}

static void the_header(void **state)
{
	struct job_spec spec;

	(void)state;
	post_with_key("application/json", "k", "k", "{\"type\":\"email\"}");
	refused_before_asking(400, "idempotency_key", "more than once");
	post_with_key("application/json", "k", NULL, "[{\"type\":\"email\"}]");
	refused_before_asking(400, "idempotency_key", "its own field");
	post_with_key("application/x-ndjson", "k", NULL, "{\"type\":\"email\"}\n");
	refused_before_asking(400, "idempotency_key", "its own field");
	post_with_key("application/json", "k", NULL, "{\"type\":\"email\",\"idempotency_key\":\"j\"}");
	refused_before_asking(400, "idempotency_key", "differ");
	post_with_key("application/json", "k", NULL, "{\"type\":\"email\"}");
	assert_int_equal(nasked, 1);
	assert_int_equal(record_spec_decode(asked[0].bytes, asked[0].n, &spec), RECORD_OK);
	assert_int_equal(spec.idempotency_key.n, 1);
	keeper_answers(0, STORE_OK);
	json_t *j = answer_json();
	string_is(j, "idempotency_key", "k");
	json_decref(j);
}

/* The keeper's answer is a job that lies in the store. */
static void keeper_knows(size_t i, int rc, const struct job *job)
{
	api_answered(&api, &(struct request_result){ .tag = asked[i].tag, .rc = rc, .id = job->id, .state = job->state });
}

static void a_job_that_is_there(void **state)
{
	struct job_spec spec = { .type = TEXT("email"), .queue = TEXT("default"), .idempotency_key = TEXT("k"), .unique_key = TEXT("u"), .key = TEXT("k 7"), .payload = TEXT("1"), .payload_len = 1 };
	struct job first = submit_spec(&spec);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		post("{\"type\":\"email\",\"idempotency_key\":\"k\",\"unique_key\":\"u\"}");
		keeper_knows(i, i == 0 ? STORE_REPLAYED : STORE_LIVE, &first);
		assert_int_equal(answer.status, 200);
		assert_int_equal(strstr(answer.headers, "Idempotent-Replayed: true\n") != NULL, i == 0);
		assert_non_null(strstr(answer.headers, "Location: /jobs/"));
		json_t *j = answer_json();
		string_is(j, "idempotency_key", "k");
		string_is(j, "unique_key", "u");
		string_is(j, "key", "k 7");
		number_is(j, "payload", 1);
		json_decref(j);
	}
	assert_int_equal(rejected(), 0);
}

static void keys_refused(void **state)
{
	(void)state;
	post("{\"type\":\"email\",\"idempotency_key\":\"my key\"}");
	keeper_answers(0, STORE_KEY_REUSED);
	assert_int_equal(answer.status, 422);
	assert_string_equal(answer.field, "idempotency_key");
	assert_non_null(strstr(answer.detail, "\"my key\""));
	post("{\"type\":\"email\",\"idempotency_key\":\"k\"}");
	keeper_answers(1, STORE_KEYS_FULL);
	assert_int_equal(answer.status, 429);
	assert_non_null(strstr(answer.detail, "idempotency_max"));
	assert_int_equal(rejected(), 2);
}

static void keys_of_several(void **state)
{
	static const char two[] = "[{\"type\":\"email\",\"idempotency_key\":\"one\"},{\"type\":\"email\",\"idempotency_key\":\"two\"}]";
	static const struct { int rc[2], status; bool replayed; } map[] = {
		{ { STORE_OK, STORE_REPLAYED }, 201, false }, { { STORE_REPLAYED, STORE_REPLAYED }, 200, true }, { { STORE_REPLAYED, STORE_LIVE }, 200, false },
		{ { STORE_OK, STORE_KEY_REUSED }, 422, false }, { { STORE_KEY_REUSED, STORE_KEY_REUSED }, 422, false },
	};
	json_t *j;

	(void)state;
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		post(two);
		keeper_answers(2 * i, map[i].rc[0]);
		keeper_answers(2 * i + 1, map[i].rc[1]);
		assert_int_equal(answer.status, map[i].status);
		assert_int_equal(strstr(answer.headers, "Idempotent-Replayed: true\n") != NULL, map[i].replayed);
		if (map[i].status == 422) {
			assert_non_null(strstr(answer.detail, map[i].rc[0] == STORE_OK ? "\"two\"" : "\"one\""));
			assert_string_equal(answer.field, map[i].rc[0] == STORE_OK ? "[1].idempotency_key" : "[0].idempotency_key");
			continue;
		}
		j = answer_json();
		assert_int_equal(json_array_size(j), 2);
		string_is(json_array_get(j, 0), "state", "queued");
		json_decref(j);
	}
}

/* A token for some queues is shown no job of another, though it has the key or the id of one. */
static char shop[] = "shop", mine[] = "mine";
static const struct conf_token token = { .name = shop, .roles = CONF_ROLE_SUBMIT, .queues = mine, .queues_bytes = sizeof(mine) };

static void post_with_token(const char *content_type, const char *body)
{
	answer_clear();
	headers[0] = (struct http_pair){ SLICE("content-type"), slice_of(content_type) };
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .path = SLICE("/jobs"), .header = headers, .nheader = 1, .body = slice_of(body), .token = &token };
	api_submit(&q);
}

static void jobs_of_other_queues(void **state)
{
	static const struct { const char *queue, *shown; int rc, status; const char *field; } map[] = {
		{ "mine", "mine", STORE_LIVE, 200, "" }, { "other", "mine", STORE_LIVE, 403, "unique_key" },
		{ "mine", "mine", STORE_REPLAYED, 200, "" }, { "other", "mine", STORE_REPLAYED, 403, "idempotency_key" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		struct job there = submit_type("email", "", map[i].queue);
		post_with_token("application/json", "{\"type\":\"email\",\"queue\":\"mine\",\"unique_key\":\"u\",\"idempotency_key\":\"k\"}");
		keeper_knows(2 * i, map[i].rc, &there);
		assert_int_equal(answer.status, map[i].status);
		assert_string_equal(answer.field, map[i].field);
		if (answer.status == 403) {
			assert_null(strstr(answer.headers, "Location"));
			assert_non_null(strstr(answer.detail, "the token shop"));
		}
		post_with_token("application/json", "[{\"type\":\"email\",\"queue\":\"mine\",\"unique_key\":\"u\"}]");
		keeper_knows(2 * i + 1, map[i].rc, &there);
		json_t *j = answer_json();
		assert_int_equal(json_object_get(json_array_get(j, 0), "id") == NULL, map[i].status == 403);
		json_decref(j);
	}
}

static void parents_of_other_queues(void **state)
{
	static const char *const queue[] = { "mine", "other" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char id[UUID_TEXT_BYTES], body[200];
		struct job parent = submit_type("email", "", queue[i]);
		uuid_format(parent.id.b, id);
		snprintf(body, sizeof(body), "{\"type\":\"email\",\"queue\":\"mine\",\"unique_key\":\"u\",\"depends_on\":[\"%s\"]}", id);
		post_with_token("application/json", body);
		assert_int_equal(nasked, 1);
		assert_int_equal(answer.answers, i);
	}
	assert_int_equal(answer.status, 422);
	assert_string_equal(answer.field, "depends_on[0]");
	assert_non_null(strstr(answer.detail, "there is no job "));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(the_header), T(a_job_that_is_there), T(keys_refused), T(keys_of_several), T(jobs_of_other_queues), T(parents_of_other_queues) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
