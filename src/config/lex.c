/* Bytes to tokens with their true lines, and what a string means. Called by parse.c for each file. After a mistake it goes on with the likeliest token, so that
 * one load finds them all; only memory and a file that is no text are fatal to it. */
#include "config/internal.h"

#include <stdlib.h>
#include <string.h>

struct lexer {
	struct loader *l;
	struct source *s;
	const char *p, *end;
	unsigned line;
	size_t room;
};

static bool token_add(struct lexer *x, enum token_type type, unsigned line, const char *p, size_t n)
{
	struct source *s = x->s;

	if (s->ntoken == x->room) {
		size_t room = x->room ? x->room * 2 : 256;
		struct token *grown = hold(x->l, room * sizeof *grown);
		if (!grown)
			return false;
		if (s->ntoken)
			memcpy(grown, s->token, s->ntoken * sizeof *grown);
		s->token = grown;
		x->room = room;
	}
	s->token[s->ntoken++] = (struct token){ type, line, { p, n } };
	return true;
}

static bool word_char(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p;

	if (c == '$' && p + 1 < end && p[1] == '{')
		return false;
	return c > ' ' && c != 0x7f && !strchr("{}=,\"#();'", c);
}

/* "..." on one line. One that does not end there is taken to end with the line. */
static bool lex_quoted(struct lexer *x)
{
	const char *from = ++x->p;

	while (x->p < x->end && *x->p != '"' && *x->p != '\n')
		x->p += *x->p == '\\' && x->p + 1 < x->end && x->p[1] != '\n' ? 2 : 1;
	size_t n = (size_t)(x->p - from);
	if (x->p < x->end && *x->p == '"') {
		x->p++;
	} else {
		mistake(x->l, x->s->name, x->line, "string is not closed: '\"' is missing at its end (write \\n for a new line inside)");
		if (n && from[n - 1] == '\r')
			n--;
	}
	return token_add(x, TOKEN_STRING, x->line, from, n);
}

/* 'text' and ${NAME} without double quotes: said, and taken as if they had them. */
static bool lex_unquoted(struct lexer *x)
{
	char closing = *x->p == '\'' ? '\'' : '}';
	const char *from = closing == '}' ? x->p : x->p + 1, *p = from;

	while (p < x->end && *p != closing && *p != '\n')
		p++;
	bool closed = p < x->end && *p == closing;
	size_t n = (size_t)(p - from) + (closing == '}' && closed);
	if (closing == '}')
		mistake(x->l, x->s->name, x->line, "${...} stands without quotes: write \"%s\"", shown(x->l, (struct slice){ from, n }));
	else
		mistake(x->l, x->s->name, x->line, "single quotes mean nothing here: write a text in double quotes");
	x->p = p + closed;
	return token_add(x, TOKEN_STRING, x->line, from, n);
}

static bool lex_one(struct lexer *x)
{
	static const char signs[] = "={},()";
	static const enum token_type types[] = { TOKEN_EQUALS, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_COMMA, TOKEN_LPAREN, TOKEN_RPAREN };
	const char *from = x->p, *sign = strchr(signs, *from);

	if (sign) {
		x->p++;
		return token_add(x, types[sign - signs], x->line, from, 1);
	}
	if (*from == '"')
		return lex_quoted(x);
	if (*from == '\'' || *from == '$')
		if (*from == '\'' || !word_char(from, x->end))
			return lex_unquoted(x);
	while (x->p < x->end && word_char(x->p, x->end))
		x->p++;
	if (x->p > from)
		return token_add(x, TOKEN_WORD, x->line, from, (size_t)(x->p - from));
	if (*from == ';')
		mistake(x->l, x->s->name, x->line, "unexpected ';': nothing ends an option, leave it out");
	else
		mistake(x->l, x->s->name, x->line, "unexpected byte 0x%02x: outside of strings only printable text may stand", (unsigned char)*from);
	x->p++;
	return true;
}

