/* A job's buttons: what the keeper is asked, where the answer leads, and what is said where it refuses. */
#include "page_test.h"

#include "http/page.h"
#include "shm/request.h"
#include "text/uuid.h"

static struct { unsigned n; uint64_t tag; struct request_act m; } asked;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)n;
	assert_int_equal(op, REQUEST_ACT);
	asked.n++;
	asked.tag = tag;
	memcpy(&asked.m, piece[0].p, sizeof(asked.m));
	return 0;
}

static const struct { void (*handler)(struct http_request *q); enum store_act act; const char *leads; } acts[] = {
	{ page_job_cancel, STORE_ACT_CANCEL, "?done=cancel\n" }, { page_job_retry, STORE_ACT_RETRY, "?done=retry\n" }, { page_job_run_now, STORE_ACT_RUN_NOW, "?done=run-now\n" },
	{ page_job_delete, STORE_ACT_DELETE, "Location: /status/jobs?done=delete&count=1\n" },
};

static char id[UUID_TEXT_BYTES];

static struct job press(size_t i, const char *body)
{
	struct job job = submit_type("email", "n", "default");

	uuid_format(job.id.b, id);
	browser(HTTP_M_POST, "/status/jobs/x/act");
	q.arg[0] = slice_of(id);
	q.body = slice_of(body);
	memset(&asked, 0, sizeof(asked));
	acts[i].handler(&q);
	return job;
}

static void answered(const struct job *job, int rc)
{
	api_answered(&api, &(struct request_result){ .tag = asked.tag, .rc = rc, .id = job->id, .state = JOB_QUEUED });
}

static void leads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		struct job job = press(i, "");
		assert_int_equal(asked.n, 1);
		assert_int_equal(asked.m.act, acts[i].act);
		assert_memory_equal(&asked.m.id, &job.id, sizeof(job.id));
		assert_int_equal(answer.answers, 0);
		answered(&job, STORE_OK);
		assert_int_equal(answer.answers, 1);
		assert_int_equal(answer.status, 303);
		assert_int_equal(answer.n, 0);
		if (!strstr(answer.headers, acts[i].leads) || (acts[i].act != STORE_ACT_DELETE && !strstr(answer.headers, id)))
			fail_msg("%s", answer.headers);
	}
}

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		struct job job = press(i, "");
		answered(&job, STORE_STATE);
		assert_int_equal(answer.answers, 1);
		assert_int_equal(answer.status, 409);
		assert_non_null(strstr(answer.detail, "job"));
	}
}

static void nothing_but_the_button(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		press(i, "x=1");
		assert_int_equal(answer.status, 400);
		assert_int_equal(asked.n, 0);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = { T(leads_back), T(refused), T(nothing_but_the_button) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
