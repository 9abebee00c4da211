/* `stint check`: whether the store is sound, with the server running or not. The walk itself is store/check.c's; it runs in a child, and where that dies the next one goes on behind the table that killed it. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/check.h"
#include "cli/cli.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "os/clock.h"
#include "store/check.h"
#include "text/json.h"
#include "text/uuid.h"

#define CHECK_DAMAGE 1                  /* exit code */

enum said { SAID_AT, SAID_FLAW, SAID_TOTAL };

struct message {
	enum said said;
	unsigned step, steps;
	uint64_t rows, jobs;
	bool of_job;
	struct job_id id;
	char table[16], what[320];
};

struct check {
	struct place place;
	bool json, repair, first;
	unsigned from, step, steps;
	bool begun;                     /* the child has come as far as the first table */
	uint64_t rows, jobs, flaws;
	uint64_t rows_before;           /* of the children before it */
	struct progress progress;
	int64_t began_ns;
};

/* --- in the child --- */

struct teller { int fd; };

static void tell_flaw(void *arg, const struct store_flaw *f)
{
	struct message m = { .said = SAID_FLAW, .of_job = f->of_job, .id = f->id };

	snprintf(m.table, sizeof(m.table), "%s", f->table);
	snprintf(m.what, sizeof(m.what), "%s", f->what);
	child_tell(((struct teller *)arg)->fd, &m, sizeof(m));
}

static void tell_at(void *arg, unsigned step, unsigned steps, uint64_t rows)
{
	struct message m = { .said = SAID_AT, .step = step, .steps = steps, .rows = rows };

	child_tell(((struct teller *)arg)->fd, &m, sizeof(m));
}

static int walk(void *arg, int fd)
{
	struct check *c = arg;
	struct teller t = { fd };
	struct store_check_watch w = { &t, tell_flaw, tell_at };
	struct store_checked done;
	struct store_reader *r;
	enum store_rc rc;
	char why[4200];
	int code = place_become(&c->place);

	if (code != EX_OK)
		return code;
	r = store_reader_open(c->place.path, c->place.conf->store.map_size, NULL, &rc, why, sizeof(why));
	if (!r && rc == STORE_DAMAGED) {
		tell_flaw(&t, &(struct store_flaw){ .table = "file", .what = why });
		return EX_OK;
	}
	if (!r)
		return cli_fail(place_code(rc), "%s", why);
	rc = store_check(r, c->from, 0, &w, &done);
	if (rc != STORE_OK)
		return cli_fail(place_code(rc), "the check came to no end: %s", store_rc_text(rc));
	struct message m = { .said = SAID_TOTAL, .rows = done.rows, .jobs = done.jobs };
	child_tell(fd, &m, sizeof(m));
	return EX_OK;                   /* and never closes the environment: some versions of LMDB break the others' locks by that */
}

/* --- what it says --- */

void check_put(struct buf *out, bool json, bool of_job, const struct job_id *id, const char *what)
{
	char text[UUID_TEXT_BYTES] = "";

	if (of_job)
		uuid_format(id->b, text);
	if (json) {
		if (of_job)
			buf_printf(out, "\"id\":\"%s\",", text);
		buf_str(out, "\"what\":");
		json_put_string(out, slice_of(what));
		buf_char(out, '}');
	} else {
		buf_printf(out, "%s%s%s", of_job ? "job " : "", text, of_job ? ": " : "");
		cli_text(out, slice_of(what));
		buf_char(out, '\n');
	}
}

static void print_flaw(struct check *c, const struct message *m)
{
	struct buf out = { 0 };

	c->flaws++;
	progress_end(&c->progress);
	if (c->json)
		buf_printf(&out, "%s{\"table\":\"%s\",", c->first ? "" : ",", m->table);
	else
		buf_printf(&out, "%s: ", m->table);
	check_put(&out, c->json, m->of_job, &m->id, m->what);
	c->first = false;
	fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
}

static void told(void *arg, const void *message)
{
	struct check *c = arg;
	struct message m;

	memcpy(&m, message, sizeof(m));
	if (m.said == SAID_FLAW) {
		print_flaw(c, &m);
		return;
	}
	if (m.said == SAID_TOTAL)
		c->jobs += m.jobs;
	c->rows = c->rows_before + m.rows;
	if (m.said == SAID_AT) {
		c->begun = true;
		c->step = m.step;
		c->steps = m.steps ? m.steps : c->steps;
		progress_show(&c->progress, c->steps ? (double)c->step / c->steps : 0, c->rows, clock_boot_ns() - c->began_ns);
	}
}

static void print_death(struct check *c, int sig)
{
	const char *table = c->begun ? store_check_step(c->step) : NULL;
	struct message m = { .said = SAID_FLAW };

	snprintf(m.table, sizeof(m.table), "%s", table ? table : "file");
	snprintf(m.what, sizeof(m.what), "its pages are damaged or not there: reading them ended with the signal %s%s", sigabbrev_np(sig) ? sigabbrev_np(sig) : "?",
		table ? ", and what is left of the table was not looked at" : "");
	print_flaw(c, &m);
}

static int check(struct check *c)
{
	int code, sig;

	progress_begin(&c->progress, "checking", "rows");
	c->began_ns = clock_boot_ns();
	for (;;) {
		c->begun = false;
		code = child_run(walk, c, sizeof(struct message), told, NULL, &sig);
		if (code != CHILD_DIED)
			break;
		print_death(c, sig);
		c->from = c->step + 1;
		c->rows_before = c->rows;
		if (!c->begun || !store_check_step(c->from)) {
			code = EX_OK;
			break;
		}
	}
	progress_end(&c->progress);
	return code;
}

static void print_end(const struct check *c)
{
	char jobs[CLI_COUNT_BYTES], rows[CLI_COUNT_BYTES], flaws[CLI_COUNT_BYTES];

	if (c->json)
		printf("],\"jobs\":%llu,\"rows\":%llu,\"sound\":%s}\n", (unsigned long long)c->jobs, (unsigned long long)c->rows, c->flaws ? "false" : "true");
	else if (c->flaws)
		printf("%s flaws in %s jobs, %s rows\n", cli_count(flaws, c->flaws), cli_count(jobs, c->jobs), cli_count(rows, c->rows));
	else
		printf("sound: %s jobs, %s rows\n", cli_count(jobs, c->jobs), cli_count(rows, c->rows));
}

int cli_check(const struct cli_command *self, int argc, char **argv)
{
	struct check c = { .first = true };
	const char *file = NULL;
	const struct option_spec spec[] = {
		PLACE_OPTION(file),
		{ OPTION_FLAG, "repair", 0, &c.repair, NULL, NULL, 0, 0, "build the store anew from the jobs' records; no server may run" },
		{ OPTION_FLAG, "json", 0, &c.json, NULL, NULL, 0, 0, "print one JSON object" },
		{ .kind = OPTION_END },
	};
	struct option_operands args;
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n > 0)
		return cli_fail(EX_USAGE, "check takes no argument \"%s\"", args.v[0]);
	code = place_open(&c.place, file, false);
	if (code != EX_OK)
		return code;
	if (c.json && !c.repair)
		fputs("{\"flaws\":[", stdout);
	code = c.repair ? check_repair(&c.place, c.json) : check(&c);
	if (!c.repair && (code == EX_OK || c.json))
		print_end(&c);
	place_close(&c.place);
	return code != EX_OK ? code : c.flaws ? CHECK_DAMAGE : EX_OK;
}
