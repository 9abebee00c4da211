/* The calls that carry a lease with a store behind them: a keeper that does what is asked, all of it in one commit, and a worker that has claimed a job. */
#ifndef STINT_TESTS_HTTP_LEASE_TEST_H
#define STINT_TESTS_HTTP_LEASE_TEST_H

#include "api_test.h"

#include "http/members.h"
#include "http/pending.h"
#include "text/uuid.h"

#define UNKNOWN "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071"

/* --- the keeper: does what was asked, all of it in one commit --- */
#define ASKED_MAX 1000
static struct asked { enum request_op op; uint64_t tag; char bytes[600]; } asked[ASKED_MAX];
static unsigned nasked, ncommits;
static bool no_room;
static int says;                        /* in place of what the store would say; STORE_OK: nothing */
static int64_t boot_ms;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	size_t at = 0;

	(void)b;
	if (no_room)
		return -1;
	assert_true(nasked < ASKED_MAX);
	asked[nasked].op = op;
	asked[nasked].tag = tag;
	for (unsigned i = 0; i < n; at += piece[i++].n) {
		assert_true(at + piece[i].n <= sizeof(asked[0].bytes));
		if (piece[i].n)
			memcpy(asked[nasked].bytes + at, piece[i].p, piece[i].n);
	}
	nasked++;
	return 0;
}

int ask_stage(struct ask_box *b, const void *bytes, size_t n, ask_staged_fn ready, void *arg)
{
	uint64_t blob = 0;

	(void)b;
	if (no_room)
		return -1;
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	enum store_rc rc = says ? (enum store_rc)says : store_stage(store, api.slot, 1, 0, 0, (struct job_text){ bytes, n }, &blob);
	assert_int_equal(store_commit(store), STORE_OK);
	ready(arg, blob, rc);
	return 0;
}

static enum store_rc finish_it(const char *bytes, struct request_result *r)
{
	struct request_finish m;
	struct store_ended then = { .state = JOB_NONE };

	memcpy(&m, bytes, sizeof(m));
	assert_true(m.flags & REQUEST_FINISH_REMOTE);
	const char *result = bytes + sizeof(m), *error = result + (m.result_blob ? 0 : m.result_len), *log = error + m.error_len;
	struct store_finish f = { .id = m.id, .token = m.token, .outcome = (enum job_outcome)m.outcome, .exit_code = m.exit_code, .term_signal = m.term_signal, .no_retry = m.flags & REQUEST_FINISH_NO_RETRY,
		.result_cut = m.flags & REQUEST_FINISH_RESULT_CUT, .result_json = m.flags & REQUEST_FINISH_RESULT_JSON, .retry_in_ms = m.retry_in_ms, .result_blob = m.result_blob, .result_len = m.result_len,
		.log_blob = m.log_blob, .log_len = m.log_len, .error = { error, m.error_len }, .result = { m.result_blob ? NULL : result, m.result_blob ? 0 : m.result_len }, .log = { log, m.log_blob ? 0 : m.log_len } };
	enum store_rc rc = store_finish_remote(store, &f, &then);
	r->state = then.state;
	r->run_at_ms = then.run_at_ms;
	return rc;
}

static enum store_rc apply(const struct asked *a, struct request_result *r)
{
	struct request_extend e;
	struct request_progress p;

	if (says)
		return (enum store_rc)says;
	switch (a->op) {
	case REQUEST_FINISH:
		return finish_it(a->bytes, r);
	case REQUEST_EXTEND:
		memcpy(&e, a->bytes, sizeof(e));
		return store_extend(store, e.id, e.token, e.by_ms, boot_ms, &r->at_ms);
	default:
		assert_int_equal(a->op, REQUEST_PROGRESS);
		memcpy(&p, a->bytes, sizeof(p));
		return store_progress(store, p.id, p.token, p.percent, (struct job_text){ a->bytes + sizeof(p), p.message_len });
	}
}

