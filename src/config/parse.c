/* Tokens to blocks of settings: the grammar, and includes. Knows names through the table, no values. Called by load.c once for the main file and by itself for
 * what is included. Every mistake is reported and stepped over so that the next one is found too. */
#include "config/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (INT64_C(16) << 20)    /* of one file */
#define SOURCES_MAX 1000                /* of files in one load */

struct parser {
	struct loader *l;
	struct source *s;
	const struct token *t;          /* the next one; TOKEN_END is never passed */
};

static void body(struct parser *p, struct block *b, const struct token *open);

static bool word(const struct token *t, const char *text)
{
	return t->type == TOKEN_WORD && slice_eq(t->text, text);
}

static bool text_token(const struct token *t)
{
	return t->type == TOKEN_WORD || t->type == TOKEN_STRING;
}

static const char *token_shown(struct parser *p, const struct token *t)
{
	return t->type == TOKEN_END ? "the end of the file" : shown(p->l, t->text);
}

/* Past what else stands on the line of `from`, but not past a brace that ends a section or the beginning of another option. */
static void skip_line(struct parser *p, const struct token *from)
{
	while (p->t->type != TOKEN_END && p->t->line == from->line && p->t->type != TOKEN_CLOSE) {
		if (p->t > from && p->t->type == TOKEN_WORD && p->t[1].type == TOKEN_EQUALS)
			return;
		p->t++;
	}
}

/* ---- files ---- */

static char *read_all(struct loader *l, int fd, size_t size, const char **why)
{
	char *text = hold(l, size + 1);
	size_t n = 0;

	while (text && n < size) {
		ssize_t got = read(fd, text + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			*why = got < 0 ? strerror(errno) : "it changed while it was read";
			return NULL;
		}
		n += (size_t)got;
	}
	return text;
}

struct source *source_add(struct loader *l, const char *name, struct slice text)
{
	struct source *s = hold(l, sizeof *s);

	if (!s)
		return NULL;
	s->name = hold_slice(l, slice_of(name));
	s->text = text;
	if (!s->name)
		return NULL;
	*l->last_source = s;
	l->last_source = &s->next;
	return s;
}

struct source *source_open(struct loader *l, const char *path, struct source *from, const char **why)
{
	struct stat st;
	struct source *s = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*why = "memory is out";
	if (fd < 0 || fstat(fd, &st) != 0) {
		*why = strerror(errno);
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		*why = S_ISDIR(st.st_mode) ? strerror(EISDIR) : "it is not a regular file";
		goto done;
	}
	if (st.st_size > FILE_MAX) {
		*why = "it is larger than 16M";
		goto done;
	}
	for (struct source *up = from; up; up = up->from)
		if (up->dev == st.st_dev && up->ino == st.st_ino) {
			*why = "it includes itself";
			goto done;
		}
	char *text = read_all(l, fd, (size_t)st.st_size, why);
	if (!text)
		goto done;
	s = source_add(l, path, (struct slice){ text, (size_t)st.st_size });
	if (s) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
		s->from = from;
	}
done:
	if (fd >= 0)
		close(fd);
	return s;
}

struct source *source_private(struct loader *l, const struct block *b, const char *option, const char *path)
{
	const struct setting *s = setting_of(b, option);
	const char *file = setting_file(b, s), *why;
	unsigned line = s ? s->line : b->line;
	struct source *source = source_open(l, path, NULL, &why);

	if (!source)
		private_unread(l, file, line, option, path, why);
	return source;
}

void private_unread(struct loader *l, const char *file, unsigned line, const char *what, const char *path, const char *why)
{
	if (geteuid() != 0 && strcmp(why, strerror(EACCES)) == 0)
		warning(l, file, line, "%s '%s' cannot be read: %s", what, shown(l, slice_of(path)), why);
	else
		mistake(l, file, line, "%s '%s' cannot be read: %s", what, shown(l, slice_of(path)), why);
}

