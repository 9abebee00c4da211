/* POST /jobs against a keeper that stores what it is asked, or refuses it, when the test says so. S0.20 S1.20 S1.32 S2.18 S3.1 S4.42 S4.43 S4.53 S4.81. */
#include "submit_test.h"

#include "http/client.h"

static void one_job(void **state)
{
	json_t *j;

	(void)state;
	post("{\"type\":\"email\",\"payload\":{\"to\": 1},\"name\":\"n\",\"priority\":3}");
	assert_int_equal(answer.answers, 0);            /* not before the commit */
	assert_int_equal(nasked, 1);
	fake_loop_ns += 7000000;
	keeper_answers(0, STORE_OK);
	assert_int_equal(answer.status, 201);
	assert_non_null(strstr(answer.headers, "Location: /jobs/01000000-0000-0000-0000-000000000000\n"));
	j = answer_json();
	string_is(j, "id", "01000000-0000-0000-0000-000000000000");
	string_is(j, "state", "queued");
	string_is(j, "name", "n");
	string_is(j, "created_at", "2025-11-21T20:40:59.128Z");
	string_is(j, "updated_at", "2025-11-21T20:40:59.128Z");
	number_is(j, "priority", 3);
	number_is(j, "max_retries", 3);
	number_is(j, "attempts", 0);
	number_is(j, "payload.to", 1);
	json_decref(j);
	assert_int_equal(rejected(), 0);
	assert_int_equal(seg.submit_us->count, 1);
	assert_int_equal(seg.submit_us->sum_us, 7000);
	keeper_answers(0, STORE_OK);                    /* an answer that comes twice hits nothing */
	assert_int_equal(answer.answers, 1);
}

static void a_scheduled_job(void **state)
{
	json_t *j;

	(void)state;
	post("{\"type\":\"email\",\"delay\":\"1h\",\"expires_in\":\"2h\"}");
	keeper_answers(0, STORE_OK);
	j = answer_json();
	string_is(j, "state", "scheduled");
	string_is(j, "run_at", "2025-11-21T21:40:59.123Z");
	string_is(j, "expires_at", "2025-11-21T22:40:59.123Z");
	json_decref(j);
}

static void what_the_store_says(void **state)
{
	static const struct { int rc, status; const char *word; } map[] = {
		{ STORE_QUEUE_FULL, 429, "all queues" }, { STORE_QUEUE_LIMIT, 429, "\"default\"" }, { STORE_NO_SPACE, 507, "full" }, { STORE_IO, 503, "cannot write" },
			{ STORE_BUSY, 503, "not ready" },
		{ STORE_INVALID, 400, "refused" }, { STORE_DAMAGED, 503, "damaged" }, { STORE_NO_MEMORY, 503, "memory" },
		{ -1, 503, "" }, { 99, 503, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		post("{\"type\":\"email\"}");
		keeper_answers(i, map[i].rc);
		assert_int_equal(answer.answers, 1);
		assert_int_equal(answer.status, map[i].status);
		if (!strstr(answer.detail, map[i].word))
			fail_msg("\"%s\" is not in: %s", map[i].word, answer.detail);
		assert_int_equal(rejected(), i + 1);
	}
	assert_int_equal(seg.submit_us->count, 0);
}

/* The keeper has not read all keys yet: it is asked again, but not for ever. */
static void keys_that_are_still_read(void **state)
{
	(void)state;
	post("{\"type\":\"email\",\"idempotency_key\":\"k\"}");
	keeper_answers(0, STORE_KEYS_LATER);
	assert_int_equal(answer.answers, 0);
	fake_pass(49);
	assert_int_equal(nasked, 1);
	fake_pass(1);
	assert_int_equal(nasked, 2);
	keeper_answers(1, STORE_OK);
	assert_int_equal(answer.status, 201);
	/* of an array all */
	nasked = 0;
	post("[{\"type\":\"email\"},{\"type\":\"email\",\"idempotency_key\":\"k\"}]");
	keeper_answers(0, STORE_GROUPED);
	keeper_answers(1, STORE_KEYS_LATER);
	fake_pass(50);
	assert_int_equal(nasked, 4);
	keeper_answers(2, STORE_OK);
	keeper_answers(3, STORE_REPLAYED);
	assert_int_equal(answer.status, 201);
	/* ten seconds of it */
	nasked = 0;
	post("{\"type\":\"email\",\"idempotency_key\":\"k\"}");
	for (unsigned i = 0; answer.answers == 0 && i < 300; i++) {
		keeper_answers(nasked - 1, STORE_KEYS_LATER);
		fake_pass(50);
	}
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.detail, "idempotency keys"));
	assert_int_equal(nasked, 201);
	assert_int_equal(fake_timers(), 0);
	/* not while it drains */
	nasked = 0;
	post("{\"type\":\"email\",\"idempotency_key\":\"k\"}");
	api.draining = true;
	keeper_answers(0, STORE_KEYS_LATER);
	assert_int_equal(answer.status, 503);
	api.draining = false;
}

