/* GET /metrics: both text formats by their own rules, and the short JSON with exactly its keys. S0.21 S0.22 S0.23 S0.24 S0.29 S1.33 S1.34 S1.35 S1.36
 * S1.37 S1.38 S1.39 S1.40 S1.41 S2.8 S2.19 S3.17 S3.21 S3.36 S3.38 S3.39 S3.40 S3.41 S3.42. */
#include "api_test.h"

#include "http/figures.h"

static struct http_request q;
static struct http_pair accept_header;

static void metrics(const char *accept)
{
	accept_header = (struct http_pair){ SLICE("accept"), slice_of(accept) };
	q = (struct http_request){ .api = &api, .method = HTTP_M_GET, .header = &accept_header, .nheader = accept ? 1 : 0 };
	answer_clear();
	api_metrics(&q);
	assert_int_equal(answer.status, 200);
}

static bool has_line(const char *line)
{
	size_t n = strlen(line);

	for (const char *p = answer.body; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, line, n) == 0 && p[n] == '\n')
			return true;
	return false;
}

static void line(const char *text)
{
	if (!has_line(text))
		fail_msg("there is no line: %s", text);
}

static void some_jobs(void)
{
	struct job job;

	submit_type("email", "", "default");
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{}", NULL);
	submit_type("email", "", "default");
	job = claim_next();
	finish(&job, JOB_OUTCOME_FAILED, NULL, "x");
	submit_type("t.x", "", "odd \"queue\"\\\n");
	histogram_add(seg.queue_us, 900);
	histogram_add(seg.queue_us, 40000);
	histogram_add(seg.queue_us, 100000000000LL);
	snprintf(seg.type_hist[0].name, SHM_NAME, "email");
	atomic_store(&seg.type_hist[0].ready, 1);
	histogram_add(&seg.type_hist[0].h, 2000);
	server_runs();
}

/* Every sample belongs to the family whose TYPE stands last above it, and no family comes twice. */
static void families_are_whole(bool openmetrics)
{
	char family[128] = "", seen[8192] = "";
	unsigned samples = 0;

	for (char *p = answer.body; *p;) {
		size_t n = strcspn(p, "\n");
		assert_int_equal(p[n], '\n');
		if (strncmp(p, "# TYPE ", 7) == 0) {
			char type[32], mark[132];
			assert_int_equal(sscanf(p, "# TYPE %127s %31[a-z]", family, type), 2);
			if (openmetrics && strlen(family) > 6)
				assert_string_not_equal(family + strlen(family) - 6, "_total");
			else if (strcmp(type, "counter") == 0)
				assert_string_equal(family + strlen(family) - 6, "_total");
			assert_int_equal(strncmp(family, "stint_", 6), 0);
			snprintf(mark, sizeof(mark), " %s ", family);
			assert_null(strstr(seen, mark));
			strncat(seen, mark, sizeof(seen) - strlen(seen) - 1);
		} else if (p[0] != '#') {
			assert_int_equal(strncmp(p, family, strlen(family)), 0);
			samples++;
		}
		p += n + 1;
	}
	assert_true(samples > 100);
}

static void prometheus_text(void **state)
{
	(void)state;
	some_jobs();
	metrics("text/plain");
	assert_int_equal(strncmp(answer.content_type, "text/plain; version=0.0.4", 25), 0);
	assert_non_null(strstr(answer.headers, "Vary: Accept"));
	families_are_whole(false);
	line("# TYPE stint_jobs gauge");
	line("stint_jobs{state=\"succeeded\"} 1");
	line("stint_jobs{state=\"queued\"} 1");
	line("stint_queue_depth 1");
	line("# TYPE stint_jobs_processed_total counter");
	line("stint_jobs_processed_total 2");
	line("stint_job_failures_total 1");
	line("stint_queue_jobs{queue=\"odd \\\"queue\\\"\\\\\\n\",state=\"queued\"} 1");
	line("stint_processes{role=\"worker\"} 1");
	line("stint_process_resident_bytes{role=\"master\",slot=\"0\"} 2097152");
	line("stint_build_info{version=\"1.2.3\"} 1");
	line("# TYPE stint_build_info gauge");
	assert_null(strstr(answer.body, "# EOF"));
	assert_null(strstr(answer.body, "# UNIT"));
}

