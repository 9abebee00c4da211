/* The calls that carry a lease: what each takes and what it says of the rest, what is asked of the keeper, and what is answered. */
#include "api_test.h"

#include "http/lease.h"
#include "http/pending.h"

#define ID "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071"

/* --- the keeper --- */
static struct { enum request_op op; uint64_t tag; char bytes[32768]; size_t n; } asked;
static unsigned nasked;
static bool no_room;
static struct { ask_staged_fn ready; void *arg; size_t n; char first, last; } staged;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b;
	if (no_room)
		return -1;
	asked.op = op;
	asked.tag = tag;
	asked.n = 0;
	for (unsigned i = 0; i < n; i++) {
		assert_true(asked.n + piece[i].n <= sizeof(asked.bytes));
		if (piece[i].n)
			memcpy(asked.bytes + asked.n, piece[i].p, piece[i].n);
		asked.n += piece[i].n;
	}
	nasked++;
	return 0;
}

int ask_stage(struct ask_box *b, const void *bytes, size_t n, ask_staged_fn ready, void *arg)
{
	(void)b;
	if (no_room)
		return -1;
	staged.ready = ready;
	staged.arg = arg;
	staged.n = n;
	staged.first = *(const char *)bytes;
	staged.last = ((const char *)bytes)[n - 1];
	return 0;
}

static struct request_finish finish_asked(void)
{
	struct request_finish f;

	assert_int_equal(asked.op, REQUEST_FINISH);
	assert_true(asked.n >= sizeof(f));
	memcpy(&f, asked.bytes, sizeof(f));
	assert_int_equal(asked.n, sizeof(f) + (f.result_blob ? 0 : f.result_len) + f.error_len + (f.log_blob ? 0 : f.log_len));
	return f;
}

/* --- a call --- */
static struct lease_call c;
static struct lease_problem p;
static unsigned ndone;

static void is_done(struct lease_call *call)
{
	assert_ptr_equal(call, &c);
	ndone++;
}

static int begin(void **state)
{
	no_room = false;
	nasked = ndone = 0;
	memset(&staged, 0, sizeof(staged));
	return api_setup(state);
}

static int end(void **state)
{
	lease_free(&c);
	memset(&c, 0, sizeof(c));
	return api_teardown(state);
}

static bool read_as(enum lease_act act, const char *text)
{
	bool in_array = act == 0;

	lease_free(&c);
	c = (struct lease_call){ .api = &api, .act = act, .done = is_done };
	memset(&p, 0, sizeof(p));
	return lease_read(&c, slice_of(text), in_array, &p);
}

static void taken(enum lease_act act, const char *text)
{
	if (!read_as(act, text))
		fail_msg("%s: %s: %s", text, p.field, p.detail);
}

static void buf_is(const struct buf *b, const char *text)
{
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(b->len ? b->data : "", text, b->len);
}

/* --- reading --- */