static void keeper_runs(void)
{
	static struct request_result results[ASKED_MAX];
	unsigned n = nasked;

	nasked = 0;
	if (n == 0)
		return;
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	for (unsigned i = 0; i < n; i++) {
		results[i] = (struct request_result){ .tag = asked[i].tag };
		results[i].rc = apply(&asked[i], &results[i]);
	}
	assert_int_equal(store_commit(store), STORE_OK);
	ncommits++;
	for (unsigned i = 0; i < n; i++)
		pending_answer(&results[i]);
}

/* --- a worker --- */
static struct http_request q;
static struct job job;
static char id[UUID_TEXT_BYTES], lease[24];             /* of the job that was claimed last */

static const struct { const char *name; void (*handle)(struct http_request *q); } calls[] = {
	{ "complete", api_lease_complete }, { "fail", api_lease_fail }, { "extend", api_lease_extend }, { "progress", api_lease_progress }, { "release", api_lease_release },
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))
#define LEAST(name) (strcmp(name, "progress") == 0 ? ",\"percent\":1" : "")

static void say_of(const char *to, const char *call, const char *body)
{
	static char path[100];

	answer_clear();
	snprintf(path, sizeof(path), "/jobs/%s/%s", to, call);
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .path = slice_of(path), .arg = { slice_of(to) }, .body = slice_of(body), .token = q.token };
	for (size_t i = 0; i < CALLS; i++)
		if (strcmp(calls[i].name, call) == 0)
			calls[i].handle(&q);
	keeper_runs();
	assert_int_equal(answer.answers, 1);
}

/* Of the job at hand with its lease; `more`: members after it. */
static void say(const char *call, const char *more)
{
	static char body[40000];

	snprintf(body, sizeof(body), "{\"lease\":\"%s\"%s}", lease, more);
	say_of(id, call, body);
}

static bool not_here(void *arg, struct job_text type) { (void)arg, (void)type; return false; }

static void claim(int64_t lease_ms)
{
	static const struct job_text email = TEXT("email");
	struct store_pick pick = { .type = &email, .ntypes = 1 };
	struct store_lease l = { .worker = TEXT("far:1"), .lease_ms = lease_ms, .boot_ms = boot_ms };
	struct store_claimed c;

	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_claim_remote(store, &pick, &l, &c), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	job = c.job;
	uuid_format(job.id.b, id);
	snprintf(lease, sizeof(lease), "%llu", (unsigned long long)job.lease_token);
}

static void claimed(const char *queue)
{
	submit_type("email", "", queue);
	claim(30000);
}

static void cancel(void)
{
	struct job out;

	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_act(store, job.id, STORE_ACT_CANCEL, &out), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
}

static enum job_state state_of_it(void)
{
	struct job now;

	assert_int_equal(store_read_begin(api.reader), STORE_OK);
	assert_int_equal(store_get(api.reader, job.id, &now, NULL), STORE_OK);
	store_read_end(api.reader);
	return now.state;
}

/* The body is {"id":..., and then this. */
static void is_answered(const char *rest)
{
	char want[200];

	snprintf(want, sizeof(want), "{\"id\":\"%s\",%s}", id, rest);
	if (answer.status != 200 || strcmp(answer.body, want) != 0)
		fail_msg("%d %s, not %s", answer.status, answer.status == 200 ? answer.body : answer.detail, want);
	assert_string_equal(answer.content_type, "application/json");
}

static void is_refused(int status, const char *field, const char *text)
{
	if (answer.status != status || strcmp(answer.field, field) != 0 || !strstr(answer.detail, text))
		fail_msg("%d \"%s\": %s", answer.status, answer.field, answer.detail);
}

static int begin(void **state)
{
	static const struct store_rules rules = { .runs_here = not_here, .weight = rules_one, .max_crashes = rules_ten };
	int rc = api_setup(state);

	store_rules(store, &rules);
	conf_handlers[0].kind = CONF_HANDLER_REMOTE;
	conf_handlers[0].max_output = 65536;
	no_room = false;
	says = STORE_OK;
	nasked = ncommits = 0;
	boot_ms = 1000;
	q.token = NULL;
	return rc;
}

#endif
