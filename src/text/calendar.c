/* The Gregorian calendar. Called wherever a time is read, written or looked for in local time; nothing here can fail. */
#include "text/calendar.h"

#include <stdbool.h>

/* Years are counted from March so that the leap day is the last, in eras of 400 years, which are all alike. */
#define ERA_DAYS 146097
#define ERA_TO_1970 719468      /* from 0000-03-01 */

/* Division that goes down also below zero. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t calendar_days(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = floor_div(y, 400), of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - ERA_TO_1970;
}

void calendar_date(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + ERA_TO_1970, era = floor_div(z, ERA_DAYS), of_era = z - era * ERA_DAYS;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

int calendar_month_days(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

int64_t calendar_day_of(int64_t seconds)
{
	return floor_div(seconds, 86400);
}

int calendar_weekday(int64_t days)
{
	int64_t n = days + 4;   /* 1970-01-01 was a Thursday */

	return (int)(n - floor_div(n, 7) * 7);
}
