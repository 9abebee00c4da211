/* cli/report: figures for people and for programs, quantiles out of a histogram, and what grew between two looks at one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/cli.h"
#include "cli/report.h"

static void put(const struct report *r, bool json, const char *wanted)
{
	struct buf out = { 0 };

	report_put(r, json, &out);
	assert_string_equal(buf_cstr(&out), wanted);
	buf_free(&out);
}

static void people_and_programs_read_the_same(void **unused)
{
	struct report r = { 0 };

	(void)unused;
	report_text(&r, "bench", "bench", "a \"b\"");
	report_count(&r, "jobs", "jobs", 1234567);
	report_number(&r, "jobs_per_s", "jobs/s", 45678.94999, 1);
	report_number(&r, "low", "low", 0.0004, 3);
	report_number(&r, "up", "rounded up", 999.9996, 3);
	report_number(&r, "minus", "below zero", -1000.5, 1);
	report_number(&r, "none", "nothing by nothing", NAN, 2);
	put(&r, true, "{\"bench\":\"a \\\"b\\\"\",\"jobs\":1234567,\"jobs_per_s\":45678.9,\"low\":0.000,\"up\":1000.000,\"minus\":-1000.5,\"none\":0.00}\n");
	put(&r, false,
		"bench                             a \"b\"\n"
		"jobs                          1,234,567\n"
		"jobs/s                         45,678.9\n"
		"low                               0.000\n"
		"rounded up                    1,000.000\n"
		"below zero                     -1,000.5\n"
		"nothing by nothing                 0.00\n");
}

static void counts_have_their_commas(void **unused)
{
	char out[CLI_COUNT_BYTES];

	(void)unused;
	assert_string_equal(cli_count(out, 0), "0");
	assert_string_equal(cli_count(out, 999), "999");
	assert_string_equal(cli_count(out, 1000), "1,000");
	assert_string_equal(cli_count(out, 1234567), "1,234,567");
	assert_string_equal(cli_count(out, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void texts_of_others_cannot_move_the_cursor(void **unused)
{
	struct buf out = { 0 };

	(void)unused;
	cli_text(&out, SLICE("a\033[2Jb\nc\x7f" "d\xc2\x9b" "e\xc3\xa4\0f"));
	assert_string_equal(buf_cstr(&out), "a\\x1b[2Jb\\x0ac\\x7fd\\x9be\xc3\xa4\\x00f");
	buf_free(&out);
}

static void a_histogram_becomes_quantiles(void **unused)
{
	static struct shm_histogram h;
	struct report r = { 0 };
	struct buf out = { 0 };
	json_t *root;

	(void)unused;
	memset(&h, 0, sizeof(h));
	for (int i = 1; i <= 1000; i++)
		histogram_add(&h, i * 1000);    /* 1 ms .. 1 s */
	report_histogram(&r, "submit", &h);
	assert_int_equal(r.n, 4);
	report_put(&r, true, &out);
	root = json_loadb(out.data, out.len, 0, NULL);
	assert_non_null(root);
	/* buckets are a sixteenth of a power of two wide */
	assert_true(fabs(json_number_value(json_object_get(root, "submit_p50_ms")) - 500) < 500.0 / 16);
	assert_true(fabs(json_number_value(json_object_get(root, "submit_p95_ms")) - 950) < 950.0 / 16);
	assert_true(fabs(json_number_value(json_object_get(root, "submit_p99_ms")) - 990) < 990.0 / 16);
	assert_true(json_number_value(json_object_get(root, "submit_max_ms")) == 1000);
	json_decref(root);
	buf_free(&out);
}

static void every_prefix_in_use_is_known(void **unused)
{
	static const char *const prefixes[] = { "submit", "queue", "done", "commit" };
	static struct shm_histogram h;

	(void)unused;
	for (size_t i = 0; i < 4; i++) {
		struct report r = { 0 };

		report_histogram(&r, prefixes[i], &h);
		assert_int_equal(r.n, 4);
		assert_int_equal(strncmp(r.line[0].key, prefixes[i], strlen(prefixes[i])), 0);
	}
}

static void what_grew_is_told_apart(void **unused)
{
	static struct shm_histogram before, after, grown;

	(void)unused;
	memset(&before, 0, sizeof(before));
	for (int i = 0; i < 100; i++)
		histogram_add(&before, 5000000);        /* an old maximum of 5 s */
	memcpy(&after, &before, sizeof(after));
	for (int i = 0; i < 10; i++)
		histogram_add(&after, 200);
	report_difference(&grown, &before, &after);
	assert_int_equal(grown.count, 10);
	assert_int_equal(grown.sum_us, 2000);
	assert_true(grown.max_us >= 200 && grown.max_us < 220);
	assert_true(histogram_quantile(&grown, 0.5) <= 220);

	histogram_add(&after, 9000000);                 /* a new one */
	report_difference(&grown, &before, &after);
	assert_int_equal(grown.max_us, 9000000);

	report_difference(&grown, &after, &after);
	assert_int_equal(grown.count, 0);
	report_difference(&grown, &after, &before);     /* the server was started anew in between: nothing below zero */
	assert_int_equal(grown.count, 0);
	assert_int_equal(grown.sum_us, 0);
}

static void too_many_lines_are_dropped(void **unused)
{
	struct report r = { 0 };

	(void)unused;
	for (int i = 0; i < REPORT_LINES + 5; i++)
		report_count(&r, "k", "k", 1);
	assert_int_equal(r.n, REPORT_LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_and_programs_read_the_same),
		cmocka_unit_test(counts_have_their_commas),
		cmocka_unit_test(texts_of_others_cannot_move_the_cursor),
		cmocka_unit_test(a_histogram_becomes_quantiles),
		cmocka_unit_test(every_prefix_in_use_is_known),
		cmocka_unit_test(what_grew_is_told_apart),
		cmocka_unit_test(too_many_lines_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
