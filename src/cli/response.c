/* An HTTP/1.1 answer as its bytes come. Used by the blocking client and, once per answer, by the load generator: a head that lies whole in what was
 * read is not copied. */
#include "cli/response.h"

#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 4096             /* of a chunk-size or trailer line */

static ssize_t broken(struct response *r, const char *why)
{
	r->why = why;
	return -1;
}

void response_begin(struct response *r, struct buf *body, size_t body_max)
{
	struct buf line = r->line;

	memset(r, 0, sizeof(*r));
	r->line = line;
	buf_clear(&r->line);
	r->body = body;
	r->body_max = body_max;
	r->retry_after = -1;
}

void response_free(struct response *r)
{
	buf_free(&r->line);
}

static bool number(const char *p, size_t n, uint64_t *v)
{
	*v = 0;
	if (n == 0 || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		*v = *v * 10 + (uint64_t)(p[i] - '0');
	}
	return true;
}

static bool is(const char *p, size_t n, const char *lower)
{
	return strlen(lower) == n && strncasecmp(p, lower, n) == 0;
}

/* Whether a comma-separated header value has `token`. */
static bool has_token(const char *p, size_t n, const char *token)
{
	while (n > 0) {
		const char *comma = memchr(p, ',', n);
		size_t len = comma ? (size_t)(comma - p) : n, from = 0, to = len;

		while (from < to && (p[from] == ' ' || p[from] == '\t'))
			from++;
		while (to > from && (p[to - 1] == ' ' || p[to - 1] == '\t'))
			to--;
		if (is(p + from, to - from, token))
			return true;
		p += len;
		n -= len;
		if (n > 0) {
			p++;
			n--;
		}
	}
	return false;
}

struct head { bool has_length, chunked; uint64_t length; };

static bool header(struct response *r, struct head *h, const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);
	const char *v;
	size_t name, len;

	if (!colon || colon == p)
		return false;
	name = (size_t)(colon - p);
	v = colon + 1;
	len = n - name - 1;
	while (len > 0 && (*v == ' ' || *v == '\t')) {
		v++;
		len--;
	}
	while (len > 0 && (v[len - 1] == ' ' || v[len - 1] == '\t'))
		len--;
	if (is(p, name, "content-length")) {
		if (h->has_length || !number(v, len, &h->length))
			return false;
		h->has_length = true;
	} else if (is(p, name, "transfer-encoding")) {
		if (h->chunked || !is(v, len, "chunked"))
			return false;
		h->chunked = true;
	} else if (is(p, name, "connection")) {
		r->close |= has_token(v, len, "close");
	} else if (is(p, name, "retry-after")) {
		uint64_t s;

		if (number(v, len, &s) && s < 1u << 30)
			r->retry_after = (int64_t)s;
	}
	return true;
}

/* "HTTP/1.1 201 Created" */
static bool status_line(struct response *r, const char *p, size_t n)
{
	uint64_t v;

	if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || (p[7] != '0' && p[7] != '1') || p[8] != ' ')
		return false;
	if (!number(p + 9, 3, &v) || v < 100 || v > 599 || (n > 12 && p[12] != ' '))
		return false;
	r->status = (int)v;
	r->close = p[7] == '0';
	return true;
}

/* The whole head with its empty line, p[0..n). */
static bool take_head(struct response *r, const char *p, size_t n)
{
	struct head h = { 0 };
	const char *end = p + n;
	bool first = true;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t len;

		if (!lf || lf == p || lf[-1] != '\r')
			return broken(r, "a line of its head does not end in CRLF"), false;
		len = (size_t)(lf - p) - 1;
		if (first && !status_line(r, p, len))
			return broken(r, "it does not begin as HTTP/1.1 does"), false;
		if (!first && len > 0 && !header(r, &h, p, len))
			return broken(r, "a header cannot be understood"), false;
		first = false;
		p = lf + 1;
	}
	if (h.has_length && h.chunked)
		return broken(r, "it has both a Content-Length and a Transfer-Encoding"), false;
	if (r->status < 200) {                  /* 100 Continue: the real one follows */
		r->close = false;
		return true;
	}
	r->left = h.length;
	if (r->bodyless || r->status == 204 || r->status == 304)
		r->at = RESPONSE_DONE;
	else if (h.chunked)
		r->at = RESPONSE_CHUNK_SIZE;
	else if (h.has_length)
		r->at = h.length ? RESPONSE_BODY : RESPONSE_DONE;
	else
		r->at = RESPONSE_UNTIL_CLOSE;
	r->close |= r->at == RESPONSE_UNTIL_CLOSE;
	return true;
}

