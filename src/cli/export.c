/* `stint export`: every job of the store as a line of JSON, with the server running or not. Reads a few jobs a snapshot, so that a server can use the space again that it frees meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "os/clock.h"
#include "store/whole.h"
#include "text/uuid.h"

#define JOBS_A_SNAPSHOT 256u
#define BYTES_A_SNAPSHOT (4u << 20)

struct export {
	struct place place;
	FILE *out;
	int pipe;
	struct store_reader *reader;
	struct job_whole job;
	struct buf text;
	uint64_t jobs, lost;
	bool renew;                     /* a page that cannot be read spoils the snapshot as well */
	/* the parent's */
	uint64_t total, done;
	struct progress progress;
	int64_t began_ns;
};

struct message { uint64_t total, done; };

/* --- in the child --- */

static int write_out(struct export *x)
{
	if (x->text.failed)
		return cli_fail(EX_OSERR, "out of memory");
	if (x->text.len && fwrite(x->text.data, 1, x->text.len, x->out) != x->text.len)
		return cli_fail(EX_IOERR, "cannot write the export: %s", strerror(errno));
	buf_clear(&x->text);
	return EX_OK;
}

static int one_job(struct export *x, struct job_id id)
{
	char text[UUID_TEXT_BYTES];
	const char *what;
	bool rest;
	enum store_rc rc = store_whole(x->reader, id, &x->job, &what, &rest);

	if (rc == STORE_NOT_FOUND)
		return EX_OK;           /* it was deleted just now */
	x->renew = rc == STORE_DAMAGED || rc == STORE_IO;
	if (rc != STORE_OK && !x->renew)
		return cli_fail(place_code(rc), "the export came to no end: %s", store_rc_text(rc));
	if (x->renew) {
		uuid_format(id.b, text);
		cli_fail(EX_DATAERR, "job %s: %s cannot be read, %s", text, what ? what : "a page of it", rest ? "and is left out" : "and the job is left out");
		x->lost++;
	}
	if (rc == STORE_OK || rest) {
		whole_put_job(&x->text, &x->job);
		x->jobs++;
	}
	return EX_OK;
}

static int all_jobs(struct export *x, uint64_t total)
{
	struct job_id at = { { 0 } };
	enum store_rc rc = STORE_OK;
	int code = EX_OK;

	while (code == EX_OK && rc == STORE_OK) {
		x->renew = false;
		rc = store_read_begin(x->reader);
		for (unsigned i = 0; rc == STORE_OK && code == EX_OK && !x->renew && i < JOBS_A_SNAPSHOT && x->text.len < BYTES_A_SNAPSHOT; i++) {
			rc = store_next_job(x->reader, &at);
			if (rc == STORE_OK)
				code = one_job(x, at);
		}
		store_read_end(x->reader);
		if (code == EX_OK)
			code = write_out(x);
		child_tell(x->pipe, &(struct message){ total, x->jobs }, sizeof(struct message));
	}
	if (code != EX_OK || rc == STORE_NOT_FOUND)
		return code;
	return cli_fail(place_code(rc), "the export came to no end: %s; stint check says what is damaged", store_rc_text(rc));
}

static bool one_queue(void *arg, const struct store_figure *f)
{
	if (f->paused)
		whole_put_queue(&((struct export *)arg)->text, f->name);
	return true;
}

static int all_others(struct export *x)
{
	struct whole_key key;
	struct whole_schedule schedule = { .upto_ms = 0 };
	char name[256];
	uint64_t at = 0;
	int code = EX_OK;
	enum store_rc rc = store_read_begin(x->reader);

	for (unsigned i = 1; rc == STORE_OK && code == EX_OK && (rc = store_next_key(x->reader, &at, &key)) == STORE_OK; i++) {
		whole_put_key(&x->text, &key);
		if (i % JOBS_A_SNAPSHOT)
			continue;
		store_read_end(x->reader);
		code = write_out(x);
		rc = store_read_begin(x->reader);
	}
	if (rc == STORE_NOT_FOUND)
		rc = store_queues(x->reader, one_queue, x);
	while (rc == STORE_OK && (rc = store_next_schedule(x->reader, schedule.name, &schedule)) == STORE_OK) {
		whole_put_schedule(&x->text, &schedule);
		schedule.name.n = schedule.name.n < sizeof(name) ? schedule.name.n : sizeof(name);
		memcpy(name, schedule.name.p, schedule.name.n);
		schedule.name.p = name;
	}
	store_read_end(x->reader);
	if (rc != STORE_NOT_FOUND && rc != STORE_OK && code == EX_OK)
		code = cli_fail(place_code(rc), "the export came to no end: %s; stint check says what is damaged", store_rc_text(rc));
	return code;
}

