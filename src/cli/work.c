/* `stint work`: a worker on this or another machine. It claims jobs over HTTP, as many as it has room for, and runs a command for each with the server's own exec kind. This file is its life: options,
 * claims, signals, the end. What it cannot say now it says again until it is answered. */
#include "cli/work.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/descend.h"
#include "os/log.h"
#include "run/family.h"
#include "text/json.h"

#define MS 1000000LL
#define CLAIM_WAIT_MS 30000
#define PAUSE_MS 500
#define PAUSE_MAX_MS 30000
#define REAPS 128u
#define STOP_MS 1000                    /* the grace of a second signal, and of our own end */
#define GIVE_UP_NS (10000 * MS)         /* after a second signal: what is not answered by then is left to its lease */

int64_t work_pause(unsigned tries)
{
	int64_t ms = PAUSE_MS;
	uint32_t random = 0;

	for (; tries > 1 && ms < PAUSE_MAX_MS; tries--)
		ms *= 2;
	ms = ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : ms;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = 0;
	return (ms * 3 / 4 + (int64_t)(random % (uint32_t)(ms / 2 + 1))) * MS;
}

/* --- claims --- */

static bool at_leisure(void *arg)
{
	return ((struct work *)arg)->running == 0;
}

void work_claim(struct work *w)
{
	int64_t room = w->jobs - w->held;
	struct buf body = { 0 };

	if (w->stops || w->over || room <= 0 || w->claims.stage != LINK_IDLE || w->claim_timer.place)
		return;
	buf_printf(&body, "{\"max\":%lld,", (long long)room);
	buf_add(&body, w->ask.data, w->ask.len);
	link_post(&w->claims, "/claims", (struct slice){ body.data, body.len }, CLAIM_WAIT_MS + WORK_ANSWER_MS);
	buf_free(&body);
}

static void claim_again(struct loop_timer *t)
{
	work_claim(LOOP_OWNER(t, struct work, claim_timer));
}

static bool take_one(void *arg, struct slice job)
{
	work_take(arg, job);
	return true;
}

/* What no later try will mend: the server does not want this worker. What runs is ended properly first. */
static void refused(struct work *w, int status, struct slice body)
{
	struct client_call call = { .status = status };

	buf_slice(&call.answer, body);
	w->code = client_refused(&w->client, &call);
	buf_free(&call.answer);
	log_error("no jobs can be claimed: %s", w->client.why);
	w->stops = w->stops ? w->stops : 1;
}

static void claimed(struct link *l, int status, struct slice body, const char *why)
{
	struct work *w = l->arg;
	struct slice jobs;

	if (status == 200 && json_valid(body.p, body.n, &(struct json_error){ 0 }) && json_member(body.p, body.n, "jobs", &jobs)) {
		if (w->away_said)
			log_info("%s answers again", w->client.text);
		w->away_said = false;
		w->claim_tries = 0;
		json_each(jobs.p, jobs.n, take_one, w);
		work_claim(w);
		return;
	}
	if (w->stops)
		return;
	if (status == 400 || status == 401 || status == 403 || status == 404 || status == 405 || status == 422) {
		refused(w, status, body);
		return;
	}
	if (!w->away_said) {
		if (status)
			log_warn("%s answers a claim with %d; trying again", w->client.text, status);
		else
			log_warn("%s does not answer: %s; trying again", w->client.text, why);
	}
	w->away_said = true;
	loop_timer_set(w->loop, &w->claim_timer, work_pause(++w->claim_tries));
}

/* --- signals --- */

static void reap_more(struct loop_timer *t)
{
	if (family_reap(REAPS))
		loop_timer_set(LOOP_OWNER(t, struct work, reap_timer)->loop, t, 0);
}

static void give_up(struct loop_timer *t)
{
	struct work *w = LOOP_OWNER(t, struct work, stop_timer);

	log_error("%u jobs could not be given back: their leases will run out", w->held);
	w->code = EX_TEMPFAIL;
	w->over = true;
}

