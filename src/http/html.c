/* HTML by hand, and little of it. Called by the status page. */
#include "http/html.h"

#include <math.h>
#include <string.h>

#include "http/job_json.h"

static const char *escape_of(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

/* Bytes of the UTF-8 character at the front, 0 where there is none. */
static size_t character(struct slice s)
{
	for (size_t n = 1; n <= 4 && n <= s.n; n++)
		if (job_json_utf8((struct slice){ s.p, n }))
			return n;
	return 0;
}

void html_text(struct buf *b, struct slice s)
{
	while (s.n) {
		const char *escape = escape_of(s.p[0]);
		size_t n = escape ? 1 : character(s);
		if (escape)
			buf_str(b, escape);
		else if (n)
			buf_add(b, s.p, n);
		else
			buf_str(b, "\xef\xbf\xbd");
		n = n ? n : 1;
		s = (struct slice){ s.p + n, s.n - n };
	}
}

void html_cut(struct buf *b, struct slice s, size_t max)
{
	if (s.n <= max) {
		html_text(b, s);
		return;
	}
	while (max && ((unsigned char)s.p[max] & 0xc0) == 0x80)         /* not inside a character */
		max--;
	html_text(b, (struct slice){ s.p, max });
	buf_str(b, "\xe2\x80\xa6");
}

void html_count(struct buf *b, uint64_t n)
{
	if (n >= 1000) {
		html_count(b, n / 1000);
		buf_printf(b, ",%03u", (unsigned)(n % 1000));
	} else {
		buf_u64(b, n);
	}
}

/* Three digits that matter. */
static void put_three(struct buf *b, double v)
{
	buf_printf(b, "%.*f", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v);
}

void html_us(struct buf *b, double us)
{
	static const struct { double less, unit; const char *name; } scale[] = {
		{ 999.5e3, 1e3, "ms" }, { 59.95e6, 1e6, "s" }, { 3597e6, 60e6, "min" }, { INFINITY, 3600e6, "h" },
	};

	if (us > 0 && us < 5) {
		buf_str(b, "&lt;\xc2\xa0""0.01\xc2\xa0ms");
		return;
	}
	for (size_t i = 0; i < sizeof(scale) / sizeof(scale[0]); i++) {
		if (us >= scale[i].less)
			continue;
		put_three(b, us / scale[i].unit);
		buf_str(b, "\xc2\xa0");
		buf_str(b, scale[i].name);
		return;
	}
}

void html_seconds(struct buf *b, double s)
{
	unsigned long long n = s > 0 ? (unsigned long long)s : 0;

	if (n < 60)
		buf_printf(b, "%llu\xc2\xa0s", n);
	else if (n < 3600)
		buf_printf(b, "%llu\xc2\xa0min %llu\xc2\xa0s", n / 60, n % 60);
	else if (n < 86400)
		buf_printf(b, "%llu\xc2\xa0h %llu\xc2\xa0min", n / 3600, n % 3600 / 60);
	else
		buf_printf(b, "%llu\xc2\xa0""d %llu\xc2\xa0h", n / 86400, n % 86400 / 3600);
}

void html_bytes(struct buf *b, uint64_t n)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double v = (double)n;
	unsigned i = 0;

	for (; v >= 1024 && i < 5; i++)
		v /= 1024;
	if (i == 0)
		buf_u64(b, n);
	else
		buf_printf(b, "%.1f", v);
	buf_str(b, "\xc2\xa0");
	buf_str(b, unit[i]);
}

void html_percent(struct buf *b, double share)
{
	double v = share * 100;

	/* what is not all must not be rounded to all */
	if (v > 99.9 && v < 100)
		v = 99.9;
	if (v > 0 && v < 0.1)
		buf_str(b, "&lt;\xc2\xa0""0.1\xc2\xa0%");
	else
		buf_printf(b, v == floor(v) ? "%.0f\xc2\xa0%%" : "%.1f\xc2\xa0%%", v);
}
