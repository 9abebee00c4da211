/* From a file to checked tables: runs the steps in their order, and holds what they share (memory, messages). Called by the master at start and reload, by
 * stintd -t, by the keeper (from text) and by the commands that read the conf. Nothing is fatal: what goes wrong is in the report. */
#include "config/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES_MAX 200                /* a wrong file altogether should not fill the screen */
#define SHOWN_MAX 80

/* ---- memory that lives as long as the load ---- */

struct held { struct held *next; max_align_t data[]; };

void *hold(struct loader *l, size_t n)
{
	struct held *h = calloc(1, sizeof *h + n);

	if (!h) {
		l->no_memory = true;
		return NULL;
	}
	h->next = l->held;
	l->held = h;
	return h->data;
}

static void hold_free(struct loader *l)
{
	struct held *next;

	for (struct held *h = l->held; h; h = next) {
		next = h->next;
		free(h);
	}
	l->held = NULL;
}

char *hold_slice(struct loader *l, struct slice s)
{
	char *copy = hold(l, s.n + 1);

	if (copy && s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

char *hold_path(struct loader *l, const char *dir, const char *path)
{
	if (!dir || !*dir || *path == '/' || !*path)
		return hold_slice(l, slice_of(path));
	size_t n = strlen(dir) + 1 + strlen(path);
	char *whole = hold(l, n + 1);
	if (whole)
		snprintf(whole, n + 1, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", path);
	return whole;
}

const char *shown(struct loader *l, struct slice s)
{
	size_t n = s.n > SHOWN_MAX ? SHOWN_MAX : s.n;
	char *copy = hold(l, n + 4);

	if (!copy)
		return "?";
	for (size_t i = 0; i < n; i++)
		copy[i] = (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f ? '?' : s.p[i];
	if (n < s.n)
		memcpy(copy + n, "...", 3);
	return copy;
}

/* ---- messages ---- */

static __attribute__((format(printf, 5, 0))) void report_add(struct loader *l, const char *file, unsigned line, bool is_warning, const char *fmt, va_list ap)
{
	struct conf_report *r = l->report;

	r->errors += !is_warning;
	if (r->n > MESSAGES_MAX)
		return;
	struct conf_message *grown = realloc(r->v, (r->n + 1) * sizeof *grown);
	if (!grown)
		goto no_memory;
	r->v = grown;
	struct conf_message *m = &r->v[r->n];
	*m = (struct conf_message){ .file = strdup(file), .line = line, .warning = is_warning };
	if (r->n == MESSAGES_MAX)
		m->text = strdup("there are more mistakes than are listed");
	else if (vasprintf(&m->text, fmt, ap) < 0)
		m->text = NULL;
	if (!m->file || !m->text) {
		free(m->file);
		free(m->text);
		goto no_memory;
	}
	r->n++;
	return;
no_memory:
	l->no_memory = true;
}

void mistake(struct loader *l, const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_add(l, file, line, false, fmt, ap);
	va_end(ap);
}

void warning(struct loader *l, const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_add(l, file, line, true, fmt, ap);
	va_end(ap);
}

/* In the order of the files as they were read, then of the lines; what has no file comes last. */
static size_t rank(const struct loader *l, const struct conf_message *m)
{
	size_t n = 0;

	for (const struct source *s = l->source; s && strcmp(s->name, m->file) != 0; s = s->next)
		n++;
	return n;
}

static void report_sort(struct loader *l)
{
	struct conf_report *r = l->report;

	for (size_t i = 1; i < r->n; i++) {
		struct conf_message m = r->v[i];
		size_t at = rank(l, &m), j = i;
		for (; j > 0; j--) {
			size_t other = rank(l, &r->v[j - 1]);
			if (other < at || (other == at && r->v[j - 1].line <= m.line))
				break;
			r->v[j] = r->v[j - 1];
		}
		r->v[j] = m;
	}
}

void conf_report_free(struct conf_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].file);
		free(r->v[i].text);
	}
	free(r->v);
	*r = (struct conf_report){ 0 };
}

void conf_report_print(const struct conf_report *r, int fd)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct conf_message *m = &r->v[i];
		const char *kind = m->warning ? "warning: " : "";
		if (m->line)
			dprintf(fd, "%s:%u: %s%s\n", m->file, m->line, kind, m->text);
		else
			dprintf(fd, "%s: %s%s\n", m->file, kind, m->text);
	}
}

/* ---- blocks and settings ---- */

struct block *block_add(struct loader *l, enum conf_section section, const char *file, unsigned line)
{
	struct block *b = hold(l, sizeof *b);

	if (!b)
		return NULL;
	b->section = section;
	b->file = file;
	b->line = line;
	b->title = "";
	*l->last_block = b;
	l->last_block = &b->next;
	return b;
}

