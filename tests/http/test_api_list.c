/* GET /jobs against a memory store: filters, pages, cursors, and what is refused. */
#include "api_test.h"

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)op, (void)tag, (void)piece, (void)n;
	fail_msg("a listing asks the keeper for nothing");
	return -1;
}

static struct http_request q;
static char kept[HTTP_QUERY_MAX][600];

static const struct conf_token *token;

/* "state=queued&limit=2" */
static void get(const char *query)
{
	char *copy = strdup(query), *save = NULL;

	answer_clear();
	q = (struct http_request){ .api = &api, .method = HTTP_M_GET, .token = token };
	for (char *pair = strtok_r(copy, "&", &save); pair; pair = strtok_r(NULL, "&", &save)) {
		char *value = strchr(pair, '=');
		*value++ = '\0';
		snprintf(kept[q.nquery], sizeof(kept[0]), "%s", value);
		char *name = kept[q.nquery] + strlen(value) + 1;
		snprintf(name, sizeof(kept[0]) - strlen(value) - 1, "%s", pair);
		q.query[q.nquery] = (struct http_pair){ slice_of(name), { kept[q.nquery], strlen(value) } };
		q.nquery++;
	}
	free(copy);
	api_jobs(&q);
	fake_pass(1000);
	assert_int_equal(answer.answers, 1);
}

static size_t count(const json_t *j) { return json_array_size(json_object_get(j, "jobs")); }

static void refused(const char *query, const char *field)
{
	get(query);
	assert_int_equal(answer.status, 400);
	assert_string_equal(answer.field, field);
	assert_true(strlen(answer.detail) > 20);
}

static void test_pages(void **state)
{
	char query[400] = "limit=3", id[8][40];
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		fake_wall_ms++;
		submit_type(i % 2 ? "email" : "t.a", "a name", "default");
	}
	for (unsigned page = 0; query[0]; page++) {
		assert_true(page < 4);
		get(query);
		assert_int_equal(answer.status, 200);
		json_t *j = answer_json();
		const json_t *cursor = json_object_get(j, "cursor");
		for (size_t i = 0; i < count(j); i++)
			snprintf(id[seen++], sizeof(id[0]), "%s", json_string_value(json_object_get(json_array_get(json_object_get(j, "jobs"), i), "id")));
		query[0] = '\0';
		if (json_is_string(cursor))
			snprintf(query, sizeof(query), "limit=3&cursor=%s", json_string_value(cursor));
		else
			assert_true(json_is_null(cursor));
		json_decref(j);
	}
	assert_int_equal(seen, 8);
	for (unsigned i = 1; i < 8; i++)
		assert_true(strcmp(id[i - 1], id[i]) > 0);
}

static void test_filters(void **state)
{
	static const struct { const char *query; size_t n; } cases[] = {
		{ "", 4 }, { "state=queued", 2 }, { "state=succeeded", 1 }, { "state=dead", 1 }, { "state=running", 0 }, { "state=scheduled", 0 },
		{ "type=email", 3 }, { "queue=low", 1 }, { "type=email&queue=low", 0 }, { "state=queued&type=email", 1 }, { "q=WELCOME", 3 }, { "q=nobody", 0 }, { "tag=x", 0 },
		{ "state=dead&q=too+bad", 0 }, { "state=dead&q=too bad", 1 },
	};
	struct job j;

	(void)state;
	submit_type("email", "welcome 1", "default");
	j = claim_next();
	finish(&j, JOB_OUTCOME_SUCCEEDED, "{\"ok\":true}", NULL);
	submit_type("email", "welcome 2", "default");
	for (unsigned i = 0; i < 2; i++) {
		j = claim_next();
		finish(&j, JOB_OUTCOME_FAILED, NULL, "this is too bad");
		fake_wall_ms += 3600000;
		assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
		bool more;
		assert_int_equal(store_due(store, 10, &more), STORE_OK);
		assert_int_equal(store_commit(store), STORE_OK);
	}
	submit_type("email", "welcome 3", "default");
	submit_type("t.a", "report", "low");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		get(cases[i].query);
		assert_int_equal(answer.status, 200);
		json_t *v = answer_json();
		if (count(v) != cases[i].n)
			fail_msg("%s: %zu jobs", cases[i].query, count(v));
		json_decref(v);
	}
	get("state=succeeded");
	json_t *v = answer_json();
	string_is(json_array_get(json_object_get(v, "jobs"), 0), "name", "welcome 1");
	assert_true(json_is_true(at(json_array_get(json_object_get(v, "jobs"), 0), "result.ok")));
	number_is(json_array_get(json_object_get(v, "jobs"), 0), "payload.a", 1);
	json_decref(v);
}

