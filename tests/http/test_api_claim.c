/* POST /claims: what a claim may say and what is said of any other, what is asked of the keeper, and the jobs that it is answered with. */
#include "api_test.h"

#include "http/claim.h"
#include "http/pending.h"
#include "text/uuid.h"

/* --- the keeper --- */
static struct { unsigned n; uint64_t tag; struct request_claim claim; char texts[20000]; size_t texts_n; struct request_finish finish; } asked;
static bool no_room;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b;
	if (no_room)
		return -1;
	asked.n++;
	asked.tag = tag;
	if (op == REQUEST_FINISH) {
		assert_int_equal(n, 1);
		memcpy(&asked.finish, piece[0].p, sizeof(asked.finish));
		return 0;
	}
	assert_int_equal(op, REQUEST_CLAIM);
	assert_true(n == 2 && piece[1].n <= sizeof(asked.texts));
	memcpy(&asked.claim, piece[0].p, sizeof(asked.claim));
	asked.texts_n = piece[1].n;
	if (piece[1].n)
		memcpy(asked.texts, piece[1].p, piece[1].n);
	return 0;
}

static void keeper_answers(int rc)
{
	pending_answer(&(struct request_result){ .tag = asked.tag, .rc = rc });
}

static bool not_here(void *arg, struct job_text type) { (void)arg, (void)type; return false; }
static const struct store_rules remote_rules = { .runs_here = not_here, .weight = rules_one, .max_crashes = rules_ten };

/* Leases one of those jobs for the claim at hand, as the keeper does. */
static struct job give(const char *type)
{
	struct job_text one = { type, strlen(type) };
	struct store_pick pick = { .type = &one, .ntypes = 1 };
	struct store_lease lease = { .worker = TEXT("far:1"), .lease_ms = asked.claim.lease_ms, .boot_ms = 1000 };
	struct store_claimed c;
	uint32_t index = 0;

	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_claim_remote(store, &pick, &lease, &c), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	assert_true(handout_room(&seg, api.slot, &index));
	handout_write(&seg, api.slot, index, &(struct handout){ .claim = asked.claim.claim, .token = c.job.lease_token, .id = c.job.id });
	handout_publish(&seg, api.slot);
	return c.job;
}

/* --- a client --- */
static struct http_request q;

static void post_bytes(struct slice body)
{
	answer_clear();
	asked.n = 0;
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .path = SLICE("/claims"), .body = body, .token = q.token };
	api_claims(&q);
}

static void post(const char *body)
{
	post_bytes(slice_of(body));
}

static void refused(const char *body, int status, const char *field, const char *says)
{
	post(body);
	assert_int_equal(asked.n, 0);
	assert_int_equal(claims_open(), 0);
	if (answer.answers != 1 || answer.status != status || strcmp(answer.field, field) != 0 || !strstr(answer.detail, says))
		fail_msg("%.200s: %u answers, %d \"%s\": %s", body, answer.answers, answer.status, answer.field, answer.detail);
}

/* The keeper is asked, and has nothing. */
static void taken(const char *body)
{
	post(body);
	if (asked.n != 1 || answer.answers)
		fail_msg("%.200s: %d %s: %s", body, answer.status, answer.field, answer.detail);
	if (asked.claim.flags & REQUEST_CLAIM_ONCE) {
		keeper_answers(STORE_OK);
	} else {
		keeper_answers(STORE_OK);
		assert_int_equal(answer.answers, 0);
		fake_pass(CLAIM_WAIT_MAX_MS);
		keeper_answers(STORE_OK);               /* to its end */
	}
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "{\"jobs\":[]}");
	assert_int_equal(claims_open(), 0);
}

/* "{"types":["a"],MEMBER}" */
static const char *with(const char *member)
{
	static char text[400];

	snprintf(text, sizeof(text), "{\"types\":[\"far\"],%s}", member);
	return text;
}

/* {"types":["far"],"NAME":[n names of `bytes` bytes]}; types are said once. */
static const char *names(const char *name, unsigned n, unsigned bytes)
{
	static char text[40000];
	size_t at = (size_t)snprintf(text, sizeof(text), strcmp(name, "types") == 0 ? "{\"%s\":[" : "{\"types\":[\"far\"],\"%s\":[", name);

	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\"%0*u\"", i ? "," : "", (int)bytes, i);
	snprintf(text + at, sizeof(text) - at, "]}");
	return text;
}

