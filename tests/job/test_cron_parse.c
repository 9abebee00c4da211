/* job/cron_parse: what is read, as sets, and every mistake with its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "job/cron.h"

static bool parse(const char *text, struct cron *c, char why[256])
{
	size_t n = strlen(text);
	char *exact = malloc(n ? n : 1);        /* without a NUL behind it, so that a sanitizer sees a step too far */
	bool good;

	assert_non_null(exact);
	memcpy(exact, text, n);
	why[0] = '\0';
	good = cron_parse(exact, n, c, why, 256);
	free(exact);
	return good;
}

/* Two expressions that mean the same, sets and all. */
static void assert_same(const char *one, const char *other)
{
	struct cron a, b;
	char why[256];

	if (!parse(one, &a, why))
		fail_msg("%s: %s", one, why);
	if (!parse(other, &b, why))
		fail_msg("%s: %s", other, why);
	if (a.minutes != b.minutes || a.hours != b.hours || a.days != b.days || a.months != b.months || a.weekdays != b.weekdays ||
	    a.either_day != b.either_day || a.real_time != b.real_time)
		fail_msg("\"%s\" is not read as \"%s\" is", one, other);
}

#define ALL_MINUTES ((UINT64_C(1) << 60) - 1)
#define ALL_HOURS 0xffffff
#define ALL_DAYS 0xfffffffe
#define ALL_MONTHS 0x1ffe
#define ALL_WEEKDAYS 0x7f

static const struct {
	const char *text;
	struct cron c;
} good[] = {
	{ "* * * * *", { ALL_MINUTES, ALL_HOURS, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, false, true } },
	{ "0 0 1 1 0", { 1, 1, 2, 2, 1, true, false } },
	{ "59 23 31 12 6", { UINT64_C(1) << 59, 1 << 23, 1u << 31, 1 << 12, 1 << 6, true, false } },
	{ "0-59 0-23 1-31 1-12 0-7", { ALL_MINUTES, ALL_HOURS, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, true, false } },
	{ "*/15 3 * * *", { 1 | 1 << 15 | 1 << 30 | UINT64_C(1) << 45, 8, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, false, true } },
	{ "5 */6 * * *", { 32, 1 | 1 << 6 | 1 << 12 | 1 << 18, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, false, true } },
	{ "1,5-9/2,30 3 * * *", { 1 << 1 | 1 << 5 | 1 << 7 | 1 << 9 | 1 << 30, 8, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, false, false } },
	{ "0 3 13 * 5", { 1, 8, 1 << 13, ALL_MONTHS, 1 << 5, true, false } },
	{ "0 3 */2 * 5", { 1, 8, 0xaaaaaaaa, ALL_MONTHS, 1 << 5, false, false } },       /* begins with *: unrestricted, so both must match */
	{ "0 3 13 * */2", { 1, 8, 1 << 13, ALL_MONTHS, 0x55, false, false } },
	{ "0 3 * */3 *", { 1, 8, ALL_DAYS, 1 << 1 | 1 << 4 | 1 << 7 | 1 << 10, ALL_WEEKDAYS, false, false } },
	{ "*/60 */24 */31 */12 */7", { 1, 1, 2, 2, 1, false, true } },
};

static void expressions_become_sets(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct cron *e = &good[i].c;
		struct cron c;
		char why[256];

		if (!parse(good[i].text, &c, why))
			fail_msg("%s: %s", good[i].text, why);
		if (c.minutes != e->minutes || c.hours != e->hours || c.days != e->days || c.months != e->months || c.weekdays != e->weekdays ||
		    c.either_day != e->either_day || c.real_time != e->real_time)
			fail_msg("%s: %llx %x %x %x %x either_day %d real_time %d", good[i].text, (unsigned long long)c.minutes, c.hours, c.days, c.months,
				c.weekdays, c.either_day, c.real_time);
	}
}

