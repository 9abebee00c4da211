/* job/tzif: bytes of each version, every kind of damage with its words, and a lot of damage at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/cron.h"
#include "job/tzif.h"
#include "zone_fixture.h"

static struct zone z;

/* ---- a file to be put together ---- */

static struct {
	int version;                    /* 0, '2', '3', ... */
	uint32_t leap, isstd, isut, chars;
	size_t ntypes;
	struct { int32_t offset; int dst, name; } types[4];
	size_t nchanges;
	struct { int64_t at; int kind; } changes[8];
	const char *footer;
} file;

/* Summer time in 2001, and the rule of Berlin afterwards. */
static void file_reset(void)
{
	memset(&file, 0, sizeof(file));
	file.version = '2';
	file.chars = 4;
	file.ntypes = 2;
	file.types[0].offset = 3600;
	file.types[1].offset = 7200;
	file.types[1].dst = 1;
	file.nchanges = 2;
	file.changes[0].at = at("2001-03-25T01:00:00Z");
	file.changes[0].kind = 1;
	file.changes[1].at = at("2001-10-28T01:00:00Z");
	file.footer = "\nCET-1CEST,M3.5.0,M10.5.0/3\n";
}

static void put(struct buf *b, int64_t v, size_t bytes)
{
	while (bytes-- > 0)
		buf_char(b, (char)(v >> (8 * bytes)));
}

static void put_block(struct buf *b, size_t time_bytes)
{
	static const char zeroes[64];

	buf_add(b, "TZif", 4);
	buf_char(b, (char)file.version);
	buf_add(b, zeroes, 15);
	put(b, file.isut, 4);
	put(b, file.isstd, 4);
	put(b, file.leap, 4);
	put(b, (int64_t)file.nchanges, 4);
	put(b, (int64_t)file.ntypes, 4);
	put(b, file.chars, 4);
	for (size_t i = 0; i < file.nchanges; i++)
		put(b, file.changes[i].at, time_bytes);
	for (size_t i = 0; i < file.nchanges; i++)
		buf_char(b, (char)file.changes[i].kind);
	for (size_t i = 0; i < file.ntypes; i++) {
		put(b, file.types[i].offset, 4);
		buf_char(b, (char)file.types[i].dst);
		buf_char(b, (char)file.types[i].name);
	}
	assert_true(file.chars <= 8);
	buf_add(b, "CET\0CET", file.chars);
	buf_add(b, zeroes, file.leap * (time_bytes + 4) + file.isstd + file.isut);
}

static void put_file(struct buf *b)
{
	put_block(b, 4);
	if (file.version) {
		put_block(b, 8);
		buf_str(b, file.footer);
	}
	assert_false(b->failed);
}

/* From a copy of exactly this length, so that a sanitizer sees a step too far. */
static bool parse(const void *p, size_t n, char why[256])
{
	unsigned char *exact = malloc(n ? n : 1);
	bool good;

	assert_non_null(exact);
	memcpy(exact, p, n);
	why[0] = '\0';
	good = tzif_parse(exact, n, &z, why, 256);
	free(exact);
	return good;
}

static void assert_taken(void)
{
	struct buf b = { 0 };
	char why[256];

	put_file(&b);
	if (!parse(b.data, b.len, why))
		fail_msg("%s", why);
	buf_free(&b);
}

static void assert_refused(const char *expected)
{
	struct buf b = { 0 };
	char why[256];

	put_file(&b);
	if (parse(b.data, b.len, why))
		fail_msg("taken, and not: %s", expected);
	assert_string_equal(why, expected);
	buf_free(&b);
}

static int32_t offset_at(const char *text)
{
	return zone_span_at(&z, at(text)).offset;
}

/* ---- what is right ---- */

static void versions_two_to_four_have_a_rule(void **unused)
{
	(void)unused;
	for (int version = '2'; version <= '5'; version++) {    /* a reader of today takes those of tomorrow as what it knows */
		file_reset();
		file.version = version;
		assert_taken();
		assert_int_equal(z.nchanges, 2);
		assert_true(z.has_rule);
		assert_int_equal(offset_at("2000-07-01T00:00:00Z"), 3600);
		assert_int_equal(offset_at("2001-07-01T00:00:00Z"), 7200);
		assert_int_equal(offset_at("2001-12-01T00:00:00Z"), 3600);
		assert_int_equal(offset_at("2026-07-01T00:00:00Z"), 7200);
	}
}

static void version_one_ends_with_its_last_change(void **unused)
{
	(void)unused;
	file_reset();
	file.version = 0;
	assert_taken();
	assert_false(z.has_rule);
	assert_int_equal(offset_at("2001-07-01T00:00:00Z"), 7200);
	assert_int_equal(offset_at("2026-07-01T00:00:00Z"), 3600);
}