static void histograms(void **state)
{
	(void)state;
	some_jobs();
	metrics(NULL);
	line("# TYPE stint_queue_seconds histogram");
	line("stint_queue_seconds_bucket{le=\"0.001\"} 1");
	line("stint_queue_seconds_bucket{le=\"0.025\"} 1");
	line("stint_queue_seconds_bucket{le=\"0.05\"} 2");
	line("stint_queue_seconds_bucket{le=\"43200.0\"} 2");
	line("stint_queue_seconds_bucket{le=\"+Inf\"} 3");
	line("stint_queue_seconds_count 3");
	line("stint_queue_seconds_sum 100000.041");
	line("stint_type_execution_seconds_bucket{type=\"email\",le=\"0.0025\"} 1");
	line("stint_type_execution_seconds_count{type=\"email\"} 1");
	line("# TYPE stint_execution_seconds histogram");
	line("# TYPE stint_submit_seconds histogram");
	assert_null(strstr(answer.body, "type=\"other\""));
	histogram_add(&seg.type_hist[SHM_TYPES].h, 5);
	metrics(NULL);
	line("stint_type_execution_seconds_count{type=\"other\"} 1");
}

static void openmetrics_text(void **state)
{
	size_t n;

	(void)state;
	some_jobs();
	metrics("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
	assert_int_equal(strncmp(answer.content_type, "application/openmetrics-text; version=1.0.0", 43), 0);
	families_are_whole(true);
	line("# TYPE stint_jobs_processed counter");
	line("stint_jobs_processed_total 2");
	line("# UNIT stint_queue_seconds seconds");
	line("# TYPE stint_build info");
	line("stint_build_info{version=\"1.2.3\"} 1");
	n = strlen(answer.body);
	assert_true(n > 6);
	assert_string_equal(answer.body + n - 6, "# EOF\n");
	assert_ptr_equal(strstr(answer.body, "# EOF"), answer.body + n - 6);
}

static void short_json(void **state)
{
	static const struct { const char *key; double want; } keys[] = { { "Processed", 2 }, { "Failed", 0 }, { "Recovered", 0 },
		{ "active_workers", 0 }, { "queue_depth", 1 }, { "retry_count", 1 },
		{ "success_count", 1 }, { "failure_count", 0 }, { "dead_letter_count", 0 }, { "avg_time_in_queue_ms", 0 }, { "avg_execution_ms", 2.5 } };
	struct job job;
	json_t *j;

	(void)state;
	some_jobs();
	memset(seg.queue_us, 0, sizeof(*seg.queue_us));
	histogram_add(seg.exec_us, 2500);
	metrics("application/json");
	assert_string_equal(answer.content_type, "application/json");
	j = answer_json();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		number_is(j, keys[i].key, keys[i].want);
	assert_int_equal(json_object_size(j), sizeof(keys) / sizeof(keys[0]));
	json_decref(j);
	/* the job in t.x dies: its one retry is used up as well */
	for (int i = 0; i < 2; i++) {
		fake_wall_ms += 100000;
		assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
		bool more;
		assert_int_equal(store_due(store, 100, &more), STORE_OK);
		assert_int_equal(store_commit(store), STORE_OK);
		job = claim_next();
		finish(&job, JOB_OUTCOME_FAILED, NULL, "x");
	}
	fake_wall_ms += 100000;
	metrics("application/json");
	j = answer_json();
	number_is(j, "Processed", 4);
	number_is(j, "Failed", 1);
	number_is(j, "failure_count", 1);
	number_is(j, "dead_letter_count", 1);
	json_decref(j);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = { T(prometheus_text), T(histograms), T(openmetrics_text), T(short_json) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
