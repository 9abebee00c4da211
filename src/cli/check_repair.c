/* `stint check --repair`: builds the store anew beside the damaged one and puts it in its place, in a child; says what could not be saved. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/check.h"
#include "cli/progress.h"
#include "os/clock.h"
#include "store/repair.h"
#include "text/json.h"
#include "text/uuid.h"

enum said { SAID_LOST, SAID_AT, SAID_DONE };

struct message {
	enum said said;
	bool of_job;
	struct job_id id;
	uint64_t jobs, of;
	char what[1400];                /* DONE: where the damaged file is */
};

struct repair {
	struct place *place;
	bool json;
	uint64_t lost;
	struct message done;
	struct progress progress;
	int64_t began_ns;
};

static void tell_lost(void *arg, const struct job_id *id, const char *what)
{
	struct message m = { .said = SAID_LOST, .of_job = id != NULL };

	if (id)
		m.id = *id;
	snprintf(m.what, sizeof(m.what), "%s", what);
	child_tell(*(int *)arg, &m, sizeof(m));
}

static void tell_at(void *arg, uint64_t jobs, uint64_t of)
{
	struct message m = { .said = SAID_AT, .jobs = jobs, .of = of };

	child_tell(*(int *)arg, &m, sizeof(m));
}

static int build(void *arg, int fd)
{
	struct repair *r = arg;
	struct store_repair s = { .arg = &fd, .lost = tell_lost, .at = tell_at };
	struct message m = { .said = SAID_DONE };
	char why[4200], kept[4200];
	int code = place_become(r->place);

	if (code == EX_OK)
		code = place_lock(r->place, "stop it for the repair");
	if (code != EX_OK)
		return code;
	struct store_options options = place_options(r->place);
	struct store_rules rules = place_rules(r->place);
	enum store_rc rc = store_repair(&options, &rules, clock_wall_us(), &s, kept, sizeof(kept), why, sizeof(why));
	if (rc != STORE_OK)
		return cli_fail(place_code(rc), "%s; nothing was changed", why);
	m.jobs = s.jobs;
	snprintf(m.what, sizeof(m.what), "%.*s", (int)sizeof(m.what) - 1, kept);
	child_tell(fd, &m, sizeof(m));
	return EX_OK;
}

static void print_lost(struct repair *r, const struct message *m)
{
	struct buf out = { 0 };

	progress_end(&r->progress);
	if (r->json)
		buf_str(&out, r->lost ? ",{" : "{");
	check_put(&out, r->json, m->of_job, &m->id, m->what);
	fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
	r->lost++;
}

static void told(void *arg, const void *message)
{
	struct repair *r = arg;
	struct message m;

	memcpy(&m, message, sizeof(m));
	if (m.said == SAID_LOST)
		print_lost(r, &m);
	else if (m.said == SAID_DONE)
		r->done = m;
	else
		progress_show(&r->progress, m.of ? (double)m.jobs / (double)m.of : -1, m.jobs, clock_boot_ns() - r->began_ns);
}

static void print_end(const struct repair *r)
{
	char jobs[CLI_COUNT_BYTES], lost[CLI_COUNT_BYTES];
	struct buf out = { 0 };

	if (r->json) {
		buf_printf(&out, "],\"jobs\":%llu,\"kept\":", (unsigned long long)r->done.jobs);
		json_put_string(&out, slice_of(r->done.what));
		buf_str(&out, "}\n");
	} else {
		buf_printf(&out, "built anew with %s jobs; %s things were lost; the file as it was is %s\n", cli_count(jobs, r->done.jobs), cli_count(lost, r->lost), r->done.what);
	}
	fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
}

int check_repair(struct place *p, bool json)
{
	struct repair r = { .place = p, .json = json };
	int sig, code;

	if (json)
		fputs("{\"lost\":[", stdout);
	progress_begin(&r.progress, "repairing", "jobs");
	r.began_ns = clock_boot_ns();
	code = child_run(build, &r, sizeof(struct message), told, NULL, &sig);
	progress_end(&r.progress);
	if (code == CHILD_DIED)
		code = cli_fail(EX_DATAERR, "the store could not be read: that ended with the signal %s; nothing was changed: restore it from a backup", strsignal(sig));
	if (code == EX_OK)
		print_end(&r);
	else if (json)
		fputs("]}\n", stdout);
	return code != EX_OK ? code : r.lost > 0;
}
