/* cli/filter: which jobs are meant, as a query and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/filter.h"

static void nothing_is_nothing(void **unused)
{
	const struct filter f = { 0 };
	struct buf out = { 0 };

	(void)unused;
	assert_true(filter_empty(&f));
	filter_query(&out, &f);
	filter_json(&out, &f);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void each_field_alone_is_a_filter(void **unused)
{
	const struct { struct filter f; const char *query, *json; } rows[] = {
		{ { .state = "dead" }, "state=dead&", ",\"state\":\"dead\"" },
		{ { .type = "a/b" }, "type=a%2Fb&", ",\"type\":\"a/b\"" },
		{ { .queue = "q&r" }, "queue=q%26r&", ",\"queue\":\"q&r\"" },
		{ { .tag = "\xc3\xa9" }, "tag=%C3%A9&", ",\"tag\":\"\xc3\xa9\"" },
		{ { .search = "say \"no\"" }, "q=say%20%22no%22&", ",\"q\":\"say \\\"no\\\"\"" },
		{ { .state = "dead", .search = "x" }, "state=dead&q=x&", ",\"state\":\"dead\",\"q\":\"x\"" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = { 0 };

		assert_false(filter_empty(&rows[i].f));
		filter_query(&out, &rows[i].f);
		assert_string_equal(buf_cstr(&out), rows[i].query);
		buf_clear(&out);
		filter_json(&out, &rows[i].f);
		assert_string_equal(buf_cstr(&out), rows[i].json);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_nothing), cmocka_unit_test(each_field_alone_is_a_filter) };

	return cmocka_run_group_tests_name("cli/filter", tests, NULL, NULL);
}
