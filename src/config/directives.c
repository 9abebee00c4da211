/* The directive table: every option of the conf, once. lex and parse know syntax, value.c knows types, this file knows names; conf/stint.conf, the manual
 * page, conf_dump() and the overrides from the environment are all held to it. Nothing here can fail. */
#include "config/internal.h"

#include <string.h>

#include "text/duration.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define SECOND INT64_C(1000)
#define DAY (24 * 3600 * SECOND)
#define MANY INT64_C(1000000000000)

#define R CONF_RESTART
#define LATER CONF_LATER
#define FILLED CONF_FILLED

#define MAIN(n, t, def, lo, hi, fl, doc) { CONF_MAIN, #n, t, def, lo, hi, fl, offsetof(struct conf, n), NULL, 0, doc }
#define HTTP(n, t, def, lo, hi, fl, doc) { CONF_HTTP, #n, t, def, lo, hi, fl, offsetof(struct conf_http, n), NULL, 0, doc }
#define STORE(n, t, def, lo, hi, fl, doc) { CONF_STORE, #n, t, def, lo, hi, fl, offsetof(struct conf_store, n), NULL, 0, doc }
#define QUEUE(n, t, def, lo, hi, fl, doc) { CONF_QUEUE, #n, t, def, lo, hi, fl, offsetof(struct conf_queue, n), NULL, 0, doc }
#define HANDLER(n, t, def, lo, hi, fl, doc) { CONF_HANDLER, #n, t, def, lo, hi, fl, offsetof(struct conf_handler, n), NULL, 0, doc }
#define KIND(n, t, kind, names, fl, doc) { CONF_HANDLER, #n, t, NULL, 0, 0, (fl) | CONF_KIND, offsetof(struct conf_handler, n), names, kind, doc }
#define SCHEDULE(n, t, def, fl, names, doc) { CONF_SCHEDULE, #n, t, def, 0, 0, fl, offsetof(struct conf_schedule, n), names, 0, doc }

static const char *const level_names[] = { "debug", "info", "warn", "error", NULL };
static const char *const format_names[] = { "text", "json", NULL };
static const char *const sync_names[] = { "full", "delayed", NULL };
static const char *const unknown_names[] = { "reject", "accept", NULL };
static const char *const builtin_names[] = { "noop", "print", "sleep", "fail", NULL };
static const char *const missed_names[] = { "once", "all", "skip", NULL };

const struct section sections[CONF_SECTIONS] = {
	[CONF_MAIN] = { "", false },
	[CONF_HTTP] = { "http", false },
	[CONF_STORE] = { "store", false },
	[CONF_QUEUE] = { "queue", true },
	[CONF_HANDLER] = { "handler", true },
	[CONF_SCHEDULE] = { "schedule", true },
	[CONF_METRICS] = { "metrics", false },
};

