/* GET /jobs/ID/log and those who read it while it is written. The worker's end of its line is the test's. */
#include "api_test.h"

#include <fcntl.h>
#include <signal.h>

#include "http/job_log.h"
#include "http/job_watch.h"
#include "shm/event_ring.h"
#include "shm/line.h"
#include "text/uuid.h"

static struct http_request q;
static char id_text[UUID_TEXT_BYTES];
static uint32_t worker;

static int setup(void **state)
{
	if (api_setup(state) != 0)
		return -1;
	worker = segment_worker_slot(&seg, 0);
	assert_int_equal(job_log_readers(), 0);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(job_log_readers(), 0);
	assert_int_equal(fake_timers(), 0);
	for (size_t i = 0; i < 16; i++)
		assert_null(fake_io[i]);
	return api_teardown(state);
}

static void ask(const struct job_id *id, const char *attempt, const char *follow)
{
	uuid_format(id->b, id_text);
	q = (struct http_request){ .api = &api, .method = HTTP_M_GET, .arg = { { id_text, 36 } } };
	if (attempt)
		q.query[q.nquery++] = (struct http_pair){ SLICE("attempt"), slice_of(attempt) };
	if (follow)
		q.query[q.nquery++] = (struct http_pair){ SLICE("follow"), slice_of(follow) };
	answer_clear();
	memset(&live, 0, sizeof(live));
	api_job_log(&q);
}

static void end_with(const struct job *j, enum job_outcome outcome, const char *log)
{
	struct store_finish f = { .id = j->id, .token = j->lease_token, .outcome = outcome, .exit_code = 0, .started_ms = fake_wall_ms, .retry_in_ms = 0, .log = { log, strlen(log) } };
	struct job out;

	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_finish(store, &f, &out), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
}

/* The keeper tells what has become of a job, and the acceptor hears it. */
static void tell(const struct job *j, enum job_state state)
{
	struct shm_event e = { .state = (uint8_t)state };

	memcpy(e.id, j->id.b, sizeof(e.id));
	event_put(&seg, &e);
	api_tick(&api);
}

/* What the worker is asked: the pipe, and whether until the end. -1: nothing. */
static int asked(uint64_t token, bool follow)
{
	struct line_ask a;
	int fd;

	if (line_take(&seg, worker, &a, &fd) == 0)
		return -1;
	assert_int_equal(a.token, token);
	assert_int_equal(a.follow, follow);
	assert_true(fd >= 0);
	return fd;
}

static void turn(void)
{
	for (size_t i = 0; i < 16; i++)
		if (fake_io[i] && fake_io[i]->events & EPOLLIN)
			fake_io[i]->ready(fake_io[i], EPOLLIN);
}

static void put(int fd, const char *s)
{
	assert_int_equal(write(fd, s, strlen(s)), (ssize_t)strlen(s));
	turn();
}

static void what_is_kept(void **state)
{
	struct job j = submit_type("email", "n", "default");

	(void)state;
	ask(&j.id, NULL, NULL);
	assert_int_equal(answer.status, 404);
	j = claim_next();
	end_with(&j, JOB_OUTCOME_SUCCEEDED, "all is well\n");
	ask(&j.id, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "all is well\n");
	assert_string_equal(answer.content_type, "text/plain; charset=utf-8");
	assert_non_null(strstr(answer.headers, "sandbox"));
	ask(&j.id, "1", "1");           /* over: there is nothing to wait for */
	assert_string_equal(answer.body, "all is well\n");
	assert_int_equal(live.begun, 0);
	ask(&j.id, "2", "1");
	assert_int_equal(answer.status, 404);
	assert_non_null(strstr(answer.detail, "no attempt 2"));
}

static void bad_questions(void **state)
{
	static const char *const bad[][2] = { { "0", NULL }, { "-1", NULL }, { "1.5", NULL }, { "", NULL }, { "9999999999999999999999", NULL }, { NULL, "" }, { NULL, "true" }, { "1", "2" } };
	struct job j = submit_type("email", "n", "default");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask(&j.id, bad[i][0], bad[i][1]);
		assert_int_equal(answer.status, 400);
		assert_string_equal(answer.field, bad[i][0] && bad[i][1] == NULL ? "attempt" : "follow");
	}
}

