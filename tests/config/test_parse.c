/* The grammar and includes: each mistake is said once, where it is, and the rest of the file is still looked at. */
#include "conf_test.h"

#include <sys/stat.h>

static const struct mistake mistakes[] = {
	{ "unknown option with a near name", "\nwatchdgo = 5s\n", "main.conf:2: no option 'watchdgo': did you mean watchdog?\n" },
	{ "unknown option with no near name", "colour = blue\n", "main.conf:1: no option 'colour': stint.conf(5) lists them\n" },
	{ "unknown option in a section", "http {\n\tmax_bodyy = 1M\n}\n", "main.conf:2: no option 'max_bodyy' in http: did you mean max_body?\n" },
	{ "option of another section", "max_body = 1M\nstore { max_body = 1M }\nhttp { worker_jobs = 1 }\n",
		"main.conf:1: no option 'max_body': it belongs in http { }\n"
		"main.conf:2: no option 'max_body' in store: it belongs in http { }\n"
		"main.conf:3: no option 'worker_jobs' in http: it stands outside of all sections\n" },
	{ "section written as an option", "http = 1\nqueue = mail\n", "main.conf:1: http is a section: write http { ... }\nmain.conf:2: queue is a section: write queue NAME { ... }\n" },
	{ "option written as a section", "user { }\nhttp { listen { } }\n", "main.conf:1: user is an option: write user = VALUE\nmain.conf:2: listen is an option: write listen = VALUE\n" },
	{ "unknown section", "htpp {\n\tx = { 1, 2 }\n\ty { z = 1 }\n}\nlimits { }\nworker_jobz = 1\n",
		"main.conf:1: no section 'htpp': did you mean http?\n"
		"main.conf:5: no section 'limits': http, store, queue, handler, schedule and metrics are known\n"
		"main.conf:6: no option 'worker_jobz': did you mean worker_jobs?\n" },
	{ "unknown section that is not closed", "# c\nlimits {\n\ta = 1\n", "main.conf:2: no section 'limits': http, store, queue, handler, schedule and metrics are known\n"
		"main.conf:2: the '{' of limits is not closed: '}' is missing before the end of the file\n" },
	{ "duplicate option", "worker_jobs = 1\n# c\nworker_jobs = 2\n", "main.conf:3: worker_jobs is given twice: the first is at main.conf:1\n" },
	{ "duplicate list", "http {\n\thosts = {a}\n\thosts = {b}\n}\n", "main.conf:3: hosts is given twice: the first is at main.conf:2\n" },
	{ "missing value before another option", "user =\ngroup = \"x\"\nlog_level = log_format = text\n",
		"main.conf:1: user has no value: write user = VALUE\nmain.conf:3: log_level has no value: write log_level = VALUE\n" },
	{ "missing value before a section", "user =\nhttp { }\n", "main.conf:1: user has no value: write user = VALUE\n" },
	{ "missing value at the end", "http { max_body = }\nuser =", "main.conf:1: max_body has no value: write max_body = VALUE\nmain.conf:2: user has no value: write user = VALUE\n" },
	{ "missing equals sign", "worker_jobs 4\nwatchdog: 5s\n",
		"main.conf:1: '=' is missing after worker_jobs: write worker_jobs = VALUE\n"
		"main.conf:2: unexpected 'watchdog:': OPTION = VALUE, SECTION { ... } or include(\"FILE\") may stand here\n" },
	{ "value of two words", "drain_timeout = 30 s\nworker_jobz = 1\n",
		"main.conf:1: unexpected 's': OPTION = VALUE, SECTION { ... } or include(\"FILE\") may stand here\nmain.conf:2: no option 'worker_jobz': did you mean worker_jobs?\n" },
	{ "list where one value belongs", "worker_jobs = {1, 2}\n", "main.conf:1: worker_jobs takes one value, not a list\n" },
	{ "section that is not closed", "# c\nhttp {\n\tmax_body = 1M\n\n# end\n", "main.conf:2: the '{' of http is not closed: '}' is missing before the end of the file\n" },
	{ "section that is not closed before the next", "http {\n\tmax_body = 1M\n\nstore {\n\tmax_queued = x\n}\n",
		"main.conf:1: the '{' of http is not closed: '}' is missing before 'store' on line 4\n"
		"main.conf:5: bad value 'x' for max_queued: expected a whole number from 0 to 1000000000000\n" },
	{ "titled section that is not closed", "handler a {\n\tbuiltin = noop\nhandler b {\n\tbuiltin = noop\n}\n",
		"main.conf:1: the '{' of handler is not closed: '}' is missing before 'handler' on line 3\n" },
	{ "brace on the next line that is not closed", "handler a\n{\n\tbuiltin = noop\n", "main.conf:2: the '{' of handler is not closed: '}' is missing before the end of the file\n" },
	{ "brace that closes nothing", "http { }\n}\nworker_jobz = 1\n", "main.conf:2: '}' closes nothing: no '{' is open here\nmain.conf:3: no option 'worker_jobz': did you mean worker_jobs?\n" },
	{ "list that is not closed before an option", "http {\n\tlisten = {\"127.0.0.1:1\",\n\t\t\"127.0.0.1:2\"\n\tmax_body = 0\n}\n",
		"main.conf:2: the list of listen is not closed: '}' is missing before 'max_body'\n"
		"main.conf:4: bad value '0' for max_body: expected a size from 1K to 1G, such as 64K, 1M or 8G\n" },
	{ "list that is not closed after a comma", "http {\n\tlisten = {\"127.0.0.1:1\",\n\tmax_body = 1M\n}\n", "main.conf:2: the list of listen is not closed: '}' is missing before 'max_body'\n" },
	{ "list that is not closed at the end", "handler a {\n\texec = {\"/bin/true\",", "main.conf:1: the '{' of handler is not closed: '}' is missing before the end of the file\n"
		"main.conf:2: the list of exec is not closed: '}' is missing before the end of the file\n" },
	{ "missing comma", "http { hosts = {\"a\" \"b\"} }\n", "main.conf:1: a ',' is missing before 'b' in the list of hosts\n" },
	{ "comma after nothing", "http { hosts = {, \"a\",, \"b\"} }\n", "main.conf:1: the list of hosts has a ',' with nothing before it\nmain.conf:1: the list of hosts has a ',' with nothing before it\n" },
	{ "list in a list", "http {\n\thosts = {a, {\n}\n}\n", "main.conf:2: unexpected '{' in the list of hosts: write an element that holds it in quotes\n" },
	{ "element with an equals sign", "handler a { builtin = noop env = {TZ=UTC} }\n", "main.conf:1: unexpected '=' in the list of env: write an element that holds it in quotes\n" },
	{ "section without its name", "queue { weight = 1 }\nhandler { builtin = noop }\n", "main.conf:1: a queue needs a name: write queue NAME { ... }\nmain.conf:2: a handler needs a name: write handler NAME { ... }\n" },
	{ "name for a section that has none", "http x { max_body = 1M }\n", "main.conf:1: section http takes no name: write http { ... }\n" },
	{ "star without quotes", "handler img.* { builtin = noop }\n", "main.conf:1: a name with '*' stands in quotes: write handler \"img.*\" { ... }\n" },
	{ "section without its brace", "http\nmax_body = 1M\nqueue mail weight\n",
		"main.conf:1: '{' is missing after http: write http { ... }\n"
		"main.conf:2: no option 'max_body': it belongs in http { }\n"
		"main.conf:3: '{' is missing after queue: write queue NAME { ... }\n" },
	{ "stray string", "\"worker_jobs\" = 4\nwatchdog = 5x\n",
		"main.conf:1: unexpected 'worker_jobs': OPTION = VALUE, SECTION { ... } or include(\"FILE\") may stand here\n"
		"main.conf:2: bad value '5x' for watchdog: expected a duration from 2s to 1d, such as 250ms, 30s, 5m, 2h or 7d\n" },
	{ "include without parentheses", "include \"x.conf\"\n", "main.conf:1: unexpected 'include': OPTION = VALUE, SECTION { ... } or include(\"FILE\") may stand here\n" },
	{ "include of nothing", "include()\ninclude(\"a\" \"b\")\nworker_jobz = 1\n", "main.conf:1: include is written include(\"conf.d/*.conf\")\nmain.conf:2: include is written include(\"conf.d/*.conf\")\n"
		"main.conf:3: no option 'worker_jobz': did you mean worker_jobs?\n" },
	{ "include of a file that is not there", "#\ninclude(\"nowhere.conf\")\n", "main.conf:2: cannot include 'nowhere.conf': No such file or directory\n" },
	{ "include of a directory", "include(\".\")\n", "main.conf:1: cannot include '.': Is a directory\n" },
	{ "include of a device", "include(\"/dev/null\")\n", "main.conf:1: cannot include '/dev/null': it is not a regular file\n" },
	{ "include of itself", "#\ninclude(\"main.conf\")\n", "main.conf:2: cannot include 'main.conf': it includes itself\n" },
};

