/* Rows of cells for a terminal: each column as wide as its widest cell, numbers to the right, control characters made visible. */
#ifndef STINT_CLI_TABLE_H
#define STINT_CLI_TABLE_H

#include <stddef.h>

#include <jansson.h>

#include "text/buf.h"

#define TABLE_COLUMNS 12

struct table {
	const char *const *head;        /* one a column; a name that begins with '#' heads numbers */
	size_t columns;
	char **cell;
	size_t n, cap;
	bool failed;                    /* memory is out */
};

void table_add(struct table *t, struct slice text);             /* the next cell; rows are filled from the left */
/* The value as people read it: a string bare, anything else as JSON; "-" where it is NULL or null. */
void table_add_json(struct table *t, const json_t *v);
void table_print(const struct table *t);                        /* to stdout */
void table_free(struct table *t);

#endif
