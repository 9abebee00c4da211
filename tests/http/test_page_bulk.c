/* Bulk actions by form: counted first, asked about, and done only when the question's own form says so. */
#include "page_test.h"

#include "http/page.h"
#include "shm/request.h"

static struct { unsigned n; uint64_t tag; struct request_bulk m; } asked;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)n;
	assert_int_equal(op, REQUEST_BULK);
	asked.n++;
	asked.tag = tag;
	memcpy(&asked.m, piece[0].p, sizeof(asked.m));
	return 0;
}

static void post(const char *body)
{
	browser(HTTP_M_POST, "/status/jobs/bulk");
	q.body = slice_of(body);
	memset(&asked, 0, sizeof(asked));
	page_bulk(&q);
	fake_pass(1000);
}

static void asks_first(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 12; i++)
		submit_type("email", "n", i % 3 ? "default" : "a<b");
	post("act=cancel&state=queued&type=&queue=a%3Cb");
	is_page(200);
	assert_int_equal(asked.n, 0);
	has("<strong>4 jobs</strong> will be cancelled");
	has("queue <strong>a&lt;b</strong>");
	has("<input type=\"hidden\" name=\"queue\" value=\"a&lt;b\">");
	has("<input type=\"hidden\" name=\"act\" value=\"cancel\"><input type=\"hidden\" name=\"sure\" value=\"yes\">");
	has("href=\"/status/jobs?state=queued&amp;queue=a%3Cb\"");
	post("act=cancel");
	has("<strong>all</strong>");
	has("<strong>12 jobs</strong>");
	post("act=retry&state=dead");
	has("<strong>0 jobs</strong>");
	has_not("<button class=\"warn\"");      /* nothing to be sure of */
}

static void then_does(void **state)
{
	(void)state;
	submit_type("email", "n", "default");
	post("act=cancel&state=queued&sure=yes");
	assert_int_equal(asked.n, 1);
	assert_int_equal(asked.m.act, STORE_ACT_CANCEL);
	assert_int_equal(asked.m.states, 1u << JOB_QUEUED);
	assert_int_equal(answer.answers, 0);
	struct request_bulk_result r = { .tag = asked.tag, .rc = STORE_OK, .part = STORE_CURSOR_END, .count = 1 };
	struct request_result same;
	memcpy(&same, &r, sizeof(same));
	api_answered(&api, &same);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 303);
	assert_non_null(strstr(answer.headers, "Location: /status/jobs?state=queued&done=cancel&count=1\n"));
}

static void broken_off(void **state)
{
	(void)state;
	submit_type("email", "n", "default");
	post("act=cancel&sure=yes");
	api_answered(&api, &(struct request_result){ .tag = asked.tag, .rc = STORE_NO_SPACE });
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 507);
}

static void wrong(void **state)
{
	static const struct { const char *body, *field; } cases[] = { { "", "act" }, { "act=run", "act" }, { "act=retry&state=queued", "state" }, { "act=cancel&state=nonsense&sure=yes", "state" }, { "act=cancel&x=1", "x" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		post(cases[i].body);
		assert_int_equal(answer.status, 400);
		assert_string_equal(answer.field, cases[i].field);
		assert_int_equal(asked.n, 0);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = { T(asks_first), T(then_does), T(broken_off), T(wrong) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
