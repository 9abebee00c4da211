/* Reads cron expressions. Called where a conf is checked and loaded. A mistake is told in a phrase that names the field, the part and what would be
 * right; nothing here is fatal. */
#include "job/cron.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "text/buf.h"
#include "text/calendar.h"

#define SHOWN_MAX 40            /* bytes of what was written that go into a message */
#define FIELDS 5
#define FIELD_NAMES "minute hour day-of-month month day-of-week"
#define NICKNAMES "@hourly @daily @midnight @weekly @monthly @yearly @annually"

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekday_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };

static const struct field {
	const char *name;
	int min, max;           /* of "*" */
	int top;                /* of a number: Sunday is 0 and 7 */
	const char *wanted;
	const char *const *names;       /* of the values from min on */
} fields[FIELDS] = {
	[MINUTE] = { "minute", 0, 59, 59, "a number from 0 to 59", NULL },
	[HOUR] = { "hour", 0, 23, 23, "a number from 0 to 23", NULL },
	[DAY] = { "day of month", 1, 31, 31, "a number from 1 to 31", NULL },
	[MONTH] = { "month", 1, 12, 12, "a number from 1 to 12 or a name from jan to dec", month_names },
	[WEEKDAY] = { "day of week", 0, 6, 7, "a number from 0 (Sunday) to 7 (Sunday too) or a name from sun to sat", weekday_names },
};

static const struct {
	const char *name, *expression;
} nicknames[] = {
	{ "@hourly", "0 * * * *" },
	{ "@daily", "0 0 * * *" },
	{ "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" },
	{ "@monthly", "0 0 1 * *" },
	{ "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
};

struct why {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, why->size, fmt, ap);
	va_end(ap);
	return false;
}

struct shown {
	char s[SHOWN_MAX + 4];
};

/* What was written, fit for a message: printable and not endless. */
static struct shown shown(struct slice s)
{
	size_t n = s.n < SHOWN_MAX ? s.n : SHOWN_MAX;
	struct shown out;

	for (size_t i = 0; i < n; i++)
		out.s[i] = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?';
	strcpy(out.s + n, n < s.n ? "..." : "");
	return out;
}

/* The parts of s before and after the first c; without one, the whole and nothing. */
static bool cut(struct slice s, char c, struct slice *before, struct slice *after)
{
	const char *found = s.n ? memchr(s.p, c, s.n) : NULL;

	*before = s;
	*after = (struct slice){ s.p + s.n, 0 };
	if (!found)
		return false;
	before->n = (size_t)(found - s.p);
	*after = (struct slice){ found + 1, s.n - before->n - 1 };
	return true;
}

/* ---- one field ---- */

/* A number without a sign; -1 where it is none or a very large one. */
static int number_of(struct slice s)
{
	int v = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || v > 9999)
			return -1;
		v = v * 10 + s.p[i] - '0';
	}
	return v;
}

static bool value_read(const struct why *why, const struct field *f, struct slice item, struct slice s, int *out)
{
	*out = number_of(s);
	for (int i = 0; f->names && f->names[i]; i++)
		if (s.n == 3 && strncasecmp(s.p, f->names[i], 3) == 0)
			*out = f->min + i;
	if (*out >= f->min && *out <= f->top)
		return true;
	if (s.n == item.n)
		return refuse(why, "%s: \"%s\" is not %s", f->name, shown(s).s, f->wanted);
	return refuse(why, "%s: \"%s\" in \"%s\" is not %s", f->name, shown(s).s, shown(item).s, f->wanted);
}

static bool step_read(const struct why *why, const struct field *f, struct slice item, struct slice s, int *step)
{
	int most = f->max - f->min + 1;

	*step = number_of(s);
	if (*step >= 1 && *step <= most)
		return true;
	return refuse(why, "%s: the step \"%s\" in \"%s\" is not a number from 1 to %d", f->name, shown(s).s, shown(item).s, most);
}

/* "a-b". A week that ends on Sunday ends with 7, one that begins on Sunday with 0, whichever of the two was written. */
static bool range_read(const struct why *why, const struct field *f, struct slice item, struct slice a, struct slice b, int *first, int *last)
{
	if (a.n == 0 || b.n == 0)
		return refuse(why, "%s: the range \"%s\" has no %s: two values with \"-\" between them are wanted", f->name, shown(item).s, a.n ? "end" : "beginning");
	if (!value_read(why, f, item, a, first) || !value_read(why, f, item, b, last))
		return false;
	if (f == &fields[WEEKDAY] && *last == 0 && *first > 0)
		*last = 7;
	else if (f == &fields[WEEKDAY] && *first == 7 && *last < 7)
		*first = 0;
	if (*first <= *last)
		return true;
	return refuse(why, "%s: the range \"%s\" runs backwards: \"%s-%d,%d-%s\" is wanted", f->name, shown(item).s, shown(a).s, f->max, f->min, shown(b).s);
}

