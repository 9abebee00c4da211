/* GET /openapi.json: the contract, written at each request out of the tables that the server itself goes by. Called through http_routes. Nothing here is fatal. */
#include "http/openapi.h"

#include <inttypes.h>
#include <string.h>

#include "http/auth.h"
#include "http/envelope_field.h"
#include "http/problem.h"
#include "http/title.h"
#include "text/json.h"

static void put_text(struct buf *b, const char *name, const char *text)
{
	json_put_key(b, name);
	json_put_string(b, slice_of(text));
}

static void put_about(struct buf *b, const char *text)
{
	if (text)
		put_text(b, "description", text);
}

/* The next element of an array, or member whose name is written by other means. */
static void next(struct buf *b)
{
	char last = b->len ? b->data[b->len - 1] : '{';

	if (last != '{' && last != '[')
		buf_char(b, ',');
}

static void open_key(struct buf *b, const char *name)
{
	json_put_key(b, name);
	buf_char(b, '{');
}

/* --- answers that several operations give: components/responses, under their status --- */

static const struct { short status; const char *what, *header; } shared[] = {
	{ 400, "Malformed HTTP or JSON, a wrong type, an unknown field or query parameter, a bad value.", NULL },
	{ 401, "No token, or one that is not known.", "WWW-Authenticate" },
	{ 403, "The token's role or queues do not allow it, or the request comes from a page of another origin.", NULL },
	{ 404, "No such job, queue or path.", NULL },
	{ 408, "The request did not come in time.", NULL },
	{ 409, "The job's state forbids it, or the lease is not, or no longer, the caller's.", NULL },
	{ 413, "The body has more than max_body bytes, or an array too many elements.", NULL },
	{ 414, "The target is too long.", NULL },
	{ 415, "Not a media type that is taken here.", NULL },
	{ 417, "An Expect other than 100-continue.", NULL },
	{ 421, "The Host is not served here.", NULL },
	{ 422, "An idempotency key used again with a different request, a job type that is not taken, or a job to depend on that is not there.", NULL },
	{ 429, "The queue or the store has as many jobs as may wait, or the client submits too fast.", "Retry-After" },
	{ 431, "The header fields are too many or too long.", NULL },
	{ 503, "Starting, draining, too many connections, or the store cannot take it now.", "Retry-After" },
	{ 505, "Another version of HTTP.", NULL },
	{ 507, "The store or its disk is full.", NULL },
};
#define SHARED (sizeof(shared) / sizeof(shared[0]))

static const struct { const char *name, *what; struct schema is; } headers[] = {
	{ "Location", "Where it is.", SCHEMA_STRING },
	{ "Idempotent-Replayed", "true: the answer is that of the request that came first with the key.", SCHEMA_STRING },
	{ "Retry-After", "Seconds after which to try again.", SCHEMA_COUNT },
	{ "WWW-Authenticate", NULL, SCHEMA_STRING },
	{ "Allow", "With 405: the methods that the path takes.", SCHEMA_STRING },
};
#define HEADERS (sizeof(headers) / sizeof(headers[0]))

/* names: with commas between; NULL: none. */
static void put_headers(struct buf *b, const char *names)
{
	if (!names)
		return;
	open_key(b, "headers");
	for (const char *p = names; *p;) {
		size_t n = strcspn(p, ",");
		next(b);
		json_put_string(b, (struct slice){ p, n });
		buf_printf(b, ":{\"$ref\":\"#/components/headers/%.*s\"}", (int)n, p);
		p += n + (p[n] == ',');
	}
	buf_char(b, '}');
}

static void put_content(struct buf *b, const struct openapi_content *c)
{
	next(b);
	json_put_string(b, slice_of(c->media));
	buf_str(b, ":{\"schema\":{");
	schema_put(b, &c->is);
	buf_str(b, "}}");
}

