/* Queues over HTTP, against a keeper that does what it is asked when the test says so. */
#include "api_test.h"

#include "shm/request.h"

/* --- the keeper --- */
static struct { unsigned n; enum request_op op; uint64_t tag; struct request_queue m; char name[200]; size_t name_len; struct request_bulk bulk; } asked;
static bool ask_fails;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b;
	if (ask_fails)
		return -1;
	asked.n++;
	asked.op = op;
	asked.tag = tag;
	if (op == REQUEST_QUEUE) {
		assert_int_equal(n, 2);
		memcpy(&asked.m, piece[0].p, sizeof(asked.m));
		asked.name_len = piece[1].n;
		memcpy(asked.name, piece[1].p, piece[1].n);
	} else {
		assert_int_equal(op, REQUEST_BULK);
		memcpy(&asked.bulk, piece[0].p, sizeof(asked.bulk));
		asked.name_len = piece[2].n;
		memcpy(asked.name, piece[2].p, piece[2].n);
	}
	return 0;
}

static struct http_request q;

static void path(const char *name)
{
	answer_clear();
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .arg = { { name, strlen(name) } } };
	memset(&asked, 0, sizeof(asked));
	ask_fails = false;
}

static void keeper_pauses(bool paused)
{
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_pause(store, (struct job_text){ asked.name, asked.name_len }, paused), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	api_answered(&api, &(struct request_result){ .tag = asked.tag, .rc = STORE_OK });
}

/* --- one queue --- */

static void test_one(void **state)
{
	(void)state;
	conf_queues[0].weight = 3;
	conf_queues[0].concurrency = 4;
	conf_queues[0].rate = 2.5;
	conf_queues[0].max_queued = 9;
	submit_type("email", "a", "x/\"y");
	submit_type("email", "a", "x/\"y");
	claim_next();
	fake_wall_ms += 1500;
	path("x/\"y");
	api_queue(&q);
	assert_int_equal(answer.status, 200);
	json_t *j = answer_json();
	string_is(j, "name", "x/\"y");
	assert_true(json_is_false(at(j, "paused")));
	number_is(j, "counts.queued", 1);
	number_is(j, "counts.running", 1);
	number_is(j, "counts.dead", 0);
	assert_int_equal(json_object_size(at(j, "counts")), 9);
	number_is(j, "oldest_queued_s", 1.5);
	number_is(j, "weight", 3);
	number_is(j, "concurrency", 4);
	number_is(j, "running", 1);
	number_is(j, "rate", 2.5);
	number_is(j, "max_queued", 9);
	json_decref(j);
}

static void test_of_the_conf(void **state)
{
	(void)state;
	path("default");
	api_queue(&q);
	assert_int_equal(answer.status, 200);
	path("nobody");
	api_queue(&q);
	assert_int_equal(answer.status, 404);
	assert_non_null(strstr(answer.detail, "\"nobody\""));
	path("\xff\xfe");
	api_queue(&q);
	assert_int_equal(answer.status, 404);
}

static void test_all(void **state)
{
	(void)state;
	submit_type("email", "a", "b");
	submit_type("email", "a", "a");
	path("");
	api_queues(&q);
	assert_int_equal(answer.status, 200);
	json_t *j = answer_json();
	const json_t *list = at(j, "queues");
	assert_int_equal(json_array_size(list), 3);
	string_is(json_array_get(list, 0), "name", "a");
	string_is(json_array_get(list, 2), "name", "default");
	number_is(json_array_get(list, 1), "counts.queued", 1);
	json_decref(j);
}

static void test_not_readable(void **state)
{
	struct store_reader *r = api.reader;

	(void)state;
	api.reader = NULL;
	path("default");
	api_queue(&q);
	assert_int_equal(answer.status, 503);
	path("");
	api_queues(&q);
	assert_int_equal(answer.status, 503);
	api.reader = r;
}

/* --- by hand --- */

static void test_pause_and_resume(void **state)
{
	(void)state;
	path("new");
	api_queue_pause(&q);
	assert_int_equal(answer.answers, 0);
	assert_int_equal(asked.m.act, REQUEST_QUEUE_PAUSE);
	assert_int_equal(asked.m.name_len, 3);
	keeper_pauses(true);
	assert_int_equal(answer.status, 200);
	json_t *j = answer_json();
	assert_true(json_is_true(at(j, "paused")));
	json_decref(j);
	path("new");
	api_queue_resume(&q);
	assert_int_equal(asked.m.act, REQUEST_QUEUE_RESUME);
	keeper_pauses(false);
	assert_int_equal(answer.status, 200);
	j = answer_json();
	assert_true(json_is_false(at(j, "paused")));
	json_decref(j);
	path("nobody");
	api_queue_resume(&q);
	keeper_pauses(false);
	assert_int_equal(answer.status, 404);
}

static void test_bad_names(void **state)
{
	static char longest[JOB_QUEUE_MAX + 2];
	const char *const bad[] = { "", "a\nb", "\xc3", "\x7f", longest };

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		path(bad[i]);
		api_queue_pause(&q);
		assert_int_equal(answer.status, 400);
		assert_int_equal(asked.n, 0);
	}
}

static void test_refusals(void **state)
{
	static const struct { int rc, status; } refusal[] = { { STORE_NO_SPACE, 507 }, { STORE_IO, 503 }, { STORE_BUSY, 503 } };

	(void)state;
	for (size_t i = 0; i < sizeof(refusal) / sizeof(refusal[0]); i++) {
		path("a");
		api_queue_pause(&q);
		api_answered(&api, &(struct request_result){ .tag = asked.tag, .rc = refusal[i].rc });
		assert_int_equal(answer.status, refusal[i].status);
	}
	path("a");
	ask_fails = true;
	api_queue_pause(&q);
	assert_int_equal(answer.status, 503);
}

static void test_purge(void **state)
{
	struct http_pair pair[] = { { { "state", 5 }, { "queued", 6 } } };

	(void)state;
	submit_type("email", "a", "full");
	path("full");
	api_queue_purge(&q);
	assert_int_equal(answer.status, 400);
	assert_string_equal(answer.field, "state");
	path("full");
	q.query[0] = (struct http_pair){ { "state", 5 }, { "dead", 4 } };
	q.nquery = 1;
	api_queue_purge(&q);
	assert_int_equal(answer.status, 400);
	path("nobody");
	q.query[0] = pair[0];
	q.nquery = 1;
	api_queue_purge(&q);
	assert_int_equal(answer.status, 404);
	path("full");
	q.query[0] = pair[0];
	q.nquery = 1;
	api_queue_purge(&q);
	assert_int_equal(answer.answers, 0);
	assert_int_equal(asked.op, REQUEST_BULK);
	assert_int_equal(asked.bulk.act, STORE_ACT_CANCEL);
	assert_int_equal(asked.bulk.states, 1u << JOB_QUEUED);
	assert_int_equal(asked.name_len, 4);
	assert_memory_equal(asked.name, "full", 4);
	struct request_bulk_result r = { .tag = asked.tag, .rc = STORE_OK, .count = 5, .part = STORE_CURSOR_END };
	struct request_result same;
	memcpy(&same, &r, sizeof(same));
	api_answered(&api, &same);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "{\"count\":5}");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one), TEST(test_of_the_conf), TEST(test_all), TEST(test_not_readable), TEST(test_pause_and_resume), TEST(test_bad_names), TEST(test_refusals), TEST(test_purge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