static void good_forms(void **state)
{
	(void)state;
	conf_good("");
	conf_good("# nothing\n");
	conf_good("http { hosts = { } listen = \"127.0.0.1:1\" }\nhandler a\n{\n\tbuiltin\t=\tnoop\n}\nhandler \"b\" { exec =\n{\n\"/bin/sh\",\n}\n}\n");
	assert_int_equal(conf->http.hosts.n, 0);
	assert_int_equal(conf->http.nlisten, 1);
	assert_int_equal(conf->handler[1].exec.n, 1);
	conf_good("worker_jobs = 1 watchdog = 5s user = \"a\" group = \"b\"\nqueue default { weight = 2 priority_aging = 0 } queue mail { weight = 3 }");
	assert_int_equal(conf->worker_jobs, 1);
	assert_string_equal(conf->group, "b");
	assert_int_equal(conf->queue[1].weight, 3);
}

static void includes(void **state)
{
	(void)state;
	conf_file("conf.d/20.conf", "# twenty\nqueue b { weight = 20 }\n");
	conf_file("conf.d/10.conf", "queue a { weight = 10 }\ninclude(\"deep/more.inc\")\n");
	conf_file("conf.d/deep/more.inc", "worker_jobs = 9\n");
	conf_file("conf.d/.hidden.conf", "nonsense\n");
	conf_file("conf.d/other.txt", "nonsense\n");
	conf_file("handler.inc", "timeout = 7s\n");
	conf_good("include(\"conf.d/*.conf\")\ninclude(\"none.d/*.conf\") include(conf.d/nobody*)\nhandler x { include(\"handler.inc\") builtin = noop }\n");
	assert_int_equal(conf->worker_jobs, 9);
	assert_int_equal(conf->nqueue, 3);
	assert_string_equal(conf->queue[0].name, "default");
	assert_string_equal(conf->queue[1].name, "a");
	assert_string_equal(conf->queue[2].name, "b");
	assert_int_equal(conf->handler[0].timeout, 7000);
}

