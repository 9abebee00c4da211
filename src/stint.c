/* The `stint` command: finds the subcommand in the table and hands over. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "os/daemon.h"

static const struct cli_command commands[] = {
	{ "submit", "TYPE [PAYLOAD|@FILE|-] [OPTIONS]", "Submits a job and prints its id; with --wait its result.", cli_submit },
	{ "show", "ID [--history|--result|--log|--follow] [OPTIONS]", "Shows a job, its history, its result or its log, which can be followed while it runs.", cli_show },
	{ "list", "[OPTIONS]", "Lists jobs, newest first, or in the order of a state.", cli_list },
	{ "cancel", "ID...|FILTERS [OPTIONS]", "Cancels jobs, or all that filters mean.", cli_act },
	{ "retry", "ID...|FILTERS [OPTIONS]", "Queues final, unsuccessful jobs again.", cli_act },
	{ "run-now", "ID... [OPTIONS]", "Queues scheduled or retrying jobs at once.", cli_act },
	{ "delete", "ID...|FILTERS [OPTIONS]", "Removes jobs that have ended.", cli_act },
	{ "queues", "[OPTIONS]", "Lists the queues.", cli_queues },
	{ "pause", "QUEUE... [OPTIONS]", "Pauses queues: nothing of them starts.", cli_queue },
	{ "resume", "QUEUE... [OPTIONS]", "Lets paused queues go on.", cli_queue },
	{ "purge", "QUEUE... [OPTIONS]", "Cancels what is queued there.", cli_queue },
	{ "schedules", "[OPTIONS]", "Lists the schedules with their last and next runs.", cli_schedules },
	{ "status", "[OPTIONS]", "Shows processes, totals and percentiles, with the server running or not.", cli_status },
	{ "top", "[OPTIONS]", "Shows live what the server does: queues, types, processes, jobs that run.", cli_top },
	{ "check", "[--repair] [OPTIONS]", "Checks the whole store, with the server running or not; repairs it.", cli_check },
	{ "backup", "DEST [OPTIONS]", "Copies the store to a new directory, with the server running or not.", cli_backup },
	{ "export", "FILE|- [OPTIONS]", "Writes every job of the store as a line of JSON, with the server running or not.", cli_export },
	{ "import", "FILE|- [OPTIONS]", "Puts the jobs of an export into the store, with the server running or not.", cli_import },
	{ "token", "NAME ROLE[,ROLE] [--queue QUEUE] [OPTIONS]", "Makes an access token, shows it once, and the line for the conf's token_file.", cli_token },
	{ "work", "--type TYPE[,TYPE] [OPTIONS] -- COMMAND [ARGUMENT...]", "Runs a command for each job of a type: a worker on this or another machine.", cli_work },
	{ "bench", "submit|drain|sleep|latency [OPTIONS]", "Measures a running server.", cli_bench },
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct cli_command *find(const char *name)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int usage(void)
{
	printf("stint COMMAND [OPTIONS]\n\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("  stint %s %s\n      %s\n", commands[i].name, commands[i].usage, commands[i].about);
	printf("\n  stint --version\n\n`stint help COMMAND` lists a command's options; stint(1) says more.\n");
	return EX_OK;
}

static int no_command(const char *name)
{
	return cli_fail(EX_USAGE, "there is no command \"%s\"; `stint --help` lists them", name);
}

/* `stint help`, `stint help COMMAND [KIND]`: what `stint COMMAND [KIND] --help` says. */
static int help(int argc, char **argv)
{
	static char option[] = "--help";
	char *asked[4] = { NULL };
	int n = 0;

	if (argc < 2 || strcmp(argv[1], "help") == 0)
		return usage();
	if (argc > 3)
		return cli_fail(EX_USAGE, "help takes one COMMAND; `stint --help` lists them");
	const struct cli_command *c = find(argv[1]);
	if (!c)
		return no_command(argv[1]);
	for (int i = 1; i < argc; i++)
		asked[n++] = argv[i];
	asked[n++] = option;
	return c->run(c, n, asked);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct cli_command *c;

	if (standard_fds_open() < 0)
		return EX_OSERR;
	if (!name)
		return cli_fail(EX_USAGE, "no command given; `stint --help` lists them");
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return cli_finish(usage());
	if (strcmp(name, "--version") == 0 || strcmp(name, "-v") == 0 || strcmp(name, "-V") == 0) {
		printf("stint %s\n", cli_version);
		return cli_finish(EX_OK);
	}
	if (strcmp(name, "help") == 0)
		return cli_finish(help(argc - 1, argv + 1));
	c = find(name);
	if (!c)
		return no_command(name);
	return cli_finish(c->run(c, argc - 1, argv + 1));
}
