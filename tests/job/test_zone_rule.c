/* job/zone_rule: what is a rule and what is not, and the days on which it changes clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/zone_rule.h"
#include "zone_fixture.h"

static bool parse(const char *text, struct zone_rule *rule)
{
	size_t n = strlen(text);
	char *exact = malloc(n ? n : 1);        /* without a NUL behind it, so that a sanitizer sees a step too far */
	bool good;

	assert_non_null(exact);
	memcpy(exact, text, n);
	good = zone_rule_parse(exact, n, rule);
	free(exact);
	return good;
}

static void rule_of(const char *text, struct zone_rule *rule)
{
	if (!parse(text, rule))
		fail_msg("%s is refused", text);
}

static const struct {
	const char *text;
	int32_t standard, daylight;     /* daylight 0: there is none */
} offsets[] = {
	{ "UTC0", 0, 0 },
	{ "CET-1", 3600, 0 },
	{ "EST5", -18000, 0 },
	{ "EST+5", -18000, 0 },
	{ "<-03>3", -10800, 0 },
	{ "<+0545>-5:45", 20700, 0 },
	{ "LMT0:44:30", -2670, 0 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 3600, 7200 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37800, 39600 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", 3600, 0 },      /* winter time is the exception */
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7200, -3600 },
	{ "AAA24BBB-24,0/-167:59:59,365/167:59:59", -86400, 86400 },
	{ "XXX3EDT4,0/0,J365/23", -10800, -14400 },
};

static void offsets_are_read(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct zone_rule rule;

		rule_of(offsets[i].text, &rule);
		assert_int_equal(rule.standard, offsets[i].standard);
		assert_int_equal(rule.has_daylight, strchr(offsets[i].text, ',') != NULL);
		assert_int_equal(rule.daylight, offsets[i].daylight);
	}
}

static const char *const refused[] = {
	"", "C", "CE-1", "CET", "-1", "<+3>-3", "<+03-3", "<+0.>-3", "CET-", "CET25", "CET-1x", "CET-1:", "CET-1:60", "CET-1:00:60", "CET-1:00:00:00", "CET-0001",
	"CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,", "CET-1CEST-,M3.5.0,M10.5.0", "CET-1CE,M3.5.0,M10.5.0", "CET-1,M3.5.0,M10.5.0",
	"CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
	"CET-1CEST,M3.5,M10.5.0", "CET-1CEST,M3,M10.5.0", "CET-1CEST,J0,M10.5.0", "CET-1CEST,J366,M10.5.0", "CET-1CEST,366,M10.5.0", "CET-1CEST,x,M10.5.0",
	"CET-1CEST,M3.5.0/,M10.5.0", "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1CEST,M3.5.0/2:,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0/3,", "CET-1CEST,M3.5.0,M10.5.0 ",
	" CET-1", "CET-1CEST,-1,M10.5.0",
};

static void other_text_is_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct zone_rule rule;

		if (parse(refused[i], &rule))
			fail_msg("\"%s\" is taken", refused[i]);
	}
}

/* A rule that is cut off where it cannot end. The standard time alone is a rule, and so is one whose last number is shorter. */
static void half_a_rule_is_none(void **unused)
{
	static const char text[] = "<+1030>-10:30:00<+11>-11,M10.1.0/2:30,J300/-167:59:59";
	const size_t standard = strlen("<+1030>-10:30:00"), whole = strlen("<+1030>-10:30:00<+11>-11,M10.1.0/2:30,J");
	struct zone_rule rule;

	(void)unused;
	rule_of(text, &rule);
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char part[sizeof(text)];
		bool can_end;

		snprintf(part, sizeof(part), "%.*s", (int)n, text);
		can_end = n && part[n - 1] >= '0' && part[n - 1] <= '9' && strchr(part, '>') && (n <= standard || n > whole);
		if (parse(part, &rule) != can_end)
			fail_msg("\"%s\" is %s", part, can_end ? "refused" : "taken");
	}
}