static void what_is_refused(void **state)
{
	static const struct { enum lease_act act; const char *text, *field, *says; } wrong[] = {
		{ LEASE_COMPLETE, "{}", "lease", "is missing" }, { LEASE_COMPLETE, "[]", "", "JSON object" }, { LEASE_COMPLETE, "{\"lease\":\"1\",\"lease\":\"2\"}", "", "twice" },
		{ LEASE_COMPLETE, "{\"lease\":1}", "lease", "the string" },
		{ LEASE_COMPLETE, "{\"lease\":\"1\",\"error\":\"x\"}", "error", "there are lease, result" },
		{ LEASE_COMPLETE, "{\"lease\":\"1\",\"id\":\"" ID "\"}", "id", "there is no" }, { LEASE_COMPLETE, "{\"lease\":\"1\",\"result\":1,\"result_base64\":\"\"}", "result_base64", "only one" },
		{ LEASE_COMPLETE, "{\"lease\":\"1\",\"result_base64\":\"\",\"result\":null}", "result", "only one" }, { LEASE_COMPLETE, "{\"lease\":\"1\",\"result_base64\":\"a\"}", "result_base64", "base64" },
		{ LEASE_COMPLETE, "{\"lease\":\"1\",\"result_base64\":7}", "result_base64", "base64" }, { LEASE_COMPLETE, "{\"lease\":\"1\",\"result_truncated\":1}", "result_truncated", "true or false" },
		{ LEASE_COMPLETE, "{\"lease\":\"1\",\"exit_code\":256}", "exit_code", "0 to 255" }, { LEASE_COMPLETE, "{\"lease\":\"1\",\"exit_code\":1.5}", "exit_code", "whole number" },
		{ LEASE_COMPLETE, "{\"lease\":\"1\",\"log\":[]}", "log", "string" }, { LEASE_FAIL, "{\"lease\":\"1\",\"error\":1}", "error", "string" },
		{ LEASE_FAIL, "{\"lease\":\"1\",\"retry\":\"no\"}", "retry", "true or false" }, { LEASE_FAIL, "{\"lease\":\"1\",\"retry_in\":-1}", "retry_in", "duration" },
		{ LEASE_FAIL, "{\"lease\":\"1\",\"retry_in\":\"soon\"}", "retry_in", "duration" }, { LEASE_FAIL, "{\"lease\":\"1\",\"retry_in\":1e300}", "retry_in", "duration" },
		{ LEASE_FAIL, "{\"lease\":\"1\",\"signal\":0}", "signal", "1 to 64" }, { LEASE_FAIL, "{\"lease\":\"1\",\"result\":1}", "result", "there is no" },
		{ LEASE_RELEASE, "{\"lease\":\"1\",\"log\":\"\"}", "log", "there are lease" }, { LEASE_EXTEND, "{\"lease\":\"1\",\"by\":0.5}", "by", "at least 1" },
		{ LEASE_EXTEND, "{\"lease\":\"1\",\"by\":\"25h\"}", "by", "at most 86400" }, { LEASE_PROGRESS, "{\"lease\":\"1\"}", "percent", "is missing" },
		{ LEASE_PROGRESS, "{\"lease\":\"1\",\"percent\":101}", "percent", "0 to 100" }, { LEASE_PROGRESS, "{\"lease\":\"1\",\"percent\":\"9\"}", "percent", "0 to 100" },
		{ LEASE_PROGRESS, "{\"lease\":\"1\",\"percent\":-0.5}", "percent", "0 to 100" }, { LEASE_PROGRESS, "{\"lease\":\"1\",\"percent\":9,\"message\":9}", "message", "256 bytes" },
		{ 0, "{\"lease\":\"1\",\"id\":\"" ID "\"}", "outcome", "complete" }, { 0, "{\"lease\":\"1\",\"id\":\"" ID "\",\"outcome\":\"done\"}", "outcome", "release" },
		{ 0, "{\"lease\":\"1\",\"outcome\":\"fail\"}", "id", "is missing" }, { 0, "{\"id\":\"" ID "\",\"outcome\":\"fail\"}", "lease", "is missing" },
		{ 0, "{\"lease\":\"1\",\"outcome\":\"fail\",\"id\":\"7\"}", "id", "such as" }, { 0, "{\"lease\":\"1\",\"outcome\":\"release\",\"id\":\"" ID "\",\"result\":1}", "result", "there is no" },
		{ 0, "7", "", "each element" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (read_as(wrong[i].act, wrong[i].text))
			fail_msg("taken: %s", wrong[i].text);
		assert_int_equal(p.status, 400);
		if (strcmp(p.field, wrong[i].field) != 0 || !strstr(p.detail, wrong[i].says))
			fail_msg("%s: \"%s\": %s", wrong[i].text, p.field, p.detail);
	}
}

/* What cannot be a lease of ours is one that nobody holds. */
static void foreign_leases(void **state)
{
	static const char *const lease[] = { "", "0", "1a", "-1", "10000000000000000000", "18446744073709551617" };
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof(lease) / sizeof(lease[0]); i++) {
		snprintf(text, sizeof(text), "{\"lease\":\"%s\"}", lease[i]);
		taken(LEASE_COMPLETE, text);
		assert_true(c.foreign);
	}
	taken(LEASE_COMPLETE, "{\"lease\":\"9223372036854775807\"}");
	assert_false(c.foreign);
}

