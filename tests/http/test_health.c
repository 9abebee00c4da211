/* /livez, /readyz and /health: ready where all is well, and the failing check named where it is not. S2.20 S3.23 S3.24 S4.50. */
#include "api_test.h"

#include "http/health.h"

static struct http_request q;

static void ask(void (*handler)(struct http_request *))
{
	q = (struct http_request){ .api = &api, .method = HTTP_M_GET };
	answer_clear();
	handler(&q);
	assert_int_equal(answer.answers, 1);
}

static void not_ready(const char *word)
{
	ask(api_readyz);
	assert_int_equal(answer.status, 503);
	if (!strstr(answer.detail, word))
		fail_msg("\"%s\" is not in: %s", word, answer.detail);
	ask(api_livez);         /* it lives nevertheless */
	assert_int_equal(answer.status, 200);
}

static void ready(void)
{
	ask(api_readyz);
	if (answer.status != 200)
		fail_msg("%s", answer.detail);
	assert_string_equal(answer.body, "{\"status\":\"ready\"}");
}

static void all_is_well(void **state)
{
	(void)state;
	server_runs();
	ready();
	ask(api_livez);
	assert_int_equal(answer.status, 200);
	ask(api_health);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "{\"status\":\"healthy\",\"store\":\"connected\",\"version\":\"1.2.3\"}");
}

static void the_life_of_the_server(void **state)
{
	(void)state;
	server_runs();
	atomic_store(&seg.h->server_state, SHM_SERVER_STARTING);
	not_ready("starting");
	atomic_store(&seg.h->server_state, SHM_SERVER_DRAINING);
	not_ready("draining");
	atomic_store(&seg.h->server_state, SHM_SERVER_STOPPING);
	not_ready("draining");
	atomic_store(&seg.h->server_state, SHM_SERVER_RUNNING);
	ready();
	api.draining = true;
	not_ready("draining");
}

static void the_keeper(void **state)
{
	(void)state;
	server_runs();
	atomic_store(&seg.proc[1].heartbeat_ns, fake_loop_ns - 4999000000LL);
	ready();
	atomic_store(&seg.proc[1].heartbeat_ns, fake_loop_ns - 5001000000LL);
	not_ready("keeper");
	ask(api_health);
	assert_int_equal(answer.status, 503);
	assert_string_equal(answer.body, "{\"status\":\"unhealthy\",\"store\":\"disconnected\",\"version\":\"1.2.3\"}");
	atomic_store(&seg.proc[1].heartbeat_ns, fake_loop_ns + 1000000000LL);   /* its clock was read a little later than ours */
	ready();
	atomic_store(&seg.proc[1].state, SHM_PROC_ABANDONED);
	not_ready("keeper");
}

static void how_long_no_keeper_was_at_work(void **state)
{
	const int64_t s = 1000000000LL;

	(void)state;
	server_runs();
	assert_true(health_keeper_away(&api) == 0);
	atomic_store(&seg.proc[1].state, SHM_PROC_STARTING);    /* replaced: its heartbeat is its birth's */
	fake_loop_ns += s;
	assert_true(health_keeper_away(&api) == s);
	fake_loop_ns += 39 * s;
	atomic_store(&seg.proc[1].heartbeat_ns, fake_loop_ns);
	assert_true(health_keeper_away(&api) == 40 * s);
	atomic_store(&seg.proc[1].state, SHM_PROC_RUNNING);
	assert_true(health_keeper_away(&api) == 0);
	fake_loop_ns += 6 * s;                                  /* it runs, and does nothing */
	assert_true(health_keeper_away(&api) == 6 * s);
}

static void the_store(void **state)
{
	struct store_reader *reader = api.reader;

	(void)state;
	server_runs();
	shm_gauge(&seg.proc[1], SHM_C_STORE_REFUSING, 1);
	not_ready("no room");
	shm_gauge(&seg.proc[1], SHM_C_STORE_REFUSING, 2);
	not_ready("commits fail");
	shm_gauge(&seg.proc[1], SHM_C_STORE_REFUSING, 3);
	not_ready("gone from their place");
	shm_gauge(&seg.proc[1], SHM_C_STORE_REFUSING, 0);
	ready();
	api.reader = NULL;
	not_ready("cannot be read");
	ask(api_health);
	api.reader = reader;
	assert_int_equal(answer.status, 503);
}

static void the_workers(void **state)
{
	(void)state;
	server_runs();
	atomic_store(&seg.proc[segment_worker_slot(&seg, 0)].state, SHM_PROC_STARTING);
	not_ready("worker");
	atomic_store(&seg.proc[segment_worker_slot(&seg, 1)].role, SHM_ROLE_WORKER);
	atomic_store(&seg.proc[segment_worker_slot(&seg, 1)].state, SHM_PROC_RUNNING);
	ready();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = { T(all_is_well), T(the_life_of_the_server), T(the_keeper), T(how_long_no_keeper_was_at_work), T(the_store), T(the_workers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