/* Finds the end of the head in what is kept and what has come; *used of the new bytes belong to it. */
static ssize_t feed_head(struct response *r, const char *p, size_t n)
{
	size_t kept = r->line.len, from = kept > 3 ? kept - 3 : 0, total;
	const char *text = p, *end;

	if (kept > 0) {
		buf_add(&r->line, p, n);
		if (r->line.failed)
			return broken(r, "there is no memory for its head");
		text = r->line.data;
	}
	total = kept + n;
	end = memmem(text + from, total - from, "\r\n\r\n", 4);
	if (!end) {
		if (total >= RESPONSE_HEAD_MAX)
			return broken(r, "its head is longer than 64 KiB");
		if (kept == 0)
			buf_add(&r->line, p, n);
		return r->line.failed ? broken(r, "there is no memory for its head") : (ssize_t)n;
	}
	total = (size_t)(end - text) + 4;
	if (!take_head(r, text, total))
		return -1;
	buf_clear(&r->line);
	return (ssize_t)(total - kept);
}

static ssize_t feed_body(struct response *r, const char *p, size_t n)
{
	size_t take = r->at == RESPONSE_UNTIL_CLOSE || r->left > n ? n : (size_t)r->left;

	r->body_bytes += take;
	if (r->body) {
		if (r->body_bytes > r->body_max)
			return broken(r, "its body is longer than this command takes");
		buf_add(r->body, p, take);
		if (r->body->failed)
			return broken(r, "there is no memory for its body");
	}
	if (r->at == RESPONSE_UNTIL_CLOSE)
		return (ssize_t)take;
	r->left -= take;
	if (r->left == 0)
		r->at = r->at == RESPONSE_CHUNK ? RESPONSE_CHUNK_END : RESPONSE_DONE;
	return (ssize_t)take;
}

static unsigned hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static bool chunk_size(const char *p, size_t n, uint64_t *v)
{
	size_t i = 0;

	*v = 0;
	for (; i < n && p[i] != ';' && p[i] != ' '; i++) {
		unsigned d = hex_digit(p[i]);

		if (d == 16 || i >= 15)
			return false;
		*v = *v * 16 + d;
	}
	return i > 0;
}

/* A line without its CRLF, in RESPONSE_CHUNK_SIZE, _CHUNK_END or _TRAILER. */
static bool take_line(struct response *r, const char *p, size_t n)
{
	if (r->at == RESPONSE_CHUNK_SIZE) {
		if (!chunk_size(p, n, &r->left))
			return broken(r, "a chunk's size is not a hexadecimal number"), false;
		r->at = r->left ? RESPONSE_CHUNK : RESPONSE_TRAILER;
	} else if (r->at == RESPONSE_CHUNK_END) {
		if (n != 0)
			return broken(r, "a chunk is longer than its size says"), false;
		r->at = RESPONSE_CHUNK_SIZE;
	} else if (n == 0) {
		r->at = RESPONSE_DONE;
	}
	return true;
}

static ssize_t feed_line(struct response *r, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t take = lf ? (size_t)(lf - p) + 1 : n;
	bool ok;

	if (r->line.len + take > LINE_MAX_BYTES)
		return broken(r, "a line between its chunks is longer than 4 KiB");
	buf_add(&r->line, p, take);
	if (r->line.failed)
		return broken(r, "there is no memory for a line");
	if (!lf)
		return (ssize_t)take;
	if (r->line.len < 2 || r->line.data[r->line.len - 2] != '\r')
		return broken(r, "a line between its chunks does not end in CRLF");
	ok = take_line(r, r->line.data, r->line.len - 2);
	buf_clear(&r->line);
	return ok ? (ssize_t)take : -1;
}

ssize_t response_feed(struct response *r, const char *p, size_t n)
{
	size_t used = 0;

	while (used < n && r->at != RESPONSE_DONE) {
		ssize_t took;

		if (r->at == RESPONSE_HEAD)
			took = feed_head(r, p + used, n - used);
		else if (r->at == RESPONSE_BODY || r->at == RESPONSE_CHUNK || r->at == RESPONSE_UNTIL_CLOSE)
			took = feed_body(r, p + used, n - used);
		else
			took = feed_line(r, p + used, n - used);
		if (took < 0)
			return -1;
		used += (size_t)took;
	}
	return (ssize_t)used;
}

bool response_eof(struct response *r)
{
	if (r->at == RESPONSE_UNTIL_CLOSE)
		r->at = RESPONSE_DONE;
	return r->at == RESPONSE_DONE;
}