/* --- what is asked --- */

static void bad_bodies(void **state)
{
	(void)state;
	refused("", 400, "", "the body is empty; a claim such as");
	refused("{\"types\":\n[\"a\",]}", 400, "", "line 2, column");
	refused("[\"far\"]", 400, "", "must be a JSON object: a claim such as");
	refused("7", 400, "", "must be a JSON object");
	refused("{\"types\":[\"far\"],\"types\":[\"far\"]}", 400, "", "twice");
	refused(with("\"max\":123456789012345678901234567890"), 400, "", "beyond 64 bits");
	refused(with("\"worker\":\"a\\u0000b\""), 400, "", "U+0000");
	refused(with("\"typ\":1"), 400, "typ", "there is no \"typ\" here; a claim has types, queues, max, lease, wait and worker");
	refused("{}", 400, "types", "must be an array");
	refused("{\"max\":5}", 400, "types", "must be an array");
	post_bytes(SLICE("{\"types\":[\"far\"]}\0"));
	assert_int_equal(answer.status, 400);
}

static void bad_names(void **state)
{
	static const char *const types[] = { "\"\"", "7", "null", "\"a b\"", "\"b\xc3\xa4r\"", "\"a\\n\"", "[\"far\"]", "\"a*\"" }, *const queues[] = { "\"\"", "7", "\"a\\tb\"", "\"\\u007f\"" };
	char text[100];

	(void)state;
	refused("{\"types\":\"far\"}", 400, "types", "an array of 1 to 64 names");
	refused("{\"types\":[]}", 400, "types", "an array of 1 to 64 names");
	refused(with("\"queues\":[]"), 400, "queues", "an array of 1 to 64 names");
	refused(with("\"queues\":{\"a\":1}"), 400, "queues", "an array of 1 to 64 names");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(text, sizeof(text), "{\"types\":[\"far\",%s]}", types[i]);
		refused(text, 400, "types[1]", "letters, digits");
	}
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		snprintf(text, sizeof(text), "\"queues\":[\"a b\",\"\xc3\xa4\",%s]", queues[i]);
		refused(with(text), 400, "queues[2]", "control characters");
	}
	refused(names("types", 65, 3), 400, "types", "1 to 64");
	refused(names("queues", 65, 3), 400, "queues", "1 to 64");
	refused(names("types", 2, 129), 400, "types[0]", "1 to 128");
	refused(names("queues", 2, 129), 400, "queues[0]", "1 to 128");
	taken(names("types", 64, 128));
	taken(names("queues", 64, 128));
	assert_true(asked.claim.ntypes == 1 && asked.claim.nqueues == 64 && asked.texts_n == 4 + 64 * 129);
}

static void bad_values(void **state)
{
	static const struct { const char *field, *values[12]; const char *says; } bad[] = {
		{ "max", { "0", "1001", "-1", "1.5", "10.0", "\"10\"", "null", "true", "9223372036854775807" }, "a whole number from 1 to 1000" },
		{ "lease", { "0", "0.999", "86400.001", "\"999ms\"", "\"24h1s\"", "\"25h\"", "\"2d\"", "-30", "\"-30s\"", "\"soon\"", "true", "1e308" }, "from 1s to 1d" },
		{ "wait", { "-1", "-0.001", "600.001", "\"601s\"", "\"11m\"", "\"\"", "\"soon\"", "null", "[]", "1e308" }, "at most 10m" },
		{ "worker", { "7", "null", "[\"a\"]", "\"01234567890123456789012345678901234567890123456789012345678901234\"" }, "at most 64 bytes" },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t j = 0; j < 12 && bad[i].values[j]; j++) {
			snprintf(text, sizeof(text), "\"%s\":%s", bad[i].field, bad[i].values[j]);
			refused(with(text), 400, bad[i].field, bad[i].says);
		}
}

