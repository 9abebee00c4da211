/* What a schedule must be, each mistake with its place. */
#include "conf_test.h"

#include "job/job.h"
#include "job/tick.h"

#define NOOP "handler report { builtin = noop }\n"
#define GOOD "cron = \"@daily\"\ntype = report\n"

static const struct mistake mistakes[] = {
	{ "no cron", NOOP "schedule a {\ntype = report\n}\n", "main.conf:2: schedule a: cron is missing: write five fields, such as \"0 3 * * *\", or @daily\n" },
	{ "no type", NOOP "schedule a {\ncron = \"@daily\"\n}\n", "main.conf:2: schedule a: type is missing: name the type of the job that each tick submits\n" },
	{ "bad hour", NOOP "schedule a {\ntype = report\ncron = \"0 25 * * *\"\n}\n", "main.conf:4: schedule a: bad cron: hour: \"25\" is not a number from 0 to 23\n" },
	{ "never ticks", NOOP "schedule a {\ntype = report\n\ncron = \"0 0 30 2 *\"\n}\n",
		"main.conf:5: schedule a: bad cron: day of month: \"30\" does not come in month \"2\", so this would never tick: something from 1 to 29 would\n" },
	{ "no such zone", NOOP "schedule a {\n" GOOD "timezone = \"Europe/Nowhere\"\n}\n",
		"main.conf:5: schedule a: bad timezone: there is no time zone \"Europe/Nowhere\" in /usr/share/zoneinfo: names are like \"Europe/Berlin\" or \"UTC\"\n" },
	{ "no handler", "handler other { builtin = noop }\nschedule a {\n" GOOD "}\n", "main.conf:4: schedule a: no handler section takes the type report\n" },
	{ "bad type", NOOP "schedule a {\ncron = \"@daily\"\ntype = \"a b\"\n}\n", "main.conf:4: schedule a: bad type: expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -\n" },
	{ "bad queue", NOOP "schedule a {\n" GOOD "queue = \"a b\"\n}\n", "main.conf:5: schedule a: bad queue: expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -\n" },
	{ "payload that is no JSON", NOOP "schedule a {\n" GOOD "payload = \"{\"\n}\n",
		"main.conf:5: schedule a: the payload is not JSON: line 1, column 2: the text ends inside an object\n" },
	{ "empty payload", NOOP "schedule a {\n" GOOD "payload = \"\"\n}\n", "main.conf:5: schedule a: the payload is not JSON: line 1, column 1: the text is empty\n" },
	{ "missed", NOOP "schedule a {\n" GOOD "missed = never\n}\n", "main.conf:5: bad value 'never' for missed: expected once, all or skip\n" },
	{ "twice", NOOP "schedule a {\n" GOOD "}\nschedule a {\n" GOOD "}\n", "main.conf:6: schedule 'a' is given twice: the first is at main.conf:2\n" },
	{ "bad name", NOOP "schedule \"a b\" {\n" GOOD "}\n", "main.conf:2: bad schedule name 'a b': expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -\n" },
	{ "several", NOOP "schedule a {\ncron = \"x\"\n}\nschedule b { cron = \"@daily\" }\n",
		"main.conf:2: schedule a: type is missing: name the type of the job that each tick submits\n"
		"main.conf:3: schedule a: bad cron: \"x\" has 1 field: five are wanted: minute hour day-of-month month day-of-week\n"
		"main.conf:5: schedule b: type is missing: name the type of the job that each tick submits\n" },
};

static void defaults(void **state)
{
	(void)state;
	conf_good("schedule a {\n" GOOD "}\nschedule b { type = report cron = \"*/5 * * * mon-fri\" timezone = \"Europe/Berlin\" queue = night payload = \"{\\\"a\\\":1}\" missed = skip }\n" NOOP);
	assert_int_equal(conf->nschedule, 2);
	assert_string_equal(conf->schedule[0].timezone, "UTC");
	assert_string_equal(conf->schedule[0].queue, "");
	assert_string_equal(conf->schedule[0].payload, "null");
	assert_int_equal(conf->schedule[0].missed, TICK_ONCE);
	assert_string_equal(conf->schedule[1].queue, "night");
	assert_string_equal(conf->schedule[1].payload, "{\"a\":1}");
	assert_int_equal(conf->schedule[1].missed, TICK_SKIP);
}

/* The longest payload that a job's row takes in one piece, and a byte more. */
static void long_payload(void **state)
{
	static char text[3 * JOB_INLINE_MAX], payload[JOB_INLINE_MAX + 2];

	(void)state;
	for (size_t n = JOB_INLINE_MAX; n <= JOB_INLINE_MAX + 1; n++) {
		memset(payload, '1', n);
		payload[n] = '\0';
		snprintf(text, sizeof text, NOOP "schedule a {\n" GOOD "payload = \"%s\"\n}\n", payload);
		if (n == JOB_INLINE_MAX) {
			conf_good(text);
			continue;
		}
		assert_string_equal(conf_try(text), "main.conf:5: schedule a: the payload has 4097 bytes: expected at most 4096\n");
		assert_null(conf);
	}
}

int main(void)
{
	struct CMUnitTest tests[MISTAKES_MAX] = { cmocka_unit_test(defaults), cmocka_unit_test(long_payload) };

	return RUN(tests, MISTAKES(tests, 2, mistakes));
}
