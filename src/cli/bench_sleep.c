/* `stint bench sleep`: W jobs at once of T ms each against the ideal, N / W x T. The times are the server's own, from the jobs' records: from the
 * first
 * start to the last end. */
#include "cli/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "os/clock.h"
#include "text/duration.h"
#include "text/uuid.h"

#define WAVES 25                        /* of W jobs, where --jobs does not say otherwise */
#define SAMPLE_MS 20

struct ids { char (*v)[UUID_TEXT_BYTES]; uint64_t n, room; };

static void remember(void *arg, struct slice body)
{
	struct ids *ids = arg;
	struct buf id = { 0 };

	if (ids->n < ids->room && client_string(body, "id", &id) && id.len == UUID_TEXT_BYTES - 1)
		memcpy(ids->v[ids->n++], buf_cstr(&id), UUID_TEXT_BYTES);
	buf_free(&id);
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, UUID_TEXT_BYTES);
}

/* A time member of the job `id`, wall-clock ms. */
static int job_time(struct bench *b, const char *id, const char *member, int64_t *ms)
{
	struct client_call call = { .method = "GET" };
	char target[80];
	struct buf text = { 0 };
	int code;

	snprintf(target, sizeof(target), "/jobs/%s", id);
	call.target = target;
	code = client_ask(&b->client, &call);
	if (code != 0)
		cli_fail(code, "%s", b->client.why);
	else if (!client_string((struct slice){ call.answer.data, call.answer.len }, member, &text) || !time_parse((struct slice){ text.data, text.len }, ms))
		code = cli_fail(EX_PROTOCOL, "job %s has no %s; did it succeed?", id, member);
	buf_free(&text);
	buf_free(&call.answer);
	return code;
}

/* Ids grow with the order of submission, and so do starts and ends up to one wave: the first and the last two waves hold the extremes. */
static int span(struct bench *b, struct ids *ids, int64_t *from_ms, int64_t *to_ms)
{
	uint64_t wave = (uint64_t)b->at_once < ids->n ? (uint64_t)b->at_once : ids->n, last = 2 * wave < ids->n ? 2 * wave : ids->n;
	int code = 0;

	qsort(ids->v, ids->n, sizeof(ids->v[0]), by_id);
	*from_ms = INT64_MAX;
	*to_ms = 0;
	for (uint64_t i = 0; i < wave && code == 0; i++) {
		int64_t ms = 0;

		code = job_time(b, ids->v[i], "started_at", &ms);
		*from_ms = code == 0 && ms < *from_ms ? ms : *from_ms;
	}
	for (uint64_t i = ids->n - last; i < ids->n && code == 0; i++) {
		int64_t ms = 0;

		code = job_time(b, ids->v[i], "finished_at", &ms);
		*to_ms = ms > *to_ms ? ms : *to_ms;
	}
	return code;
}

static void print(const struct bench *b, int64_t ms)
{
	double jobs = (double)b->jobs, waves = (double)((b->jobs + b->at_once - 1) / b->at_once);
	double ideal_s = waves * (double)b->sleep_ms / 1e3, seconds = (double)(ms > 0 ? ms : 1) / 1e3;
	struct report rep = { 0 };

	report_text(&rep, "bench", "bench", "sleep");
	report_text(&rep, "server", "server", b->client.text);
	report_count(&rep, "at_once", "jobs at once", (uint64_t)b->at_once);
	report_count(&rep, "job_ms", "each sleeps ms", (uint64_t)b->sleep_ms);
	report_count(&rep, "jobs", "jobs", (uint64_t)b->jobs);
	report_number(&rep, "seconds", "seconds", seconds, 3);
	report_number(&rep, "ideal_seconds", "ideal seconds", ideal_s, 3);
	report_number(&rep, "jobs_per_s", "jobs/s", jobs / seconds, 1);
	report_number(&rep, "ideal_jobs_per_s", "ideal jobs/s", jobs / ideal_s, 1);
	report_number(&rep, "percent_of_ideal", "% of the ideal", 100 * ideal_s / seconds, 1);
	bench_commits_report(b, &rep);
	report_print(&rep, b->json);
}

static int measure(struct bench *b, struct ids *ids)
{
	struct bench_stats base;
	struct load_result loaded;
	struct buf job = { 0 };
	char payload[40];
	int64_t first, from, to, begun;
	int code = bench_stats(b, &base);

	if (code != 0)
		return code;
	snprintf(payload, sizeof(payload), "{\"ms\":%" PRId64 "}", b->sleep_ms);
	bench_job(&job, "sleep", payload);
	b->http.body_fn = remember;
	b->http.arg = ids;
	code = bench_load(b, (struct slice){ job.data, job.len }, (uint64_t)b->jobs, 0, "submitting", &loaded);
	buf_free(&job);
	if (code != 0)
		return code;
	if (loaded.errors || ids->n != (uint64_t)b->jobs)
		return cli_fail(EX_UNAVAILABLE, "only %" PRIu64 " of %" PRId64 " jobs were taken: %s", ids->n, b->jobs,
			loaded.errors ? loaded.first_error : "the others had no id");
	bench_commits_begin(b);
	begun = clock_boot_ns();
	code = bench_release(b);
	progress_begin(&b->progress, "sleeping", "jobs");
	if (code == 0)
		code = bench_wait(b, &base, (uint64_t)b->jobs, SAMPLE_MS, begun, &first);
	progress_end(&b->progress);
	if (code == 0)
		code = span(b, ids, &from, &to);
	if (code == 0)
		print(b, to - from);
	return code;
}

int bench_sleep(struct bench *b)
{
	struct ids ids = { 0 };
	int code = bench_hold(b);

	if (code != 0)
		return code;
	if (!b->at_once_given && b->conf)
		b->at_once = (int64_t)(b->conf->worker_processes * b->conf->worker_jobs);
	if (b->at_once == 0) {
		code = cli_fail(EX_USAGE, "how many jobs does the server run at once? Say --at-once W, or name its conf with -c FILE");
		goto done;
	}
	if (!b->jobs_given)
		b->jobs = WAVES * b->at_once;
	ids.room = (uint64_t)b->jobs;
	ids.v = calloc(ids.room, sizeof(ids.v[0]));
	code = ids.v ? measure(b, &ids) : cli_fail(EX_OSERR, "there is no memory for %" PRId64 " job ids", b->jobs);
	free(ids.v);
done:
	bench_release(b);
	return code;
}
