/* `stint bench latency`: one job at a time on an idle server. To its answer and to its end by our clock; to its start by what the job's
 * record says of it, in milliseconds of the server's clock, which is ours where it runs on this machine; where the shared segment can be seen (-c, or the installed
 * conf) the time in queue in microseconds as well. With --delay all count from the time that the job was due. */
#include "cli/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "os/clock.h"
#include "text/duration.h"

struct found {
	struct shm_histogram submit_us, start_us, done_us;
	double queue_ms_sum, queue_ms_max;
	uint64_t jobs;
};

static bool record_time(struct slice json, const char *member, int64_t *ms)
{
	struct buf text = { 0 };
	bool ok = client_string(json, member, &text) && time_parse((struct slice){ text.data, text.len }, ms);

	buf_free(&text);
	return ok;
}

static int take_record(struct bench *b, struct found *f, struct slice json, int64_t sent_us)
{
	const char *from = b->delay_ms ? "run_at" : "created_at";
	struct buf state = { 0 };
	int64_t due, started;
	int code = 0;

	if (!client_string(json, "state", &state) || strcmp(buf_cstr(&state), "succeeded") != 0) {
		code = cli_fail(EX_UNAVAILABLE, "a job is %s after 10 s; do the workers run, and is there a handler for the type noop?",
			state.len ? buf_cstr(&state) : "in no state");
	} else if (!record_time(json, from, &due) || !record_time(json, "started_at", &started)) {
		code = cli_fail(EX_PROTOCOL, "%s: a job that succeeded has no %s and started_at", b->client.text, from);
	} else {
		double ms = started > due ? (double)(started - due) : 0;

		f->queue_ms_sum += ms;
		f->queue_ms_max = ms > f->queue_ms_max ? ms : f->queue_ms_max;
		f->jobs++;
		sent_us = b->delay_ms ? due * 1000 : sent_us;
		started = started * 1000 + 999;         /* the millisecond's end: rather too long than too short */
		histogram_add(&f->start_us, started > sent_us ? started - sent_us : 0);
	}
	buf_free(&state);
	return code;
}

static int one(struct bench *b, struct found *f, struct slice job)
{
	struct client_call post = { .method = "POST", .target = "/jobs", .body = job }, get = { .method = "GET" };
	struct buf id = { 0 };
	char target[100];
	int64_t begun = clock_boot_ns(), sent_us = clock_wall_us();
	int code = client_ask(&b->client, &post);

	if (code == 0) {
		histogram_add(&f->submit_us, (clock_boot_ns() - begun) / 1000);
		if (!client_string((struct slice){ post.answer.data, post.answer.len }, "id", &id))
			code = cli_fail(EX_PROTOCOL, "%s: the answer to a submission has no id", b->client.text);
	} else {
		cli_fail(code, "%s", b->client.why);
	}
	if (code == 0) {
		snprintf(target, sizeof(target), "/jobs/%s?wait=10s", buf_cstr(&id));
		get.target = target;
		code = client_ask(&b->client, &get);
		if (code != 0)
			cli_fail(code, "%s", b->client.why);
		histogram_add(&f->done_us, (clock_boot_ns() - begun) / 1000);
	}
	if (code == 0)
		code = take_record(b, f, (struct slice){ get.answer.data, get.answer.len }, sent_us);
	buf_free(&id);
	buf_free(&post.answer);
	buf_free(&get.answer);
	return code;
}

static void print(const struct bench *b, const struct found *f, const struct shm_histogram *queue_us)
{
	struct report rep = { 0 };

	report_text(&rep, "bench", "bench", "latency");
	report_text(&rep, "server", "server", b->client.text);
	report_count(&rep, "jobs", "jobs", f->jobs);
	report_histogram(&rep, "submit", &f->submit_us);
	if (queue_us && queue_us->count >= f->jobs)
		report_histogram(&rep, "queue", queue_us);
	report_histogram(&rep, "start", &f->start_us);
	report_number(&rep, "record_queue_avg_ms", "record: avg queue ms", f->queue_ms_sum / (double)f->jobs, 3);
	report_number(&rep, "record_queue_max_ms", "record: max queue ms", f->queue_ms_max, 0);
	report_histogram(&rep, "done", &f->done_us);
	bench_commits_report(b, &rep);
	report_print(&rep, b->json);
}

int bench_latency(struct bench *b)
{
	struct shm_histogram before, after, queue_us;
	struct found f = { 0 };
	struct buf job = { 0 };
	int64_t begun;
	int code = 0;

	bench_look(b);          /* without a segment the record's milliseconds have to do */
	bench_commits_begin(b);
	if (b->seg.h)
		memcpy(&before, (const void *)b->seg.queue_us, sizeof(before));
	b->client.keep = true;
	bench_job(&job, "noop", NULL);
	if (b->delay_ms) {
		job.len--;      /* its closing brace */
		buf_printf(&job, ",\"delay\":\"%" PRId64 "ms\"}", b->delay_ms);
	}
	progress_begin(&b->progress, "one at a time", "jobs");
	begun = clock_boot_ns();
	for (int64_t i = 0; i < b->jobs && code == 0; i++) {
		code = one(b, &f, (struct slice){ job.data, job.len });
		progress_show(&b->progress, (double)i / (double)b->jobs, (uint64_t)i, clock_boot_ns() - begun);
	}
	progress_end(&b->progress);
	if (b->seg.h) {
		memcpy(&after, (const void *)b->seg.queue_us, sizeof(after));
		report_difference(&queue_us, &before, &after);
	}
	if (code == 0)
		print(b, &f, b->seg.h ? &queue_us : NULL);
	buf_free(&job);
	return code;
}
