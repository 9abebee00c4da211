/* The status page: everything that it promises is on it, nothing from outside is ever markup, and nothing on it needs what its policy forbids. S0.31
 * S4.5 S4.6 S4.7 S4.8 S4.51. */
#include "page_test.h"

static struct http_pair accept_header = { SLICE("accept"), { NULL, 0 } };

static void page(const char *accept)
{
	browser(HTTP_M_GET, "/status");
	accept_header.value = slice_of(accept);
	q.header = &accept_header;
	q.nheader = 1;
	api_status_page(&q);
	assert_int_equal(answer.answers, 1);
}

static void empty_server(void **state)
{
	(void)state;
	page("text/html,application/xhtml+xml");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.content_type, "text/html; charset=utf-8");
	has("starting");
	has("none yet");
	has("default");
	has("email");
	is_well_formed();
}

static void everything_is_there(void **state)
{
	static const char *const words[] = { ">ready<", "version 1.2.3", "up 5", ">queued<", ">running<", ">scheduled<", ">waiting<", ">retrying<",
		">succeeded<", ">dead<", ">cancelled<", ">expired<",
		"Throughput", "success rate", "Latency", "time in queue", "execution", "submission", "commit", "p50", "p95", "p99", "Queues",
			"Types", "Processes", "master", "keeper", "acceptor",
		"worker 1", "restarts", "memory", "Store", "Recent jobs", "nightly report", "retrying", "it broke", "<svg",
			"/status/style.css?v=1.2.3", "/status/script.js?v=1.2.3" };
	struct job job;

	(void)state;
	server_runs();
	submit_type("email", "nightly report", "default");
	job = claim_next();
	finish(&job, JOB_OUTCOME_FAILED, NULL, "it broke");
	page("text/html");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		has(words[i]);
	is_well_formed();
}

static void job_data_is_text(void **state)
{
	struct job job;

	(void)state;
	server_runs();
	submit_type("email", "<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>");
	job = claim_next();
	finish(&job, JOB_OUTCOME_FAILED, NULL, "</td><script>alert(3)</script>'&amp;");
	page("text/html");
	has_not("<script>alert");
	has_not("<img");
	has_not("</td><script");
	has("&lt;script&gt;alert(1)&lt;/script&gt;");
	has("&quot;&gt;&lt;img src=x onerror=alert(2)&gt;");
	has("&lt;/td&gt;&lt;script&gt;alert(3)&lt;/script&gt;&#39;&amp;amp;");
	is_well_formed();
}

static void nothing_inline(void **state)
{
	(void)state;
	server_runs();
	submit_type("email", "n", "default");
	page("text/html");
	is_page(200);
	has("<noscript>");
}

/* Every number of jobs leads to those. */
static void numbers_lead_there(void **state)
{
	(void)state;
	server_runs();
	submit_type("email", "n", "a/b");
	page("text/html");
	has("href=\"/status/jobs?state=queued\">1</a>");
	has("href=\"/status/jobs?state=dead\">0</a>");
	has("href=\"/status/jobs?state=queued&amp;queue=a%2Fb\">1</a>");
	has("href=\"/status/jobs?state=queued&amp;type=email\">1</a>");
	has("href=\"/status/jobs/0");
}

static void states_of_the_server(void **state)
{
	struct store_reader *reader = api.reader;

	(void)state;
	server_runs();
	atomic_store(&seg.h->no_claims, 1);
	atomic_store(&seg.h->reload_failed, 1);
	shm_gauge(&seg.proc[1], SHM_C_STORE_REFUSING, 1);
	page("text/html");
	has("claiming is stopped");
	has("the last reload failed");
	has("no room");
	api.reader = NULL;
	page("text/html");
	api.reader = reader;
	assert_int_equal(answer.status, 200);
	has("cannot be read");
	is_well_formed();
}

static void json_for_who_asks(void **state)
{
	json_t *j;

	(void)state;
	page("application/json");
	assert_string_equal(answer.content_type, "application/json");
	j = answer_json();
	number_is(j, "total", 0);
	json_decref(j);
	assert_non_null(strstr(answer.headers, "Vary: Accept"));
	page("text/html, application/json;q=0.9");
	assert_string_equal(answer.content_type, "text/html; charset=utf-8");
}

static void assets(void **state)
{
	static const struct { struct slice path; const char *type, *word; } asset[] = { { SLICE("/status/style.css"), "text/css", "prefers-color-scheme" },
		{ SLICE("/status/script.js"), "text/javascript", "getElementById" }, { SLICE("/status/icon.svg"), "image/svg+xml", "<svg" } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		q = (struct http_request){ .api = &api, .path = asset[i].path };
		answer_clear();
		api_asset(&q);
		assert_int_equal(answer.status, 200);
		assert_int_equal(strncmp(answer.content_type, asset[i].type, strlen(asset[i].type)), 0);
		has(asset[i].word);
		assert_int_equal(strlen(answer.body), answer.n);
		assert_int_equal(answer.body[answer.n - 1], '\n');
		assert_non_null(strstr(answer.headers, "Cache-Control: public"));
	}
	q.path = SLICE("/status/other.css");
	api_asset(&q);
	assert_int_equal(answer.status, 404);
	/* the script puts no markup together and asks nobody but us */
	q.path = SLICE("/status/script.js");
	api_asset(&q);
	has_not("innerHTML");
	has_not("eval(");
	has_not("://");
	answer_clear();
	api_root(&q);
	assert_int_equal(answer.status, 302);
	assert_non_null(strstr(answer.headers, "Location: /status\n"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = { T(empty_server), T(everything_is_there), T(job_data_is_text), T(nothing_inline), T(numbers_lead_there),
		T(states_of_the_server), T(json_for_who_asks), T(assets) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
