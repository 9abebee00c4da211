/* cli/table: columns as wide as what they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/table.h"

static const char *printed(const struct table *t)
{
	static char out[4000];
	FILE *tmp = tmpfile();
	int saved = dup(STDOUT_FILENO);
	size_t n;

	assert_non_null(tmp);
	fflush(stdout);
	dup2(fileno(tmp), STDOUT_FILENO);
	table_print(t);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(tmp);
	n = fread(out, 1, sizeof(out) - 1, tmp);
	out[n] = '\0';
	fclose(tmp);
	return out;
}

static const char *const head[] = { "NAME", "#N", "REST" };

static void the_head_alone(void **unused)
{
	struct table t = { .head = head, .columns = 3 };

	(void)unused;
	assert_string_equal(printed(&t), "NAME  N  REST\n");
	table_free(&t);
}

static void cells_are_aligned_by_their_columns_on_a_terminal(void **unused)
{
	struct table t = { .head = head, .columns = 3 };

	(void)unused;
	table_add(&t, SLICE("\xe6\x97\xa5\xe6\x9c\xac"));       /* four columns in six bytes */
	table_add(&t, SLICE("1000"));
	table_add(&t, SLICE("x"));
	table_add(&t, SLICE("abcdef"));
	table_add(&t, SLICE("7"));
	table_add(&t, SLICE(""));
	assert_string_equal(printed(&t), "NAME       N  REST\n\xe6\x97\xa5\xe6\x9c\xac    1000  x\nabcdef     7  -\n");
	table_free(&t);
}

static void nothing_in_a_cell_moves_the_cursor(void **unused)
{
	struct table t = { .head = head, .columns = 1 };

	(void)unused;
	table_add(&t, SLICE("a\033[2J\nb\xc2\x9b"));
	assert_string_equal(printed(&t), "NAME\na\\x1b[2J\\x0ab\\x9b\n");
	table_free(&t);
}

static void json_as_people_read_it(void **unused)
{
	struct table t = { .head = head, .columns = 1 };
	json_t *all = json_pack("[s,i,f,b,n,{s:i}]", "a text", 7, 0.1, 1, "k", 1), *v;
	size_t i;

	(void)unused;
	json_array_foreach(all, i, v)
		table_add_json(&t, v);
	table_add_json(&t, NULL);
	assert_string_equal(printed(&t), "NAME\na text\n7\n0.1\ntrue\n-\n{\"k\":1}\n-\n");
	json_decref(all);
	table_free(&t);
}

static void it_grows(void **unused)
{
	struct table t = { .head = head, .columns = 3 };

	(void)unused;
	for (int i = 0; i < 3000; i++)
		table_add(&t, SLICE("cell"));
	assert_false(t.failed);
	assert_int_equal(t.n, 3000);
	table_free(&t);
	assert_int_equal(t.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_alone),
		cmocka_unit_test(cells_are_aligned_by_their_columns_on_a_terminal),
		cmocka_unit_test(nothing_in_a_cell_moves_the_cursor),
		cmocka_unit_test(json_as_people_read_it),
		cmocka_unit_test(it_grows),
	};

	return cmocka_run_group_tests_name("cli/table", tests, NULL, NULL);
}
