/* GET and POST /status/submit: a job by a form. What the API says of it is the way to the job's page, or stands above the form, which is kept as it was typed. Called by the wire half through http_routes.
 * Nothing here is fatal. */
#include <stdlib.h>
#include <string.h>

#include "http/auth.h"
#include "http/form.h"
#include "http/html.h"
#include "http/page.h"
#include "os/clock.h"
#include "text/json.h"

enum { TYPE, QUEUE, NAME, PRIORITY, DELAY, PAYLOAD, FIELDS };
static const struct { const char *name, *label, *hint, *more; } fields[FIELDS] = {
	[TYPE] = { "type", "Type", "what handles it", "\" list=\"types\" required autocapitalize=\"none" },
	[QUEUE] = { "queue", "Queue", "else the type's own", "\" list=\"queues\" autocapitalize=\"none" },
	[NAME] = { "name", "Name", "for people", "" },
	[PRIORITY] = { "priority", "Priority", "a whole number; higher runs first", "\" inputmode=\"numeric" },
	[DELAY] = { "delay", "Delay", "such as 30s, 5m or 2h; else at once", "" },
	[PAYLOAD] = { "payload", "Payload", "JSON; else null", "" },
};
#define NAMES "type,queue,name,priority,delay,payload"

struct submit_page {
	struct form form;
	struct slice v[FIELDS];         /* as typed */
	struct buf json;                /* what the API is asked */
};

static void submit_free(struct submit_page *p)
{
	form_free(&p->form);
	buf_free(&p->json);
	free(p);
}

/* --- the form --- */

static void put_field(struct buf *b, unsigned i, struct slice value, bool wrong)
{
	const char *name = fields[i].name;

	buf_printf(b, "<p><label for=\"%s\">%s</label>", name, fields[i].label);
	if (i == PAYLOAD)
		buf_printf(b, "<textarea rows=\"10\" spellcheck=\"false\" id=\"%s\" name=\"%s\"", name, name);
	else
		buf_printf(b, "<input autocomplete=\"off\" id=\"%s\" name=\"%s%s\"", name, name, fields[i].more);
	buf_printf(b, " aria-describedby=\"%s-hint\"%s", name, wrong ? " aria-invalid=\"true\"" : "");
	buf_str(b, i == PAYLOAD ? ">\n" : " value=\"");         /* a line feed at the beginning is the element's own */
	html_text(b, value);
	buf_printf(b, "%s<small class=\"quiet\" id=\"%s-hint\">%s</small></p>", i == PAYLOAD ? "</textarea>" : "\">", name, fields[i].hint);
}

/* `why`: what is wrong with what was typed; NULL: nothing was yet. Who asks for no page is told of a problem as elsewhere. */
static void show(struct http_request *q, int status, const struct slice v[FIELDS], const char *field, const struct slice *why)
{
	struct buf b = { 0 };

	if (why && !page_wanted(q)) {
		problem_send(q, status, field, "%.*s", (int)why->n, why->p);
		return;
	}
	page_begin(&b, q, PAGE_SUBMIT, PAGE_STILL, "Submit a job");
	if (why) {
		buf_str(&b, "<p class=\"notice bad\" role=\"alert\">");
		html_text(&b, *why);
		buf_str(&b, "</p>");
	}
	buf_str(&b, "<form class=\"submit\" method=\"post\" action=\"/status/submit\">");
	for (unsigned i = 0; i < FIELDS; i++)
		put_field(&b, i, v[i], field && strcmp(field, fields[i].name) == 0);
	buf_str(&b, "<button>Submit</button>");
	page_names_list(&b, q);
	buf_str(&b, "</form>\n");
	page_end(&b, q, clock_wall_ms());
	page_send(q, status, &b);
}

void page_submit(struct http_request *q)
{
	struct slice v[FIELDS] = { [TYPE] = http_query(q, "type"), [QUEUE] = http_query(q, "queue") };

	reply_header(q, "Vary", "Cookie");
	if (auth_may(q, CONF_ROLE_SUBMIT))
		show(q, 200, v, NULL, NULL);
	else
		problem_send(q, 403, NULL, "the token %s may look at jobs and submit none: that takes submit or admin", q->token->name);
}

/* --- what was typed --- */

static void answered(struct http_request *q, int status, const char *field, struct slice text)
{
	struct submit_page *p = q->page;
	struct buf where = { 0 };
	struct slice id;

	if (status < 400 && json_member(text.p, text.n, "id", &id) && id.n > 2) {
		buf_printf(&where, "/status/jobs/%.*s?done=submit", (int)id.n - 2, id.p + 1);
		reply_see_other(q, buf_cstr(&where));
	} else {
		show(q, status < 400 ? 500 : status, p->v, field, &text);
	}
	buf_free(&where);
	submit_free(p);
}

static bool is_integer(struct slice s)
{
	size_t i = s.n && s.p[0] == '-';

	if (s.n - i == 0 || s.n - i > 9 || (s.p[i] == '0' && s.n - i > 1))
		return false;
	for (; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* The job as the API takes it. */
static void put_job(struct buf *b, const struct slice v[FIELDS])
{
	const char *between = "{";

	for (unsigned i = 0; i < FIELDS; i++) {
		struct slice s = i == PAYLOAD ? v[i] : slice_trim(v[i]);
		if (s.n == 0)
			continue;
		buf_printf(b, "%s\"%s\":", between, fields[i].name);
		if (i == PAYLOAD || (i == PRIORITY && is_integer(s)))
			buf_slice(b, s);
		else
			json_put_string(b, s);
		between = ",";
	}
	buf_str(b, between[0] == '{' ? "{}" : "}");
}

static bool payload_good(struct http_request *q, const struct submit_page *p)
{
	struct slice payload = p->v[PAYLOAD], why;
	struct json_error err;
	struct buf b = { 0 };

	if (payload.n == 0 || json_valid(payload.p, payload.n, &err))
		return true;
	buf_printf(&b, "The payload is not JSON: line %u, column %u: %s. A text needs quotes around it.", err.line, err.column, err.what);
	why = (struct slice){ b.data, b.len };
	show(q, 400, p->v, "payload", &why);
	buf_free(&b);
	return false;
}

void page_submit_post(struct http_request *q)
{
	struct submit_page *p = calloc(1, sizeof(*p));

	if (!p) {
		problem_send(q, 503, NULL, "nothing was submitted: out of memory");
		return;
	}
	if (!form_read(&p->form, q, NAMES)) {
		free(p);
		return;
	}
	for (unsigned i = 0; i < FIELDS; i++)
		p->v[i] = form_get(&p->form, fields[i].name);
	if (!payload_good(q, p)) {
		submit_free(p);
		return;
	}
	put_job(&p->json, p->v);
	if (p->json.failed) {
		submit_free(p);
		problem_send(q, 503, NULL, "nothing was submitted: out of memory");
		return;
	}
	q->body = (struct slice){ buf_cstr(&p->json), p->json.len };
	q->page = p;
	q->instead = answered;
	api_submit(q);
}
