/* The smtp kind: a job's payload becomes a mail, which goes to the handler's server; the server's answer decides. The worker calls it through run_smtp. Nothing here is fatal.
 * What a password needs: TLS with a certificate that holds, but on loopback. Without a password TLS is taken where the server has it, whatever its certificate, as mail servers do among themselves. */
#include "run/smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "run/address.h"
#include "run/kind.h"
#include "run/mail.h"
#include "run/output.h"
#include "text/json.h"
#include "text/url.h"
#include "text/uuid.h"

#define PORT_SUBMISSION 587
#define PORT_SUBMISSIONS 465

struct smtp_attempt {
	struct run_base base;
	struct smtp_call *call;
	struct loop_timer limit;
	struct slice place;             /* of the server, in the conf */
	bool known;                     /* to it: we log in */
	int64_t began_ns, began_ms;
	char message_id[512];
};

/* --- its end --- */

static void finish(struct smtp_attempt *a, struct run_result *r)
{
	struct run_host *h = a->base.host;
	struct run_task *t = a->base.task;

	r->duration_us = (clock_boot_ns() - a->began_ns) / 1000;
	loop_timer_stop(h->loop, &a->limit);
	free(a);
	h->ended(h->arg, t, r);
	run_result_free(r);
}

static void begin_result(const struct smtp_attempt *a, struct run_result *r)
{
	run_result_init(r);
	r->started_ms = a->began_ms;
}

static void put_result(const struct smtp_attempt *a, const struct smtp_end *e, struct buf *out)
{
	buf_str(out, "{\"message_id\":");
	json_put_string(out, slice_of(a->message_id));
	buf_str(out, ",\"answer\":");
	json_put_string(out, slice_of(e->line));
	buf_char(out, '}');
}

/* What mends it, where the answer tells. */
static const char *hint(const struct smtp_attempt *a, long status)
{
	if (status != 530 && status != 534 && status != 535 && status != 538)
		return "";
	return a->known ? ": check smtp_user and smtp_password of its handler" : ": set smtp_user and smtp_password in its handler's section, or SMTP_USER and SMTP_PASSWORD in the environment";
}

static void judge(const struct smtp_attempt *a, const struct smtp_end *e, struct run_result *r)
{
	struct buf b = { 0 };

	if (e->code == CURLE_OK) {
		r->outcome = JOB_OUTCOME_SUCCEEDED;
		put_result(a, e, &r->output);
		return;
	}
	if (e->starved || e->code == CURLE_OUT_OF_MEMORY) {
		r->outcome = JOB_OUTCOME_RELEASED;
		r->started_ms = 0;              /* the worker then pauses its claims */
		buf_str(&b, "descriptors or memory are short");
	} else if (e->status >= 400) {
		r->no_retry = e->status >= 500;
		buf_printf(&b, "%.*s answered %s%s", (int)a->place.n, a->place.p, e->line, hint(a, e->status));
	} else if (e->code == CURLE_USE_SSL_FAILED) {
		buf_printf(&b, "%.*s offers no STARTTLS, and a password is not sent without: use smtps://, or a server that has it", (int)a->place.n, a->place.p);
	} else {
		buf_str(&b, e->why);
	}
	output_copy((struct slice){ b.data, b.len }, r->error, sizeof(r->error));
	buf_free(&b);
}

static void ended(void *arg, const struct smtp_end *e)
{
	struct smtp_attempt *a = arg;
	struct run_result r;

	begin_result(a, &r);
	judge(a, e, &r);
	finish(a, &r);
}

static void timed_out(struct loop_timer *timer)
{
	struct smtp_attempt *a = LOOP_OWNER(timer, struct smtp_attempt, limit);
	struct run_result r;

	smtp_call_abandon(a->call);
	begin_result(a, &r);
	run_timed_out(a->base.task, &r);
	finish(a, &r);
}

static void smtp_stop(struct run_host *h, struct run_attempt *attempt, enum run_stop how, int64_t grace_ms)
{
	struct smtp_attempt *a = (struct smtp_attempt *)(void *)attempt;
	struct run_result r;

	(void)h;
	(void)grace_ms;
	smtp_call_abandon(a->call);
	begin_result(a, &r);
	r.outcome = how == RUN_STOP_CANCEL ? JOB_OUTCOME_CANCELLED : JOB_OUTCOME_RELEASED;
	snprintf(r.error, sizeof(r.error), "%s", how == RUN_STOP_CANCEL ? "cancelled while it ran" : "ended because the server stops");
	finish(a, &r);
}

/* --- its beginning --- */

struct refusal { char why[JOB_ERROR_MAX]; bool for_good, starved; };

static bool no_memory(struct refusal *no)
{
	snprintf(no->why, sizeof(no->why), "out of memory");
	no->starved = true;
	return false;
}

static bool on_loopback(struct slice host)
{
	const char *kind;
	struct ip a;

	if (url_host_is(host, "localhost"))
		return true;
	kind = ip_parse(host, &a) ? address_kind(&a) : NULL;
	return kind && strcmp(kind, "loopback") == 0;
}