/* From the place the including file lies in, and from an environment variable. */
static void include_paths(void **state)
{
	char text[1200];

	(void)state;
	conf_file("abs.conf", "worker_jobs = 5\n");
	snprintf(text, sizeof text, "include(\"%s/abs.conf\")\n", conf_dir);
	conf_good(text);
	assert_int_equal(conf->worker_jobs, 5);
	setenv("PARSE_DIR", conf_dir, 1);
	conf_good("include(\"${PARSE_DIR}/abs.conf\")\n");
	assert_int_equal(conf->worker_jobs, 5);
	unsetenv("PARSE_DIR");
	assert_string_equal(conf_try("include(\"${PARSE_DIR}/abs.conf\")\n"),
		"main.conf:1: ${PARSE_DIR} is not set in the environment: set PARSE_DIR, or write \"${PARSE_DIR:-default}\"\n");
}

static void mistakes_in_includes(void **state)
{
	(void)state;
	conf_file("bad/1.conf", "# one\n\nworker_jobs = 0\n# two\nhttp {\n");
	conf_file("bad/2.conf", "worker_jobs = 3\n\n\nuser = \"x\n");
	assert_string_equal(conf_try("# top\n\ninclude(\"bad/*.conf\")\nwatchdog = x\nuser = y\n"),
		"main.conf:4: bad value 'x' for watchdog: expected a duration from 2s to 1d, such as 250ms, 30s, 5m, 2h or 7d\n"
		"main.conf:5: user is given twice: the first is at bad/2.conf:4\n"
		"bad/1.conf:3: bad value '0' for worker_jobs: expected a whole number from 1 to 4096\n"
		"bad/1.conf:5: the '{' of http is not closed: '}' is missing before the end of the file\n"
		"bad/2.conf:1: worker_jobs is given twice: the first is at bad/1.conf:3\n"
		"bad/2.conf:4: string is not closed: '\"' is missing at its end (write \\n for a new line inside)\n");
	conf_file("in.conf", "\nstore { path = \"/x\" }\nmax_body = 2M\n");
	assert_string_equal(conf_try("http {\n\tinclude(\"in.conf\")\n\tmax_body = 1M\n}\n"),
		"main.conf:3: max_body is given twice: the first is at in.conf:3\n"
		"in.conf:2: section store cannot stand inside http\n");
	conf_file("brace.conf", "}\n");
	assert_string_equal(conf_try("http {\n\tinclude(\"brace.conf\")\n}\n"), "brace.conf:1: '}' closes nothing: no '{' is open here\n");
}

