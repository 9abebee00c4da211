/* The calls that carry a lease: their members, and what is asked of the keeper. A result and a log that are too long for a request go up first. Called by api_lease.c.
 * Nothing here is fatal. */
#include "http/lease.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/claim.h"
#include "http/job_json.h"
#include "http/members.h"
#include "http/object.h"
#include "http/pending.h"
#include "os/clock.h"
#include "text/base64.h"
#include "text/duration.h"
#include "text/json.h"
#include "text/uuid.h"

#define LOG_MAX (64u << 10)             /* kept of a log: its end */
#define ENDS (LEASE_COMPLETE | LEASE_FAIL)

struct reading { struct lease_call *c; struct slice text; struct lease_problem *p; };

static bool wrong(struct reading *r, const char *field, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool wrong(struct reading *r, const char *field, const char *fmt, ...)
{
	va_list ap;

	r->p->status = 400;
	snprintf(r->p->field, sizeof(r->p->field), "%.60s", field);
	va_start(ap, fmt);
	vsnprintf(r->p->detail, sizeof(r->p->detail), fmt, ap);
	va_end(ap);
	return false;
}

/* --- members --- */

static struct slice string_of(const json_t *v)
{
	return (struct slice){ json_string_value(v), json_string_length(v) };
}

/* Tokens are numbers to us and opaque to a client: what cannot be one is nobody's, and refused as one that ran out is. */
static bool set_lease(struct reading *r, const struct schema_member *m, const json_t *v)
{
	struct slice s = string_of(v);
	uint64_t token = 0;

	r->c->has_lease = true;
	if (!json_is_string(v))
		return wrong(r, m->name, "\"lease\" must be the string that the claim gave");
	for (size_t i = 0; i < s.n; i++) {
		r->c->foreign |= i == 19 || s.p[i] < '0' || s.p[i] > '9';
		token = token * 10 + (uint64_t)(s.p[i] - '0');
	}
	r->c->foreign |= token == 0;
	r->c->token = r->c->finish.token = token;
	return true;
}

static bool set_id(struct reading *r, const struct schema_member *m, const json_t *v)
{
	struct slice s = string_of(v);

	if (!json_is_string(v) || !uuid_parse(s.p, s.n, r->c->id.b))
		return wrong(r, m->name, "\"id\" must be the job's, such as 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071");
	return true;
}

static bool set_outcome(struct reading *r, const struct schema_member *m, const json_t *v)
{
	(void)r, (void)m, (void)v;
	return true;            /* read before the others: it says which of them there may be */
}

/* A string is kept as its text, so that what a program wrote comes back as it was; anything else as the JSON that came. */
static bool set_result(struct reading *r, const struct schema_member *m, const json_t *v)
{
	struct slice raw = { 0 };

	if (r->c->has_result)
		return wrong(r, m->name, "only one of \"result\" and \"result_base64\" may be given");
	r->c->has_result = true;
	if (json_is_string(v)) {
		buf_slice(&r->c->result, string_of(v));
		return true;
	}
	if (!json_member(r->text.p, r->text.n, "result", &raw) || slice_eq(raw, "null"))
		return true;
	buf_slice(&r->c->result, raw);
	r->c->finish.flags |= REQUEST_FINISH_RESULT_JSON;
	return true;
}

static bool set_result_base64(struct reading *r, const struct schema_member *m, const json_t *v)
{
	if (r->c->has_result)
		return wrong(r, m->name, "only one of \"result\" and \"result_base64\" may be given");
	r->c->has_result = true;
	if (json_is_string(v) && base64_parse(string_of(v), &r->c->result)) {
		if (r->c->result.len && json_valid(r->c->result.data, r->c->result.len, &(struct json_error){ 0 }))
			r->c->finish.flags |= REQUEST_FINISH_RESULT_JSON;       /* a program's output, as that of a handler here */
		return true;
	}
	return wrong(r, m->name, "\"result_base64\" must be a string in base64 (RFC 4648, padded)");
}

static bool flag(struct reading *r, const struct schema_member *m, const json_t *v, uint32_t bit, bool when)
{
	if (!json_is_boolean(v))
		return wrong(r, m->name, "\"%s\" must be true or false", m->name);
	if (json_is_true(v) == when)
		r->c->finish.flags |= bit;
	return true;
}

static bool set_truncated(struct reading *r, const struct schema_member *m, const json_t *v) { return flag(r, m, v, REQUEST_FINISH_RESULT_CUT, true); }
static bool set_retry(struct reading *r, const struct schema_member *m, const json_t *v) { return flag(r, m, v, REQUEST_FINISH_NO_RETRY, false); }

static bool set_log(struct reading *r, const struct schema_member *m, const json_t *v)
{
	struct slice s = string_of(v);

	if (!json_is_string(v))
		return wrong(r, m->name, "\"log\" must be a string");
	buf_add(&r->c->log, s.p + (s.n > LOG_MAX ? s.n - LOG_MAX : 0), s.n > LOG_MAX ? LOG_MAX : s.n);
	return true;
}

static bool set_error(struct reading *r, const struct schema_member *m, const json_t *v)
{
	struct slice s = string_of(v);
	size_t n = s.n < sizeof(r->c->error) - 1 ? s.n : sizeof(r->c->error) - 1;

	if (!json_is_string(v))
		return wrong(r, m->name, "\"error\" must be a string");
	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)      /* between characters */
		n--;
	memcpy(r->c->error, s.p, n);
	r->c->finish.error_len = (uint32_t)n;
	return true;
}

