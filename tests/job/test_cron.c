/* job/cron: ticks over the days on which clocks change, in zones that do it differently; and against a model that looks at every minute of the C
 * library's local time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/cron.h"
#include "zone_fixture.h"

static struct zone z;

static void cron_of(const char *text, struct cron *c)
{
	char why[256];

	if (!cron_parse(text, strlen(text), c, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
}

/* ---- tables ---- */

static const struct {
	const char *zone, *expression, *after;
	const char *ticks[7];   /* in local time with its offset; all there are, one after the other */
} tables[] = {
	/* plain days */
	{ "UTC", "* * * * *", "2026-01-01T00:00:00Z", { "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z" } },
	{ "UTC", "0 3 * * *", "2026-02-27T12:00:00Z", { "2026-02-28T03:00:00Z", "2026-03-01T03:00:00Z" } },
	{ "UTC", "59 23 31 12 *", "2026-06-01T00:00:00Z", { "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z" } },
	{ "UTC", "0 0 13 * 5", "2026-02-12T00:00:00Z", { "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z", "2026-02-27T00:00:00Z", "2026-03-06T00:00:00Z",
							 "2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z" } },
	{ "UTC", "0 0 13 * */5", "2026-02-12T00:00:00Z", { "2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z", "2026-09-13T00:00:00Z", "2026-11-13T00:00:00Z" } },
	{ "UTC", "0 0 29 2 *", "2096-01-01T00:00:00Z", { "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z" } },
	{ "UTC", "0 0 29 2 */7", "2060-03-01T00:00:00Z", { "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z" } },
	{ "UTC", "@monthly", "2026-11-01T00:00:00Z", { "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z" } },
	{ "Asia/Kolkata", "0 3 * * *", "2026-03-28T21:29:59Z", { "2026-03-29T03:00:00+05:30", "2026-03-30T03:00:00+05:30" } },
	{ "Asia/Kolkata", "15 */12 * * *", "2026-03-28T21:29:59Z", { "2026-03-29T12:15:00+05:30", "2026-03-30T00:15:00+05:30" } },
	/* an hour is left out, fixed times */
	{ "Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00Z", { "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00" } },
	{ "Europe/Berlin", "0,20,40 2 * * *", "2026-03-28T01:30:00Z", { "2026-03-28T02:40:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00" } },
	{ "Europe/Berlin", "0 1-4 * * *", "2026-03-28T23:30:00Z", { "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00" } },
	{ "Europe/Berlin", "15 2,3 29 3 *", "2026-01-01T00:00:00Z", { "2026-03-29T03:00:00+02:00", "2026-03-29T03:15:00+02:00", "2027-03-29T02:15:00+02:00" } },
	{ "America/New_York", "30 2 * * sun", "2026-03-01T12:00:00Z", { "2026-03-08T03:00:00-04:00", "2026-03-15T02:30:00-04:00" } },
	/* an hour comes again, fixed times */
	{ "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", { "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00" } },
	{ "Europe/Berlin", "0 2,3 * * *", "2026-10-24T12:00:00Z", { "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00", "2026-10-26T02:00:00+01:00" } },
	{ "Europe/Berlin", "30 2 * * *", "2026-10-25T01:10:00Z", { "2026-10-26T02:30:00+01:00" } },     /* asked while the hour comes again */
	{ "America/New_York", "0 1 * * *", "2026-10-31T12:00:00Z", { "2026-11-01T01:00:00-04:00", "2026-11-02T01:00:00-05:00" } },
	/* real time */
	{ "Europe/Berlin", "30 * * * *", "2026-03-28T23:45:00Z", { "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00" } },
	{ "Europe/Berlin", "30 * * * *", "2026-10-24T23:45:00Z", { "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00" } },
	{ "Europe/Berlin", "@hourly", "2026-03-28T23:45:00Z", { "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00" } },
	{ "Europe/Berlin", "*/30 2 * * *", "2026-03-28T12:00:00Z", { "2026-03-30T02:00:00+02:00", "2026-03-30T02:30:00+02:00" } },
	{ "Europe/Berlin", "*/30 2 * * *", "2026-10-24T12:00:00Z", { "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00",
								     "2026-10-25T02:30:00+01:00", "2026-10-26T02:00:00+01:00" } },
	{ "Europe/Berlin", "0 */2 * * *", "2026-03-28T22:30:00Z", { "2026-03-29T00:00:00+01:00", "2026-03-29T04:00:00+02:00" } },
	{ "America/New_York", "0 * * * *", "2026-11-01T04:30:00Z", { "2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00" } },
	/* half an hour only */
	{ "Australia/Lord_Howe", "15 2 * * *", "2025-10-04T00:00:00Z", { "2025-10-05T02:30:00+11:00", "2025-10-06T02:15:00+11:00" } },
	{ "Australia/Lord_Howe", "45 2 * * *", "2025-10-04T00:00:00Z", { "2025-10-05T02:45:00+11:00" } },
	{ "Australia/Lord_Howe", "0 * * * *", "2025-10-04T14:00:00Z", { "2025-10-05T01:00:00+10:30", "2025-10-05T03:00:00+11:00" } },
	{ "Australia/Lord_Howe", "15,45 1 * * *", "2025-04-05T00:00:00Z", { "2025-04-06T01:15:00+11:00", "2025-04-06T01:45:00+11:00", "2025-04-07T01:15:00+10:30" } },
	{ "Australia/Lord_Howe", "15,45 * * * *", "2025-04-05T14:00:00Z", { "2025-04-06T01:15:00+11:00", "2025-04-06T01:45:00+11:00", "2025-04-06T01:45:00+10:30",
									    "2025-04-06T02:15:00+10:30" } },
	/* at midnight: forward from 0:00, and back from 24:00 */
	{ "Africa/Cairo", "0 0 * * *", "2024-04-25T00:00:00Z", { "2024-04-26T01:00:00+03:00", "2024-04-27T00:00:00+03:00" } },
	{ "Africa/Cairo", "@daily", "2024-10-30T22:00:00Z", { "2024-11-01T00:00:00+02:00", "2024-11-02T00:00:00+02:00" } },
	{ "Africa/Cairo", "30 23 * * *", "2024-10-31T00:00:00Z", { "2024-10-31T23:30:00+03:00", "2024-11-01T23:30:00+02:00" } },
	{ "Africa/Cairo", "30 23 * * 4", "2024-10-31T21:00:00Z", { "2024-11-07T23:30:00+02:00" } },
	{ "Africa/Cairo", "30 0 * * fri", "2024-04-20T00:00:00Z", { "2024-04-26T01:00:00+03:00", "2024-05-03T00:30:00+03:00" } },
	{ "Africa/Cairo", "0 0 30 4 *", "2010-01-01T00:00:00Z", { "2010-04-30T01:00:00+03:00", "2011-04-30T00:00:00+02:00" } },
	{ "Asia/Beirut", "0 0 * * *", "2024-03-30T00:00:00Z", { "2024-03-31T01:00:00+03:00", "2024-04-01T00:00:00+03:00" } },
	{ "Asia/Beirut", "0 0,23 * * *", "2024-10-26T12:00:00Z", { "2024-10-26T23:00:00+03:00", "2024-10-27T00:00:00+02:00", "2024-10-27T23:00:00+02:00" } },
	{ "America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z", { "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00" } },
	{ "America/Sao_Paulo", "30 0 4 11 *", "2018-01-01T00:00:00Z", { "2018-11-04T01:00:00-02:00", "2019-11-04T00:30:00-03:00" } },
	{ "America/Sao_Paulo", "15 23 * * sat", "2018-02-17T12:00:00Z", { "2018-02-17T23:15:00-02:00", "2018-02-24T23:15:00-03:00" } },
	{ "America/Sao_Paulo", "15 * * * *", "2018-02-18T00:20:00Z", { "2018-02-17T23:15:00-02:00", "2018-02-17T23:15:00-03:00", "2018-02-18T00:15:00-03:00" } },
	/* a whole day is left out */
	{ "Pacific/Apia", "0 12 * * *", "2011-12-29T00:00:00Z", { "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00" } },
	{ "Pacific/Apia", "0 0 * * *", "2011-12-29T00:00:00Z", { "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00" } },
	{ "Pacific/Apia", "0 9 30 * *", "2011-12-01T00:00:00Z", { "2011-12-31T00:00:00+14:00", "2012-01-30T09:00:00+14:00" } },
	{ "Pacific/Apia", "0 9 * * fri", "2011-12-23T22:00:00Z", { "2011-12-31T00:00:00+14:00", "2012-01-06T09:00:00+14:00" } },
	{ "Pacific/Apia", "0 */8 * * *", "2011-12-30T02:30:00Z", { "2011-12-31T00:00:00+14:00", "2011-12-31T08:00:00+14:00" } },
	{ "Pacific/Apia", "0 */8 30 12 *", "2011-12-01T00:00:00Z", { "2012-12-30T00:00:00+14:00" } },
	/* years that only the rule at the file's end knows */
	{ "Europe/Berlin", "30 2 * * *", "2088-03-27T12:00:00Z", { "2088-03-28T03:00:00+02:00", "2088-03-29T02:30:00+02:00" } },
	{ "Europe/Berlin", "30 2 * * *", "2088-10-30T12:00:00Z", { "2088-10-31T02:30:00+02:00", "2088-11-01T02:30:00+01:00" } },
};

