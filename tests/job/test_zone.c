/* job/zone: local time from UTC and back, over real zones and against the C library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/zone.h"
#include "zone_fixture.h"

static struct zone z;

/* ---- against the C library ---- */

static void assert_as_libc(const char *name, int64_t utc)
{
	struct zone_span span = zone_span_at(&z, utc);
	int64_t expected = libc_local(utc) - utc;

	if (span.offset != expected)
		fail_msg("%s at %lld: offset %d, libc has %lld", name, (long long)utc, span.offset, (long long)expected);
	if (utc < span.from || utc >= span.until)
		fail_msg("%s at %lld: the span is from %lld until %lld", name, (long long)utc, (long long)span.from, (long long)span.until);
}

static void compare_zone(const char *name)
{
	int64_t end = at("2200-01-01T00:00:00Z");

	zone_load(name, &z);
	zone_of_libc(name);
	for (int64_t t = at("1970-01-01T00:00:00Z"); t < end;) {
		struct zone_span span = zone_span_at(&z, t);

		assert_as_libc(name, t);
		if (span.until < end)
			assert_as_libc(name, span.until - 1);
		t = span.until;
	}
	for (unsigned i = 0; i < 500; i++)
		assert_as_libc(name, (int64_t)random_below(1 << 20) * 6900 + random_below(6900));
}

/* Every zone that has people: the third column of the table that comes with the zones. */
static void every_zone_is_as_the_c_library_has_it(void **unused)
{
	const char *dir = getenv("TZDIR");
	char path[512], line[1024], name[64];
	unsigned n = 0;
	FILE *table;

	(void)unused;
	snprintf(path, sizeof(path), "%s/zone1970.tab", dir && *dir ? dir : "/usr/share/zoneinfo");
	table = fopen(path, "r");
	assert_non_null(table);
	while (fgets(line, sizeof(line), table)) {
		if (line[0] == '#' || sscanf(line, "%*s %*s %63s", name) != 1)
			continue;
		compare_zone(name);
		n++;
	}
	fclose(table);
	assert_true(n > 250);
}

/* ---- from local time ---- */

