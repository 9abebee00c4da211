/* Gathers cells, then prints them in columns. Called by the subcommands that list something. Nothing here exits. */
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/width.h"

static void put(struct table *t, char *text)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		char **more = realloc(t->cell, cap * sizeof(*more));
		if (!more) {
			free(text);
			t->failed = true;
			return;
		}
		t->cell = more;
		t->cap = cap;
	}
	t->cell[t->n++] = text;
}

void table_add(struct table *t, struct slice text)
{
	struct buf clean = { 0 };

	cli_text(&clean, text);
	char *copy = strdup(text.n ? buf_cstr(&clean) : "-");
	t->failed |= !copy || clean.failed;
	if (copy)
		put(t, copy);
	buf_free(&clean);
}

void table_add_json(struct table *t, const json_t *v)
{
	char *text;

	if (!v || json_is_null(v)) {
		table_add(t, (struct slice){ "", 0 });
	} else if (json_is_string(v)) {
		table_add(t, (struct slice){ json_string_value(v), json_string_length(v) });
	} else {
		text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
		table_add(t, slice_of(text));
		free(text);
	}
}

static size_t width(const char *s)
{
	return width_of(slice_of(s));
}

static void print_cell(const char *text, size_t wide, bool right, bool last)
{
	size_t pad = wide - width(text);

	if (right)
		printf("%*s%s", (int)pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : (int)pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void table_print(const struct table *t)
{
	size_t wide[TABLE_COLUMNS];

	for (size_t c = 0; c < t->columns; c++) {
		wide[c] = width(t->head[c] + (t->head[c][0] == '#'));
		for (size_t i = c; i < t->n; i += t->columns)
			if (width(t->cell[i]) > wide[c])
				wide[c] = width(t->cell[i]);
	}
	for (size_t c = 0; c < t->columns; c++)
		print_cell(t->head[c] + (t->head[c][0] == '#'), wide[c], t->head[c][0] == '#', c + 1 == t->columns);
	for (size_t i = 0; i < t->n; i++)
		print_cell(t->cell[i], wide[i % t->columns], t->head[i % t->columns][0] == '#', i % t->columns + 1 == t->columns);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cell[i]);
	free(t->cell);
	t->cell = NULL;
	t->n = t->cap = 0;
}
