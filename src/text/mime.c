/* Encodings of mail: encoded words for headers, quoted-printable for bodies. Used to write messages. */
#include "text/mime.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "text/base64.h"
#include "text/calendar.h"

#define LINE_MAX_CHARS 76
#define WORD_OVERHEAD 12        /* =?utf-8?B? and ?= */
#define DAY_S 86400

static bool plain(char c)
{
	return c >= ' ' && c <= '~';
}

static bool all_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!plain(s.p[i]))
			return false;
	return true;
}

/* How many of the first `most` bytes make whole characters. */
static size_t whole_characters(struct slice s, size_t most)
{
	size_t n = s.n < most ? s.n : most;

	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Encoded words, each on a line of its own but for the first, which begins at `column`. */
static void encoded_words(struct buf *out, struct slice s, size_t column)
{
	bool first = true;

	while (s.n) {
		size_t room = LINE_MAX_CHARS > column + WORD_OVERHEAD ? (LINE_MAX_CHARS - column - WORD_OVERHEAD) / 4 * 3 : 0;
		size_t n = whole_characters(s, room);
		if (n == 0 && column > 1) {     /* nothing fits behind what stands there */
			buf_str(out, first ? "\r\n " : "");
			column = 1;
			continue;
		}
		if (n == 0)
			n = s.n < 45 ? s.n : 45;        /* no UTF-8: any cut is as good */
		if (!first)
			buf_str(out, "\r\n ");
		buf_str(out, "=?utf-8?B?");
		base64_put(out, s.p, n);
		buf_str(out, "?=");
		s = (struct slice){ s.p + n, s.n - n };
		column = 1;
		first = false;
	}
}

void mime_header(struct buf *out, const char *name, struct slice text)
{
	size_t column = strlen(name) + 2;

	buf_printf(out, "%s: ", name);
	if (all_plain(text) && column + text.n <= LINE_MAX_CHARS && !memmem(text.p, text.n, "=?", 2))
		buf_slice(out, text);
	else
		encoded_words(out, text, column);
	buf_str(out, "\r\n");
}

static bool atom(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-/=?^_`{|}~ ", c));
}

void mime_phrase(struct buf *out, struct slice text, size_t column)
{
	bool bare = true;

	if (!all_plain(text) || column + text.n + 2 > LINE_MAX_CHARS || (text.n && memmem(text.p, text.n, "=?", 2))) {
		encoded_words(out, text, column);
		return;
	}
	for (size_t i = 0; i < text.n; i++)
		bare &= atom(text.p[i]);
	if (bare) {
		buf_slice(out, text);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, text.p[i]);
	}
	buf_char(out, '"');
}

/* Whether the text ends, or its line does, behind the first byte. */
static bool line_ends(struct slice s)
{
	return s.n == 1 || s.p[1] == '\n' || (s.p[1] == '\r' && s.n > 2 && s.p[2] == '\n');
}

void mime_quoted_printable(struct buf *out, struct slice s)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t column = 0;

	for (; s.n; s = (struct slice){ s.p + 1, s.n - 1 }) {
		char c = s.p[0], code[3] = { '=', hex[(unsigned char)c >> 4], hex[(unsigned char)c & 15] };
		if (c == '\n' || (c == '\r' && s.n > 1 && s.p[1] == '\n')) {
			buf_str(out, "\r\n");
			column = 0;
			if (c == '\r')
				s = (struct slice){ s.p + 1, s.n - 1 };
			continue;
		}
		bool literal = ((plain(c) && c != ' ') || ((c == ' ' || c == '\t') && !line_ends(s))) && c != '=';
		size_t width = literal ? 1 : sizeof(code);
		if (column + width > LINE_MAX_CHARS - 1) {      /* room for the soft break's '=' */
			buf_str(out, "=\r\n");
			column = 0;
		}
		buf_add(out, literal ? &c : code, width);
		column += width;
	}
	if (column)
		buf_str(out, "\r\n");
}

void mime_date(int64_t wall_ms, char out[MIME_DATE_BYTES])
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t seconds = wall_ms / 1000, day = calendar_day_of(seconds);
	unsigned of_day = (unsigned)(seconds - day * DAY_S);
	int year, month, mday;

	calendar_date(day, &year, &month, &mday);
	snprintf(out, MIME_DATE_BYTES, "%.3s, %02u %.3s %04u %02u:%02u:%02u +0000", days + 3 * calendar_weekday(day), (unsigned)mday % 100, months + 3 * (month - 1), (unsigned)year % 10000,
		 of_day / 3600 % 100, of_day / 60 % 60, of_day % 60);
}