static void ticks_come_as_the_tables_say(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		int64_t now = at(tables[i].after) * 1000, next;
		struct cron c;

		zone_load(tables[i].zone, &z);
		cron_of(tables[i].expression, &c);
		for (size_t j = 0; j < 7 && tables[i].ticks[j]; j++, now = next) {
			char found[TIME_TEXT_BYTES];

			if (!cron_next(&c, &z, now, &next))
				fail_msg("%s in %s: no tick, not %s", tables[i].expression, tables[i].zone, tables[i].ticks[j]);
			time_format(next, found);
			if (next != at(tables[i].ticks[j]) * 1000)
				fail_msg("%s in %s: %s, not %s", tables[i].expression, tables[i].zone, found, tables[i].ticks[j]);
		}
	}
}

/* ---- the model: every minute, as the C library's clock shows it ---- */

#define WINDOW (6 * 1440)
#define WARM_UP (3 * 1440)      /* minutes before it that are looked at, too, for what clocks had reached */

static int64_t shown[WARM_UP + WINDOW];

static bool model_matches(const struct cron *c, int64_t local)
{
	time_t t = local;
	struct tm tm;
	bool day, weekday;

	if (local % 60 != 0 || !gmtime_r(&t, &tm))
		return false;
	day = c->days >> tm.tm_mday & 1;
	weekday = c->weekdays >> tm.tm_wday & 1;
	return (c->minutes >> tm.tm_min & 1) && (c->hours >> tm.tm_hour & 1) && (c->months >> (tm.tm_mon + 1) & 1) &&
		(c->either_day ? day || weekday : day && weekday);
}

