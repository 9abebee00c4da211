/* Query strings: decoded as a whole, and the same again when what was decoded is encoded anew. */
#include <string.h>

#include "http/conn.h"
#include "http/request.h"
#include "tests/fuzz/fuzz.h"

/* False: it was refused. */
static bool take(struct http_exchange *x, struct buf *head)
{
	lint_begin(&x->lint);
	request_begin(x, NULL, NULL);
	x->wire = (struct http_wire *)(void *)x;        /* not fresh the next time */
	enum lint_rc rc = lint_head(&x->lint, head->data, head->len, 16384, 100);
	if (rc != LINT_DONE) {
		MUST(rc == LINT_BAD && x->lint.no.status >= 400);
		return false;
	}
	if (request_head(x, head->data))
		return true;
	MUST(x->lint.no.status == 400 && x->lint.no.why[0]);
	return false;
}

static void encode(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
}

static void end_head(struct buf *b)
{
	buf_str(b, " HTTP/1.1\r\nHost: a\r\n\r\n");
	MUST(!b->failed);
}

static bool same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Twice as many bytes and more, so not every one fits into a head. */
static void again(const struct http_exchange *x)
{
	static struct http_exchange y;
	struct buf head = { 0 };

	buf_str(&head, "GET /jobs?");
	for (size_t i = 0; i < x->q.nquery; i++) {
		buf_str(&head, i ? "&" : "");
		encode(&head, x->q.query[i].name);
		buf_char(&head, '=');
		encode(&head, x->q.query[i].value);
	}
	end_head(&head);
	if (head.len < 8192 && x->q.nquery > 0) {
		MUST(take(&y, &head));
		MUST(y.q.nquery == x->q.nquery);
		for (size_t i = 0; i < x->q.nquery; i++)
			MUST(same(x->q.query[i].name, y.q.query[i].name) && same(x->q.query[i].value, y.q.query[i].value));
	}
	buf_free(&head);
	buf_free(&y.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct http_exchange x;
	struct buf head = { 0 };

	buf_str(&head, "GET /jobs?");
	buf_slice(&head, (struct slice){ (const char *)data, n });
	end_head(&head);
	if (take(&x, &head)) {
		MUST(slice_eq(x.q.path, "/jobs") && x.nsegment == 1 && x.q.nquery <= HTTP_QUERY_MAX);
		for (size_t i = 0; i < x.q.nquery; i++)
			MUST(x.q.query[i].name.n > 0 && !memchr(x.q.query[i].name.p, '\0', x.q.query[i].name.n));
		again(&x);
	}
	buf_free(&x.text);
	buf_free(&head);
	return 0;
}
