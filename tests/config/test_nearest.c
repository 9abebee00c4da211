/* Which known name was meant. */
#include "conf_test.h"

static unsigned distance(const char *a, const char *b)
{
	unsigned d = edit_distance(slice_of(a), slice_of(b));

	assert_int_equal(edit_distance(slice_of(b), slice_of(a)), d);
	return d;
}

static void distances(void **state)
{
	char longer[100];

	(void)state;
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("", "abc"), 3);
	assert_int_equal(distance("abc", "abc"), 0);
	assert_int_equal(distance("abc", "abd"), 1);
	assert_int_equal(distance("abc", "abcd"), 1);
	assert_int_equal(distance("abc", "acb"), 1);
	assert_int_equal(distance("kitten", "sitting"), 3);
	assert_int_equal(distance("listen", "silent"), 4);
	memset(longer, 'a', sizeof longer - 1);
	longer[63] = '\0';
	assert_int_equal(distance(longer, ""), 63);
	longer[63] = 'a';
	longer[99] = '\0';
	assert_int_equal(distance(longer, "a"), 63);
	assert_int_equal(distance(longer, longer), 63);
}

static void near(void **state)
{
	(void)state;
	assert_string_equal(directive_nearest(CONF_HTTP, SLICE("max_bodyy")), "max_body");
	assert_string_equal(directive_nearest(CONF_HTTP, SLICE("maxbody")), "max_body");
	assert_string_equal(directive_nearest(CONF_HTTP, SLICE("max_connection")), "max_connections");
	assert_string_equal(directive_nearest(CONF_MAIN, SLICE("gruop")), "group");
	assert_string_equal(directive_nearest(CONF_STORE, SLICE("retain_suceeded")), "retain_succeeded");
	assert_string_equal(directive_nearest(CONF_HANDLER, SLICE("execc")), "exec");
	assert_string_equal(section_nearest(SLICE("handlers")), "handler");
	assert_string_equal(section_nearest(SLICE("Queue")), "queue");
}

static void far(void **state)
{
	(void)state;
	assert_null(directive_nearest(CONF_HTTP, SLICE("threads")));
	assert_null(directive_nearest(CONF_MAIN, SLICE("x")));
	assert_null(directive_nearest(CONF_MAIN, SLICE("")));
	assert_null(directive_nearest(CONF_HTTP, SLICE("watchdog")));
	assert_null(section_nearest(SLICE("server")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(distances), cmocka_unit_test(near), cmocka_unit_test(far) };

	return RUN(tests, sizeof tests / sizeof tests[0]);
}
