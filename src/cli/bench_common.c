/* What the kinds of benchmark share: the load, the server's own figures, holding the workers back. Called by bench_*.c. */
#include "cli/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <jansson.h>

#include "os/clock.h"
#include "os/files.h"

#define HOLD_MS 10000                   /* WINCH must be in force by then */
#define HOLD_BLIND_MS 500               /* how long we give it where the segment cannot be seen */

void bench_sleep_ns(int64_t ns)
{
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

void bench_payload(struct buf *out)
{
	for (int i = 0; i < BENCH_PAYLOAD; i++)
		buf_char(out, (char)('a' + i % 26));
}

void bench_job(struct buf *out, const char *type, const char *payload)
{
	buf_printf(out, "{\"type\":\"%s\",\"payload\":", type);
	if (payload) {
		buf_str(out, payload);
	} else {
		buf_char(out, '"');
		for (int i = 0; i < BENCH_PAYLOAD - 2; i++)
			buf_char(out, (char)('a' + i % 26));
		buf_char(out, '"');
	}
	buf_char(out, '}');
}

int bench_members(const struct bench *b, struct buf *job)
{
	json_t *all;

	if (!b->with && !b->priorities)
		return 0;
	job->len--;                     /* the brace comes again */
	if (b->priorities)
		buf_str(job, ",\"priority\":0");
	if (b->with) {
		buf_char(job, ',');
		buf_str(job, b->with);
	}
	buf_char(job, '}');
	all = job->failed ? NULL : json_loadb(job->data, job->len, JSON_REJECT_DUPLICATES, NULL);
	if (!all)
		return cli_fail(EX_USAGE, "--with \"%s\" makes no job of it; it must be members of a JSON object without the braces, such as '\"delay\":\"1h\"'", b->with ? b->with : "");
	json_decref(all);
	return 0;
}

struct shown { struct bench *b; uint64_t jobs; int64_t limit_ms; };

static void show(void *arg, uint64_t done, int64_t elapsed_ns)
{
	struct shown *s = arg;
	double by_jobs = s->jobs ? (double)done / (double)s->jobs : 0;
	double by_time = s->limit_ms ? (double)elapsed_ns / 1e6 / (double)s->limit_ms : 0;

	progress_show(&s->b->progress, by_jobs > by_time ? by_jobs : by_time, done, elapsed_ns);
}

int bench_load(struct bench *b, struct slice job, uint64_t jobs, int64_t limit_ms, const char *what, struct load_result *r)
{
	struct shown s = { b, jobs, limit_ms };
	struct load_plan plan = { .connections = (unsigned)b->connections, .jobs = jobs, .limit_ms = limit_ms, .progress = show, .progress_arg = &s };
	char why[300];
	int code;

	if (b->beanstalkd) {
		if (!net_host_port_parse(b->beanstalkd, &plan.url, why, sizeof(why)))
			return cli_fail(EX_USAGE, "--beanstalkd: %s", why);
		load_beanstalk_prepare(&b->beanstalk, job);
		plan.protocol = &load_beanstalk_put;
		plan.arg = &b->beanstalk;
		plan.name = b->beanstalkd;
	} else {
		load_http_prepare(&b->http, &b->client.url, b->client.token, "/jobs", job);
		plan.url = b->client.url;
		plan.secure = b->client.secure;
		plan.protocol = &load_http;
		plan.arg = &b->http;
		plan.name = b->client.text;
	}
	if (plan.jobs && plan.connections > plan.jobs)
		plan.connections = (unsigned)plan.jobs;
	progress_begin(&b->progress, what, "jobs");
	code = load_run(&plan, r);
	progress_end(&b->progress);
	if (code != 0)
		return cli_fail(code, "%s", r->first_error);
	if (r->done == 0)
		return cli_fail(EX_UNAVAILABLE, "not one job was taken: %s", r->errors ? r->first_error : "no answer came in time");
	return 0;
}

int bench_stats(struct bench *b, struct bench_stats *s)
{
	struct client_call call = { .method = "GET", .target = "/stats" };
	struct slice json;
	int code = client_ask(&b->client, &call);

	if (code != 0) {
		cli_fail(code, "%s", b->client.why);
		goto done;
	}
	json = (struct slice){ call.answer.data, call.answer.len };
	if (!client_number(json, "succeeded_total", &s->succeeded) || !client_number(json, "failed_total", &s->failed) ||
		!client_number(json, "queued", &s->queued) || !client_number(json, "running", &s->running))
		code = cli_fail(EX_PROTOCOL, "%s: /stats does not have the figures of a Stint server", b->client.text);
done:
	buf_free(&call.answer);
	return code;
}

int bench_wait(struct bench *b, const struct bench_stats *base, uint64_t jobs, int64_t every_ms, int64_t begun_ns, int64_t *first_ns)
{
	struct bench_stats s;
	double seen = -1;
	int64_t now, moved_ns = begun_ns;

	*first_ns = 0;
	for (;;) {
		int code = bench_stats(b, &s);
		double done = s.succeeded - base->succeeded;

		if (code != 0)
			return code;
		now = clock_boot_ns();
		if (done > seen) {
			seen = done;
			moved_ns = now;
		}
		if (done > 0 && *first_ns == 0)
			*first_ns = now;
		if (done >= (double)jobs)
			return 0;
		if (now - moved_ns > BENCH_PATIENCE_MS * 1000000LL)
			return cli_fail(EX_TEMPFAIL, "%.0f of %" PRIu64 " jobs are done and no more have been for 30 s; %.0f are queued, %.0f run, %.0f attempts "
				"failed meanwhile. Do the workers run?", done, jobs, s.queued, s.running, s.failed - base->failed);
		progress_show(&b->progress, done / (double)jobs, (uint64_t)(done > 0 ? done : 0), now - begun_ns);
		bench_sleep_ns(every_ms * 1000000);
	}
}

static void view(struct bench *b)
{
	char path[4200];

	if (!b->conf || b->seg.h)
		return;
	snprintf(path, sizeof(path), "%s/status.shm", b->conf->run_dir);
	if (segment_view(&b->seg, path) != 0)
		b->seg.h = NULL;
}

/* Where an address was given the installed conf may be another server's. */
static bool may_look(const struct bench *b)
{
	const char *url = getenv("STINT_URL");

	return b->conf_given || (!b->url && !(url && *url));
}

void bench_look(struct bench *b)
{
	struct conf_report report = { 0 };

	if (!b->conf && may_look(b))
		b->conf = conf_load(b->conf_file ? b->conf_file : cli_conf_file, NULL, &report);
	conf_report_free(&report);
	view(b);
}

void bench_commits_begin(struct bench *b)
{
	if (b->seg.h)
		memcpy(&b->commits, (const void *)b->seg.commit_us, sizeof(b->commits));
}

void bench_commits_report(const struct bench *b, struct report *r)
{
	struct shm_histogram now, grown;

	if (!b->seg.h)
		return;
	memcpy(&now, (const void *)b->seg.commit_us, sizeof(now));
	report_difference(&grown, &b->commits, &now);
	report_count(r, "commits", "commits", grown.count);
	report_histogram(r, "commit", &grown);
}

int bench_master(struct bench *b)
{
	int code = 0;

	if (!b->pid && !may_look(b))
		return cli_fail(EX_USAGE, "whose workers are to be held back? Name the conf of the server at %s with -c FILE, or its master with --pid", b->client.text);
	if (!b->conf && (b->conf_given || !b->pid))
		b->conf = cli_conf(b->conf_file, &code);
	view(b);
	if (b->pid) {
		b->master = (pid_t)b->pid;
		return kill(b->master, 0) == 0 ? 0 : cli_fail(EX_UNAVAILABLE, "--pid %" PRId64 ": %s", b->pid, strerror(errno));
	}
	if (!b->conf)
		return code;
	b->master = pidfile_read(b->conf->pid_file);
	if (b->master > 0)
		return 0;
	b->master = 0;
	return cli_fail(EX_UNAVAILABLE, "no server to be found by the pid file %s; is stintd running? Name its conf with -c FILE, or its master with --pid",
		b->conf->pid_file);
}

static int signal_master(struct bench *b, int sig, const char *name)
{
	if (kill(b->master, sig) == 0)
		return 0;
	return cli_fail(errno == EPERM ? EX_NOPERM : EX_UNAVAILABLE, "cannot send %s to the master %d: %s", name, (int)b->master, strerror(errno));
}

/* A benchmark that is interrupted while it holds the workers back lets go of them first. */
static volatile sig_atomic_t held_master;

static void on_interrupt(int sig)
{
	if (held_master > 0)
		kill((pid_t)held_master, SIGHUP);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void guard(pid_t master)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	held_master = master;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], master ? on_interrupt : SIG_DFL);
}

