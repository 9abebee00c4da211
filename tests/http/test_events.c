/* GET /events over a segment whose keeper is the test: what watchers are told, in what order, and what becomes of those that lag. */
#include "api_test.h"

#include "http/events.h"
#include "http/job_wait.h"
#include "shm/event_ring.h"

static struct http_request q[2];
static const struct conf_token *token;

static int setup(void **state)
{
	if (api_setup(state) != 0)
		return -1;
	server_runs();
	return 0;
}

static int teardown(void **state)
{
	fake_draining = true;
	api_tick(&api);
	assert_int_equal(events_watchers(), 0);
	assert_int_equal(fake_timers(), 0);
	return api_teardown(state);
}

static void watch(unsigned i, const char *name, const char *value, const char *last)
{
	static struct http_pair header[2];

	q[i] = (struct http_request){ .api = &api, .method = HTTP_M_GET, .token = token };
	if (name)
		q[i].query[q[i].nquery++] = (struct http_pair){ slice_of(name), slice_of(value) };
	if (last) {
		header[i] = (struct http_pair){ SLICE("last-event-id"), slice_of(last) };
		q[i].header = &header[i];
		q[i].nheader = 1;
	}
	answer_clear();
	api_events(&q[i]);
}

static void happens(enum job_state state, enum job_event event, const char *type)
{
	struct shm_event e = { .at_ms = T0, .id = { 1 }, .attempt = 2, .state = (uint8_t)state, .event = (uint8_t)event, .percent = 7 };

	snprintf(e.type, sizeof(e.type), "%s", type);
	snprintf(e.queue, sizeof(e.queue), "default");
	e.cut = strlen(type) >= sizeof(e.type);
	if (e.cut) {
		struct job j = submit_type(type, "n", "default");
		memcpy(e.id, j.id.b, sizeof(e.id));
	}
	event_put(&seg, &e);
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *p = answer.body; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void told_at_once(void **state)
{
	(void)state;
	happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "before");
	watch(0, NULL, NULL, NULL);
	assert_string_equal(answer.content_type, "text/event-stream; charset=utf-8");
	assert_memory_equal(answer.body, ": stint\nretry: 1000\n\nevent: stats\ndata: {", 41);
	assert_false(api_pending(&api));
	assert_int_equal(atomic_load(&seg.proc[api.slot].listening), 1);
	happens(JOB_RUNNING, JOB_EV_CLAIM, "email");
	assert_true(api_pending(&api));
	api_tick(&api);
	assert_non_null(strstr(answer.body, "id: 2\nevent: job\ndata: {\"id\":\"01000000-0000-0000-0000-000000000000\",\"type\":\"email\",\"queue\":\"default\",\"state\":\"running\",\"event\":\"claimed\","
		"\"attempt\":2,\"at\":\"2025-11-21T20:40:59.123Z\"}\n\n"));
	assert_null(strstr(answer.body, "before"));
	happens(JOB_RUNNING, JOB_EV_PROGRESS, "email");
	api_tick(&api);
	assert_non_null(strstr(answer.body, "\"event\":\"progress\",\"attempt\":2,\"at\":\"2025-11-21T20:40:59.123Z\",\"percent\":7}"));
	assert_int_equal(count("event: stats"), 1);
	fake_loop_ns += 1000000000LL;
	api_tick(&api);
	assert_int_equal(count("event: stats"), 2);
	assert_int_equal(live.ended, 0);
	q[0].gone = true;
	q[0].on_gone(&q[0]);
	assert_int_equal(events_watchers(), 0);
	happens(JOB_RUNNING, JOB_EV_CLAIM, "email");
	assert_false(api_pending(&api));        /* nobody watches: the keeper need not ring */
	assert_int_equal(atomic_load(&seg.proc[api.slot].listening), 0);
}

static void narrowed(void **state)
{
	static const struct { const char *name, *value; unsigned want; } of[] = {
		{ "state", "dead", 1 }, { "type", "email", 2 }, { "type", "emai", 0 }, { "queue", "default", 4 }, { "queue", "other", 0 },
		{ "type", "a-name-that-is-so-long-that-the-ring-has-no-room-for-all-of-it-and-cuts-it", 1 },
		{ "type", "a-name-that-is-so-long-that-the-ring-has-no-room-for-all-of-it-", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		watch(0, of[i].name, of[i].value, NULL);
		happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "email");
		happens(JOB_DEAD, JOB_EV_FAIL_DEAD, "email");
		happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "other");
		happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, of[5].value);
		api_tick(&api);
		assert_int_equal(count("event: job"), of[i].want);
		q[0].gone = true;
		q[0].on_gone(&q[0]);
	}
}

static void happens_in(const char *queue, bool stored)
{
	struct shm_event e = { .at_ms = T0, .id = { 1 }, .attempt = 2, .state = JOB_QUEUED, .event = JOB_EV_SUBMIT_NOW, .type = "email" };

	snprintf(e.queue, sizeof(e.queue), "%s", queue);
	e.cut = strlen(queue) >= sizeof(e.queue);
	if (stored) {
		struct job j = submit_type("email", "n", queue);
		memcpy(e.id, j.id.b, sizeof(e.id));
	}
	event_put(&seg, &e);
}

