/* `stint bench drain`: how fast a backlog of no-op jobs is worked off. The workers are held back while it is submitted, so the figure is theirs
 * alone. */
#include "cli/bench.h"

#include <inttypes.h>
#include <sysexits.h>

#include "os/clock.h"

#define SAMPLE_MS 5
#define PEER_CONNECTIONS 100            /* beanstalkd's workers are connections of ours */

/* first_ns 0: of a peer, whose workers we are ourselves. */
static void print(const struct bench *b, const struct load_result *loaded, uint64_t jobs, int64_t ns, int64_t first_ns)
{
	struct report rep = { 0 };

	report_text(&rep, "bench", "bench", "drain");
	report_text(&rep, "server", "server", b->beanstalkd ? b->beanstalkd : b->client.text);
	report_count(&rep, "jobs", "jobs", jobs);
	report_number(&rep, "seconds", "seconds", (double)ns / 1e9, 3);
	report_number(&rep, "jobs_per_s", "jobs/s", (double)jobs * 1e9 / (double)ns, 1);
	if (first_ns)
		report_number(&rep, "first_done_ms", "first done after ms", (double)first_ns / 1e6, 1);
	report_number(&rep, "submitted_per_s", "submitted/s before", (double)loaded->done * 1e9 / (double)loaded->elapsed_ns, 1);
	if (first_ns)
		bench_commits_report(b, &rep);
	report_print(&rep, b->json);
}

static int load_all(struct bench *b, struct slice job, struct load_result *r)
{
	int code = bench_load(b, job, (uint64_t)b->jobs, 0, "submitting", r);

	if (code == 0 && (r->errors || r->done != (uint64_t)b->jobs))
		code = cli_fail(EX_UNAVAILABLE, "only %" PRIu64 " of %" PRId64 " jobs were taken: %s", r->done, b->jobs, r->first_error);
	return code;
}

/* Works off what was put into a beanstalkd: every connection reserves a job, deletes it, reserves the next. */
static int drain_peer(struct bench *b, struct load_result *drained)
{
	struct load_plan plan = {
		.protocol = &load_beanstalk_drain, .arg = &b->beanstalk, .name = b->beanstalkd, .connections = PEER_CONNECTIONS, .jobs = (uint64_t)b->jobs,
	};
	char why[300];
	int code;

	if (plan.connections > plan.jobs)
		plan.connections = (unsigned)plan.jobs;
	if (!net_host_port_parse(b->beanstalkd, &plan.url, why, sizeof(why)))
		return cli_fail(EX_USAGE, "--beanstalkd: %s", why);
	code = load_run(&plan, drained);
	if (code != 0 || drained->errors)
		return cli_fail(code ? code : EX_UNAVAILABLE, "%s", drained->first_error);
	return 0;
}

static int peer(struct bench *b)
{
	struct load_result loaded, drained;
	struct buf payload = { 0 };
	int code;

	bench_payload(&payload);
	code = load_all(b, (struct slice){ payload.data, payload.len }, &loaded);
	if (code == 0)
		code = drain_peer(b, &drained);
	if (code == 0)
		print(b, &loaded, drained.done, drained.elapsed_ns, 0);
	buf_free(&payload);
	return code;
}

/* From the release to the last job. What was done before it (a claim that was under way when WINCH came) does not count. */
static int measure(struct bench *b, const struct bench_stats *before, const struct load_result *loaded)
{
	struct bench_stats base;
	int64_t begun, first;
	uint64_t jobs;
	int code = bench_stats(b, &base);

	if (code != 0)
		return code;
	jobs = (uint64_t)b->jobs - (uint64_t)(base.succeeded - before->succeeded);
	if (jobs == 0 || jobs > (uint64_t)b->jobs)
		return cli_fail(EX_UNAVAILABLE, "the workers did not wait: nothing is left to be measured. Is another master meant by --pid or -c?");
	bench_commits_begin(b);
	begun = clock_boot_ns();
	code = bench_release(b);
	progress_begin(&b->progress, "draining", "jobs");
	if (code == 0)
		code = bench_wait(b, &base, jobs, SAMPLE_MS, begun, &first);
	progress_end(&b->progress);
	if (code == 0)
		print(b, loaded, jobs, clock_boot_ns() - begun, first - begun);
	return code;
}

int bench_drain(struct bench *b)
{
	struct bench_stats before;
	struct load_result loaded;
	struct buf job = { 0 };
	int code;

	if (b->beanstalkd)
		return peer(b);
	code = bench_hold(b);
	if (code != 0)
		return code;
	bench_job(&job, "noop", NULL);
	code = bench_stats(b, &before);
	if (code == 0)
		code = load_all(b, (struct slice){ job.data, job.len }, &loaded);
	if (code == 0)
		code = measure(b, &before, &loaded);
	buf_free(&job);
	bench_release(b);
	return code;
}
