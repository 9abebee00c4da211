/* The environment: overrides, the .env file, and which of them wins. */
#include "conf_test.h"

/* Loads with these variables set, and unsets them. */
static const char *with(const char *text, const char *const *pairs)
{
	for (size_t i = 0; pairs[i]; i += 2)
		assert_int_equal(setenv(pairs[i], pairs[i + 1], 1), 0);
	const char *said = conf_try(text);
	for (size_t i = 0; pairs[i]; i += 2)
		unsetenv(pairs[i]);
	return said;
}
#define ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void overrides(void **state)
{
	(void)state;
	assert_string_equal(with("worker_jobs = 4\nhttp { max_body = 1M }\nqueue mail { weight = 1 }\nhandler email { exec = {\"/bin/true\"} timeout = 1s }\nhandler \"img.*\" { builtin = noop }\nhandler \"*\" { builtin = noop }\n",
		ENV("STINT_WORKER_JOBS", "7", "STINT_LOG_LEVEL", "warn", "STINT_USER", "nobody", "STINT_HTTP_MAX_BODY", "4M", "STINT_HTTP_LISTEN", "127.0.0.1:1, [::1]:2", "STINT_STORE_PATH", "/x",
			"STINT_QUEUE_DEFAULT_WEIGHT", "5", "STINT_QUEUE_MAIL_WEIGHT", "6", "STINT_HANDLER_EMAIL_TIMEOUT", "9s", "STINT_HANDLER_EMAIL_ENV", "A=b,C",
			"STINT_HANDLER_EMAIL_EXEC", "/bin/sh,-c,true", "STINT_HANDLER_IMG___NICE", "3", "STINT_HANDLER___NICE", "4", "STINT_HTTP_HOSTS", "")), "");
	assert_int_equal(conf->worker_jobs, 7);
	assert_int_equal(conf->log_level, 2);
	assert_string_equal(conf->user, "nobody");
	assert_true(conf->user_given);
	assert_int_equal(conf->http.max_body, 4 << 20);
	assert_int_equal(conf->http.nlisten, 2);
	assert_string_equal(conf->http.listen[1].host, "::1");
	assert_string_equal(conf->store.path, "/x");
	assert_int_equal(conf->queue[0].weight, 5);
	assert_int_equal(conf->queue[1].weight, 6);
	const struct conf_handler *h = conf->handler;
	assert_int_equal(h[0].timeout, 9000);
	assert_int_equal(h[0].env.n, 2);
	assert_string_equal(h[0].env.v[1], "C");
	assert_int_equal(h[0].exec.n, 3);
	assert_string_equal(h[0].exec.v[2], "true");
	assert_int_equal(h[1].nice, 3);
	assert_int_equal(h[2].nice, 4);
	assert_int_equal(conf->http.hosts.n, 0);
}

/* Nothing in a value of the environment is an escape or a variable. */
static void values_are_literal(void **state)
{
	(void)state;
	assert_string_equal(with("", ENV("STINT_GROUP", "a\\n${HOME}\"")), "");
	assert_string_equal(conf->group, "a\\n${HOME}\"");
}

static void wrong_overrides(void **state)
{
	(void)state;
	assert_string_equal(with("worker_jobs = 3\n", ENV("STINT_WORKER_JOBS", "0")), "STINT_WORKER_JOBS: bad value '0' for worker_jobs: expected a whole number from 1 to 4096\n");
	assert_string_equal(with("", ENV("STINT_HTTP_LISTEN", "127.0.0.1:1,nowhere")),
		"STINT_HTTP_LISTEN: bad listen address 'nowhere': expected \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/stint/http.sock\"\n");
	assert_string_equal(with("", ENV("STINT_HTTP_LISTEN", "")), "STINT_HTTP_LISTEN: listen is empty: expected a list with at least one element\n");
	assert_string_equal(with("", ENV("STINT_STORE_SYNC", "delayed")), "STINT_STORE_SYNC: sync = delayed is not available in this version: only full is\n");
	assert_string_equal(with("handler a { exec = {\"/bin/true\"} }\n", ENV("STINT_HANDLER_A_BUILTIN", "noop")), "STINT_HANDLER_A_BUILTIN: handler a has both exec and builtin: only one may say what it is\n");
	assert_string_equal(with("worker_jobs = 0\n", ENV("STINT_WORKER_JOBS", "5")), "main.conf:1: bad value '0' for worker_jobs: expected a whole number from 1 to 4096\n");
}

