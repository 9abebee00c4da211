/* Owns the decision whether a request may be made at all: who has sent it, and whether that token's roles and queues are enough. Called by request_check.c before the handler, and by
 * handlers about queues. Nothing here is fatal. A conf with token_file and no token in it lets nobody in. */
#include "http/auth.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/login.h"
#include "http/page.h"
#include "os/crypto.h"

#define ROLES_BYTES 64

static bool locked(const struct http_request *q)
{
	return q->api->conf->http.token_file && q->api->conf->http.token_file[0];
}

const struct conf_token *auth_token(const struct conf *c, struct slice token)
{
	const struct conf_token *found = NULL;
	uint8_t hash[CRYPTO_SHA256_BYTES];

	if (token.n == 0 || token.n > AUTH_TOKEN_MAX || !crypto_sha256(token.p, token.n, hash))
		return NULL;
	for (size_t i = 0; i < c->http.ntoken; i++)
		if (crypto_equal(hash, c->http.token[i].hash, sizeof(hash)))
			found = &c->http.token[i];
	return found;
}

/* --- what was sent --- */

static struct slice cookie(struct slice header, const char *name)
{
	while (header.n) {
		const char *end = memchr(header.p, ';', header.n);
		struct slice one = { header.p, end ? (size_t)(end - header.p) : header.n };
		header = (struct slice){ header.p + one.n + (end != NULL), header.n - one.n - (end != NULL) };
		one = slice_trim(one);
		if (one.n > strlen(name) && memcmp(one.p, name, strlen(name)) == 0 && one.p[strlen(name)] == '=')
			return (struct slice){ one.p + strlen(name) + 1, one.n - strlen(name) - 1 };
	}
	return (struct slice){ NULL, 0 };
}

/* "Bearer TOKEN" (RFC 6750), else the pages' cookie. *other: it speaks of another scheme. */
static struct slice token_sent(const struct http_request *q, bool *other)
{
	struct slice h = http_header(q, "authorization");

	*other = false;
	if (!h.p)
		return cookie(http_header(q, "cookie"), AUTH_COOKIE);
	if (h.n > 7 && strncasecmp(h.p, "Bearer ", 7) == 0)
		return slice_trim((struct slice){ h.p + 7, h.n - 7 });
	*other = true;
	return (struct slice){ NULL, 0 };
}

/* --- roles --- */

unsigned auth_roles(const struct http_route *r)
{
	unsigned roles = CONF_ROLE_ADMIN;

	if (r->flags & HTTP_ROUTE_FOR_WORK)
		roles |= CONF_ROLE_WORK;
	if (r->flags & HTTP_ROUTE_FOR_SUBMIT)
		roles |= CONF_ROLE_SUBMIT;
	if (r->method == HTTP_M_GET)
		roles |= CONF_ROLE_READ;
	return roles;
}

static const char *roles_text(unsigned roles, const char *between, char out[ROLES_BYTES])
{
	size_t n = 0;

	out[0] = '\0';
	for (const struct conf_role *r = conf_roles; r->name; r++)
		if (roles & r->bit)
			n += (size_t)snprintf(out + n, ROLES_BYTES - n, "%s%s", n ? between : "", r->name);
	return out;
}

static bool unknown(struct http_request *q, bool sent, bool other)
{
	reply_header(q, "WWW-Authenticate", sent ? AUTH_UNKNOWN : AUTH_CHALLENGE);
	if (page_wanted(q))
		login_page(q, 401, sent ? "That token is not known here." : NULL);
	else if (other)
		problem_send(q, 401, NULL, "the header Authorization is not of the kind \"Bearer TOKEN\"");
	else if (sent)
		problem_send(q, 401, NULL, "that token is not known here; the server's token_file has those that are");
	else
		problem_send(q, 401, NULL, "this takes an access token: send the header \"Authorization: Bearer TOKEN\"");
	return false;
}

bool auth_check(struct http_request *q)
{
	char have[ROLES_BYTES], want[ROLES_BYTES];
	bool other;

	if (!locked(q) || (q->route->flags & HTTP_ROUTE_OPEN))
		return true;
	struct slice sent = token_sent(q, &other);
	q->token = auth_token(q->api->conf, sent);
	if (!q->token)
		return unknown(q, sent.p != NULL, other);
	unsigned roles = auth_roles(q->route);
	if (!(q->token->roles & roles)) {
		problem_send(q, 403, NULL, "the token %s has the role %s; this takes %s", q->token->name, roles_text(q->token->roles, ", ", have), roles_text(roles, " or ", want));
		return false;
	}
	if (auth_some_queues(q) && !(q->route->flags & HTTP_ROUTE_BY_QUEUE)) {
		problem_send(q, 403, NULL, "the token %s is for some queues only; this is about the whole server", q->token->name);
		return false;
	}
	/* the one kind of path that names a queue */
	return !strstr(q->route->pattern, "/queues/:") || auth_queue_or_refuse(q, q->arg[0], NULL);
}

bool auth_may(const struct http_request *q, unsigned roles)
{
	return !locked(q) || (q->token && (q->token->roles & (roles | CONF_ROLE_ADMIN)));
}

/* --- queues --- */

bool auth_some_queues(const struct http_request *q)
{
	return q->token && q->token->queues_bytes > 0;
}

bool auth_queue(const struct http_request *q, struct slice queue)
{
	return !auth_some_queues(q) || slice_among(queue, (struct slice){ q->token->queues, q->token->queues_bytes });
}

bool auth_queue_or_refuse(struct http_request *q, struct slice queue, const char *field)
{
	if (auth_queue(q, queue))
		return true;
	problem_send(q, 403, field, "the token %s is not for the queue \"%.*s\"", q->token->name, queue.n > 128 ? 128 : (int)queue.n, queue.p);
	return false;
}

bool auth_filter(struct http_request *q, struct store_filter *f)
{
	if (f->queue.n)
		return auth_queue_or_refuse(q, (struct slice){ f->queue.p, f->queue.n }, "queue");
	if (auth_some_queues(q))
		f->queues = (struct job_text){ q->token->queues, q->token->queues_bytes };
	return true;
}
