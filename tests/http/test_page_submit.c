/* The form to submit with: what it asks the keeper for, where it leads, and that it is kept as it was typed where something is wrong. */
#include "submit_test.h"

#include "page_test.h"

#include "http/page.h"

static void type_in(const char *body)
{
	browser(HTTP_M_POST, "/status/submit");
	q.body = slice_of(body);
	page_submit_post(&q);
}

static void empty_form(void **state)
{
	(void)state;
	browser(HTTP_M_GET, "/status/submit");
	ask_query("type", "\"><script>");
	page_submit(&q);
	is_page(200);
	has("value=\"&quot;&gt;&lt;script&gt;\"");
	has("<label for=\"payload\">Payload</label>");
	has("<option value=\"email\">");
	has_not("role=\"alert\"");
}

static void submits(void **state)
{
	struct job_spec spec;

	(void)state;
	type_in("type=+email+&queue=mail&name=a%22b&priority=-5&delay=90s&payload=%7B%22a%22%3A%0D%0A+1e999%7D");
	assert_int_equal(nasked, 1);
	assert_int_equal(record_spec_decode(asked[0].bytes, asked[0].n, &spec), RECORD_OK);
	assert_true(slice_eq((struct slice){ spec.type.p, spec.type.n }, "email"));
	assert_true(slice_eq((struct slice){ spec.queue.p, spec.queue.n }, "mail"));
	assert_true(slice_eq((struct slice){ spec.name.p, spec.name.n }, "a\"b"));
	assert_true(slice_eq((struct slice){ spec.payload.p, spec.payload.n }, "{\"a\":\r\n 1e999}"));
	assert_int_equal(spec.priority, -5);
	assert_int_equal(spec.run_at_ms, T0 + 90000);
	assert_int_equal(answer.answers, 0);
	keeper_answers(0, STORE_OK);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 303);
	assert_string_equal(answer.headers, "Location: /status/jobs/01000000-0000-0000-0000-000000000000?done=submit\n");
}

static void the_least(void **state)
{
	struct job_spec spec;

	(void)state;
	type_in("type=email&queue=&name=&priority=&delay=&payload=");
	assert_int_equal(nasked, 1);
	assert_int_equal(record_spec_decode(asked[0].bytes, asked[0].n, &spec), RECORD_OK);
	assert_true(slice_eq((struct slice){ spec.payload.p, spec.payload.n }, "null"));
	assert_true(slice_eq((struct slice){ spec.queue.p, spec.queue.n }, "default"));
	keeper_answers(0, STORE_OK);
	assert_int_equal(answer.status, 303);
}

static void kept_as_typed(void **state)
{
	static const struct { const char *body, *why, *field; } wrong[] = {
		{ "type=email&name=%3Cb%3Ekeep&payload=%7Ba%7D", "The payload is not JSON: line 1, column 2", "payload" },
		{ "type=email&name=%3Cb%3Ekeep&payload=hello", "A text needs quotes", "payload" },
		{ "type=email&name=%3Cb%3Ekeep&payload=1}%2c%22queue%22%3a%7b", "The payload is not JSON", "payload" },          /* nothing gets out of its place */
		{ "type=&name=%3Cb%3Ekeep", "&quot;type&quot; is missing", "type" },
		{ "type=email&name=%3Cb%3Ekeep&priority=high", "&quot;priority&quot;", "priority" },
		{ "type=email&name=%3Cb%3Ekeep&priority=99999", "&quot;priority&quot;", "priority" },
		{ "type=email&name=%3Cb%3Ekeep&priority=007", "&quot;priority&quot;", "priority" },
		{ "type=email&name=%3Cb%3Ekeep&delay=soon", "&quot;delay&quot;", "delay" },
		{ "type=nobody&name=%3Cb%3Ekeep", "no handler takes the type &quot;nobody&quot;", "type" },
	};
	char invalid[100];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		type_in(wrong[i].body);
		assert_int_equal(nasked, 0);
		is_page(strstr(wrong[i].body, "nobody") ? 422 : 400);
		has(wrong[i].why);
		has("value=\"&lt;b&gt;keep\"");
		snprintf(invalid, sizeof(invalid), "aria-describedby=\"%s-hint\" aria-invalid=\"true\"", wrong[i].field);
		has(invalid);
	}
}

static void refused_by_the_keeper(void **state)
{
	(void)state;
	type_in("type=email&name=keep");
	keeper_answers(0, STORE_QUEUE_FULL);
	is_page(429);
	has("role=\"alert\"");
	has("value=\"keep\"");
	ask_errno = ENOMEM;
	type_in("type=email&name=keep");
	is_page(503);
	has("value=\"keep\"");
}

static void by_role(void **state)
{
	struct conf_token token = { .name = (char[]){ "eyes" }, .roles = CONF_ROLE_READ };

	(void)state;
	conf.http.token_file = token_file;
	browser(HTTP_M_GET, "/status/submit");
	q.token = &token;
	page_submit(&q);
	assert_int_equal(answer.status, 403);
	token.roles = CONF_ROLE_SUBMIT;
	browser(HTTP_M_GET, "/status/submit");
	q.token = &token;
	page_submit(&q);
	conf.http.token_file = NULL;
	is_page(200);
	has_not("href=\"/status/jobs\"");
}

static void no_form(void **state)
{
	(void)state;
	type_in("colour=red");
	assert_int_equal(answer.status, 400);
	assert_string_equal(answer.field, "colour");
	browser(HTTP_M_POST, "/status/submit");
	page_header[1].value = SLICE("application/json");
	q.body = SLICE("{\"type\":\"email\"}");
	page_submit_post(&q);
	assert_int_equal(answer.status, 415);
	assert_int_equal(nasked, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(empty_form), TEST(submits), TEST(the_least), TEST(kept_as_typed), TEST(refused_by_the_keeper), TEST(by_role), TEST(no_form) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