static void without_a_rule_the_last_offset_stays(void **unused)
{
	(void)unused;
	file_reset();
	file.footer = "\n\n";
	file.nchanges = 1;
	assert_taken();
	assert_false(z.has_rule);
	assert_int_equal(offset_at("2026-12-01T00:00:00Z"), 7200);
}

static void a_zone_need_not_change(void **unused)
{
	(void)unused;
	file_reset();
	file.nchanges = 0;
	file.ntypes = 1;
	file.footer = "\nCET-1\n";
	assert_taken();
	assert_int_equal(offset_at("1970-01-01T00:00:00Z"), 3600);
	assert_int_equal(offset_at("2026-07-01T00:00:00Z"), 3600);
}

static void changes_since_the_big_bang(void **unused)
{
	(void)unused;
	file_reset();
	file.changes[0].at = -(INT64_C(1) << 59);
	assert_taken();
	assert_int_equal(z.nchanges, 1);
	assert_int_equal(offset_at("2000-12-01T00:00:00Z"), 7200);
	file.changes[0].at = INT64_MIN;
	assert_taken();
	assert_int_equal(z.nchanges, 1);
}

static void indicators_are_passed_over(void **unused)
{
	(void)unused;
	file_reset();
	file.isstd = file.isut = 2;
	assert_taken();
	assert_int_equal(offset_at("2026-07-01T00:00:00Z"), 7200);
}

static void offsets_reach_as_far_as_the_standard_says(void **unused)
{
	(void)unused;
	file_reset();
	file.types[0].offset = ZONE_OFFSET_MIN;
	file.types[1].offset = ZONE_OFFSET_MAX;
	assert_taken();
	assert_int_equal(offset_at("2001-07-01T00:00:00Z"), ZONE_OFFSET_MAX);
}

/* ---- what is wrong ---- */

#define RULE_WANTED "the rule for later years cannot be read: something like \"CET-1CEST,M3.5.0,M10.5.0/3\" is wanted"

static void other_bytes_are_no_zone(void **unused)
{
	static const char *const texts[] = { "", "T", "TZi", "# tzdb data for Europe", "\177ELF", "TZIF2" };
	char why[256];

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(parse(texts[i], strlen(texts[i]), why));
		assert_string_equal(why, "it is not a compiled time zone: \"TZif\" is not where it should be");
	}
}

static void damaged_headers_are_refused(void **unused)
{
	(void)unused;
	file_reset();
	file.version = '1';
	assert_refused("its version is 49, which there is not");
	file_reset();
	file.leap = 1;
	assert_refused("it counts leap seconds, which a Unix clock does not: take the zone of that name without \"right/\"");
	file_reset();
	file.ntypes = 0;
	assert_refused("it has 0 kinds of local time, not 1 to 256");
	file_reset();
	file.chars = 0;
	assert_refused("it has no abbreviations");
	file_reset();
	file.isstd = 1;
	assert_refused("its counts of kinds of local time differ");
	file_reset();
	file.isut = 3;
	assert_refused("its counts of kinds of local time differ");
}

static void damaged_kinds_are_refused(void **unused)
{
	(void)unused;
	file_reset();
	file.types[0].offset = ZONE_OFFSET_MIN - 1;
	assert_refused("a local time is -90000 s from UTC, not within -25 to 26 hours");
	file_reset();
	file.types[1].offset = ZONE_OFFSET_MAX + 1;
	assert_refused("a local time is 93600 s from UTC, not within -25 to 26 hours");
	file_reset();
	file.types[1].offset = INT32_MIN;
	assert_refused("a local time is -2147483648 s from UTC, not within -25 to 26 hours");
	file_reset();
	file.types[1].dst = 2;
	assert_refused("its kind 1 of local time is damaged");
	file_reset();
	file.types[0].name = 4;
	assert_refused("its kind 0 of local time is damaged");
}

static void damaged_changes_are_refused(void **unused)
{
	(void)unused;
	file_reset();
	file.changes[1].kind = 2;
	assert_refused("its change 2 is to a kind of local time that it does not have");
	file_reset();
	file.changes[0].kind = 255;
	assert_refused("its change 1 is to a kind of local time that it does not have");
	file_reset();
	file.changes[1].at = file.changes[0].at;
	assert_refused("its change 2 is not later than the one before");
	file_reset();
	file.changes[1].at = INT64_MAX;
	assert_refused("its change 2 lies too far in the future");
}

static void damaged_rules_are_refused(void **unused)
{
	static const char *const rules[] = { "\nCET\n", "\nCET-1CEST\n", "\nCET-1 \n", "\n CET-1\n" };

	(void)unused;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		file_reset();
		file.footer = rules[i];
		assert_refused(RULE_WANTED);
	}
	file_reset();
	file.footer = "";
	assert_refused("the line with the rule for later years is missing");
	file.footer = "CET-1\n";
	assert_refused("the line with the rule for later years is missing");
	file.footer = "\nCET-1";
	assert_refused("it is cut short within the rule for later years");
}

