/* Tokens, their true lines, and what a string means. */
#include "conf_test.h"

static const struct mistake mistakes[] = {
	{ "unterminated string", "# one\nuser = \"abc\nworker_jobs = 0\n",
		"main.conf:2: string is not closed: '\"' is missing at its end (write \\n for a new line inside)\n"
		"main.conf:3: bad value '0' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "unterminated string at the end of the file", "\n\nuser = \"abc", "main.conf:3: string is not closed: '\"' is missing at its end (write \\n for a new line inside)\n" },
	{ "unterminated string that ends with a backslash", "user = \"abc\\\ngroup = \"x\"\n",
		"main.conf:1: string is not closed: '\"' is missing at its end (write \\n for a new line inside)\n"
		"main.conf:1: unknown escape '\\' in a string: \\\" \\\\ \\n \\r \\t and \\$ are known, write \\\\ for a backslash\n" },
	{ "semicolon", "worker_jobs = 4;\nwatchdog = 5s ;\n",
		"main.conf:1: unexpected ';': nothing ends an option, leave it out\nmain.conf:2: unexpected ';': nothing ends an option, leave it out\n" },
	{ "single quotes", "log_level = 'info'\n", "main.conf:1: single quotes mean nothing here: write a text in double quotes\n" },
	{ "variable without quotes", "\nuser = ${NOBODY_SETS_THIS:-x}\n", "main.conf:2: ${...} stands without quotes: write \"${NOBODY_SETS_THIS:-x}\"\n" },
	{ "control character", "worker_jobs = 4\n\001\n", "main.conf:2: unexpected byte 0x01: outside of strings only printable text may stand\n" },
	{ "unknown escape", "user = \"a\\qb\"\n", "main.conf:1: unknown escape '\\q' in a string: \\\" \\\\ \\n \\r \\t and \\$ are known, write \\\\ for a backslash\n" },
	{ "variable that is not set", "#\n#\nuser = \"${NOBODY_SETS_THIS}\"\n",
		"main.conf:3: ${NOBODY_SETS_THIS} is not set in the environment: set NOBODY_SETS_THIS, or write \"${NOBODY_SETS_THIS:-default}\"\n" },
	{ "variable without a name", "user = \"${}\"\n", "main.conf:1: '${}' is not a variable: write ${NAME} or ${NAME:-default}, or \\${ for the characters themselves\n" },
	{ "variable with a bad name", "user = \"x${1A}\"\n", "main.conf:1: '${1A}' is not a variable: write ${NAME} or ${NAME:-default}, or \\${ for the characters themselves\n" },
	{ "variable that is not closed", "user = \"${HOME\"\n", "main.conf:1: '${HOME' is not a variable: write ${NAME} or ${NAME:-default}, or \\${ for the characters themselves\n" },
	{ "default that is not closed", "user = \"${HOME:-x\"\n", "main.conf:1: '${HOME:-x' is not a variable: write ${NAME} or ${NAME:-default}, or \\${ for the characters themselves\n" },
	{ "other operator", "user = \"${HOME:=x}\"\n", "main.conf:1: '${HOME:=x}' is not a variable: write ${NAME} or ${NAME:-default}, or \\${ for the characters themselves\n" },
	{ "lines after comments", "# a\n# b { \" }\n\nworker_jobs = 8 # = { \"\n# c\nworker_jobz = 1 # d\n", "main.conf:6: no option 'worker_jobz': did you mean worker_jobs?\n" },
	{ "lines after strings with escapes", "user = \"a\\nb\"\ngroup = \"c\\\"\"\nworker_jobz = 1\n", "main.conf:3: no option 'worker_jobz': did you mean worker_jobs?\n" },
	{ "lines that end with CR LF", "# a\r\nuser = \"x\"\r\nworker_jobz = 1\r\n", "main.conf:3: no option 'worker_jobz': did you mean worker_jobs?\n" },
	{ "element on a later line of a list", "http {\n\tlisten = {\n\t\t\"127.0.0.1:1\", # first\n\t\t\"nowhere\"\n\t}\n}\n",
		"main.conf:4: bad listen address 'nowhere': expected \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/stint/http.sock\"\n" },
};

