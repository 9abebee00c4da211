/* The http kind: the payload is posted to an endpoint, whose status decides. The worker calls it through run_http. Nothing here is fatal: what goes wrong ends the
 * attempt with a reason. No message names more of the URL than its host: paths of webhooks are secrets. */
#include "run/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "os/clock.h"
#include "run/address.h"
#include "run/answer.h"
#include "run/output.h"
#include "run/sign.h"
#include "run/transfer.h"
#include "text/url.h"
#include "text/uuid.h"

#define HEADER_MAX (64u << 10)          /* of an answer, interim ones and trailers included */

struct http_attempt {
	struct run_base base;
	struct transfer transfer;
	struct loop_timer limit;
	struct curl_slist *header;
	int64_t began_ns, began_ms;
	/* the answer */
	struct output_head body;
	size_t header_bytes;
	bool cut;                       /* more than max_output came: no further was read */
	bool flooded;                   /* likewise of its header */
	bool whole_header;              /* the empty line behind it came */
	bool boundless;                 /* it states a length that no number of ours holds, which libcurl then passes over */
	bool readable;                  /* its body is text that may stand in an error */
	char retry_after[64], location[256];
};

/* --- its end --- */

static void attempt_free(struct http_attempt *a)
{
	loop_timer_stop(a->base.host->loop, &a->limit);
	transfer_end(&a->transfer);
	if (a->header)
		a->transfer.lib->slist_free_all(a->header);
	buf_free(&a->body.kept);
	free(a);
}

/* r has everything but what is the same for all. */
static void finish(struct http_attempt *a, struct run_result *r)
{
	struct run_host *h = a->base.host;
	struct run_task *t = a->base.task;

	r->duration_us = (clock_boot_ns() - a->began_ns) / 1000;
	r->output_total = a->body.total;
	attempt_free(a);
	h->ended(h->arg, t, r);
	run_result_free(r);
}

static void begin_result(const struct http_attempt *a, struct run_result *r)
{
	run_result_init(r);
	r->started_ms = a->began_ms;
}

static void explain_answer(const struct http_attempt *a, long status, struct run_result *r)
{
	const char *phrase = answer_phrase(status);
	char line[JOB_ERROR_MAX];
	struct buf b = { 0 };

	buf_printf(&b, "%.*s answered %ld%s%s", (int)a->transfer.place.n, a->transfer.place.p, status, phrase ? " " : "", phrase ? phrase : "");
	if (status >= 300 && status < 400 && a->location[0])
		buf_printf(&b, ": redirects are not followed, and it points to %s", a->location);
	else if (a->readable && output_last_line((struct slice){ a->body.kept.data, a->body.kept.len }, line, sizeof(line)))
		buf_printf(&b, ": %s", line);
	output_copy((struct slice){ b.data, b.len }, r->error, sizeof(r->error));
	buf_free(&b);
}