/* An item of a list: "*", "*" with a step, "a", "a-b", "a-b" with a step. */
static bool item_read(const struct why *why, const struct field *f, struct slice item, uint64_t *set)
{
	struct slice values, step_text, a, b;
	int first = f->min, last = f->max, step = 1;
	bool stepped = cut(item, '/', &values, &step_text);
	bool all = slice_eq(values, "*"), range = !all && cut(values, '-', &a, &b);

	if (range) {
		if (!range_read(why, f, item, a, b, &first, &last))
			return false;
	} else if (!all) {
		if (!value_read(why, f, item, values, &first))
			return false;
		last = first;
	}
	if (stepped && !step_read(why, f, item, step_text, &step))
		return false;
	if (stepped && !all && !range)
		return refuse(why, "%s: \"%s\" has a step and no range: \"%d-%d/%d\" or \"*/%d\" is wanted", f->name, shown(item).s, first, f->top, step, step);
	for (int v = first; v <= last; v += step)
		*set |= UINT64_C(1) << (f == &fields[WEEKDAY] ? v % 7 : v);
	return true;
}

static bool field_read(const struct why *why, const struct field *f, struct slice text, uint64_t *set)
{
	struct slice item, rest = text;
	bool more;

	*set = 0;
	do {
		more = cut(rest, ',', &item, &rest);
		if (item.n == 0)
			return refuse(why, "%s: the list \"%s\" has an empty item: a comma stands between two values", f->name, shown(text).s);
		if (!item_read(why, f, item, set))
			return false;
	} while (more);
	return true;
}

/* ---- the whole ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trimmed(const char *p, size_t n)
{
	while (n && is_blank(*p))
		p++, n--;
	while (n && is_blank(p[n - 1]))
		n--;
	return (struct slice){ p, n };
}

/* How many fields there are; the first of them go into out. */
static size_t split(struct slice s, struct slice out[FIELDS])
{
	size_t count = 0, i = 0;

	while (i < s.n) {
		size_t first = i;

		while (i < s.n && !is_blank(s.p[i]))
			i++;
		if (count < FIELDS)
			out[count] = (struct slice){ s.p + first, i - first };
		count++;
		while (i < s.n && is_blank(s.p[i]))
			i++;
	}
	return count;
}

/* Every weekday comes on every date in the end, February 29 included: only dates that there are not never match. */
static bool days_check(const struct why *why, const struct cron *c, const struct slice text[FIELDS])
{
	int longest = 0;

	for (int month = 1; month <= 12; month++) {
		int n = calendar_month_days(2000, month);

		if ((c->months >> month & 1) && n > longest)
			longest = n;
	}
	if (c->either_day || c->days & ((UINT32_C(2) << longest) - 1))
		return true;
	return refuse(why, "day of month: \"%s\" does not come in month \"%s\", so this would never tick: something from 1 to %d would", shown(text[DAY]).s,
		shown(text[MONTH]).s, longest);
}

static bool fields_read(const struct why *why, const struct slice text[FIELDS], struct cron *out)
{
	uint64_t sets[FIELDS];
	bool star[FIELDS];

	for (int i = 0; i < FIELDS; i++) {
		if (!field_read(why, &fields[i], text[i], &sets[i]))
			return false;
		star[i] = text[i].p[0] == '*';
	}
	*out = (struct cron){
		.minutes = sets[MINUTE], .hours = (uint32_t)sets[HOUR], .days = (uint32_t)sets[DAY], .months = (uint16_t)sets[MONTH],
		.weekdays = (uint8_t)sets[WEEKDAY], .either_day = !star[DAY] && !star[WEEKDAY], .real_time = star[MINUTE] || star[HOUR],
	};
	return days_check(why, out, text);
}

bool cron_parse(const char *p, size_t n, struct cron *out, char *why_text, size_t why_size)
{
	const struct why why = { why_text, why_size };
	struct slice s = trimmed(p, n), text[FIELDS];
	size_t count;

	if (s.n && s.p[0] == '@') {
		size_t i = 0, known = sizeof(nicknames) / sizeof(nicknames[0]);

		while (i < known && (s.n != strlen(nicknames[i].name) || strncasecmp(s.p, nicknames[i].name, s.n) != 0))
			i++;
		if (i == known)
			return refuse(&why, "\"%s\" is not known: one of " NICKNAMES " or five fields are wanted: " FIELD_NAMES, shown(s).s);
		s = slice_of(nicknames[i].expression);
	}
	count = split(s, text);
	if (count == 0)
		return refuse(&why, "it is empty: five fields are wanted, as \"0 3 * * *\": " FIELD_NAMES);
	if (count != FIELDS)
		return refuse(&why, "\"%s\" has %zu field%s: five are wanted: " FIELD_NAMES, shown(s).s, count, count == 1 ? "" : "s");
	return fields_read(&why, text, out);
}