static const struct {
	const char *rule;
	const char *begin, *end;        /* UTC, both of one year */
} changes[] = {
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2400-03-26T01:00:00Z", "2400-10-29T01:00:00Z" },
	{ "EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z" },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-03T15:30:00Z", "2026-04-04T15:00:00Z" },
	{ "EET-2EEST,M4.5.5/0,M10.5.4/24", "2026-04-23T22:00:00Z", "2026-10-29T21:00:00Z" },
	{ "EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-28T00:00:00Z", "2026-10-23T23:00:00Z" },
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z" },
	{ "AAA0BBB,J60/0,J300/0", "2024-03-01T00:00:00Z", "2024-10-26T23:00:00Z" },     /* J60 is March 1 in leap years, too */
	{ "AAA0BBB,J60/0,J300/0", "2026-03-01T00:00:00Z", "2026-10-26T23:00:00Z" },
	{ "AAA0BBB,J59/0,J300/0", "2024-02-28T00:00:00Z", "2024-10-26T23:00:00Z" },
	{ "AAA0BBB,59/0,299/0", "2024-02-29T00:00:00Z", "2024-10-25T23:00:00Z" },
	{ "AAA0BBB,59/0,299/0", "2026-03-01T00:00:00Z", "2026-10-26T23:00:00Z" },
	{ "AAA0BBB,M2.5.4/0,M12.5.4/0", "2024-02-29T00:00:00Z", "2024-12-25T23:00:00Z" },
	{ "AAA0BBB,M2.5.4/0,M12.5.4/0", "2026-02-26T00:00:00Z", "2026-12-30T23:00:00Z" },
};

static void days_of_change(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		int64_t begin = at(changes[i].begin), end = at(changes[i].end), from, until;
		struct zone_rule rule;

		rule_of(changes[i].rule, &rule);
		assert_int_equal(zone_rule_offset(&rule, begin - 1, &from, &until), rule.standard);
		assert_int_equal(until, begin);
		assert_int_equal(zone_rule_offset(&rule, begin, &from, &until), rule.daylight);
		assert_int_equal(from, begin);
		assert_int_equal(zone_rule_offset(&rule, end - 1, &from, &until), rule.daylight);
		assert_int_equal(until, end);
		assert_int_equal(zone_rule_offset(&rule, end, &from, &until), rule.standard);
		assert_int_equal(from, end);
	}
}

/* The way to write "summer all the year": one ends as the next begins. */
static void summer_all_the_year(void **unused)
{
	struct zone_rule rule;
	int64_t from, until;

	(void)unused;
	rule_of("EST5EDT,0/0,J365/25", &rule);
	for (int64_t t = at("2023-12-25T00:00:00Z"); t < at("2025-01-10T00:00:00Z"); t += 1800) {
		assert_int_equal(zone_rule_offset(&rule, t, &from, &until), -14400);
		assert_true(from <= t && t < until);
	}
}

/* Whatever the rule: the span holds the moment, and the next one begins where it ends. */
static void spans_lie_side_by_side(void **unused)
{
	(void)unused;
	for (unsigned round = 0; round < 3000; round++) {
		char text[96];
		struct zone_rule rule;
		int64_t t = at("1990-01-01T00:00:00Z") + (int64_t)random_below(1 << 20) * 2000;

		snprintf(text, sizeof(text), "AAA%dBBB%d,%u/%d,J%u/%d", (int)random_below(49) - 24, (int)random_below(49) - 24, random_below(366),
			(int)random_below(335) - 167, 1 + random_below(365), (int)random_below(335) - 167);
		rule_of(text, &rule);
		for (unsigned i = 0; i < 8; i++) {
			int64_t from, until, next_from, next_until;
			int32_t offset = zone_rule_offset(&rule, t, &from, &until);

			if (from > t || t >= until || until - from > 800 * INT64_C(86400))
				fail_msg("%s at %lld: from %lld until %lld", text, (long long)t, (long long)from, (long long)until);
			assert_true(offset == rule.standard || offset == rule.daylight);
			assert_int_equal(zone_rule_offset(&rule, until - 1, &next_from, &next_until), offset);
			assert_int_equal(next_until, until);
			zone_rule_offset(&rule, until, &next_from, &next_until);
			assert_int_equal(next_from, until);
			t = until;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_read),
		cmocka_unit_test(other_text_is_refused),
		cmocka_unit_test(half_a_rule_is_none),
		cmocka_unit_test(days_of_change),
		cmocka_unit_test(summer_all_the_year),
		cmocka_unit_test(spans_lie_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