static void put_problem(struct buf *b, const char *name, const char *title, const char *what, const char *header)
{
	static const struct openapi_content problem = { PROBLEM_TYPE, SCHEMA_REF("Problem") };

	open_key(b, name);
	json_put_key(b, "description");
	buf_printf(b, "\"%s. %s\"", title, what);
	put_headers(b, header);
	open_key(b, "content");
	put_content(b, &problem);
	buf_str(b, "}}");
}

static void put_shared(struct buf *b)
{
	open_key(b, "headers");
	for (size_t i = 0; i < HEADERS; i++) {
		open_key(b, headers[i].name);
		put_about(b, headers[i].what);
		open_key(b, "schema");
		schema_put(b, &headers[i].is);
		buf_str(b, "}}");
	}
	buf_char(b, '}');
	open_key(b, "responses");
	for (size_t i = 0; i < SHARED; i++) {
		char name[8];
		snprintf(name, sizeof(name), "%d", shared[i].status);
		put_problem(b, name, title_of(shared[i].status), shared[i].what, shared[i].header);
	}
	put_problem(b, "default", "Any other", "405 for a method that the path does not take, 501 for one that is not known at all.", "Allow");
	buf_char(b, '}');
}

/* --- one operation --- */

struct operation {
	const struct http_route *route;
	const struct openapi_operation *is;
	bool head;                      /* HEAD, which every GET knows: the same without a body */
};

static void put_parameter(struct buf *b, const char *in, struct slice name, const struct schema_member *m, bool again)
{
	next(b);
	buf_str(b, "{\"name\":");
	json_put_string(b, name);
	put_text(b, "in", in);
	if (strcmp(in, "path") == 0 || m->need == SCHEMA_ALWAYS)
		buf_str(b, ",\"required\":true");
	put_about(b, m->what);
	open_key(b, "schema");
	if (again)
		buf_str(b, "\"type\":\"array\",\"items\":{");
	schema_put(b, &m->is);
	buf_str(b, again ? "}}}" : "}}");
}

/* What is said of the query of a raw body is what is checked of the job's fields. */
static const struct schema_member *query_of(const struct operation *o, struct slice name, struct schema_member *copy)
{
	for (unsigned i = 0; o->route->operation == OPENAPI_SUBMIT && i < FIELDS; i++)
		if (envelope_fields[i].query != QUERY_NO && slice_eq(name, envelope_fields[i].member.name)) {
			*copy = envelope_fields[i].member;
			copy->need = SCHEMA_MAYBE;      /* without it the body is JSON */
			return copy;
		}
	return openapi_parameter(o->is, name);
}

static void put_path_parameters(struct buf *b, const struct operation *o)
{
	for (const char *p = o->route->pattern; (p = strchr(p, ':'));) {
		struct slice name = { p + 1, strcspn(p + 1, "/") };
		const struct schema_member *m = openapi_parameter(o->is, name);
		if (m)
			put_parameter(b, "path", name, m, false);
		p += name.n;
	}
}

static void put_parameters(struct buf *b, const struct operation *o)
{
	struct schema_member copy;

	json_put_key(b, "parameters");
	buf_char(b, '[');
	put_path_parameters(b, o);
	for (const char *p = o->route->query; *p;) {
		size_t n = strcspn(p, ",");
		bool again = n && p[n - 1] == '*';
		struct slice name = { p, n - again };
		const struct schema_member *m = query_of(o, name, &copy);
		if (m)
			put_parameter(b, "query", name, m, again);
		p += n + (p[n] == ',');
	}
	for (const struct schema_member *m = o->is->header; m && m->name; m++)
		put_parameter(b, "header", slice_of(m->name), m, false);
	buf_char(b, ']');
}

static void put_body(struct buf *b, const struct operation *o)
{
	if (!o->is->body[0].media)
		return;
	open_key(b, "requestBody");
	buf_str(b, strcmp(o->is->body[0].media, OPENAPI_FORM) == 0 ? "\"content\":{" : "\"required\":true,\"content\":{");
	for (unsigned i = 0; i < OPENAPI_BODIES && o->is->body[i].media; i++)
		put_content(b, &o->is->body[i]);
	buf_str(b, "}}");
}