static void names_that_mean_two(void **state)
{
	(void)state;
	assert_string_equal(with("queue a.b { }\nqueue a-b { }\n", ENV("STINT_QUEUE_A_B_WEIGHT", "2")), "STINT_QUEUE_A_B_WEIGHT: names more than one option: set them in the conf file\n");
	assert_string_equal(with("handler a { builtin = noop }\nhandler a.smtp { builtin = noop }\n", ENV("STINT_HANDLER_A_SMTP_USER", "")),
		"STINT_HANDLER_A_SMTP_USER: names more than one option: set them in the conf file\n");
}

static void names_that_mean_nothing(void **state)
{
	(void)state;
	assert_string_equal(with("", ENV("STINT_WORKER_JOB", "2")), "STINT_WORKER_JOB: warning: STINT_WORKER_JOB is no option and not used: did you mean STINT_WORKER_JOBS?\n");
	assert_string_equal(with("handler email { builtin = noop }\n", ENV("STINT_HANDLER_EMIAL_TIMEOUT", "2s")),
		"STINT_HANDLER_EMIAL_TIMEOUT: warning: STINT_HANDLER_EMIAL_TIMEOUT is no option and not used: did you mean STINT_HANDLER_EMAIL_TIMEOUT?\n");
	/* Others' variables, and those of a handler that calls the stint command. */
	assert_string_equal(with("", ENV("STINT_URL", "http://x", "STINT_TOKEN", "t", "STINT_JOB_ID", "1", "STINT_TYPE", "t", "STINT_QUEUE", "q", "STINT_ATTEMPT", "1", "STINT_MAX_ATTEMPTS", "1",
		"STINT_DEADLINE", "", "STINT_NAME", "n", "STINT_SOMETHING_ELSE_ALTOGETHER", "x", "STINTED", "x")), "");
}

static void env_file(void **state)
{
	(void)state;
	conf_file("env", "# comment\n\nSTINT_WORKER_JOBS=9\nexport ENV_A = plain value # comment\r\nENV_B=\"quoted # \\n \\\"x\\\"\"  # comment\nENV_C='single $x \"y\" \\n'\nENV_D=\nENV_E=a#b\n"
		"STINT_HTTP_MAX_BODY=2M\n");
	char text[2000];
	snprintf(text, sizeof text, "environment_file = \"%s/env\"\nworker_jobs = 3\n"
		"handler a { exec = {\"/bin/true\", \"${ENV_A}\", \"${ENV_B}\", \"${ENV_C}\", \"${ENV_D}\", \"${ENV_D:-none}\", \"${ENV_E}\"} env = {\"ENV_A\", \"HOME\", \"ENV_NOWHERE\"} }\n", conf_dir);
	conf_good(text);
	const struct conf_list *l = &conf->handler[0].exec;
	assert_int_equal(conf->worker_jobs, 9);
	assert_int_equal(conf->http.max_body, 2 << 20);
	assert_string_equal(l->v[1], "plain value");
	assert_string_equal(l->v[2], "quoted # \n \"x\"");
	assert_string_equal(l->v[3], "single $x \"y\" \\n");
	assert_string_equal(l->v[4], "");
	assert_string_equal(l->v[5], "none");
	assert_string_equal(l->v[6], "a#b");
	/* Whoever starts the program has not read the file. */
	assert_string_equal(conf->handler[0].env.v[0], "ENV_A=plain value");
	assert_string_equal(conf->handler[0].env.v[1], "HOME");
	assert_string_equal(conf->handler[0].env.v[2], "ENV_NOWHERE");
	/* The process's own environment goes first. */
	assert_string_equal(with(text, ENV("STINT_WORKER_JOBS", "11", "ENV_A", "own")), "");
	assert_int_equal(conf->worker_jobs, 11);
	assert_string_equal(conf->handler[0].exec.v[1], "own");
	assert_string_equal(conf->handler[0].env.v[0], "ENV_A");
}

