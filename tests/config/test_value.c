/* Typed values: what each type takes, what it refuses and says, and that writing one reads back. */
#include "conf_test.h"

static const struct mistake mistakes[] = {
	{ "not a number", "worker_jobs = many\n", "main.conf:1: bad value 'many' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "number below its range", "worker_jobs = 0\n", "main.conf:1: bad value '0' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "number above its range", "worker_jobs = 4097\n", "main.conf:1: bad value '4097' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "negative number", "worker_jobs = -1\n", "main.conf:1: bad value '-1' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "number with a fraction", "worker_jobs = 1.5\n", "main.conf:1: bad value '1.5' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "number with a unit", "worker_jobs = 4K\n", "main.conf:1: bad value '4K' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "number with a space", "worker_jobs = \" 4\"\n", "main.conf:1: bad value ' 4' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "empty number", "worker_jobs = \"\"\n", "main.conf:1: bad value '' for worker_jobs: expected a whole number from 1 to 4096\n" },
	{ "huge number", "store { max_queued = 99999999999999999999999 }\n",
		"main.conf:1: bad value '99999999999999999999999' for max_queued: expected a whole number from 0 to 1000000000000\n" },
	{ "no processes", "worker_processes = 0\n", "main.conf:1: bad value '0' for worker_processes: expected auto or a whole number from 1 to 256\n" },
	{ "automatic", "worker_processes = automatic\n", "main.conf:1: bad value 'automatic' for worker_processes: expected auto or a whole number from 1 to 256\n" },
	{ "size below its range", "http {\n max_body = 1\n}\n", "main.conf:2: bad value '1' for max_body: expected a size from 1K to 1G, such as 64K, 1M or 8G\n" },
	{ "size with a wrong unit", "http { max_body = 1x }\n", "main.conf:1: bad value '1x' for max_body: expected a size from 1K to 1G, such as 64K, 1M or 8G\n" },
	{ "size of two letters", "http { max_body = 1MB }\n", "main.conf:1: bad value '1MB' for max_body: expected a size from 1K to 1G, such as 64K, 1M or 8G\n" },
	{ "duration with a wrong unit", "drain_timeout = 5min\n", "main.conf:1: bad value '5min' for drain_timeout: expected a duration from 0s to 1d, such as 250ms, 30s, 5m, 2h or 7d\n" },
	{ "duration out of its range", "drain_timeout = 2d\n", "main.conf:1: bad value '2d' for drain_timeout: expected a duration from 0s to 1d, such as 250ms, 30s, 5m, 2h or 7d\n" },
	{ "negative duration", "drain_timeout = -5s\n", "main.conf:1: bad value '-5s' for drain_timeout: expected a duration from 0s to 1d, such as 250ms, 30s, 5m, 2h or 7d\n" },
	{ "rate without its unit", "http { submit_rate = 100 }\n", "main.conf:1: bad value '100' for submit_rate: expected a rate, such as 100/s or 6000/m, or 0 for no limit\n" },
	{ "unknown word", "log_level = warning\n", "main.conf:1: bad value 'warning' for log_level: expected debug, info, warn or error\n" },
	{ "one of two words", "log_format = xml\n", "main.conf:1: bad value 'xml' for log_format: expected text or json\n" },
	{ "word in capitals", "log_format = JSON\n", "main.conf:1: bad value 'JSON' for log_format: expected text or json\n" },
	{ "not true or false", "handler a { builtin = noop remote = yes }\n", "main.conf:1: bad value 'yes' for remote: expected true or false\n" },
	{ "unknown builtin", "handler a { builtin = echo }\n", "main.conf:1: bad value 'echo' for builtin: expected noop, print, sleep or fail\n" },
	{ "factor that is no number", "handler a { builtin = noop backoff_factor = 1e3 }\n", "main.conf:1: bad value '1e3' for backoff_factor: expected a number from 1 to 1000, such as 1.5\n" },
	{ "factor below one", "handler a { builtin = noop backoff_factor = 0.5 }\n", "main.conf:1: bad value '0.5' for backoff_factor: expected a number from 1 to 1000, such as 1.5\n" },
	{ "factor with two points", "handler a { builtin = noop backoff_factor = 1.5.2 }\n", "main.conf:1: bad value '1.5.2' for backoff_factor: expected a number from 1 to 1000, such as 1.5\n" },
	{ "umask that is not octal", "handler a { builtin = noop umask = 088 }\n", "main.conf:1: bad value '088' for umask: expected an octal number from 000 to 0777\n" },
	{ "umask out of its range", "handler a { builtin = noop umask = 01000 }\n", "main.conf:1: bad value '01000' for umask: expected an octal number from 000 to 0777\n" },
	{ "nice out of its range", "handler a { builtin = noop nice = -21 }\n", "main.conf:1: bad value '-21' for nice: expected a whole number from -20 to 19\n" },
	{ "nice that is no number", "handler a { builtin = noop nice = - }\n", "main.conf:1: bad value '-' for nice: expected a whole number from -20 to 19\n" },
	{ "empty path", "\n\npid_file = \"\"\n", "main.conf:3: bad value '' for pid_file: expected a path\n" },
	{ "empty text", "handler a { builtin = noop queue = \"\" }\n", "main.conf:1: bad value '' for queue: expected a text from 1 to 128 characters long\n" },
	{ "log that is neither a word nor a path", "log = stdout\n", "main.conf:1: bad value 'stdout' for log: expected stderr, syslog or a path with a '/' in it\n" },
	{ "empty list", "http {\n\tlisten = {}\n}\n", "main.conf:2: listen is empty: expected a list with at least one element\n" },
	{ "control characters are not printed", "log_level = \"a\\nb\\rc\"\n", "main.conf:1: bad value 'a?b?c' for log_level: expected debug, info, warn or error\n" },
};

