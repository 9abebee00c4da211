/* `stint bench submit`: how many durable submissions a second. */
#include "cli/bench.h"

#include <sysexits.h>

static void print(const struct bench *b, const struct load_result *r)
{
	struct report rep = { 0 };

	report_text(&rep, "bench", "bench", "submit");
	report_text(&rep, "server", "server", b->beanstalkd ? b->beanstalkd : b->client.text);
	report_count(&rep, "connections", "connections", (uint64_t)b->connections);
	report_number(&rep, "seconds", "seconds", (double)r->elapsed_ns / 1e9, 3);
	report_count(&rep, "jobs", "jobs", r->done);
	report_count(&rep, "errors", "errors", r->errors);
	report_number(&rep, "jobs_per_s", "jobs/s", (double)r->done * 1e9 / (double)r->elapsed_ns, 1);
	report_histogram(&rep, "submit", &r->us);
	if (!b->beanstalkd)
		bench_commits_report(b, &rep);
	if (r->errors)
		report_text(&rep, "first_error", "first error", r->first_error);
	report_print(&rep, b->json);
}

int bench_submit(struct bench *b)
{
	struct buf job = { 0 };
	struct load_result r;
	int64_t limit_ms = b->jobs_given && !b->limit_given ? 0 : b->limit_ms;
	bool hold = b->hold && !b->beanstalkd;
	int code = 0, released = 0;

	if (b->beanstalkd)
		bench_payload(&job);
	else
		bench_job(&job, "noop", NULL);
	if (!b->beanstalkd)
		code = bench_members(b, &job);
	if (code == 0 && hold)
		code = bench_hold(b);
	if (code != 0)
		goto done;
	b->http.priorities = (unsigned)b->priorities;
	b->http.numbered = b->with != NULL;
	if (!b->beanstalkd)
		bench_look(b);
	bench_commits_begin(b);
	code = bench_load(b, (struct slice){ job.data, job.len }, (uint64_t)b->jobs, limit_ms, "submitting", &r);
	if (hold)
		released = bench_release(b);
	if (code == 0)
		print(b, &r);
	if (code == 0 && r.errors)
		code = EX_UNAVAILABLE;
done:
	buf_free(&job);
	return code ? code : released;
}