static void may_submit(unsigned times)
{
	struct http_request another = { .api = &api };

	for (unsigned i = 0; i < times; i++) {
		assert_true(client_may_submit(&another));
		client_submits(&another, 1);
	}
}

/* Each job once, also where it is asked for again; the burst is a second's worth. */
static void what_submit_rate_counts(void **state)
{
	struct http_request another = { .api = &api };

	(void)state;
	conf.http.submit_rate = 10;
	post("{\"type\":\"email\",\"idempotency_key\":\"k\"}");
	keeper_answers(0, STORE_KEYS_LATER);
	fake_pass(50);                                  /* half a token more, of ten */
	keeper_answers(1, STORE_OK);
	post("[{\"type\":\"email\"},{\"type\":\"email\"},{\"type\":\"email\"}]");
	for (unsigned i = 2; i < 5; i++)
		keeper_answers(i, STORE_OK);
	assert_int_equal(answer.status, 201);
	may_submit(6);
	assert_false(client_may_submit(&another));
	conf.http.submit_rate = 0;
}

static void what_is_never_asked(void **state)
{
	(void)state;
	post("{\"type\":\"email\",");
	refused_before_asking(400, "", "line 1, column 17");
	post("");
	refused_before_asking(400, "", "empty");
	post("\"email\"");
	refused_before_asking(400, "", "object");
	post("{\"type\":\"nobody\"}");
	refused_before_asking(422, "type", "nobody");
	post("{\"type\":\"email\",\"depends_on\":\"x\"}");
	refused_before_asking(400, "depends_on", "");
	api.draining = true;
	post("{\"type\":\"email\"}");
	refused_before_asking(503, "", "drains");
	assert_int_equal(rejected(), 6);
}

static void headers_that_matter(void **state)
{
	static const char *const good[] = { NULL, "application/json", "Application/JSON; charset=utf-8", "text/plain",
		"application/x-www-form-urlencoded", "application/vnd.x+json" };
	static const char *const bad[] = { "application/xml", "text/html", "multipart/form-data; boundary=x", "application/jsonx", "+json" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		post_as(good[i], SLICE("{\"type\":\"email\"}"));
		assert_int_equal(nasked, i + 1);
		keeper_answers(i, STORE_OK);
		assert_int_equal(answer.status, 201);
	}
	nasked = 0;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		post_as(bad[i], SLICE("{\"type\":\"email\"}"));
		refused_before_asking(415, "", "type=");
	}
}

static void a_raw_body(void **state)
{
	struct job_spec spec;
	json_t *j;

	(void)state;
	headers[0] = (struct http_pair){ SLICE("content-type"), SLICE("image/png") };
	q = (struct http_request){ .api = &api, .header = headers, .nheader = 1, .body = SLICE("\x89PNG\0"),
		.query = { { SLICE("type"), SLICE("t.png") }, { SLICE("priority"), SLICE("4") } }, .nquery = 2 };
	api_submit(&q);
	assert_int_equal(nasked, 1);
	assert_int_equal(record_spec_decode(asked[0].bytes, asked[0].n, &spec), RECORD_OK);
	assert_int_equal(spec.payload.n, 5);
	assert_memory_equal(spec.payload.p, "\x89PNG\0", 5);
	assert_int_equal(spec.content_type.n, 9);
	keeper_answers(0, STORE_OK);
	j = answer_json();
	string_is(j, "content_type", "image/png");
	number_is(j, "priority", 4);
	assert_null(at(j, "payload"));
	json_decref(j);
	q.nquery = 2;
	q.query[0] = (struct http_pair){ SLICE("queue"), SLICE("x") };
	nasked = 0;
	answer_clear();
	api_submit(&q);
	refused_before_asking(400, "", "type=");
}