static void answered(struct http_attempt *a)
{
	const struct conf_handler *h = a->base.task->handler;
	struct run_result r;
	long status = 0;

	a->transfer.lib->easy_getinfo(a->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	begin_result(a, &r);
	answer_judge(status, &r);
	r.output_cut = a->cut;
	if (r.outcome == JOB_OUTCOME_SUCCEEDED) {
		r.output = a->body.kept;
		a->body.kept = (struct buf){ 0 };
	} else {
		explain_answer(a, status, &r);
		if (!r.no_retry && a->retry_after[0])
			r.retry_in_ms = answer_retry_after(slice_of(a->retry_after), clock_wall_ms(), h->backoff_max);
		buf_add(&r.log, a->body.kept.data, a->body.kept.len < OUTPUT_LOG_MAX ? a->body.kept.len : OUTPUT_LOG_MAX);
		r.log_total = a->body.total;
	}
	finish(a, &r);
}

/* libcurl has a limit of its own for a line of the header, and says of one beyond it that memory is out. That would be our want, and the job given back and begun again for ever. */
static bool line_too_long(const struct http_attempt *a, CURLcode code)
{
	curl_off_t first_byte_us = 0;

	a->transfer.lib->easy_getinfo(a->transfer.easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
	return code == CURLE_OUT_OF_MEMORY && first_byte_us > 0 && !a->whole_header;
}

static void unanswered(struct http_attempt *a, CURLcode code)
{
	const struct transfer *t = &a->transfer;
	char address[IP_TEXT_BYTES];
	struct run_result r;

	begin_result(a, &r);
	if (t->refused && !t->connected) {
		ip_format(&t->which, address);
		snprintf(r.error, sizeof(r.error), "refused to call %s (%s), the address of %.*s: where that is meant, handler \"%s\" needs it in allow", address,
			 address_kind(&t->which), (int)t->host.n, t->host.p, a->base.task->handler->pattern);
		r.no_retry = true;
	} else if (a->flooded || line_too_long(a, code)) {
		snprintf(r.error, sizeof(r.error), "the answer of %.*s has a header of more than %u bytes", (int)t->place.n, t->place.p, HEADER_MAX);
	} else if (t->starved || code == CURLE_OUT_OF_MEMORY) {
		r.outcome = JOB_OUTCOME_RELEASED;
		r.started_ms = 0;               /* the worker then pauses its claims */
		snprintf(r.error, sizeof(r.error), "descriptors or memory are short");
	} else if (code == CURLE_OK && !a->whole_header) {
		snprintf(r.error, sizeof(r.error), "the answer of %.*s ended within its header", (int)t->place.n, t->place.p);
	} else {
		code = code == CURLE_OK ? CURLE_PARTIAL_FILE : code;
		transfer_explain(t->lib, t->easy, t->said, t->place, code, r.error, sizeof(r.error));
	}
	finish(a, &r);
}

static void done(struct transfer *t, CURLcode code)
{
	struct http_attempt *a = LOOP_OWNER(t, struct http_attempt, transfer);

	if ((code == CURLE_OK && a->whole_header && !a->boundless) || (code == CURLE_WRITE_ERROR && a->cut))
		answered(a);
	else
		unanswered(a, code);
}

static void timed_out(struct loop_timer *timer)
{
	struct http_attempt *a = LOOP_OWNER(timer, struct http_attempt, limit);
	struct run_result r;

	begin_result(a, &r);
	run_timed_out(a->base.task, &r);
	finish(a, &r);
}

static void http_stop(struct run_host *h, struct run_attempt *attempt, enum run_stop how, int64_t grace_ms)
{
	struct http_attempt *a = (struct http_attempt *)(void *)attempt;
	struct run_result r;

	(void)h;
	(void)grace_ms;
	begin_result(a, &r);
	r.outcome = how == RUN_STOP_CANCEL ? JOB_OUTCOME_CANCELLED : JOB_OUTCOME_RELEASED;
	snprintf(r.error, sizeof(r.error), "%s", how == RUN_STOP_CANCEL ? "cancelled while it ran" : "ended because the server stops");
	finish(a, &r);
}

/* --- while the answer comes --- */

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_attempt *a = arg;

	n *= size;
	a->base.host->output_bytes += n;
	output_head_add(&a->body, p, n);
	a->cut = output_head_cut(&a->body);
	return a->cut ? 0 : n;          /* 0 ends the transfer */
}

static bool field(struct slice line, const char *name, struct slice *value)
{
	size_t n = strlen(name);

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return false;
	*value = (struct slice){ line.p + n + 1, line.n - n - 1 };
	while (value->n && (value->p[0] == ' ' || value->p[0] == '\t'))
		*value = (struct slice){ value->p + 1, value->n - 1 };
	while (value->n && strchr(" \t\r\n", value->p[value->n - 1]))
		value->n--;
	return true;
}

static bool text_type(struct slice v)
{
	char type[128];

	output_copy(v, type, sizeof(type));
	return strcasestr(type, "json") || strncasecmp(type, "text/plain", 10) == 0;
}

static bool beyond_64_bits(struct slice v)
{
	int64_t n = 0;

	for (size_t i = 0; i < v.n && v.p[i] >= '0' && v.p[i] <= '9'; i++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, v.p[i] - '0', &n))
			return true;
	return false;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_attempt *a = arg;
	struct slice line = { p, n * size }, v;

	a->header_bytes += line.n;
	a->flooded = a->header_bytes > HEADER_MAX;
	if (line.n > 5 && strncasecmp(line.p, "HTTP/", 5) == 0) {       /* of an answer anew: the one before was an interim one */
		a->retry_after[0] = a->location[0] = '\0';
		a->readable = a->whole_header = a->boundless = false;
	} else if (line.n <= 2) {
		a->whole_header = true;
	} else if (field(line, "Retry-After", &v)) {
		output_copy(v, a->retry_after, sizeof(a->retry_after));
	} else if (field(line, "Location", &v)) {
		output_copy(v, a->location, sizeof(a->location));
	} else if (field(line, "Content-Type", &v)) {
		a->readable = text_type(v);
	} else if (field(line, "Content-Length", &v)) {
		a->boundless = beyond_64_bits(v);
	}
	return a->flooded ? 0 : line.n;
}

/* --- its beginning --- */

/* False where memory is out. */
static bool put_field(struct http_attempt *a, const char *name, const char *value)
{
	struct buf b = { 0 };
	struct curl_slist *grown = NULL;

	buf_printf(&b, "%s: %s", name, value);
	if (!b.failed)
		grown = a->transfer.lib->slist_append(a->header, buf_cstr(&b));
	buf_free(&b);
	if (grown)
		a->header = grown;
	return grown != NULL;
}

