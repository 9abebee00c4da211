/* cli/top_screen: the screen of `stint top` at several sizes; and its JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/top.h"
#include "cli/width.h"
#include "job/job.h"

static struct top top;
static struct status_process processes[6];
static struct top_name queues[30], types[3];
static struct top_run runs[20];

static int set_up(void **unused)
{
	(void)unused;
	memset(&top, 0, sizeof(top));
	memset(queues, 0, sizeof(queues));
	top.st = (struct status){ .version = "9.8.7", .running = true, .server_state = "running", .generation = 3, .up_ms = 3723000, .now_ms = 1763757659123LL, .process = processes, .nprocess = 6 };
	top.st.jobs[JOB_QUEUED - 1] = 1234;
	top.st.jobs[JOB_SUCCEEDED - 1] = 5000000;
	for (unsigned i = 0; i < 6; i++)
		processes[i] = (struct status_process){ .role = i ? "worker" : "master", .number = i, .state = i == 5 ? "dead" : "running", .pid = 100 + (int)i, .alive = i < 5, .up_ms = 5000, .running = i };
	top.has_store = true;
	top.window_s = 10;
	top.rate[TOP_SUBMITTED] = 1234.5;
	top.rate[TOP_FAILED] = 0.25;
	top.queue = (struct status_quantiles){ .count = 10, .p50 = 0.5, .p99 = 1234 };
	for (unsigned i = 0; i < 30; i++) {
		snprintf(queues[i].name, sizeof(queues[i].name), "q%02u", i);
		queues[i].queued = i * 10;
		queues[i].out_s = 30 - i;
		queues[i].oldest_ms = i ? 90000 : -1;
	}
	top.queues = (struct top_names){ queues, 30, 30 };
	types[0] = (struct top_name){ .name = "resize", .dead = 12345678901ULL, .ms = { .count = 1, .p50 = 12.345, .p95 = 100.4 } };
	types[1] = (struct top_name){ .name = "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e with a name that is longer than any column", .out_s = 2 };
	types[2] = (struct top_name){ .name = "esc\033[2J" };
	top.types = (struct top_names){ types, 3, 3 };
	for (unsigned i = 0; i < 20; i++)
		runs[i] = (struct top_run){ .id = "01930000-0000-7000-8000-000000000001", .type = "resize", .attempt = i + 1, .worker = 2, .for_ms = 61000 };
	top.run = runs;
	top.nrun = 20;
	return 0;
}

static const char *drawn(unsigned rows, unsigned columns, const struct top_show *how)
{
	static char text[30000];
	struct screen s = { 0 };
	struct buf out = { 0 };

	screen_begin(&s, rows, columns);
	top_draw(&top, how, &s);
	assert_false(s.failed);
	for (unsigned i = 0; i < s.used; i++)
		if (width_of((struct slice){ s.line[i].text.data, s.line[i].text.len }) > columns)
			fail_msg("line %u is wider than %u: %s", i, columns, buf_cstr(&s.line[i].text));
	screen_text(&s, &out);
	snprintf(text, sizeof(text), "%s", buf_cstr(&out));
	buf_free(&out);
	screen_free(&s);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in:\n%s", part, text);
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static const struct top_show plain;

static void everything_has_its_place_at_24_by_80(void **unused)
{
	const char *text = drawn(24, 80, &plain);

	(void)unused;
	assert_int_equal(lines_of(text), 24);
	has(text, "Stint 9.8.7  running, up 1h 2m, conf generation 3\n");
	has(text, "jobs    queued 1,234  running 0  scheduled 0  retrying 0  waiting 0\n");
	has(text, "ended   succeeded 5,000,000  dead 0  cancelled 0  expired 0\n");
	has(text, "per s   submitted 1,235  succeeded 0.0  failed 0.2");
	has(text, "p50/p99 ms  queue 0.50/1,234  run -/-  submit -/-  commit -/-\n");
	has(text, "\nPROCESS 3/6 ");
	has(text, "\nmaster                 100 running          5s ");
	has(text, "\nQUEUE 4/30       ");
	has(text, "\nq01                        10       0         0     0.0    29.0   1m 30s       -\n");
	has(text, "\nTYPE  ");
	has(text, "\nresize                      0       0     12.3G       0     0.0     12.3     100\n");
	has(text, "\n\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e with a name~");
	has(text, "\nesc\\x1b[2J ");
	has(text, "\nRUNNING 4/20 ");
	has(text, "\n01930000-0000-7000-8000-000000000001 resize                   1      2     1m 1s\n");
	has(text, "\nq quit  space pause  s sort (load)  p processes\n");
}

static void no_size_is_too_small_or_too_large(void **unused)
{
	(void)unused;
	for (unsigned rows = 0; rows <= 60; rows++)
		for (unsigned columns = 0; columns <= 200; columns += 7)
			assert_int_equal(lines_of(drawn(rows, columns, &plain)), rows);
	const char *text = drawn(12, 60, &plain);
	has(text, "\nQUEUE 2/30 ");
	has(text, "\nRUNNING 2/20 ");
	has_not(text, "PROCESS");
	text = drawn(200, 200, &plain);
	has(text, "\nq29 ");
	has(text, "name that is longer than any column ");
	has_not(text, "/30");
}

static void keys_change_what_is_shown(void **unused)
{
	const char *text = drawn(24, 80, &(struct top_show){ .no_processes = true, .paused = true, .sort = TOP_BY_NAME });

	(void)unused;
	has(text, "conf generation 3  PAUSED\n");
	has_not(text, "PROCESS");
	has(text, "\nQUEUE 6/30 ");
	has(text, "space go on  s sort (name)");
}

static void tables_are_sorted(void **unused)
{
	(void)unused;
	top_sort(&top.queues, TOP_BY_LOAD);
	assert_string_equal(queues[0].name, "q29");
	top_sort(&top.queues, TOP_BY_RATE);
	assert_string_equal(queues[0].name, "q00");
	queues[0].name[0] = 'z';
	top_sort(&top.queues, TOP_BY_NAME);
	assert_string_equal(queues[0].name, "q01");
	assert_string_equal(queues[29].name, "z00");
}

static void a_dead_server_says_so(void **unused)
{
	(void)unused;
	top.st.running = false;
	top.st.last_beat_ms = 60000;
	top.nrun = 0;
	const char *text = drawn(24, 80, &plain);
	has(text, "Stint 9.8.7  NOT RUNNING; the figures below are the last it left behind 1m 0s ag\n");
	has_not(text, "\nRUNNING");
}

static void what_is_not_known_is_no_number(void **unused)
{
	(void)unused;
	top.has_store = false;
	top.window_s = 0;
	snprintf(top.why, sizeof(top.why), "without the store: no permission");
	const char *text = drawn(24, 80, &plain);
	has(text, "\nq01                         -       -         -       -       -   1m 30s       -\n");
	has(text, "p processes   without the store: n");
	has(text, "per s   submitted -  succeeded -");
	text = drawn(60, 120, &(struct top_show){ .no_foot = true });
	has_not(text, "q quit");
	has(text, "\nwithout the store: no permission\n");
}

static void programs_read_the_same(void **unused)
{
	struct buf out = { 0 };

	(void)unused;
	top_put_json(&top, &out);
	assert_int_equal(out.data[out.len - 1], '\n');
	json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "at")), "2025-11-21T20:40:59.123Z");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "status"), "queued")), 1234);
	assert_true(json_number_value(json_object_get(json_object_get(root, "window"), "submitted_per_s")) == 1234.5);
	json_t *queue = json_array_get(json_object_get(root, "queues"), 7);
	assert_string_equal(json_string_value(json_object_get(queue, "name")), "q07");
	assert_int_equal(json_integer_value(json_object_get(queue, "queued")), 70);
	assert_true(json_number_value(json_object_get(queue, "oldest_queued_s")) == 90);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(root, "types"), 2), "name")), "esc\033[2J");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(root, "running"), 19), "attempt")), 20);
	json_decref(root);
	top.has_store = false;
	buf_clear(&out);
	top_put_json(&top, &out);
	root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_null(json_object_get(json_array_get(json_object_get(root, "queues"), 7), "queued"));
	json_decref(root);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(everything_has_its_place_at_24_by_80, set_up),
		cmocka_unit_test_setup(no_size_is_too_small_or_too_large, set_up),
		cmocka_unit_test_setup(keys_change_what_is_shown, set_up),
		cmocka_unit_test_setup(tables_are_sorted, set_up),
		cmocka_unit_test_setup(a_dead_server_says_so, set_up),
		cmocka_unit_test_setup(what_is_not_known_is_no_number, set_up),
		cmocka_unit_test_setup(programs_read_the_same, set_up),
	};

	return cmocka_run_group_tests_name("cli/top_screen", tests, NULL, NULL);
}