static uint64_t count(struct export *x)
{
	struct store_tally t = { .submitted = 0 };
	uint64_t n = 0;

	if (store_read_begin(x->reader) == STORE_OK && store_read_totals(x->reader, &t) == STORE_OK)
		for (int i = 0; i < JOB_STATES; i++)
			n += t.state[i];
	store_read_end(x->reader);
	return n;
}

static int put_all(void *arg, int fd)
{
	struct export *x = arg;
	enum store_rc rc;
	char why[4200];
	int code = place_become(&x->place);

	if (code != EX_OK)
		return code;
	x->pipe = fd;
	x->reader = store_reader_open(x->place.path, x->place.conf->store.map_size, NULL, &rc, why, sizeof(why));
	if (!x->reader)
		return cli_fail(place_code(rc), "%s", why);
	whole_put_head(&x->text, cli_version, clock_wall_ms());
	code = all_jobs(x, count(x));
	if (code == EX_OK)
		code = all_others(x);
	whole_put_end(&x->text, x->jobs);
	if (code == EX_OK)
		code = write_out(x);
	if (code == EX_OK && (fflush(x->out) != 0 || (fsync(fileno(x->out)) != 0 && errno != EINVAL && errno != EROFS)))
		code = cli_fail(EX_IOERR, "cannot write the export: %s", strerror(errno));
	whole_free(&x->job);
	buf_free(&x->text);
	return code == EX_OK && x->lost ? EX_DATAERR : code;
}

/* --- in the parent --- */

static void told(void *arg, const void *message)
{
	struct export *x = arg;
	struct message m;

	memcpy(&m, message, sizeof(m));
	x->done = m.done;
	progress_show(&x->progress, m.total ? (double)m.done / (double)m.total : 0, m.done, clock_boot_ns() - x->began_ns);
}

static int run(struct export *x, const char *name)
{
	bool to_stdout = strcmp(name, "-") == 0;
	char count_text[CLI_COUNT_BYTES];
	int fd = to_stdout ? STDOUT_FILENO : open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), sig;

	if (fd < 0)
		return cli_fail(errno == EACCES ? EX_NOPERM : EX_CANTCREAT, "cannot make %s: %s%s", name, strerror(errno), errno == EEXIST ? "; an export is a new file" : "");
	x->out = to_stdout ? stdout : fdopen(fd, "w");
	if (!x->out)
		return cli_fail(EX_OSERR, "out of memory");
	progress_begin(&x->progress, "exporting", "jobs");
	x->began_ns = clock_boot_ns();
	int code = child_run(put_all, x, sizeof(struct message), told, NULL, &sig);
	progress_end(&x->progress);
	if (code == CHILD_DIED)
		code = cli_fail(EX_DATAERR, "the store could not be read: that ended with the signal %s; stint check says what is damaged", strsignal(sig));
	if (!to_stdout)
		fclose(x->out);
	if (code == EX_OK && !to_stdout)
		printf("%s: %s jobs\n", name, cli_count(count_text, x->done));
	return code;
}

int cli_export(const struct cli_command *self, int argc, char **argv)
{
	struct export x = { .jobs = 0 };
	const char *file = NULL, *to;
	const struct option_spec spec[] = {
		PLACE_OPTION(file),
		{ .kind = OPTION_END },
	};
	int code;

	if (!cli_operand(self, spec, argc, argv, "an export goes to one file: stint export FILE, or - for standard output", &to, &code))
		return code;
	code = place_open(&x.place, file, false);
	if (code != EX_OK)
		return code;
	code = run(&x, to);
	place_close(&x.place);
	return code;
}
