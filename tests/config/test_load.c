/* The load as a whole: files that cannot be read, the prefix, what this version does not have, the report. */
#include "conf_test.h"

#include <fcntl.h>
#include <sys/stat.h>

#define HANDLER(option) "handler a {\n\tbuiltin = noop\n\t" option "\n}\n"
#define LATER(option) "main.conf:3: " option " is not available in this version: leave it out\n"

static const struct mistake mistakes[] = {
	{ "later: url of the store", "store {\n\n\turl = \"postgresql://x\"\n}\n", LATER("url") },
	{ "later: sync", "store {\n\n\tsync = delayed\n}\n", "main.conf:3: sync = delayed is not available in this version: only full is\n" },
	{ "later: otlp_url", "metrics {\n\n\totlp_url = \"http://x\"\n}\n", LATER("otlp_url") },
};

/* What conf.md shows as the defaults of options that are not there yet is taken. */
static void later_defaults(void **state)
{
	(void)state;
	conf_good("unknown_types = reject\nmetrics { otlp_url = \"\" }\nstore { sync = full url = \"\" }\nqueue default { concurrency = 0 rate = 0 max_queued = 0 }\n"
		"http { token_file = \"\" tls_certificate = \"\" tls_key = \"\" submit_rate = 0 }\n"
		"handler a { builtin = noop concurrency = 0 rate = 0 key_concurrency = 0 breaker_failures = 0 breaker_cooldown = 1m user = \"\" group = \"\" coprocess = {} url = \"\"\n"
		"rlimit_cpu = 0 rlimit_memory = 0 rlimit_processes = 0 rlimit_file_size = 0 instances = 1 pipeline = 1 secret_file = \"\" allow = {} remote = false smtp = \"\"\n"
		"smtp_user = \"${SMTP_USER:-}\" smtp_password = \"${SMTP_PASSWORD:-}\" smtp_from = \"\" }\n");
	assert_int_equal(conf->handler[0].breaker_cooldown, 60000);
}

/* Every directive that is marked later has its case above: what is not listed there must not be marked. */
static void later_is_complete(void **state)
{
	size_t marked = 0;

	(void)state;
	for (size_t i = 0; i < ndirectives; i++)
		marked += directives[i].flags & CONF_LATER ? 1 : 0;
	assert_int_equal(marked, sizeof mistakes / sizeof mistakes[0]);
}

static void unreadable(void **state)
{
	char path[600];

	(void)state;
	assert_string_equal(conf_try_prefix("nowhere.conf", NULL), "nowhere.conf: cannot be read: No such file or directory\n");
	conf_file("folder/x", "");
	assert_string_equal(conf_try_prefix("folder", NULL), "folder: cannot be read: Is a directory\n");
	snprintf(path, sizeof path, "%s/pipe", conf_dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_string_equal(conf_try_prefix("pipe", NULL), "pipe: cannot be read: it is not a regular file\n");
}

static void file_too_large(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof path, "%s/large.conf", conf_dir);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (16 << 20) + 1), 0);
	close(fd);
	assert_string_equal(conf_try_prefix("large.conf", NULL), "large.conf: cannot be read: it is larger than 16M\n");
}

static void prefix(void **state)
{
	(void)state;
	conf_file("prefix.conf", "pid_file = \"run/pid\" run_dir = run log = \"log/x\" environment_file = \"etc/env\"\nstore { path = \"lib\" }\n"
		"http { listen = {\"unix:run/s\", \"127.0.0.1:1\", \"unix:/abs/s\"} }\nhandler a { exec = {\"bin/a\", \"b/c\"} cwd = \"/tmp\" }\nhandler b { exec = {\"sh\"} }\n");
	conf_file("etc/env", "# nothing\n");
	char text[1200];
	snprintf(text, sizeof text, "prefix.conf:4: warning: handler a: program 'bin/a' cannot be started: No such file or directory; its jobs will fail until it can\n");
	assert_string_equal(conf_try_prefix("prefix.conf", conf_dir), text);
	const struct { const char *have, *want; } path[] = {
		{ conf->pid_file, "run/pid" }, { conf->run_dir, "run" }, { conf->log, "log/x" }, { conf->environment_file, "etc/env" }, { conf->store.path, "lib" },
		{ conf->http.listen[0].host, "run/s" }, { conf->handler[0].exec.v[0], "bin/a" },
	};
	for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
		snprintf(text, sizeof text, "%s/%s", conf_dir, path[i].want);
		assert_string_equal(path[i].have, text);
	}
	assert_string_equal(conf->http.listen[2].host, "/abs/s");
	assert_string_equal(conf->handler[0].exec.v[1], "b/c");
	assert_string_equal(conf->handler[0].cwd, "/tmp");
	assert_string_equal(conf->handler[1].exec.v[0], "sh");
	/* stderr and syslog are no paths; absolute ones stay; a slash is not doubled. */
	conf_file("absolute.conf", "log = syslog pid_file = \"/x/pid\" run_dir = \"r\"\n");
	assert_string_equal(conf_try_prefix("absolute.conf", "/pre/"), "");
	assert_string_equal(conf->log, "syslog");
	assert_string_equal(conf->pid_file, "/x/pid");
	assert_string_equal(conf->run_dir, "/pre/r");
	assert_string_equal(conf->store.path, "/var/lib/stint");
	/* Without a prefix they are as written. */
	assert_string_equal(conf_try("run_dir = \"r\"\n"), "");
	assert_string_equal(conf->run_dir, "r");
}