static bool sign(struct http_attempt *a, const char *id, char *why, size_t why_size)
{
	const struct run_task *t = a->base.task;
	struct slice key = { t->handler->secret.data, t->handler->secret.len };
	struct buf signature = { 0 };
	int64_t now = a->began_ms / 1000;
	char time[24];

	if (key.n == 0 && t->handler->secret_file && t->handler->secret_file[0]) {
		snprintf(why, why_size, "it is not sent unsigned: secret_file could not be read when the conf was");
		return false;
	}
	if (key.n == 0)
		return true;
	snprintf(time, sizeof(time), "%lld", (long long)now);
	bool fine = sign_webhook(key, id, now, (struct slice){ t->payload, t->payload_len }, &signature, why, why_size);
	if (fine && !(put_field(a, "webhook-id", id) && put_field(a, "webhook-timestamp", time) && put_field(a, "webhook-signature", buf_cstr(&signature)))) {
		snprintf(why, why_size, "out of memory");
		a->transfer.starved = true;
		fine = false;
	}
	buf_free(&signature);
	return fine;
}

static bool fits_header(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool put_header(struct http_attempt *a, char *why, size_t why_size)
{
	const struct run_task *t = a->base.task;
	char id[UUID_TEXT_BYTES], attempt[16];

	uuid_format(t->id.b, id);
	snprintf(attempt, sizeof(attempt), "%u", (unsigned)t->attempt);
	const char *type = t->content_type[0] && fits_header(t->content_type) ? t->content_type : "application/json";
	bool fine = put_field(a, "Content-Type", type) && put_field(a, "Stint-Job-Id", id) && put_field(a, "Stint-Attempt", attempt) && put_field(a, "Idempotency-Key", id)
		&& put_field(a, "Expect", "");  /* no round trip before the body */
	if (fine && t->trace[0] && fits_header(t->trace))
		fine = put_field(a, "traceparent", t->trace);
	if (!fine) {
		snprintf(why, why_size, "out of memory");
		a->transfer.starved = true;
	}
	return fine && sign(a, id, why, why_size);
}

static bool set_options(struct http_attempt *a, char *why, size_t why_size)
{
	const struct run_task *t = a->base.task;
	const struct libcurl *lib = a->transfer.lib;
	CURL *e = a->transfer.easy;
	CURLcode rc = CURLE_OK;

	rc |= lib->easy_setopt(e, CURLOPT_URL, t->handler->url);
	rc |= lib->easy_setopt(e, CURLOPT_USERAGENT, "stint/" PACKAGE_VERSION);
	rc |= lib->easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->payload_len);
	rc |= lib->easy_setopt(e, CURLOPT_POSTFIELDS, t->payload_len ? t->payload : "");
	rc |= lib->easy_setopt(e, CURLOPT_HTTPHEADER, a->header);
	rc |= lib->easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	rc |= lib->easy_setopt(e, CURLOPT_WRITEDATA, a);
	rc |= lib->easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	rc |= lib->easy_setopt(e, CURLOPT_HEADERDATA, a);
	if (rc == CURLE_OK)
		return true;
	snprintf(why, why_size, "libcurl does not take what it was told: %s", lib->easy_strerror(rc));
	return false;
}

/* An attempt that did not begin. */
static void not_begun(struct http_attempt *a, const char *why)
{
	struct run_host *h = a->base.host;
	struct run_task *t = a->base.task;
	struct run_result r;

	run_result_init(&r);
	if (a->transfer.starved)
		r.outcome = JOB_OUTCOME_RELEASED;
	output_copy(slice_of(why), r.error, sizeof(r.error));
	attempt_free(a);
	h->ended(h->arg, t, &r);
}

static void http_start(struct run_host *h, struct run_task *t, struct run_attempt **out)
{
	struct http_attempt *a = calloc(1, sizeof(*a));
	char why[JOB_ERROR_MAX] = "out of memory";
	struct url url;

	*out = NULL;
	if (!a) {
		run_no_memory(h, t);
		return;
	}
	a->base = (struct run_base){ h, t };
	a->limit.fire = timed_out;
	a->body.limit = t->handler->max_output;
	a->began_ns = clock_boot_ns();
	a->began_ms = clock_wall_ms();
	url_parse(slice_of(t->handler->url), &url);     /* the conf was checked */
	a->transfer.done = done;
	a->transfer.guarded = true;
	a->transfer.allow = &t->handler->allow;
	a->transfer.host = url.host;
	a->transfer.place = url.place;
	if (!transfer_open(&a->transfer, h->loop, "http,https", why, sizeof(why)) || !put_header(a, why, sizeof(why)) || !set_options(a, why, sizeof(why))) {
		not_begun(a, why);
		return;
	}
	h->started(h->arg, t);
	if (!transfer_start(&a->transfer)) {
		a->transfer.starved = true;
		not_begun(a, "libcurl does not take another transfer");
		return;
	}
	if (t->timeout_ms > 0)
		run_timer(h->loop, &a->limit, t->timeout_ms);
	*out = (struct run_attempt *)(void *)a;
}

const struct run_kind run_http = { .name = "http", .start = http_start, .stop = http_stop };
