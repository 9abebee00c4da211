/* The calls that carry a lease: POST /jobs/ID/complete, /fail, /extend, /progress, /release, and POST /claims/results, an array of the first, second and last. Called by the wire half through
 * http_routes; what they say is read and asked by lease.c. Nothing here is fatal. */
#include "http/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/auth.h"
#include "http/job_request.h"
#include "http/members.h"
#include "http/object.h"
#include "text/json.h"

static void refuse(struct http_request *q, const struct lease_problem *p)
{
	problem_send(q, p->status, p->field[0] ? p->field : NULL, "%s", p->detail);
}

static bool is_json(struct http_request *q, const char *needed)
{
	struct envelope_problem p;

	if (object_is_json(q->body, needed, &p))
		return true;
	problem_send(q, p.status, NULL, "%s", p.detail);
	return false;
}

/* --- one --- */

static void one_done(struct lease_call *c)
{
	struct http_request *q = c->owner;
	int status = lease_status(c->rc);
	struct buf body = { 0 };
	char why[300];

	if (status == 200) {
		buf_char(&body, '{');
		lease_put(&body, c);
		buf_str(&body, "}");
		reply_json(q, 200, &body);
		buf_free(&body);
	} else {
		lease_explain(c, why, sizeof(why));
		problem_send(q, status, NULL, "%s", why);
	}
	lease_free(c);
	free(c);
}

static void one_begin(struct http_request *q, struct lease_call *c)
{
	struct lease_problem p;
	struct job_text queue;

	c->owner = q;
	c->api = q->api;
	c->done = one_done;
	if (!is_json(q, "an object such as {\"lease\":\"17\"}") || !job_request_id(q, &c->id)) {
		lease_free(c);
		free(c);
	} else if (!lease_read(c, q->body, false, &p)) {
		refuse(q, &p);
		lease_free(c);
		free(c);
	} else if ((c->rc = lease_look(c, &queue)) == STORE_OK) {
		lease_ask(c);
	} else {
		one_done(c);
	}
}

static void one(struct http_request *q, enum lease_act act)
{
	struct lease_call *c = calloc(1, sizeof(*c));

	if (c) {
		c->act = act;
		one_begin(q, c);
		return;
	}
	problem_send(q, 503, NULL, "out of memory");
}

void api_lease_complete(struct http_request *q) { one(q, LEASE_COMPLETE); }
void api_lease_fail(struct http_request *q) { one(q, LEASE_FAIL); }
void api_lease_extend(struct http_request *q) { one(q, LEASE_EXTEND); }
void api_lease_progress(struct http_request *q) { one(q, LEASE_PROGRESS); }
void api_lease_release(struct http_request *q) { one(q, LEASE_RELEASE); }

/* --- many --- */

#define RESULTS "a JSON array of {\"id\",\"lease\",\"outcome\"}"

struct results {
	struct http_request *q;
	struct lease_call *call;
	size_t n, open;
	struct lease_problem problem;
};

static void results_free(struct results *r)
{
	for (size_t i = 0; i < r->n; i++)
		lease_free(&r->call[i]);
	free(r->call);
	free(r);
}

static void put_result(struct buf *b, const struct lease_call *c)
{
	int status = lease_status(c->rc);
	char why[300];

	buf_char(b, '{');
	lease_put(b, c);
	buf_printf(b, ",\"status\":%d", status);
	if (status != 200) {
		lease_explain(c, why, sizeof(why));
		buf_str(b, ",\"detail\":");
		json_put_string(b, slice_of(why));
	}
	buf_char(b, '}');
}

static void many_answer(struct results *r)
{
	struct http_request *q = r->q;
	struct buf body = { 0 };

	buf_str(&body, "{\"results\":[");
	for (size_t i = 0; i < r->n; i++) {
		if (i)
			buf_char(&body, ',');
		put_result(&body, &r->call[i]);
	}
	buf_str(&body, "]}");
	results_free(r);
	reply_json(q, 200, &body);
	buf_free(&body);
}

static void many_done(struct lease_call *c)
{
	struct results *r = c->owner;

	if (--r->open == 0)
		many_answer(r);
}

static bool many_count(void *arg, struct slice text)
{
	(void)text;
	return ++*(size_t *)arg <= MEMBERS_ARRAY_MAX;
}

static bool many_read(void *arg, struct slice text)
{
	struct results *r = arg;
	struct lease_call *c = &r->call[r->n];
	char field[sizeof(r->problem.field)];

	*c = (struct lease_call){ .api = r->q->api, .done = many_done, .owner = r };
	r->n++;
	if (lease_read(c, text, true, &r->problem))
		return true;
	snprintf(field, sizeof(field), "[%zu]%s%.40s", r->n - 1, r->problem.field[0] ? "." : "", r->problem.field);
	memcpy(r->problem.field, field, sizeof(field));
	return false;
}

/* Each is looked at before any is asked for; all that can be asked go in one turn, and so in one commit as far as a request holds them. */
static void many_ask(struct results *r)
{
	r->open = 1;
	for (size_t i = 0; i < r->n; i++) {
		struct lease_call *c = &r->call[i];
		struct job_text queue;
		c->rc = lease_look(c, &queue);
		if (c->rc == STORE_OK && !auth_queue(r->q, (struct slice){ queue.p, queue.n }))
			c->rc = STORE_NOT_FOUND;        /* the token is not for its queue: to it there is no such job */
		if (c->rc == STORE_OK)
			r->open++;
	}
	for (size_t i = 0, n = r->n; i < n; i++)
		if (r->call[i].rc == STORE_OK)
			lease_ask(&r->call[i]);
	if (--r->open == 0)
		many_answer(r);
}

void api_claim_results(struct http_request *q)
{
	struct results *r = calloc(1, sizeof(*r));
	size_t n = 0;

	if (!r || !is_json(q, RESULTS)) {
		if (!r)
			refuse(q, &(struct lease_problem){ .status = 503, .detail = "out of memory" });
		free(r);
		return;
	}
	r->q = q;
	if (!json_each(q->body.p, q->body.n, many_count, &n))
		r->problem = n ? (struct lease_problem){ .status = 413, .detail = "the array has more than 1000 results; send it in parts" }
			: (struct lease_problem){ .status = 400, .detail = "the body must be " RESULTS };
	else if (!(r->call = calloc(n ? n : 1, sizeof(*r->call))))
		r->problem = (struct lease_problem){ .status = 503, .detail = "out of memory" };
	else
		json_each(q->body.p, q->body.n, many_read, r);
	if (r->problem.status == 0) {
		many_ask(r);
		return;
	}
	refuse(q, &r->problem);
	results_free(r);
}