static void put_security(struct buf *b, const struct operation *o)
{
	unsigned roles = auth_roles(o->route);

	json_put_key(b, "security");
	buf_char(b, '[');
	for (const struct conf_role *r = conf_roles; r->name && !(o->route->flags & HTTP_ROUTE_OPEN); r++) {
		if (!(roles & r->bit))
			continue;
		next(b);
		buf_printf(b, "{\"bearerAuth\":[\"%s\"]}", r->name);
	}
	buf_char(b, ']');
}

/* Whether the operation may answer with an error of that status. */
static bool errs(const struct operation *o, short status)
{
	bool open = o->route->flags & HTTP_ROUTE_OPEN, reads = o->route->method == HTTP_M_GET;

	for (unsigned i = 0; i < OPENAPI_ERRORS; i++)
		if (o->is->error[i] == status)
			return true;
	switch (status) {
	case 401:
		return !open;
	case 403:
		return !open || !reads;         /* the origin */
	case 413:
		return o->route->flags & HTTP_ROUTE_BODY;
	case 429:
		return o->route->flags & HTTP_ROUTE_SUBMIT;
	case 400: case 408: case 414: case 417: case 421: case 431: case 503: case 505:
		return true;
	default:
		return false;
	}
}

static bool replies(const struct operation *o, short status)
{
	for (unsigned i = 0; i < OPENAPI_REPLIES; i++)
		if (o->is->reply[i].status == status)
			return true;
	return false;
}

/* All rows from `r` on that have its status; returns the next. */
static const struct openapi_reply *put_reply(struct buf *b, const struct operation *o, const struct openapi_reply *r)
{
	const struct openapi_reply *first = r, *end = o->is->reply + OPENAPI_REPLIES;

	next(b);
	buf_printf(b, "\"%d\":{", r->status);
	put_about(b, r->what);
	put_headers(b, r->header);
	if (r->content.media && !o->head)
		open_key(b, "content");
	for (; r < end && r->status == first->status; r++)
		if (r->content.media && !o->head)
			put_content(b, &r->content);
	buf_str(b, first->content.media && !o->head ? "}}" : "}");
	return r;
}

static void put_replies(struct buf *b, const struct operation *o)
{
	const struct openapi_reply *r = o->is->reply;

	open_key(b, "responses");
	while (r < o->is->reply + OPENAPI_REPLIES && r->status)
		r = put_reply(b, o, r);
	for (size_t i = 0; i < SHARED; i++) {
		if (!errs(o, shared[i].status) || replies(o, shared[i].status))
			continue;
		next(b);
		buf_printf(b, "\"%d\":{\"$ref\":\"#/components/responses/%d\"}", shared[i].status, shared[i].status);
	}
	buf_str(b, ",\"default\":{\"$ref\":\"#/components/responses/default\"}}");
}

static void put_operation(struct buf *b, const char *method, const struct operation *o)
{
	open_key(b, method);
	json_put_key(b, "operationId");
	buf_printf(b, "\"%s%s\",\"tags\":[\"%s\"]", o->is->id, o->head ? "Head" : "", o->is->group);
	put_text(b, "summary", o->head ? "The head of GET's answer" : o->is->summary);
	put_about(b, o->head ? NULL : o->is->about);
	put_parameters(b, o);
	put_body(b, o);
	put_security(b, o);
	put_replies(b, o);
	buf_char(b, '}');
}

/* --- paths --- */

/* "/jobs/:id" as "/jobs/{id}" */
static void put_pattern(struct buf *b, const char *pattern)
{
	bool in = false;

	next(b);
	buf_char(b, '"');
	for (const char *p = pattern; *p; p++) {
		if (in && *p == '/')
			buf_char(b, '}');
		in = *p == ':' || (in && *p != '/');
		buf_char(b, *p == ':' ? '{' : *p);
	}
	buf_str(b, in ? "}\":{" : "\":{");
}