/* Whether we log in; a submission server takes mail of nobody else. */
static bool check_login(const struct conf_handler *h, const struct url *u, bool *known, struct refusal *no)
{
	bool user = h->smtp_user[0] || u->user.n, password = h->smtp_password[0] || u->password.n;
	bool submission = url_scheme_is(u, "smtps") || u->port == PORT_SUBMISSION || u->port == PORT_SUBMISSIONS;
	const char *missing = !user && !password ? "smtp_user and smtp_password are" : !user ? "smtp_user is" : "smtp_password is";

	*known = user && password;
	if (*known || (!user && !password && !submission))
		return true;
	snprintf(no->why, sizeof(no->why), "%s not set for handler \"%s\", and %.*s takes mail of its users alone: set them in its section, or SMTP_USER and SMTP_PASSWORD in the environment", missing, h->pattern,
		 (int)u->place.n, u->place.p);
	return false;
}

static bool fill_order(struct smtp_order *o, const struct conf_handler *h, const struct mail *m, struct refusal *no)
{
	o->url = strdup(h->smtp);
	o->user = h->smtp_user[0] ? strdup(h->smtp_user) : NULL;
	o->password = h->smtp_user[0] ? strdup(h->smtp_password) : NULL;
	buf_printf(&o->sender, "<%s>", m->from.address);
	bool good = o->url && !o->user == !h->smtp_user[0] && !o->password == !o->user && !o->message.failed && *buf_cstr(&o->sender);
	for (size_t i = 0; i < m->nto && good; i++) {
		struct buf to = { 0 };
		buf_printf(&to, "<%s>", m->to[i].address);
		struct curl_slist *grown = to.failed ? NULL : o->lib->slist_append(o->recipients, buf_cstr(&to));
		buf_free(&to);
		good = grown != NULL;
		o->recipients = grown ? grown : o->recipients;
	}
	return good || no_memory(no);
}

/* The message, and how it goes. */
static bool prepare(struct smtp_attempt *a, struct smtp_order *o, struct refusal *no)
{
	const struct run_task *t = a->base.task;
	const struct conf_handler *h = t->handler;
	struct buf message_id = { 0 };
	char id[UUID_TEXT_BYTES];
	struct mail m;
	struct url u;

	url_parse(slice_of(h->smtp), &u);       /* the conf was checked */
	a->place = u.place;
	if (!check_login(h, &u, &a->known, no))
		return false;
	o->tls_required = a->known && !on_loopback(u.host);
	o->unverified = on_loopback(u.host) || (!a->known && url_scheme_is(&u, "smtp"));
	/* a user's own address is what his mail comes from, where nothing else is said */
	const char *sender = h->smtp_from[0] ? h->smtp_from : strchr(h->smtp_user, '@') ? h->smtp_user : "";
	no->for_good = true;
	bool good = mail_parse((struct slice){ t->payload, t->payload_len }, sender, &m, no->why, sizeof(no->why));
	if (good) {
		no->for_good = false;
		uuid_format(t->id.b, id);
		mail_put(&m, id, a->began_ms, &o->message);
		mail_id(&m, id, &message_id);
		snprintf(a->message_id, sizeof(a->message_id), "<%s>", buf_cstr(&message_id));
		buf_free(&message_id);
		good = (!m.subject.failed && !m.body.failed) ? fill_order(o, h, &m, no) : no_memory(no);
	}
	mail_free(&m);
	return good;
}

static void not_begun(struct smtp_attempt *a, const struct refusal *no)
{
	struct run_result r;

	run_result_init(&r);
	if (no->starved)
		r.outcome = JOB_OUTCOME_RELEASED;
	if (no->for_good) {             /* the payload's fault, as in a program that refuses it */
		a->base.host->started(a->base.host->arg, a->base.task);
		r.started_ms = a->began_ms;
		r.no_retry = true;
	}
	output_copy(slice_of(no->why), r.error, sizeof(r.error));
	finish(a, &r);
}

static void smtp_start(struct run_host *h, struct run_task *t, struct run_attempt **out)
{
	struct smtp_attempt *a = calloc(1, sizeof(*a));
	struct smtp_order order = { .lib = NULL };
	struct refusal no = { .why = "" };

	*out = NULL;
	if (!a) {
		run_no_memory(h, t);
		return;
	}
	a->base = (struct run_base){ h, t };
	a->limit.fire = timed_out;
	a->began_ns = clock_boot_ns();
	a->began_ms = clock_wall_ms();
	order.lib = libcurl(no.why, sizeof(no.why));
	if (!order.lib || !prepare(a, &order, &no)) {
		smtp_order_free(&order);
		not_begun(a, &no);
		return;
	}
	h->started(h->arg, t);
	a->call = smtp_call_start(h->loop, &order, a->place, ended, a);
	if (!a->call) {
		smtp_order_free(&order);
		snprintf(no.why, sizeof(no.why), "threads or memory are short");
		no.starved = true;
		not_begun(a, &no);
		return;
	}
	if (t->timeout_ms > 0)
		run_timer(h->loop, &a->limit, t->timeout_ms);
	*out = (struct run_attempt *)(void *)a;
}

const struct run_kind run_smtp = { .name = "smtp", .start = smtp_start, .stop = smtp_stop };
