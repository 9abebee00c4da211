/* The listing as a page: rows, filters that stay as they were, the link to the next page, who sees which buttons, and no text of others as markup. */
#include "page_test.h"

#include "http/page.h"

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)op, (void)tag, (void)piece, (void)n;
	fail_msg("a listing asks the keeper for nothing");
	return -1;
}

static struct conf_token token = { .name = (char[]){ "eve<" } };
static struct conf locked;

static void show(void)
{
	page_jobs(&q);
	fake_pass(1000);
}

static void by(unsigned roles)
{
	locked = conf;
	locked.http.token_file = token_file;
	token.roles = roles;
	api.conf = &locked;
	q.token = &token;
}

static int teardown(void **state)
{
	api.conf = &conf;
	token.queues = NULL;
	token.queues_bytes = 0;
	return api_teardown(state);
}

static void empty(void **state)
{
	(void)state;
	browser(HTTP_M_GET, "/status/jobs");
	show();
	is_page(200);
	has("none yet");
	has("<a href=\"/status/jobs\" aria-current=\"page\">Jobs</a>");
	has("<option value=\"email\">");
	has("<option value=\"default\">");
	has_not("t.*");         /* a family is no type */
	has_not("Next page");
}

static void rows(void **state)
{
	struct job job;

	(void)state;
	submit_type("email", "<script>alert(1)</script>", "default");
	job = claim_next();
	finish(&job, JOB_OUTCOME_FAILED, NULL, "</td><script>alert(2)</script>");
	browser(HTTP_M_GET, "/status/jobs");
	show();
	is_page(200);
	has("&lt;script&gt;alert(1)");
	has("&lt;/td&gt;&lt;script&gt;alert(2)");
	has_not("<script>");
	has(">retrying</span>");
	has("<th scope=\"row\"><a href=\"/status/jobs/0");
}

static void filters_stay(void **state)
{
	(void)state;
	submit_type("email", "n", "default");
	browser(HTTP_M_GET, "/status/jobs");
	ask_query("state", "queued");
	ask_query("type", "");                  /* as a form sends it */
	ask_query("queue", "\"><img src=x>");
	ask_query("tag", "");
	ask_query("q", "");
	show();
	is_page(200);
	has("<option selected>queued</option>");
	has("name=\"queue\" value=\"&quot;&gt;&lt;img src=x&gt;\"");
	has("no job is like that");
	has("<input type=\"hidden\" name=\"state\" value=\"queued\">");
	has("value=\"cancel\"");
	has_not("value=\"retry\"");             /* nothing that is queued could be */
	has_not("value=\"delete\"");
}

/* Page after page, by the link alone, until every job was seen once. */
static void turning(void **state)
{
	char cursor[200] = "";
	unsigned seen = 0, pages = 0;

	(void)state;
	for (unsigned i = 0; i < 7; i++, fake_wall_ms++)
		submit_type("email", "n", i % 2 ? "default" : "other");
	do {
		const char *link;
		assert_true(pages++ < 5);
		browser(HTTP_M_GET, "/status/jobs");
		ask_query("type", "email");
		ask_query("limit", "3");
		if (cursor[0])
			ask_query("cursor", cursor);
		show();
		is_page(200);
		for (const char *p = answer.body; (p = strstr(p, "<th scope=\"row\">")); p++)
			seen++;
		link = strstr(answer.body, "rel=\"next\" href=\"/status/jobs?type=email&amp;limit=3&amp;cursor=");
		assert_int_equal(strstr(answer.body, "First page") != NULL, pages > 1);
		cursor[0] = '\0';
		if (link)
			assert_int_equal(sscanf(strstr(link, "cursor=") + 7, "%199[0-9a-f]", cursor), 1);
	} while (cursor[0]);
	assert_int_equal(seen, 7);
	assert_int_equal(pages, 3);
}

static void wrong(void **state)
{
	static const struct { const char *name, *value; } asked[] = { { "state", "sleeping" }, { "cursor", "00" }, { "limit", "5000" } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		browser(HTTP_M_GET, "/status/jobs");
		ask_query(asked[i].name, asked[i].value);
		show();
		assert_int_equal(answer.status, 400);
		assert_string_equal(answer.field, asked[i].name);
	}
}

static void roles(void **state)
{
	(void)state;
	submit_type("email", "n", "default");
	browser(HTTP_M_GET, "/status/jobs");
	by(CONF_ROLE_READ);
	show();
	is_page(200);
	has("eve&lt;");
	has("action=\"/status/logout\"");
	has_not("/status/jobs/bulk");
	browser(HTTP_M_GET, "/status/jobs");
	by(CONF_ROLE_ADMIN);
	show();
	has("/status/jobs/bulk");
}

static void queues_of_a_token(void **state)
{
	static char queues[] = "mine\0ours";

	(void)state;
	submit_type("email", "one", "mine");
	submit_type("email", "two", "ours");
	submit_type("email", "three", "default");
	token.queues = queues;
	token.queues_bytes = sizeof(queues);
	browser(HTTP_M_GET, "/status/jobs");
	by(CONF_ROLE_READ);
	show();
	is_page(200);
	has("one");
	has("two");
	has_not("three");
	has("<option>mine</option><option>ours</option>");
	has_not("href=\"/status\">Overview");
	browser(HTTP_M_GET, "/status/jobs");
	by(CONF_ROLE_READ);
	ask_query("queue", "default");
	show();
	assert_int_equal(answer.status, 403);
}

static void as_json(void **state)
{
	(void)state;
	submit_type("email", "n", "default");
	browser(HTTP_M_GET, "/status/jobs");
	page_header[0].value = SLICE("application/json");
	show();
	assert_string_equal(answer.content_type, "application/json");
	json_t *j = answer_json();
	assert_int_equal(json_array_size(json_object_get(j, "jobs")), 1);
	json_decref(j);
}

static void said(void **state)
{
	static const struct { const char *done, *count, *says; } cases[] = {
		{ "retry", "1", "1 job was queued again." }, { "delete", "1234", "1,234 jobs were deleted." }, { "cancel", NULL, "Cancelled" }, { "delete", "<b>", "Deleted." }, { "delete", "99999999999999999999", "Deleted." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		browser(HTTP_M_GET, "/status/jobs");
		ask_query("done", cases[i].done);
		if (cases[i].count)
			ask_query("count", cases[i].count);
		show();
		is_page(200);
		has(cases[i].says);
	}
	browser(HTTP_M_GET, "/status/jobs");
	ask_query("done", "<script>");
	show();
	is_page(200);
	has_not("role=\"status\"");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, teardown)
	const struct CMUnitTest tests[] = { T(empty), T(rows), T(filters_stay), T(turning), T(wrong), T(roles), T(queues_of_a_token), T(as_json), T(said) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
