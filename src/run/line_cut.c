/* Finds the result in a line as it comes, byte by byte, and lets go of what it has beyond its limit. Called by coprocess_io.c for lines that are longer than the limit alone. It sees no more of JSON than
 * where values end: what is kept is read by line_read(). Nothing here is fatal. */
#include "run/line_cut.h"

#include <stdio.h>
#include <string.h>

enum { BEFORE, MEMBERS, NAME, COLON, VALUE, WITHIN, BEHIND, OVER };     /* OVER: the object has ended, or it is none */

static const char result[] = "result";

void line_cut_begin(struct line_cut *c, size_t most)
{
	*c = (struct line_cut){ .most = most, .at = BEFORE };
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

static void take_name(struct line_cut *c, char ch)
{
	if (ch == '"' && !c->escaped) {
		c->at = COLON;
		return;
	}
	c->escaped = ch == '\\' && !c->escaped;
	if (c->name_n < sizeof(c->name))
		c->name[c->name_n++] = ch;
}

/* False: the value has ended before this byte. */
static bool take_value(struct line_cut *c, char ch)
{
	if (c->string) {
		bool ends = ch == '"' && !c->escaped;
		c->escaped = ch == '\\' && !c->escaped;
		c->string = !ends;
		if (ends && c->depth == 0)
			c->at = BEHIND;
	} else if (ch == '"') {
		c->string = true;
		c->escaped = false;
	} else if (ch == '{' || ch == '[') {
		c->depth++;
	} else if (c->depth == 0) {
		return ch != ',' && ch != '}' && ch != ']' && !is_blank(ch);
	} else if ((ch == '}' || ch == ']') && --c->depth == 0) {
		c->at = BEHIND;
	}
	return true;
}

/* A byte outside of values. */
static void take_other(struct line_cut *c, char ch)
{
	switch (c->at) {
	case BEFORE:
		if (!is_blank(ch))
			c->at = ch == '{' ? MEMBERS : OVER;
		break;
	case MEMBERS:
		c->name_n = 0;
		c->escaped = false;
		c->at = ch == '"' ? NAME : ch == '}' ? OVER : MEMBERS;
		break;
	case NAME:
		take_name(c, ch);
		break;
	case COLON:
		c->at = ch == ':' ? VALUE : COLON;
		break;
	case BEHIND:
		c->at = ch == ',' ? MEMBERS : ch == '}' ? OVER : BEHIND;
		break;
	default:
		break;
	}
}

static void begin_value(struct line_cut *c, size_t at)
{
	c->at = WITHIN;
	c->depth = 0;
	c->string = false;
	c->here = !c->seen && c->name_n == sizeof(result) - 1 && memcmp(c->name, result, c->name_n) == 0;
	if (c->here)
		c->from = at;
	c->seen |= c->here;
}

/* Whether this byte is of the result. */
static bool take(struct line_cut *c, char ch, size_t at)
{
	if (c->at == VALUE && !is_blank(ch))
		begin_value(c, at);
	if (c->at == WITHIN) {
		if (take_value(c, ch))
			return c->here;
		c->at = BEHIND;
	}
	take_other(c, ch);
	return false;
}

bool line_cut_add(struct line_cut *c, struct buf *kept, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!take(c, p[i], kept->len)) {
			if (++c->rest > LINE_MORE)
				return false;
		} else {
			c->total++;
			if (c->kept == c->most)
				continue;
			c->kept++;
		}
		buf_char(kept, p[i]);
	}
	return true;
}

/* A 0 stands in the place of what is left of the result. */
bool line_cut_read(const struct line_cut *c, struct slice kept, struct line_said *out, char *why, size_t why_size)
{
	struct buf line = { 0 };
	bool good;

	if (!c->seen)
		return line_read(kept, out, why, why_size);
	buf_add(&line, kept.p, c->from);
	buf_char(&line, '0');
	buf_add(&line, kept.p + c->from + c->kept, kept.n - c->from - c->kept);
	good = !line.failed && line_read((struct slice){ line.data, line.len }, out, why, why_size);
	if (line.failed)
		snprintf(why, why_size, "memory is out for a line of it");
	buf_free(&line);
	if (good && out->kind == LINE_OK) {
		out->result = (struct slice){ kept.p + c->from, c->kept };
		out->result_total = c->total;
	}
	return good;
}