static void each_type(void **state)
{
	(void)state;
	conf_good("worker_processes = 3 worker_jobs = \"16\" log_level = error log_format = json drain_timeout = 0 log = \"./x.log\" user = \"\"\n"
		"http { max_body = 1048577 header_timeout = 250ms }\n"
		"store { map_size = 2T retain_failed = 7d min_free = 0 }\n"
		"handler a { builtin = sleep backoff_factor = 1.5 umask = 027 nice = -5 timeout = 1.5 max_output = 0 remote = false }\n"
		"handler b { builtin = fail nice = +5 umask = 0 }\n");
	assert_int_equal(conf->worker_processes, 3);
	assert_int_equal(conf->log_level, 3);
	assert_int_equal(conf->log_format, 1);
	assert_int_equal(conf->drain_timeout, 0);
	assert_string_equal(conf->log, "./x.log");
	assert_string_equal(conf->user, "");
	assert_true(conf->user_given);
	assert_int_equal(conf->http.max_body, 1048577);
	assert_int_equal(conf->http.header_timeout, 250);
	assert_int_equal(conf->store.map_size, INT64_C(2) << 40);
	assert_int_equal(conf->store.retain_failed, INT64_C(7) * 86400000);
	assert_int_equal(conf->handler[0].kind, CONF_HANDLER_BUILTIN);
	assert_int_equal(conf->handler[0].builtin, CONF_BUILTIN_SLEEP);
	assert_true(conf->handler[0].backoff_factor == 1.5);
	assert_int_equal(conf->handler[0].umask, 027);
	assert_int_equal(conf->handler[0].nice, -5);
	assert_int_equal(conf->handler[0].timeout, 1500);
	assert_int_equal(conf->handler[0].max_output, 0);
	assert_int_equal(conf->handler[1].nice, 5);
	assert_int_equal(conf->handler[1].builtin, CONF_BUILTIN_FAIL);
}

