/* The `stint` command: what its subcommands share. Each subcommand is a file with one function in this table's form; src/stint.c holds the table.
 *
 * A subcommand returns its exit code: 0, 1 (a waited-for job did not succeed), or one of sysexits(3). What went wrong goes to stderr in one line
 * that begins with "stint: ". */
#ifndef STINT_CLI_CLI_H
#define STINT_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "config/config.h"

struct cli_command {
	const char *name;
	const char *usage;                      /* what follows the name: "ID [--history|--result]" */
	const char *about;                      /* one line */
	int (*run)(const struct cli_command *self, int argc, char **argv);     /* argv[0] is the name */
};

int cli_submit(const struct cli_command *self, int argc, char **argv);
int cli_show(const struct cli_command *self, int argc, char **argv);
int cli_list(const struct cli_command *self, int argc, char **argv);
int cli_act(const struct cli_command *self, int argc, char **argv);             /* cancel, retry, run-now, delete */
int cli_queues(const struct cli_command *self, int argc, char **argv);
int cli_queue(const struct cli_command *self, int argc, char **argv);           /* pause, resume, purge */
int cli_schedules(const struct cli_command *self, int argc, char **argv);
int cli_status(const struct cli_command *self, int argc, char **argv);
int cli_top(const struct cli_command *self, int argc, char **argv);
int cli_backup(const struct cli_command *self, int argc, char **argv);
int cli_check(const struct cli_command *self, int argc, char **argv);
int cli_export(const struct cli_command *self, int argc, char **argv);
int cli_import(const struct cli_command *self, int argc, char **argv);
int cli_token(const struct cli_command *self, int argc, char **argv);
int cli_work(const struct cli_command *self, int argc, char **argv);
int cli_bench(const struct cli_command *self, int argc, char **argv);

#define CLI_JOB_FAILED 1                        /* the job ended, and not well */

extern const char cli_version[];
extern const char cli_conf_file[];              /* the installed conf */

/* Writes "stint: ..." and a newline to stderr; returns `code` so that a caller can return it. */
int cli_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Parses argv[1..] by the table. True: go on with *args. False: *code is to be returned; the help or what was wrong has been printed. `prefix` is
 * "bench submit" or the like. */
bool cli_options(const char *prefix, const struct cli_command *self, const struct option_spec *spec, int argc, char **argv,
	struct option_operands *args, int *code);

/* The same for a subcommand that takes exactly one operand: it is in *operand. `wanted` is said where there is none, or more. */
bool cli_operand(const struct cli_command *self, const struct option_spec *spec, int argc, char **argv, const char *wanted, const char **operand, int *code);

/* Loads a conf (NULL: the installed one). NULL with *code where it cannot be used; its mistakes have been printed to stderr then. */
struct conf *cli_conf(const char *file, int *code);

#define CLI_COUNT_BYTES 32
const char *cli_count(char out[CLI_COUNT_BYTES], uint64_t v);   /* "1,234,567" */
/* Text of others for a terminal: control characters become \xNN, so that a job cannot move the cursor. */
void cli_text(struct buf *out, struct slice s);

void cli_out(const struct buf *out);    /* to stdout */
/* Finishes stdout: an exit code of 0 becomes EX_IOERR where the output could not be written (a full disk behind a redirection). */
int cli_finish(int code);

#endif
