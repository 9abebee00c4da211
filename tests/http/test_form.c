/* What forms post: decoding, unknown and repeated fields, what is no form at all. */
#include "page_test.h"

#include "http/form.h"

static struct form f;

static bool read_form(const char *body, size_t n)
{
	browser(HTTP_M_POST, "/status/x");
	q.body = (struct slice){ body, n };
	return form_read(&f, &q, "a,b,long name");
}

static void is(const char *name, const char *want)
{
	struct slice s = form_get(&f, name);

	if (!want)
		assert_null(s.p);
	else if (!slice_eq(s, want))
		fail_msg("%s is %.*s, not %s", name, (int)s.n, s.p ? s.p : "", want);
}

static void decodes(void **state)
{
	(void)state;
	assert_true(read_form("a=1+2%2B3%26%3D%C3%BC&b=&long+name=x%0d%0ay&", strlen("a=1+2%2B3%26%3D%C3%BC&b=&long+name=x%0d%0ay&")));
	is("a", "1 2+3&=\xc3\xbc");
	is("b", NULL);          /* empty is as good as not sent */
	is("long name", "x\r\ny");
	is("c", NULL);
	form_free(&f);
	assert_true(read_form("", 0));
	is("a", NULL);
	form_free(&f);
	assert_true(read_form("a", 1));
	is("a", NULL);
	form_free(&f);
	assert_int_equal(answer.answers, 0);
}

static void refuses(void **state)
{
	static const struct { const char *body, *field, *why; } wrong[] = {
		{ "c=1", "c", "not known" }, { "a=1&a=2", "a", "twice" }, { "a=%", "a", "percent-coded" }, { "a=%4", "a", "percent-coded" }, { "a=%zz", "a", "percent-coded" },
		{ "a=x%00y", "a", "U+0000" }, { "%=x", "%", "percent-coded" }, { "=x", "", "not known" }, { "a%00=x", "a%00", "percent-coded" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(read_form(wrong[i].body, strlen(wrong[i].body)));
		if (answer.status != 400 || strcmp(answer.field, wrong[i].field) != 0 || !strstr(answer.detail, wrong[i].why))
			fail_msg("%s: %d %s: %s", wrong[i].body, answer.status, answer.field, answer.detail);
		assert_null(f.text);
	}
}

static void what_is_no_form(void **state)
{
	static const struct { const char *type; bool form; } types[] = {
		{ "application/x-www-form-urlencoded; charset=UTF-8", true }, { "Application/X-WWW-Form-URLencoded", true }, { "application/x-www-form-urlencodedx", false }, { "application/json", false }, { "", false },
		{ "text/plain", false }, { "multipart/form-data; boundary=x", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		browser(HTTP_M_POST, "/status/x");
		page_header[1].value = slice_of(types[i].type);
		q.body = SLICE("a=1");
		assert_int_equal(form_read(&f, &q, "a"), types[i].form);
		assert_int_equal(answer.status, types[i].form ? 0 : 415);
		if (types[i].form)
			form_free(&f);
	}
}

static void too_many(void **state)
{
	char body[FORM_FIELDS * 8] = "", names[FORM_FIELDS * 8] = "", one[16];

	(void)state;
	for (unsigned i = 0; i <= FORM_FIELDS; i++) {
		snprintf(one, sizeof(one), "%sn%u", i ? "," : "", i);
		strcat(names, one);
		snprintf(one, sizeof(one), "%sn%u=v", i ? "&" : "", i);
		strcat(body, one);
	}
	browser(HTTP_M_POST, "/status/x");
	q.body = slice_of(body);
	assert_false(form_read(&f, &q, names));
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.detail, "too many"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(decodes), cmocka_unit_test(refuses), cmocka_unit_test(what_is_no_form), cmocka_unit_test(too_many) };
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	answer_clear();
	return rc;
}