static void followed(void **state)
{
	struct job j = submit_type("email", "n", "default");
	int fd;

	(void)state;
	j = claim_next();
	ask(&j.id, NULL, "1");
	assert_int_equal(live.begun, 1);
	fd = asked(j.lease_token, true);
	assert_true(fd >= 0);
	put(fd, "one\n");
	put(fd, "two\n");
	assert_string_equal(answer.body, "one\ntwo\n");
	/* a client that takes nothing: the pipe is not read */
	live.unsent = 1u << 20;
	put(fd, "three\n");
	put(fd, "four\n");
	assert_string_equal(answer.body, "one\ntwo\nthree\n");
	fake_pass(10000);
	end_with(&j, JOB_OUTCOME_FAILED, "one\ntwo\nthree\nfour\n");
	close(fd);
	fake_pass(60000);               /* over for long, and the client has its time still */
	assert_int_equal(live.ended, 0);
	live.unsent = 0;
	q.on_room(&q);
	turn();
	turn();
	assert_string_equal(answer.body, "one\ntwo\nthree\nfour\n");
	assert_int_equal(live.ended, 1);
}

static void now_alone(void **state)
{
	struct job j = submit_type("email", "n", "default");
	int fd;

	(void)state;
	j = claim_next();
	ask(&j.id, "1", "0");
	fd = asked(j.lease_token, false);
	put(fd, "so far");
	close(fd);
	turn();
	assert_string_equal(answer.body, "so far");
	assert_int_equal(live.ended, 1);
}

static void waited_for(void **state)
{
	struct job j = submit_type("email", "n", "default");
	int fd;

	(void)state;
	ask(&j.id, NULL, "1");
	assert_int_equal(live.begun, 1);
	assert_int_equal(job_watch_count(), 1);
	assert_int_equal(fake_timers(), 0);     /* it costs nothing while nothing happens */
	tell(&j, JOB_QUEUED);
	tell(&j, JOB_SCHEDULED);
	assert_int_equal(asked(0, true), -1);
	struct job other = submit_type("email", "n", "default");
	tell(&other, JOB_RUNNING);
	assert_int_equal(asked(0, true), -1);
	j = claim_next();
	tell(&j, JOB_RUNNING);
	assert_int_equal(job_watch_count(), 0);
	fd = asked(j.lease_token, true);
	put(fd, "at last");
	close(fd);
	turn();
	assert_string_equal(answer.body, "at last");
	assert_int_equal(live.ended, 1);
}

/* An event was lost with its keeper, or the ring has gone on: what is waited for is found all the same. */
static void nobody_told(void **state)
{
	struct job j = submit_type("email", "n", "default");
	int fd;

	(void)state;
	ask(&j.id, NULL, "1");
	j = claim_next();
	api_tick(&api);
	assert_int_equal(asked(0, true), -1);
	atomic_fetch_add(&seg.h->keeper_turn, 1);
	api_tick(&api);
	fd = asked(j.lease_token, true);
	assert_true(fd >= 0);
	close(fd);
	end_with(&j, JOB_OUTCOME_FAILED, "");
	turn();
	assert_int_equal(live.ended, 1);
	/* its third attempt: two others come first */
	ask(&j.id, "3", "1");
	fake_pass(3000);
	api_tick(&api);
	assert_int_equal(live.ended, 0);
	assert_int_equal(job_watch_count(), 1);
	q.gone = true;
	q.on_gone(&q);
	assert_int_equal(job_watch_count(), 0);
}

/* The worker was asked before it had taken the grant, and knows nothing of it: it is asked again. */
static void asked_too_early(void **state)
{
	struct store_reader *reader = api.reader;
	struct job j = submit_type("email", "n", "default");
	int fd;

	(void)state;
	ask(&j.id, NULL, "1");
	j = claim_next();
	tell(&j, JOB_RUNNING);
	fd = asked(j.lease_token, true);
	close(fd);
	turn();
	assert_int_equal(live.ended, 0);
	assert_int_equal(asked(j.lease_token, true), -1);
	api.reader = NULL;              /* nor can the store be read just then */
	fake_pass(200);
	api.reader = reader;
	assert_int_equal(asked(j.lease_token, true), -1);
	fake_pass(200);
	fd = asked(j.lease_token, true);
	put(fd, "after all");
	close(fd);
	turn();
	assert_string_equal(answer.body, "after all");
	assert_int_equal(live.ended, 1);
	/* or it has ended it without a word, which the store does not know yet */
	ask(&j.id, NULL, "1");
	fd = asked(j.lease_token, true);
	close(fd);
	turn();
	assert_int_equal(live.ended, 0);
	end_with(&j, JOB_OUTCOME_SUCCEEDED, "");
	fake_pass(200);
	assert_int_equal(live.ended, 1);
	assert_string_equal(answer.body, "");
	/* who wants no more than what there is now is not kept waiting */
	j = submit_type("email", "n", "default");
	j = claim_next();
	ask(&j.id, NULL, NULL);
	fd = asked(j.lease_token, false);
	close(fd);
	turn();
	assert_int_equal(live.ended, 1);
}