/* WINCH is in force when the master says so and no worker runs anything. */
static bool held(const struct bench *b)
{
	if (!atomic_load(&b->seg.h->no_claims))
		return false;
	for (uint32_t i = 0; i < b->seg.geo.nproc; i++)
		if (atomic_load(&b->seg.proc[i].role) == SHM_ROLE_WORKER && atomic_load(&b->seg.proc[i].running) > 0)
			return false;
	return true;
}

int bench_hold(struct bench *b)
{
	int64_t until = clock_boot_ns() + HOLD_MS * 1000000LL;
	int code = bench_master(b);

	if (code != 0)
		return code;
	guard(b->master);
	code = signal_master(b, SIGWINCH, "WINCH");
	if (code != 0)
		return code;
	if (!b->seg.h) {
		bench_sleep_ns(HOLD_BLIND_MS * 1000000LL);
		return 0;
	}
	while (!held(b)) {
		if (clock_boot_ns() > until) {
			bench_release(b);
			return cli_fail(EX_TEMPFAIL, "the workers did not stop claiming within 10 s of WINCH; are other jobs running? Try again when the server is idle");
		}
		bench_sleep_ns(1000000);
	}
	return 0;
}

int bench_release(struct bench *b)
{
	int code = held_master ? signal_master(b, SIGHUP, "HUP") : 0;

	guard(0);
	return code;
}
