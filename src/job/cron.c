/* When a cron expression ticks next. Called for every schedule after each of its ticks. Nothing here can fail; work is bounded by a hundred years of
 * days that are not looked at one by one where their month does not match. */
#include "job/cron.h"

#include "text/calendar.h"

#define DAY 86400

/* ---- in local time, which here is a plain count of seconds ---- */

static bool has(uint64_t set, int n)
{
	return set >> n & 1;
}

/* The first element of the set from n on; -1 where there is none. */
static int first_from(uint64_t set, int n)
{
	uint64_t rest = n < 64 ? set >> n : 0;

	return rest ? n + __builtin_ctzll(rest) : -1;
}

/* The first minute of a day, from this one on, that matches; -1 where there is none. */
static int minute_of_day(const struct cron *c, int from)
{
	int hour = from / 60;

	if (has(c->hours, hour)) {
		int minute = first_from(c->minutes, from % 60);

		if (minute >= 0)
			return hour * 60 + minute;
	}
	hour = first_from(c->hours, hour + 1);
	return hour < 0 ? -1 : hour * 60 + first_from(c->minutes, 0);
}

static bool day_matches(const struct cron *c, int64_t days, int day)
{
	bool of_month = has(c->days, day), of_week = has(c->weekdays, calendar_weekday(days));

	return c->either_day ? of_month || of_week : of_month && of_week;
}

/* The first day that matches, from this one up to the last; INT64_MIN where there is none. */
static int64_t day_from(const struct cron *c, int64_t days, int64_t last)
{
	while (days <= last) {
		int year, month, day;

		calendar_date(days, &year, &month, &day);
		if (!has(c->months, month)) {
			days += calendar_month_days(year, month) - day + 1;
			continue;
		}
		if (day_matches(c, days, day))
			return days;
		days++;
	}
	return INT64_MIN;
}

/* The first local time that matches, not before `from` and before `until`. */
static bool local_from(const struct cron *c, int64_t from, int64_t until, int64_t *out)
{
	int64_t today = calendar_day_of(from + 59), days;       /* the seconds up to the next whole minute may lead into the next day */
	int minute = (int)((from + 59 - today * DAY) / 60);
	int64_t last = calendar_day_of(until);

	days = day_from(c, today, last);
	if (days == today) {
		minute = minute_of_day(c, minute);
		if (minute < 0)
			days = day_from(c, today + 1, last);
	}
	if (days == INT64_MIN)
		return false;
	if (days != today)
		minute = minute_of_day(c, 0);
	*out = days * DAY + minute * 60;
	return *out < until;
}

/* ---- in real time ---- */

/* Every moment whose local time matches: what clocks pass over does not tick, what they show twice does so twice. */
static bool next_shown(const struct cron *c, const struct zone *z, int64_t from, int64_t limit, int64_t *tick)
{
	while (from < limit) {
		struct zone_span span = zone_span_at(z, from);
		int64_t until = span.until < limit ? span.until : limit, local;

		if (local_from(c, from + span.offset, until + span.offset, &local)) {
			*tick = local - span.offset;
			return true;
		}
		from = until;
	}
	return false;
}

/* Every local time that matches, once: when clocks reach it or pass over it. What they have reached already has had its tick. */
static bool next_reached(const struct cron *c, const struct zone *z, int64_t from, int64_t limit, int64_t *tick)
{
	int64_t local;

	if (!local_from(c, zone_reached(z, from - 1) + 1, limit + ZONE_OFFSET_MAX, &local))
		return false;
	*tick = zone_moment_of(z, local).utc;
	return *tick < limit;
}

bool cron_next(const struct cron *c, const struct zone *z, int64_t after_ms, int64_t *next_ms)
{
	int64_t from, limit, tick;

	if (after_ms >= CRON_TIME_MAX_MS)
		return false;
	from = after_ms < 0 ? 0 : after_ms / 1000 + 1;
	limit = CRON_TIME_MAX_MS / 1000 + 1;
	if (limit - from > CRON_HORIZON_S)
		limit = from + CRON_HORIZON_S;
	if (!(c->real_time ? next_shown : next_reached)(c, z, from, limit, &tick))
		return false;
	*next_ms = tick * 1000;
	return true;
}