static const struct {
	const char *zone, *local;       /* local times are written as if they were UTC */
	enum zone_local how;
	const char *utc, *again;
} moments[] = {
	{ "Europe/Berlin", "2026-03-29T01:59:59Z", ZONE_ONCE, "2026-03-29T00:59:59Z", NULL },
	{ "Europe/Berlin", "2026-03-29T02:00:00Z", ZONE_GAP, "2026-03-29T01:00:00Z", NULL },
	{ "Europe/Berlin", "2026-03-29T02:59:59Z", ZONE_GAP, "2026-03-29T01:00:00Z", NULL },
	{ "Europe/Berlin", "2026-03-29T03:00:00Z", ZONE_ONCE, "2026-03-29T01:00:00Z", NULL },
	{ "Europe/Berlin", "2026-10-25T01:59:59Z", ZONE_ONCE, "2026-10-24T23:59:59Z", NULL },
	{ "Europe/Berlin", "2026-10-25T02:00:00Z", ZONE_TWICE, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z" },
	{ "Europe/Berlin", "2026-10-25T02:59:59Z", ZONE_TWICE, "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z" },
	{ "Europe/Berlin", "2026-10-25T03:00:00Z", ZONE_ONCE, "2026-10-25T02:00:00Z", NULL },
	{ "Europe/Berlin", "2088-10-31T02:30:00Z", ZONE_TWICE, "2088-10-31T00:30:00Z", "2088-10-31T01:30:00Z" },        /* by the rule */
	{ "Australia/Lord_Howe", "2025-10-05T02:15:00Z", ZONE_GAP, "2025-10-04T15:30:00Z", NULL },
	{ "Australia/Lord_Howe", "2025-10-05T02:30:00Z", ZONE_ONCE, "2025-10-04T15:30:00Z", NULL },
	{ "Australia/Lord_Howe", "2025-04-06T01:45:00Z", ZONE_TWICE, "2025-04-05T14:45:00Z", "2025-04-05T15:15:00Z" },
	{ "Australia/Lord_Howe", "2025-04-06T01:15:00Z", ZONE_ONCE, "2025-04-05T14:15:00Z", NULL },
	{ "Africa/Cairo", "2024-04-26T00:30:00Z", ZONE_GAP, "2024-04-25T22:00:00Z", NULL },
	{ "Africa/Cairo", "2024-10-31T23:30:00Z", ZONE_TWICE, "2024-10-31T20:30:00Z", "2024-10-31T21:30:00Z" },
	{ "Asia/Beirut", "2024-03-31T00:00:00Z", ZONE_GAP, "2024-03-30T22:00:00Z", NULL },
	{ "Asia/Beirut", "2024-10-26T23:00:00Z", ZONE_TWICE, "2024-10-26T20:00:00Z", "2024-10-26T21:00:00Z" },
	{ "America/Sao_Paulo", "2018-11-04T00:00:00Z", ZONE_GAP, "2018-11-04T03:00:00Z", NULL },
	{ "America/Sao_Paulo", "2018-02-17T23:59:00Z", ZONE_TWICE, "2018-02-18T01:59:00Z", "2018-02-18T02:59:00Z" },
	{ "America/Sao_Paulo", "2026-11-01T00:00:00Z", ZONE_ONCE, "2026-11-01T03:00:00Z", NULL },
	{ "Pacific/Apia", "2011-12-29T23:59:59Z", ZONE_ONCE, "2011-12-30T09:59:59Z", NULL },
	{ "Pacific/Apia", "2011-12-30T00:00:00Z", ZONE_GAP, "2011-12-30T10:00:00Z", NULL },
	{ "Pacific/Apia", "2011-12-30T23:59:59Z", ZONE_GAP, "2011-12-30T10:00:00Z", NULL },
	{ "Pacific/Apia", "2011-12-31T00:00:00Z", ZONE_ONCE, "2011-12-30T10:00:00Z", NULL },
	{ "Asia/Kolkata", "2026-07-01T00:00:00Z", ZONE_ONCE, "2026-06-30T18:30:00Z", NULL },
	{ "Asia/Pyongyang", "2018-05-04T23:45:00Z", ZONE_GAP, "2018-05-04T15:00:00Z", NULL },      /* the standard time itself moved */
	{ "Europe/Moscow", "2014-10-26T01:30:00Z", ZONE_TWICE, "2014-10-25T21:30:00Z", "2014-10-25T22:30:00Z" },
	{ "Antarctica/Troll", "2026-03-29T02:30:00Z", ZONE_GAP, "2026-03-29T01:00:00Z", NULL },     /* two hours at once */
	{ "UTC", "2026-03-29T02:30:00Z", ZONE_ONCE, "2026-03-29T02:30:00Z", NULL },
};

static void local_times_are_found(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		struct zone_moment m;

		zone_load(moments[i].zone, &z);
		m = zone_moment_of(&z, at(moments[i].local));
		if (m.how != moments[i].how || m.utc != at(moments[i].utc))
			fail_msg("%s in %s: %d, %lld", moments[i].local, moments[i].zone, m.how, (long long)m.utc);
		if (moments[i].again)
			assert_int_equal(m.again, at(moments[i].again));
	}
}

/* Each local time of a few days around every change, against the seconds themselves. */
static void gaps_and_repeats_are_as_the_seconds_say(void **unused)
{
	static const char *const names[] = { "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia", "America/St_Johns" };

	(void)unused;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int64_t end = at("2040-01-01T00:00:00Z");

		zone_load(names[i], &z);
		for (int64_t t = zone_span_at(&z, at("1990-01-01T00:00:00Z")).until; t < end; t = zone_span_at(&z, t).until) {
			int64_t before = zone_span_at(&z, t - 1).offset, after = zone_span_at(&z, t).offset;

			for (int64_t d = -3 * 86400; d < 3 * 86400; d += 450) {
				int64_t local = t + d, first = local - before, second = local - after;
				struct zone_moment m = zone_moment_of(&z, local);

				if (first < t) {
					assert_int_equal(m.utc, first);
					assert_int_equal(m.how, second >= t ? ZONE_TWICE : ZONE_ONCE);
				} else {
					assert_int_equal(m.utc, second >= t ? second : t);
					assert_int_equal(m.how, second >= t ? ZONE_ONCE : ZONE_GAP);
				}
				if (m.how == ZONE_TWICE)
					assert_int_equal(m.again, second);
			}
		}
	}
}

