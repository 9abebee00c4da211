/* The yearly rule of a time zone: read from its text, and asked for the changes around a moment. Called by tzif.c and zone.c. Text that is no such rule
 * is refused; the bounds set there keep all sums here far from overflow. */
#include "job/zone_rule.h"

#include "text/calendar.h"

#define RULE_YEARS 5            /* two before and two after: a time of up to 167 hours can carry a change into a neighbouring year */

/* ---- reading ---- */

struct rule_text {
	const char *p, *end;
};

static bool take(struct rule_text *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Up to three digits. */
static bool take_number(struct rule_text *t, int min, int max, int *out)
{
	const char *first = t->p;
	int v = 0;

	for (; t->p < t->end && is_digit(*t->p) && t->p - first < 3; t->p++)
		v = v * 10 + *t->p - '0';
	if (t->p == first || v < min || v > max)
		return false;
	*out = v;
	return true;
}

/* "CET" or "<+0330>"; nobody asks for it. */
static bool take_name(struct rule_text *t)
{
	const char *first;

	if (take(t, '<')) {
		first = t->p;
		while (t->p < t->end && (is_letter(*t->p) || is_digit(*t->p) || *t->p == '+' || *t->p == '-'))
			t->p++;
		return t->p - first >= 3 && take(t, '>');
	}
	first = t->p;
	while (t->p < t->end && is_letter(*t->p))
		t->p++;
	return t->p - first >= 3;
}

/* [+-]hours[:minutes[:seconds]] */
static bool take_time(struct rule_text *t, int max_hours, int32_t *seconds)
{
	int h, m = 0, s = 0;
	bool negative = take(t, '-');

	if (!negative)
		take(t, '+');
	if (!take_number(t, 0, max_hours, &h))
		return false;
	if (take(t, ':')) {
		if (!take_number(t, 0, 59, &m))
			return false;
		if (take(t, ':') && !take_number(t, 0, 59, &s))
			return false;
	}
	*seconds = (h * 60 + m) * 60 + s;
	if (negative)
		*seconds = -*seconds;
	return true;
}

static bool take_turn(struct rule_text *t, struct zone_turn *out)
{
	*out = (struct zone_turn){ .time = 2 * 3600 };
	if (!take(t, ','))
		return false;
	if (take(t, 'M')) {
		out->kind = ZONE_DAY_WEEK;
		if (!take_number(t, 1, 12, &out->month) || !take(t, '.') || !take_number(t, 1, 5, &out->week) || !take(t, '.') ||
		    !take_number(t, 0, 6, &out->weekday))
			return false;
	} else if (take(t, 'J')) {
		out->kind = ZONE_DAY_JULIAN;
		if (!take_number(t, 1, 365, &out->day))
			return false;
	} else {
		out->kind = ZONE_DAY_OF_YEAR;
		if (!take_number(t, 0, 365, &out->day))
			return false;
	}
	return !take(t, '/') || take_time(t, 167, &out->time);
}

/* POSIX counts hours west of Greenwich, everybody else hours east. */
static bool take_offset(struct rule_text *t, int32_t *offset)
{
	if (!take_time(t, 24, offset))
		return false;
	*offset = -*offset;
	return true;
}

bool zone_rule_parse(const char *p, size_t n, struct zone_rule *out)
{
	struct rule_text t = { p, p + n };

	*out = (struct zone_rule){ 0 };
	if (!take_name(&t) || !take_offset(&t, &out->standard))
		return false;
	if (t.p == t.end)
		return true;
	out->has_daylight = true;
	out->daylight = out->standard + 3600;
	if (!take_name(&t))
		return false;
	if (t.p < t.end && *t.p != ',' && !take_offset(&t, &out->daylight))
		return false;
	return take_turn(&t, &out->begin) && take_turn(&t, &out->end) && t.p == t.end;
}

/* ---- asking ---- */

static int64_t turn_day(const struct zone_turn *turn, int64_t year)
{
	int64_t first = calendar_days(year, 1, 1);
	bool leap = calendar_month_days(year, 2) == 29;
	int day;

	switch (turn->kind) {
	case ZONE_DAY_JULIAN:
		return first + turn->day - (leap && turn->day >= 60 ? 0 : 1);
	case ZONE_DAY_OF_YEAR:
		return first + turn->day;
	case ZONE_DAY_WEEK:
		break;
	}
	first = calendar_days(year, turn->month, 1);
	day = (turn->weekday - calendar_weekday(first) + 7) % 7 + (turn->week - 1) * 7;
	return first + (day < calendar_month_days(year, turn->month) ? day : day - 7);
}

struct rule_change {
	int64_t at;
	int32_t offset;         /* from then on */
};

/* The changes of five years in order. Where one ends as the next begins, as in a zone that has summer all the year, the later one in the year counts. */
static void rule_changes(const struct zone_rule *rule, int64_t first_year, struct rule_change out[2 * RULE_YEARS])
{
	for (int i = 0; i < 2 * RULE_YEARS; i++) {
		const struct zone_turn *turn = i % 2 ? &rule->end : &rule->begin;
		int32_t before = i % 2 ? rule->daylight : rule->standard;
		struct rule_change c = {
			.at = turn_day(turn, first_year + i / 2) * 86400 + turn->time - before,
			.offset = i % 2 ? rule->standard : rule->daylight,
		};
		int j = i;

		for (; j > 0 && out[j - 1].at > c.at; j--)
			out[j] = out[j - 1];
		out[j] = c;
	}
}

int32_t zone_rule_offset(const struct zone_rule *rule, int64_t utc, int64_t *from, int64_t *until)
{
	struct rule_change changes[2 * RULE_YEARS];
	int year, month, day, i = 1;

	if (!rule->has_daylight) {
		*from = INT64_MIN;
		*until = INT64_MAX;
		return rule->standard;
	}
	calendar_date(calendar_day_of(utc), &year, &month, &day);
	rule_changes(rule, year - RULE_YEARS / 2, changes);
	while (i < 2 * RULE_YEARS - 1 && changes[i].at <= utc)
		i++;
	*from = changes[i - 1].at;
	*until = changes[i].at;
	return changes[i - 1].offset;
}
