/* `stint bench KIND`: the table of kinds with their options. Measures a server that runs; changes nothing in it but the jobs it submits. */
#include "cli/bench.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct kind {
	const char *name, *usage, *about;
	int (*run)(struct bench *b);
	int64_t connections, limit_ms, jobs;    /* defaults */
	const char *options;                    /* which of the options below it takes, by name */
};

static const struct kind kinds[] = {
	{ "submit", "[OPTIONS]", "Submits no-op jobs over kept-alive connections, one at a time each, and counts answers.", bench_submit, 64, 5000, 0,
		" connections seconds jobs hold idempotency-keys priorities with beanstalkd pid conf url token json " },
	{ "drain", "[OPTIONS]", "Holds the workers back, submits no-op jobs, lets go, and times until the last one is done.", bench_drain, 64, 0, 100000,
		" connections jobs beanstalkd pid conf url token json " },
	{ "sleep", "[OPTIONS]", "Runs jobs that sleep and compares with what so many at once can do at best.", bench_sleep, 16, 0, 0,
		" connections jobs ms at-once pid conf url token json " },
	{ "latency", "[OPTIONS]", "One job at a time: how long to its answer, to its start, to its end.", bench_latency, 1, 0, 1000, " jobs delay conf url token json " },
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

#define NOPTIONS 16

/* The table of one kind: those of all options that it takes. */
static void options_of(const struct kind *k, struct bench *b, struct option_spec out[NOPTIONS + 1])
{
	const struct option_spec all[NOPTIONS] = {
		{ OPTION_INTEGER, "connections", 0, &b->connections, NULL, "N", 1, LOAD_CONNECTIONS_MAX, "kept-alive connections, one request at a time each" },
		{ OPTION_DURATION, "seconds", 0, &b->limit_ms, &b->limit_given, "S", 100, 3600000, "how long to submit" },
		{ OPTION_INTEGER, "jobs", 0, &b->jobs, &b->jobs_given, "N", 1, 100000000, "how many jobs" },
		{ OPTION_DURATION, "ms", 0, &b->sleep_ms, NULL, "T", 1, 600000, "how long a job sleeps, such as 100ms" },
		{ OPTION_INTEGER, "at-once", 0, &b->at_once, &b->at_once_given, "W", 1, 1000000, "jobs the server runs at once; else as its conf says" },
		{ OPTION_DURATION, "delay", 0, &b->delay_ms, NULL, "T", 1, 5000, "not before so long after its submission: how late it starts" },
		{ OPTION_FLAG, "hold", 0, &b->hold, NULL, NULL, 0, 0, "hold the workers back meanwhile (WINCH, and HUP at the end)" },
		{ OPTION_FLAG, "idempotency-keys", 0, &b->http.keyed, NULL, NULL, 0, 0, "an idempotency key of its own for each job" },
		{ OPTION_INTEGER, "priorities", 0, &b->priorities, NULL, "N", 1, 10, "so many priorities, from 0, in turn" },
		{ OPTION_TEXT, "with", 0, &b->with, NULL, "MEMBERS", 0, 0, "more members of each job, as JSON: '\"delay\":\"1h\"'; a % is another number in each" },
		{ OPTION_TEXT, "beanstalkd", 0, &b->beanstalkd, NULL, "HOST:PORT", 0, 0, "measure a beanstalkd instead, by the same loop" },
		{ OPTION_INTEGER, "pid", 0, &b->pid, NULL, "PID", 2, INT32_MAX, "the master; else the one in the conf's pid file" },
		{ OPTION_TEXT, "conf", 'c', &b->conf_file, &b->conf_given, "FILE", 0, 0, "the server's conf; else the installed one" },
		CLIENT_OPTIONS(*b),
		{ OPTION_FLAG, "json", 0, &b->json, NULL, NULL, 0, 0, "print one JSON object" },
	};
	size_t n = 0;

	for (size_t i = 0; i < NOPTIONS; i++) {
		char name[32];

		snprintf(name, sizeof(name), " %s ", all[i].name);
		if (strstr(k->options, name))
			out[n++] = all[i];
	}
	out[n] = (struct option_spec){ .kind = OPTION_END };
}

static int help(void)
{
	printf("stint bench KIND [OPTIONS]\nMeasures a running server.\n\n");
	for (size_t i = 0; i < NKINDS; i++)
		printf("  stint bench %-8s %s\n", kinds[i].name, kinds[i].about);
	printf("\n`stint bench KIND --help` lists a kind's options.\n");
	return EX_OK;
}

static void end(struct bench *b)
{
	progress_end(&b->progress);
	client_close(&b->client);
	if (b->seg.h)
		segment_close(&b->seg);
	conf_free(b->conf);
	buf_free(&b->http.request);
	buf_free(&b->beanstalk.put);
}

static int run(const struct kind *k, int argc, char **argv)
{
	struct bench b = { .connections = k->connections, .limit_ms = k->limit_ms, .jobs = k->jobs, .sleep_ms = 100 };
	struct cli_command self = { k->name, k->usage, k->about, NULL };
	struct option_spec spec[NOPTIONS + 1];
	struct option_operands args;
	char name[32];
	int code;

	options_of(k, &b, spec);
	snprintf(name, sizeof(name), "bench %s", k->name);
	if (!cli_options(name, &self, spec, argc, argv, &args, &code))
		return code;
	if (args.n > 0)
		return cli_fail(EX_USAGE, "%s takes no argument \"%s\"; `stint %s --help` lists its options", name, args.v[0], name);
	code = client_init(&b.client, b.url, b.token);
	if (code == 0)
		code = k->run(&b);
	else
		cli_fail(code, "%s", b.client.why);
	end(&b);
	return code;
}

int cli_bench(const struct cli_command *self, int argc, char **argv)
{
	(void)self;
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return help();
	for (size_t i = 0; argc > 1 && i < NKINDS; i++)
		if (strcmp(kinds[i].name, argv[1]) == 0)
			return run(&kinds[i], argc - 1, argv + 1);
	if (argc > 1)
		return cli_fail(EX_USAGE, "bench: there is no kind \"%s\"; there are submit, drain, sleep and latency", argv[1]);
	return cli_fail(EX_USAGE, "bench: which kind? There are submit, drain, sleep and latency");
}
