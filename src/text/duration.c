/* Durations, sizes, rates and times as people write them: for the conf, the command line and the API.
 * Pure and without allocation; nothing here is fatal. */
#include "text/duration.h"

#include <stddef.h>
#include <string.h>

#include "text/calendar.h"

#define DURATION_MAX_MS (INT64_C(1) << 53)      /* exact in a double, which is what JSON readers have */
#define FRACTION_ONE UINT64_C(1000000000)
#define DAY_MS INT64_C(86400000)
#define TIME_MAX_MS INT64_C(253402300799999)    /* 9999-12-31T23:59:59.999Z */

static const struct {
	const char *name;
	int64_t ms;
} duration_units[] = {  /* the largest first, as duration_put() tries them */
	{ "d", DAY_MS }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number as 1.25: its whole part, its fraction in billionths, and whether anything in it is not zero. */
struct number {
	uint64_t whole;
	uint64_t fraction;
	bool nonzero;
};

/* Takes digits off the front of *s; false where there is none or the whole part passes `max`. */
static bool number_take(struct slice *s, uint64_t max, struct number *out)
{
	uint64_t place = FRACTION_ONE / 10;
	size_t i = 0;

	*out = (struct number){ 0 };
	for (; i < s->n && is_digit(s->p[i]); i++) {
		uint64_t digit = (uint64_t)(s->p[i] - '0');

		if (out->whole > (max - digit) / 10)
			return false;
		out->whole = out->whole * 10 + digit;
	}
	if (i == 0)
		return false;
	out->nonzero = out->whole != 0;
	if (i < s->n && s->p[i] == '.') {
		size_t first = ++i;

		for (; i < s->n && is_digit(s->p[i]); i++, place /= 10) {
			out->fraction += (uint64_t)(s->p[i] - '0') * place;
			out->nonzero |= s->p[i] != '0';
		}
		if (i == first)
			return false;
	}
	s->p += i;
	s->n -= i;
	return true;
}

bool duration_parse(struct slice s, int64_t *ms)
{
	struct number v;
	int64_t unit = 0, total;

	if (!number_take(&s, (uint64_t)DURATION_MAX_MS, &v))
		return false;
	if (s.n == 0)
		unit = 1000;
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++)
		if (slice_eq(s, duration_units[i].name))
			unit = duration_units[i].ms;
	if (unit == 0 || (int64_t)v.whole > DURATION_MAX_MS / unit)
		return false;
	total = (int64_t)v.whole * unit + (int64_t)((v.fraction * (uint64_t)unit + FRACTION_ONE / 2) / FRACTION_ONE);
	if (total > DURATION_MAX_MS)
		return false;
	/* Zero often means "none": something very short must not turn into it. */
	*ms = total == 0 && v.nonzero ? 1 : total;
	return true;
}

void duration_put(struct buf *b, int64_t ms)
{
	if (ms == 0) {
		buf_str(b, "0s");
		return;
	}
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++) {
		if (ms % duration_units[i].ms)
			continue;
		buf_i64(b, ms / duration_units[i].ms);
		buf_str(b, duration_units[i].name);
		return;
	}
}

static const char size_units[] = "KMGT";        /* each 1024 times the one before */

static unsigned size_shift(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	at = c ? strchr(size_units, c) : NULL;
	return at ? 10 * (unsigned)(at - size_units + 1) : 0;
}