const struct directive directives[] = {
	MAIN(worker_processes, CONF_AUTO, "auto", 1, 256, 0, "worker processes; auto is one a processor"),
	MAIN(worker_jobs, CONF_UINT, "16", 1, 4096, 0, "jobs each worker runs at once"),
	MAIN(user, CONF_STRING, "stint", 0, 0, R, "the user to become when started as root; empty: stay root"),
	MAIN(group, CONF_STRING, "stint", 0, 0, R, "the group to become when started as root; empty: the user's own"),
	MAIN(pid_file, CONF_PATH, "/run/stint/stintd.pid", 0, 0, R | FILLED, "where the master's process id stands"),
	MAIN(run_dir, CONF_PATH, "/run/stint", 0, 0, R | FILLED, "directory of the shared status segment and the locks"),
	MAIN(log, CONF_LOG, "stderr", 0, 0, FILLED, "stderr, syslog, or a path"),
	{ CONF_MAIN, "log_level", CONF_CHOICE, "info", 0, 0, 0, offsetof(struct conf, log_level), level_names, 0, "the least severe lines that are logged" },
	{ CONF_MAIN, "log_format", CONF_CHOICE, "text", 0, 0, 0, offsetof(struct conf, log_format), format_names, 0, "text for people, json for programs" },
	MAIN(drain_timeout, CONF_DURATION, "30s", 0, DAY, 0, "how long running jobs may finish when the server is asked to end"),
	MAIN(watchdog, CONF_DURATION, "10s", 2 * SECOND, DAY, 0, "a process whose heartbeat stands still this long is killed"),
	MAIN(environment_file, CONF_PATH, "", 0, 0, 0, "file of NAME=VALUE lines for ${NAME} and the STINT_ overrides"),
	{ CONF_MAIN, "unknown_types", CONF_CHOICE, "reject", 0, 0, 0, offsetof(struct conf, unknown_types), unknown_names, 0,
		"what to do with a job whose type has no handler" },

	{ CONF_HTTP, "listen", CONF_LIST, "127.0.0.1:8080", 0, 0, FILLED, offsetof(struct conf_http, listen_text), NULL, 0,
		"addresses to listen on: IPv4:PORT, [IPv6]:PORT or unix:PATH, with ' tls' behind it for TLS" },
	HTTP(max_body, CONF_SIZE, "1M", 1 * KIB, 1 * GIB, 0, "the largest request body, and so payload"),
	HTTP(max_header, CONF_SIZE, "16K", 1 * KIB, 1 * MIB, 0, "the largest request line and header fields together"),
	HTTP(max_connections, CONF_UINT, "4096", 1, 1000000, 0, "connections open at once"),
	HTTP(header_timeout, CONF_DURATION, "10s", 1, DAY, 0, "how long a client may take to send a request's header"),
	HTTP(body_timeout, CONF_DURATION, "30s", 1, DAY, 0, "how long a client may take between two pieces of a body"),
	HTTP(idle_timeout, CONF_DURATION, "75s", 1, DAY, 0, "how long a kept connection may stay idle"),
	HTTP(write_timeout, CONF_DURATION, "30s", 1, DAY, 0, "how long a client may take no byte of an answer"),
	HTTP(token_file, CONF_PATH, "", 0, 0, 0, "file of access tokens: `stint token` makes its lines; without it everything is open to whoever may connect"),
	HTTP(hosts, CONF_LIST, "", 0, 0, 0, "Host names answered to, besides localhost and addresses"),
	HTTP(tls_certificate, CONF_PATH, "", 0, 0, 0, "certificate chain of the tls listeners"),
	HTTP(tls_key, CONF_PATH, "", 0, 0, 0, "private key of the tls listeners"),
	HTTP(submit_rate, CONF_RATE, "0", 0, MANY, 0, "submissions a client may make, such as 1000/s; 0 is no limit"),

	STORE(path, CONF_PATH, "/var/lib/stint", 0, 0, R | FILLED, "directory of the embedded store"),
	STORE(url, CONF_STRING, "", 0, 0, R | LATER, "a database server instead of path, for several hosts"),
	{ CONF_STORE, "sync", CONF_CHOICE, "full", 0, 0, R | LATER, offsetof(struct conf_store, sync), sync_names, 0,
		"full: a submission is answered when it is on stable storage" },
	STORE(sync_interval, CONF_DURATION, "20ms", 1, 60 * SECOND, 0, "with sync = delayed: time between two syncs"),
	STORE(map_size, CONF_SIZE, "64G", 32 * MIB, 64 * TIB, R, "the most the store may grow to: address space, not disk"),
	STORE(min_free, CONF_SIZE, "256M", 0, 64 * TIB, 0, "with less free disk than this submissions are refused, all else goes on"),
	STORE(max_queued, CONF_UINT, "1000000", 0, MANY, 0, "waiting jobs in all queues, beyond which submissions get 429; 0 is no limit"),
	STORE(retain_succeeded, CONF_DURATION, "1d", 0, DURATION_LIMIT_MS, 0, "how long succeeded jobs are kept; 0 is for ever"),
	STORE(retain_failed, CONF_DURATION, "30d", 0, DURATION_LIMIT_MS, 0, "how long dead, cancelled and expired jobs are kept; 0 is for ever"),
	STORE(retain_count, CONF_UINT, "1000000", 0, MANY, 0, "how many ended jobs are kept at most; 0 is no limit"),
	STORE(idempotency_window, CONF_DURATION, "24h", 0, DURATION_LIMIT_MS, 0, "how long an idempotency key is remembered"),
	STORE(idempotency_max, CONF_UINT, "4000000", 0, 1000000000, 0, "how many idempotency keys are remembered at most"),

	QUEUE(weight, CONF_UINT, "1", 1, 1000000, 0, "share of turns among the queues that have work"),
	QUEUE(concurrency, CONF_UINT, "0", 0, 1000000, 0, "jobs of the queue that run at once; 0 is no limit"),
	QUEUE(rate, CONF_RATE, "0", 0, MANY, 0, "jobs of the queue that start, such as 100/s; 0 is no limit"),
	QUEUE(priority_aging, CONF_DURATION, "1m", 0, DURATION_LIMIT_MS, 0, "waiting time that is worth one priority; 0: strict priorities"),
	QUEUE(max_queued, CONF_UINT, "0", 0, MANY, 0, "waiting jobs of the queue, beyond which submissions get 429; 0 is no limit"),

	KIND(exec, CONF_LIST, CONF_HANDLER_EXEC, NULL, 0, "program and arguments, started for each attempt without a shell"),
	KIND(coprocess, CONF_LIST, CONF_HANDLER_COPROCESS, NULL, 0, "program and arguments that stay and take job after job"),
	KIND(url, CONF_STRING, CONF_HANDLER_HTTP, NULL, 0, "address the payload is posted to"),
	KIND(smtp, CONF_STRING, CONF_HANDLER_SMTP, NULL, 0, "mail server that the payload is sent through"),
	KIND(builtin, CONF_CHOICE, CONF_HANDLER_BUILTIN, builtin_names, 0, "a handler of the server's own: noop, print, sleep or fail"),
	KIND(remote, CONF_BOOL, CONF_HANDLER_REMOTE, NULL, 0, "run by workers on other machines alone"),
	HANDLER(queue, CONF_STRING, "default", 1, 128, FILLED, "queue of jobs that name none"),
	HANDLER(timeout, CONF_DURATION, "30s", 0, DURATION_LIMIT_MS, 0, "limit of one attempt; 0 is no limit"),
	HANDLER(kill_grace, CONF_DURATION, "5s", 0, DAY, 0, "from SIGTERM to SIGKILL"),
	HANDLER(max_retries, CONF_UINT, "3", 0, 1000, 0, "attempts after the first, for jobs that do not say"),
	HANDLER(max_crashes, CONF_UINT, "10", 1, 1000, 0, "attempts lost with a worker before the job is given up"),
	HANDLER(backoff_base, CONF_DURATION, "1s", 0, DURATION_LIMIT_MS, 0, "pause after the first failure"),
	HANDLER(backoff_factor, CONF_REAL, "2", 1, 1000, 0, "each further pause is so many times the one before"),
	HANDLER(backoff_max, CONF_DURATION, "1048576s", 0, DURATION_LIMIT_MS, 0, "the longest pause"),
	HANDLER(backoff_jitter, CONF_UINT, "25", 0, 100, 0, "percent by which a pause varies at random"),
	HANDLER(concurrency, CONF_UINT, "0", 0, 1000000, 0, "jobs of each type that run at once; 0 is no limit"),
	HANDLER(rate, CONF_RATE, "0", 0, MANY, 0, "jobs of each type that start, such as 100/s; 0 is no limit"),
	HANDLER(key_concurrency, CONF_UINT, "0", 0, 1000000, 0, "jobs of each type with the same key that run at once; 0 is no limit"),
	HANDLER(breaker_failures, CONF_UINT, "0", 0, 1000000, 0, "failures in a row after which the type rests; 0 is never"),
	HANDLER(breaker_cooldown, CONF_DURATION, "30s", 1, DAY, 0, "how long it rests before one job is tried"),
	HANDLER(max_output, CONF_SIZE, "64K", 0, 64 * MIB, 0, "how much of the output is kept as the result"),
	HANDLER(env, CONF_LIST, "", 0, 0, 0, "NAME=VALUE, or NAME to pass on the server's own"),
	HANDLER(cwd, CONF_STRING, "/", 0, 0, FILLED, "directory the program starts in"),
	HANDLER(umask, CONF_OCTAL, "077", 0, 0777, 0, "the program's file mode mask, octal"),
	HANDLER(nice, CONF_INT, "0", -20, 19, 0, "added to the program's niceness"),
	HANDLER(user, CONF_STRING, "", 0, 0, 0, "user that the program runs as, where the server is started as root"),
	HANDLER(group, CONF_STRING, "", 0, 0, 0, "group that the program runs as, where the server is started as root"),
	HANDLER(rlimit_cpu, CONF_DURATION, "0", 0, DURATION_LIMIT_MS, 0, "processor time of an attempt; 0 is no limit"),
	HANDLER(rlimit_memory, CONF_SIZE, "0", 0, 64 * TIB, 0, "memory of an attempt in a control group of its own, else address space of each process; 0 is no limit"),
	HANDLER(rlimit_files, CONF_UINT, "256", 0, 1048576, 0, "files the program may have open; 0 leaves the server's own limit"),
	HANDLER(rlimit_processes, CONF_UINT, "0", 0, 4194304, 0, "processes of an attempt in a control group of its own, else of the program's user; 0 is no limit"),
	HANDLER(rlimit_file_size, CONF_SIZE, "0", 0, 64 * TIB, 0, "the largest file the program may write; 0 is no limit"),
	HANDLER(instances, CONF_UINT, "1", 1, 4096, 0, "coprocess: programs kept running, over all workers"),
	HANDLER(pipeline, CONF_UINT, "1", 1, 4096, 0, "coprocess: jobs in flight in each program"),
	HANDLER(secret_file, CONF_PATH, "", 0, 0, 0, "url: file with the signing secret"),
	HANDLER(allow, CONF_LIST, "", 0, 0, 0, "url: private addresses, networks or names that may be called"),
	HANDLER(smtp_user, CONF_STRING, "", 0, 0, 0, "smtp: name to log in with"),
	HANDLER(smtp_password, CONF_STRING, "", 0, 0, CONF_SECRET, "smtp: password to log in with"),
	HANDLER(smtp_from, CONF_STRING, "", 0, 0, 0, "smtp: sender of mail that names none"),

	SCHEDULE(cron, CONF_STRING, NULL, 0, NULL, "the five fields of cron, or @hourly, @daily, @weekly, @monthly, @yearly"),
	SCHEDULE(timezone, CONF_STRING, "UTC", 0, NULL, "time zone of the fields"),
	SCHEDULE(type, CONF_STRING, NULL, 0, NULL, "type of the job submitted at each tick"),
	SCHEDULE(queue, CONF_STRING, "", 0, NULL, "its queue; empty: that of the type"),
	SCHEDULE(payload, CONF_STRING, "null", 0, NULL, "its payload, JSON"),
	SCHEDULE(missed, CONF_CHOICE, "once", 0, missed_names, "ticks missed while the server was down: run once, all, or skip"),

	{ CONF_METRICS, "otlp_url", CONF_STRING, "", 0, 0, LATER, offsetof(struct conf, otlp_url), NULL, 0, "endpoint that traces are sent to" },
};

