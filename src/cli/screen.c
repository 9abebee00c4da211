/* Lines of a terminal, in memory. Called by top_screen.c and top.c. A line that memory is out for is left empty. */
#include "cli/screen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/width.h"

void screen_begin(struct screen *s, unsigned rows, unsigned columns)
{
	if (rows != s->rows) {
		screen_free(s);
		s->line = calloc(rows ? rows : 1, sizeof(*s->line));
		s->rows = s->line ? rows : 0;
	}
	s->failed = rows > 0 && !s->line;
	s->columns = columns;
	s->used = 0;
	for (unsigned i = 0; i < s->rows; i++) {
		buf_clear(&s->line[i].text);
		s->line[i].look = SCREEN_PLAIN;
	}
}

/* Cut to the width, and where it is shown in reverse filled to it. */
static void set(struct screen *s, unsigned row, enum screen_look look, struct slice text)
{
	struct screen_line *l = &s->line[row];

	buf_clear(&l->text);
	cli_text(&l->text, text);
	l->text.len = width_cut((struct slice){ l->text.data, l->text.len }, s->columns);
	l->look = look;
	if (look == SCREEN_REVERSE)
		for (size_t n = width_of((struct slice){ l->text.data, l->text.len }); n < s->columns; n++)
			buf_char(&l->text, ' ');
	s->failed |= l->text.failed;
}

void screen_line(struct screen *s, enum screen_look look, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	if (s->used == s->rows)
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	set(s, s->used++, look, (struct slice){ text.data, text.len });
	s->failed |= text.failed;
	buf_free(&text);
}

void screen_last(struct screen *s, enum screen_look look, const char *text)
{
	if (s->rows == 0)
		return;
	set(s, s->rows - 1, look, slice_of(text));
	s->used = s->rows;
}

void screen_write(const struct screen *s, struct buf *out)
{
	static const char *const begin[] = { "", "\033[1m", "\033[7m" };

	for (unsigned i = 0; i < s->rows; i++) {
		const struct screen_line *l = &s->line[i];

		buf_printf(out, "\033[%u;1H\033[2K%s", i + 1, begin[l->look]);
		buf_add(out, l->text.data, l->text.len);
		buf_str(out, l->look ? "\033[0m" : "");
	}
}

void screen_text(const struct screen *s, struct buf *out)
{
	for (unsigned i = 0; i < s->used; i++) {
		size_t n = s->line[i].text.len;

		while (n && s->line[i].text.data[n - 1] == ' ')
			n--;
		buf_add(out, s->line[i].text.data, n);
		buf_char(out, '\n');
	}
}

void screen_free(struct screen *s)
{
	for (unsigned i = 0; i < s->rows; i++)
		buf_free(&s->line[i].text);
	free(s->line);
	*s = (struct screen){ 0 };
}

void screen_cell(struct buf *out, const char *text, unsigned columns, bool right)
{
	struct buf clean = { 0 };
	struct slice s;
	size_t wide;

	cli_text(&clean, slice_of(text));
	s = (struct slice){ clean.data, clean.len };
	wide = width_of(s);
	if (wide > columns) {
		s.n = columns ? width_cut(s, columns - 1) : 0;
		wide = width_of(s) + (columns > 0);
		buf_slice(out, s);
		buf_str(out, columns ? "~" : "");
		s.n = 0;
		right = false;
	}
	for (size_t i = wide; right && i < columns; i++)
		buf_char(out, ' ');
	buf_slice(out, s);
	for (size_t i = wide; !right && i < columns; i++)
		buf_char(out, ' ');
	buf_free(&clean);
}
