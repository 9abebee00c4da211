/* Keeps the head of one stream and the tail of the other, and finds the lines a handler addresses to us. Pure: no descriptor, no clock.
 * Used by the exec kind. Where memory is out what could not be kept counts as dropped. */
#include "run/output.h"

#include <string.h>

#include "text/duration.h"

enum output_at {
	AT_LINE_START,
	AT_TEXT,                /* within a line that is the log's */
	AT_MARK,                /* within a line that began with ':': held back in `line` */
};

void output_head_add(struct output_head *o, const char *p, size_t n)
{
	o->total += n;
	if (o->kept.len >= o->limit)
		return;
	size_t room = (size_t)(o->limit - o->kept.len);
	if (!o->kept.failed)
		buf_add(&o->kept, p, n < room ? n : room);
}

bool output_head_cut(const struct output_head *o)
{
	return o->total > o->kept.len;
}

void output_log_init(struct output_log *o)
{
	*o = (struct output_log){ .retry_in_ms = -1, .at = AT_LINE_START };
}

/* Appends to the tail. Twice the limit is let grow before the front is dropped, so that each byte is moved once at most. */
static void keep(struct output_log *o, const char *p, size_t n)
{
	o->said += n;
	if (n > OUTPUT_LOG_MAX) {
		p += n - OUTPUT_LOG_MAX;
		n = OUTPUT_LOG_MAX;
	}
	if (o->kept.len + n > 2 * OUTPUT_LOG_MAX)
		buf_consume(&o->kept, o->kept.len - OUTPUT_LOG_MAX);
	if (!o->kept.failed)
		buf_add(&o->kept, p, n);
}

static bool take_word(struct slice *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n < n || memcmp(s->p, word, n) != 0)
		return false;
	*s = (struct slice){ s->p + n, s->n - n };
	return true;
}

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static struct slice trim(struct slice s)
{
	while (s.n && space(s.p[0]))
		s = (struct slice){ s.p + 1, s.n - 1 };
	while (s.n && space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool take_progress(struct output_log *o, struct slice rest)
{
	int percent = 0;
	size_t digits = 0;

	while (digits < rest.n && digits < 4 && rest.p[digits] >= '0' && rest.p[digits] <= '9')
		percent = percent * 10 + (rest.p[digits++] - '0');
	if (digits == 0 || percent > 100 || (digits < rest.n && !space(rest.p[digits])))
		return false;
	if (o->progress)
		o->progress(o->arg, percent, trim((struct slice){ rest.p + digits, rest.n - digits }));
	return true;
}

/* Whether the line was one for us. One that looks like it and is not right stays in the log, where its author finds it. */
static bool take_mark(struct output_log *o, struct slice line)
{
	int64_t ms;

	if (take_word(&line, "::progress "))
		return take_progress(o, trim(line));
	if (!take_word(&line, "::retry-in ") || !duration_parse(trim(line), &ms) || ms > DURATION_LIMIT_MS)
		return false;
	o->retry_in_ms = ms;
	return true;
}

static void mark_ends(struct output_log *o)
{
	if (!take_mark(o, (struct slice){ o->line, o->nline }))
		keep(o, o->line, o->nline);
	o->nline = 0;
}

/* How much of it is text, whole lines at once: a flood of short ones costs no more than one of long ones. */
static size_t text_until_mark(const struct output_log *o, const char *p, size_t n)
{
	const char *mark = o->plain ? NULL : p;

	while (mark && (mark = memchr(mark + 1, ':', n - (size_t)(mark + 1 - p))) != NULL)
		if (mark[-1] == '\n')
			return (size_t)(mark - p);
	return n;
}

/* Takes lines up to the next that may be a mark, or a mark, or what there is of it. Returns how many bytes. */
static size_t take_lines(struct output_log *o, const char *p, size_t n)
{
	const char *newline = NULL;
	size_t part = 0;

	if (o->at == AT_LINE_START)
		o->at = p[0] == ':' && !o->plain ? AT_MARK : AT_TEXT;
	if (o->at == AT_MARK) {
		newline = memchr(p, '\n', n);
		part = newline ? (size_t)(newline - p) + 1 : n;
		if (o->nline + part > sizeof(o->line)) {
			keep(o, o->line, o->nline);
			o->nline = 0;
			o->at = AT_TEXT;
		}
	}
	if (o->at == AT_TEXT) {
		part = text_until_mark(o, p, n);
		keep(o, p, part);
	} else {
		memcpy(o->line + o->nline, p, part);
		o->nline += part;
		if (newline)
			mark_ends(o);
	}
	if (p[part - 1] == '\n')
		o->at = AT_LINE_START;
	return part;
}

void output_log_add(struct output_log *o, const char *p, size_t n)
{
	o->total += n;
	while (n) {
		size_t taken = take_lines(o, p, n);
		p += taken;
		n -= taken;
	}
}

void output_log_end(struct output_log *o)
{
	if (o->nline)
		mark_ends(o);
	o->at = AT_LINE_START;
	if (o->kept.len > OUTPUT_LOG_MAX)
		buf_consume(&o->kept, o->kept.len - OUTPUT_LOG_MAX);
}

void output_copy(struct slice s, char *out, size_t size)
{
	size_t n = s.n < size ? s.n : size - 1;

	if (n < s.n) {
		/* not within a character: at most three continuation bytes are given up with their first byte */
		size_t back = n;
		while (back > 0 && n - back < 3 && ((unsigned char)s.p[back] & 0xc0) == 0x80)
			back--;
		if (((unsigned char)s.p[back] & 0xc0) != 0x80)
			n = back;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = s.p[i] ? s.p[i] : '?';
	out[n] = '\0';
}

bool output_last_line(struct slice log, char *out, size_t size)
{
	log = trim(log);
	if (log.n == 0)
		return false;
	const char *newline = memrchr(log.p, '\n', log.n);
	if (newline)
		log = trim((struct slice){ newline + 1, log.n - (size_t)(newline + 1 - log.p) });
	output_copy(log, out, size);
	return true;
}