/* A header that claims more than there is, as far as 32 bits go. */
static void counts_are_not_believed(void **unused)
{
	(void)unused;
	for (size_t field = 20; field < 44; field += 4)
		for (size_t block = 0; block < 2; block++) {
			struct buf b = { 0 };
			char why[256];
			size_t first;

			file_reset();
			put_file(&b);
			first = block ? 44 + 2 * 5 + 2 * 6 + 4 : 0;
			memset(b.data + first + field, 0xff, 4);
			assert_false(parse(b.data, b.len, why));
			assert_memory_equal(why, "it is cut short: ", 17);
			buf_free(&b);
		}
}

static void too_many_changes_are_refused(void **unused)
{
	struct buf b = { 0 };
	char why[256];

	(void)unused;
	buf_add(&b, "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	put(&b, 0, 4), put(&b, 0, 4), put(&b, 0, 4);
	put(&b, ZONE_CHANGES_MAX + 1, 4), put(&b, 1, 4), put(&b, 4, 4);
	for (int i = 0; i <= ZONE_CHANGES_MAX; i++)
		put(&b, i, 4);
	for (int i = 0; i <= ZONE_CHANGES_MAX; i++)
		put(&b, 0, 1);
	buf_add(&b, "\0\0\0\0\0\0UTC", 10);
	assert_false(parse(b.data, b.len, why));
	assert_string_equal(why, "it has 2001 changes, more than 2000");
	buf_free(&b);
}

static void the_two_headers_agree(void **unused)
{
	struct buf b = { 0 };
	char why[256];

	(void)unused;
	file_reset();
	put_file(&b);
	b.data[4] = '3';
	assert_false(parse(b.data, b.len, why));
	assert_string_equal(why, "its two headers are of different versions");
	buf_free(&b);
}

static void half_a_file_is_refused(void **unused)
{
	static unsigned char bytes[ZONE_FILE_MAX];
	static const char *const names[] = { "Europe/Berlin", "Asia/Kolkata", "UTC" };

	(void)unused;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = zone_bytes(names[i], bytes);
		char why[256];

		assert_true(parse(bytes, n, why));
		for (size_t part = 0; part < n; part++) {
			assert_false(parse(bytes, part, why));
			assert_true(strlen(why) > 10);
		}
	}
}

/* Real zones with some bytes changed: refused with words, or a zone that can be asked anything. */
static void damage_at_random(void **unused)
{
	static const char *const names[] = { "Europe/Berlin", "Asia/Gaza", "Australia/Lord_Howe", "UTC" };
	static unsigned char bytes[ZONE_FILE_MAX], damaged[ZONE_FILE_MAX];
	unsigned taken = 0, refused = 0;
	struct cron fixed, shown;
	char why[256];

	(void)unused;
	assert_true(cron_parse("30 2 29 2 *", 11, &fixed, why, sizeof(why)));
	assert_true(cron_parse("*/5 2 * 3 *", 11, &shown, why, sizeof(why)));
	for (unsigned round = 0; round < 6000; round++) {
		const char *name = names[round % 4];
		size_t n = zone_bytes(name, bytes);
		int64_t now = (int64_t)random_below(1 << 27) * 60000, next;

		memcpy(damaged, bytes, n);
		for (unsigned i = 0; i <= random_below(3); i++)
			damaged[random_below(2) ? random_below((uint32_t)n) : (uint32_t)n - 1 - random_below(40)] ^= (unsigned char)(1 << random_below(8));
		if (!parse(damaged, n, why)) {
			assert_true(strlen(why) > 10);
			refused++;
			continue;
		}
		taken++;
		if (cron_next(&fixed, &z, now, &next))
			assert_true(next > now);
		if (cron_next(&shown, &z, now, &next))
			assert_true(next > now);
	}
	assert_true(taken > 100 && refused > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_two_to_four_have_a_rule),
		cmocka_unit_test(version_one_ends_with_its_last_change),
		cmocka_unit_test(without_a_rule_the_last_offset_stays),
		cmocka_unit_test(a_zone_need_not_change),
		cmocka_unit_test(changes_since_the_big_bang),
		cmocka_unit_test(indicators_are_passed_over),
		cmocka_unit_test(offsets_reach_as_far_as_the_standard_says),
		cmocka_unit_test(other_bytes_are_no_zone),
		cmocka_unit_test(damaged_headers_are_refused),
		cmocka_unit_test(damaged_kinds_are_refused),
		cmocka_unit_test(damaged_changes_are_refused),
		cmocka_unit_test(damaged_rules_are_refused),
		cmocka_unit_test(counts_are_not_believed),
		cmocka_unit_test(too_many_changes_are_refused),
		cmocka_unit_test(the_two_headers_agree),
		cmocka_unit_test(half_a_file_is_refused),
		cmocka_unit_test(damage_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
