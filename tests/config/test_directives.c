/* The directive table is well-formed, and what people read is held to it: conf/stint.conf and the manual page have every option with its default. */
#include "conf_test.h"

#include <ctype.h>

static char *read_file(const char *name)
{
	const char *top = getenv("srcdir");
	char path[1024];

	snprintf(path, sizeof path, "%s/%s", top && *top ? top : ".", name);
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("%s cannot be opened", path);
	char *text = calloc(1, 256 * 1024);
	assert_non_null(text);
	size_t n = fread(text, 1, 256 * 1024 - 1, f);
	assert_true(n > 1000 && n < 256 * 1024 - 1);
	fclose(f);
	return text;
}

/* ---- an option as it is shown: NAME = VALUE ---- */

struct shown { struct slice name, value; const char *rest; };

static const char *value_end(const char *p)
{
	if (*p == '{')
		return strchr(p, '}') ? strchr(p, '}') + 1 : NULL;
	if (*p == '"')
		return strchr(p + 1, '"') ? strchr(p + 1, '"') + 1 : NULL;
	return p + strcspn(p, " \t\n}");
}

/* At the beginning of a line, `*` around the name in the manual page. */
static bool shown_option(const char *line, char mark, struct shown *out)
{
	const char *p = line;

	if (mark && *p++ != mark)
		return false;
	out->name.p = p;
	while (islower((unsigned char)*p) || *p == '_')
		p++;
	out->name.n = (size_t)(p - out->name.p);
	if (mark && *p++ != mark)
		return false;
	if (!out->name.n || strncmp(p, " = ", 3) != 0)
		return false;
	out->value.p = p + 3;
	out->rest = value_end(p + 3);
	if (!out->rest)
		return false;
	out->value.n = (size_t)(out->rest - out->value.p);
	return true;
}

/* The shown value, read by the directive's own type, is its default. */
static void assert_default(const struct directive *d, struct slice value)
{
	union conf_slot want = { 0 }, have = { 0 };
	char plain[256];
	struct conf_list parts = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < value.n && n < sizeof plain - 1; i++)
		if (!strchr("{}\"", value.p[i]))
			plain[n++] = value.p[i];
	plain[n] = '\0';
	char *one = plain;
	assert_int_equal(value_default(d, &want), VALUE_OK);
	if (d->type == CONF_LIST)
		assert_true(list_split(slice_of(plain), &parts));
	enum value_rc rc = d->type == CONF_LIST ? value_set(d, &have, parts.v, parts.n) : value_set(d, &have, &one, 1);
	if (rc != VALUE_OK || !value_equal(d, &want, &have))
		fail_msg("%s is shown as %.*s, its default is %s", d->name, (int)value.n, value.p, d->def);
	list_free(&parts);
	value_clear(d, &want);
	value_clear(d, &have);
}

static const struct directive *known(enum conf_section section, const struct shown *s, const char *file)
{
	const struct directive *d = directive_of(section, s->name);

	if (!d)
		fail_msg("%s shows an option %.*s in section '%s' that the table does not have", file, (int)s->name.n, s->name.p, sections[section].name);
	return d;
}

static void assert_all_seen(const bool *seen, const char *file)
{
	for (size_t i = 0; i < ndirectives; i++)
		if (!seen[i])
			fail_msg("%s does not show %s of section '%s'", file, directives[i].name, sections[directives[i].section].name);
}

/* ---- the table ---- */

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ndirectives; i++) {
		const struct directive *d = &directives[i];
		assert_ptr_equal(directive_of(d->section, slice_of(d->name)), d);       /* once */
		assert_true(d->doc && strlen(d->doc) > 10 && strlen(d->doc) < 120);
		assert_true(d->min <= d->max);
		assert_true((d->type == CONF_CHOICE) == (d->names != NULL));
		assert_true(d->def || (d->flags & CONF_KIND) || d->section == CONF_SCHEDULE);
		assert_int_equal(!!(d->flags & CONF_KIND), d->kind != CONF_HANDLER_NONE);
	}
	for (int i = 1; i < CONF_SECTIONS; i++)
		assert_int_equal(section_of(slice_of(sections[i].name)), i);
	assert_int_equal(section_of(SLICE("")), -1);
}

/* ---- conf/stint.conf ---- */

static char *next_line(char **p)
{
	char *line = *p;

	if (!*line)
		return NULL;
	char *nl = strchr(line, '\n');
	*p = nl ? nl + 1 : line + strlen(line);
	if (nl)
		*nl = '\0';
	return line;
}

/* "http {", "queue default {", with what follows on the line; -1 where the line begins no section. */
static int section_line(const char *line, const char **rest)
{
	size_t n = strcspn(line, " ");
	const char *open = strstr(line, " {");

	if (!open || section_of((struct slice){ line, n }) < 0)
		return -1;
	*rest = open + 2 + strspn(open + 2, " ");
	return section_of((struct slice){ line, n });
}