/* The first: nothing more is claimed, what runs ends. The second: what runs is ended and given back. */
static void stop(struct work *w)
{
	if (++w->stops == 1) {
		log_info("asked to end: %u jobs run to their end; a second signal gives them back", w->running);
		loop_timer_stop(w->loop, &w->claim_timer);
		if (w->claims.stage != LINK_IDLE)
			link_hush(&w->claims);
		return;
	}
	if (w->stops > 2)
		return;
	log_info("asked again: %u jobs are ended and given back", w->running);
	work_stop_all(w, STOP_MS);
	loop_timer_set(w->loop, &w->stop_timer, GIVE_UP_NS);
	loop_timer_stop(w->loop, &w->result_timer);
	work_report(w);
}

static void on_signal(void *arg, const struct signalfd_siginfo *si)
{
	struct work *w = arg;

	if (si->ssi_signo == SIGCHLD)
		reap_more(&w->reap_timer);
	else
		stop(w);
}

/* --- its beginning --- */

static void put_names(struct buf *b, const char *names)
{
	for (const char *p = names;;) {
		size_t n = strcspn(p, ",");
		json_put_string(b, (struct slice){ p, n });
		if (!p[n])
			return;
		buf_char(b, ',');
		p += n + 1;
	}
}

static bool names_ok(const char *names)
{
	size_t n = strlen(names);

	return n && names[0] != ',' && names[n - 1] != ',' && !strstr(names, ",,");
}

/* A string of the conf's syntax. */
static void put_quoted(struct buf *b, const char *s)
{
	buf_char(b, '"');
	for (; *s; s++) {
		if (*s == '\n' || *s == '\r' || *s == '\t') {
			buf_char(b, '\\');
			buf_char(b, *s == '\n' ? 'n' : *s == '\r' ? 'r' : 't');
			continue;
		}
		if (*s == '"' || *s == '\\' || *s == '$')
			buf_char(b, '\\');
		buf_char(b, *s);
	}
	buf_char(b, '"');
}

/* The command as a handler of every type, with the defaults of the conf but for place and file mode, which are ours. */
static struct conf *make_conf(char **command, int64_t kill_grace)
{
	struct conf_report report = { 0 };
	struct buf text = { 0 };
	char here[4096];
	mode_t mask = umask(0);

	umask(mask);
	buf_str(&text, "handler \"*\" {\n exec = {");
	for (char **p = command; *p; p++) {
		buf_str(&text, p == command ? "" : ", ");
		put_quoted(&text, *p);
	}
	buf_printf(&text, "}\n kill_grace = %lldms\n umask = %03o\n cwd = ", (long long)kill_grace, (unsigned)mask);
	put_quoted(&text, getcwd(here, sizeof(here)) ? here : "/");
	buf_str(&text, "\n}\n");
	struct conf *c = text.failed ? NULL : conf_parse("the command", text.data, text.len, &report);
	if (!c)
		conf_report_print(&report, STDERR_FILENO);
	conf_report_free(&report);
	buf_free(&text);
	return c;
}

static void init_line(struct work *w, struct link *l, void (*done)(struct link *l, int status, struct slice body, const char *why))
{
	link_init(l, w->loop, &w->client);
	l->at_leisure = at_leisure;
	l->done = done;
	l->arg = w;
}

static void results_again(struct loop_timer *t)
{
	work_report(LOOP_OWNER(t, struct work, result_timer));
}

static void beats_again(struct loop_timer *t)
{
	work_beat(LOOP_OWNER(t, struct work, beat_timer));
}

static bool begin(struct work *w, const char *types, const char *queues)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGCHLD, 0 };
	char host[48] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(w->worker, sizeof(w->worker), "%.47s:%ld", host, (long)getpid());
	w->loop = loop_new();
	w->job = calloc((size_t)w->jobs, sizeof(*w->job));
	if (!w->loop || !w->job || descend_subreaper() < 0 || loop_signals(w->loop, signals, on_signal, w) < 0)
		return false;
	w->host = (struct run_host){ .loop = w->loop, .arg = w, .started = work_started, .ended = work_ended, .progress = work_progress, .pid = getpid() };
	init_line(w, &w->claims, claimed);
	init_line(w, &w->results, work_reported);
	init_line(w, &w->beats, work_beaten);
	w->claim_timer.fire = claim_again;
	w->result_timer.fire = results_again;
	w->beat_timer.fire = beats_again;
	w->reap_timer.fire = reap_more;
	w->stop_timer.fire = give_up;
	w->batch = WORK_BATCH;
	buf_printf(&w->ask, "\"lease\":\"%dms\",\"wait\":\"%dms\",\"worker\":", WORK_LEASE_MS, CLAIM_WAIT_MS);
	json_put_string(&w->ask, slice_of(w->worker));
	buf_str(&w->ask, ",\"types\":[");
	put_names(&w->ask, types);
	if (queues) {
		buf_str(&w->ask, "],\"queues\":[");
		put_names(&w->ask, queues);
	}
	buf_str(&w->ask, "]}");
	return !w->ask.failed;
}

