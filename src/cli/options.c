/* Command-line options by a table. Called by every subcommand through cli_options(); prints nothing, decides nothing. */
#include "cli/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/duration.h"

struct parse {
	const struct option_spec *spec;
	char *why;
	size_t why_size;
};

static enum options_result bad(struct parse *p, const char *what, const char *name, const char *right)
{
	snprintf(p->why, p->why_size, "%s%s%s", what, name, right);
	return OPTIONS_BAD;
}

/* Names every option there is, so that a typing mistake is seen at a glance. */
static enum options_result unknown(struct parse *p, const char *arg)
{
	size_t len = (size_t)snprintf(p->why, p->why_size, "unknown option %s; there are", arg);

	for (const struct option_spec *s = p->spec; s->kind != OPTION_END && len < p->why_size; s++)
		len += (size_t)snprintf(p->why + len, p->why_size - len, " --%s", s->name);
	if (len < p->why_size)
		snprintf(p->why + len, p->why_size - len, " --help");
	return OPTIONS_BAD;
}

static const struct option_spec *by_name(const struct option_spec *spec, const char *name, size_t n)
{
	for (; spec->kind != OPTION_END; spec++)
		if (strlen(spec->name) == n && memcmp(spec->name, name, n) == 0)
			return spec;
	return NULL;
}

static const struct option_spec *by_letter(const struct option_spec *spec, char letter)
{
	for (; spec->kind != OPTION_END; spec++)
		if (spec->letter == letter)
			return spec;
	return NULL;
}

static bool integer(const char *text, int64_t *v)
{
	char *end;

	if (*text != '-' && (*text < '0' || *text > '9'))       /* strtoll would pass over white space and '+' */
		return false;
	errno = 0;
	*v = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && end != text;
}

static enum options_result set_number(struct parse *p, const struct option_spec *s, const char *text)
{
	int64_t v = 0;
	bool ok = s->kind == OPTION_INTEGER ? integer(text, &v) : duration_parse(slice_of(text), &v);
	struct buf low = { 0 }, high = { 0 };

	if (ok && v >= s->min && v <= s->max) {
		*(int64_t *)s->value = v;
		return OPTIONS_OK;
	}
	if (s->kind == OPTION_INTEGER) {
		snprintf(p->why, p->why_size, "--%s is \"%s\"; it must be a whole number from %" PRId64 " to %" PRId64, s->name, text, s->min, s->max);
	} else {
		duration_put(&low, s->min);
		duration_put(&high, s->max);
		snprintf(p->why, p->why_size, "--%s is \"%s\"; it must be a duration from %s to %s, such as 250ms, 5s or 2m", s->name, text, buf_cstr(&low),
			buf_cstr(&high));
	}
	buf_free(&low);
	buf_free(&high);
	return OPTIONS_BAD;
}

static enum options_result add(struct parse *p, const struct option_spec *s, const char *text)
{
	struct option_list *list = s->value;

	if (list->n == OPTION_LIST_MAX)
		return bad(p, "--", s->name, " stands more than 256 times");
	list->v[list->n++] = text;
	return OPTIONS_OK;
}

static enum options_result set(struct parse *p, const struct option_spec *s, const char *text)
{
	if (s->given)
		*s->given = true;
	if (s->kind == OPTION_FLAG) {
		*(bool *)s->value = true;
		return OPTIONS_OK;
	}
	if (s->kind == OPTION_INTEGER || s->kind == OPTION_DURATION)
		return set_number(p, s, text);
	if (*text == '\0')
		return bad(p, "--", s->name, " is empty; leave it out to have its default");
	if (s->kind == OPTION_LIST)
		return add(p, s, text);
	*(const char **)s->value = text;
	return OPTIONS_OK;
}

/* One argument that begins with '-'; *i moves on where the value is the next one. */
static enum options_result option(struct parse *p, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *value = NULL;
	const struct option_spec *s;

	if (arg[1] == '-') {
		const char *eq = strchr(arg + 2, '=');
		size_t n = eq ? (size_t)(eq - arg - 2) : strlen(arg + 2);

		if (n == 4 && memcmp(arg + 2, "help", 4) == 0)
			return OPTIONS_HELP;
		s = by_name(p->spec, arg + 2, n);
		value = eq ? eq + 1 : NULL;
	} else {
		if (arg[1] == 'h' && arg[2] == '\0')
			return OPTIONS_HELP;
		s = by_letter(p->spec, arg[1]);
		value = arg[2] ? arg + 2 : NULL;
	}
	if (!s)
		return unknown(p, arg);
	if (s->kind == OPTION_FLAG)
		return value ? bad(p, "--", s->name, " takes no value") : set(p, s, NULL);
	if (!value) {
		if (*i + 1 >= argc)
			return bad(p, "--", s->name, " needs a value after it");
		value = argv[++*i];
	}
	return set(p, s, value);
}

enum options_result options_parse(const struct option_spec *spec, int argc, char **argv, struct option_operands *args, char *why, size_t why_size)
{
	struct parse p = { .spec = spec, .why = why, .why_size = why_size };
	bool only_operands = false;

	args->n = 0;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (only_operands || arg[0] != '-' || arg[1] == '\0') {
			if (args->n == OPTION_OPERANDS)
				return bad(&p, "too many arguments: \"", arg, "\" and what follows");
			args->v[args->n++] = arg;
		} else if (strcmp(arg, "--") == 0) {
			only_operands = true;
		} else {
			enum options_result rc = option(&p, argc, argv, &i);

			if (rc != OPTIONS_OK)
				return rc;
		}
	}
	return OPTIONS_OK;
}

void options_describe(const struct option_spec *spec, struct buf *out)
{
	for (; spec->kind != OPTION_END; spec++) {
		char left[64];

		if (spec->letter)
			snprintf(left, sizeof(left), "-%c, --%s%s%s", spec->letter, spec->name, spec->argument ? " " : "", spec->argument ? spec->argument : "");
		else
			snprintf(left, sizeof(left), "    --%s%s%s", spec->name, spec->argument ? " " : "", spec->argument ? spec->argument : "");
		buf_printf(out, "  %-28s %s\n", left, spec->about);
	}
}