static void the_latest_local_time_stands_while_hours_come_again(void **unused)
{
	int64_t back = at("2026-10-25T01:00:00Z");

	(void)unused;
	zone_load("Europe/Berlin", &z);
	assert_int_equal(zone_reached(&z, back - 1), at("2026-10-25T02:59:59Z"));
	assert_int_equal(zone_reached(&z, back), at("2026-10-25T02:59:59Z"));
	assert_int_equal(zone_reached(&z, back + 3599), at("2026-10-25T02:59:59Z"));
	assert_int_equal(zone_reached(&z, back + 3600), at("2026-10-25T03:00:00Z"));
	assert_int_equal(zone_reached(&z, at("2026-03-29T01:00:00Z")), at("2026-03-29T03:00:00Z"));
}

/* A day that comes twice, as where a country moves over the date line, and clocks that are put back again meanwhile. */
static void a_whole_day_comes_again(void **unused)
{
	int64_t back = at("2026-05-01T00:00:00Z");
	struct zone_moment m;

	(void)unused;
	memset(&z, 0, sizeof(z));
	z.first_offset = 12 * 3600;
	z.at[0] = back;
	z.offset[0] = -12 * 3600;
	z.at[1] = back + 7200;
	z.offset[1] = -13 * 3600;
	z.nchanges = 2;
	m = zone_moment_of(&z, at("2026-05-01T05:00:00Z"));
	assert_int_equal(m.how, ZONE_TWICE);
	assert_int_equal(m.utc, at("2026-04-30T17:00:00Z"));
	assert_int_equal(m.again, at("2026-05-01T18:00:00Z"));
	for (int64_t t = back; t < back + 25 * 3600; t += 60)
		assert_int_equal(zone_reached(&z, t), at("2026-05-01T11:59:59Z"));
	assert_int_equal(zone_reached(&z, back + 25 * 3600), at("2026-05-01T12:00:00Z"));
}

/* ---- the ends ---- */

static void a_zone_of_zeroes_is_utc(void **unused)
{
	struct zone_moment m;

	(void)unused;
	memset(&z, 0, sizeof(z));
	m = zone_moment_of(&z, 1234567890);
	assert_int_equal(zone_span_at(&z, 1234567890).offset, 0);
	assert_int_equal(m.utc, 1234567890);
	assert_int_equal(m.how, ZONE_ONCE);
	assert_int_equal(zone_reached(&z, 1234567890), 1234567890);
}

/* A rule alone, without any change before it. */
static void a_rule_is_enough(void **unused)
{
	static const char rule[] = "CET-1CEST,M3.5.0,M10.5.0/3";

	(void)unused;
	memset(&z, 0, sizeof(z));
	z.has_rule = zone_rule_parse(rule, sizeof(rule) - 1, &z.rule);
	assert_true(z.has_rule);
	assert_int_equal(zone_span_at(&z, at("2026-01-01T00:00:00Z")).offset, 3600);
	assert_int_equal(zone_span_at(&z, at("2026-07-01T00:00:00Z")).offset, 7200);
	assert_int_equal(zone_moment_of(&z, at("2026-10-25T02:30:00Z")).how, ZONE_TWICE);
}

static void the_ends_of_time(void **unused)
{
	static const int64_t ends[] = { INT64_MIN, ZONE_TIME_MIN, ZONE_TIME_MIN + 90000, ZONE_TIME_MAX - 90000, ZONE_TIME_MAX, INT64_MAX };
	static const char *const names[] = { "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC" };

	(void)unused;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		zone_load(names[i], &z);
		for (size_t j = 0; j < sizeof(ends) / sizeof(ends[0]); j++) {
			int64_t within = ends[j] < ZONE_TIME_MIN ? ZONE_TIME_MIN : ends[j] > ZONE_TIME_MAX ? ZONE_TIME_MAX : ends[j];
			struct zone_span span = zone_span_at(&z, ends[j]);

			assert_true(span.from <= within && within < span.until);
			assert_in_range(zone_moment_of(&z, ends[j]).utc - within + 100000, 0, 200000);
			assert_in_range(zone_reached(&z, ends[j]) - within + 100000, 0, 200000);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_zone_is_as_the_c_library_has_it),
		cmocka_unit_test(local_times_are_found),
		cmocka_unit_test(gaps_and_repeats_are_as_the_seconds_say),
		cmocka_unit_test(the_latest_local_time_stands_while_hours_come_again),
		cmocka_unit_test(a_whole_day_comes_again),
		cmocka_unit_test(a_zone_of_zeroes_is_utc),
		cmocka_unit_test(a_rule_is_enough),
		cmocka_unit_test(the_ends_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
