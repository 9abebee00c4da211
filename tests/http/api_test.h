/* The answering half on its own: a wire that keeps the answer, a keeper that is asked in place, clocks that stand, a memory store and a segment.
 *
 * It defines what conn, reply, problem, request, ask, loop and clock would, so that none of them is linked. */
#ifndef STINT_TESTS_HTTP_API_TEST_H
#define STINT_TESTS_HTTP_API_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "http/http.h"
#include "http/reply.h"
#include "os/clock.h"

#define T0 1763757659123LL      /* 2025-11-21T20:40:59.123Z */
#define MAYBE __attribute__((unused))

/* --- clocks and timers --- */
static int64_t fake_wall_ms = T0, fake_loop_ns = 1000000000000LL;
static struct loop_timer *fake_timer[64];

int64_t clock_wall_ms(void) { return fake_wall_ms; }
int64_t loop_now(const struct loop *l) { (void)l; return fake_loop_ns; }

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	(void)l;
	for (size_t i = 0; i < 64; i++)
		if (fake_timer[i] == t)
			fake_timer[i] = NULL;
	t->place = 0;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ns)
{
	loop_timer_stop(l, t);
	t->due_ns = fake_loop_ns + delay_ns;
	for (size_t i = 0; i < 64; i++)
		if (!fake_timer[i]) {
			fake_timer[i] = t;
			t->place = i + 1;
			return;
		}
	fail_msg("more timers than this test has room for");
}

static MAYBE unsigned fake_timers(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < 64; i++)
		n += fake_timer[i] != NULL;
	return n;
}

/* Lets time pass, each timer that is due in its turn. */
static MAYBE void fake_pass(int64_t ms)
{
	int64_t until = fake_loop_ns + ms * 1000000;

	for (;;) {
		struct loop_timer *next = NULL;
		for (size_t i = 0; i < 64; i++)
			if (fake_timer[i] && fake_timer[i]->due_ns <= until && (!next || fake_timer[i]->due_ns < next->due_ns))
				next = fake_timer[i];
		if (!next)
			break;
		fake_loop_ns = next->due_ns > fake_loop_ns ? next->due_ns : fake_loop_ns;
		loop_timer_stop(NULL, next);
		next->fire(next);
	}
	fake_loop_ns = until;
}

/* --- the wire --- */
static struct {
	unsigned answers;
	int status;
	char content_type[128], field[96], detail[512], headers[2048];
	char *body;
	size_t n;
} answer;

static MAYBE void answer_clear(void)
{
	free(answer.body);
	memset(&answer, 0, sizeof(answer));
}

struct slice http_header(const struct http_request *q, const char *name)
{
	for (size_t i = 0; i < q->nheader; i++)
		if (slice_eq(q->header[i].name, name))
			return q->header[i].value;
	return (struct slice){ 0 };
}

struct slice http_query(const struct http_request *q, const char *name)
{
	for (size_t i = 0; i < q->nquery; i++)
		if (slice_eq(q->query[i].name, name))
			return q->query[i].value;
	return (struct slice){ 0 };
}

bool http_accepts(const struct http_request *q, const char *media_type)
{
	struct slice s = http_header(q, "accept");

	return s.p && memmem(s.p, s.n, media_type, strlen(media_type)) != NULL;
}

bool http_prefers(const struct http_request *q, const char *media_type, const char *other) { return http_accepts(q, media_type) && !http_accepts(q, other); }
void http_give_up(struct api *a) { (void)a; }
bool http_is_tls(const struct http_request *q) { (void)q; return false; }
void http_peer(const struct http_request *q, struct http_peer *out) { (void)q; *out = (struct http_peer){ { 127, 0, 0, 1 }, 4 }; }
void reply_header(struct http_request *q, const char *name, const char *value)
{
	size_t n = strlen(answer.headers);

	(void)q;
	snprintf(answer.headers + n, sizeof(answer.headers) - n, "%s: %s\n", name, value);
}

bool reply_instead(struct http_request *q, int status, const char *field, struct slice text)
{
	void (*fn)(struct http_request *q, int status, const char *field, struct slice text) = q->instead;

	q->instead = NULL;
	if (fn && status < 400)
		answer.headers[0] = '\0';
	if (fn)
		fn(q, status, field, text);
	return fn != NULL;
}

void reply_send(struct http_request *q, int status, const char *content_type, struct buf *body)
{
	if (reply_instead(q, status, NULL, body ? (struct slice){ body->data, body->len } : (struct slice){ 0 })) {
		if (body)
			buf_free(body);
		return;
	}
	answer.answers++;
	answer.status = status;
	snprintf(answer.content_type, sizeof(answer.content_type), "%s", content_type ? content_type : "");
	free(answer.body);
	answer.n = body ? body->len : 0;
	answer.body = malloc(answer.n + 1);
	if (answer.n)
		memcpy(answer.body, body->data, answer.n);
	answer.body[answer.n] = '\0';
	if (body) {
		assert_false(body->failed);
		buf_free(body);
	}
}

/* An answer that goes on: its bytes so far are answer.body; it counts as an answer from its end on. */
static struct { unsigned begun, ended, cut; size_t unsent; } live;

