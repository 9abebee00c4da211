/* os/zone_file: files found by a zone's name, UTC without any, and every name that is not right with its words. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "os/zone_file.h"
#include "scratch.h"

static unsigned char bytes[ZONE_FILE_MAX];

static void write_bytes(const char *path, size_t n)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	while (n-- > 0)
		assert_int_equal(fputc('x', file), 'x');
	assert_int_equal(fclose(file), 0);
}

/* A directory of zones with Town/Small, Town/Big_City and a few things that are not zones. */
static int setup(void **state)
{
	if (scratch_setup(state) != 0 || mkdir(scratch("Town"), 0700) != 0 || mkdir(scratch("Town/Old"), 0700) != 0)
		return -1;
	scratch_write(scratch("Town/Small"), "small");
	scratch_write(scratch("Town/Old/Big_City+1-2"), "big");
	write_bytes(scratch("Longest"), ZONE_FILE_MAX);
	write_bytes(scratch("Longer"), ZONE_FILE_MAX + 1);
	scratch_write(scratch("Empty"), "");
	return mkfifo(scratch("Pipe"), 0600) != 0 || symlink("Small", scratch("Town/Link")) != 0 || symlink("Nowhere", scratch("Dangling")) != 0;
}

static void assert_read(const char *dir, const char *name, const char *expected)
{
	char why[600];
	ssize_t n = zone_file_read(dir, name, bytes, why, sizeof(why));

	if (n < 0)
		fail_msg("%s", why);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(bytes, expected, n);
}

/* The message with the directory's name put in for DIR. */
static void assert_refused(const char *dir, const char *name, const char *expected)
{
	char why[600], whole[600];
	const char *mark = strstr(expected, "DIR");

	if (mark)
		snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(mark - expected), expected, dir, mark + 3);
	else
		snprintf(whole, sizeof(whole), "%s", expected);
	if (zone_file_read(dir, name, bytes, why, sizeof(why)) >= 0)
		fail_msg("\"%s\" is taken", name);
	assert_string_equal(why, whole);
}

static void a_zone_is_read_by_its_name(void **unused)
{
	char why[600];

	(void)unused;
	assert_read(scratch_dir, "Town/Small", "small");
	assert_read(scratch_dir, "Town/Old/Big_City+1-2", "big");
	assert_read(scratch_dir, "Town/Link", "small");
	assert_read(scratch_dir, "Empty", "");
	assert_int_equal(zone_file_read(scratch_dir, "Longest", bytes, why, sizeof(why)), ZONE_FILE_MAX);
}

static void the_directory_may_come_from_the_environment(void **unused)
{
	char why[600];

	(void)unused;
	assert_int_equal(setenv("TZDIR", scratch_dir, 1), 0);
	assert_read(NULL, "Town/Small", "small");
	assert_read("", "Town/Small", "small");
	assert_refused(scratch("Town"), "Town/Small", "there is no time zone \"Town/Small\" in DIR: names are like \"Europe/Berlin\" or \"UTC\"");
	/* without it, the system's own zones */
	assert_int_equal(setenv("TZDIR", "", 1), 0);
	assert_true(zone_file_read(NULL, "Europe/Berlin", bytes, why, sizeof(why)) > 100);
	assert_int_equal(unsetenv("TZDIR"), 0);
	assert_true(zone_file_read(NULL, "Europe/Berlin", bytes, why, sizeof(why)) > 100);
	assert_memory_equal(bytes, "TZif", 4);
}

/* Two headers of 44 bytes, each with one kind of local time of 6 and its name of 4, and a rule. */
static void utc_needs_no_file(void **unused)
{
	static const char *const dirs[] = { NULL, "/nonexistent" };
	char why[600];

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(zone_file_read(dirs[i], "UTC", bytes, why, sizeof(why)), 2 * (44 + 6 + 4) + 6);
		assert_memory_equal(bytes, "TZif2", 5);
		assert_memory_equal(bytes + 54, "TZif2", 5);
		assert_memory_equal(bytes + 108, "\nUTC0\n", 6);
	}
}

static void names_that_are_not_there(void **unused)
{
	(void)unused;
	assert_refused(scratch_dir, "Town/Nowhere", "there is no time zone \"Town/Nowhere\" in DIR: names are like \"Europe/Berlin\" or \"UTC\"");
	assert_refused(scratch_dir, "Town/Small/er", "there is no time zone \"Town/Small/er\" in DIR: names are like \"Europe/Berlin\" or \"UTC\"");
	assert_refused(scratch_dir, "Dangling", "there is no time zone \"Dangling\" in DIR: names are like \"Europe/Berlin\" or \"UTC\"");
	assert_refused("/nonexistent", "Town/Small",
		"time zone \"Town/Small\": there is no directory /nonexistent, where zones are kept (package tzdata); only \"UTC\" is known without it");
}

