/* text/calendar: against the C library, day by day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "text/calendar.h"

static void assert_day(int64_t days)
{
	time_t t = days * 86400;
	struct tm tm;
	int year, month, day;

	assert_non_null(gmtime_r(&t, &tm));
	calendar_date(days, &year, &month, &day);
	assert_int_equal(year, tm.tm_year + 1900);
	assert_int_equal(month, tm.tm_mon + 1);
	assert_int_equal(day, tm.tm_mday);
	assert_int_equal(calendar_weekday(days), tm.tm_wday);
	assert_int_equal(calendar_days(year, month, day), days);
	assert_int_equal(calendar_day_of(t), days);
	assert_int_equal(calendar_day_of(t + 86399), days);
	assert_int_equal(calendar_day_of(t - 1), days - 1);
}

static void every_day_of_four_hundred_years_and_more(void **unused)
{
	(void)unused;
	for (int64_t days = calendar_days(1899, 1, 1); days < calendar_days(2310, 1, 1); days++)
		assert_day(days);
}

static void days_far_from_now(void **unused)
{
	(void)unused;
	assert_day(0);
	assert_day(-1);
	for (int64_t days = -300000000; days < 300000000; days += 299993)
		assert_day(days);
}

static void lengths_of_months(void **unused)
{
	(void)unused;
	for (int year = 1899; year < 2310; year++)
		for (int month = 1; month <= 12; month++) {
			int64_t first = calendar_days(year, month, 1);
			int64_t next = month < 12 ? calendar_days(year, month + 1, 1) : calendar_days(year + 1, 1, 1);

			assert_int_equal(calendar_month_days(year, month), next - first);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_four_hundred_years_and_more),
		cmocka_unit_test(days_far_from_now),
		cmocka_unit_test(lengths_of_months),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