/* The defaults of the contract, as numbers. */
static void the_defaults(void **state)
{
	(void)state;
	conf_good("handler a { builtin = noop }\n");
	const struct conf_http *h = &conf->http;
	const struct conf_store *s = &conf->store;
	const struct conf_handler *a = &conf->handler[0];
	assert_true(conf->worker_processes >= 1 && conf->worker_processes <= 256);
	assert_int_equal(conf->worker_jobs, 16);
	assert_string_equal(conf->user, "stint");
	assert_string_equal(conf->group, "stint");
	assert_false(conf->user_given);
	assert_string_equal(conf->pid_file, "/run/stint/stintd.pid");
	assert_string_equal(conf->run_dir, "/run/stint");
	assert_string_equal(conf->log, "stderr");
	assert_int_equal(conf->log_level, 1);
	assert_int_equal(conf->log_format, 0);
	assert_int_equal(conf->drain_timeout, 30000);
	assert_int_equal(conf->watchdog, 10000);
	assert_string_equal(conf->environment_file, "");
	assert_int_equal(conf->unknown_types, CONF_UNKNOWN_REJECT);
	assert_int_equal(h->nlisten, 1);
	assert_string_equal(h->listen[0].text, "127.0.0.1:8080");
	assert_int_equal(h->max_body, 1 << 20);
	assert_int_equal(h->max_header, 16 << 10);
	assert_int_equal(h->max_connections, 4096);
	assert_int_equal(h->header_timeout, 10000);
	assert_int_equal(h->body_timeout, 30000);
	assert_int_equal(h->idle_timeout, 75000);
	assert_int_equal(h->write_timeout, 30000);
	assert_int_equal(h->hosts.n, 0);
	assert_string_equal(s->path, "/var/lib/stint");
	assert_int_equal(s->sync, CONF_SYNC_FULL);
	assert_int_equal(s->sync_interval, 20);
	assert_int_equal(s->map_size, INT64_C(64) << 30);
	assert_int_equal(s->min_free, 256 << 20);
	assert_int_equal(s->max_queued, 1000000);
	assert_int_equal(s->retain_succeeded, 86400000);
	assert_int_equal(s->retain_failed, INT64_C(30) * 86400000);
	assert_int_equal(s->retain_count, 1000000);
	assert_int_equal(s->idempotency_window, 86400000);
	assert_int_equal(s->idempotency_max, 4000000);
	assert_int_equal(conf->nqueue, 1);
	assert_string_equal(conf->queue[0].name, "default");
	assert_int_equal(conf->queue[0].weight, 1);
	assert_int_equal(conf->queue[0].priority_aging, 60000);
	assert_int_equal(conf->queue[0].max_queued, 0);
	assert_string_equal(a->queue, "default");
	assert_int_equal(a->timeout, 30000);
	assert_int_equal(a->kill_grace, 5000);
	assert_int_equal(a->max_retries, 3);
	assert_int_equal(a->max_crashes, 10);
	assert_int_equal(a->backoff_base, 1000);
	assert_true(a->backoff_factor == 2);
	assert_int_equal(a->backoff_max, INT64_C(1048576000));
	assert_int_equal(a->backoff_jitter, 25);
	assert_int_equal(a->breaker_cooldown, 30000);
	assert_int_equal(a->max_output, 64 << 10);
	assert_int_equal(a->env.n, 0);
	assert_string_equal(a->cwd, "/");
	assert_int_equal(a->umask, 077);
	assert_int_equal(a->nice, 0);
	assert_int_equal(a->rlimit_files, 256);
	assert_int_equal(a->instances, 1);
	assert_int_equal(a->pipeline, 1);
}

/* Every directive's default is one that its own type and range take, and writing it reads back to the same. */
static void every_default_reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ndirectives; i++) {
		const struct directive *d = &directives[i];
		union conf_slot a = { 0 }, b = { 0 };
		struct buf text = { 0 };
		struct conf_list one = { 0 };
		if (d->flags & CONF_KIND)
			continue;
		assert_int_equal(value_default(d, &a), VALUE_OK);
		value_put(d, &a, &text);
		char *written = strdup(buf_cstr(&text));
		size_t n = strlen(written);
		if (d->type == CONF_LIST || *written == '"') {          /* take the quotes and braces off, these values hold none */
			char *to = written;
			for (size_t j = 0; j < n; j++)
				if (!strchr("{}\"", written[j]))
					*to++ = written[j];
			*to = '\0';
		}
		if (d->type == CONF_LIST)
			assert_true(list_split(slice_of(written), &one));
		assert_int_equal(d->type == CONF_LIST ? value_set(d, &b, one.v, one.n) : value_set(d, &b, &written, 1), VALUE_OK);
		assert_true(value_equal(d, &a, &b));
		list_free(&one);
		value_clear(d, &a);
		value_clear(d, &b);
		buf_free(&text);
		free(written);
	}
}