static void is_asked(uint32_t max, int64_t lease_ms, uint32_t flags)
{
	assert_int_equal(asked.claim.max, max);
	assert_int_equal(asked.claim.lease_ms, lease_ms);
	assert_int_equal(asked.claim.flags, flags);
}

static void good_values(void **state)
{
	static const struct { const char *text; int64_t ms; } leases[] = { { "1", 1000 }, { "\"1s\"", 1000 }, { "1.5", 1500 }, { "\"5m\"", 300000 }, { "86400", 86400000 }, { "\"1d\"", 86400000 } };
	static const char *const waits[] = { "0.001", "600", "\"10m\"", "\"250ms\"" }, *const none[] = { "0", "0.0", "\"0s\"" };
	char text[100];

	(void)state;
	post("{\"types\":[\"far\"]}");
	is_asked(1, 30000, REQUEST_CLAIM_ONCE);
	keeper_answers(STORE_OK);
	taken(with("\"max\":1"));
	post(with("\"max\":1000"));
	is_asked(1000, 30000, REQUEST_CLAIM_ONCE);
	keeper_answers(STORE_OK);
	for (size_t i = 0; i < sizeof(leases) / sizeof(leases[0]); i++) {
		snprintf(text, sizeof(text), "\"lease\":%s", leases[i].text);
		post(with(text));
		is_asked(1, leases[i].ms, REQUEST_CLAIM_ONCE);
		keeper_answers(STORE_OK);
	}
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		snprintf(text, sizeof(text), "\"wait\":%s", waits[i]);
		taken(with(text));
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		snprintf(text, sizeof(text), "\"wait\":%s", none[i]);
		post(with(text));
		is_asked(1, 30000, REQUEST_CLAIM_ONCE);
		keeper_answers(STORE_OK);
		assert_int_equal(answer.answers, 1);
	}
	taken(with("\"worker\":\"\""));
	taken(with("\"worker\":\"0123456789012345678901234567890123456789012345678901234567890123\""));
	assert_true(asked.claim.worker_len == 64 && asked.texts_n == 64 + 4);
}

/* The worker's name, then each type and each queue with its length before it. */
static void what_the_keeper_is_told(void **state)
{
	(void)state;
	taken("{\"queues\":[\"q 1\",\"\xc3\xa4\"],\"worker\":\"host:1\",\"types\":[\"far\",\"a.b:c/d-e_F\"]}");
	assert_true(asked.claim.worker_len == 6 && asked.claim.ntypes == 2 && asked.claim.nqueues == 2);
	assert_int_equal(asked.texts_n, 6 + 4 + 12 + 4 + 3);
	assert_memory_equal(asked.texts, "host:1\3far\13a.b:c/d-e_F\3q 1\2\xc3\xa4", asked.texts_n);
}

/* A type is run here or elsewhere, never both; one that nothing is known of is refused where such jobs are. */
static void types_that_are_not_handed_out(void **state)
{
	static const enum conf_handler_kind here[] = { CONF_HANDLER_EXEC, CONF_HANDLER_COPROCESS, CONF_HANDLER_HTTP, CONF_HANDLER_SMTP, CONF_HANDLER_BUILTIN };

	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		conf_handlers[1].kind = here[i];
		refused("{\"types\":[\"far\",\"t.x\"]}", 422, "types[1]", "remote = true");
	}
	conf_handlers[1].kind = CONF_HANDLER_REMOTE;
	taken("{\"types\":[\"far\",\"t.x\"]}");
	conf_handlers[1].kind = CONF_HANDLER_NONE;
	taken("{\"types\":[\"t.x\"]}");
	conf.unknown_types = CONF_UNKNOWN_REJECT;
	refused("{\"types\":[\"t.x\",\"far\"]}", 422, "types[1]", "unknown_types = accept");
	taken("{\"types\":[\"t.x\"]}");
}

/* --- who asks --- */