/* Whether the minute that begins at shown[i] is a tick; `reached` is the latest local time before it. */
static bool model_ticks(const struct cron *c, size_t i, int64_t reached)
{
	if (c->real_time)
		return model_matches(c, shown[i]);
	for (int64_t local = reached + 60; local <= shown[i]; local += 60)
		if (model_matches(c, local))
			return true;
	return false;
}

/* All ticks of a window of six days around this moment. */
static void compare_window(const char *zone, const struct cron *c, const char *text, int64_t first)
{
	int64_t next, reached = 0, now = first * 1000 - 1;

	if (!cron_next(c, &z, now, &next))
		next = INT64_MAX;
	for (size_t i = 0; i < WARM_UP + WINDOW; i++) {
		int64_t utc = first + ((int64_t)i - WARM_UP) * 60;

		if (i >= WARM_UP) {
			bool expected = model_ticks(c, i, reached);

			if (expected != (next == utc * 1000))
				fail_msg("\"%s\" in %s: at %lld %s", text, zone, (long long)utc, expected ? "a tick is missing" : "there is no tick");
			if (expected && !cron_next(c, &z, next, &next))
				next = INT64_MAX;
			if (next <= utc * 1000)
				fail_msg("\"%s\" in %s: %lld comes after %lld", text, zone, (long long)next, (long long)utc * 1000);
		}
		if (i == 0 || shown[i] > reached)
			reached = shown[i];
	}
}

