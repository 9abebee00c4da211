/* Tables back to text: values in the conf's own syntax, the whole conf, what a value should have been, and what a reload may not change. Called by -T, by the
 * master's hand-over to the keeper and by every message about a bad value. Memory that is out shows in the buffer. */
#include "config/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/duration.h"
#include "text/url.h"

void string_put(struct slice s, struct buf *out)
{
	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\' || (c == '$' && i + 1 < s.n && s.p[i + 1] == '{'))
			buf_char(out, '\\');
		if (c == '\n' || c == '\r' || c == '\t')
			buf_str(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
		else
			buf_char(out, (char)c);
	}
	buf_char(out, '"');
}

static void list_put(const struct conf_list *l, struct buf *out)
{
	buf_char(out, '{');
	for (size_t i = 0; i < l->n; i++) {
		buf_str(out, i ? ", " : "");
		string_put(slice_of(l->v[i]), out);
	}
	buf_char(out, '}');
}

/* The shortest digits that read back to the same number. */
static void real_put(double v, struct buf *out)
{
	char text[64];

	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*f", digits - 1, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_str(out, text);
}

/* In the unit that gives a whole number, so that what was written as 100/m reads back to the same bits. */
static void rate_put(double v, struct buf *out)
{
	static const struct { double seconds; const char *name; } unit[] = { { 1, "/s" }, { 60, "/m" }, { 3600, "/h" } };

	for (size_t i = 0; i < 3 && v > 0; i++) {
		double whole = (double)(uint64_t)(v * unit[i].seconds + 0.5);
		if (whole / unit[i].seconds != v)
			continue;
		buf_u64(out, (uint64_t)whole);
		buf_str(out, unit[i].name);
		return;
	}
	real_put(v, out);
	buf_str(out, v > 0 ? "/s" : "");
}

void value_put(const struct directive *d, const void *slot, struct buf *out)
{
	switch (d->type) {
	case CONF_AUTO: case CONF_UINT: buf_u64(out, *(const uint64_t *)slot); break;
	case CONF_OCTAL: buf_printf(out, "0%02" PRIo64, *(const uint64_t *)slot); break;
	case CONF_INT: buf_i64(out, *(const int64_t *)slot); break;
	case CONF_SIZE: size_put(out, *(const uint64_t *)slot); break;
	case CONF_DURATION: duration_put(out, *(const int64_t *)slot); break;
	case CONF_RATE: rate_put(*(const double *)slot, out); break;
	case CONF_REAL: real_put(*(const double *)slot, out); break;
	case CONF_BOOL: buf_str(out, *(const bool *)slot ? "true" : "false"); break;
	case CONF_CHOICE: buf_str(out, d->names[*(const int *)slot]); break;
	case CONF_STRING: case CONF_PATH: case CONF_LOG: string_put(slice_of(*(char *const *)slot), out); break;
	case CONF_LIST: list_put(slot, out); break;
	}
}

static void choices_put(const struct directive *d, struct buf *out)
{
	for (int i = 0; d->names[i]; i++)
		buf_printf(out, "%s%s", !i ? "" : d->names[i + 1] ? ", " : " or ", d->names[i]);
}

static void limits_put(const char *what, void (*put)(struct buf *, int64_t), const struct directive *d, const char *such, struct buf *out)
{
	buf_printf(out, "%s from ", what);
	put(out, d->min);
	buf_str(out, " to ");
	put(out, d->max);
	buf_str(out, such);
}

static void put_number(struct buf *out, int64_t v) { buf_i64(out, v); }
static void put_octal(struct buf *out, int64_t v) { buf_printf(out, "0%02" PRIo64, v); }
static void put_size(struct buf *out, int64_t v) { size_put(out, (uint64_t)v); }
static void put_duration(struct buf *out, int64_t v) { duration_put(out, v); }

void value_expected(const struct directive *d, struct buf *out)
{
	switch (d->type) {
	case CONF_AUTO: limits_put("auto or a whole number", put_number, d, "", out); break;
	case CONF_UINT: case CONF_INT: limits_put("a whole number", put_number, d, "", out); break;
	case CONF_OCTAL: limits_put("an octal number", put_octal, d, "", out); break;
	case CONF_SIZE: limits_put("a size", put_size, d, ", such as 64K, 1M or 8G", out); break;
	case CONF_DURATION: limits_put("a duration", put_duration, d, ", such as 250ms, 30s, 5m, 2h or 7d", out); break;
	case CONF_RATE: buf_str(out, "a rate, such as 100/s or 6000/m, or 0 for no limit"); break;
	case CONF_REAL: limits_put("a number", put_number, d, ", such as 1.5", out); break;
	case CONF_BOOL: buf_str(out, "true or false"); break;
	case CONF_CHOICE: choices_put(d, out); break;
	case CONF_STRING: case CONF_PATH:
		if (d->max)
			limits_put("a text", put_number, d, " characters long", out);
		else
			buf_str(out, d->type == CONF_PATH ? "a path" : "a text that is not empty");
		break;
	case CONF_LOG: buf_str(out, "stderr, syslog or a path with a '/' in it"); break;
	case CONF_LIST: buf_str(out, "a list with at least one element"); break;
	}
}

/* A URL with its password left out. False where it has none. */
static bool masked_put(const char *text, struct buf *out)
{
	struct buf masked = { 0 };
	struct url u;

	if (url_parse(slice_of(text), &u) || !u.has_password)
		return false;
	buf_slice(&masked, (struct slice){ text, (size_t)(u.password.p - text) });
	buf_str(&masked, "***");
	buf_str(&masked, u.password.p + u.password.n);
	string_put((struct slice){ masked.data, masked.len }, out);
	buf_free(&masked);
	return true;
}

static void dump_section(const struct conf *c, enum conf_section section, size_t index, bool secrets, struct buf *out)
{
	const char *indent = section == CONF_MAIN ? "" : "\t";
	/* section_base() serves writers too; nothing is written here. */
	const char *base = section_base((struct conf *)(uintptr_t)c, section, index);

	for (size_t i = 0; i < ndirectives; i++) {
		const struct directive *d = &directives[i];
		if (d->section != section)
			continue;
		if ((d->flags & CONF_KIND) && c->handler[index].kind != d->kind)
			continue;
		/* user_given must read back as it is: the default is no user that somebody asked for. */
		bool aside = d->section == CONF_MAIN && strcmp(d->name, "user") == 0 && !c->user_given;
		buf_printf(out, "%s%s%s = ", indent, aside ? "#" : "", d->name);
		const void *slot = base + d->offset;
		if ((d->flags & CONF_SECRET) && !secrets && **(char *const *)slot)
			buf_str(out, "\"***\"");
		else if (secrets || !(d->flags & CONF_KIND) || d->type != CONF_STRING || !masked_put(*(char *const *)slot, out))
			value_put(d, slot, out);
		buf_char(out, '\n');
	}
}

void conf_dump(const struct conf *c, bool secrets, struct buf *out)
{
	for (int section = 0; section < CONF_SECTIONS; section++) {
		for (size_t i = 0; i < section_count(c, section); i++) {
			if (section == CONF_MAIN) {
				dump_section(c, section, i, secrets, out);
				continue;
			}
			buf_printf(out, "\n%s ", sections[section].name);
			if (sections[section].titled) {
				string_put(slice_of(section_title(c, section, i)), out);
				buf_char(out, ' ');
			}
			buf_str(out, "{\n");
			dump_section(c, section, i, secrets, out);
			buf_str(out, "}\n");
		}
	}
}

void conf_restart_only(const struct conf *running, const struct conf *wanted, void (*fn)(void *arg, const char *option), void *arg)
{
	for (size_t i = 0; i < ndirectives; i++) {
		const struct directive *d = &directives[i];
		if (!(d->flags & CONF_RESTART))
			continue;
		const char *a = section_base((struct conf *)(uintptr_t)running, d->section, 0);
		const char *b = section_base((struct conf *)(uintptr_t)wanted, d->section, 0);
		if (value_equal(d, a + d->offset, b + d->offset))
			continue;
		char name[64];
		snprintf(name, sizeof name, "%s%s%s", sections[d->section].name, d->section == CONF_MAIN ? "" : ".", d->name);
		fn(arg, name);
	}
}

int conf_keep_restart_only(const struct conf *running, struct conf *wanted)
{
	for (size_t i = 0; i < ndirectives; i++) {
		const struct directive *d = &directives[i];
		if (!(d->flags & CONF_RESTART))
			continue;
		const char *from = section_base((struct conf *)(uintptr_t)running, d->section, 0);
		char *to = section_base(wanted, d->section, 0);
		if (!value_copy(d, to + d->offset, from + d->offset))
			return -1;
	}
	wanted->user_given = running->user_given;
	return 0;
}