bool live_begin(struct http_request *q, int status, const char *content_type)
{
	free(answer.body);
	answer.body = calloc(1, 1);
	answer.n = 0;
	answer.status = status;
	snprintf(answer.content_type, sizeof(answer.content_type), "%s", content_type);
	live.begun++;
	return q->method != HTTP_M_HEAD;
}

static MAYBE unsigned body_wanted;      /* times that a handler asked for more of its body */
void http_body_more(struct http_request *q) { q->hold = false; body_wanted++; }
void live_add(struct http_request *q, struct slice bytes)
{
	if (q->gone)
		return;
	answer.body = realloc(answer.body, answer.n + bytes.n + 1);
	memcpy(answer.body + answer.n, bytes.p ? bytes.p : "", bytes.n);
	answer.n += bytes.n;
	answer.body[answer.n] = '\0';
}

size_t live_unsent(const struct http_request *q) { return q->gone ? 0 : live.unsent; }
void live_end(struct http_request *q) { (void)q; live.ended++; answer.answers++; }
void live_cut(struct http_request *q) { (void)q; live.cut++; answer.answers++; }
static bool fake_draining;
bool http_draining(const struct api *a) { (void)a; return fake_draining; }

/* Descriptors that are waited for. A test calls ready() itself. */
static struct loop_io *fake_io[16];

int loop_add(struct loop *l, struct loop_io *io, uint32_t events)
{
	(void)l;
	io->events = events;
	for (size_t i = 0; i < 16; i++)
		if (!fake_io[i]) {
			fake_io[i] = io;
			return 0;
		}
	return -1;
}

int loop_change(struct loop *l, struct loop_io *io, uint32_t events)
{
	(void)l;
	io->events = events;
	return 0;
}

void loop_del(struct loop *l, struct loop_io *io)
{
	(void)l;
	for (size_t i = 0; i < 16; i++)
		if (fake_io[i] == io)
			fake_io[i] = NULL;
}

void reply_json(struct http_request *q, int status, struct buf *body)
{
	reply_send(q, status, "application/json", body);
}

void reply_see_other(struct http_request *q, const char *where)
{
	reply_header(q, "Location", where);
	reply_send(q, 303, NULL, NULL);
}


