/* Reads what forms post. Called by login.c and the pages' actions. Nothing here is fatal. */
#include "http/form.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text/json_scan.h"

#define SHOWN 64

static bool is_form(struct slice type)
{
	static const char want[] = "application/x-www-form-urlencoded";
	size_t n = sizeof(want) - 1;

	return type.n >= n && strncasecmp(type.p, want, n) == 0 && (type.n == n || type.p[n] == ';' || type.p[n] == ' ');
}

static bool refuse(struct form *f, struct http_request *q, struct slice name, const char *why)
{
	char field[SHOWN + 1];
	int n = name.n > SHOWN ? SHOWN : (int)name.n;

	memcpy(field, name.p, (size_t)n);
	field[n] = '\0';
	form_free(f);
	problem_send(q, 400, field, "the form's field \"%s\" %s", field, why);
	return false;
}

/* Appends s decoded at *to; p NULL where it is wrong. */
static struct slice decode(char **to, struct slice s)
{
	struct slice out = { *to, 0 };

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] == '+' ? ' ' : s.p[i];
		if (s.p[i] == '%') {
			int high = i + 2 < s.n ? json_hex_value(s.p[i + 1]) : -1, low = i + 2 < s.n ? json_hex_value(s.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return (struct slice){ NULL, 0 };
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return (struct slice){ NULL, 0 };
		*(*to)++ = c;
	}
	out.n = (size_t)(*to - out.p);
	return out;
}

static bool is_one_of(struct slice name, const char *names)
{
	while (*names) {
		size_t n = strcspn(names, ",");
		if (name.n == n && memcmp(name.p, names, n) == 0)
			return true;
		names += n + (names[n] == ',');
	}
	return false;
}

/* One "name=value"; false: it was answered. */
static bool take(struct form *f, struct http_request *q, struct slice pair, char **to, const char *names)
{
	const char *eq = memchr(pair.p, '=', pair.n);
	struct slice raw = { pair.p, eq ? (size_t)(eq - pair.p) : pair.n };
	struct slice name = decode(to, raw), value = decode(to, (struct slice){ eq ? eq + 1 : "", eq ? pair.n - raw.n - 1 : 0 });

	if (!name.p || !value.p)
		return refuse(f, q, raw, "is not percent-coded as forms are, or has a U+0000 in it");
	if (!is_one_of(name, names))
		return refuse(f, q, name, "is not known here");
	for (size_t i = 0; i < f->n; i++)
		if (f->field[i].name.n == name.n && memcmp(f->field[i].name.p, name.p, name.n) == 0)
			return refuse(f, q, name, "is there twice; it is taken once");
	if (f->n == FORM_FIELDS)
		return refuse(f, q, name, "is one too many");
	f->field[f->n++] = (struct http_pair){ name, value };
	return true;
}

bool form_read(struct form *f, struct http_request *q, const char *names)
{
	struct slice s = q->body;

	*f = (struct form){ .n = 0 };
	if (s.n && !is_form(http_header(q, "content-type"))) {
		problem_send(q, 415, NULL, "this takes what a form sends: application/x-www-form-urlencoded");
		return false;
	}
	char *to = f->text = malloc(s.n + 1);   /* decoded it is never longer */
	if (!f->text) {
		problem_send(q, 503, NULL, "out of memory");
		return false;
	}
	while (s.n) {
		const char *amp = memchr(s.p, '&', s.n);
		struct slice pair = { s.p, amp ? (size_t)(amp - s.p) : s.n };
		s = (struct slice){ s.p + pair.n + (amp != NULL), s.n - pair.n - (amp != NULL) };
		if (pair.n && !take(f, q, pair, &to, names))
			return false;
	}
	return true;
}

struct slice form_get(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (slice_eq(f->field[i].name, name) && f->field[i].value.n)
			return f->field[i].value;
	return (struct slice){ NULL, 0 };
}

void form_free(struct form *f)
{
	free(f->text);
	*f = (struct form){ .n = 0 };
}
