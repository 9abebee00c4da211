/* Cross checks: titles, what a handler is, its program, env and cwd, and what must fit together. */
#include "conf_test.h"

#include <sys/stat.h>

#define HANDLER(option) "handler a {\n\tbuiltin = noop\n\t" option "\n}\n"

static const struct mistake mistakes[] = {
	{ "duplicate section", "http { }\n# c\nhttp { }\nstore { }\nstore { }\n",
		"main.conf:3: section http is given twice: the first is at main.conf:1\nmain.conf:5: section store is given twice: the first is at main.conf:4\n" },
	{ "duplicate queue", "queue a { }\nqueue b { }\nqueue \"a\" { }\n", "main.conf:3: queue 'a' is given twice: the first is at main.conf:1\n" },
	{ "duplicate default queue", "queue default { }\nqueue default { }\n", "main.conf:2: queue 'default' is given twice: the first is at main.conf:1\n" },
	{ "duplicate handler pattern", "handler \"img.*\" { builtin = noop }\n\nhandler \"img.*\" { builtin = fail }\n", "main.conf:3: handler 'img.*' is given twice: the first is at main.conf:1\n" },
	{ "three of a name", "queue a { }\nqueue a { }\nqueue a { }\n", "main.conf:2: queue 'a' is given twice: the first is at main.conf:1\nmain.conf:3: queue 'a' is given twice: the first is at main.conf:1\n" },
	{ "star in the middle", "handler \"a*b\" { builtin = noop }\n", "main.conf:1: bad handler pattern 'a*b': '*' may stand at its end only, as in \"img.*\" or \"*\"\n" },
	{ "star in front", "handler \"*.jpg\" { builtin = noop }\n", "main.conf:1: bad handler pattern '*.jpg': '*' may stand at its end only, as in \"img.*\" or \"*\"\n" },
	{ "two stars", "handler \"a**\" { builtin = noop }\n", "main.conf:1: bad handler pattern 'a**': '*' may stand at its end only, as in \"img.*\" or \"*\"\n" },
	{ "handler name with a space", "handler \"a b\" { builtin = noop }\n", "main.conf:1: bad handler name 'a b': expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -\n" },
	{ "empty handler name", "handler \"\" { builtin = noop }\n", "main.conf:1: bad handler name '': expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -\n" },
	{ "queue with a star", "queue \"a*\" { }\n", "main.conf:1: bad queue name 'a*': expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -\n" },
	{ "queue name beyond ASCII", "queue \"caf\xc3\xa9\" { }\n", "main.conf:1: bad queue name 'caf\xc3\xa9': expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -\n" },
	{ "handler that does nothing", "# c\nhandler a {\n\ttimeout = 1s\n}\n", "main.conf:2: handler a does nothing: write exec = {\"/path/of/program\"} or builtin = NAME\n" },
	{ "handler whose program list is empty", "handler a { exec = {} }\n", "main.conf:1: handler a does nothing: write exec = {\"/path/of/program\"} or builtin = NAME\n" },
	{ "handler that does two things", "handler a {\n\texec = {\"/bin/sh\"}\n\tbuiltin = noop\n}\n", "main.conf:3: handler a has both exec and builtin: only one may say what it is\n" },
	{ "empty program", "handler a { exec = {\"\", \"x\"} }\n", "main.conf:1: handler a: the program of exec is empty: expected its path\n" },
	{ "missing program", "handler a {\n\ttimeout = 1s\n\texec = {\n\t\t\"/nowhere/x\",\n\t\t\"y\"}\n}\n",
		"main.conf:4: warning: handler a: program '/nowhere/x' cannot be started: No such file or directory; its jobs will fail until it can\n" },
	{ "missing coprocess", "handler a { coprocess = {\"/nowhere/x\"} }\n",
		"main.conf:1: warning: handler a: program '/nowhere/x' cannot be started: No such file or directory; its jobs will fail until it can\n" },
	{ "empty coprocess", "handler a { coprocess = {\"\"} }\n", "main.conf:1: handler a: the program of coprocess is empty: expected its path\n" },
	{ "instances of what is no coprocess", HANDLER("instances = 2"), "main.conf:3: handler a: instances and pipeline are for handlers with coprocess = {...}\n" },
	{ "pipeline of what is no coprocess", HANDLER("pipeline = 2"), "main.conf:3: handler a: instances and pipeline are for handlers with coprocess = {...}\n" },
	{ "program that is a directory", "handler a { exec = {\"/tmp\"} }\n", "main.conf:1: warning: handler a: program '/tmp' cannot be started: it is not a file; its jobs will fail until it can\n" },
	{ "program that is not executable", "handler a { exec = \"/etc/passwd\" }\n",
		"main.conf:1: warning: handler a: program '/etc/passwd' cannot be started: it is not executable; its jobs will fail until it can\n" },
	{ "program that PATH does not have", "handler a { exec = {\"no-such-program-anywhere\"} }\n", "main.conf:1: warning: handler a: program 'no-such-program-anywhere' is not in PATH: its jobs will fail until it is\n" },
	{ "program that the handler's own PATH does not have", "handler a { exec = {\"sh\"} env = {\"PATH=/nowhere:relative\"} }\n",
		"main.conf:1: warning: handler a: program 'sh' is not in PATH: its jobs will fail until it is\n" },
	{ "env entry that is no name", HANDLER("env = {\n\"A=1\",\n\"1B=2\"\n}"), "main.conf:5: bad env entry '1B': expected NAME=VALUE, or NAME to pass on the server's own\n" },
	{ "env entry without a name", HANDLER("env = {\"=x\"}"), "main.conf:3: bad env entry '': expected NAME=VALUE, or NAME to pass on the server's own\n" },
	{ "env entry with a dash", HANDLER("env = {\"A-B\"}"), "main.conf:3: bad env entry 'A-B': expected NAME=VALUE, or NAME to pass on the server's own\n" },
	{ "env entry twice", HANDLER("env = {\"A=1\", \"AB=1\", \"A\"}"), "main.conf:3: env has 'A' twice\n" },
	{ "env entry that the server sets", HANDLER("env = {\"STINT_JOB_ID=1\", \"TRACEPARENT\"}"),
		"main.conf:3: bad env entry 'STINT_JOB_ID': the server sets STINT_JOB_ID for each job\nmain.conf:3: bad env entry 'TRACEPARENT': the server sets TRACEPARENT for each job\n" },
	{ "relative cwd", HANDLER("cwd = \"tmp\""), "main.conf:3: bad value 'tmp' for cwd: expected an absolute path, such as \"/\"\n" },
	{ "cwd that is not there", HANDLER("cwd = \"/nowhere\""), "main.conf:3: warning: handler a: cwd '/nowhere': No such file or directory; its jobs will fail until it is there\n" },
	{ "cwd that is a file", HANDLER("cwd = \"/etc/passwd\""), "main.conf:3: warning: handler a: cwd '/etc/passwd' is not a directory; its jobs will fail until it is\n" },
	{ "handler's user that is not there", HANDLER("user = \"no-such-user\""), "main.conf:3: handler a: there is no user 'no-such-user': add it, or set user\n" },
	{ "handler's group that is not there", HANDLER("user = \"root\" group = \"no-such-group\""), "main.conf:3: handler a: there is no group 'no-such-group': add it, or set group\n" },
	{ "handler's queue with a bad name", HANDLER("queue = \"a b\""), "main.conf:3: bad value 'a b' for queue: expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -\n" },
	{ "too few files", HANDLER("rlimit_files = 15"), "main.conf:3: bad value '15' for rlimit_files: expected 0, or 16 to 1048576 so that a program can start\n" },
	{ "longest pause shorter than the first", HANDLER("backoff_max = 999ms"), "main.conf:3: backoff_max is less than backoff_base: the longest pause must not be shorter than the first\n" },
	{ "first pause longer than the longest", HANDLER("backoff_base = 13d"), "main.conf:3: backoff_max is less than backoff_base: the longest pause must not be shorter than the first\n" },
	{ "host with a port", "http {\n\thosts = {\"a.example\",\n\"b.example:80\"}\n}\n", "main.conf:3: bad value 'b.example:80' for hosts: expected a host name without a port, such as jobs.example.org\n" },
	{ "empty host", "http { hosts = {\"\"} }\n", "main.conf:1: bad value '' for hosts: expected a host name without a port, such as jobs.example.org\n" },
	{ "store in the run directory", "run_dir = \"/x/run\"\nstore {\n\tpath = \"/x/run\"\n}\npid_file = \"/y\"\n",
		"main.conf:3: path of store is '/x/run' and run_dir is '/x/run': the store's directory is for the store alone\n" },
	{ "log in the store", "log = \"/var/lib/stint/log\"\n# c\nstore { path = \"/var/lib/stint/\" }\n",
		"main.conf:3: path of store is '/var/lib/stint/' and log is '/var/lib/stint/log': the store's directory is for the store alone\n" },
};

