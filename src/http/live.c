/* Answers that go on: a head, then bytes as they come, then an end. Called by handlers instead of reply_send(). Nothing here is fatal. */
#include "http/conn.h"

static struct http_exchange *of(const struct http_request *q)
{
	return (struct http_exchange *)(uintptr_t)q;    /* its first member */
}

static struct buf *out_of(struct http_exchange *x)
{
	struct http_conn *c = x->q.conn;

	if (!c->out.data && (c->out.data = wire_block(c->wire)))
		c->out.cap = CONN_BLOCK;
	if (c->out_at >= CONN_STEP) {   /* a reader that never catches up must not make it grow */
		buf_consume(&c->out, c->out_at);
		c->out_at = 0;
	}
	conn_mark(c);
	return &c->out;
}

bool live_begin(struct http_request *q, int status, const char *content_type)
{
	struct http_exchange *x = of(q);

	conn_begin(x, status, content_type);
	if (!q->gone && q->method != HTTP_M_HEAD)
		return true;
	conn_end(x);
	return false;
}

void live_add(struct http_request *q, struct slice bytes)
{
	struct http_exchange *x = of(q);

	if (q->gone || bytes.n == 0)
		return;
	struct buf *out = out_of(x);
	buf_printf(out, "%zx\r\n", bytes.n);
	buf_slice(out, bytes);
	buf_slice(out, SLICE("\r\n"));
}

size_t live_unsent(const struct http_request *q)
{
	return q->gone ? 0 : conn_unsent(q->conn);
}

void live_end(struct http_request *q)
{
	struct http_exchange *x = of(q);

	if (!q->gone)
		buf_slice(out_of(x), SLICE("0\r\n\r\n"));
	conn_end(x);
}

/* The connection is closed with the chunks left open. */
void live_cut(struct http_request *q)
{
	struct http_exchange *x = of(q);

	if (!q->gone)
		q->conn->last = true;
	conn_end(x);
}
