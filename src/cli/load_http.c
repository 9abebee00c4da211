/* HTTP for the load generator: the same POST over and over. Called by load.c only. */
#include "cli/load.h"

#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "os/clock.h"

#define BODY_MAX (1u << 20)

void load_http_prepare(struct load_http *h, const struct net_url *u, const char *token, const char *target, struct slice body)
{
	struct buf *b = &h->request;

	buf_clear(b);
	buf_printf(b, "POST %s HTTP/1.1\r\nHost: %s\r\n", target, u->authority);
	if (token)
		buf_printf(b, "Authorization: Bearer %s\r\n", token);
	if (h->keyed) {
		buf_printf(b, "Idempotency-Key: bench-%016llx-0000000000000000\r\n", (unsigned long long)clock_wall_us());
		h->key_at = b->len - 18;
	}
	buf_printf(b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.n);
	buf_slice(b, body);
}

/* A copy of its own, since another connection may still be sending the one before. */
static struct slice with_key(struct load_http *h, struct load_conn *c)
{
	char digits[17];

	buf_clear(&c->text);
	buf_add(&c->text, h->request.data, h->request.len);
	if (c->text.failed)
		return (struct slice){ h->request.data, h->request.len };
	snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)h->key_next++);
	memcpy(c->text.data + h->key_at, digits, 16);
	return (struct slice){ c->text.data, c->text.len };
}

static struct slice request(struct load *l, struct load_conn *c)
{
	struct load_http *h = l->plan->arg;

	buf_clear(&c->body);
	response_begin(&c->response, &c->body, BODY_MAX);
	return h->keyed ? with_key(h, c) : (struct slice){ h->request.data, h->request.len };
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