static void the_file_is_kept(void **state)
{
	char path[600];

	(void)state;
	conf_good("worker_jobs = 1\n");
	snprintf(path, sizeof path, "%s/main.conf", conf_dir);
	assert_string_equal(conf->file, path);
	assert_false(conf->user_given);
	conf_good("user = stint\n");
	assert_true(conf->user_given);
}

static void default_queue_is_first(void **state)
{
	(void)state;
	conf_good("queue a { weight = 2 }\nqueue default { weight = 3 }\nqueue b { weight = 4 }\n");
	assert_int_equal(conf->nqueue, 3);
	assert_string_equal(conf->queue[0].name, "default");
	assert_int_equal(conf->queue[0].weight, 3);
	assert_string_equal(conf->queue[1].name, "a");
	assert_string_equal(conf->queue[2].name, "b");
}

/* One load finds them all, in the order of the lines whichever step found them. */
static void all_at_once(void **state)
{
	(void)state;
	assert_string_equal(conf_try("user = \"x\nworker_jobs = 0\nhandler a { }\ncolour = 1\nhttp {\n\tlisten = {\"nowhere\"}\n\tmax_body = ${X}\n}\nqueue a { weight = 0 }\nqueue a { }\n"),
		"main.conf:1: string is not closed: '\"' is missing at its end (write \\n for a new line inside)\n"
		"main.conf:2: bad value '0' for worker_jobs: expected a whole number from 1 to 4096\n"
		"main.conf:3: handler a does nothing: write exec = {\"/path/of/program\"} or builtin = NAME\n"
		"main.conf:4: no option 'colour': stint.conf(5) lists them\n"
		"main.conf:6: bad listen address 'nowhere': expected \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/stint/http.sock\"\n"
		"main.conf:7: ${...} stands without quotes: write \"${X}\"\n"
		"main.conf:7: ${X} is not set in the environment: set X, or write \"${X:-default}\"\n"
		"main.conf:9: bad value '0' for weight: expected a whole number from 1 to 1000000\n"
		"main.conf:10: queue 'a' is given twice: the first is at main.conf:9\n");
}

static void report_print(void **state)
{
	struct conf_message m[] = { { (char[]){ "a.conf" }, 3, false, (char[]){ "wrong" } }, { (char[]){ "a.conf" }, 4, true, (char[]){ "odd" } }, { (char[]){ "STINT_X" }, 0, false, (char[]){ "bad" } } };
	struct conf_report r = { m, 3, 2 };
	char text[200] = "";
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	conf_report_print(&r, fd[1]);
	close(fd[1]);
	assert_true(read(fd[0], text, sizeof text - 1) > 0);
	close(fd[0]);
	assert_string_equal(text, "a.conf:3: wrong\na.conf:4: warning: odd\nSTINT_X: bad\n");
}

int main(void)
{
	struct CMUnitTest tests[MISTAKES_MAX] = {
		cmocka_unit_test(later_defaults), cmocka_unit_test(later_is_complete), cmocka_unit_test(unreadable), cmocka_unit_test(file_too_large), cmocka_unit_test(prefix),
		cmocka_unit_test(the_file_is_kept), cmocka_unit_test(default_queue_is_first), cmocka_unit_test(all_at_once), cmocka_unit_test(report_print),
	};

	return RUN(tests, MISTAKES(tests, 9, mistakes));
}
