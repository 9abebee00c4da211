/* HTTP for the load generator: the same POST over and over. Called by load.c only. */
#include "cli/load.h"

#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "os/clock.h"

#define BODY_MAX (1u << 20)

#define DIGITS 16

static void digits(struct load_http *h)
{
	if (h->nmark < LOAD_MARKS)
		h->mark[h->nmark++] = h->request.len;
	buf_add(&h->request, "0000000000000000", DIGITS);
}

/* The body, with room for a number where a % stands. */
static void widened(struct slice body, struct buf *out)
{
	for (size_t i = 0; i < body.n; i++) {
		if (body.p[i] == '%')
			buf_add(out, "%%%%%%%%%%%%%%%%", DIGITS);
		else
			buf_char(out, body.p[i]);
	}
}

static void mark_numbers(struct load_http *h, size_t from)
{
	struct buf *b = &h->request;

	for (size_t i = from; h->numbered && i < b->len; i++)
		if (b->data[i] == '%' && h->nmark < LOAD_MARKS) {
			h->mark[h->nmark++] = i;
			i += DIGITS - 1;
		}
}

void load_http_prepare(struct load_http *h, const struct net_url *u, const char *token, const char *target, struct slice body)
{
	static const char member[] = ",\"priority\":0";
	struct buf *b = &h->request, wide = { 0 };

	h->nmark = h->priority_at = 0;
	h->next = (uint64_t)clock_wall_us() << 8;       /* other numbers than any run before */
	if (h->numbered)
		widened(body, &wide);
	else
		buf_slice(&wide, body);
	buf_clear(b);
	buf_printf(b, "POST %s HTTP/1.1\r\nHost: %s\r\n", target, u->authority);
	if (token)
		buf_printf(b, "Authorization: Bearer %s\r\n", token);
	if (h->keyed) {
		buf_printf(b, "Idempotency-Key: bench-%016llx-", (unsigned long long)clock_wall_us());
		digits(h);
		buf_str(b, "\r\n");
	}
	buf_printf(b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", wide.len);
	size_t from = b->len;
	buf_add(b, wide.data, wide.len);
	mark_numbers(h, from);
	const char *at = h->priorities && !b->failed ? memmem(b->data + from, b->len - from, member, sizeof(member) - 1) : NULL;
	if (at)
		h->priority_at = (size_t)(at - b->data) + sizeof(member) - 2;
	buf_free(&wide);
}

/* A copy of its own, since another connection may still be sending the one before. */
static struct slice with_numbers(struct load_http *h, struct load_conn *c)
{
	char text[DIGITS + 1];
	uint64_t number = h->next++;

	buf_clear(&c->text);
	buf_add(&c->text, h->request.data, h->request.len);
	if (c->text.failed)
		return (struct slice){ h->request.data, h->request.len };
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)number);
	for (size_t i = 0; i < h->nmark; i++)
		memcpy(c->text.data + h->mark[i], text, DIGITS);
	if (h->priority_at)
		c->text.data[h->priority_at] = (char)('0' + number % h->priorities);
	return (struct slice){ c->text.data, c->text.len };
}

static struct slice request(struct load *l, struct load_conn *c)
{
	struct load_http *h = l->plan->arg;

	buf_clear(&c->body);
	response_begin(&c->response, &c->body, BODY_MAX);
	return h->nmark || h->priority_at ? with_numbers(h, c) : (struct slice){ h->request.data, h->request.len };
}

static void refused(struct load *l, struct load_conn *c)
{
	struct slice body = { c->body.data, c->body.len };
	struct buf detail = { 0 };

	if (!client_string(body, "detail", &detail) && !client_string(body, "title", &detail))
		buf_str(&detail, "no detail given");
	snprintf(l->refusal, sizeof(l->refusal), "%d: %s", c->response.status, buf_cstr(&detail));
	buf_free(&detail);
}

static enum load_answer answer(struct load *l, struct load_conn *c, const char *p, size_t n, size_t *used)
{
	const struct load_http *h = l->plan->arg;
	ssize_t took = response_feed(&c->response, p, n);

	if (took < 0) {
		snprintf(l->refusal, sizeof(l->refusal), "%s sent something that is no HTTP answer: %s", l->plan->name, c->response.why);
		return LOAD_BROKEN;
	}
	if (c->response.at != RESPONSE_DONE)
		return LOAD_MORE;
	*used = (size_t)took;
	c->close_after = c->response.close;
	if (c->response.status / 100 != 2) {
		refused(l, c);
		return LOAD_REFUSED;
	}
	if (h->body_fn)
		h->body_fn(h->arg, (struct slice){ c->body.data, c->body.len });
	return LOAD_DONE;
}

const struct load_protocol load_http = { request, answer };