static void names_in_other_letters(void **unused)
{
	(void)unused;
	assert_refused(scratch_dir, "town/SMALL", "there is no time zone \"town/SMALL\": \"Town/Small\" is meant?");
	assert_refused("/nonexistent", "utc", "there is no time zone \"utc\": \"UTC\" is meant?");
	assert_refused(scratch_dir, "Town/old/big_city+1-2", "there is no time zone \"Town/old/big_city+1-2\": \"Town/Old/Big_City+1-2\" is meant?");
	assert_refused(scratch_dir, "town/smaller", "there is no time zone \"town/smaller\" in DIR: names are like \"Europe/Berlin\" or \"UTC\"");
}

#define WANTED "; something like \"Europe/Berlin\" or \"UTC\" is wanted"
#define LETTERS "names have letters, digits, \"_\", \"+\", \"-\" and \"/\" only" WANTED

static void names_that_cannot_be_one(void **unused)
{
	static const struct {
		const char *name, *expected;
	} bad[] = {
		{ "", "time zone \"\": it is empty" WANTED },
		{ "/etc/passwd", "time zone \"/etc/passwd\": it is a path of its own" WANTED },
		{ "..", "time zone \"..\": it leads out of the directory of zones" WANTED },
		{ "../Small", "time zone \"../Small\": it leads out of the directory of zones" WANTED },
		{ "Town/../../x", "time zone \"Town/../../x\": it leads out of the directory of zones" WANTED },
		{ "Town/..", "time zone \"Town/..\": it leads out of the directory of zones" WANTED },
		{ "./Town", "time zone \"./Town\": " LETTERS },
		{ "Town/.hidden", "time zone \"Town/.hidden\": " LETTERS },
		{ "Big City", "time zone \"Big City\": " LETTERS },
		{ "Town\n/Small", "time zone \"Town?/Small\": " LETTERS },
		{ "S\xc3\xa3o_Paulo", "time zone \"S??o_Paulo\": " LETTERS },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "time zone \"CET-1CEST,M3.5.0,M10.5.0/3\": " LETTERS },
		{ ":Town/Small", "time zone \":Town/Small\": " LETTERS },
		{ "Town/", "time zone \"Town/\": a part of it is empty" WANTED },
		{ "Town//Small", "time zone \"Town//Small\": a part of it is empty" WANTED },
		{ "0123456789012345678901234567890123456789012345678901234567890123",
		  "time zone \"012345678901234567890123456789012345678901234567890123456789012...\": it is too long" WANTED },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(scratch_dir, bad[i].name, bad[i].expected);
}

static void what_is_not_a_file_of_a_zone(void **unused)
{
	char expected[600], why[600], *deep;

	(void)unused;
	assert_refused(scratch_dir, "Town", "time zone \"Town\": it is a folder of zones; one in it is wanted, as \"Europe/Berlin\"");
	assert_refused(scratch_dir, "Longer", "time zone \"Longer\" cannot be read from DIR: no zone is as long as this file");
	snprintf(expected, sizeof(expected), "time zone \"Pipe\": %s/Pipe is not a file", scratch_dir);
	assert_refused(scratch_dir, "Pipe", expected);
	deep = malloc(5000);
	assert_non_null(deep);
	memset(deep, 'd', 4999);
	deep[4999] = '\0';
	assert_int_equal(zone_file_read(deep, "Town/Small", bytes, why, sizeof(why)), -1);
	assert_string_equal(why, "time zone \"Town/Small\": the path of the directory of zones is too long");
	free(deep);
}

/* Nothing is left open, whatever the answer was. */
static void no_descriptor_is_lost(void **unused)
{
	static const char *const names[] = { "Town/Small", "Town", "Pipe", "Longer", "town/small", "Nowhere", "UTC", ".." };
	char why[600];
	int before = open("/dev/null", O_RDONLY), after;

	(void)unused;
	assert_true(before >= 0);
	close(before);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		zone_file_read(scratch_dir, names[i], bytes, why, sizeof(why));
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(after, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_is_read_by_its_name),
		cmocka_unit_test(the_directory_may_come_from_the_environment),
		cmocka_unit_test(utc_needs_no_file),
		cmocka_unit_test(names_that_are_not_there),
		cmocka_unit_test(names_in_other_letters),
		cmocka_unit_test(names_that_cannot_be_one),
		cmocka_unit_test(what_is_not_a_file_of_a_zone),
		cmocka_unit_test(no_descriptor_is_lost),
	};

	return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
