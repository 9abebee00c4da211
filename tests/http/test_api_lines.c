/* NDJSON line by line: every cut of the body into pieces gives the same answer, problems stand in their lines' places, what waits is bounded, and clients go away at any moment. */
#include "submit_test.h"

#include "http/submission.h"

static struct http_pair ndjson = { { "content-type", 12 }, { "application/x-ndjson", 20 } };

static int begin(void **state)
{
	conf.http.max_body = 1 << 20;
	return setup(state);
}

static void open_request(void)
{
	answer_clear();
	memset(&live, 0, sizeof(live));
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .header = &ndjson, .nheader = 1, .streamed = true };
	nasked = 0;
	api_submit(&q);
	assert_non_null(q.on_body);
	assert_int_equal(answer.answers, 0);
}

static void body(const char *text, size_t n, bool last)
{
	body_comes(&q, text, n, last);
}

static void answer_all(void)
{
	for (size_t i = 0; i < nasked; i++)
		keeper_answers(i, STORE_OK);
}

static const char mixed[] = "{\"type\":\"email\"}\n\n \r\n{\"type\":\"nobody\"}\r\n{bad}\n[1]\n{\"type\":\"t.x\"}";

static void check_mixed(void)
{
	static const double status[] = { 0, 422, 400, 400, 507 }, line[] = { 1, 4, 5, 6, 7 };
	const char *at_line = answer.body;

	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.content_type, "application/x-ndjson");
	for (int i = 0; i < 5; i++) {
		size_t n = strcspn(at_line, "\n");
		json_t *j = json_loadb(at_line, n, 0, NULL);
		assert_non_null(j);
		if (status[i] > 0) {
			number_is(j, "status", status[i]);
			number_is(j, "line", line[i]);
			string_is(j, "instance", "/jobs");
			assert_non_null(json_object_get(j, "title"));
			assert_non_null(json_object_get(j, "detail"));
		} else {
			string_is(j, "state", "queued");
		}
		json_decref(j);
		at_line += n + 1;
	}
	assert_string_equal(at_line, "");
}

static void every_cut(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= strlen(mixed); cut++) {
		open_request();
		body(mixed, cut, false);
		body(mixed + cut, strlen(mixed) - cut, false);
		body("", 0, true);
		assert_int_equal(nasked, 2);
		assert_int_equal(live.ended, 0);
		keeper_answers(1, STORE_NO_SPACE);
		keeper_answers(0, STORE_OK);
		assert_int_equal(live.ended, 1);
		check_mixed();
	}
	open_request();
	for (size_t i = 0; i < strlen(mixed); i++)
		body(mixed + i, 1, i + 1 == strlen(mixed));
	keeper_answers(0, STORE_OK);
	keeper_answers(1, STORE_NO_SPACE);
	check_mixed();
}

/* A first line is answered when it is committed, whatever comes after it. */
static void as_they_are_committed(void **state)
{
	(void)state;
	open_request();
	body("{\"type\":\"email\"}\n{\"type\":", 25, false);
	keeper_answers(0, STORE_OK);
	assert_int_equal(live.ended, 0);
	assert_non_null(strstr(answer.body, "\"state\":\"queued\"}\n"));
	body("\"email\"}", 8, true);
	keeper_answers(1, STORE_OK);
	assert_int_equal(live.ended, 1);
}

static void nothing_in_it(void **state)
{
	(void)state;
	open_request();
	body("", 0, true);
	assert_int_equal(live.ended, 1);
	open_request();
	body("\n\r\n  \n", 6, true);
	assert_int_equal(live.ended, 1);
	assert_int_equal(nasked, 0);
}

static void a_line_that_is_too_long(void **state)
{
	uint64_t was = conf.http.max_body;
	char *text = malloc(3000);

	(void)state;
	conf.http.max_body = 1000;
	memset(text, ' ', 3000);
	open_request();
	for (unsigned i = 0; i < 10; i++)
		body(text, 3000, false);
	body("\n{\"type\":\"email\"}\n", 18, true);
	keeper_answers(0, STORE_OK);
	assert_non_null(strstr(answer.body, "\"status\":413,\"line\":1"));
	assert_non_null(strstr(answer.body, "\"state\":\"queued\"}\n"));
	assert_int_equal(live.ended, 1);
	conf.http.max_body = was;
	free(text);
}

