/* Command-line options by a table. Long names, some with a letter; "--name VALUE", "--name=VALUE", "-c VALUE", "-cVALUE"; anywhere among the
 * operands; "--" ends them; "-" is an operand. */
#ifndef STINT_CLI_OPTIONS_H
#define STINT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/buf.h"

enum option_kind {
	OPTION_END,             /* ends the table */
	OPTION_FLAG,            /* bool */
	OPTION_TEXT,            /* const char *, not empty */
	OPTION_LIST,            /* struct option_list; given again it adds one more, none empty */
	OPTION_INTEGER,         /* int64_t within min..max */
	OPTION_DURATION,        /* int64_t, milliseconds, within min..max: "250ms", "30s"; a bare number is seconds */
};

struct option_spec {
	enum option_kind kind;
	const char *name;
	char letter;            /* 0: none */
	void *value;            /* as its kind says; keeps its default where the option is not given */
	bool *given;            /* may be NULL */
	const char *argument;   /* what the help calls it: "N", "URL" */
	int64_t min, max;
	const char *about;
};

#define OPTION_OPERANDS 1024
struct option_operands { const char *v[OPTION_OPERANDS]; size_t n; };

#define OPTION_LIST_MAX 256
struct option_list { const char *v[OPTION_LIST_MAX]; size_t n; };

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_BAD };

/* Parses argv[1..argc). OPTIONS_BAD: `why` says what was wrong and what would be right. "--help" and "-h" are known without standing in the table. */
enum options_result options_parse(const struct option_spec *spec, int argc, char **argv, struct option_operands *args, char *why, size_t why_size);

void options_describe(const struct option_spec *spec, struct buf *out);        /* the help's lines */

#endif