static void env_file_places(void **state)
{
	char path[600];

	(void)state;
	conf_file("env2", "STINT_WORKER_JOBS=12\n");
	conf_file("inc2.conf", "environment_file = \"env2\"\n");
	conf_file("places.conf", "include(\"inc2.conf\")\n");
	assert_string_equal(conf_try_prefix("places.conf", conf_dir), "");
	assert_int_equal(conf->worker_jobs, 12);
	snprintf(path, sizeof path, "%s/env2", conf_dir);
	assert_string_equal(with("", ENV("STINT_ENVIRONMENT_FILE", path)), "");
	assert_int_equal(conf->worker_jobs, 12);
	assert_string_equal(conf->environment_file, path);
}

static void env_file_mistakes(void **state)
{
	char text[700];

	(void)state;
	assert_string_equal(conf_try("#\nenvironment_file = \"/nowhere/env\"\n"), "main.conf:2: environment_file '/nowhere/env' cannot be read: No such file or directory\n");
	assert_string_equal(with("", ENV("STINT_ENVIRONMENT_FILE", "/nowhere/env")), "STINT_ENVIRONMENT_FILE: environment_file '/nowhere/env' cannot be read: No such file or directory\n");
	conf_file("bad.env", "# c\nNOT A NAME=1\nno equals sign\n1A=2\nA=\"open\nB='x' y\nC=1\nC=2\nSTINT_WORKER_JOBS=x\nSTINT_WORKER_JOB=1\n");
	snprintf(text, sizeof text, "environment_file = \"%s/bad.env\"\nworker_jobz = 1\n", conf_dir);
	assert_string_equal(conf_try(text), "main.conf:2: no option 'worker_jobz': did you mean worker_jobs?\n"
		"bad.env:2: a line is NAME=VALUE, a comment or empty\n"
		"bad.env:3: a line is NAME=VALUE, a comment or empty\n"
		"bad.env:4: a line is NAME=VALUE, a comment or empty\n"
		"bad.env:5: the value of A is not closed: its last character must be the quote it begins with\n"
		"bad.env:6: the value of B is not closed: its last character must be the quote it begins with\n"
		"bad.env:8: C is given twice: the first is on line 7\n"
		"bad.env:9: bad value 'x' for worker_jobs: expected a whole number from 1 to 4096\n"
		"bad.env:10: warning: STINT_WORKER_JOB is no option and not used: did you mean STINT_WORKER_JOBS?\n");
}

/* Text such as a dump means the same wherever it is read. */
static void text_has_no_environment(void **state)
{
	(void)state;
	setenv("STINT_WORKER_JOBS", "5", 1);
	setenv("ENV_SET", "x", 1);
	assert_string_equal(conf_try_text("environment_file = \"/nowhere/env\" user = \"${ENV_SET:-default}\"\n"), "");
	assert_int_equal(conf->worker_jobs, 16);
	assert_string_equal(conf->user, "default");
	assert_string_equal(conf_try_text("user = \"${ENV_SET}\"\n"), "text:1: ${ENV_SET} is not set in the environment: set ENV_SET, or write \"${ENV_SET:-default}\"\n");
	unsetenv("STINT_WORKER_JOBS");
	unsetenv("ENV_SET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overrides), cmocka_unit_test(values_are_literal), cmocka_unit_test(wrong_overrides), cmocka_unit_test(names_that_mean_two), cmocka_unit_test(names_that_mean_nothing),
		cmocka_unit_test(env_file), cmocka_unit_test(env_file_places), cmocka_unit_test(env_file_mistakes), cmocka_unit_test(text_has_no_environment),
	};

	return RUN(tests, sizeof tests / sizeof tests[0]);
}
