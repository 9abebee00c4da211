/* A job's page: everything of it is there, text of others is text, long bytes are cut with a link, and the buttons are those of its state and of the token. */
#include "page_test.h"

#include "http/page.h"
#include "text/uuid.h"

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)op, (void)tag, (void)piece, (void)n;
	fail_msg("a page asks the keeper for nothing");
	return -1;
}

static struct conf_token token = { .name = (char[]){ "ops" } };
static struct conf locked;
static char id[UUID_TEXT_BYTES];

static void show(const struct job *j)
{
	uuid_format(j->id.b, id);
	browser(HTTP_M_GET, "/status/jobs/x");
	q.arg[0] = slice_of(id);
	if (api.conf == &locked)
		q.token = &token;
	page_job(&q);
}

static void by(unsigned roles)
{
	locked = conf;
	locked.http.token_file = token_file;
	token.roles = roles;
	api.conf = &locked;
}

static int teardown(void **state)
{
	api.conf = &conf;
	return api_teardown(state);
}

static struct job_spec spec_of(const char *payload)
{
	return (struct job_spec){ .type = TEXT("email"), .queue = TEXT("default"), .name = TEXT("<img src=x>"), .tag = { TEXT("a&b"), TEXT("c") }, .ntags = 2, .key = TEXT("<key>"),
		.unique_key = TEXT("only one"), .idempotency_key = TEXT("once"), .payload = { payload, strlen(payload) }, .payload_len = strlen(payload), .priority = -7, .max_retries = 1, .timeout_ms = 90000,
		.backoff = { 1000, 60000, 2000, 25 } };
}

static void has_all(const char *const *words)
{
	for (; *words; words++)
		has(*words);
}

static void everything(void **state)
{
	static const char *const queued[] = { "<h1>Job email</h1>", ">queued</p>", "&lt;img src=x&gt;", "?type=email\">email</a>", "?queue=default\">", "-7", "0 of 1", "90s", "?tag=a%26b\">a&amp;b</a>", "&lt;key&gt;", "only one",
		"once", "{&quot;x&quot;:&quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;}", "its bytes</a>", "History", ">queued</span>", "/cancel\"", NULL };
	static const char *const running[] = { ">running</p>", "worker-", ":4711", "data-follow=\"/jobs/", "/log?follow=1\">Follow it</a>", ">claimed</span>", NULL };
	static const char *const dead[] = { ">dead</p>", "Last error", "&lt;/pre&gt;it broke", ">retry scheduled</span>", ">failed</span>", "exit code 1", "took 2.5 ms", "memory 4096 KB", "/retry\"", "/delete\"", "1 of 1", NULL };
	struct job_spec spec = spec_of("{\"x\":\"<script>alert(1)</script>\"}");
	struct job job;

	(void)state;
	server_runs();
	job = submit_spec(&spec);
	show(&job);
	is_page(200);
	has_all(queued);
	has_not("/retry\"");
	has_not("/delete\"");
	has_not("Log</h2>");
	job = claim_next();
	show(&job);
	is_page(200);
	has_all(running);
	for (unsigned i = 0; i < 2; i++) {
		bool more;
		finish(&job, JOB_OUTCOME_FAILED, NULL, "</pre>it broke");
		fake_wall_ms += 100000;
		assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
		assert_int_equal(store_due(store, 10, &more), STORE_OK);
		assert_int_equal(store_commit(store), STORE_OK);
		if (i == 0)
			job = claim_next();
	}
	show(&job);
	is_page(200);
	has_all(dead);
	has_not("/cancel\"");
	has_not("data-follow");
	has("nothing to its standard error");
}

static void results(void **state)
{
	struct job_spec spec = spec_of("null");
	struct job job;

	(void)state;
	server_runs();
	job = submit_spec(&spec);
	job = claim_next();
	finish(&job, JOB_OUTCOME_SUCCEEDED, "{\"ok\":\"</pre><b>\"}", NULL);
	show(&job);
	is_page(200);
	has("{&quot;ok&quot;:&quot;&lt;/pre&gt;&lt;b&gt;&quot;}");
	has("/result\">its bytes</a>");
	has("/delete\"");
	has_not("/retry\"");
	has_not("http-equiv");          /* nothing will change: no need to load it again */
}

/* Cut between two characters, with all of it behind a link. */
static void long_payload(void **state)
{
	static char text[20000];
	struct job_spec spec = spec_of("x");
	struct job job;
	size_t n = 0;

	(void)state;
	text[n++] = '"';
	while (n < 3500) {
		memcpy(text + n, "\xe2\x82\xac", 3);
		n += 3;
	}
	text[n++] = '"';
	spec.payload = (struct job_text){ text, n };
	spec.payload_len = n;
	job = submit_spec(&spec);
	show(&job);
	is_page(200);
	has("\xe2\x82\xac&quot;</pre>");
	has("its bytes</a>");
	has_not("\xef\xbf\xbd");
}

static void bytes_that_are_no_text(void **state)
{
	struct job_spec spec = spec_of("\xff\xfe\xfd");
	struct job job;

	(void)state;
	spec.content_type = (struct job_text)TEXT("image/<png>");
	job = submit_spec(&spec);
	show(&job);
	is_page(200);
	has("bytes that are no text");
	has("image/&lt;png&gt;");
}

static void roles(void **state)
{
	struct job_spec spec = spec_of("{}");
	struct job job = submit_spec(&spec);

	(void)state;
	by(CONF_ROLE_READ);
	show(&job);
	is_page(200);
	has_not("/cancel\"");
	has("History");
	has("/payload\"");
	by(CONF_ROLE_SUBMIT);           /* may see the job, and nothing below it */
	show(&job);
	is_page(200);
	has_not("History");
	has_not("/payload\"");
	has_not("href=\"/status/jobs\"");
	by(CONF_ROLE_ADMIN);
	show(&job);
	is_page(200);
	has("/cancel\"");
}

static void not_there(void **state)
{
	(void)state;
	browser(HTTP_M_GET, "/status/jobs/x");
	q.arg[0] = SLICE("<script>");
	page_job(&q);
	assert_int_equal(answer.status, 404);
	browser(HTTP_M_GET, "/status/jobs/x");
	q.arg[0] = SLICE("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071");
	page_job(&q);
	assert_int_equal(answer.status, 404);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, teardown)
	const struct CMUnitTest tests[] = { T(everything), T(results), T(long_payload), T(bytes_that_are_no_text), T(roles), T(not_there) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
