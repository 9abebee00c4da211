/* Owns how an answer looks on the wire. reply_send() and its like are called by handlers, reply_write() by conn.c too. Nothing here is fatal. */
#include "http/reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "http/conn.h"
#include "http/http.h"
#include "http/request.h"
#include "http/title.h"

void reply_date(int64_t wall_ms, char out[REPLY_DATE_BYTES])
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(out, REPLY_DATE_BYTES, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon,
		(unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

/* Whether whole header lines hold one of that name. */
static bool has_line(struct slice lines, struct slice name)
{
	while (lines.n > name.n) {
		const char *lf = memchr(lines.p, '\n', lines.n);

		if (strncasecmp(lines.p, name.p, name.n) == 0)
			return true;
		if (!lf)
			break;
		lines = (struct slice){ lf + 1, lines.n - (size_t)(lf + 1 - lines.p) };
	}
	return false;
}

void reply_write(struct buf *out, const struct reply *r)
{
	bool none = r->status == 204 || r->status == 304;

	buf_reserve(out, 384 + r->extra.n + (r->bare ? 0 : r->body.n));
	buf_slice(out, SLICE("HTTP/1.1 "));
	buf_i64(out, r->status);
	buf_char(out, ' ');
	buf_str(out, title_of(r->status));
	buf_slice(out, SLICE("\r\nDate: "));
	buf_str(out, r->date);
	buf_slice(out, SLICE("\r\nX-Content-Type-Options: nosniff\r\n"));
	if (!has_line(r->extra, SLICE("cache-control:")))
		buf_slice(out, SLICE("Cache-Control: no-store\r\n"));
	if ((r->status == 429 || r->status == 503) && !has_line(r->extra, SLICE("retry-after:")))
		buf_slice(out, SLICE("Retry-After: 1\r\n"));
	if (r->content_type && !none) {
		buf_slice(out, SLICE("Content-Type: "));
		buf_str(out, r->content_type);
		buf_slice(out, SLICE("\r\n"));
	}
	if (r->live)
		buf_slice(out, SLICE("Transfer-Encoding: chunked\r\n"));
	if (!none && !r->live) {
		buf_slice(out, SLICE("Content-Length: "));
		buf_u64(out, r->body.n);
		buf_slice(out, SLICE("\r\n"));
	}
	if (r->close)
		buf_slice(out, SLICE("Connection: close\r\n"));
	buf_slice(out, r->extra);
	buf_slice(out, SLICE("\r\n"));
	if (!none && !r->bare)
		buf_slice(out, r->body);
}

void reply_header(struct http_request *q, const char *name, const char *value)
{
	buf_str(&q->extra, name);
	buf_slice(&q->extra, SLICE(": "));
	for (; *value; value++)         /* what a client said may come back in a header: it must not end the line */
		buf_char(&q->extra, (unsigned char)*value < ' ' || *value == 127 ? ' ' : *value);
	buf_slice(&q->extra, SLICE("\r\n"));
}

bool reply_instead(struct http_request *q, int status, const char *field, struct slice text)
{
	void (*fn)(struct http_request *q, int status, const char *field, struct slice text) = q->instead;

	q->instead = NULL;
	if (!fn)
		return false;
	if (status < 400)
		buf_clear(&q->extra);   /* what the API's handler has put there is said of its own answer */
	fn(q, status, field, text);
	return true;
}

void reply_send(struct http_request *q, int status, const char *content_type, struct buf *body)
{
	struct buf none = { 0 };
	struct buf *b = body ? body : &none;

	if (!reply_instead(q, status, NULL, (struct slice){ b->data, b->len }))
		conn_answer((struct http_exchange *)q, status, content_type, b);
	buf_free(b);
}

void reply_json(struct http_request *q, int status, struct buf *body)
{
	reply_send(q, status, "application/json", body);
}

void reply_see_other(struct http_request *q, const char *where)
{
	reply_header(q, "Location", where);
	reply_send(q, 303, NULL, NULL);
}