const struct setting *setting_of(const struct block *b, const char *name)
{
	const struct setting *found = NULL;

	for (const struct setting *s = b->first; s; s = s->next)
		if (strcmp(s->d->name, name) == 0)
			found = s;
	return found;
}

unsigned setting_line(const struct block *b, const struct setting *s, size_t i)
{
	return s && i < s->n ? s->v[i].line : s ? s->line : b->line;
}

const char *setting_file(const struct block *b, const struct setting *s)
{
	return s ? s->file : b->file;
}

/* Titles are resolved after the .env file is there; sections that no file has are added, so that the environment can set their options. */
static void complete(struct loader *l, const char *file)
{
	bool seen[CONF_SECTIONS] = { false }, queue_default = false;

	for (struct block *b = l->block; b; b = b->next) {
		if (sections[b->section].titled) {
			const char *title = b->title_raw.text.p ? lex_string(l, b->file, &b->title_raw) : NULL;
			b->title = title ? title : "";
			b->untold = !title;
		}
		seen[b->section] = true;
		queue_default |= b->section == CONF_QUEUE && strcmp(b->title, "default") == 0;
	}
	for (int i = 0; i < CONF_SECTIONS; i++)
		if (!sections[i].titled && !seen[i])
			block_add(l, (enum conf_section)i, file, 0);
	if (!queue_default) {
		struct block *b = block_add(l, CONF_QUEUE, file, 0);
		if (b)
			b->title = "default";
	}
}

/* ---- settings to tables ---- */

/* Room for the titled sections; queue[0] is "default". */
static bool tables(struct loader *l)
{
	struct conf *c = l->conf;
	size_t nqueue = 0;

	for (const struct block *b = l->block; b; b = b->next) {
		nqueue += b->section == CONF_QUEUE;
		c->nhandler += b->section == CONF_HANDLER;
		c->nschedule += b->section == CONF_SCHEDULE;
	}
	c->queue = calloc(nqueue + 1, sizeof *c->queue);
	c->handler = calloc(c->nhandler + 1, sizeof *c->handler);
	c->schedule = calloc(c->nschedule + 1, sizeof *c->schedule);
	if (!c->queue || !c->handler || !c->schedule) {
		c->nhandler = c->nschedule = 0;
		return false;
	}
	c->nqueue = nqueue;
	size_t queue = 1, handler = 0, schedule = 0;
	bool first_default = true;
	for (struct block *b = l->block; b; b = b->next) {
		char *title = sections[b->section].titled ? strdup(b->title) : NULL;
		if (sections[b->section].titled && !title)
			return false;
		if (b->section == CONF_QUEUE) {
			bool is_default = strcmp(b->title, "default") == 0 && first_default;
			first_default &= !is_default;
			b->index = is_default ? 0 : queue++;
			c->queue[b->index].name = title;
		} else if (b->section == CONF_HANDLER) {
			b->index = handler++;
			c->handler[b->index].pattern = title;
		} else if (b->section == CONF_SCHEDULE) {
			b->index = schedule++;
			c->schedule[b->index].name = title;
		}
	}
	return true;
}

static bool defaults(struct loader *l)
{
	for (int section = 0; section < CONF_SECTIONS; section++)
		for (size_t index = 0; index < section_count(l->conf, section); index++) {
			char *base = section_base(l->conf, section, index);
			for (size_t i = 0; i < ndirectives; i++)
				if (directives[i].section == (enum conf_section)section && value_default(&directives[i], base + directives[i].offset) != VALUE_OK)
					return false;
		}
	return true;
}

static void bad_value(struct loader *l, const struct setting *s, const char *value)
{
	struct buf want = { 0 };

	value_expected(s->d, &want);
	if (s->d->type == CONF_LIST)
		mistake(l, s->file, s->line, "%s is empty: expected %s", s->d->name, buf_cstr(&want));
	else
		mistake(l, s->file, s->line, "bad value '%s' for %s: expected %s", shown(l, slice_of(value)), s->d->name, buf_cstr(&want));
	buf_free(&want);
}

/* Anything but the default of what this version does not have must not be taken in silence. */
static void refuse_later(struct loader *l, const struct setting *s, const void *slot)
{
	union conf_slot def = { 0 };

	if (!(s->d->flags & CONF_LATER))
		return;
	if (value_default(s->d, &def) != VALUE_OK)
		l->no_memory = true;
	else if (!value_equal(s->d, slot, &def) && s->d->type == CONF_CHOICE)
		mistake(l, s->file, s->line, "%s = %s is not available in this version: only %s is", s->d->name, s->d->names[*(const int *)slot], s->d->def);
	else if (!value_equal(s->d, slot, &def))
		mistake(l, s->file, s->line, "%s is not available in this version: leave it out", s->d->name);
	value_clear(s->d, &def);
}