bool lex(struct loader *l, struct source *s)
{
	struct lexer x = { .l = l, .s = s, .p = s->text.p, .end = s->text.p + s->text.n, .line = 1 };
	const char *nul = memchr(s->text.p, 0, s->text.n);

	if (nul) {
		for (const char *p = s->text.p; p < nul; p++)
			x.line += *p == '\n';
		mistake(l, s->name, x.line, "a NUL byte stands here: expected a text file");
		return token_add(&x, TOKEN_END, 1, s->text.p, 0);
	}
	if (s->text.n >= 3 && memcmp(s->text.p, "\xef\xbb\xbf", 3) == 0)
		x.p += 3;
	while (x.p < x.end) {
		char c = *x.p;
		if (c == '#') {
			const char *nl = memchr(x.p, '\n', (size_t)(x.end - x.p));
			x.p = nl ? nl : x.end;
		} else if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
			x.line += c == '\n';
			x.p++;
		} else if (!lex_one(&x)) {
			return false;
		}
	}
	return token_add(&x, TOKEN_END, x.line, x.end, 0);
}

/* ---- what a string means ---- */

struct meaning {
	struct loader *l;
	const char *file;
	unsigned line;
	struct slice text;
	size_t at;
	struct buf out;
	bool bad;
};

static void escape(struct meaning *m)
{
	static const char plain[] = "\"\\$}'", from[] = "nrt", to[] = "\n\r\t";
	char c = m->at + 1 < m->text.n ? m->text.p[m->at + 1] : 0;
	const char *hit;

	m->at += 2;
	if (c && strchr(plain, c)) {
		buf_char(&m->out, c);
	} else if (c && (hit = strchr(from, c))) {
		buf_char(&m->out, to[hit - from]);
	} else {
		mistake(m->l, m->file, m->line, "unknown escape '\\%s' in a string: \\\" \\\\ \\n \\r \\t and \\$ are known, write \\\\ for a backslash",
			shown(m->l, (struct slice){ &c, c != 0 }));
		m->bad = true;
	}
}

static bool name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* The text up to the closing brace of ${NAME:-...}; its own escapes are resolved into m->out, or passed over where `skip`. */
static bool fallback(struct meaning *m, bool skip)
{
	size_t mark = m->out.len;

	while (m->at < m->text.n && m->text.p[m->at] != '}') {
		if (m->text.p[m->at] == '\\')
			escape(m);
		else
			buf_char(&m->out, m->text.p[m->at++]);
	}
	if (skip && !m->out.failed)
		m->out.len = mark;
	return m->at < m->text.n;
}

static void variable(struct meaning *m)
{
	size_t from = m->at, start = from + 2, end = start;
	const char *value = NULL;
	bool dash;

	while (end < m->text.n && name_char(m->text.p[end], end == start))
		end++;
	struct slice name = { m->text.p + start, end - start };
	m->at = end;
	dash = end + 1 < m->text.n && m->text.p[end] == ':' && m->text.p[end + 1] == '-';
	if (name.n)
		value = environment_get(m->l, name);
	if (dash) {
		bool have = value && *value;
		m->at = end + 2;
		if (!fallback(m, have))
			goto malformed;
		if (have)
			buf_str(&m->out, value);
	} else if (!name.n || end >= m->text.n || m->text.p[end] != '}') {
		goto malformed;
	} else if (value) {
		buf_str(&m->out, value);
	} else {
		const char *n = shown(m->l, name);
		mistake(m->l, m->file, m->line, "${%s} is not set in the environment: set %s, or write \"${%s:-default}\"", n, n, n);
		m->bad = true;
	}
	m->at++;
	return;
malformed:
	mistake(m->l, m->file, m->line, "'%s' is not a variable: write ${NAME} or ${NAME:-default}, or \\${ for the characters themselves",
		shown(m->l, (struct slice){ m->text.p + from, m->text.n - from }));
	m->bad = true;
	m->at = m->text.n;
}

char *lex_string(struct loader *l, const char *file, const struct raw *r)
{
	struct meaning m = { .l = l, .file = file, .line = r->line, .text = r->text };
	char *s = NULL;

	if (!r->quoted)
		return hold_slice(l, r->text);
	while (m.at < m.text.n && !m.out.failed) {
		char c = m.text.p[m.at];
		if (c == '\\')
			escape(&m);
		else if (c == '$' && m.at + 1 < m.text.n && m.text.p[m.at + 1] == '{')
			variable(&m);
		else
			buf_char(&m.out, m.text.p[m.at++]);
	}
	if (m.out.failed)
		l->no_memory = true;
	else if (!m.bad)
		s = hold_slice(l, (struct slice){ m.out.data, m.out.len });
	buf_free(&m.out);
	return s;
}
