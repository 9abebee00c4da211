/* stintd, the daemon: its options, then the master. Exit codes are sysexits(3). */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "os/daemon.h"
#include "os/files.h"
#include "process/listen.h"
#include "process/master.h"
#include "process/signals.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif
#ifndef SYSCONFDIR
#define SYSCONFDIR "/usr/local/etc"
#endif

struct options {
	const char *conf_file, *prefix, *word;
	bool foreground, test, dump;
};

static const char usage_text[] =
	"Usage: stintd [-c FILE] [-p PREFIX] [-F] [-t] [-T] [-s SIGNAL] [-v|-V] [-h]\n"
	"  -c FILE    read this conf instead of " SYSCONFDIR "/stint/stint.conf\n"
	"  -p PREFIX  what stands before relative paths in the conf (the working directory)\n"
	"  -F         stay in the foreground\n"
	"  -t         test the conf and leave: 0, or 78 with each mistake as FILE:LINE: message\n"
	"  -T         test the conf and print it with every value in force\n"
	"  -s SIGNAL  signal the running server: stop (at once), quit (when its jobs are done), reload, reopen (log files)\n"
	"  -v, -V     print the version; with how it was built\n"
	"  -h         print this\n";

static int usage_error(const char *what, const char *argument)
{
	fprintf(stderr, "stintd: %s%s\nTry 'stintd -h'.\n", what, argument);
	return EX_USAGE;
}

static int print_version(bool whole)
{
	printf("stintd %s\n", PACKAGE_VERSION);
	if (whole)
		printf("compiler: %s\nconf: %s/stint/stint.conf\n", __VERSION__, SYSCONFDIR);
	return 0;
}

/* Fills *o. -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, ":c:p:FtTs:vVh")) != -1) {
		char letter[] = { '-', (char)optopt, '\0' };
		switch (c) {
		case 'c': o->conf_file = optarg; break;
		case 'p': o->prefix = optarg; break;
		case 'F': o->foreground = true; break;
		case 't': o->test = true; break;
		case 'T': o->test = o->dump = true; break;
		case 's': o->word = optarg; break;
		case 'v': return print_version(false);
		case 'V': return print_version(true);
		case 'h': fputs(usage_text, stdout); return 0;
		case ':': return usage_error("an argument is missing after ", letter);
		default: return usage_error("there is no option ", letter);
		}
	}
	if (optind < argc)
		return usage_error("stintd takes no arguments, only options: ", argv[optind]);
	if (o->word && !signals_find_word(o->word))
		return usage_error("-s takes stop, quit, reload or reopen, not ", o->word);
	return -1;
}

static int dump_conf(const struct conf *conf)
{
	struct buf text = { 0 };
	int rc = 0;

	conf_dump(conf, false, &text);
	if (text.failed || fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
		fprintf(stderr, "stintd: printing the conf: %s\n", strerror(text.failed ? ENOMEM : errno));
		rc = EX_IOERR;
	}
	buf_free(&text);
	return rc;
}

static int cannot_read(const char *path)
{
	int err = errno;

	fprintf(stderr, "stintd: %s: %s\n", path, strerror(err));
	return err == EACCES ? EX_NOPERM : EX_IOERR;
}

/* What a start would end with, and the conf alone does not show. */
static int test_identity(const struct conf *conf)
{
	struct identity id;

	if (!conf->user_given || identity_lookup(conf->user, conf->group, &id) == 0 || errno != ENOENT)
		return 0;
	bool user = identity_lookup(conf->user, "", &id) != 0;
	fprintf(stderr, "%s: there is no %s '%s': add it, or set %s\n", conf->file, user ? "user" : "group", user ? conf->user : conf->group, user ? "user" : "group");
	fprintf(stderr, "stintd: %s: the test has failed\n", conf->file);
	return EX_CONFIG;
}

static int test_tls(const struct conf *conf)
{
	struct tls_context *tls;
	char why[300];

	if (listen_tls(&conf->http, &tls, why, sizeof(why))) {
		tls_context_free(tls);
		return 0;
	}
	fprintf(stderr, "%s: %s\nstintd: %s: the test has failed\n", conf->file, why, conf->file);
	return EX_CONFIG;
}