bool size_parse(struct slice s, uint64_t *bytes)
{
	unsigned shift = 0;
	uint64_t v = 0;
	size_t i = 0;

	for (; i < s.n && is_digit(s.p[i]); i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (i == 0 || s.n - i > 1)
		return false;
	if (i < s.n) {
		shift = size_shift(s.p[i]);
		if (shift == 0 || v > UINT64_MAX >> shift)
			return false;
	}
	*bytes = v << shift;
	return true;
}

void size_put(struct buf *b, uint64_t bytes)
{
	size_t unit = 0;

	while (bytes && bytes % 1024 == 0 && unit < sizeof(size_units) - 1) {
		bytes /= 1024;
		unit++;
	}
	buf_u64(b, bytes);
	if (unit)
		buf_char(b, size_units[unit - 1]);
}

bool rate_parse(struct slice s, double *per_second)
{
	static const struct {
		const char *name;
		double seconds;
	} per[] = { { "/s", 1 }, { "/m", 60 }, { "/h", 3600 } };
	struct number v;

	if (!number_take(&s, UINT64_C(1) << 53, &v))
		return false;
	if (s.n == 0 && !v.nonzero) {
		*per_second = 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(per) / sizeof(per[0]); i++) {
		if (slice_eq(s, per[i].name)) {
			*per_second = ((double)v.whole + (double)v.fraction / (double)FRACTION_ONE) / per[i].seconds;
			return true;
		}
	}
	return false;
}

static void digits_put(char *out, int n, int v)
{
	for (; n > 0; v /= 10)
		out[--n] = (char)('0' + v % 10);
}

void time_format(int64_t wall_ms, char out[TIME_TEXT_BYTES])
{
	int64_t of_day;
	int year, month, day;

	if (wall_ms < 0)
		wall_ms = 0;
	if (wall_ms > TIME_MAX_MS)
		wall_ms = TIME_MAX_MS;
	of_day = wall_ms % DAY_MS;
	calendar_date(wall_ms / DAY_MS, &year, &month, &day);
	memcpy(out, "0000-00-00T00:00:00.000Z", TIME_TEXT_BYTES);
	digits_put(out, 4, year);
	digits_put(out + 5, 2, month);
	digits_put(out + 8, 2, day);
	digits_put(out + 11, 2, (int)(of_day / 3600000));
	digits_put(out + 14, 2, (int)(of_day / 60000 % 60));
	digits_put(out + 17, 2, (int)(of_day / 1000 % 60));
	digits_put(out + 20, 3, (int)(of_day % 1000));
}

/* Takes exactly n digits off the front; -1 where they are not there. */
static int digits_take(struct slice *s, size_t n)
{
	int v = 0;

	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s->p[i]))
			return -1;
		v = v * 10 + s->p[i] - '0';
	}
	s->p += n;
	s->n -= n;
	return v;
}

static bool char_take(struct slice *s, const char *any_of)
{
	if (s->n == 0 || !s->p[0] || !strchr(any_of, s->p[0]))
		return false;
	s->p++;
	s->n--;
	return true;
}

static bool date_take(struct slice *s, int64_t *ms)
{
	int year, month, day;

	year = digits_take(s, 4);
	if (year < 1970 || !char_take(s, "-"))
		return false;
	month = digits_take(s, 2);
	if (month < 1 || month > 12 || !char_take(s, "-"))
		return false;
	day = digits_take(s, 2);
	if (day < 1 || day > calendar_month_days(year, month))
		return false;
	*ms = calendar_days(year, month, day) * DAY_MS;
	return true;
}

/* The time of day with its fraction; what is finer than a millisecond is cut off. */
static bool daytime_take(struct slice *s, int64_t *ms, bool *leap_second)
{
	int hour, minute, second, thousandths = 0;

	hour = digits_take(s, 2);
	if (hour < 0 || hour > 23 || !char_take(s, ":"))
		return false;
	minute = digits_take(s, 2);
	if (minute < 0 || minute > 59 || !char_take(s, ":"))
		return false;
	second = digits_take(s, 2);
	if (second < 0 || second > 60)
		return false;
	if (char_take(s, ".")) {
		size_t n = 0;

		for (; n < s->n && is_digit(s->p[n]); n++)
			if (n < 3)
				thousandths += (s->p[n] - '0') * (n == 0 ? 100 : n == 1 ? 10 : 1);
		if (n == 0 || n > 9)
			return false;
		s->p += n;
		s->n -= n;
	}
	*leap_second = second == 60;
	*ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + thousandths;
	return true;
}

static bool offset_take(struct slice *s, int64_t *ms)
{
	int hour, minute;
	bool west;

	*ms = 0;
	if (char_take(s, "Zz"))
		return true;
	west = s->n && s->p[0] == '-';
	if (!char_take(s, "+-"))
		return false;
	hour = digits_take(s, 2);
	if (hour < 0 || hour > 23 || !char_take(s, ":"))
		return false;
	minute = digits_take(s, 2);
	if (minute < 0 || minute > 59)
		return false;
	*ms = (hour * 60 + minute) * INT64_C(60000) * (west ? -1 : 1);
	return true;
}

bool time_parse(struct slice s, int64_t *wall_ms)
{
	int64_t date, daytime, offset, total;
	bool leap_second;

	if (!date_take(&s, &date) || !char_take(&s, "Tt") || !daytime_take(&s, &daytime, &leap_second) || !offset_take(&s, &offset) || s.n)
		return false;
	total = date + daytime - offset;
	if (total < 0 || total > TIME_MAX_MS)
		return false;
	/* A leap second comes at the end of a day in UTC and nowhere else; it is read as the first second of the next. */
	if (leap_second && total % DAY_MS >= 1000)
		return false;
	*wall_ms = total;
	return true;
}