static const struct {
	const char *one, *other;
} same[] = {
	{ "@hourly", "0 * * * *" },
	{ "@daily", "0 0 * * *" },
	{ "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" },
	{ "@monthly", "0 0 1 * *" },
	{ "@yearly", "0 0 1 1 *" },
	{ "  @ANNUALLY\t", "@yearly" },
	{ "\t 0  3 \t* * *  ", "0 3 * * *" },
	{ "00 03 001 01 07", "0 3 1 1 0" },
	{ "0 3 * jan,FEB,Mar,apr,may,jun *", "0 3 * 1-6 *" },
	{ "0 3 * jul-dec *", "0 3 * 7-12 *" },
	{ "0 3 * jan-dec/2 *", "0 3 * 1,3,5,7,9,11 *" },
	{ "0 3 * * Sun,mon,TUE", "0 3 * * 0,1,2" },
	{ "0 3 * * wed-sat", "0 3 * * 3-6" },
	{ "0 3 * * 7", "0 3 * * 0" },
	{ "0 3 * * 0,7", "0 3 * * sun" },
	{ "0 3 * * 5-7", "0 3 * * 0,5,6" },
	{ "0 3 * * fri-sun", "0 3 * * 5-7" },
	{ "0 3 * * 5-0", "0 3 * * 5-7" },
	{ "0 3 * * 7-2", "0 3 * * sun-tue" },
	{ "0 3 * * sun-sun", "0 3 * * 0" },
	{ "0 3 * * 7-0", "0 3 * * 0" },
	{ "0 3 * * 0-7/7", "0 3 * * 0" },
	{ "0 3 * * 1-7/2", "0 3 * * 1,3,5,7" },
	{ "3,2,1,2,3 3 * * *", "1-3 3 * * *" },
	{ "5-5 3 * * *", "5 3 * * *" },
	{ "1-10/60 3 * * *", "1 3 * * *" },
	{ "*,5 3 * * *", "* 3 * * *" },
};

static void other_ways_to_write_it(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_same(same[i].one, same[i].other);
}

