/* The schedules' page: last and next runs in UTC and in the schedule's own time, and the button that runs one now. */
#include "submit_test.h"

#include "page_test.h"

#include "config/schedule.h"
#include "http/page.h"
#include "text/uuid.h"

static struct conf_schedule three[] = {
	{ .name = (char[]){ "nightly" }, .cron = (char[]){ "0 3 * * *" }, .timezone = (char[]){ "Europe/Berlin" }, .type = (char[]){ "email" }, .queue = (char[]){ "" }, .payload = (char[]){ "{}" }, .missed = TICK_ALL },
	{ .name = (char[]){ "newfound" }, .cron = (char[]){ "0 12 * * *" }, .timezone = (char[]){ "America/St_Johns" }, .type = (char[]){ "email" }, .queue = (char[]){ "" }, .payload = (char[]){ "{}" } },
	{ .name = (char[]){ "a<b" }, .cron = (char[]){ "*/5 * * * *" }, .timezone = (char[]){ "UTC" }, .type = (char[]){ "t.x" }, .queue = (char[]){ "night" }, .payload = (char[]){ "null" }, .missed = TICK_SKIP },
};
static char night[] = "night";
static struct conf_token token = { .name = (char[]){ "owl" }, .roles = CONF_ROLE_READ, .queues = night, .queues_bytes = sizeof(night) };

static int begin(void **state)
{
	conf.schedule = three;
	conf.nschedule = 3;
	api.schedules = schedules_make(&conf, NULL);
	assert_non_null(api.schedules);
	return setup(state);
}

static int end(void **state)
{
	schedules_free((struct schedules *)(uintptr_t)api.schedules);
	api.schedules = NULL;
	conf.nschedule = 0;
	conf.http.token_file = NULL;
	return teardown(state);
}

static void everything(void **state)
{
	struct job job = submit_type("email", "nightly", "default");
	struct store_schedule row = { .upto_ms = T0 - 5000, .run_ms = T0 - 4000, .job = job.id, .print = schedules_at(api.schedules, 0)->print };
	char link[100] = "href=\"/status/jobs/";

	(void)state;
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_schedule_put(store, (struct job_text){ "nightly", 7 }, &row), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	browser(HTTP_M_GET, "/status/schedules");
	page_schedules(&q);
	is_page(200);
	uuid_format(job.id.b, link + strlen(link));
	has(link);
	has(">2025-11-21T20:40:55.123Z</time>");
	has(">2025-11-22T02:00:00.000Z</time></small><small>2025-11-22 03:00:00 +01:00</small>");
	has("<small>2025-11-22 12:00:00 -03:30</small>");
	has(">2025-11-21T20:45:00.000Z</time></small></td>");           /* UTC is said once */
	has("a&lt;b");
	has("action=\"/status/schedules/a%3Cb/run\"");
	has(">skip</td>");
}

static void by_token(void **state)
{
	(void)state;
	conf.http.token_file = token_file;
	browser(HTTP_M_GET, "/status/schedules");
	q.token = &token;
	page_schedules(&q);
	is_page(200);
	has("a&lt;b");
	has_not("nightly");
	has_not("/run\"");
}

static void none(void **state)
{
	(void)state;
	schedules_free((struct schedules *)(uintptr_t)api.schedules);
	api.schedules = NULL;
	browser(HTTP_M_GET, "/status/schedules");
	page_schedules(&q);
	is_page(200);
	has("makes one");
}

static void run_now(void **state)
{
	(void)state;
	browser(HTTP_M_POST, "/status/schedules/nightly/run");
	q.arg[0] = SLICE("nightly");
	page_schedule_run(&q);
	assert_int_equal(nasked, 1);
	keeper_answers(0, STORE_OK);
	assert_int_equal(answer.status, 303);
	assert_string_equal(answer.headers, "Location: /status/jobs/01000000-0000-0000-0000-000000000000?done=run\n");
	browser(HTTP_M_POST, "/status/schedules/hourly/run");
	q.arg[0] = SLICE("hourly");
	page_schedule_run(&q);
	assert_int_equal(answer.status, 404);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = { TEST(everything), TEST(by_token), TEST(none), TEST(run_now) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