void problem_send(struct http_request *q, int status, const char *field, const char *fmt, ...)
{
	char detail[sizeof(answer.detail)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	if (reply_instead(q, status, field, slice_of(detail)))
		return;
	answer.answers++;
	answer.status = status;
	snprintf(answer.content_type, sizeof(answer.content_type), "application/problem+json");
	snprintf(answer.field, sizeof(answer.field), "%s", field ? field : "");
	snprintf(answer.detail, sizeof(answer.detail), "%s", detail);
}

/* --- the store, the segment, the conf --- */
static struct segment seg;
static char seg_dir[512], seg_path[600];
static struct store *store;
static struct conf_queue conf_queues[] = { { .name = (char[]){ "default" }, .priority_aging = 60000 } };
static struct conf_handler conf_handlers[] = {
	{ .pattern = (char[]){ "email" }, .queue = (char[]){ "default" }, .timeout = 30000, .max_retries = 3, .backoff_base = 1000,
		.backoff_factor = 2, .backoff_max = 1048576000, .backoff_jitter = 0 },
	{ .pattern = (char[]){ "t.*" }, .queue = (char[]){ "default" }, .timeout = 30000, .max_retries = 0, .backoff_base = 1000,
		.backoff_factor = 2, .backoff_max = 1048576000 },
};
static struct conf conf = { .queue = conf_queues, .nqueue = 1, .handler = conf_handlers, .nhandler = 2 };
static struct api api = { .seg = &seg, .slot = 2, .conf = &conf, .version = "1.2.3" };

static bool fake_random(void *p, size_t n)
{
	memset(p, 7, n);
	return true;
}

static bool rules_yes(void *arg, struct job_text type) { (void)arg, (void)type; return true; }
static uint32_t rules_one(void *arg, struct job_text queue) { (void)arg, (void)queue; return 1; }
static uint32_t rules_ten(void *arg, struct job_text type) { (void)arg, (void)type; return 10; }

static MAYBE int api_setup(void **state)
{
	static const uint8_t boot[16] = { 1 };
	static const struct store_rules rules = { .runs_here = rules_yes, .weight = rules_one, .max_crashes = rules_ten };
	struct segment_plan plan = { .workers = 2, .worker_jobs = 4, .version = "1.2.3" };
	struct store_options opt = { .epoch = 1, .random = fake_random };
	enum store_rc rc;
	char why[256];
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(seg_dir, sizeof(seg_dir), "%s/stint-api-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(seg_dir));
	snprintf(seg_path, sizeof(seg_path), "%s/status.shm", seg_dir);
	assert_int_equal(segment_create(&seg, seg_path, &plan, 1, T0, boot), 0);
	store = store_open(&opt, &rc, why, sizeof(why));
	assert_non_null(store);
	store_rules(store, &rules);
	api.reader = store_reader_open(NULL, 0, store, &rc, why, sizeof(why));
	assert_non_null(api.reader);
	api.draining = false;
	fake_wall_ms = T0;
	answer_clear();
	return 0;
}

static MAYBE int api_teardown(void **state)
{
	(void)state;
	store_reader_close(api.reader);
	store_close(store);
	segment_close(&seg);
	unlink(seg_path);
	rmdir(seg_dir);
	answer_clear();
	memset(fake_timer, 0, sizeof(fake_timer));
	memset(fake_io, 0, sizeof(fake_io));
	memset(&live, 0, sizeof(live));
	fake_draining = false;
	return 0;
}

/* Everything is as it should be: the state that /readyz calls ready. */
static MAYBE void server_runs(void)
{
	static const enum shm_role roles[] = { SHM_ROLE_MASTER, SHM_ROLE_KEEPER, SHM_ROLE_ACCEPTOR };
	uint32_t worker = segment_worker_slot(&seg, 0);

	atomic_store(&seg.h->server_state, SHM_SERVER_RUNNING);
	for (uint32_t i = 0; i < 4; i++) {
		struct shm_proc *p = &seg.proc[i < 3 ? i : worker];
		atomic_store(&p->role, i < 3 ? (uint32_t)roles[i] : SHM_ROLE_WORKER);
		atomic_store(&p->state, SHM_PROC_RUNNING);
		atomic_store(&p->pid, 100 + (int32_t)i);
		atomic_store(&p->started_ms, T0 - 5000);
		atomic_store(&p->heartbeat_ns, fake_loop_ns);
		atomic_store(&p->rss_kb, 2048);
		atomic_store(&p->number, i < 3 ? 0 : 1);
	}
}

static MAYBE struct job submit_spec(const struct job_spec *spec)
{
	uint8_t bytes[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(spec, bytes, sizeof(bytes));
	struct job job;

	assert_true(n > 0);
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_submit(store, spec, bytes, n, &job), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	return job;
}

#define TEXT(s) { (s), sizeof(s) - 1 }
static MAYBE struct job submit_type(const char *type, const char *name, const char *queue)
{
	struct job_spec spec = { .type = { type, strlen(type) }, .queue = { queue, strlen(queue) }, .name = { name, strlen(name) },
		.payload = TEXT("{\"a\": 1}"), .payload_len = 8,
		.max_retries = 1, .timeout_ms = 30000, .backoff = { 1000, 1048576000, 2000, 0 } };

	return submit_spec(&spec);
}

static MAYBE struct job claim_next(void)
{
	struct store_owner owner = { .slot = segment_worker_slot(&seg, 0), .incarnation = 1, .pid = 4711 };
	struct store_claimed c;

	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_claim(store, &owner, 1, true, &c), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	return c.job;
}

static MAYBE void finish(const struct job *j, enum job_outcome outcome, const char *result, const char *error)
{
	struct store_finish f = { .id = j->id, .token = j->lease_token, .outcome = outcome, .exit_code = outcome == JOB_OUTCOME_SUCCEEDED ? 0 : 1,
		.started_ms = fake_wall_ms,
		.duration_us = 2500, .cpu_us = 1500, .max_rss_kb = 4096, .retry_in_ms = -1, .result_json = result && result[0] == '{',
		.result = { result, result ? strlen(result) : 0 }, .result_len = result ? strlen(result) : 0, .error = { error, error ? strlen(error) : 0 } };
	struct job out;

	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_finish(store, &f, &out), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
}

/* --- a body that is handed over as it comes --- */
static MAYBE void body_comes(struct http_request *q, const char *text, size_t n, bool last)
{
	char *copy = malloc(n + 1);     /* of its own size, so that a step beyond is seen */

	assert_non_null(copy);
	memcpy(copy, text, n);
	q->on_body(q, (struct slice){ copy, n }, last);
	free(copy);
}

/* --- looking at answers --- */
static MAYBE json_t *answer_json(void)
{
	json_error_t err;
	json_t *j = json_loadb(answer.body ? answer.body : "", answer.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &err);

	if (!j)
		fail_msg("not JSON: %s: %s", err.text, answer.body);
	return j;
}

/* A member by its path, "queue_ms.p50". NULL where there is none. */
static MAYBE const json_t *at(const json_t *j, const char *path)
{
	char name[128];

	while (j && *path) {
		size_t n = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		j = json_object_get(j, name);
		path += n + (path[n] == '.');
	}
	return j;
}

static MAYBE void number_is(const json_t *j, const char *path, double want)
{
	const json_t *v = at(j, path);

	if (!json_is_number(v))
		fail_msg("%s is no number", path);
	if (json_number_value(v) < want - 1e-6 || json_number_value(v) > want + 1e-6)
		fail_msg("%s is %g, not %g", path, json_number_value(v), want);
}

static MAYBE void string_is(const json_t *j, const char *path, const char *want)
{
	const char *v = json_string_value(at(j, path));

	if (!v || strcmp(v, want) != 0)
		fail_msg("%s is %s, not %s", path, v ? v : "no string", want);
}

#endif
