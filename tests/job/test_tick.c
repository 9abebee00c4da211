/* job/tick: what is run after a tick, a downtime, a step of the clock; and that steps end, run no tick twice and leave none out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/tick.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY0 (INT64_C(20000) * 24 * HOUR)       /* a midnight */

static struct zone utc;

static struct cron cron_of(const char *text)
{
	struct cron c;
	char why[256];

	if (!cron_parse(text, strlen(text), &c, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	return c;
}

struct outcome { unsigned jobs, late, steps; bool dropped; int64_t upto_ms; };

static struct outcome run(const char *cron, enum tick_missed missed, int64_t upto_ms, int64_t now_ms)
{
	struct cron c = cron_of(cron);
	struct outcome o = { .upto_ms = upto_ms };
	struct tick_step s;

	while (tick_step(&c, &utc, missed, o.upto_ms, now_ms, o.steps, &s)) {
		assert_true(s.upto_ms > o.upto_ms);     /* forward, and never past now */
		assert_true(s.upto_ms <= now_ms);
		o.jobs += s.run;
		o.late += s.late;
		o.dropped |= s.dropped;
		o.upto_ms = s.upto_ms;
		assert_true(++o.steps <= TICK_ALL_MAX + 1);
	}
	return o;
}

static const struct { const char *title, *cron; enum tick_missed missed; int64_t upto, now; unsigned jobs, late; bool dropped; } cases[] = {
	{ "before the tick", "0 * * * *", TICK_ONCE, 0, HOUR - 1, 0, 0, false },
	{ "at the tick", "0 * * * *", TICK_ONCE, 0, HOUR, 1, 0, false },
	{ "at the tick, all", "0 * * * *", TICK_ALL, 0, HOUR, 1, 0, false },
	{ "at the tick, skip", "0 * * * *", TICK_SKIP, 0, HOUR, 1, 0, false },
	{ "just done", "0 * * * *", TICK_ONCE, HOUR, HOUR, 0, 0, false },
	{ "a busy moment is no downtime", "0 * * * *", TICK_SKIP, 0, HOUR + TICK_LATE_MS, 1, 0, false },
	{ "a downtime is", "0 * * * *", TICK_SKIP, 0, HOUR + TICK_LATE_MS + 1, 0, 0, true },
	{ "one missed: once", "0 * * * *", TICK_ONCE, 0, HOUR + 30 * MINUTE, 1, 1, false },
	{ "one missed: all", "0 * * * *", TICK_ALL, 0, HOUR + 30 * MINUTE, 1, 1, false },
	{ "one missed: skip", "0 * * * *", TICK_SKIP, 0, HOUR + 30 * MINUTE, 0, 0, true },
	{ "five missed: once", "0 * * * *", TICK_ONCE, 0, 5 * HOUR + 30 * MINUTE, 1, 1, false },
	{ "five missed: all", "0 * * * *", TICK_ALL, 0, 5 * HOUR + 30 * MINUTE, 5, 5, false },
	{ "five missed: skip", "0 * * * *", TICK_SKIP, 0, 5 * HOUR + 30 * MINUTE, 0, 0, true },
	{ "four missed and one due: once", "0 * * * *", TICK_ONCE, 0, 5 * HOUR, 1, 1, false },
	{ "four missed and one due: all", "0 * * * *", TICK_ALL, 0, 5 * HOUR, 5, 4, false },
	{ "four missed and one due: skip", "0 * * * *", TICK_SKIP, 0, 5 * HOUR, 1, 0, true },
	{ "a thousand missed", "* * * * *", TICK_ALL, 0, 1000 * MINUTE, 1000, 998, false },
	{ "more than a thousand missed", "* * * * *", TICK_ALL, 0, 1001 * MINUTE, 1000, 999, true },
	{ "a year missed: once", "* * * * *", TICK_ONCE, 0, 365 * 24 * HOUR, 1, 1, false },
	{ "a year missed: all", "* * * * *", TICK_ALL, 0, 365 * 24 * HOUR, 1000, 1000, true },
	{ "a year missed: skip, with one that is due", "* * * * *", TICK_SKIP, 0, 365 * 24 * HOUR, 1, 0, true },
	{ "the clock put back", "* * * * *", TICK_ALL, 5 * HOUR, 4 * HOUR, 0, 0, false },
	{ "and nearly caught up", "0 * * * *", TICK_ALL, 5 * HOUR, 6 * HOUR - 1, 0, 0, false },
	{ "and caught up", "0 * * * *", TICK_ALL, 5 * HOUR, 6 * HOUR, 1, 0, false },
};

static void what_is_due(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome o = run(cases[i].cron, cases[i].missed, DAY0 + cases[i].upto, DAY0 + cases[i].now);
		if (o.jobs != cases[i].jobs || o.late != cases[i].late || o.dropped != cases[i].dropped)
			fail_msg("%s: %u jobs, %u late, %s", cases[i].title, o.jobs, o.late, o.dropped ? "some dropped" : "none dropped");
		/* what was done is not done again */
		struct outcome again = run(cases[i].cron, cases[i].missed, o.upto_ms, DAY0 + cases[i].now);
		if (again.jobs || again.steps)
			fail_msg("%s: done again", cases[i].title);
	}
}

/* However the time passes, with steps back and forth: as many jobs as there are ticks, but for those within a downtime. */
static void no_tick_twice(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		int64_t upto = DAY0, now = DAY0, latest = DAY0;
		unsigned jobs = 0;
		for (int i = 0; i < 300; i++) {
			seed = seed * 1664525u + 1013904223u;
			int64_t step = (int64_t)(seed >> 8) % 40000;
			now += seed >> 31 ? step : (seed >> 30) & 1 ? -step : step / 3;
			if (now < DAY0)
				now = DAY0;
			latest = now > latest ? now : latest;
			struct outcome o = run("* * * * *", TICK_ALL, upto, now);
			jobs += o.jobs;
			upto = o.upto_ms;
		}
		assert_int_equal(jobs, (latest - DAY0) / MINUTE);
	}
}

static const struct { const char *title, *cron; int64_t back; bool taken; } put_back[] = {
	{ "not at all", "* * * * *", 0, false },
	{ "forwards", "* * * * *", -5 * HOUR, false },
	{ "corrected", "* * * * *", TICK_LATE_MS, false },
	{ "wildcards go by the new time", "* * * * *", TICK_LATE_MS + 1, true },
	{ "a wildcard hour too", "30 * * * *", HOUR, true },
	{ "and a wildcard minute", "*/5 3 * * *", HOUR, true },
	{ "@hourly is one", "@hourly", 2 * HOUR, true },
	{ "fixed times do not run again", "0 3 * * *", HOUR, false },
	{ "also those of many hours", "0,30 0-23 * * *", 3 * HOUR - 1, false },
	{ "unless it is hours", "0 3 * * *", 3 * HOUR, true },
	{ "or years", "@daily", 10 * 365 * 24 * HOUR, true },
};

static void a_clock_put_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(put_back) / sizeof(put_back[0]); i++) {
		struct cron c = cron_of(put_back[i].cron);
		if (tick_back(&c, DAY0 + 4000 * 24 * HOUR, DAY0 + 4000 * 24 * HOUR - put_back[i].back) != put_back[i].taken)
			fail_msg("%s: %s", put_back[i].title, put_back[i].taken ? "not taken" : "taken");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_due), cmocka_unit_test(no_tick_twice), cmocka_unit_test(a_clock_put_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