#define FIVE "five are wanted: minute hour day-of-month month day-of-week"
#define MONTH_WANTED "is not a number from 1 to 12 or a name from jan to dec"
#define WEEKDAY_WANTED "is not a number from 0 (Sunday) to 7 (Sunday too) or a name from sun to sat"
#define NICKNAMES "@hourly @daily @midnight @weekly @monthly @yearly @annually"

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "it is empty: five fields are wanted, as \"0 3 * * *\": minute hour day-of-month month day-of-week" },
	{ " \t ", "it is empty: five fields are wanted, as \"0 3 * * *\": minute hour day-of-month month day-of-week" },
	{ "5", "\"5\" has 1 field: " FIVE },
	{ "0 3 * *", "\"0 3 * *\" has 4 fields: " FIVE },
	{ "0 0 3 * * *", "\"0 0 3 * * *\" has 6 fields: " FIVE },
	{ "@reboot", "\"@reboot\" is not known: one of " NICKNAMES " or five fields are wanted: minute hour day-of-month month day-of-week" },
	{ "@", "\"@\" is not known: one of " NICKNAMES " or five fields are wanted: minute hour day-of-month month day-of-week" },
	{ "@daily 5", "\"@daily 5\" is not known: one of " NICKNAMES " or five fields are wanted: minute hour day-of-month month day-of-week" },
	{ "60 * * * *", "minute: \"60\" is not a number from 0 to 59" },
	{ "-1 * * * *", "minute: the range \"-1\" has no beginning: two values with \"-\" between them are wanted" },
	{ "+1 * * * *", "minute: \"+1\" is not a number from 0 to 59" },
	{ "1.5 * * * *", "minute: \"1.5\" is not a number from 0 to 59" },
	{ "99999999999999999999 * * * *", "minute: \"99999999999999999999\" is not a number from 0 to 59" },
	{ "0,10,70 * * * *", "minute: \"70\" is not a number from 0 to 59" },
	{ "0-60 * * * *", "minute: \"60\" in \"0-60\" is not a number from 0 to 59" },
	{ "x-5 * * * *", "minute: \"x\" in \"x-5\" is not a number from 0 to 59" },
	{ "x/5 * * * *", "minute: \"x\" in \"x/5\" is not a number from 0 to 59" },
	{ "*5 * * * *", "minute: \"*5\" is not a number from 0 to 59" },
	{ "** * * * *", "minute: \"**\" is not a number from 0 to 59" },
	{ "*-5 * * * *", "minute: \"*\" in \"*-5\" is not a number from 0 to 59" },
	{ "/5 * * * *", "minute: \"\" in \"/5\" is not a number from 0 to 59" },
	{ "* 24 * * *", "hour: \"24\" is not a number from 0 to 23" },
	{ "* jan * * *", "hour: \"jan\" is not a number from 0 to 23" },
	{ "* 5- * * *", "hour: the range \"5-\" has no end: two values with \"-\" between them are wanted" },
	{ "* - * * *", "hour: the range \"-\" has no beginning: two values with \"-\" between them are wanted" },
	{ "* 22-2 * * *", "hour: the range \"22-2\" runs backwards: \"22-23,0-2\" is wanted" },
	{ "* 1-2-3 * * *", "hour: \"2-3\" in \"1-2-3\" is not a number from 0 to 23" },
	{ "* 5/2 * * *", "hour: \"5/2\" has a step and no range: \"5-23/2\" or \"*/2\" is wanted" },
	{ "* */0 * * *", "hour: the step \"0\" in \"*/0\" is not a number from 1 to 24" },
	{ "* */25 * * *", "hour: the step \"25\" in \"*/25\" is not a number from 1 to 24" },
	{ "* */ * * *", "hour: the step \"\" in \"*/\" is not a number from 1 to 24" },
	{ "* */-2 * * *", "hour: the step \"-2\" in \"*/-2\" is not a number from 1 to 24" },
	{ "* 1-5/2/2 * * *", "hour: the step \"2/2\" in \"1-5/2/2\" is not a number from 1 to 24" },
	{ "*/90 * * * *", "minute: the step \"90\" in \"*/90\" is not a number from 1 to 60" },
	{ "* * 0 * *", "day of month: \"0\" is not a number from 1 to 31" },
	{ "* * 32 * *", "day of month: \"32\" is not a number from 1 to 31" },
	{ "* * L * *", "day of month: \"L\" is not a number from 1 to 31" },
	{ "* * ? * *", "day of month: \"?\" is not a number from 1 to 31" },
	{ "* * 1,,2 * *", "day of month: the list \"1,,2\" has an empty item: a comma stands between two values" },
	{ "* * ,1 * *", "day of month: the list \",1\" has an empty item: a comma stands between two values" },
	{ "* * 1, * *", "day of month: the list \"1,\" has an empty item: a comma stands between two values" },
	{ "* * , * *", "day of month: the list \",\" has an empty item: a comma stands between two values" },
	{ "* * * 0 *", "month: \"0\" " MONTH_WANTED },
	{ "* * * 13 *", "month: \"13\" " MONTH_WANTED },
	{ "* * * janu *", "month: \"janu\" " MONTH_WANTED },
	{ "* * * ja *", "month: \"ja\" " MONTH_WANTED },
	{ "* * * mon *", "month: \"mon\" " MONTH_WANTED },
	{ "* * * nov-feb *", "month: the range \"nov-feb\" runs backwards: \"nov-12,1-feb\" is wanted" },
	{ "* * * * 8", "day of week: \"8\" " WEEKDAY_WANTED },
	{ "* * * * monday", "day of week: \"monday\" " WEEKDAY_WANTED },
	{ "* * * * fri#2", "day of week: \"fri#2\" " WEEKDAY_WANTED },
	{ "* * * * fri-mon", "day of week: the range \"fri-mon\" runs backwards: \"fri-6,0-mon\" is wanted" },
	{ "* * * * */8", "day of week: the step \"8\" in \"*/8\" is not a number from 1 to 7" },
	{ "0 3 30 2 *", "day of month: \"30\" does not come in month \"2\", so this would never tick: something from 1 to 29 would" },
	{ "0 3 31 feb,4-6/2,9,nov *",
	  "day of month: \"31\" does not come in month \"feb,4-6/2,9,nov\", so this would never tick: something from 1 to 30 would" },
	{ "0 3 30,31 2 */2", "day of month: \"30,31\" does not come in month \"2\", so this would never tick: something from 1 to 29 would" },
	{ "0 \n3 * * *", "hour: \"?3\" is not a number from 0 to 23" },
	{ "0 3 * * mon\xe2\x80\x93" "fri", "day of week: \"mon???fri\" " WEEKDAY_WANTED },
	{ "0 3 * * 0123456789012345678901234567890123456789xyz", "day of week: \"0123456789012345678901234567890123456789...\" " WEEKDAY_WANTED },
};