static void strings(void **state)
{
	(void)state;
	setenv("LEX_SET", "from \"outside\" ${HOME}", 1);
	setenv("LEX_EMPTY", "", 1);
	conf_good("handler x { exec = {\"/bin/sh\", \"a\\\"b\\\\c\\n\\t\\r\", \"${LEX_SET}\", \"<${LEX_SET:-no}>\", \"${LEX_EMPTY}\", \"${LEX_EMPTY:-empty}\", \"${LEX_UNSET:-un set}\",\n"
		"\"${LEX_UNSET:-}\", \"${LEX_UNSET:-a\\}b}\", \"\\${HOME}\", \"$HOME $\", \"a#b\", \"caf\xc3\xa9\"} }\n");
	const struct conf_list *l = &conf->handler[0].exec;
	static const char *const want[] = { "/bin/sh", "a\"b\\c\n\t\r", "from \"outside\" ${HOME}", "<from \"outside\" ${HOME}>", "", "empty", "un set", "", "a}b", "${HOME}", "$HOME $",
		"a#b", "caf\xc3\xa9" };
	assert_int_equal(l->n, sizeof want / sizeof want[0]);
	for (size_t i = 0; i < l->n; i++)
		assert_string_equal(l->v[i], want[i]);
	unsetenv("LEX_SET");
	unsetenv("LEX_EMPTY");
}

static void words(void **state)
{
	(void)state;
	conf_good("\xef\xbb\xbfworker_jobs=8 watchdog =5s# comment\n\tlog=/tmp/x.log\nuser= a-b.c_d run_dir = \"/x y\"\nhttp{listen={127.0.0.1:81}}handler img.a/b:c-d{builtin=noop}");
	assert_int_equal(conf->worker_jobs, 8);
	assert_int_equal(conf->watchdog, 5000);
	assert_string_equal(conf->log, "/tmp/x.log");
	assert_string_equal(conf->user, "a-b.c_d");
	assert_string_equal(conf->run_dir, "/x y");
	assert_string_equal(conf->http.listen[0].text, "127.0.0.1:81");
	assert_string_equal(conf->handler[0].pattern, "img.a/b:c-d");
}

static void not_a_text(void **state)
{
	struct conf_report r;
	static const char text[] = "\n\nuser = \"a\0b\"\n";

	(void)state;
	assert_null(conf_parse("text", text, sizeof text - 1, &r));
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].line, 3);
	assert_string_equal(r.v[0].text, "a NUL byte stands here: expected a text file");
	conf_report_free(&r);
}

/* A wrong file altogether: one line, or few, never thousands; a long word is cut. */
static void much_nonsense(void **state)
{
	static char text[20001], word[5001];
	struct conf_report r;

	(void)state;
	memset(text, ';', sizeof text - 1);
	assert_null(conf_parse("text", text, sizeof text - 1, &r));
	assert_int_equal(r.errors, 20000);
	assert_int_equal(r.n, 201);
	assert_string_equal(r.v[200].text, "there are more mistakes than are listed");
	conf_report_free(&r);
	memset(word, 'w', sizeof word - 1);
	assert_null(conf_parse("text", word, sizeof word - 1, &r));
	assert_int_equal(r.n, 1);
	assert_true(strlen(r.v[0].text) < 250);
	assert_non_null(strstr(r.v[0].text, "wwww..."));
	conf_report_free(&r);
}

int main(void)
{
	struct CMUnitTest tests[MISTAKES_MAX] = {
		cmocka_unit_test(strings), cmocka_unit_test(words), cmocka_unit_test(not_a_text), cmocka_unit_test(much_nonsense),
	};

	return RUN(tests, MISTAKES(tests, 4, mistakes));
}