static void good_titles(void **state)
{
	char text[600], name[129];

	(void)state;
	memset(name, 'n', sizeof name - 1);
	name[128] = '\0';
	snprintf(text, sizeof text, "queue %s { }\nhandler %s { builtin = noop }\nhandler \"%s*\" { builtin = noop }\nhandler \"*\" { builtin = noop }\nhandler A.b_c:d/e-f9 { builtin = noop }\n", name, name, name);
	conf_good(text);
	assert_int_equal(conf->nhandler, 4);
	snprintf(text, sizeof text, "queue %sn { }\n", name);
	assert_non_null(strstr(conf_try(text), "expected 1 to 128 characters"));
	/* A queue and a handler may have one name; a handler's queue needs no section. */
	conf_good("queue a { }\nhandler a { builtin = noop queue = elsewhere }\n");
	assert_string_equal(conf->handler[0].queue, "elsewhere");
}

static void good_neighbours(void **state)
{
	(void)state;
	conf_good("store { path = \"/x/stint\" }\nrun_dir = \"/x/stint-run\" pid_file = \"/x/stint.pid\" log = \"/x/log\"\n");
	conf_good(HANDLER("rlimit_files = 0") "handler b { builtin = noop rlimit_files = 16 backoff_base = 0 backoff_max = 0 env = {\"A=\", \"B=x=y\", \"_C\"} }\n");
	assert_string_equal(conf->handler[1].env.v[1], "B=x=y");
}

