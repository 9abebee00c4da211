/* What the environment says: the .env file, the values of ${NAME}, and STINT_... variables, which become settings that stand after the file's own and win.
 * The process's own environment goes before the .env file. Called by load.c and, for ${NAME}, by lex.c. */
#include "config/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "STINT_"

/* Not options: read by the stint command, or set by the server for a handler, which may call that command. */
static const char *const command_variables[] = { "STINT_URL", "STINT_TOKEN", NULL };
const char *const handler_variables[] = {
	"STINT_JOB_ID", "STINT_TYPE", "STINT_QUEUE", "STINT_ATTEMPT", "STINT_MAX_ATTEMPTS", "STINT_DEADLINE", "STINT_NAME", "STINT_COPROCESS", "TRACEPARENT", NULL
};

static const struct variable *env_of(const struct loader *l, struct slice name)
{
	for (const struct variable *v = l->env; v; v = v->next)
		if (slice_eq(name, v->name))
			return v;
	return NULL;
}

const char *environment_get(struct loader *l, struct slice name)
{
	if (l->text_only)
		return NULL;
	for (char **e = environ; e && *e; e++)
		if (strncmp(*e, name.p, name.n) == 0 && (*e)[name.n] == '=')
			return *e + name.n + 1;
	const struct variable *v = env_of(l, name);
	return v ? v->value : NULL;
}

/* ---- the .env file ---- */

static struct slice stripped(struct slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && strchr(" \t\r", s.p[s.n - 1]))
		s.n--;
	return s;
}

/* A value in quotes, to its closing one; in double quotes \n, \", \\ and \$ are known. NULL where it is not closed or something follows. */
static char *env_quoted(struct loader *l, struct slice s)
{
	char quote = *s.p, *out = hold(l, s.n), *to = out;
	size_t i = 1;

	if (!out)
		return NULL;
	for (; i < s.n && s.p[i] != quote; i++) {
		char c = s.p[i];
		if (quote == '"' && c == '\\' && i + 1 < s.n && strchr("n\"\\$", s.p[i + 1]))
			c = s.p[++i] == 'n' ? '\n' : s.p[i];
		*to++ = c;
	}
	if (i == s.n)
		return NULL;
	struct slice rest = stripped((struct slice){ s.p + i + 1, s.n - i - 1 });
	return rest.n && *rest.p != '#' ? NULL : out;
}

/* An unquoted value ends at a '#' that follows a space. */
static char *env_plain(struct loader *l, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '#' && (i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '\t')) {
			s.n = i;
			break;
		}
	return hold_slice(l, stripped(s));
}

static bool env_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (i && c >= '0' && c <= '9')))
			return false;
	}
	return s.n > 0;
}

static void env_line(struct loader *l, struct slice s, unsigned line)
{
	s = stripped(s);
	if (!s.n || *s.p == '#')
		return;
	if (s.n > 7 && memcmp(s.p, "export", 6) == 0 && (s.p[6] == ' ' || s.p[6] == '\t'))
		s = stripped((struct slice){ s.p + 7, s.n - 7 });
	const char *equals = memchr(s.p, '=', s.n);
	struct slice name = stripped((struct slice){ s.p, equals ? (size_t)(equals - s.p) : 0 });
	if (!env_name(name)) {
		/* The line is not shown: such files hold secrets. */
		mistake(l, l->env_file, line, "a line is NAME=VALUE, a comment or empty");
		return;
	}
	struct slice value = stripped((struct slice){ equals + 1, s.n - (size_t)(equals + 1 - s.p) });
	struct variable *v = hold(l, sizeof *v);
	if (!v)
		return;
	v->name = hold_slice(l, name);
	v->line = line;
	v->value = value.n && (*value.p == '"' || *value.p == '\'') ? env_quoted(l, value) : env_plain(l, value);
	if (!v->name || l->no_memory)
		return;
	if (!v->value) {
		mistake(l, l->env_file, line, "the value of %s is not closed: its last character must be the quote it begins with", v->name);
		return;
	}
	const struct variable *first = env_of(l, name);
	if (first) {
		mistake(l, l->env_file, line, "%s is given twice: the first is on line %u", v->name, first->line);
		return;
	}
	v->next = l->env;
	l->env = v;
}

void environment_file(struct loader *l)
{
	const struct setting *s = setting_of(l->block, "environment_file");
	const char *path = environment_get(l, SLICE(PREFIX "ENVIRONMENT_FILE")), *file = PREFIX "ENVIRONMENT_FILE", *why;
	unsigned line = 0, n = 0;

	if (!path && s && s->n == 1) {
		path = lex_string(l, s->file, &s->v[0]);
		file = s->file;
		line = s->line;
	}
	if (!path || !*path)
		return;
	l->env_file = hold_path(l, l->prefix, path);
	if (!l->env_file)
		return;
	struct source *env = source_open(l, l->env_file, NULL, &why);
	if (!env) {
		mistake(l, file, line, "environment_file '%s' cannot be read: %s", shown(l, slice_of(l->env_file)), why);
		return;
	}
	if (memchr(env->text.p, 0, env->text.n)) {
		mistake(l, l->env_file, 0, "a NUL byte stands in it: expected a text file");
		return;
	}
	for (struct slice left = env->text; left.n;) {
		const char *nl = memchr(left.p, '\n', left.n);
		size_t len = nl ? (size_t)(nl - left.p) : left.n;
		env_line(l, (struct slice){ left.p, len }, ++n);
		left.p += len + (nl != NULL);
		left.n -= len + (nl != NULL);
	}
}