static bool duration(struct reading *r, const struct schema_member *m, const json_t *v, int64_t *out)
{
	int64_t ms = -1;

	if (json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) * 1000 <= m->is.max)
		ms = (int64_t)(json_number_value(v) * 1000);
	else if (json_is_string(v) && !duration_parse(string_of(v), &ms))
		ms = -1;
	if ((double)ms < m->is.min || (double)ms > m->is.max)
		return wrong(r, m->name, "\"%s\" must be a duration, seconds or such as \"30s\", of at least %g and at most %g seconds", m->name, m->is.min / 1000, m->is.max / 1000);
	*out = ms;
	return true;
}

static bool set_retry_in(struct reading *r, const struct schema_member *m, const json_t *v) { return duration(r, m, v, &r->c->finish.retry_in_ms); }
static bool set_by(struct reading *r, const struct schema_member *m, const json_t *v) { return duration(r, m, v, &r->c->by_ms); }

static bool whole(struct reading *r, const struct schema_member *m, const json_t *v, int32_t *out)
{
	if (!json_is_integer(v) || (double)json_integer_value(v) < m->is.min || (double)json_integer_value(v) > m->is.max)
		return wrong(r, m->name, "\"%s\" must be a whole number from %.0f to %.0f", m->name, m->is.min, m->is.max);
	*out = (int32_t)json_integer_value(v);
	return true;
}

static bool set_exit_code(struct reading *r, const struct schema_member *m, const json_t *v) { return whole(r, m, v, &r->c->finish.exit_code); }
static bool set_signal(struct reading *r, const struct schema_member *m, const json_t *v) { return whole(r, m, v, &r->c->finish.term_signal); }

static bool set_percent(struct reading *r, const struct schema_member *m, const json_t *v)
{
	if (!json_is_number(v) || !(json_number_value(v) >= m->is.min && json_number_value(v) <= m->is.max))
		return wrong(r, m->name, "\"percent\" must be a number from 0 to 100");
	r->c->percent = (int32_t)json_number_value(v);
	return true;
}

static bool set_message(struct reading *r, const struct schema_member *m, const json_t *v)
{
	struct slice s = string_of(v);

	if (!json_is_string(v) || s.n > sizeof(r->c->message))
		return wrong(r, m->name, "\"message\" must be a string of at most %zu bytes", sizeof(r->c->message));
	memcpy(r->c->message, s.p, s.n);
	r->c->message_len = s.n;
	return true;
}

