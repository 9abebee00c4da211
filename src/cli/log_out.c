/* The log of a job, as it comes, in pieces that end anywhere. Called by show.c and job_follow.c. Nothing here exits. */
#include "cli/log_out.h"

#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "text/json.h"

#define LINE_KEPT_MAX (256u << 10)      /* a longer line is two */

enum log_out_form log_out_form(bool json)
{
	return json ? LOG_OUT_JSON : isatty(STDOUT_FILENO) == 1 ? LOG_OUT_TERMINAL : LOG_OUT_BYTES;
}

static void put_object(struct log_out *o, struct slice line, struct buf *text)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	buf_printf(text, "{\"attempt\":%u,\"line\":", o->attempt);
	json_put_string(text, line);
	buf_str(text, "}\n");
}

static void add_json(struct log_out *o, struct slice bytes, struct buf *text)
{
	while (bytes.n) {
		const char *lf = memchr(bytes.p, '\n', bytes.n);
		size_t n = lf ? (size_t)(lf - bytes.p) : bytes.n;

		buf_add(&o->kept, bytes.p, n);
		if (lf || o->kept.len > LINE_KEPT_MAX) {
			put_object(o, (struct slice){ o->kept.data, o->kept.len }, text);
			buf_clear(&o->kept);
		}
		n += lf != NULL;
		bytes = (struct slice){ bytes.p + n, bytes.n - n };
	}
}

/* Carriage returns are left out: what stood before one could not be seen any more. Tabs and line feeds do no harm. */
static void put_plain(struct slice s, struct buf *text)
{
	for (size_t from = 0, i = 0; i <= s.n; i++) {
		if (i < s.n && !strchr("\r\n\t", s.p[i] ? s.p[i] : ' '))
			continue;
		cli_text(text, (struct slice){ s.p + from, i - from });
		if (i < s.n && s.p[i] != '\r')
			buf_char(text, s.p[i]);
		from = i + 1;
	}
}

static void add_terminal(struct log_out *o, struct slice bytes, struct buf *text)
{
	buf_slice(&o->kept, bytes);
	size_t n = o->kept.len;
	if (n && (unsigned char)o->kept.data[n - 1] == 0xc2)    /* may become a control character with the next byte */
		n--;
	put_plain((struct slice){ o->kept.data, n }, text);
	if (n)
		o->begun = o->kept.data[n - 1] != '\n';
	buf_consume(&o->kept, n);
}

void log_out_add(struct log_out *o, struct slice bytes, struct buf *text)
{
	if (o->form == LOG_OUT_JSON)
		add_json(o, bytes, text);
	else if (o->form == LOG_OUT_TERMINAL)
		add_terminal(o, bytes, text);
	else
		buf_slice(text, bytes);
}

void log_out_end(struct log_out *o, struct buf *text)
{
	struct slice rest = { o->kept.data, o->kept.len };

	if (o->form == LOG_OUT_JSON && rest.n)
		put_object(o, rest, text);
	if (o->form == LOG_OUT_TERMINAL && (rest.n || o->begun)) {
		cli_text(text, rest);
		buf_char(text, '\n');
	}
	buf_clear(&o->kept);
	o->begun = false;
}

void log_out_free(struct log_out *o)
{
	buf_free(&o->kept);
}