#define CUT "a-name-that-is-so-long-that-the-ring-has-no-room-for-all-of-it-"

/* A token for some queues hears of these alone, whatever it asks for, and no figures: those are of all. */
static void only_its_queues(void **state)
{
	static char names[] = "mail\0" CUT "\0" CUT "and-cuts-it", name[] = "both";
	static const struct conf_token both = { .name = name, .queues = names, .queues_bytes = sizeof(names) };

	(void)state;
	token = &both;
	watch(1, "queue", "other", NULL);
	assert_int_equal(answer.status, 403);
	assert_string_equal(answer.field, "queue");
	for (unsigned turn = 0; turn < 3; turn++) {
		watch(0, turn == 1 ? "queue" : turn == 2 ? "state" : NULL, turn == 1 ? "mail" : "queued", NULL);
		assert_string_equal(answer.body, ": stint\nretry: 1000\n\n:\n\n");
		happens_in("other", false);
		happens_in("mail", false);
		happens_in("mail2", false);
		api_tick(&api);
		assert_int_equal(count("event: job"), 1);
		assert_int_equal(count("\"queue\":\"mail\""), 1);
		happens_in(CUT "and-cuts-it", true);
		happens_in(CUT "and-is-anothers", true);
		happens_in(CUT "and-is-gone", false);
		api_tick(&api);
		assert_int_equal(count("event: job"), turn == 1 ? 1 : 2);
		assert_int_equal(count(CUT), turn == 1 ? 0 : 1);
		fake_loop_ns += 1000000000LL;
		api_tick(&api);
		assert_int_equal(count("event: stats"), 0);
		assert_int_equal(count("\n:\n\n"), 2);
		q[0].on_gone(&q[0]);
	}
	watch(0, NULL, NULL, "1");              /* and of what was before */
	fake_pass(0);
	assert_int_equal(count("event: job"), 6);
	q[0].on_gone(&q[0]);
	token = NULL;
}

static void bad_questions(void **state)
{
	static const char *const bad[][3] = { { "state", "ripe", NULL }, { "state", "", NULL }, { "type", "", NULL }, { "queue", "", NULL }, { NULL, NULL, "x" }, { NULL, NULL, "-1" },
		{ NULL, NULL, "99999999999999999999" } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		watch(0, bad[i][0], bad[i][1], bad[i][2]);
		assert_int_equal(answer.status, 400);
		assert_string_equal(answer.field, bad[i][0] ? bad[i][0] : "");
		assert_int_equal(events_watchers(), 0);
	}
}

static void resumed(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "email");
	watch(0, NULL, NULL, "4");
	fake_pass(0);
	assert_int_equal(count("event: job"), 6);
	assert_null(strstr(answer.body, "id: 4\n"));
	assert_non_null(strstr(answer.body, "id: 5\n"));
	assert_int_equal(count("event: lost"), 0);
	happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "email");
	api_tick(&api);
	assert_int_equal(count("event: job"), 7);
	q[0].on_gone(&q[0]);
	watch(0, NULL, NULL, "4711");           /* of a future that will not be: from now on */
	fake_pass(0);
	assert_int_equal(count("event: job"), 0);
}

static void what_is_gone_is_said(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * SHM_EVENTS; i++)
		happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "email");
	watch(0, NULL, NULL, "10");
	fake_pass(0);
	assert_int_equal(count("event: lost"), 1);
	assert_non_null(strstr(answer.body, "event: lost\ndata: {\"from\":11,\"to\":10240}\n\n"));
	assert_int_equal(count("event: job"), SHM_EVENTS / 2);
	q[0].on_gone(&q[0]);
	/* a new segment begins where the store is: all before it is gone, in one word */
	event_start(&seg, 1000000);
	watch(0, NULL, NULL, "12288");
	fake_pass(0);
	assert_int_equal(count("event: lost"), 1);
	assert_non_null(strstr(answer.body, "\"from\":12289,\"to\":1000000}"));
	happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "email");
	api_tick(&api);
	assert_non_null(strstr(answer.body, "id: 1000001\nevent: job"));
	event_start(&seg, 5);                   /* never back */
	assert_int_equal(event_head(&seg), 1000001);
}

static void slow_ones_lag(void **state)
{
	(void)state;
	watch(0, NULL, NULL, NULL);
	live.unsent = 1u << 20;
	for (unsigned i = 0; i < 100; i++) {
		happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "email");
		api_tick(&api);
	}
	fake_pass(0);
	assert_int_equal(count("event: job"), 0);
	live.unsent = 0;
	q[0].on_room(&q[0]);
	fake_pass(0);
	assert_int_equal(count("event: job"), 100);
	for (unsigned i = 0; i < 2 * SHM_EVENTS; i++)
		happens(JOB_QUEUED, JOB_EV_SUBMIT_NOW, "email");
	api_tick(&api);
	fake_pass(0);
	assert_int_equal(count("event: lost"), 1);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(told_at_once), TEST(narrowed), TEST(only_its_queues), TEST(bad_questions), TEST(resumed), TEST(what_is_gone_is_said), TEST(slow_ones_lag) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