const size_t ndirectives = sizeof directives / sizeof directives[0];

const struct directive *directive_of(enum conf_section section, struct slice name)
{
	for (size_t i = 0; i < ndirectives; i++)
		if (directives[i].section == section && slice_eq(name, directives[i].name))
			return &directives[i];
	return NULL;
}

const struct directive *directive_elsewhere(enum conf_section not_here, struct slice name)
{
	for (size_t i = 0; i < ndirectives; i++)
		if (directives[i].section != not_here && slice_eq(name, directives[i].name))
			return &directives[i];
	return NULL;
}

const char *directive_nearest(enum conf_section section, struct slice name)
{
	const char *near = NULL;
	unsigned best = 4;

	for (size_t i = 0; i < ndirectives; i++)
		if (directives[i].section == section && edit_near(name, directives[i].name, &best))
			near = directives[i].name;
	return near;
}

int section_of(struct slice name)
{
	for (int i = 1; i < CONF_SECTIONS; i++)
		if (slice_eq(name, sections[i].name))
			return i;
	return -1;
}

const char *section_nearest(struct slice name)
{
	const char *near = NULL;
	unsigned best = 4;

	for (int i = 1; i < CONF_SECTIONS; i++)
		if (edit_near(name, sections[i].name, &best))
			near = sections[i].name;
	return near;
}

void *section_base(struct conf *c, enum conf_section section, size_t index)
{
	switch (section) {
	case CONF_HTTP: return &c->http;
	case CONF_STORE: return &c->store;
	case CONF_QUEUE: return &c->queue[index];
	case CONF_HANDLER: return &c->handler[index];
	case CONF_SCHEDULE: return &c->schedule[index];
	default: return c;
	}
}

size_t section_count(const struct conf *c, enum conf_section section)
{
	switch (section) {
	case CONF_QUEUE: return c->nqueue;
	case CONF_HANDLER: return c->nhandler;
	case CONF_SCHEDULE: return c->nschedule;
	default: return 1;
	}
}

const char *section_title(const struct conf *c, enum conf_section section, size_t index)
{
	switch (section) {
	case CONF_QUEUE: return c->queue[index].name;
	case CONF_HANDLER: return c->handler[index].pattern;
	case CONF_SCHEDULE: return c->schedule[index].name;
	default: return NULL;
	}
}