static void check_written(enum conf_type type, const char *in, const char *out)
{
	const struct directive d = { .name = "x", .type = type, .min = INT64_MIN, .max = INT64_MAX };
	struct directive wide = d;
	union conf_slot v = { 0 };
	struct buf text = { 0 };
	char *copy = strdup(in);

	if (type == CONF_UINT || type == CONF_OCTAL || type == CONF_SIZE || type == CONF_STRING)
		wide.min = 0;
	assert_int_equal(value_set(&wide, &v, &copy, 1), VALUE_OK);
	value_put(&wide, &v, &text);
	assert_string_equal(buf_cstr(&text), out);
	value_clear(&wide, &v);
	buf_free(&text);
	free(copy);
}

static void written_forms(void **state)
{
	(void)state;
	check_written(CONF_UINT, "007", "7");
	check_written(CONF_OCTAL, "7", "007");
	check_written(CONF_OCTAL, "0777", "0777");
	check_written(CONF_INT, "-20", "-20");
	check_written(CONF_SIZE, "2048", "2K");
	check_written(CONF_DURATION, "3600s", "1h");
	check_written(CONF_REAL, "1.10", "1.1");
	check_written(CONF_REAL, "1000", "1000");
	check_written(CONF_RATE, "0", "0");
	check_written(CONF_RATE, "120/m", "2/s");
	check_written(CONF_RATE, "100/m", "100/m");
	check_written(CONF_RATE, "1/h", "1/h");
	check_written(CONF_RATE, "0.5/s", "30/m");
	check_written(CONF_BOOL, "true", "true");
	check_written(CONF_STRING, "a\"b\\c\n\t\r${X}$Y", "\"a\\\"b\\\\c\\n\\t\\r\\${X}$Y\"");
}

/* A value that is refused leaves the old one. */
static void a_bad_value_changes_nothing(void **state)
{
	const struct directive *d = directive_of(CONF_MAIN, SLICE("pid_file"));
	union conf_slot v = { 0 };
	char good[] = "/a", bad[] = "", *g = good, *b = bad;

	(void)state;
	assert_int_equal(value_set(d, &v, &g, 1), VALUE_OK);
	assert_int_equal(value_set(d, &v, &b, 1), VALUE_BAD);
	assert_int_equal(value_set(d, &v, &b, 0), VALUE_BAD);
	assert_string_equal(v.s, "/a");
	value_clear(d, &v);
	assert_null(v.s);
}

static void check_split(const char *text, size_t n, const char *first, const char *last)
{
	struct conf_list l;

	assert_true(list_split(slice_of(text), &l));
	assert_int_equal(l.n, n);
	if (n) {
		assert_string_equal(l.v[0], first);
		assert_string_equal(l.v[n - 1], last);
	}
	list_free(&l);
}

static void lists_by_commas(void **state)
{
	(void)state;
	check_split("", 0, NULL, NULL);
	check_split("  ", 0, NULL, NULL);
	check_split("a", 1, "a", "a");
	check_split("a,b", 2, "a", "b");
	check_split(" a b , c ", 2, "a b", "c");
	check_split("a,,b", 3, "a", "b");
	check_split("a,", 2, "a", "");
}

/* auto is what we may run on, not what the machine has. */
static void automatic_processes(void **state)
{
	cpu_set_t before, one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	conf_good("worker_processes = auto\n");
	assert_int_equal(conf->worker_processes, CPU_COUNT(&before) > 256 ? 256 : CPU_COUNT(&before));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &before)) {
			CPU_SET(i, &one);
			break;
		}
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	conf_good("worker_processes = auto\n");
	assert_int_equal(conf->worker_processes, 1);
	assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
	struct CMUnitTest tests[MISTAKES_MAX] = {
		cmocka_unit_test(each_type), cmocka_unit_test(the_defaults), cmocka_unit_test(every_default_reads_back), cmocka_unit_test(written_forms),
		cmocka_unit_test(a_bad_value_changes_nothing), cmocka_unit_test(lists_by_commas), cmocka_unit_test(automatic_processes),
	};

	return RUN(tests, MISTAKES(tests, 7, mistakes));
}
