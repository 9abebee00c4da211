/* The handlers that need no program: noop, print, sleep, fail; for trying out and for benchmarks. The worker calls them through run_builtin.
 * All but sleep end within start(). Nothing here is fatal: a payload that makes no sense fails the job for good. */
#include "run/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "os/clock.h"
#include "os/log.h"
#include "run/output.h"
#include "text/uuid.h"

#define PRINT_MAX 1024u                 /* of a payload in the log */
#define SLEEP_MAX_MS 86400000LL
#define MS 1000000LL

struct instant {                        /* an attempt that ends where it begins */
	int64_t began_ns;
	struct run_result r;
};

static void begin(struct instant *i, struct run_host *h, struct run_task *t)
{
	run_result_init(&i->r);
	i->r.outcome = JOB_OUTCOME_SUCCEEDED;
	i->r.started_ms = clock_wall_ms();
	i->began_ns = clock_boot_ns();
	h->started(h->arg, t);
}

static void end(struct instant *i, struct run_host *h, struct run_task *t)
{
	i->r.duration_us = (clock_boot_ns() - i->began_ns) / 1000;
	h->ended(h->arg, t, &i->r);
	run_result_free(&i->r);
}

static void noop(struct run_host *h, struct run_task *t)
{
	struct instant i;

	begin(&i, h, t);
	end(&i, h, t);
}

/* --- print: the log escapes what would not fit into a line --- */

static void print(struct run_host *h, struct run_task *t)
{
	char text[PRINT_MAX + 1], id[UUID_TEXT_BYTES];
	struct instant i;

	begin(&i, h, t);
	if (log_enabled(LOG_LEVEL_INFO)) {
		uuid_format(t->id.b, id);
		output_copy((struct slice){ t->payload, t->payload_len }, text, sizeof(text));
		log_write(LOG_LEVEL_INFO, &(struct log_job){ .id = id, .type = t->type, .queue = t->queue, .attempt = t->attempt, .duration_us = -1 },
			  "%s%s", text, t->payload_len > PRINT_MAX ? "..." : "");
	}
	end(&i, h, t);
}

/* --- fail --- */

static json_t *payload_of(const struct run_task *t)
{
	return json_loadb(t->payload ? t->payload : "", t->payload_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static void fail(struct run_host *h, struct run_task *t)
{
	struct instant i;

	begin(&i, h, t);
	json_t *j = payload_of(t);
	const json_t *message = json_object_get(j, "message");
	struct slice text = { json_string_value(message), json_string_length(message) };
	output_copy(text.n ? text : SLICE("failed, as asked for"), i.r.error, sizeof(i.r.error));
	i.r.outcome = JOB_OUTCOME_FAILED;
	i.r.no_retry = json_is_true(json_object_get(j, "permanent"));
	json_decref(j);
	end(&i, h, t);
}

/* --- sleep --- */

struct nap {
	struct run_base base;
	struct loop_timer timer;
	int64_t began_ns, began_ms;
	bool too_long;                  /* its time limit comes first */
};

static void nap_end(struct nap *n, enum job_outcome outcome, const char *error)
{
	struct run_host *h = n->base.host;
	struct run_task *t = n->base.task;
	struct run_result r;

	run_result_init(&r);
	r.outcome = outcome;
	r.started_ms = n->began_ms;
	r.duration_us = (clock_boot_ns() - n->began_ns) / 1000;
	if (outcome == JOB_OUTCOME_TIMED_OUT)
		run_timed_out(t, &r);
	else
		output_copy(slice_of(error), r.error, sizeof(r.error));
	loop_timer_stop(h->loop, &n->timer);
	free(n);
	h->ended(h->arg, t, &r);
	run_result_free(&r);
}

static void nap_fired(struct loop_timer *timer)
{
	struct nap *n = LOOP_OWNER(timer, struct nap, timer);

	nap_end(n, n->too_long ? JOB_OUTCOME_TIMED_OUT : JOB_OUTCOME_SUCCEEDED, "");
}

/* What is wrong with a payload of sleep; NULL where nothing is. */
static const char *nap_length(const struct run_task *t, int64_t *ms)
{
	json_t *j = payload_of(t);
	const json_t *value = json_object_get(j, "ms");
	const char *wrong = NULL;

	if (!json_is_object(j))
		wrong = "it is no JSON object";
	else if (!value)
		wrong = "it has no \"ms\"";
	else if (!json_is_integer(value))
		wrong = "\"ms\" is not a whole number";
	else if (json_integer_value(value) < 0 || json_integer_value(value) > SLEEP_MAX_MS)
		wrong = "\"ms\" is out of range";
	else
		*ms = json_integer_value(value);
	json_decref(j);
	return wrong;
}

static void nap_refuse(struct run_host *h, struct run_task *t, const char *wrong)
{
	struct instant i;

	begin(&i, h, t);
	i.r.outcome = JOB_OUTCOME_FAILED;
	i.r.no_retry = true;
	snprintf(i.r.error, sizeof(i.r.error), "sleep takes {\"ms\": N} with N from 0 to %lld, not this payload: %s", SLEEP_MAX_MS, wrong);
	end(&i, h, t);
}

static void nap_start(struct run_host *h, struct run_task *t, struct run_attempt **out)
{
	int64_t ms = 0;
	const char *wrong = nap_length(t, &ms);

	if (wrong) {
		nap_refuse(h, t, wrong);
		return;
	}
	struct nap *n = calloc(1, sizeof(*n));
	if (!n) {
		run_no_memory(h, t);
		return;
	}
	n->base = (struct run_base){ h, t };
	n->began_ns = clock_boot_ns();
	n->began_ms = clock_wall_ms();
	n->timer.fire = nap_fired;
	n->too_long = t->timeout_ms > 0 && t->timeout_ms < ms;
	*out = (struct run_attempt *)(void *)n;
	h->started(h->arg, t);
	run_timer(h->loop, &n->timer, n->too_long ? t->timeout_ms : ms);
}

/* --- the kind --- */

static void builtin_start(struct run_host *h, struct run_task *t, struct run_attempt **out)
{
	static void (*const instant[])(struct run_host *h, struct run_task *t) = {
		[CONF_BUILTIN_NOOP] = noop, [CONF_BUILTIN_PRINT] = print, [CONF_BUILTIN_FAIL] = fail,
	};

	*out = NULL;
	if (t->handler->builtin == CONF_BUILTIN_SLEEP)
		nap_start(h, t, out);
	else
		instant[t->handler->builtin](h, t);
}

static void builtin_stop(struct run_host *h, struct run_attempt *a, enum run_stop how, int64_t grace_ms)
{
	(void)h;
	(void)grace_ms;
	if (how == RUN_STOP_CANCEL)
		nap_end((struct nap *)(void *)a, JOB_OUTCOME_CANCELLED, "cancelled while it ran");
	else
		nap_end((struct nap *)(void *)a, JOB_OUTCOME_RELEASED, "ended because the server stops");
}

const struct run_kind run_builtin = { .name = "builtin", .start = builtin_start, .stop = builtin_stop };
