/* Submissions on their own: a keeper that stores what it is asked, or refuses it, when the test says so. */
#ifndef STINT_TESTS_HTTP_SUBMIT_TEST_H
#define STINT_TESTS_HTTP_SUBMIT_TEST_H

#include "api_test.h"

#include <errno.h>

#include "shm/request.h"

/* --- the keeper --- */
#define ASKED_MAX 1100
static struct asked { uint64_t tag; uint8_t bytes[RECORD_SPEC_MAX]; size_t n; } *asked;
static size_t nasked;
static int ask_errno;
static struct { ask_staged_fn ready; void *arg; size_t n; char first; char *bytes; } staged;
static struct request_group group;      /* the last one; its submissions are among those asked */
static size_t group_limit;              /* longer ones have to be staged */

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b;
	assert_true((op == REQUEST_SUBMIT && n == 1) || (op == REQUEST_SCHEDULE && n == 3));
	piece += n - 1;
	assert_true(nasked < ASKED_MAX && piece[0].n <= sizeof(asked[0].bytes));
	if (ask_errno) {
		errno = ask_errno;
		return -1;
	}
	asked[nasked].tag = tag;
	asked[nasked].n = piece[0].n;
	memcpy(asked[nasked++].bytes, piece[0].p, piece[0].n);
	return 0;
}

int ask_add_group(struct ask_box *b, uint32_t results, const struct ask_piece *piece, unsigned n)
{
	const struct request_element *e = piece[1].p;
	const char *spec;

	(void)b;
	memcpy(&group, piece[0].p, sizeof(group));
	assert_int_equal(piece[0].n, sizeof(group));
	assert_int_equal(results, group.n);
	assert_int_equal(piece[1].n, results * sizeof(*e));
	if (ask_errno || (n == 3 && group_limit && piece[2].n > group_limit)) {
		errno = ask_errno ? ask_errno : EMSGSIZE;
		return -1;
	}
	assert_int_equal(n, group.blob || group.refused ? 2 : 3);
	spec = n == 3 ? piece[2].p : staged.bytes;
	for (uint32_t i = 0; i < results; i++, nasked++) {
		assert_true(nasked < ASKED_MAX && e[i].bytes <= sizeof(asked[0].bytes));
		asked[nasked].tag = e[i].tag;
		asked[nasked].n = group.refused ? 0 : e[i].bytes;
		memcpy(asked[nasked].bytes, spec, asked[nasked].n);
		spec += asked[nasked].n;
	}
	return 0;
}

int ask_stage(struct ask_box *b, const void *bytes, size_t n, ask_staged_fn ready, void *arg)
{
	(void)b;
	if (ask_errno)
		return -1;
	staged.ready = ready;
	staged.arg = arg;
	staged.n = n;
	staged.first = *(const char *)bytes;
	free(staged.bytes);
	staged.bytes = malloc(n);
	assert_non_null(staged.bytes);
	memcpy(staged.bytes, bytes, n);
	return 0;
}

/* Answers what was asked i-th. */
static MAYBE void keeper_answers(size_t i, int rc)
{
	struct request_result r = { .tag = asked[i].tag, .rc = rc, .state = JOB_QUEUED, .at_ms = T0 + 5 };
	struct job_spec spec = { .run_at_ms = 0 };

	if (asked[i].n)
		assert_int_equal(record_spec_decode(asked[i].bytes, asked[i].n, &spec), RECORD_OK);
	r.id.b[0] = 1;
	r.id.b[15] = (uint8_t)i;
	r.run_at_ms = spec.run_at_ms;
	if (spec.run_at_ms > T0)
		r.state = JOB_SCHEDULED;
	api_answered(&api, &r);
}

static MAYBE int setup(void **state)
{
	asked = calloc(ASKED_MAX, sizeof(*asked));
	nasked = 0;
	ask_errno = 0;
	memset(&staged, 0, sizeof(staged));
	memset(&group, 0, sizeof(group));
	group_limit = 0;
	conf.store.max_queued = 0;
	return asked ? api_setup(state) : -1;
}

static MAYBE int teardown(void **state)
{
	free(asked);
	free(staged.bytes);
	return api_teardown(state);
}

/* --- requests --- */
static struct http_pair headers[4];
static MAYBE struct http_request q;

static MAYBE void post_as(const char *content_type, struct slice body)
{
	answer_clear();
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .path = SLICE("/jobs"), .header = headers, .body = body, .began_ns = fake_loop_ns };
	if (content_type)
		headers[q.nheader++] = (struct http_pair){ SLICE("content-type"), slice_of(content_type) };
	api_submit(&q);
}

static MAYBE void post(const char *body)
{
	post_as("application/json", slice_of(body));
}

static MAYBE uint64_t rejected(void)
{
	return segment_total(&seg, SHM_C_REJECTED);
}

static MAYBE void refused_before_asking(int status, const char *field, const char *word)
{
	assert_int_equal(nasked, 0);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, status);
	assert_string_equal(answer.field, field);
	if (!strstr(answer.detail, word))
		fail_msg("\"%s\" is not in: %s", word, answer.detail);
}

#endif