static void include_loops(void **state)
{
	(void)state;
	conf_file("a.conf", "# a\ninclude(\"b.conf\")\n");
	conf_file("b.conf", "include(\"a.conf\")\n");
	assert_string_equal(conf_try("include(\"a.conf\")\n"), "b.conf:1: cannot include 'a.conf': it includes itself\n");
	/* By another name too. */
	char from[600], to[600];
	snprintf(from, sizeof from, "%s/main.conf", conf_dir);
	snprintf(to, sizeof to, "%s/link.conf", conf_dir);
	assert_int_equal(symlink(from, to), 0);
	assert_string_equal(conf_try("include(\"link.conf\")\n"), "main.conf:1: cannot include 'link.conf': it includes itself\n");
	assert_string_equal(conf_try("include(\"[lm]*.conf\")\nworker_jobz = 1\n"),
		"main.conf:1: cannot include 'link.conf': it includes itself\nmain.conf:1: cannot include 'main.conf': it includes itself\n"
		"main.conf:2: no option 'worker_jobz': did you mean worker_jobs?\n");
	assert_int_equal(unlink(to), 0);
	/* A file that is included twice but does not include itself is no loop. */
	conf_file("timeout.inc", "timeout = 3s\n");
	conf_good("handler a { builtin = noop include(\"timeout.inc\") } handler b { builtin = noop include(\"timeout.inc\") }\n");
	assert_int_equal(conf->handler[1].timeout, 3000);
}

/* Nothing may wait for a writer that never comes. */
static void fifo(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof path, "%s/fifo", conf_dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_string_equal(conf_try("include(\"fifo\")\n"), "main.conf:1: cannot include 'fifo': it is not a regular file\n");
}

static void text_has_no_includes(void **state)
{
	(void)state;
	assert_string_equal(conf_try_text("\ninclude(\"/etc/passwd\")\n"), "text:2: include() is not allowed here\n");
}

int main(void)
{
	struct CMUnitTest tests[MISTAKES_MAX] = {
		cmocka_unit_test(good_forms), cmocka_unit_test(includes), cmocka_unit_test(include_paths), cmocka_unit_test(mistakes_in_includes),
		cmocka_unit_test(include_loops), cmocka_unit_test(fifo), cmocka_unit_test(text_has_no_includes),
	};

	return RUN(tests, MISTAKES(tests, 7, mistakes));
}