static void tokens(void **state)
{
	static char some[] = "mail\0video", many[65 * 4], name_two[] = "two", name_lots[] = "lots", name_all[] = "all";
	static struct conf_token two = { .name = name_two, .roles = CONF_ROLE_WORK, .queues = some, .queues_bytes = sizeof(some) };
	static struct conf_token lots = { .name = name_lots, .roles = CONF_ROLE_WORK, .queues = many, .queues_bytes = sizeof(many) }, all = { .name = name_all, .roles = CONF_ROLE_WORK };

	(void)state;
	for (unsigned i = 0; i < 65; i++)
		snprintf(many + i * 4, 4, "%03u", i);
	q.token = &two;
	refused(with("\"queues\":[\"mail\",\"other\"]"), 403, "queues[1]", "the token two is not for the queue \"other\"");
	taken(with("\"queues\":[\"video\"]"));
	assert_int_equal(asked.claim.nqueues, 1);
	/* where it names none, its own are meant and no other */
	taken("{\"types\":[\"far\"]}");
	assert_true(asked.claim.nqueues == 2 && asked.texts_n == 15);
	assert_memory_equal(asked.texts, "\3far\4mail\5video", 15);
	q.token = &lots;
	refused("{\"types\":[\"far\"]}", 400, "queues", "more than 64 queues");
	taken(with("\"queues\":[\"064\"]"));
	lots.queues_bytes -= 4;
	taken("{\"types\":[\"far\"]}");
	assert_int_equal(asked.claim.nqueues, 64);
	q.token = &all;
	taken("{\"types\":[\"far\"]}");
	assert_int_equal(asked.claim.nqueues, 0);
}

static void not_now(void **state)
{
	static const struct { int rc, status; } says[] = { { STORE_NO_SPACE, 507 }, { STORE_BUSY, 503 }, { STORE_IO, 503 }, { STORE_NO_MEMORY, 503 } };

	(void)state;
	api.draining = true;
	refused("{\"types\":[\"far\"]}", 503, "", "drains");
	refused("not even read", 503, "", "drains");
	api.draining = false;
	/* this process alone goes: what is there now is given, and nothing is waited for */
	fake_draining = true;
	post(with("\"wait\":\"10s\""));
	is_asked(1, 30000, REQUEST_CLAIM_ONCE);
	keeper_answers(STORE_OK);
	assert_string_equal(answer.body, "{\"jobs\":[]}");
	fake_draining = false;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		post("{\"types\":[\"far\"]}");
		keeper_answers(says[i].rc);
		assert_true(answer.answers == 1 && answer.status == says[i].status && strstr(answer.detail, "nothing can be claimed now"));
	}
	no_room = true;
	refused("{\"types\":[\"far\"]}", 503, "", "memory");
}

/* --- what is answered --- */

/* @ stands for the job's id, # for its lease. */
static void answer_is(const char *want, const struct job *job)
{
	struct buf text = { 0 };
	char id[UUID_TEXT_BYTES];

	uuid_format(job->id.b, id);
	for (; *want; want++) {
		if (*want == '@')
			buf_str(&text, id);
		else if (*want == '#')
			buf_u64(&text, job->lease_token);
		else
			buf_char(&text, *want);
	}
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.content_type, "application/json");
	assert_string_equal(answer.body, buf_cstr(&text));
	buf_free(&text);
	q.sent->fn(q.sent, true);
}