/* A string is its text; anything else its own bytes, also what no reader of ours would understand. */
static void results(void **state)
{
	(void)state;
	taken(LEASE_COMPLETE, "{\"lease\":\"17\"}");
	assert_true(c.token == 17 && c.result.len == 0 && !c.has_result && c.finish.flags == REQUEST_FINISH_REMOTE);
	assert_true(c.finish.exit_code == -1 && c.finish.retry_in_ms == -1);
	taken(LEASE_COMPLETE, "{\"lease\":\"1\",\"result\": {\"a\" :1e999, \"b\":[ ]} ,\"exit_code\":3}");
	buf_is(&c.result, "{\"a\" :1e999, \"b\":[ ]}");
	assert_true(c.finish.flags == (REQUEST_FINISH_REMOTE | REQUEST_FINISH_RESULT_JSON) && c.finish.exit_code == 3);
	taken(LEASE_COMPLETE, "{\"lease\":\"1\",\"result\":\"a\\u00e4\\n\",\"result_truncated\":true}");
	buf_is(&c.result, "a\xc3\xa4\n");
	assert_int_equal(c.finish.flags, REQUEST_FINISH_REMOTE | REQUEST_FINISH_RESULT_CUT);
	taken(LEASE_COMPLETE, "{\"lease\":\"1\",\"result\":null}");
	assert_true(c.result.len == 0 && c.finish.flags == REQUEST_FINISH_REMOTE);
	taken(LEASE_COMPLETE, "{\"lease\":\"1\",\"result_base64\":\"/wA=\"}");
	assert_true(c.result.len == 2 && memcmp(c.result.data, "\xff\0", 2) == 0 && c.finish.flags == REQUEST_FINISH_REMOTE);
	taken(LEASE_COMPLETE, "{\"lease\":\"1\",\"result_base64\":\"WzFd\"}");
	assert_int_equal(c.finish.flags, REQUEST_FINISH_REMOTE | REQUEST_FINISH_RESULT_JSON);
}

static void failures(void **state)
{
	static char text[3000];

	(void)state;
	taken(LEASE_FAIL, "{\"lease\":\"9223372036854775807\",\"error\":\"no luck\",\"retry\":false,\"retry_in\":\"90s\",\"signal\":9,\"log\":\"tail\"}");
	assert_true(c.token == INT64_MAX && c.finish.retry_in_ms == 90000 && c.finish.term_signal == 9 && (c.finish.flags & REQUEST_FINISH_NO_RETRY));
	buf_is(&c.log, "tail");
	taken(LEASE_FAIL, "{\"lease\":\"1\",\"retry\":true,\"retry_in\":1.5}");
	assert_true(c.finish.retry_in_ms == 1500 && !(c.finish.flags & REQUEST_FINISH_NO_RETRY));
	/* an error that is too long is cut between characters */
	snprintf(text, sizeof(text), "{\"lease\":\"1\",\"error\":\"%01022d\xc3\xa4x\"}", 0);
	taken(LEASE_FAIL, text);
	assert_int_equal(c.finish.error_len, 1022);
	snprintf(text, sizeof(text), "{\"lease\":\"1\",\"error\":\"%01021d\xc3\xa4\"}", 0);
	taken(LEASE_FAIL, text);
	assert_int_equal(c.finish.error_len, 1023);
}

static void signs_of_life(void **state)
{
	static char text[600];

	(void)state;
	taken(LEASE_EXTEND, "{\"lease\":\"1\"}");
	assert_int_equal(c.by_ms, 0);
	taken(LEASE_EXTEND, "{\"lease\":\"1\",\"by\":\"24h\"}");
	assert_int_equal(c.by_ms, 86400000);
	taken(LEASE_PROGRESS, "{\"lease\":\"1\",\"percent\":99.9}");
	assert_int_equal(c.percent, 99);
	snprintf(text, sizeof(text), "{\"lease\":\"1\",\"percent\":0,\"message\":\"%0256d\"}", 0);
	taken(LEASE_PROGRESS, text);
	assert_int_equal(c.message_len, 256);
	snprintf(text, sizeof(text), "{\"lease\":\"1\",\"percent\":0,\"message\":\"%0257d\"}", 0);
	assert_false(read_as(LEASE_PROGRESS, text));
	taken(0, "{\"lease\":\"1\",\"id\":\"" ID "\",\"outcome\":\"release\"}");
	assert_int_equal(c.act, LEASE_RELEASE);
	assert_int_equal(c.id.b[15], 0x71);
}

