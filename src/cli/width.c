/* Columns of a terminal. The C library knows each character's width, but only in a locale of UTF-8: C.UTF-8, which every glibc of today comes with. Where it is missing a character is one column.
 * Called by table.c and by the screen of `stint top`; for one thread. */
#include "cli/width.h"

#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>

static locale_t utf8(void)
{
	static locale_t locale;
	static bool tried;

	if (!tried)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	tried = true;
	return locale;
}

/* Bytes of the character that s begins with, and its columns. */
static size_t character(struct slice s, size_t *columns)
{
	mbstate_t state = { 0 };
	wchar_t c = L'\0';
	size_t n = mbrtowc(&c, s.p, s.n, &state);
	int wide;

	*columns = 1;
	if (n == 0 || n > s.n)          /* a NUL; no UTF-8, or not all of a character */
		return 1;
	wide = wcwidth(c);
	*columns = wide < 0 ? 1 : (size_t)wide;
	return n;
}

static size_t character_plain(struct slice s, size_t *columns)
{
	*columns = (*s.p & 0xc0) != 0x80;
	return 1;
}

/* As many bytes as fit into `columns`; *used of these. */
static size_t fit(struct slice s, size_t columns, size_t *used)
{
	locale_t locale = utf8(), before = (locale_t)0;
	size_t at = 0;

	*used = 0;
	if (locale)
		before = uselocale(locale);
	while (at < s.n) {
		struct slice rest = { s.p + at, s.n - at };
		size_t wide, n = locale ? character(rest, &wide) : character_plain(rest, &wide);

		if (*used + wide > columns)
			break;
		*used += wide;
		at += n;
	}
	if (locale)
		uselocale(before);
	return at;
}

size_t width_of(struct slice s)
{
	size_t used;

	fit(s, (size_t)-1 / 2, &used);
	return used;
}

size_t width_cut(struct slice s, size_t columns)
{
	size_t used;

	return fit(s, columns, &used);
}