/* All of its queues, page by page, and nothing of others; whoever has another token can do nothing with its cursor. */
static void test_a_token_for_some_queues(void **state)
{
	static char names[] = "low\0high", name[] = "both", other[] = "default";
	static const struct conf_token both = { .name = name, .queues = names, .queues_bytes = sizeof(names) }, another = { .name = name, .queues = other, .queues_bytes = sizeof(other) };
	static const char *const queue[] = { "low", "default", "high" };
	char query[400] = "limit=2";
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < 12; i++)
		submit_type("email", "a", queue[i % 3]);
	for (unsigned page = 0; query[0]; page++) {
		assert_true(page < 6);
		token = &another;
		if (page)
			refused(query, "cursor");
		token = &both;
		get(query);
		assert_int_equal(answer.status, 200);
		json_t *j = answer_json();
		const json_t *cursor = json_object_get(j, "cursor");
		seen += (unsigned)count(j);
		assert_null(strstr(answer.body, "\"default\""));
		snprintf(query, sizeof(query), "limit=2&cursor=%s", json_is_string(cursor) ? json_string_value(cursor) : "");
		if (!json_is_string(cursor))
			query[0] = '\0';
		json_decref(j);
	}
	assert_int_equal(seen, 8);
	get("queue=high&state=queued");
	json_t *j = answer_json();
	assert_int_equal(count(j), 4);
	json_decref(j);
	get("queue=default");
	assert_int_equal(answer.status, 403);
	token = NULL;
}

static void test_what_is_refused(void **state)
{
	char query[400], cursor[200];

	(void)state;
	submit_type("email", "a", "default");
	submit_type("email", "b", "default");
	refused("state=done", "state");
	refused("state=", "state");
	refused("limit=0", "limit");
	refused("limit=1001", "limit");
	refused("limit=ten", "limit");
	refused("limit=", "limit");
	refused("limit=-1", "limit");
	refused("type=", "type");
	refused("tag=", "tag");
	refused("cursor=abc", "cursor");
	get("limit=1");
	json_t *j = answer_json();
	snprintf(cursor, sizeof(cursor), "%s", json_string_value(json_object_get(j, "cursor")));
	json_decref(j);
	snprintf(query, sizeof(query), "limit=1&state=queued&cursor=%s", cursor);
	refused(query, "cursor");
	cursor[20] = cursor[20] == '0' ? '1' : '0';
	snprintf(query, sizeof(query), "limit=1&cursor=%s", cursor);
	refused(query, "cursor");
	get("limit=1000");
	assert_int_equal(answer.status, 200);
}

/* A call looks at 10,000 rows: the page may be empty while there is more. */
static void test_bounded_work(void **state)
{
	char query[400] = "type=t.a";
	unsigned calls = 0, found = 0;

	(void)state;
	submit_type("t.a", "the one", "default");
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	struct job_spec spec = { .type = TEXT("email"), .queue = TEXT("default"), .payload = TEXT("1"), .payload_len = 1, .backoff = { 1000, 1000, 2000, 0 } };
	uint8_t bytes[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(&spec, bytes, sizeof(bytes));
	for (unsigned i = 0; i < 12000; i++) {
		struct job out;
		assert_int_equal(store_submit(store, &spec, bytes, n, &out), STORE_OK);
	}
	assert_int_equal(store_commit(store), STORE_OK);
	while (query[0]) {
		get(query);
		json_t *j = answer_json();
		found += (unsigned)count(j);
		query[0] = '\0';
		if (json_is_string(json_object_get(j, "cursor")))
			snprintf(query, sizeof(query), "type=t.a&cursor=%s", json_string_value(json_object_get(j, "cursor")));
		json_decref(j);
		calls++;
	}
	assert_int_equal(found, 1);
	assert_int_equal(calls, 2);
	assert_int_equal(fake_timers(), 0);
}

static void test_a_store_that_cannot_be_read(void **state)
{
	struct store_reader *reader = api.reader;

	(void)state;
	api.reader = NULL;
	get("");
	assert_int_equal(answer.status, 503);
	api.reader = reader;
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pages), CASE(test_filters), CASE(test_a_token_for_some_queues), CASE(test_what_is_refused), CASE(test_bounded_work), CASE(test_a_store_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