/* A pid file may be stale, its number be another's by now: only who holds the lock of run_dir is signalled. */
static int send_signal(const struct conf *conf, const char *word)
{
	const struct signal_entry *e = signals_find_word(word);
	pid_t pid = pidfile_read(conf->pid_file), holder;
	char lock[PATH_MAX];

	if (pid < 0)
		return cannot_read(conf->pid_file);
	if (pid == 0) {
		fprintf(stderr, "stintd: no server runs: %s names no living process\n", conf->pid_file);
		return EX_UNAVAILABLE;
	}
	if ((size_t)snprintf(lock, sizeof(lock), "%s/run.lock", conf->run_dir) >= sizeof(lock)) {
		errno = ENAMETOOLONG;
		return cannot_read(conf->run_dir);
	}
	holder = lockfile_holder(lock);
	if (holder < 0)
		return cannot_read(lock);
	if (holder != pid) {
		fprintf(stderr, "stintd: pid %d in %s is not this server's: ", (int)pid, conf->pid_file);
		if (holder)
			fprintf(stderr, "that is pid %d, which holds %s\n", (int)holder, lock);
		else
			fprintf(stderr, "none runs, since nobody holds %s\n", lock);
		return EX_UNAVAILABLE;
	}
	if (kill(pid, e->signo) == 0)
		return 0;
	fprintf(stderr, "stintd: sending %s to pid %d: %s\n", e->name, (int)pid, strerror(errno));
	return errno == EPERM ? EX_NOPERM : EX_UNAVAILABLE;
}

/* The conf's place is wanted again at a reload, when we may stand elsewhere. */
static int find_conf(struct options *o, char file[PATH_MAX], char prefix[PATH_MAX])
{
	char here[PATH_MAX];

	if (!realpath(o->prefix ? o->prefix : ".", prefix)) {
		fprintf(stderr, "stintd: prefix %s: %s\n", o->prefix ? o->prefix : ".", strerror(errno));
		return o->prefix ? EX_USAGE : EX_OSERR;
	}
	o->prefix = prefix;
	if (o->conf_file[0] == '/')
		return 0;
	/* Made absolute, but no link resolved: where the conf is a link, a reload reads what it points to then. */
	if (!getcwd(here, sizeof(here)) || (size_t)snprintf(file, PATH_MAX, "%s/%s", here, o->conf_file) >= PATH_MAX) {
		fprintf(stderr, "stintd: %s: its absolute path cannot be told\n", o->conf_file);
		return EX_OSERR;
	}
	o->conf_file = file;
	return 0;
}

static int run_server(struct conf *conf, const struct options *o)
{
	const struct master_options master = { .conf = conf, .conf_file = o->conf_file, .prefix = o->prefix, .version = PACKAGE_VERSION,
		.roles = role_table, .foreground = o->foreground };

	title_set("stintd: master %s", o->conf_file);
	return master_run(&master);
}

int main(int argc, char **argv)
{
	struct options o = { .conf_file = SYSCONFDIR "/stint/stint.conf" };
	struct conf_report report = { 0 };
	static char file[PATH_MAX], prefix[PATH_MAX];
	struct conf *conf;
	int rc;

	if (standard_fds_open() < 0)
		return EX_OSERR;
	title_init(argc, argv);
	rc = parse_options(argc, argv, &o);
	if (rc < 0)
		rc = find_conf(&o, file, prefix);
	else
		return rc;
	if (rc)
		return rc;
	conf = conf_load(o.conf_file, o.prefix, &report);
	conf_report_print(&report, STDERR_FILENO);
	conf_report_free(&report);
	if (!conf) {
		if (o.test)
			fprintf(stderr, "stintd: %s: the test has failed\n", o.conf_file);
		return EX_CONFIG;
	}
	if (!o.test && !o.word)
		return run_server(conf, &o);
	if (o.word) {
		rc = send_signal(conf, o.word);
	} else if ((rc = test_identity(conf)) == 0 && (rc = test_tls(conf)) == 0) {
		fprintf(stderr, "stintd: %s: syntax ok\n", o.conf_file);
		rc = o.dump ? dump_conf(conf) : 0;
	}
	conf_free(conf);
	return rc;
}