/* Words after the option say what its flags say. */
static void assert_remarks(const struct directive *d, const struct shown *s, bool commented)
{
	bool later = strstr(s->rest, "not in this version"), restart = strstr(s->rest, "# R;");

	if (later != !!(d->flags & CONF_LATER))
		fail_msg("%s: 'not in this version' is %s", d->name, later ? "wrong there" : "missing");
	if (restart != !!(d->flags & CONF_RESTART))
		fail_msg("%s: 'R' is %s", d->name, restart ? "wrong there" : "missing");
	if (later && !commented)
		fail_msg("%s is not in this version and should be commented out", d->name);
	if (!strchr(s->rest, '#'))
		fail_msg("%s has no word of why", d->name);
}

static void sample_shows_every_option(void **state)
{
	char *text = read_file("conf/stint.conf"), *p = text, *line;
	bool *seen = calloc(ndirectives, sizeof *seen);
	int section = CONF_MAIN;

	(void)state;
	assert_non_null(seen);
	while ((line = next_line(&p))) {
		const char *at = line + strspn(line, "\t");
		bool commented = *at == '#';
		struct shown s;
		at += commented;
		if (*at == '}') {
			section = CONF_MAIN;
			continue;
		}
		const char *inside;
		int begun = section_line(at, &inside);
		if (begun >= 0) {
			section = strchr(inside, '}') ? CONF_MAIN : begun;
			if (shown_option(inside, 0, &s))
				seen[known(begun, &s, "conf/stint.conf") - directives] = true;
			continue;
		}
		if (!shown_option(at, 0, &s))
			continue;
		const struct directive *d = known(section, &s, "conf/stint.conf");
		seen[d - directives] = true;
		assert_remarks(d, &s, commented);
		if (d->def)
			assert_default(d, s.value);
	}
	assert_all_seen(seen, "conf/stint.conf");
	free(seen);
	free(text);
}

static void sample_is_good(void **state)
{
	char *text = read_file("conf/stint.conf");
	static const char *const types[] = { "print", "sleep", "noop", "fail" };
	static const int builtins[] = { CONF_BUILTIN_PRINT, CONF_BUILTIN_SLEEP, CONF_BUILTIN_NOOP, CONF_BUILTIN_FAIL };

	(void)state;
	conf_good(text);
	assert_int_equal(conf->nhandler, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct conf_handler *h = conf_handler_of(conf, slice_of(types[i]));
		assert_non_null(h);
		assert_int_equal(h->kind, CONF_HANDLER_BUILTIN);
		assert_int_equal(h->builtin, builtins[i]);
	}
	assert_false(conf->user_given);
	free(text);
}

/* Whatever can be uncommented is right as it stands, but for a program that is not installed. */
static void sample_uncommented_is_good(void **state)
{
	char *text = read_file("conf/stint.conf"), *p = text, *line, *out = calloc(1, 256 * 1024), *to = out;

	(void)state;
	assert_non_null(out);
	while ((line = next_line(&p))) {
		const char *at = line + strspn(line, "\t");
		at += *at == '#' && at[1] != ' ';
		if (!strstr(line, "not in this version"))
			to += sprintf(to, "%s", at);
		*to++ = '\n';
	}
	const char *said = conf_try(out);
	assert_non_null(conf);
	assert_non_null(strstr(said, "handler email: program '/usr/lib/stint/handlers/email' cannot be started"));
	assert_int_equal(conf->nhandler, 5);
	assert_true(conf->user_given);
	free(out);
	free(text);
}

/* ---- doc/stint.conf.5.scd ---- */

static int heading(const char *line)
{
	char name[32] = "";

	if (strcmp(line, "# TOP LEVEL") == 0)
		return CONF_MAIN;
	for (size_t i = 0; line[i + 2] && i < sizeof name - 1; i++)
		name[i] = (char)tolower((unsigned char)line[i + 2]);
	return section_of(slice_of(name));
}

static void manual_shows_every_option(void **state)
{
	char *text = read_file("doc/stint.conf.5.scd"), *p = text, *line;
	bool *seen = calloc(ndirectives, sizeof *seen);
	int section = -1;

	(void)state;
	assert_non_null(seen);
	while ((line = next_line(&p))) {
		struct shown s;
		if (strncmp(line, "# ", 2) == 0)
			section = heading(line);
		if (section < 0 || !shown_option(line, '*', &s))
			continue;
		const struct directive *d = known((enum conf_section)section, &s, "stint.conf(5)");
		assert_false(seen[d - directives]);
		seen[d - directives] = true;
		if (d->def)
			assert_default(d, s.value);
		const char *about = next_line(&p);
		assert_true(about && *about == '\t');
		if (!strstr(about, "Not in this version") != !(d->flags & CONF_LATER))
			fail_msg("stint.conf(5): %s: 'Not in this version' is missing, or wrong there", d->name);
		if (strncmp(about, "\t*R* ", 5) == 0 ? !(d->flags & CONF_RESTART) : !!(d->flags & CONF_RESTART))
			fail_msg("stint.conf(5): %s: '*R*' is missing, or wrong there", d->name);
	}
	assert_all_seen(seen, "stint.conf(5)");
	free(seen);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table), cmocka_unit_test(sample_shows_every_option), cmocka_unit_test(sample_is_good), cmocka_unit_test(sample_uncommented_is_good),
		cmocka_unit_test(manual_shows_every_option),
	};

	return RUN(tests, sizeof tests / sizeof tests[0]);
}