static void whole_jobs(void **state)
{
	struct job_spec spec = { .type = TEXT("far"), .queue = TEXT("q\"1"), .name = TEXT("a \xc3\xa4"), .trace = TEXT("00-11111111111111111111111111111111-2222222222222222-00"), .tag = { TEXT("x"), TEXT("y\n") },
		.ntags = 2, .priority = -7, .max_retries = 4, .timeout_ms = 1500, .payload = TEXT("{\"n\" : 1e999, \"s\":[ ]}"), .payload_len = 22, .backoff = { 1000, 1000, 2000, 0 } };
	struct job job;

	(void)state;
	submit_spec(&spec);
	post(with("\"lease\":\"90s\""));
	job = give("far");
	keeper_answers(STORE_OK);
	answer_is("{\"jobs\":[{\"id\":\"@\",\"type\":\"far\",\"queue\":\"q\\\"1\",\"name\":\"a \xc3\xa4\",\"priority\":-7,\"attempt\":1,\"max_attempts\":5,\"lease\":\"#\","
		"\"lease_expires_at\":\"2025-11-21T20:42:29.123Z\",\"timeout\":1.5,\"trace\":\"00-11111111111111111111111111111111-2222222222222222-00\",\"tags\":[\"x\",\"y\\n\"],"
		"\"payload\":{\"n\" : 1e999, \"s\":[ ]}}]}", &job);
	/* the least that one has */
	spec = (struct job_spec){ .type = TEXT("far"), .queue = TEXT("default"), .payload = TEXT("null"), .payload_len = 4, .backoff = { 1000, 1000, 2000, 0 } };
	submit_spec(&spec);
	post("{\"types\":[\"far\"]}");
	job = give("far");
	keeper_answers(STORE_OK);
	answer_is("{\"jobs\":[{\"id\":\"@\",\"type\":\"far\",\"queue\":\"default\",\"priority\":0,\"attempt\":1,\"max_attempts\":1,\"lease\":\"#\",\"lease_expires_at\":\"2025-11-21T20:41:29.123Z\",\"payload\":null}]}", &job);
	/* a raw body, which may be any bytes */
	spec.content_type = (struct job_text)TEXT("image/png");
	spec.payload = (struct job_text){ "\x89PN\0\xff", 5 };
	spec.payload_len = 5;
	submit_spec(&spec);
	post("{\"types\":[\"far\"]}");
	job = give("far");
	keeper_answers(STORE_OK);
	answer_is("{\"jobs\":[{\"id\":\"@\",\"type\":\"far\",\"queue\":\"default\",\"priority\":0,\"attempt\":1,\"max_attempts\":1,\"lease\":\"#\",\"lease_expires_at\":\"2025-11-21T20:41:29.123Z\","
		"\"content_type\":\"image/png\",\"payload_base64\":\"iVBOAP8=\"}]}", &job);
}

/* What has happened to a job between its lease and the answer is seen: it is left out and its lease given back, the others are given. */
static void a_job_that_is_gone(void **state)
{
	struct job first, second, out;

	(void)state;
	submit_type("far", "", "default");
	submit_type("far", "", "default");
	post(with("\"max\":2"));
	first = give("far");
	second = give("far");
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_act(store, first.id, STORE_ACT_CANCEL, &out), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	keeper_answers(STORE_OK);
	json_t *j = answer_json();
	assert_int_equal(json_array_size(at(j, "jobs")), 1);
	char token[24];
	snprintf(token, sizeof(token), "%llu", (unsigned long long)second.lease_token);
	string_is(json_array_get(at(j, "jobs"), 0), "lease", token);
	json_decref(j);
	assert_true(asked.n == 2 && asked.finish.token == first.lease_token && asked.finish.outcome == JOB_OUTCOME_RELEASED);
	keeper_answers(STORE_STALE);
	q.sent->fn(q.sent, true);
}

static void nothing_can_be_read(void **state)
{
	struct store_reader *reader = api.reader;
	struct job job;

	(void)state;
	submit_type("far", "", "default");
	post("{\"types\":[\"far\"]}");
	job = give("far");
	api.reader = NULL;
	keeper_answers(STORE_OK);
	api.reader = reader;
	assert_true(answer.answers == 1 && answer.status == 503);
	assert_true(asked.n == 2 && asked.finish.token == job.lease_token);
	keeper_answers(STORE_OK);
}

/* One segment for all: the table of who waits is the process's, and lives as long. */
static int begin(void **state)
{
	int rc = api_setup(state);

	store_rules(store, &remote_rules);
	return rc;
}

static int each(void **state)
{
	(void)state;
	conf_handlers[0].kind = CONF_HANDLER_EXEC;
	conf_handlers[1].kind = CONF_HANDLER_REMOTE;
	conf.unknown_types = CONF_UNKNOWN_ACCEPT;
	q.token = NULL;
	no_room = false;
	return 0;
}

#define CASE(f) cmocka_unit_test_setup(f, each)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(bad_bodies), CASE(bad_names), CASE(bad_values), CASE(good_values), CASE(what_the_keeper_is_told), CASE(types_that_are_not_handed_out), CASE(tokens), CASE(not_now), CASE(whole_jobs),
		CASE(a_job_that_is_gone), CASE(nothing_can_be_read),
	};

	return cmocka_run_group_tests_name("api_claim", tests, begin, api_teardown);
}
