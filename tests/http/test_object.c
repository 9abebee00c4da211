/* Bodies that are one JSON object: what is said of those that are not, and of the JSON that cannot be read all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/object.h"

#define NEEDED "a claim such as {\"types\":[\"email\"]}"

static void refused(struct slice body, const char *says)
{
	struct envelope_problem p = { .status = 0 };

	assert_null(object_read(body, NEEDED, &p));
	if (p.status != 400 || p.field[0] || !strstr(p.detail, says))
		fail_msg("%.*s: %d %s: %s", (int)body.n, body.p, p.status, p.field, p.detail);
}

static void what_is_refused(void **state)
{
	static const char nul[] = "{\"a\":1}\0";

	(void)state;
	refused(SLICE(""), "the body is empty; " NEEDED " is needed");
	refused(SLICE(" \t\r\n"), "empty");
	refused(SLICE("{\"a\":1,\n \"b\":tru}"), "line 2, column");
	refused(SLICE("{} {}"), "line 1, column 4");
	refused((struct slice){ nul, sizeof(nul) }, "line 1, column 8");
	refused(SLICE("\0"), "not JSON");
	refused(SLICE("\xef\xbb\xbf{}"), "not JSON");
	refused(SLICE("{\"a\":\"\xff\"}"), "not JSON");
	refused(SLICE("[]"), "the body must be a JSON object: " NEEDED);
	refused(SLICE("[{\"types\":[\"email\"]}]"), "must be a JSON object");
	refused(SLICE("null"), "must be a JSON object");
	refused(SLICE("7"), "must be a JSON object");
	refused(SLICE("\"email\""), "must be a JSON object");
	refused(SLICE("{\"a\":1,\"b\":2,\"a\":3}"), "a member is given twice");
	refused(SLICE("{\"a\":{\"b\":1,\"\\u0062\":2}}"), "a member is given twice");
	refused(SLICE("{\"a\":123456789012345678901234567890}"), "a number is beyond 64 bits");
	refused(SLICE("{\"a\":-1e999}"), "a number is beyond 64 bits");
	refused(SLICE("{\"a\":\"x\\u0000y\"}"), "U+0000");
	refused(SLICE("{\"x\\u0000y\":1}"), "U+0000");
	refused(SLICE("{\"a\":\"\\ud800\"}"), "D800");
}

static void what_is_read(void **state)
{
	static const struct { const char *body; size_t members; } good[] = { { "{}", 0 }, { " \r\n{ \"a\" : 1 , \"b\" : [{}] }\t", 2 }, { "{\"a\":9223372036854775807,\"\":\"\\u00e4\"}", 2 } };
	struct envelope_problem p;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		json_t *tree = object_read(slice_of(good[i].body), NEEDED, &p);
		assert_non_null(tree);
		assert_int_equal(json_object_size(tree), good[i].members);
		json_decref(tree);
	}
}

static void *nothing(size_t n)
{
	(void)n;
	return NULL;
}

/* That is no mistake of the client's. */
static void without_memory(void **state)
{
	struct envelope_problem p;
	json_malloc_t before;
	json_free_t free_fn;

	(void)state;
	json_get_alloc_funcs(&before, &free_fn);
	json_set_alloc_funcs(nothing, free_fn);
	json_t *tree = object_read(SLICE("{\"a\":\"b\"}"), NEEDED, &p);
	json_set_alloc_funcs(before, free_fn);
	assert_null(tree);
	assert_int_equal(p.status, 503);
	assert_string_equal(p.detail, "out of memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_refused), cmocka_unit_test(what_is_read), cmocka_unit_test(without_memory) };

	return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