/* --- asking --- */

static void what_is_asked(void **state)
{
	(void)state;
	taken(LEASE_COMPLETE, "{\"lease\":\"5\",\"result\":\"yes\",\"log\":\"said\"}");
	c.id.b[15] = 7;
	lease_ask(&c);
	struct request_finish f = finish_asked();
	assert_true(f.outcome == JOB_OUTCOME_SUCCEEDED && f.token == 5 && f.id.b[15] == 7 && f.result_len == 3 && f.log_len == 4);
	assert_memory_equal(asked.bytes + sizeof(f), "yessaid", 7);
	assert_int_equal(ndone, 0);
	pending_answer(&(struct request_result){ .tag = asked.tag, .rc = STORE_OK, .state = JOB_SUCCEEDED });
	assert_true(ndone == 1 && c.rc == STORE_OK && c.state == JOB_SUCCEEDED);
	pending_answer(&(struct request_result){ .tag = asked.tag, .rc = STORE_STALE });       /* twice: nobody's */
	assert_true(ndone == 1 && c.rc == STORE_OK);

	taken(LEASE_FAIL, "{\"lease\":\"5\",\"error\":\"no\"}");
	lease_ask(&c);
	f = finish_asked();
	assert_true(f.outcome == JOB_OUTCOME_FAILED && f.error_len == 2);
	pending_answer(&(struct request_result){ .tag = asked.tag, .rc = STORE_OK, .state = JOB_RETRYING, .run_at_ms = T0 + 1000 });
	assert_int_equal(c.at_ms, T0 + 1000);

	taken(LEASE_RELEASE, "{\"lease\":\"5\"}");
	lease_ask(&c);
	assert_int_equal(finish_asked().outcome, JOB_OUTCOME_RELEASED);
	pending_answer(&(struct request_result){ .tag = asked.tag, .rc = STORE_STALE });
	assert_int_equal(c.rc, STORE_STALE);

	taken(LEASE_EXTEND, "{\"lease\":\"5\",\"by\":60}");
	lease_ask(&c);
	assert_int_equal(asked.op, REQUEST_EXTEND);
	pending_answer(&(struct request_result){ .tag = asked.tag, .rc = STORE_OK, .at_ms = 60000 });
	assert_int_equal(c.at_ms, 60000);

	taken(LEASE_PROGRESS, "{\"lease\":\"5\",\"percent\":50,\"message\":\"half\"}");
	lease_ask(&c);
	assert_int_equal(asked.op, REQUEST_PROGRESS);
	assert_memory_equal(asked.bytes + asked.n - 4, "half", 4);
	pending_answer(&(struct request_result){ .tag = asked.tag, .rc = STORE_OK });
	assert_int_equal(ndone, 5);
}

/* A long result and a long log go up first, one after the other. */
static void long_ones_are_staged(void **state)
{
	static char text[20000];

	(void)state;
	snprintf(text, sizeof(text), "{\"lease\":\"5\",\"result\":\"r%05000dR\",\"log\":\"l%06000dL\"}", 0, 0);
	taken(LEASE_COMPLETE, text);
	lease_ask(&c);
	assert_true(nasked == 0 && staged.n == 5002 && staged.first == 'r' && staged.last == 'R');
	staged.ready(staged.arg, 11, STORE_OK);
	assert_true(nasked == 0 && staged.n == 6002 && staged.first == 'l' && staged.last == 'L');
	staged.ready(staged.arg, 12, STORE_OK);
	struct request_finish f = finish_asked();
	assert_true(f.result_blob == 11 && f.log_blob == 12 && f.result_len == 5002 && f.log_len == 6002);
	pending_answer(&(struct request_result){ .tag = asked.tag, .rc = STORE_OK });
	assert_int_equal(ndone, 1);

	taken(LEASE_COMPLETE, text);
	lease_ask(&c);
	staged.ready(staged.arg, 0, STORE_NO_SPACE);
	assert_true(ndone == 2 && c.rc == STORE_NO_SPACE && nasked == 1);
	taken(LEASE_COMPLETE, text);
	lease_ask(&c);
	staged.ready(staged.arg, 13, STORE_OK);
	staged.ready(staged.arg, 0, STORE_NO_SPACE);
	assert_true(ndone == 3 && c.rc == STORE_NO_SPACE && nasked == 1);
}