/* A field's text: mostly what is near the hours at which clocks change. */
static const char *random_field(char out[32], int min, int max, int near)
{
	uint32_t span = (uint32_t)(max - min + 1);
	int a = min + (int)random_below(span), b = min + (int)random_below(span), n = 1 + (int)random_below(span > 12 ? 12 : span);

	switch (random_below(near ? 8 : 6)) {
	case 0: snprintf(out, 32, "*/%d", n); break;
	case 1: snprintf(out, 32, "%d-%d", a < b ? a : b, a < b ? b : a); break;
	case 2: snprintf(out, 32, "%d-%d/%d", a < b ? a : b, a < b ? b : a, n); break;
	case 3: snprintf(out, 32, "%d,%d,%d", a, b, min + (int)random_below(span)); break;
	case 4: case 5: snprintf(out, 32, "*"); break;
	default: snprintf(out, 32, "%d", near < 2 ? (int)random_below(4) : (int)random_below(2) * 30); break;
	}
	return out;
}

static void random_expression(char text[160], struct cron *c)
{
	char field[5][32], why[256];

	do {
		random_field(field[0], 0, 59, 2);
		random_field(field[1], 0, 23, 1);
		random_field(field[2], 1, 31, 0);
		random_field(field[3], 1, 12, 0);
		random_field(field[4], 0, 7, 0);
		if (random_below(2))
			strcpy(field[2], "*");
		if (random_below(4))
			strcpy(field[3], "*");
		snprintf(text, 160, "%s %s %s %s %s", field[0], field[1], field[2], field[3], field[4]);
	} while (!cron_parse(text, strlen(text), c, why, sizeof(why)));
}

static void compare_around(const char *zone, int64_t middle, unsigned expressions)
{
	int64_t first = (middle - WINDOW / 2 * 60) / 60 * 60;

	for (size_t i = 0; i < WARM_UP + WINDOW; i++)
		shown[i] = libc_local(first + ((int64_t)i - WARM_UP) * 60);
	for (unsigned i = 0; i < expressions; i++) {
		char text[160];
		struct cron c;

		random_expression(text, &c);
		compare_window(zone, &c, text, first);
	}
}

/* Every change of the years 2000 to 2037, found by the C library, and days between them. */
static void compare_zone(const char *zone)
{
	int64_t end = at("2038-01-01T00:00:00Z"), step = 6 * 3600;

	zone_load(zone, &z);
	zone_of_libc(zone);
	for (int64_t t = at("2000-01-01T00:00:00Z"); t < end; t += step)
		if (libc_local(t + step) - libc_local(t) != step)
			compare_around(zone, t, 4);
	for (unsigned i = 0; i < 20; i++)
		compare_around(zone, at("2000-01-04T00:00:00Z") + (int64_t)random_below(13800) * 86400, 4);
}

#define COMPARED(name, zone) \
	static void name(void **unused) \
	{ \
		(void)unused; \
		compare_zone(zone); \
	}

COMPARED(every_minute_in_berlin, "Europe/Berlin")
COMPARED(every_minute_in_new_york, "America/New_York")
COMPARED(every_minute_on_lord_howe, "Australia/Lord_Howe")
COMPARED(every_minute_in_cairo, "Africa/Cairo")
COMPARED(every_minute_in_sao_paulo, "America/Sao_Paulo")
COMPARED(every_minute_in_apia, "Pacific/Apia")
COMPARED(every_minute_in_kolkata, "Asia/Kolkata")
COMPARED(every_minute_in_beirut, "Asia/Beirut")
COMPARED(every_minute_in_casablanca, "Africa/Casablanca")
COMPARED(every_minute_at_troll, "Antarctica/Troll")
COMPARED(every_minute_in_gaza, "Asia/Gaza")
COMPARED(every_minute_in_caracas, "America/Caracas")