static void apply_setting(struct loader *l, const struct setting *s, void *slot)
{
	char **v = hold(l, (s->n + 1) * sizeof *v);
	bool path = s->d->type == CONF_PATH || s->d->type == CONF_LOG;

	if (!v)
		return;
	if (s->list && s->d->type != CONF_LIST) {
		mistake(l, s->file, s->line, "%s takes one value, not a list", s->d->name);
		return;
	}
	for (size_t i = 0; i < s->n; i++) {
		v[i] = lex_string(l, s->file, &s->v[i]);
		if (!v[i])
			return;
		if (path && (s->d->type == CONF_PATH || strchr(v[i], '/')))
			v[i] = hold_path(l, l->prefix, v[i]);
		if (!v[i])
			return;
	}
	switch (value_set(s->d, slot, v, s->n)) {
	case VALUE_OK: refuse_later(l, s, slot); break;
	case VALUE_BAD: bad_value(l, s, s->n ? v[0] : ""); break;
	case VALUE_NO_MEMORY: l->no_memory = true; break;
	}
}

static void apply(struct loader *l)
{
	for (const struct block *b = l->block; b; b = b->next) {
		char *base = section_base(l->conf, b->section, b->index);
		for (const struct setting *s = b->first; s; s = s->next) {
			apply_setting(l, s, base + s->d->offset);
			if (b->section == CONF_MAIN && strcmp(s->d->name, "user") == 0)
				l->conf->user_given = true;
		}
	}
}

/* ---- the whole ---- */

static void load(struct loader *l, struct source *s)
{
	struct block *top = block_add(l, CONF_MAIN, s->name, 0);

	if (!top || !lex(l, s))
		return;
	parse(l, s, top);
	if (!l->text_only)
		environment_file(l);
	complete(l, s->name);
	if (!l->text_only)
		environment_override(l);
	if (l->no_memory)
		return;
	l->conf = calloc(1, sizeof *l->conf);
	if (!l->conf || !(l->conf->file = strdup(s->name)) || !tables(l) || !defaults(l)) {
		l->no_memory = true;
		return;
	}
	apply(l);
	if (!l->no_memory)
		check(l);
}

static void loader_init(struct loader *l, struct conf_report *report)
{
	*report = (struct conf_report){ 0 };
	l->report = report;
	l->last_source = &l->source;
	l->last_block = &l->block;
}

static struct conf *loader_finish(struct loader *l, const char *file)
{
	if (l->no_memory)
		mistake(l, file, 0, "memory is out");
	report_sort(l);
	hold_free(l);
	if (l->report->errors || l->no_memory) {
		conf_free(l->conf);
		return NULL;
	}
	return l->conf;
}

struct conf *conf_load(const char *file, const char *prefix, struct conf_report *report)
{
	struct loader l = { .prefix = prefix };
	const char *why;

	loader_init(&l, report);
	struct source *s = source_open(&l, file, NULL, &why);
	if (s)
		load(&l, s);
	else
		mistake(&l, file, 0, "cannot be read: %s", why);
	return loader_finish(&l, file);
}

struct conf *conf_parse(const char *name, const char *text, size_t n, struct conf_report *report)
{
	struct loader l = { .text_only = true };

	loader_init(&l, report);
	struct source *s = source_add(&l, name, n ? (struct slice){ text, n } : slice_of(""));
	if (s)
		load(&l, s);
	return loader_finish(&l, name);
}

static void handler_free(struct conf_handler *h)
{
	free(h->pattern);
	if (h->secret.data)
		explicit_bzero(h->secret.data, h->secret.len);
	buf_free(&h->secret);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (int section = 0; section < CONF_SECTIONS; section++)
		for (size_t index = 0; index < section_count(c, section); index++) {
			char *base = section_base(c, section, index);
			for (size_t i = 0; i < ndirectives; i++)
				if (directives[i].section == (enum conf_section)section)
					value_clear(&directives[i], base + directives[i].offset);
		}
	for (size_t i = 0; i < c->http.nlisten; i++) {
		free(c->http.listen[i].text);
		free(c->http.listen[i].host);
	}
	free(c->http.listen);
	tokens_free(&c->http);
	pem_free(&c->http);
	for (size_t i = 0; i < c->nqueue; i++)
		free(c->queue[i].name);
	for (size_t i = 0; i < c->nhandler; i++)
		handler_free(&c->handler[i]);
	for (size_t i = 0; i < c->nschedule; i++)
		free(c->schedule[i].name);
	free(c->queue);
	free(c->handler);
	free(c->schedule);
	free(c->file);
	free(c);
}