static void nothing_can_be_asked(void **state)
{
	static const enum lease_act acts[] = { LEASE_COMPLETE, LEASE_FAIL, LEASE_RELEASE, LEASE_EXTEND };
	static char text[6000];

	(void)state;
	no_room = true;
	for (unsigned i = 0; i < 4; i++) {
		taken(acts[i], "{\"lease\":\"5\"}");
		lease_ask(&c);
		assert_true(ndone == i + 1 && c.rc == STORE_NO_MEMORY);
	}
	snprintf(text, sizeof(text), "{\"lease\":\"5\",\"result\":\"%05000d\"}", 0);
	taken(LEASE_COMPLETE, text);
	lease_ask(&c);
	assert_true(ndone == 5 && c.rc == STORE_NO_MEMORY);
}

/* --- looking --- */

static void what_is_there(void **state)
{
	struct job_text queue;
	struct store_reader *reader = api.reader;

	(void)state;
	taken(LEASE_COMPLETE, "{\"lease\":\"5\",\"result\":[1,2,3]}");
	assert_int_equal(lease_look(&c, &queue), STORE_NOT_FOUND);
	api.reader = NULL;
	assert_int_equal(lease_look(&c, &queue), STORE_BUSY);
	api.reader = reader;
	c.id = submit_type("email", "", "low").id;
	conf_handlers[0].max_output = 4;
	assert_int_equal(lease_look(&c, &queue), STORE_OK);
	assert_true(queue.n == 3 && memcmp(queue.p, "low", 3) == 0);
	/* more than its type may have is cut, and is no JSON any more */
	buf_is(&c.result, "[1,2");
	assert_int_equal(c.finish.flags, REQUEST_FINISH_REMOTE | REQUEST_FINISH_RESULT_CUT);
	conf_handlers[0].max_output = 1 << 20;
	/* nobody elsewhere holds it */
	struct job_id id = c.id;
	taken(LEASE_PROGRESS, "{\"lease\":\"5\",\"percent\":1}");
	c.id = id;
	assert_int_equal(lease_look(&c, &queue), STORE_STALE);
	c.token = claim_next().lease_token;
	assert_int_equal(lease_look(&c, &queue), STORE_STALE);
}

/* --- answering --- */

static void said(const char *want)
{
	struct buf b = { 0 };
	char all[300];

	lease_put(&b, &c);
	snprintf(all, sizeof(all), "\"id\":\"" ID "\"%s", want);
	buf_is(&b, all);
	buf_free(&b);
}

static void what_is_answered(void **state)
{
	static const struct { int rc, status; } of[] = { { STORE_OK, 200 }, { STORE_REPLAYED, 200 }, { STORE_NOT_FOUND, 404 }, { STORE_STALE, 409 }, { STORE_INVALID, 400 }, { STORE_NO_SPACE, 507 },
		{ STORE_BUSY, 503 }, { STORE_NO_MEMORY, 503 }, { STORE_DAMAGED, 503 } };
	char why[300];

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		c.rc = of[i].rc;
		assert_int_equal(lease_status(c.rc), of[i].status);
		lease_explain(&c, why, sizeof(why));
		assert_true(strlen(why) > 10);
	}
	taken(0, "{\"lease\":\"1\",\"outcome\":\"complete\",\"id\":\"" ID "\"}");
	c.state = JOB_SUCCEEDED;
	said(",\"state\":\"succeeded\"");
	c.state = JOB_RETRYING;
	c.at_ms = T0;
	said(",\"state\":\"retrying\",\"run_at\":\"2025-11-21T20:40:59.123Z\"");
	c.act = LEASE_EXTEND;
	c.at_ms = 1000;
	said(",\"lease_expires_at\":\"2025-11-21T20:41:00.123Z\"");
	c.act = LEASE_PROGRESS;
	c.state = JOB_NONE;
	said(",\"state\":\"running\"");
	c.rc = STORE_STALE;
	said("");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(what_is_refused), CASE(foreign_leases), CASE(results), CASE(failures), CASE(signs_of_life), CASE(what_is_asked), CASE(long_ones_are_staged), CASE(nothing_can_be_asked),
		CASE(what_is_there), CASE(what_is_answered) };

	return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
