/* Owns what a well-formed request may still be refused for before its handler sees it: the host it asks for, its route, its origin, its query. Called by conn.c. Nothing is fatal. */
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include "http/auth.h"
#include "http/client.h"
#include "http/conn.h"
#include "http/request.h"
#include "http/route.h"

#define SHOWN 80                        /* bytes of a name in a message */

static int shown(struct slice s)
{
	return s.n > SHOWN ? SHOWN : (int)s.n;
}

static bool same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static bool is_address(struct slice host)
{
	unsigned char out[16];
	char text[64];
	bool six = host.n > 2 && host.p[0] == '[';
	struct slice s = six ? (struct slice){ host.p + 1, host.n - 2 } : host;

	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(six ? AF_INET6 : AF_INET, text, out) == 1;
}

static bool is_ours(const struct conf *conf, struct slice host)
{
	if (same(host, SLICE("localhost")) || is_address(host))
		return true;
	for (size_t i = 0; i < conf->http.hosts.n; i++)
		if (same(host, slice_of(conf->http.hosts.v[i])))
			return true;
	return false;
}

/* host:port with the scheme's own port left out, so that two ways of writing one authority are equal. */
static bool same_authority(struct slice a, struct slice b, const char *own_port)
{
	struct slice host[2], port[2];

	if (!lint_authority(a, &host[0], &port[0]) || !lint_authority(b, &host[1], &port[1]))
		return false;
	for (int i = 0; i < 2; i++)
		if (slice_eq(port[i], own_port))
			port[i].n = 0;
	return same(host[0], host[1]) && same(port[0], port[1]);
}

static struct slice host_of(const struct http_exchange *x)
{
	struct slice h = http_header(&x->q, "host");

	if (x->lint.authority.n)
		return (struct slice){ x->q.target.p + (x->lint.authority.at - x->lint.target.at), x->lint.authority.n };
	return h;
}

static bool check_host(struct http_exchange *x)
{
	struct http_request *q = &x->q;
	struct slice host = host_of(x), sent = http_header(q, "host"), name, port;
	bool tls = x->lint.authority.n && strncasecmp(q->target.p, "https", 5) == 0;

	if (x->lint.authority.n && sent.p && !same_authority(host, sent, tls ? "443" : "80")) {
		problem_send(q, 400, NULL, "the target says %.*s and Host says %.*s; they must agree", shown(host), host.p, shown(sent), sent.p);
		return false;
	}
	if (lint_authority(host, &name, &port) && is_ours(q->api->conf, name))
		return true;
	problem_send(q, 421, NULL, "%.*s is not served here; ask for localhost, for an address, or for a name that is listed in the conf under http, hosts", shown(host), host.p);
	return false;
}

static bool check_origin(struct http_exchange *x)
{
	struct http_request *q = &x->q;
	struct slice origin = http_header(q, "origin"), site = http_header(q, "sec-fetch-site"), rest;
	bool tls, plain;

	if (request_reads(q))
		return true;
	if (site.p && !slice_eq(site, "same-origin") && !slice_eq(site, "none")) {
		problem_send(q, 403, NULL, "a page of another site may not change anything here: only pages of this server itself may");
		return false;
	}
	if (!origin.p)
		return true;
	plain = origin.n > 7 && strncasecmp(origin.p, "http://", 7) == 0;
	tls = origin.n > 8 && strncasecmp(origin.p, "https://", 8) == 0;
	rest = (struct slice){ origin.p + (tls ? 8 : 7), origin.n - (tls ? 8 : 7) };
	if ((plain || tls) && same_authority(rest, host_of(x), tls ? "443" : "80"))
		return true;
	problem_send(q, 403, NULL, "the page at %.*s may not change anything here: only pages of this server itself may", shown(origin), origin.p);
	return false;
}

static bool check_route(struct http_exchange *x)
{
	struct http_request *q = &x->q;
	char allow[ROUTE_ALLOW_BYTES] = "";

	if (x->nsegment <= REQUEST_SEGMENTS)
		q->route = route_find(q->method, x->segment, x->nsegment, q->arg, allow);
	if (q->route)
		return true;
	if (allow[0]) {
		reply_header(q, "Allow", allow);
		problem_send(q, 405, NULL, "this path does not take that method; it takes %s", allow);
	} else {
		problem_send(q, 404, NULL, "there is nothing at this path; jobs are at /jobs and /jobs/ID, the figures at /stats, the page at /status");
	}
	return false;
}

static void no_such_name(struct http_request *q, const char *field)
{
	struct buf names = { 0 };

	for (const char *p = q->route->query; *p; p++) {
		if (*p == ',')
			buf_str(&names, ", ");
		else if (*p != '*')
			buf_char(&names, *p);
	}
	if (names.len)
		problem_send(q, 400, field, "the query parameter \"%s\" is not known here; these are: %s", field, buf_cstr(&names));
	else
		problem_send(q, 400, field, "the query parameter \"%s\" is not known here, and no other is", field);
	buf_free(&names);
}

static bool check_query(struct http_exchange *x)
{
	struct http_request *q = &x->q;
	bool again = false;

	for (size_t i = 0; i < q->nquery; i++) {
		struct slice name = q->query[i].name;
		char field[SHOWN + 1];

		memcpy(field, name.p, (size_t)shown(name));
		field[shown(name)] = '\0';
		if (!route_takes(q->route, name, &again)) {
			no_such_name(q, field);
			return false;
		}
		for (size_t j = 0; j < i && !again; j++) {
			if (q->query[j].name.n == name.n && memcmp(q->query[j].name.p, name.p, name.n) == 0) {
				problem_send(q, 400, field, "the query parameter \"%s\" is there twice; give it once", field);
				return false;
			}
		}
	}
	return true;
}

/* OPTIONS * asks about the server as a whole. */
static bool answer_star(struct http_exchange *x)
{
	reply_header(&x->q, "Allow", "GET, HEAD, POST, OPTIONS");
	reply_send(&x->q, 204, NULL, NULL);
	return false;
}

bool request_check(struct http_exchange *x)
{
	struct http_request *q = &x->q;

	if (!check_host(x))
		return false;
	if (x->lint.star)
		return answer_star(x);
	if (!check_route(x) || !check_origin(x) || !auth_check(q) || !check_query(x))
		return false;
	if (!(q->route->flags & HTTP_ROUTE_BODY) && (x->lint.chunked || x->lint.content_length)) {
		problem_send(q, 400, NULL, "this path takes no body; send the request without one");
		return false;
	}
	if (!request_reads(q) && q->api->keeper_away && !(q->route->flags & HTTP_ROUTE_OPEN)) {
		problem_send(q, 503, NULL, "the store cannot be written now: the process that does it is not running, see /readyz; nothing was stored, send it again");
		return false;
	}
	if ((q->route->flags & HTTP_ROUTE_SUBMIT) && q->api->draining) {
		reply_header(q, "Retry-After", "5");
		problem_send(q, 503, NULL, "the server is shutting down and takes no more jobs; submit it again when it is back");
		return false;
	}
	return !(q->route->flags & HTTP_ROUTE_SUBMIT) || client_may_submit(q);
}