static void every_mistake_is_named(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cron c;
		char why[256];

		if (parse(bad[i].text, &c, why))
			fail_msg("\"%s\" is taken", bad[i].text);
		assert_string_equal(why, bad[i].why);
	}
}

/* What a message proposes is right. */
static void what_would_be_right_is(void **unused)
{
	static const char *const proposed[] = { "* 22-23,0-2 * * *", "* 5-23/2 * * *", "* */2 * * *", "* * * nov-12,1-feb *", "* * * * fri-6,0-mon", "0 3 29 2 *" };
	struct cron c;
	char why[256];

	(void)unused;
	for (size_t i = 0; i < sizeof(proposed) / sizeof(proposed[0]); i++)
		if (!parse(proposed[i], &c, why))
			fail_msg("%s: %s", proposed[i], why);
}

static void days_that_come_at_times_are_taken(void **unused)
{
	static const char *const rare[] = { "0 3 29 2 *", "0 3 29 2 */7", "0 3 31 1,2 *", "0 3 30 2 5", "0 3 28-31 2 *", "0 3 31 feb,4 mon" };
	struct cron c;
	char why[256];

	(void)unused;
	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++)
		if (!parse(rare[i], &c, why))
			fail_msg("%s: %s", rare[i], why);
}

/* Bytes without sense, and halves of expressions: refused with words or taken, but never a step beyond the end. */
static void nothing_is_read_beyond_the_end(void **unused)
{
	static const char alphabet[] = "0123456789*/,-@ \tjanfebsunmon\xff";
	uint32_t seed = 7;

	(void)unused;
	for (unsigned round = 0; round < 50000; round++) {
		char text[64], why[256];
		size_t n = (size_t)snprintf(text, sizeof(text), "%s", good[round % (sizeof(good) / sizeof(good[0]))].text);
		struct cron c;

		for (unsigned i = 0; i < 1 + round % 4; i++) {
			seed = seed * 1664525u + 1013904223u;
			text[(seed >> 16) % n] = alphabet[(seed >> 8) % (sizeof(alphabet) - 1)];
		}
		text[n - round % 5] = '\0';
		if (!parse(text, &c, why))
			assert_true(strlen(why) > 10);
		else
			assert_true(c.minutes && c.hours && c.days && c.months && c.weekdays);
	}
}

static void a_short_message_is_cut(void **unused)
{
	struct cron c;
	char why[8];

	(void)unused;
	assert_false(cron_parse("60 * * * *", 10, &c, why, sizeof(why)));
	assert_string_equal(why, "minute:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_become_sets),
		cmocka_unit_test(other_ways_to_write_it),
		cmocka_unit_test(every_mistake_is_named),
		cmocka_unit_test(what_would_be_right_is),
		cmocka_unit_test(days_that_come_at_times_are_taken),
		cmocka_unit_test(nothing_is_read_beyond_the_end),
		cmocka_unit_test(a_short_message_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