static void good_programs(void **state)
{
	char path[600], text[1400];

	(void)state;
	conf_file("bin/tool", "#!/bin/sh\n");
	snprintf(path, sizeof path, "%s/bin/tool", conf_dir);
	assert_int_equal(chmod(path, 0755), 0);
	snprintf(text, sizeof text, "handler a { exec = {\"%s\"} }\nhandler b { exec = {\"tool\"} env = {\"PATH=/nowhere:%s/bin\"} }\n", path, conf_dir);
	conf_good(text);
	assert_int_equal(conf->handler[0].kind, CONF_HANDLER_EXEC);
	assert_string_equal(conf->handler[1].exec.v[0], "tool");
}

static void as_many_coprocesses_as_there_may_be(void **state)
{
	struct buf text = { 0 };

	(void)state;
	for (unsigned i = 0; i < CONF_COPROCESSES; i++)
		buf_printf(&text, "handler c%u { coprocess = {\"/bin/cat\"} instances = 4096 pipeline = 4096 }\n", i);
	conf_good(buf_cstr(&text));
	buf_str(&text, "handler c { builtin = noop }\nhandler \"*\" { coprocess = {\"/bin/cat\"} }\n");
	assert_string_equal(conf_try(buf_cstr(&text)), "main.conf:34: handler * is one coprocess handler too many: there may be 32 of them\n");
	buf_free(&text);
}

int main(void)
{
	struct CMUnitTest tests[MISTAKES_MAX] = { cmocka_unit_test(good_titles), cmocka_unit_test(good_neighbours), cmocka_unit_test(good_programs),
		cmocka_unit_test(as_many_coprocesses_as_there_may_be) };

	return RUN(tests, MISTAKES(tests, 4, mistakes));
}
