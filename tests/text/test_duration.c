/* text/duration: what is read, what is refused, and that what is written is read back the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "text/duration.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void durations_are_read(void **unused)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "0", 0 }, { "0s", 0 }, { "0ms", 0 }, { "0.0", 0 }, { "250ms", 250 }, { "30s", 30000 }, { "5m", 300000 }, { "2h", 7200000 },
		{ "7d", 604800000 }, { "1", 1000 }, { "1.5", 1500 }, { "0.5s", 500 }, { "1.5h", 5400000 }, { "0.25d", 21600000 }, { "007", 7000 },
		{ "0.333333333333333333", 333 }, { "0.9999", 1000 }, { "0.0001", 1 }, { "0.000000000000000001d", 1 }, { "0.1ms", 1 },
		{ "9007199254740992ms", INT64_C(9007199254740992) }, { "104249991d", INT64_C(104249991) * 86400000 },
	};
	int64_t ms;

	(void)unused;
	for (size_t i = 0; i < COUNT(good); i++) {
		ms = -1;
		if (!duration_parse(slice_of(good[i].text), &ms) || ms != good[i].ms)
			fail_msg("%s: %lld instead of %lld", good[i].text, (long long)ms, (long long)good[i].ms);
	}
}

static void other_durations_are_refused(void **unused)
{
	static const char *const bad[] = {
		"", " ", "s", "ms", "-1", "+1", "1 s", " 1", "1s ", "1.", ".5", "1..5", "1.5.5", "1x", "1sec", "1S", "1M", "5w", "1e3", "0x10", "inf", "nan",
		"1h30m", "9007199254740993ms", "9007199254741", "104249992d", "99999999999999999999999999", "1,5",
	};
	int64_t ms = 42;

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (duration_parse(slice_of(bad[i]), &ms))
			fail_msg("'%s' was taken as %lld", bad[i], (long long)ms);
	assert_false(duration_parse((struct slice){ "1\0s", 3 }, &ms));
	assert_int_equal(ms, 42);
}

static void durations_are_written_short_and_exact(void **unused)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0s" }, { 1, "1ms" }, { 1500, "1500ms" }, { 30000, "30s" }, { 60000, "1m" }, { 90000, "90s" }, { 86400000, "1d" },
		{ 7200000, "2h" }, { INT64_C(1) << 53, "9007199254740992ms" },
	};
	struct buf b = { 0 };
	int64_t back;

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		duration_put(&b, cases[i].ms);
		assert_string_equal(buf_cstr(&b), cases[i].text);
	}
	for (int64_t ms = 0; ms < INT64_C(1) << 53; ms = ms * 3 / 2 + 977) {
		buf_clear(&b);
		duration_put(&b, ms);
		assert_true(duration_parse((struct slice){ b.data, b.len }, &back));
		assert_int_equal(back, ms);
	}
	buf_free(&b);
}

static void sizes_go_there_and_back(void **unused)
{
	static const struct {
		const char *text;
		uint64_t bytes;
		const char *written;
	} good[] = {
		{ "0", 0, "0" }, { "1", 1, "1" }, { "1000", 1000, "1000" }, { "64K", 65536, "64K" }, { "1M", 1 << 20, "1M" }, { "64m", 64 << 20, "64M" },
		{ "8G", UINT64_C(8) << 30, "8G" }, { "2T", UINT64_C(2) << 40, "2T" }, { "1536", 1536, "1536" }, { "2048", 2048, "2K" },
		{ "18446744073709551615", UINT64_MAX, "18446744073709551615" }, { "16777215T", UINT64_C(16777215) << 40, "16777215T" }, { "0G", 0, "0" },
	};
	static const char *const bad[] = { "", "K", "-1", "1.5M", "64KB", "64 K", "1P", "18446744073709551616", "16777216T", " 1", "0x10", "1KK" };
	struct buf b = { 0 };
	uint64_t bytes = 42;

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (size_parse(slice_of(bad[i]), &bytes))
			fail_msg("'%s' was taken as %llu", bad[i], (unsigned long long)bytes);
	assert_false(size_parse((struct slice){ "1\0", 2 }, &bytes));
	assert_int_equal(bytes, 42);
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!size_parse(slice_of(good[i].text), &bytes) || bytes != good[i].bytes)
			fail_msg("%s: %llu", good[i].text, (unsigned long long)bytes);
		buf_clear(&b);
		size_put(&b, bytes);
		assert_string_equal(buf_cstr(&b), good[i].written);
	}
	buf_free(&b);
}

static void rates_are_read(void **unused)
{
	static const struct {
		const char *text;
		double per_second;
	} good[] = { { "0", 0 }, { "0/s", 0 }, { "100/s", 100 }, { "6000/m", 100 }, { "1/h", 1.0 / 3600 }, { "0.5/s", 0.5 }, { "1/m", 1.0 / 60 } };
	static const char *const bad[] = { "", "100", "/s", "100/", "100/x", "100 /s", "100/ s", "-1/s", "1/ms", "1/d", "1//s", "1/s/s", "100s" };
	double rate = 42;

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (rate_parse(slice_of(bad[i]), &rate))
			fail_msg("'%s' was taken as %g", bad[i], rate);
	assert_true(rate == 42);
	for (size_t i = 0; i < COUNT(good); i++)
		if (!rate_parse(slice_of(good[i].text), &rate) || fabs(rate - good[i].per_second) > 1e-12)
			fail_msg("%s: %g instead of %g", good[i].text, rate, good[i].per_second);
}

static void times_are_read(void **unused)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 }, { "1970-01-01T00:00:00.001Z", 1 }, { "2026-11-21T20:40:59.123Z", 1795293659123 },
		{ "2026-11-21t20:40:59.123z", 1795293659123 }, { "2026-11-21T22:40:59.123+02:00", 1795293659123 },
		{ "2026-11-21T15:10:59.123-05:30", 1795293659123 }, { "2026-11-21T20:40:59.123999999Z", 1795293659123 },
		{ "2026-11-21T20:40:59.1Z", 1795293659100 }, { "2026-11-21T20:40:59-00:00", 1795293659000 }, { "2024-02-29T12:00:00Z", 1709208000000 },
		{ "2000-02-29T00:00:00Z", 951782400000 }, { "2016-12-31T23:59:60Z", 1483228800000 }, { "2017-01-01T01:59:60.5+02:00", 1483228800500 },
		{ "9999-12-31T23:59:59.999Z", 253402300799999 },
	};
	int64_t ms;

	(void)unused;
	for (size_t i = 0; i < COUNT(good); i++) {
		ms = -1;
		if (!time_parse(slice_of(good[i].text), &ms) || ms != good[i].ms)
			fail_msg("%s: %lld instead of %lld", good[i].text, (long long)ms, (long long)good[i].ms);
	}
}

static void other_times_are_refused(void **unused)
{
	static const char *const bad[] = {
		"", "2026-11-21", "2026-11-21T20:40:59", "2026-11-21 20:40:59Z", "2026-11-21T20:40Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "2026-11-21T24:00:00Z",
		"2026-11-21T20:60:00Z", "2026-11-21T20:40:61Z", "2026-11-21T20:40:60Z", "2026-11-21T20:40:59.Z", "2026-11-21T20:40:59.1234567890Z",
		"2026-11-21T20:40:59+2:00", "2026-11-21T20:40:59+0200", "2026-11-21T20:40:59+24:00", "2026-11-21T20:40:59+02:60", "2026-11-21T20:40:59ZZ",
		"2026-11-21T20:40:59,5Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z",
		"26-11-21T20:40:59Z", "2026-1-21T20:40:59Z", " 2026-11-21T20:40:59Z", "2026-11-21T20:40:59Z ", "2026-11-21T-1:40:59Z", "now",
	};
	int64_t ms = 42;

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (time_parse(slice_of(bad[i]), &ms))
			fail_msg("'%s' was taken as %lld", bad[i], (long long)ms);
	assert_int_equal(ms, 42);
}

static void times_are_written_as_the_c_library_counts(void **unused)
{
	char text[TIME_TEXT_BYTES], expected[64], whole[32];

	(void)unused;
	/* A step of about 8.3 days that hits every day, month and time of day in the course of 8,000 years. */
	for (int64_t ms = 0; ms < INT64_C(253402300800000); ms += 717273747) {
		time_t seconds = (time_t)(ms / 1000);
		struct tm tm;
		int64_t back;

		gmtime_r(&seconds, &tm);
		strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(expected, sizeof(expected), "%s.%03dZ", whole, (int)(ms % 1000));
		time_format(ms, text);
		assert_string_equal(text, expected);
		assert_true(time_parse(slice_of(text), &back));
		assert_int_equal(back, ms);
	}
}

static void times_out_of_range_are_clamped(void **unused)
{
	char text[TIME_TEXT_BYTES];

	(void)unused;
	time_format(-1, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	time_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(other_durations_are_refused),
		cmocka_unit_test(durations_are_written_short_and_exact),
		cmocka_unit_test(sizes_go_there_and_back),
		cmocka_unit_test(rates_are_read),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(other_times_are_refused),
		cmocka_unit_test(times_are_written_as_the_c_library_counts),
		cmocka_unit_test(times_out_of_range_are_clamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