/* ---- the ends ---- */

static void ticks_are_strictly_after(void **unused)
{
	struct cron c;
	int64_t noon = at("2026-01-01T12:00:00Z") * 1000, next;

	(void)unused;
	memset(&z, 0, sizeof(z));
	cron_of("0 12 * * *", &c);
	assert_true(cron_next(&c, &z, noon - 1, &next));
	assert_int_equal(next, noon);
	assert_true(cron_next(&c, &z, noon - 1000, &next));
	assert_int_equal(next, noon);
	assert_true(cron_next(&c, &z, noon, &next));
	assert_int_equal(next, noon + 86400000);
	assert_true(cron_next(&c, &z, noon + 1, &next));
	assert_int_equal(next, noon + 86400000);
}

static void time_begins_in_1970_and_ends_in_9999(void **unused)
{
	struct cron c;
	int64_t next = 5;

	(void)unused;
	memset(&z, 0, sizeof(z));
	cron_of("* * * * *", &c);
	assert_true(cron_next(&c, &z, INT64_MIN, &next));
	assert_int_equal(next, 0);
	assert_true(cron_next(&c, &z, -1, &next));
	assert_int_equal(next, 0);
	assert_true(cron_next(&c, &z, at("9999-12-31T23:58:30Z") * 1000, &next));
	assert_int_equal(next, at("9999-12-31T23:59:00Z") * 1000);
	assert_false(cron_next(&c, &z, next, &next));
	assert_false(cron_next(&c, &z, INT64_MAX, &next));
	cron_of("0 0 1 1 *", &c);
	assert_false(cron_next(&c, &z, at("9999-01-01T00:00:00Z") * 1000, &next));
	assert_int_equal(next, at("9999-12-31T23:59:00Z") * 1000);
	/* east and west of Greenwich, where the first and the last local year is another */
	for (int32_t hours = -12; hours <= 14; hours += 26) {
		z.first_offset = hours * 3600;
		cron_of("0 0 * * *", &c);
		assert_true(cron_next(&c, &z, INT64_MIN, &next));
		assert_int_equal(next, (hours < 0 ? -hours : 24 - hours) * 3600000);
		assert_false(cron_next(&c, &z, at("9999-12-31T23:00:00Z") * 1000, &next));
	}
	/* there, the year 10000 begins while it is 9999 in UTC */
	assert_true(cron_next(&c, &z, at("9999-12-31T09:00:00Z") * 1000, &next));
	assert_int_equal(next, at("9999-12-31T10:00:00Z") * 1000);
}

/* In Berlin the hour that these want is left out on every day that matches: there is an answer, and soon. */
static void what_never_comes_is_said_so(void **unused)
{
	struct cron c;
	int64_t next;

	(void)unused;
	zone_load("Europe/Berlin", &z);
	cron_of("*/5 2 25-31 3 */7", &c);
	assert_false(cron_next(&c, &z, at("2026-01-01T00:00:00Z") * 1000, &next));
	cron_of("5 2 25-31 3 */7", &c);
	assert_true(cron_next(&c, &z, at("2026-01-01T00:00:00Z") * 1000, &next));
	assert_int_equal(next, at("2026-03-29T03:00:00+02:00") * 1000);
}

