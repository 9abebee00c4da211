/* Filters: from an address into a form and back without a change, whatever they hold. */
#include "page_test.h"

#include "http/page_filter.h"

static const char *const odd[PAGE_FILTERS] = { "dead", "a/b&c", "q\"><script>", "t=1 +%", "\xc3\xbc#?" };
static struct buf b;

static struct page_filter of_query(void)
{
	browser(HTTP_M_GET, "/status/jobs");
	for (unsigned i = 0; i < PAGE_FILTERS; i++)
		ask_query(page_filter_name[i], odd[i]);
	return page_filter_of_query(&q);
}

static void address(void **state)
{
	struct page_filter f = of_query(), none = { 0 };

	(void)state;
	page_filter_href(&b, &f, "cursor=00ff");
	assert_string_equal(buf_cstr(&b), "/status/jobs?state=dead&amp;type=a%2Fb%26c&amp;queue=q%22%3E%3Cscript%3E&amp;tag=t%3D1%20%2B%25&amp;q=%C3%BC%23%3F&amp;cursor=00ff");
	buf_clear(&b);
	page_filter_where(&b, &f, NULL);
	assert_string_equal(buf_cstr(&b), "/status/jobs?state=dead&type=a%2Fb%26c&queue=q%22%3E%3Cscript%3E&tag=t%3D1%20%2B%25&q=%C3%BC%23%3F");
	buf_clear(&b);
	page_filter_href(&b, &none, NULL);
	page_filter_where(&b, &none, "cursor=1");
	assert_string_equal(buf_cstr(&b), "/status/jobs/status/jobs?cursor=1");
	buf_free(&b);
}

/* The address's query is a form's body: what comes out of it is what went in. */
static void round_trip(void **state)
{
	struct page_filter f = of_query(), again;
	struct form form;

	(void)state;
	page_filter_where(&b, &f, NULL);
	browser(HTTP_M_POST, "/status/jobs/bulk");
	q.body = (struct slice){ b.data + strlen("/status/jobs?"), b.len - strlen("/status/jobs?") };
	assert_true(form_read(&form, &q, PAGE_FILTER_NAMES));
	again = page_filter_of_form(&form);
	for (unsigned i = 0; i < PAGE_FILTERS; i++)
		assert_true(slice_eq(again.v[i], odd[i]));
	form_free(&form);
	buf_free(&b);
}

static void hidden(void **state)
{
	struct page_filter f = of_query();

	(void)state;
	page_filter_hidden(&b, &f);
	assert_non_null(strstr(buf_cstr(&b), "<input type=\"hidden\" name=\"queue\" value=\"q&quot;&gt;&lt;script&gt;\">"));
	assert_null(strstr(buf_cstr(&b), "<script"));
	buf_clear(&b);
	page_filter_says(&b, &f);
	assert_non_null(strstr(buf_cstr(&b), "queue <strong>q&quot;&gt;&lt;script&gt;</strong>, tag"));
	buf_free(&b);
}

static void json(void **state)
{
	struct page_filter f = of_query(), none = { 0 };

	(void)state;
	buf_char(&b, '{');
	page_filter_json(&b, &f);
	buf_char(&b, '}');
	json_t *j = json_loads(buf_cstr(&b), 0, NULL);
	assert_int_equal(json_object_size(j), PAGE_FILTERS);
	for (unsigned i = 0; i < PAGE_FILTERS; i++)
		string_is(j, page_filter_name[i], odd[i]);
	json_decref(j);
	buf_clear(&b);
	assert_true(page_filter_empty(&none));
	assert_false(page_filter_empty(&f));
	page_filter_json(&b, &none);
	assert_string_equal(buf_cstr(&b), "\"all\":true");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(address), cmocka_unit_test(round_trip), cmocka_unit_test(hidden), cmocka_unit_test(json) };
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	answer_clear();
	return rc;
}
