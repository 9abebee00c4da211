/* Heads of requests: the lint alone, in pieces and with llhttp behind it. What the one and the other say of the same bytes must agree, in whatever pieces they come. */
#include <string.h>

#include "http/conn.h"
#include "http/request.h"
#include "tests/fuzz/fuzz.h"

#define MAX_HEADER 2048
#define MAX_BODY 100000

static void span_is_inside(struct lint_span s, size_t n)
{
	MUST(s.at <= n && s.n <= n - s.at);
}

static void slice_is_inside(struct slice s, const char *p, size_t n)
{
	MUST(s.n == 0 || (s.p >= p && s.p + s.n <= p + n));
}

/* A byte at a time must come to the same end as all at once. */
static void in_pieces(const char *p, size_t n, const struct lint *whole, enum lint_rc rc)
{
	struct lint l;
	enum lint_rc now = LINT_MORE;

	lint_begin(&l);
	for (size_t have = 0; have <= n && now == LINT_MORE; have++)
		now = lint_head(&l, p, have, MAX_HEADER, MAX_BODY);
	if (now != rc && rc != LINT_BAD)        /* one that is wrong may be found out earlier, or for the fault that comes first */
		MUST(now == rc);
	MUST((now == LINT_BAD) == (rc == LINT_BAD));
	if (rc != LINT_DONE)
		return;
	MUST(l.bytes == whole->bytes && l.method == whole->method && l.nheader == whole->nheader && l.chunked == whole->chunked && l.expect == whole->expect);
	MUST(l.content_length == whole->content_length && l.close == whole->close && l.star == whole->star);
	MUST(memcmp(&l.target, &whole->target, sizeof(l.target)) == 0 && memcmp(&l.host, &whole->host, sizeof(l.host)) == 0);
}

/* What the parser made of a head that the lint lets pass: nothing of it may point elsewhere. */
static void parse(const char *p, const struct lint *l)
{
	static struct http_exchange x;
	struct http_wire *none = NULL;
	char *head = malloc(l->bytes);
	struct slice host, port;

	MUST(head);
	memcpy(head, p, l->bytes);
	request_begin(&x, none, NULL);
	x.wire = (struct http_wire *)(void *)&x;        /* not fresh the next time */
	x.lint = *l;
	if (request_head(&x, head)) {
		MUST(x.q.nheader == l->nheader);
		for (size_t i = 0; i < x.q.nheader; i++) {
			slice_is_inside(x.q.header[i].name, head, l->bytes);
			slice_is_inside(x.q.header[i].value, head, l->bytes);
		}
		for (size_t i = 0; i < x.q.nquery; i++) {
			slice_is_inside(x.q.query[i].name, x.text.data, x.text.len);
			slice_is_inside(x.q.query[i].value, x.text.data, x.text.len);
			MUST(x.q.query[i].name.n > 0);
		}
		slice_is_inside(x.q.target, head, l->bytes);
		http_accepts(&x.q, "text/html");
		if (l->host.n)
			MUST(lint_authority((struct slice){ head + l->host.at, l->host.n }, &host, &port));
	} else {
		MUST(x.lint.no.status >= 400 && x.lint.no.why[0]);
	}
	free(head);
	buf_free(&x.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct lint l;

	lint_begin(&l);
	enum lint_rc rc = lint_head(&l, p, n, MAX_HEADER, MAX_BODY);
	if (n <= 4096)
		in_pieces(p, n, &l, rc);
	if (rc == LINT_BAD) {
		MUST(l.no.status >= 400 && l.no.status < 600 && l.no.why[0]);
	} else if (rc == LINT_DONE) {
		MUST(l.bytes <= n && l.bytes <= MAX_HEADER && l.nheader <= LINT_HEADERS_MAX && l.content_length <= MAX_BODY && !(l.chunked && l.content_length));
		span_is_inside(l.target, l.bytes);
		span_is_inside(l.path_query, l.bytes);
		span_is_inside(l.authority, l.bytes);
		span_is_inside(l.host, l.bytes);
		parse(p, &l);
	} else {
		MUST(n < MAX_HEADER + 4);
	}
	return 0;
}
