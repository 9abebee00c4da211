/* `stint show --follow`: one stream after the other, each of one attempt. Called by show.c.
 *
 * A stream that breaks off, since its acceptor or the whole server went away, is asked for again; the server begins it anew, so as many bytes as were written already are passed over. */
#include "cli/job_follow.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/job_ask.h"
#include "os/clock.h"

#define AWAY_NS (60 * 1000000000LL)     /* how long the server may be away while we follow */
#define AGAIN_MS 300

struct follow {
	struct client *client;
	const char *id;
	struct log_out *out;            /* out->attempt: the one that is streamed */
	uint32_t attempts, done;        /* of the job as it was last seen; the last one whose log is whole */
	bool running, final;
	uint64_t written;               /* bytes of this attempt's log */
	uint64_t pass;                  /* of them still to come again */
	int64_t away_ns;                /* since when nobody has answered; 0: somebody has */
};

static void take(void *arg, struct slice bytes)
{
	struct follow *f = arg;
	size_t skip = bytes.n < f->pass ? bytes.n : (size_t)f->pass;
	struct buf text = { 0 };

	if (f->done && !f->written && f->out->form != LOG_OUT_JSON)
		fprintf(stderr, "stint: attempt %u\n", f->out->attempt);
	f->pass -= skip;
	bytes = (struct slice){ bytes.p + skip, bytes.n - skip };
	f->written += bytes.n;
	f->away_ns = 0;
	log_out_add(f->out, bytes, &text);
	cli_out(&text);
	fflush(stdout);
	buf_free(&text);
}

/* The attempt's log is whole. */
static void over(struct follow *f)
{
	struct buf text = { 0 };

	log_out_end(f->out, &text);
	cli_out(&text);
	fflush(stdout);
	buf_free(&text);
	f->written = 0;
	f->done = f->out->attempt;
}

static void pause_ms(int64_t ms)
{
	const struct timespec pause = { .tv_nsec = ms * 1000000 };

	nanosleep(&pause, NULL);
}

/* True: it is worth asking again, after a while. */
static bool away(struct follow *f, int code)
{
	int64_t now = clock_boot_ns();

	if (code != EX_UNAVAILABLE && code != EX_TEMPFAIL)
		return false;
	if (f->away_ns == 0)
		f->away_ns = now;
	if (now - f->away_ns > AWAY_NS)
		return false;
	pause_ms(AGAIN_MS);
	return true;
}

static int look(struct follow *f, struct buf *job)
{
	int code = job_ask(f->client, f->id, "", job);
	json_t *root = code ? NULL : json_loadb(job->data, job->len, 0, NULL);
	const char *state = json_string_value(json_object_get(root, "state"));

	if (code == 0) {
		f->attempts = (uint32_t)json_integer_value(json_object_get(root, "attempts"));
		f->running = state && strcmp(state, "running") == 0;
		f->final = job_ask_is_final(job);
	}
	json_decref(root);
	return code;
}

/* At first the one that runs, the next one of a job that is to run, the last one of a job that has ended; then one after the other. */
static uint32_t next_attempt(const struct follow *f)
{
	if (f->done)
		return f->done + 1;
	return f->running || f->final ? f->attempts : f->attempts + 1;
}

/* The log of one attempt to its end. 0, or an exit code with why. */
static int stream(struct follow *f)
{
	struct client_call call = { .method = "GET", .timeout_ms = CLIENT_STREAM, .take = take, .arg = f };
	char target[160];

	snprintf(target, sizeof(target), "/jobs/%s/log?follow=1&attempt=%u", f->id, f->out->attempt);
	call.target = target;
	f->pass = f->written;
	int code = client_ask(f->client, &call);
	if (code == EX_NOINPUT && call.status == 404)   /* a job that ended without that attempt, or a log that is not kept any more */
		code = 0;
	buf_free(&call.answer);
	return code;
}

int job_follow(struct client *c, const char *id, struct log_out *out, struct buf *job)
{
	struct follow f = { .client = c, .id = id, .out = out };
	bool whole = false, broken = false;     /* how the last stream ended; at first neither */
	int code;

	for (;;) {
		code = look(&f, job);
		if (code == 0 && whole && f.attempts >= out->attempt)
			over(&f);
		else if (code == 0 && whole && !f.final)
			pause_ms(AGAIN_MS);     /* a server that drains ends those who wait for an attempt */
		if (code == 0 && f.final && f.attempts <= f.done)
			return 0;
		if (code == 0) {
			if (!broken)
				out->attempt = next_attempt(&f);
			code = stream(&f);
			whole = code == 0;
			broken = !whole;
			f.away_ns = whole ? 0 : f.away_ns;
		}
		if (code != 0 && !away(&f, code))
			return code;
	}
}