static void a_nul_byte(void **state)
{
	(void)state;
	open_request();
	body("{\"type\":\"email\"}\0\n", 18, true);
	assert_int_equal(nasked, 0);
	assert_non_null(strstr(answer.body, "\"status\":400,\"line\":1"));
}

static void what_waits_is_bounded(void **state)
{
	static const char line[] = "{\"type\":\"email\"}\n";
	unsigned pieces = 0;

	(void)state;
	open_request();
	body_wanted = 0;
	while (!q.hold && pieces < 100) {
		body(line, strlen(line), false);
		pieces++;
		if (nasked == ASKED_MAX - 60)
			break;
	}
	live.unsent = 1 << 20;          /* the client takes nothing */
	answer_all();
	assert_true(q.hold);
	assert_int_equal(body_wanted, 0);
	live.unsent = 0;
	q.on_room(&q);
	assert_false(q.hold);
	assert_int_equal(body_wanted, 1);
	nasked = 0;
	body("", 0, true);
	assert_int_equal(live.ended, 1);
}

static void the_client_goes(void **state)
{
	(void)state;
	open_request();                 /* before a line */
	q.gone = true;
	q.on_gone(&q);
	assert_int_equal(answer.answers, 1);
	open_request();                 /* while one waits, its answer not begun */
	body("{\"type\":\"email\"}\n{\"ty", 21, false);
	q.gone = true;
	q.on_gone(&q);
	assert_int_equal(answer.answers, 0);
	answer_all();
	assert_int_equal(answer.answers, 1);
	open_request();                 /* while one waits and another was answered */
	body("{\"type\":\"email\"}\n{\"type\":\"email\"}\n", 34, false);
	keeper_answers(0, STORE_OK);
	q.gone = true;
	q.on_gone(&q);
	keeper_answers(1, STORE_OK);
	assert_int_equal(live.ended, 1);
}

static void what_is_refused_as_a_whole(void **state)
{
	(void)state;
	answer_clear();
	memset(&live, 0, sizeof(live));
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .header = &ndjson, .nheader = 1, .streamed = true };
	api.draining = true;
	api_submit(&q);
	assert_int_equal(answer.status, 503);
	api.draining = false;
}

/* A server that begins to drain says so in each line that comes later. */
static void draining_in_the_middle(void **state)
{
	(void)state;
	open_request();
	body("{\"type\":\"email\"}\n", 17, false);
	api.draining = true;
	body("{\"type\":\"email\"}\n", 17, true);
	keeper_answers(0, STORE_OK);
	assert_int_equal(nasked, 1);
	assert_non_null(strstr(answer.body, "\"status\":503,\"line\":2"));
	assert_int_equal(live.ended, 1);
	api.draining = false;
}

/* Lines whose keys cannot be told yet are asked again, and keep their places. */
static void keys_that_are_still_read(void **state)
{
	static const char two[] = "{\"type\":\"email\",\"idempotency_key\":\"k\"}\n{\"type\":\"email\"}\n";

	(void)state;
	open_request();
	body(two, strlen(two), true);
	keeper_answers(0, STORE_KEYS_LATER);
	keeper_answers(1, STORE_OK);
	assert_int_equal(live.ended, 0);
	assert_int_equal(live.begun, 0);
	fake_pass(50);
	assert_int_equal(nasked, 3);
	keeper_answers(2, STORE_OK);
	assert_int_equal(live.ended, 1);
	assert_null(strstr(answer.body, "detail"));
	/* the client goes while one waits */
	open_request();
	body(two, strlen(two), false);
	keeper_answers(0, STORE_KEYS_LATER);
	keeper_answers(1, STORE_OK);
	q.gone = true;
	q.on_gone(&q);
	fake_pass(50);
	keeper_answers(2, STORE_KEYS_LATER);
	assert_int_equal(fake_timers(), 0);
	assert_int_equal(answer.answers, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, teardown)
	const struct CMUnitTest tests[] = {
		T(every_cut), T(as_they_are_committed), T(nothing_in_it), T(a_line_that_is_too_long), T(a_nul_byte), T(what_waits_is_bounded), T(the_client_goes),
		T(what_is_refused_as_a_whole), T(draining_in_the_middle), T(keys_that_are_still_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