static void over_before_it_was_seen(void **state)
{
	struct job j = submit_type("email", "n", "default");
	int fd;

	(void)state;
	ask(&j.id, NULL, "1");
	j = claim_next();
	end_with(&j, JOB_OUTCOME_FAILED, "quick");
	tell(&j, JOB_RETRYING);
	assert_int_equal(live.ended, 0);
	tell(&j, JOB_DEAD);
	assert_string_equal(answer.body, "quick");
	assert_int_equal(live.ended, 1);
	/* and where the worker was asked in time and knew nothing of it any more */
	j = submit_type("email", "n", "default");
	j = claim_next();
	ask(&j.id, NULL, "1");
	fd = asked(j.lease_token, true);
	end_with(&j, JOB_OUTCOME_SUCCEEDED, "quicker");
	close(fd);
	turn();
	assert_string_equal(answer.body, "quicker");
	assert_int_equal(live.ended, 1);
}

static void a_worker_that_died(void **state)
{
	struct job j = submit_type("email", "n", "default");
	int fd;

	(void)state;
	j = claim_next();
	ask(&j.id, NULL, "1");          /* it lies in the line, and nobody takes it */
	fake_pass(30000);
	assert_int_equal(live.ended, 0);
	end_with(&j, JOB_OUTCOME_RELEASED, "");
	fake_pass(5000);
	assert_int_equal(live.ended, 1);
	assert_string_equal(answer.body, "");
	fd = asked(j.lease_token, true);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(write(fd, "x", 1), -1);        /* nobody holds the other end */
	close(fd);
}

static void run_elsewhere(void **state)
{
	struct store_owner owner = { .slot = 5000, .incarnation = 1, .pid = 4711 };
	struct job j = submit_type("email", "n", "default");
	struct store_claimed c;

	(void)state;
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_claim(store, &owner, 1, true, &c), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	ask(&j.id, NULL, NULL);
	assert_int_equal(live.ended, 1);
	assert_string_equal(answer.body, "");
	ask(&j.id, NULL, "1");
	fake_pass(5000);
	assert_int_equal(live.ended, 0);
	end_with(&c.job, JOB_OUTCOME_SUCCEEDED, "from afar");
	fake_pass(1000);
	assert_int_equal(live.ended, 1);
	assert_string_equal(answer.body, "from afar");
}

static void ends_of_waiting(void **state)
{
	struct job j = submit_type("email", "n", "default"), out;

	(void)state;
	ask(&j.id, NULL, "1");
	q.gone = true;
	q.on_gone(&q);
	assert_int_equal(live.ended, 1);
	ask(&j.id, NULL, "1");
	api.draining = true;
	api_tick(&api);
	api.draining = false;
	assert_int_equal(live.ended, 1);
	ask(&j.id, NULL, "1");
	fake_draining = true;           /* this process alone, after a reload */
	api_tick(&api);
	fake_draining = false;
	assert_int_equal(live.ended, 1);
	ask(&j.id, NULL, "1");
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_act(store, j.id, STORE_ACT_CANCEL, &out), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	tell(&j, JOB_CANCELLED);
	assert_int_equal(live.ended, 1);
	assert_string_equal(answer.body, "");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(what_is_kept), TEST(bad_questions), TEST(followed), TEST(now_alone), TEST(waited_for), TEST(nobody_told), TEST(asked_too_early), TEST(over_before_it_was_seen), TEST(a_worker_that_died),
		TEST(run_elsewhere), TEST(ends_of_waiting) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