static void a_large_payload_is_staged(void **state)
{
	static char body[JOB_INLINE_MAX + 100];
	struct job_spec spec;
	int n = snprintf(body, sizeof(body), "{\"type\":\"email\",\"payload\":\"%*d\"}", JOB_INLINE_MAX, 1);
	json_t *j;

	(void)state;
	post_as(NULL, (struct slice){ body, (size_t)n });
	assert_int_equal(nasked, 0);
	assert_int_equal(staged.n, JOB_INLINE_MAX + 2);
	assert_int_equal(staged.first, '"');
	staged.ready(staged.arg, 77, STORE_OK);
	assert_int_equal(nasked, 1);
	assert_int_equal(record_spec_decode(asked[0].bytes, asked[0].n, &spec), RECORD_OK);
	assert_int_equal(spec.payload_blob, 77);
	assert_int_equal(spec.payload_len, JOB_INLINE_MAX + 2);
	keeper_answers(0, STORE_OK);
	assert_int_equal(answer.status, 201);
	j = answer_json();
	assert_int_equal(json_string_length(at(j, "payload")), JOB_INLINE_MAX);
	json_decref(j);
	post_as(NULL, (struct slice){ body, (size_t)n });
	staged.ready(staged.arg, 0, STORE_NO_SPACE);
	assert_int_equal(answer.status, 507);
	assert_int_equal(nasked, 1);
	ask_errno = ENOMEM;
	post_as(NULL, (struct slice){ body, (size_t)n });
	assert_int_equal(answer.status, 503);
}

static void asking_fails(void **state)
{
	(void)state;
	ask_errno = ENOMEM;
	post("{\"type\":\"email\"}");
	assert_int_equal(answer.status, 503);
	ask_errno = EMSGSIZE;
	post("{\"type\":\"email\"}");
	assert_int_equal(answer.status, 400);
	ask_errno = ENOMEM;
	post("[{\"type\":\"email\"},{\"type\":\"email\"}]");
	assert_int_equal(answer.status, 503);
	assert_int_equal(answer.answers, 1);
}

static void an_array(void **state)
{
	json_t *j;

	(void)state;
	post(" [{\"type\":\"email\"},\n{\"type\":\"t.x\",\"delay\":1}]");
	assert_int_equal(nasked, 2);
	keeper_answers(1, STORE_OK);
	assert_int_equal(answer.answers, 0);            /* one is still open */
	keeper_answers(0, STORE_OK);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 201);
	j = answer_json();
	assert_int_equal(json_array_size(j), 2);
	string_is(json_array_get(j, 0), "id", "01000000-0000-0000-0000-000000000000");
	string_is(json_array_get(j, 0), "state", "queued");
	string_is(json_array_get(j, 1), "id", "01000000-0000-0000-0000-000000000001");
	string_is(json_array_get(j, 1), "state", "scheduled");
	assert_int_equal(json_object_size(json_array_get(j, 0)), 2);
	json_decref(j);
	nasked = 0;
	post("[]");
	assert_int_equal(answer.status, 201);
	assert_string_equal(answer.body, "[]");
}

/* The whole array is refused because of its bad-th job; where there is none such all have that answer. */
static void group_answers(size_t bad, int rc)
{
	size_t n = nasked;

	for (size_t i = 0; i < n; i++)
		keeper_answers(i, i == bad || bad >= n ? rc : STORE_GROUPED);
	nasked = 0;
}

static void refused_in(int status, const char *field, const char *word)
{
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, status);
	assert_string_equal(answer.field, field);
	if (!strstr(answer.detail, word))
		fail_msg("\"%s\" is not in: %s", word, answer.detail);
}

static void an_array_is_all_or_nothing(void **state)
{
	(void)state;
	post("[{\"type\":\"email\"},{\"type\":\"email\",\"tags\":[7]}]");
	refused_before_asking(400, "[1].tags[0]", "string");
	post("[{\"type\":\"email\"},7]");
	refused_before_asking(400, "[1]", "object");
	post("[{\"type\":\"email\"},{\"type\":\"nobody\"}]");
	refused_before_asking(422, "[1].type", "nobody");
	/* what only the store can say */
	post("[{\"type\":\"email\"},{\"type\":\"email\"}]");
	group_answers(1, STORE_QUEUE_FULL);
	refused_in(429, "[1]", "max_queued");
	post("[{\"type\":\"email\"},{\"type\":\"email\"}]");
	group_answers(0, STORE_QUEUE_LIMIT);
	refused_in(429, "[0]", "\"default\"");
	post("[{\"type\":\"email\"},{\"type\":\"email\",\"idempotency_key\":\"k\"}]");
	group_answers(1, STORE_KEY_REUSED);
	refused_in(422, "[1].idempotency_key", "\"k\"");
	post("[{\"type\":\"email\"},{\"type\":\"email\"}]");
	group_answers(2, STORE_NO_SPACE);               /* all say so */
	refused_in(507, "[0]", "full");
}