/* ---- overrides ---- */

struct override {
	struct loader *l;
	const char *name, *value;       /* STINT_HTTP_MAX_BODY and what it says */
	const char *file;
	unsigned line;
	struct block *block;            /* whose option it names; NULL: none yet */
	const struct directive *d;
	bool twice;
	unsigned best;                  /* nearest so far */
	char near[256];
};

static char mapped(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
}

/* STINT_, section, title, option, as far as each is there. */
static void variable_name(const struct block *b, const struct directive *d, struct buf *out)
{
	const char *part[] = { sections[b->section].name, b->title, d->name };

	buf_str(out, "STINT");
	for (size_t i = 0; i < 3; i++) {
		if (!*part[i])
			continue;
		buf_char(out, '_');
		for (const char *p = part[i]; *p; p++)
			buf_char(out, mapped(*p));
	}
}

static void compare(struct override *o, struct block *b, const struct directive *d, struct buf *name)
{
	buf_clear(name);
	variable_name(b, d, name);
	const char *full = buf_cstr(name);
	if (name->failed) {
		o->l->no_memory = true;
	} else if (strcmp(full, o->name) == 0) {
		if (o->block)
			o->twice = true;
		o->block = b;
		o->d = d;
	} else if (!o->block && name->len < sizeof o->near) {
		unsigned d2 = edit_distance(slice_of(o->name), slice_of(full));
		if (d2 < o->best) {
			o->best = d2;
			memcpy(o->near, full, name->len + 1);
		}
	}
}

static void add_override(struct override *o)
{
	struct loader *l = o->l;
	struct setting *s = hold(l, sizeof *s);
	struct conf_list parts = { 0 };

	if (!s)
		return;
	*s = (struct setting){ .d = o->d, .file = o->file, .line = o->line, .overrides = true, .list = o->d->type == CONF_LIST };
	if (s->list && !list_split(slice_of(o->value), &parts)) {
		l->no_memory = true;
		return;
	}
	s->n = s->list ? parts.n : 1;
	s->v = hold(l, (s->n + 1) * sizeof *s->v);
	for (size_t i = 0; s->v && i < s->n; i++) {
		char *text = hold_slice(l, slice_of(s->list ? parts.v[i] : o->value));
		s->v[i] = (struct raw){ text ? slice_of(text) : SLICE(""), false, o->line };
	}
	list_free(&parts);
	if (!s->v)
		return;
	if (o->block->last)
		o->block->last->next = s;
	else
		o->block->first = s;
	o->block->last = s;
}

static bool other_use(const char *name)
{
	for (size_t i = 0; command_variables[i]; i++)
		if (strcmp(name, command_variables[i]) == 0)
			return true;
	for (size_t i = 0; handler_variables[i]; i++)
		if (strcmp(name, handler_variables[i]) == 0)
			return true;
	return false;
}

static void override(struct loader *l, const char *name, const char *value, const char *file, unsigned line)
{
	struct override o = { .l = l, .name = name, .value = value, .file = file, .line = line, .best = 3 };
	struct buf full = { 0 };

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || other_use(name))
		return;
	for (struct block *b = l->block; b; b = b->next)
		for (size_t i = 0; !b->untold && i < ndirectives; i++)
			if (directives[i].section == b->section)
				compare(&o, b, &directives[i], &full);
	buf_free(&full);
	if (o.twice)
		mistake(l, file, line, "%s%snames more than one option: set them in the conf file", line ? name : "", line ? " " : "");
	else if (o.block)
		add_override(&o);
	else if (o.best < 3)
		warning(l, file, line, "%s is no option and not used: did you mean %s?", name, o.near);
}

void environment_override(struct loader *l)
{
	for (char **e = environ; e && *e; e++) {
		const char *equals = strchr(*e, '=');
		if (!equals || strncmp(*e, PREFIX, strlen(PREFIX)) != 0)
			continue;
		char *name = hold_slice(l, (struct slice){ *e, (size_t)(equals - *e) });
		if (name)
			override(l, name, equals + 1, name, 0);
	}
	for (const struct variable *v = l->env; v; v = v->next) {
		const char *own = environment_get(l, slice_of(v->name));
		if (own == v->value)
			override(l, v->name, v->value, l->env_file, v->line);
	}
}