static void put_route(struct buf *b, const struct http_route *r)
{
	static const char *const method[] = { [HTTP_M_GET] = "get", [HTTP_M_POST] = "post", [HTTP_M_PUT] = "put", [HTTP_M_DELETE] = "delete", [HTTP_M_PATCH] = "patch" };
	struct operation o = { .route = r, .is = &openapi_operations[r->operation] };

	put_operation(b, method[r->method], &o);
	if (r->method != HTTP_M_GET)
		return;
	o.head = true;
	put_operation(b, "head", &o);
}

static bool told(const struct http_route *r)
{
	for (const struct http_route *p = http_routes; p < r; p++)
		if (strcmp(p->pattern, r->pattern) == 0)
			return true;
	return false;
}

static void put_paths(struct buf *b)
{
	open_key(b, "paths");
	for (const struct http_route *r = http_routes; r->handle; r++) {
		if (told(r))
			continue;
		put_pattern(b, r->pattern);
		for (const struct http_route *p = r; p->handle; p++)
			if (strcmp(p->pattern, r->pattern) == 0)
				put_route(b, p);
		buf_char(b, '}');
	}
	buf_char(b, '}');
}

/* --- schemas --- */

static void put_names(struct buf *b, const struct openapi_names *n)
{
	const char *name;

	open_key(b, n->name);
	buf_str(b, "\"type\":\"string\"");
	put_about(b, n->what);
	json_put_key(b, "enum");
	buf_char(b, '[');
	for (unsigned i = 0; (name = n->at(i)); i++) {
		next(b);
		json_put_string(b, slice_of(name));
	}
	buf_str(b, "]}");
}

static void put_schemas(struct buf *b)
{
	open_key(b, "schemas");
	for (const struct schema_member *t = openapi_types; t->name; t++) {
		open_key(b, t->name);
		schema_put(b, &t->is);
		put_about(b, t->what);
		buf_char(b, '}');
	}
	for (const struct openapi_names *n = openapi_names; n->name; n++)
		put_names(b, n);
	for (const struct schema_object *o = openapi_objects; o->name; o++) {
		json_put_key(b, o->name);
		schema_put_object(b, o);
	}
	buf_char(b, '}');
}

/* --- the whole --- */

static void put_info(struct buf *b, const struct conf *conf, const char *version)
{
	open_key(b, "info");
	put_text(b, "title", "Stint");
	put_text(b, "version", version);
	json_put_key(b, "description");
	buf_printf(b, "\"A background job server. Times are RFC 3339 in UTC with milliseconds. An unknown field, an unknown query parameter and a value out of range are errors. "
		"Lengths of strings are bytes of UTF-8. Here a body may have %" PRIu64 " bytes (max_body), and a request's line and header fields together %" PRIu64 " (max_header). "
		"Access tokens are needed where the server has a token_file; any of the roles that an operation names is enough. Below /status an error is a page where the request accepts text/html.\"", conf->http.max_body, conf->http.max_header);
	buf_str(b, ",\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"}}");
}

void openapi_put(struct buf *b, const struct conf *conf, const char *version)
{
	buf_str(b, "{\"openapi\":\"3.1.0\"");
	put_info(b, conf, version);
	buf_str(b, ",\"servers\":[{\"url\":\"/\"}]");
	put_paths(b);
	open_key(b, "components");
	put_schemas(b);
	put_shared(b);
	buf_str(b, ",\"securitySchemes\":{\"bearerAuth\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An access token of token_file, with its roles.\"}}}}\n");
}

void api_openapi(struct http_request *q)
{
	struct buf b = { 0 };

	openapi_put(&b, q->api->conf, q->api->version);
	if (b.failed)
		problem_send(q, 503, NULL, "out of memory");
	else
		reply_json(q, 200, &b);
	buf_free(&b);
}
