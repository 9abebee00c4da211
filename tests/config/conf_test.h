/* What the tests of config share: a directory of one's own, files in it, and a load whose messages come as text with the directory taken out. */
#ifndef STINT_TESTS_CONFIG_CONF_TEST_H
#define STINT_TESTS_CONFIG_CONF_TEST_H

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/internal.h"

#define UNUSED __attribute__((unused))

static char conf_dir[512];
static struct conf *conf;                       /* of the last load; freed by the next one and at the end */
static char conf_messages[64 * 1024];

/* A file below the directory; folders on the way are made. */
static UNUSED void conf_file(const char *name, const char *text)
{
	char path[1024];

	snprintf(path, sizeof path, "%s/%s", conf_dir, name);
	for (char *slash = strchr(path + strlen(conf_dir) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		char command[1200];
		*slash = '\0';
		snprintf(command, sizeof command, "mkdir -p '%s'", path);
		assert_int_equal(system(command), 0);
		*slash = '/';
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static void conf_text(const struct conf_report *r)
{
	char raw[sizeof conf_messages], *from = raw, *to = conf_messages;
	size_t n = 0, dir = strlen(conf_dir), errors = 0;

	raw[0] = '\0';
	for (size_t i = 0; i < r->n; i++) {
		const struct conf_message *m = &r->v[i];
		char line[24] = "";
		if (m->line)
			snprintf(line, sizeof line, ":%u", m->line);
		n += (size_t)snprintf(raw + n, sizeof raw - n, "%s%s: %s%s\n", m->file, line, m->warning ? "warning: " : "", m->text);
		assert_true(n < sizeof raw);
		errors += !m->warning;
	}
	assert_int_equal(errors, r->errors);
	while (*from) {
		if (strncmp(from, conf_dir, dir) == 0 && from[dir] == '/')
			from += dir + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
}

/* Loads a file of the directory; returns its messages. `conf` is NULL exactly where one of them is an error. */
static UNUSED const char *conf_try_prefix(const char *name, const char *prefix)
{
	struct conf_report r;
	char path[1024];

	conf_free(conf);
	snprintf(path, sizeof path, "%s/%s", conf_dir, name);
	conf = conf_load(path, prefix, &r);
	conf_text(&r);
	assert_int_equal(conf == NULL, r.errors > 0);
	conf_report_free(&r);
	return conf_messages;
}

static UNUSED const char *conf_try(const char *text)
{
	conf_file("main.conf", text);
	return conf_try_prefix("main.conf", NULL);
}

/* Loads what must be right. */
static UNUSED void conf_good(const char *text)
{
	assert_string_equal(conf_try(text), "");
	assert_non_null(conf);
}

static UNUSED const char *conf_try_text(const char *text)
{
	struct conf_report r;

	conf_free(conf);
	conf = conf_parse("text", text, strlen(text), &r);
	conf_text(&r);
	assert_int_equal(conf == NULL, r.errors > 0);
	conf_report_free(&r);
	return conf_messages;
}

/* A conf and what is said about it. */
struct mistake { const char *name, *text, *said; };

static UNUSED void mistake_case(void **state)
{
	const struct mistake *m = *state;

	assert_string_equal(conf_try(m->text), m->said);
}

static UNUSED int conf_begin(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	for (char **e = environ; *e;) {         /* a STINT_ of whoever runs the test would change the outcome */
		char name[256];
		size_t n = strcspn(*e, "=");
		if (strncmp(*e, "STINT_", 6) != 0 || n >= sizeof name) {
			e++;
			continue;
		}
		memcpy(name, *e, n);
		name[n] = '\0';
		unsetenv(name);
		e = environ;
	}
	snprintf(conf_dir, sizeof conf_dir, "%s/stint-config-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	return mkdtemp(conf_dir) ? 0 : -1;
}

static UNUSED int conf_end(void **state)
{
	char command[600];

	(void)state;
	conf_free(conf);
	conf = NULL;
	snprintf(command, sizeof command, "rm -rf '%s'", conf_dir);
	return system(command) == 0 ? 0 : -1;
}

/* Every mistake as a test of its own. */
#define MISTAKES_MAX 128
static UNUSED size_t mistake_tests(struct CMUnitTest *tests, size_t n, const struct mistake *m, size_t count)
{
	for (size_t i = 0; i < count && n < MISTAKES_MAX; i++)
		tests[n++] = (struct CMUnitTest){ .name = m[i].name, .test_func = mistake_case, .initial_state = (void *)(uintptr_t)&m[i] };
	return n;
}
#define MISTAKES(tests, n, table) mistake_tests(tests, n, table, sizeof(table) / sizeof((table)[0]))
#define RUN(tests, n) _cmocka_run_group_tests(#tests, tests, n, conf_begin, conf_end)

#endif