static const struct { struct schema_member member; unsigned acts; bool in_array; bool (*set)(struct reading *r, const struct schema_member *m, const json_t *v); } members[] = {
	{ { "lease", SCHEMA_STRING, SCHEMA_ALWAYS, "As the claim gave it." }, ENDS | LEASE_RELEASE | LEASE_EXTEND | LEASE_PROGRESS, false, set_lease },
	{ { "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL }, ENDS | LEASE_RELEASE, true, set_id },
	{ { "outcome", SCHEMA_CHOICE("complete,fail,release"), SCHEMA_ALWAYS, "What else there may be is what the call of that name takes." }, ENDS | LEASE_RELEASE, true, set_outcome },
	{ { "result", SCHEMA_ANY, SCHEMA_MAYBE, "A string is kept as its text, anything else as the JSON that came." }, LEASE_COMPLETE, false, set_result },
	{ { "result_base64", SCHEMA_STRING, SCHEMA_MAYBE, "Any bytes, in base64; in the place of result." }, LEASE_COMPLETE, false, set_result_base64 },
	{ { "result_truncated", SCHEMA_FLAG, SCHEMA_MAYBE, "The result was cut." }, LEASE_COMPLETE, false, set_truncated },
	{ { "error", SCHEMA_STRING, SCHEMA_MAYBE, "Why; its first 1,023 bytes are kept." }, LEASE_FAIL, false, set_error },
	{ { "retry", SCHEMA_FLAG, SCHEMA_MAYBE, "False: the job is dead, whatever retries it has left." }, LEASE_FAIL, false, set_retry },
	{ { "retry_in", SCHEMA_DURATION(0, DURATION_LIMIT_MS), SCHEMA_MAYBE, "In the place of the job's backoff." }, LEASE_FAIL, false, set_retry_in },
	{ { "log", SCHEMA_STRING, SCHEMA_MAYBE, "Its last 64 KiB are kept." }, ENDS, false, set_log },
	{ { "exit_code", SCHEMA_INTEGER(0, 255), SCHEMA_MAYBE, NULL }, ENDS, false, set_exit_code },
	{ { "signal", SCHEMA_INTEGER(1, 64), SCHEMA_MAYBE, "That ended the program." }, LEASE_FAIL, false, set_signal },
	{ { "by", SCHEMA_DURATION(CLAIM_LEASE_MIN_MS, CLAIM_LEASE_MAX_MS), SCHEMA_MAYBE, "How long from now; else the lease's own time." }, LEASE_EXTEND, false, set_by },
	{ { "percent", SCHEMA_NUMBER(0, 100), SCHEMA_ALWAYS, NULL }, LEASE_PROGRESS, false, set_percent },
	{ { "message", SCHEMA_TEXT(0, LEASE_MESSAGE_MAX), SCHEMA_MAYBE, NULL }, LEASE_PROGRESS, false, set_message },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static bool takes(size_t i, unsigned acts, bool in_array)
{
	return (members[i].acts & acts) && (in_array || !members[i].in_array);
}

const struct schema_member *members_of_lease(unsigned acts, unsigned i)
{
	for (size_t k = 0; k < MEMBERS; k++)
		if (takes(k, acts & ~MEMBERS_IN_ARRAY, acts & MEMBERS_IN_ARRAY) && i-- == 0)
			return &members[k].member;
	return NULL;
}

static bool set_member(struct reading *r, const char *name, const json_t *v, bool in_array)
{
	char known[160] = "";

	for (size_t i = 0; i < MEMBERS; i++) {
		if (!takes(i, r->c->act, in_array))
			continue;
		if (strcmp(members[i].member.name, name) == 0)
			return members[i].set(r, &members[i].member, v);
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", *known ? ", " : "", members[i].member.name);
	}
	return wrong(r, name, "there is no \"%.64s\" here; there are %s", name, known);
}

/* The same with 0 in the place of a result that is no string: it is kept as it came and may be what jansson cannot read, such as a number of any length. */
static json_t *load(struct slice text, struct lease_problem *p)
{
	struct slice raw = { 0 };
	char *copy = slice_dup(text);
	json_error_t err;
	json_t *tree;

	if (!copy) {
		*p = (struct lease_problem){ .status = 503, .detail = "out of memory" };
		return NULL;
	}
	if (json_member(text.p, text.n, "result", &raw) && raw.n && raw.p[0] != '"') {
		memset(copy + (raw.p - text.p), ' ', raw.n);
		copy[raw.p - text.p] = '0';
	}
	tree = json_loadb(copy, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &err);
	free(copy);
	if (!tree)
		p->status = object_refused(&err, p->detail, sizeof(p->detail));
	return tree;
}

static bool outcome_of(struct reading *r, const json_t *tree)
{
	static const struct { const char *name; enum lease_act act; } outcome[] = { { "complete", LEASE_COMPLETE }, { "fail", LEASE_FAIL }, { "release", LEASE_RELEASE } };
	const char *said = json_string_value(json_object_get(tree, "outcome"));

	for (size_t i = 0; said && i < sizeof(outcome) / sizeof(outcome[0]); i++)
		if (strcmp(said, outcome[i].name) == 0) {
			r->c->act = outcome[i].act;
			return true;
		}
	return wrong(r, "outcome", "\"outcome\" must be \"complete\", \"fail\" or \"release\"");
}

static bool read_members(struct reading *r, json_t *tree, bool in_array)
{
	struct lease_call *c = r->c;
	const char *name;
	json_t *v;

	if (in_array && !outcome_of(r, tree))
		return false;
	json_object_foreach(tree, name, v)
		if (!set_member(r, name, v, in_array))
			return false;
	if (in_array && !json_object_get(tree, "id"))
		return wrong(r, "id", "\"id\" is missing: the job's");
	if (!c->has_lease)
		return wrong(r, "lease", "\"lease\" is missing: the string that the claim gave");
	if (c->act == LEASE_PROGRESS && c->percent < 0)
		return wrong(r, "percent", "\"percent\" is missing: a number from 0 to 100");
	return true;
}

bool lease_read(struct lease_call *c, struct slice text, bool in_array, struct lease_problem *p)
{
	struct reading r = { c, text, p };
	bool good = false;
	json_t *tree;

	*p = (struct lease_problem){ .status = 0 };
	c->percent = -1;
	c->finish = (struct request_finish){ .exit_code = -1, .retry_in_ms = -1, .flags = REQUEST_FINISH_REMOTE };
	tree = load(text, p);
	if (json_is_object(tree))
		good = read_members(&r, tree, in_array);
	else if (tree)
		wrong(&r, "", "%s must be a JSON object such as {%s\"lease\":\"17\"}", in_array ? "each element" : "the body",
			in_array ? "\"id\":\"...\",\"outcome\":\"complete\"," : "");
	json_decref(tree);
	if (good && (c->result.failed || c->log.failed)) {
		*p = (struct lease_problem){ .status = 503, .detail = "out of memory" };
		return false;
	}
	return good;
}

/* --- what is asked --- */

enum store_rc lease_look(struct lease_call *c, struct job_text *queue)
{
	struct store_reader *r = c->api->reader;
	enum store_rc rc = r ? store_read_begin(r) : STORE_BUSY;
	const struct conf_handler *h;
	struct job_spec spec;
	struct job job;
	static char name[JOB_QUEUE_MAX];

	if (rc != STORE_OK)
		return rc;
	rc = store_get(r, c->id, &job, &spec);
	if (rc == STORE_OK) {
		memcpy(name, spec.queue.p, spec.queue.n);
		*queue = (struct job_text){ name, spec.queue.n };
		h = conf_handler_of(c->api->conf, (struct slice){ spec.type.p, spec.type.n });
		size_t most = h ? (size_t)h->max_output : LOG_MAX;
		if (c->result.len > most) {
			c->result.len = most;
			c->finish.flags = (c->finish.flags | REQUEST_FINISH_RESULT_CUT) & ~REQUEST_FINISH_RESULT_JSON;
		}
		if (c->foreign || (c->act == LEASE_PROGRESS && (job.state != JOB_RUNNING || job.worker != STORE_REMOTE || job.lease_token != c->token)))
			rc = STORE_STALE;
	}
	store_read_end(r);
	return rc;
}

static void done(struct lease_call *c, int rc)
{
	c->rc = rc;
	c->done(c);
}

static void answered(void *owner, const struct request_result *r)
{
	struct lease_call *c = owner;

	c->state = (enum job_state)r->state;
	c->at_ms = c->act == LEASE_EXTEND ? r->at_ms : r->run_at_ms;
	done(c, r->rc);
}

static void ask(struct lease_call *c, enum request_op op, const struct ask_piece *piece, unsigned n)
{
	uint64_t tag = pending_add(c, answered);

	if (tag && ask_add(c->api->ask, op, tag, piece, n) == 0)
		return;
	if (tag)
		pending_take(tag, NULL);
	done(c, STORE_NO_MEMORY);
}

static void ask_finish(struct lease_call *c);

static void result_staged(void *arg, uint64_t blob, int rc)
{
	struct lease_call *c = arg;

	c->finish.result_blob = blob;
	if (rc != STORE_OK)
		done(c, rc);
	else
		ask_finish(c);
}

static void log_staged(void *arg, uint64_t blob, int rc)
{
	struct lease_call *c = arg;

	c->finish.log_blob = blob;
	if (rc != STORE_OK)
		done(c, rc);
	else
		ask_finish(c);
}

static void ask_finish(struct lease_call *c)
{
	struct request_finish *f = &c->finish;

	f->result_len = c->result.len;
	f->log_len = c->log.len;
	if (f->result_len > JOB_INLINE_MAX && !f->result_blob) {
		if (ask_stage(c->api->ask, c->result.data, c->result.len, result_staged, c) < 0)
			done(c, STORE_NO_MEMORY);
		return;
	}
	if (f->log_len > JOB_INLINE_MAX && !f->log_blob) {
		if (ask_stage(c->api->ask, c->log.data, c->log.len, log_staged, c) < 0)
			done(c, STORE_NO_MEMORY);
		return;
	}
	struct ask_piece piece[] = {
		{ f, sizeof(*f) }, { c->result.data, f->result_blob ? 0 : c->result.len }, { c->error, f->error_len }, { c->log.data, f->log_blob ? 0 : c->log.len },
	};
	ask(c, REQUEST_FINISH, piece, 4);
}

void lease_ask(struct lease_call *c)
{
	struct request_extend e = { .id = c->id, .token = c->token, .by_ms = c->by_ms };
	struct request_progress p = { .id = c->id, .token = c->token, .percent = c->percent, .message_len = (uint32_t)c->message_len };

	c->finish.id = c->id;
	c->finish.outcome = c->act == LEASE_COMPLETE ? JOB_OUTCOME_SUCCEEDED : c->act == LEASE_FAIL ? JOB_OUTCOME_FAILED : JOB_OUTCOME_RELEASED;
	if (c->act == LEASE_EXTEND)
		ask(c, REQUEST_EXTEND, &(struct ask_piece){ &e, sizeof(e) }, 1);
	else if (c->act == LEASE_PROGRESS)
		ask(c, REQUEST_PROGRESS, (struct ask_piece[]){ { &p, sizeof(p) }, { c->message, c->message_len } }, 2);
	else
		ask_finish(c);
}

void lease_free(struct lease_call *c)
{
	buf_free(&c->result);
	buf_free(&c->log);
}

/* --- what came of it --- */

int lease_status(int rc)
{
	switch ((enum store_rc)rc) {
	case STORE_OK:
	case STORE_REPLAYED:
		return 200;
	case STORE_NOT_FOUND:
		return 404;
	case STORE_STALE:
		return 409;
	case STORE_INVALID:
		return 400;
	case STORE_NO_SPACE:
		return 507;
	default:
		return 503;
	}
}

void lease_explain(const struct lease_call *c, char *out, size_t size)
{
	if (c->rc == STORE_NOT_FOUND)
		snprintf(out, size, "there is no such job; it was never submitted here, or is past its retention");
	else if (c->rc == STORE_STALE)
		snprintf(out, size, "the lease is not, or no longer, the job's: it ran out, the job was cancelled or has ended otherwise. Nothing was changed");
	else
		snprintf(out, size, "the store could not take it: %s", store_rc_text((enum store_rc)c->rc));
}

void lease_put(struct buf *b, const struct lease_call *c)
{
	buf_str(b, "\"id\":");
	job_json_id(b, &c->id);
	if (lease_status(c->rc) != 200)
		return;
	if (c->act == LEASE_EXTEND) {
		buf_str(b, ",\"lease_expires_at\":");
		job_json_time(b, clock_wall_ms() + c->at_ms);
		return;
	}
	buf_printf(b, ",\"state\":\"%s\"", job_state_name(c->act == LEASE_PROGRESS ? JOB_RUNNING : c->state));
	if (c->state == JOB_RETRYING && c->at_ms) {
		buf_str(b, ",\"run_at\":");
		job_json_time(b, c->at_ms);
	}
}