static int live(struct work *w, const char *types)
{
	log_info("working on %s for %s, %lld at once", types, w->client.text, (long long)w->jobs);
	work_claim(w);
	while (!w->over) {
		log_flush();
		loop_turn(w->loop, -1);
		w->over |= w->stops && w->held == 0 && w->claims.stage == LINK_IDLE;
	}
	family_kill_all(STOP_MS);
	if (w->code == EX_OK)
		log_info("ended");
	log_flush();
	link_close(&w->claims);
	link_close(&w->results);
	link_close(&w->beats);
	return w->code;
}

/* What stands behind "--" is the command; the options end there. */
static char **command_of(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			*argc = i;
			return argv[i + 1] ? &argv[i + 1] : NULL;
		}
	return NULL;
}

int cli_work(const struct cli_command *self, int argc, char **argv)
{
	static struct work work;
	struct work *w = &work;
	const char *types = NULL, *queues = NULL, *url = NULL, *token = NULL;
	struct option_operands args;
	bool json = false;
	int code;
	const struct option_spec spec[] = {
		{ OPTION_TEXT, "type", 't', &types, NULL, "TYPE[,TYPE]", 0, 0, "the jobs to claim; required" },
		{ OPTION_TEXT, "queue", 'q', &queues, NULL, "QUEUE[,QUEUE]", 0, 0, "of these queues alone" },
		{ OPTION_INTEGER, "jobs", 'j', &w->jobs, NULL, "N", 1, WORK_JOBS_MAX, "so many at once; 1 where not said" },
		{ OPTION_DURATION, "kill-grace", 0, &w->kill_grace, NULL, "DURATION", 0, 86400000, "from SIGTERM to SIGKILL, for a command that is to end; 5s" },
		{ OPTION_FLAG, "json", 0, &json, NULL, NULL, 0, 0, "log lines as JSON" },
		{ OPTION_TEXT, "url", 0, &url, NULL, "URL", 0, 0, "the server, else $STINT_URL, else http://127.0.0.1:8080" },
		{ OPTION_TEXT, "token", 0, &token, NULL, "TOKEN", 0, 0, "an access token, else $STINT_TOKEN" },
		{ OPTION_END, NULL, 0, NULL, NULL, NULL, 0, 0, NULL },
	};

	*w = (struct work){ .jobs = 1, .kill_grace = 5000 };
	char **command = command_of(&argc, argv);
	if (!cli_options("work", self, spec, argc, argv, &args, &code))
		return code;
	if (args.n || !command)
		return cli_fail(EX_USAGE, "work: the command to run stands at the end, behind --: stint work --type resize -- ./resize.sh");
	if (!types || !names_ok(types) || (queues && !names_ok(queues)))
		return cli_fail(EX_USAGE, "work: say which jobs are meant with --type TYPE, several with a comma between them");
	if ((code = client_init(&w->client, url, token)) != 0)
		return cli_fail(code, "work: %s", w->client.why);
	if (log_open(&(struct log_options){ .dest = "stderr", .level = LOG_LEVEL_INFO, .format = json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT }) < 0)
		return cli_fail(EX_OSERR, "work: cannot log: %s", strerror(errno));
	log_role("work");
	w->conf = make_conf(command, w->kill_grace);
	if (!w->conf || !begin(w, types, queues))
		return cli_fail(EX_OSERR, "work: cannot begin: %s", strerror(errno));
	return live(w, types);
}