/* Clocks that leave out the first hour of the year, from 2001 to 2120: a tick in that hour is too far away until 2021. */
static void a_tick_in_a_hundred_years_is_the_last(void **unused)
{
	int64_t next, first = at("2121-01-01T00:05:00Z") * 1000;
	struct cron c;

	(void)unused;
	memset(&z, 0, sizeof(z));
	for (int year = 2001; year <= 2120; year++) {
		char forward[32], back[32];

		snprintf(forward, sizeof(forward), "%d-01-01T00:00:00Z", year);
		snprintf(back, sizeof(back), "%d-06-01T00:00:00Z", year);
		z.at[z.nchanges] = at(forward);
		z.offset[z.nchanges++] = 3600;
		z.at[z.nchanges] = at(back);
		z.offset[z.nchanges++] = 0;
	}
	cron_of("*/5 0 1 1 *", &c);
	c.minutes = 1 << 5;
	assert_false(cron_next(&c, &z, first - (CRON_HORIZON_S + 1) * 1000, &next));
	assert_true(cron_next(&c, &z, first - CRON_HORIZON_S * 1000, &next));
	assert_int_equal(next, first);
	/* the same at a fixed time is at the end of each gap */
	c.real_time = false;
	assert_true(cron_next(&c, &z, at("2020-06-01T00:00:00Z") * 1000, &next));
	assert_int_equal(next, at("2021-01-01T00:00:00Z") * 1000);
}

/* Offsets with seconds, which older times have: ticks are where the local clock shows a whole minute, and at the very change. */
static void offsets_need_not_be_whole_minutes(void **unused)
{
	int64_t change = at("1972-01-07T00:44:30Z"), next;
	struct cron c;

	(void)unused;
	zone_load("Africa/Monrovia", &z);
	cron_of("* * * * *", &c);
	assert_true(cron_next(&c, &z, (change - 90) * 1000, &next));
	assert_int_equal(next, (change - 60) * 1000);
	assert_true(cron_next(&c, &z, next, &next));
	assert_int_equal(next, (change + 30) * 1000);
	cron_of("20 0 * * *", &c);
	assert_true(cron_next(&c, &z, (change - 3600) * 1000, &next));
	assert_int_equal(next, change * 1000);
	assert_true(cron_next(&c, &z, next, &next));
	assert_int_equal(next, at("1972-01-08T00:20:00Z") * 1000);
}

/* A broken zone with as many changes as there can be, to and fro: nothing takes long, nothing goes back. */
static void a_zone_that_changes_each_second(void **unused)
{
	static const char *const expressions[] = { "0 3 * * *", "* * * * *", "*/7 2 * * *", "0 0 29 2 *" };
	struct cron c;

	(void)unused;
	memset(&z, 0, sizeof(z));
	for (z.nchanges = 0; z.nchanges < ZONE_CHANGES_MAX; z.nchanges++) {
		z.at[z.nchanges] = 1000000000 + (int64_t)z.nchanges;
		z.offset[z.nchanges] = z.nchanges % 2 ? ZONE_OFFSET_MAX : ZONE_OFFSET_MIN;
	}
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		int64_t now = 999900000000;

		cron_of(expressions[i], &c);
		for (unsigned j = 0; j < 100; j++) {
			int64_t next;

			assert_true(cron_next(&c, &z, now, &next));
			assert_true(next > now);
			now = next;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_come_as_the_tables_say),
		cmocka_unit_test(every_minute_in_berlin),
		cmocka_unit_test(every_minute_in_new_york),
		cmocka_unit_test(every_minute_on_lord_howe),
		cmocka_unit_test(every_minute_in_cairo),
		cmocka_unit_test(every_minute_in_sao_paulo),
		cmocka_unit_test(every_minute_in_apia),
		cmocka_unit_test(every_minute_in_kolkata),
		cmocka_unit_test(every_minute_in_beirut),
		cmocka_unit_test(every_minute_in_casablanca),
		cmocka_unit_test(every_minute_at_troll),
		cmocka_unit_test(every_minute_in_gaza),
		cmocka_unit_test(every_minute_in_caracas),
		cmocka_unit_test(ticks_are_strictly_after),
		cmocka_unit_test(time_begins_in_1970_and_ends_in_9999),
		cmocka_unit_test(what_never_comes_is_said_so),
		cmocka_unit_test(a_tick_in_a_hundred_years_is_the_last),
		cmocka_unit_test(offsets_need_not_be_whole_minutes),
		cmocka_unit_test(a_zone_that_changes_each_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
