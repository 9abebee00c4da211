/* Schedules made ready: zones, the next tick, and the job of a tick with its handler's defaults. */
#include "conf_test.h"

#include "config/schedule.h"

#define MS INT64_C(1000)

static unsigned nfailed;

static void failed(const struct conf_schedule *s, const char *why)
{
	assert_string_equal(s->name, "lost");
	assert_non_null(strstr(why, "Europe/Nowhere"));
	nfailed++;
}

static void next_ticks(void **state)
{
	(void)state;
	conf_good("handler t { builtin = noop }\nschedule a { cron = \"0 3 * * *\" type = t }\nschedule b { cron = \"0 3 * * *\" timezone = \"Europe/Berlin\" type = t }\n"
		"schedule c { cron = \"30 3 * * *\" timezone = \"Europe/Berlin\" type = t }\n");
	struct schedules *s = schedules_make(conf, NULL);
	int64_t june = 1780272000 * MS;         /* 2026-06-01T00:00:00Z, two hours later in Berlin */

	assert_non_null(s);
	assert_int_equal(schedules_count(s), 3);
	assert_int_equal(schedule_next_ms(schedules_at(s, 0), june), june + 3 * 3600 * MS);
	assert_int_equal(schedule_next_ms(schedules_at(s, 1), june), june + 1 * 3600 * MS);
	assert_int_equal(schedule_next_ms(schedules_at(s, 2), june), june + 1 * 3600 * MS + 1800 * MS);
	assert_ptr_equal(schedules_at(s, 1)->zone, schedules_at(s, 2)->zone);
	assert_ptr_not_equal(schedules_at(s, 0)->zone, schedules_at(s, 1)->zone);
	/* another expression, or another zone, is another schedule */
	assert_int_not_equal(schedules_at(s, 0)->print, schedules_at(s, 1)->print);
	assert_int_not_equal(schedules_at(s, 1)->print, schedules_at(s, 2)->print);
	schedules_free(s);
	assert_int_equal(schedules_count(NULL), 0);
	schedules_free(NULL);
}

/* A zone may be gone since the conf was checked: the text handed to the keeper is taken, and that schedule rests. */
static void a_zone_that_is_gone(void **state)
{
	(void)state;
	assert_string_equal(conf_try_text("handler t { builtin = noop }\nschedule lost { cron = \"@daily\" timezone = \"Europe/Nowhere\" type = t }\nschedule b { cron = \"@daily\" type = t }\n"), "");
	struct schedules *s = schedules_make(conf, failed);

	assert_non_null(s);
	assert_int_equal(nfailed, 1);
	assert_int_equal(schedule_next_ms(schedules_at(s, 0), 0), INT64_MAX);
	assert_int_equal(schedule_next_ms(schedules_at(s, 1), 0), 86400 * MS);
	schedules_free(s);
}

static void the_job(void **state)
{
	struct job_spec spec;

	(void)state;
	conf_good("queue slow { priority_aging = 7s }\nhandler t { builtin = noop queue = slow timeout = 9s max_retries = 5 backoff_base = 2s backoff_factor = 1.5 backoff_max = 3s backoff_jitter = 1 }\n"
		"schedule a { cron = \"@daily\" type = t payload = \"[1]\" }\nschedule b { cron = \"@daily\" type = t queue = other }\n");
	schedule_spec(conf, &conf->schedule[0], &spec);
	assert_memory_equal(spec.type.p, "t", 2);
	assert_memory_equal(spec.name.p, "a", 2);
	assert_memory_equal(spec.queue.p, "slow", 5);
	assert_memory_equal(spec.payload.p, "[1]", 3);
	assert_int_equal(spec.payload.n, 3);
	assert_int_equal(spec.payload_len, 3);
	assert_int_equal(spec.trace.n, 0);
	assert_int_equal(spec.run_at_ms, 0);
	assert_int_equal(spec.max_retries, 5);
	assert_int_equal(spec.timeout_ms, 9000);
	assert_int_equal(spec.aging_ms, 7000);
	assert_int_equal(spec.backoff.base_ms, 2000);
	assert_int_equal(spec.backoff.max_ms, 3000);
	assert_int_equal(spec.backoff.factor_milli, 1500);
	assert_int_equal(spec.backoff.jitter_pct, 1);
	schedule_spec(conf, &conf->schedule[1], &spec);
	assert_memory_equal(spec.queue.p, "other", 6);
	assert_int_equal(spec.aging_ms, 60000);
	assert_memory_equal(spec.payload.p, "null", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(next_ticks), cmocka_unit_test(a_zone_that_is_gone), cmocka_unit_test(the_job) };

	return RUN(tests, sizeof tests / sizeof tests[0]);
}