/* Any that is new makes it 201. */
static void an_array_of_what_is_there(void **state)
{
	(void)state;
	post("[{\"type\":\"email\",\"idempotency_key\":\"a\"},{\"type\":\"email\",\"idempotency_key\":\"b\"}]");
	keeper_answers(0, STORE_REPLAYED);
	keeper_answers(1, STORE_REPLAYED);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.headers, "Idempotent-Replayed: true\n"));
	nasked = 0;
	post("[{\"type\":\"email\",\"idempotency_key\":\"a\"},{\"type\":\"email\",\"idempotency_key\":\"b\"}]");
	keeper_answers(0, STORE_REPLAYED);
	keeper_answers(1, STORE_OK);
	assert_int_equal(answer.status, 201);
	assert_null(strstr(answer.headers, "Replayed"));
	nasked = 0;
	post("[{\"type\":\"email\",\"unique_key\":\"a\"}]");
	keeper_answers(0, STORE_LIVE);
	assert_int_equal(answer.status, 200);
}

/* Long payloads go up one by one, and what the whole array says where it is too long for a request. */
static void an_array_that_goes_up(void **state)
{
	struct buf b = { 0 };
	struct job_spec spec;

	(void)state;
	group_limit = 100;
	buf_str(&b, "[{\"type\":\"email\"},{\"type\":\"t.x\",\"payload\":\"");
	for (int i = 0; i < 5000; i++)
		buf_char(&b, 'x');
	buf_str(&b, "\"}]");
	post(buf_cstr(&b));
	assert_int_equal(staged.n, 5002);
	assert_int_equal(nasked, 0);
	staged.ready(staged.arg, 77, STORE_OK);
	assert_int_equal(nasked, 0);
	assert_true(staged.n > 100 && staged.n < 5000);
	staged.ready(staged.arg, 78, STORE_OK);
	assert_int_equal(nasked, 2);
	assert_int_equal(group.blob, 78);
	assert_int_equal(group.bytes, staged.n);
	assert_int_equal(record_spec_decode(asked[1].bytes, asked[1].n, &spec), RECORD_OK);
	assert_int_equal(spec.payload_blob, 77);
	keeper_answers(1, STORE_OK);
	keeper_answers(0, STORE_OK);
	assert_int_equal(answer.status, 201);
	/* one that cannot go up: the keeper is told to drop what has */
	nasked = 0;
	post(buf_cstr(&b));
	staged.ready(staged.arg, 0, STORE_NO_SPACE);
	assert_int_equal(group.refused, STORE_NO_SPACE);
	assert_int_equal(group.bad, 1);
	group_answers(1, STORE_NO_SPACE);
	refused_in(507, "[1]", "full");
	post(buf_cstr(&b));
	staged.ready(staged.arg, 77, STORE_OK);
	staged.ready(staged.arg, 0, STORE_IO);
	assert_int_equal(group.refused, STORE_IO);
	group_answers(0, STORE_IO);
	refused_in(503, "[0]", "cannot write");
	/* memory is out */
	ask_errno = ENOMEM;
	post("[{\"type\":\"email\"},{\"type\":\"email\"}]");
	refused_in(503, "[0]", "memory");
	buf_free(&b);
}

static void a_thousand_and_no_more(void **state)
{
	struct buf b = { 0 };
	json_t *j;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		buf_str(&b, i ? ",{\"type\":\"email\"}" : "[{\"type\":\"email\"}");
	buf_char(&b, ']');
	post(buf_cstr(&b));
	assert_int_equal(nasked, 1000);
	for (size_t i = 0; i < 1000; i++)
		keeper_answers(i, STORE_OK);
	assert_int_equal(answer.status, 201);
	j = answer_json();
	assert_int_equal(json_array_size(j), 1000);
	json_decref(j);
	b.len--;
	buf_str(&b, ",{\"type\":\"email\"}]");
	nasked = 0;
	post(buf_cstr(&b));
	refused_before_asking(413, "", "1000");
	buf_free(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_job), T(a_scheduled_job), T(what_the_store_says), T(keys_that_are_still_read), T(what_submit_rate_counts), T(what_is_never_asked), T(headers_that_matter), T(a_raw_body),
			T(a_large_payload_is_staged), T(asking_fails),
		T(an_array), T(an_array_is_all_or_nothing), T(an_array_of_what_is_there), T(an_array_that_goes_up), T(a_thousand_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