static void include_file(struct parser *p, struct block *b, const char *path, unsigned line)
{
	const char *why;
	size_t n = 0;

	for (struct source *s = p->l->source; s; s = s->next)
		n++;
	if (n >= SOURCES_MAX) {
		mistake(p->l, p->s->name, line, "too many files are included: %d is the most", SOURCES_MAX);
		return;
	}
	struct source *s = source_open(p->l, path, p->s, &why);
	if (!s) {
		mistake(p->l, p->s->name, line, "cannot include '%s': %s", shown(p->l, slice_of(path)), why);
		return;
	}
	if (!lex(p->l, s))
		return;
	struct parser inner = { p->l, s, s->token };
	body(&inner, b, NULL);
}

static int glob_error(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static void include_glob(struct parser *p, struct block *b, const char *pattern, unsigned line)
{
	glob_t found = { 0 };
	int rc = glob(pattern, 0, glob_error, &found);

	if (rc == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			include_file(p, b, found.gl_pathv[i], line);
	else if (rc == GLOB_NOSPACE)
		p->l->no_memory = true;
	else if (rc != GLOB_NOMATCH)
		mistake(p->l, p->s->name, line, "cannot include '%s': its directory cannot be read", shown(p->l, slice_of(pattern)));
	globfree(&found);
}

/* include("conf.d/" "*.conf" in one string): a relative path is meant from where the including file lies. */
static void include(struct parser *p, struct block *b)
{
	const struct token *from = p->t, *name = from + 2;

	if (!text_token(name) || name[1].type != TOKEN_RPAREN) {
		mistake(p->l, p->s->name, from->line, "include is written include(\"conf.d/*.conf\")");
		p->t++;
		skip_line(p, from);
		return;
	}
	p->t = name + 2;
	if (p->l->text_only) {
		mistake(p->l, p->s->name, from->line, "include() is not allowed here");
		return;
	}
	struct raw r = { name->text, name->type == TOKEN_STRING, name->line };
	char *path = lex_string(p->l, p->s->name, &r);
	if (!path)
		return;
	const char *slash = strrchr(p->s->name, '/');
	char *dir = slash ? hold_slice(p->l, (struct slice){ p->s->name, (size_t)(slash - p->s->name) + (slash == p->s->name) }) : NULL;
	path = hold_path(p->l, dir, path);
	if (!path)
		return;
	if (strpbrk(path, "*?["))
		include_glob(p, b, path, from->line);
	else
		include_file(p, b, path, from->line);
}

/* ---- options ---- */

static void value_add(struct parser *p, struct setting *s, const struct token *t)
{
	if ((s->n & (s->n - 1)) == 0) {         /* room is the next power of two */
		struct raw *grown = hold(p->l, (s->n ? s->n * 2 : 1) * sizeof *grown);
		if (!grown)
			return;
		if (s->n)
			memcpy(grown, s->v, s->n * sizeof *grown);
		s->v = grown;
	}
	s->v[s->n++] = (struct raw){ t->text, t->type == TOKEN_STRING, t->line };
}

/* From the opening brace. One that is not closed is noticed at the next option of this section or at the end. */
static void list(struct parser *p, struct setting *s, const struct block *b, const char *name)
{
	const struct token *open = p->t++;
	bool comma = true;

	s->list = true;
	for (;; p->t++) {
		const struct token *t = p->t;
		bool option = t->type == TOKEN_WORD && t[1].type == TOKEN_EQUALS && (!comma || directive_of(b->section, t->text));
		if (t->type == TOKEN_END || option) {
			mistake(p->l, p->s->name, open->line, "the list of %s is not closed: '}' is missing before %s%s%s", name,
				option ? "'" : "", token_shown(p, t), option ? "'" : "");
			return;
		}
		if (t->type == TOKEN_CLOSE) {
			p->t++;
			return;
		}
		if (t->type == TOKEN_COMMA) {
			if (comma)
				mistake(p->l, p->s->name, t->line, "the list of %s has a ',' with nothing before it", name);
			comma = true;
		} else if (text_token(t)) {
			if (!comma)
				mistake(p->l, p->s->name, t->line, "a ',' is missing before '%s' in the list of %s", token_shown(p, t), name);
			comma = false;
			value_add(p, s, t);
		} else {
			mistake(p->l, p->s->name, t->line, "unexpected '%s' in the list of %s: write an element that holds it in quotes", token_shown(p, t), name);
			comma = true;
		}
	}
}

static void unknown_option(struct parser *p, const struct block *b, const struct token *t)
{
	const char *name = shown(p->l, t->text), *where = sections[b->section].name, *near = directive_nearest(b->section, t->text);
	const struct directive *other = directive_elsewhere(b->section, t->text);
	const char *in = b->section == CONF_MAIN ? "" : " in ";

	if (section_of(t->text) >= 0 && b->section == CONF_MAIN)
		mistake(p->l, p->s->name, t->line, "%s is a section: write %s%s { ... }", name, name, sections[section_of(t->text)].titled ? " NAME" : "");
	else if (other && other->section == CONF_MAIN)
		mistake(p->l, p->s->name, t->line, "no option '%s' in %s: it stands outside of all sections", name, where);
	else if (other)
		mistake(p->l, p->s->name, t->line, "no option '%s'%s%s: it belongs in %s { }", name, in, where, sections[other->section].name);
	else if (near)
		mistake(p->l, p->s->name, t->line, "no option '%s'%s%s: did you mean %s?", name, in, where, near);
	else
		mistake(p->l, p->s->name, t->line, "no option '%s'%s%s: stint.conf(5) lists them", name, in, where);
}

static const struct setting *given(const struct block *b, const struct directive *d)
{
	for (const struct setting *s = b->first; s; s = s->next)
		if (s->d == d)
			return s;
	return NULL;
}

/* NAME = VALUE. The value begins on the line of the '=', so that one that was forgotten does not take the next option for it. */
static void setting(struct parser *p, struct block *b)
{
	const struct token *name = p->t, *value = name + 2;
	const struct directive *d = directive_of(b->section, name->text);
	const char *said = shown(p->l, name->text);
	struct setting *s = hold(p->l, sizeof *s);
	const struct setting *first = d ? given(b, d) : NULL;

	if (!s)
		return;
	s->d = d;
	s->file = p->s->name;
	s->line = name->line;
	p->t = value;
	if (!d)
		unknown_option(p, b, name);
	if (first)
		mistake(p->l, s->file, s->line, "%s is given twice: the first is at %s:%u", said, first->file, first->line);
	if (value->type == TOKEN_OPEN) {
		list(p, s, b, said);
	} else if (text_token(value) && value->line == name[1].line && value[1].type != TOKEN_EQUALS) {
		value_add(p, s, value);
		p->t++;
	} else {
		mistake(p->l, s->file, s->line, "%s has no value: write %s = VALUE", said, said);
		return;
	}
	if (!d)
		return;
	if (b->last)
		b->last->next = s;
	else
		b->first = s;
	b->last = s;
}

/* ---- sections ---- */

static void skip_block(struct parser *p, const struct token *name)
{
	const struct token *open = p->t;
	unsigned depth = 0;

	do {
		if (p->t->type == TOKEN_END) {
			mistake(p->l, p->s->name, open->line, "the '{' of %s is not closed: '}' is missing before the end of the file", shown(p->l, name->text));
			return;
		}
		depth += p->t->type == TOKEN_OPEN;
		depth -= p->t->type == TOKEN_CLOSE;
		p->t++;
	} while (depth);
}

static void unknown_section(struct parser *p, const struct block *b, const struct token *name)
{
	const char *said = shown(p->l, name->text), *near = section_nearest(name->text);

	if (directive_of(b->section, name->text))
		mistake(p->l, p->s->name, name->line, "%s is an option: write %s = VALUE", said, said);
	else if (near)
		mistake(p->l, p->s->name, name->line, "no section '%s': did you mean %s?", said, near);
	else
		mistake(p->l, p->s->name, name->line, "no section '%s': http, store, queue, handler, schedule and metrics are known", said);
	skip_block(p, name);
}

/* NAME { or NAME TITLE {, at the name. */
static void section(struct parser *p, struct block *outer)
{
	const struct token *name = p->t, *title = name[1].type == TOKEN_OPEN ? NULL : name + 1;
	int which = section_of(name->text);
	const char *said = shown(p->l, name->text);

	p->t += title ? 2 : 1;
	const struct token *open = p->t;
	if (which < 0) {
		unknown_section(p, outer, name);
		return;
	}
	if (sections[which].titled && !title)
		mistake(p->l, p->s->name, name->line, "a %s needs a name: write %s NAME { ... }", said, said);
	else if (!sections[which].titled && title)
		mistake(p->l, p->s->name, name->line, "section %s takes no name: write %s { ... }", said, said);
	else if (title && title->type == TOKEN_WORD && memchr(title->text.p, '*', title->text.n))
		mistake(p->l, p->s->name, name->line, "a name with '*' stands in quotes: write %s \"%s\" { ... }", said, shown(p->l, title->text));
	struct block *b = block_add(p->l, (enum conf_section)which, p->s->name, name->line);
	if (!b)
		return;
	if (title)
		b->title_raw = (struct raw){ title->text, title->type == TOKEN_STRING, title->line };
	p->t++;
	body(p, b, open);
}

static bool section_begins(const struct token *t)
{
	if (t->type != TOKEN_WORD)
		return false;
	return t[1].type == TOKEN_OPEN || (text_token(&t[1]) && t[2].type == TOKEN_OPEN);
}

static void stray(struct parser *p, const struct block *b)
{
	const struct token *t = p->t++;
	const char *said = token_shown(p, t);

	if (t->type == TOKEN_WORD && directive_of(b->section, t->text))
		mistake(p->l, p->s->name, t->line, "'=' is missing after %s: write %s = VALUE", said, said);
	else if (t->type == TOKEN_WORD && section_of(t->text) >= 0)
		mistake(p->l, p->s->name, t->line, "'{' is missing after %s: write %s%s { ... }", said, said, sections[section_of(t->text)].titled ? " NAME" : "");
	else
		mistake(p->l, p->s->name, t->line, "unexpected '%s': OPTION = VALUE, SECTION { ... } or include(\"FILE\") may stand here", said);
	skip_line(p, t);
}

/* What stands in a file (open is NULL) or between a section's braces. */
static void body(struct parser *p, struct block *b, const struct token *open)
{
	const char *name = sections[b->section].name;

	for (;;) {
		const struct token *t = p->t;
		if (t->type == TOKEN_END) {
			if (open)
				mistake(p->l, p->s->name, open->line, "the '{' of %s is not closed: '}' is missing before the end of the file", name);
			return;
		}
		if (t->type == TOKEN_CLOSE) {
			p->t++;
			if (open)
				return;
			mistake(p->l, p->s->name, t->line, "'}' closes nothing: no '{' is open here");
		} else if (word(t, "include") && t[1].type == TOKEN_LPAREN) {
			include(p, b);
		} else if (t->type == TOKEN_WORD && t[1].type == TOKEN_EQUALS) {
			setting(p, b);
		} else if (section_begins(t)) {
			if (b->section != CONF_MAIN && section_of(t->text) >= 0) {
				if (open) {
					mistake(p->l, p->s->name, open->line, "the '{' of %s is not closed: '}' is missing before '%s' on line %u", name,
						token_shown(p, t), t->line);
					return;
				}
				mistake(p->l, p->s->name, t->line, "section %s cannot stand inside %s", token_shown(p, t), name);
				struct parser ahead = *p;
				while (ahead.t->type != TOKEN_OPEN)
					ahead.t++;
				skip_block(&ahead, t);
				p->t = ahead.t;
				continue;
			}
			section(p, b);
		} else {
			stray(p, b);
		}
	}
}

void parse(struct loader *l, struct source *s, struct block *b)
{
	struct parser p = { l, s, s->token };

	body(&p, b, NULL);
}
