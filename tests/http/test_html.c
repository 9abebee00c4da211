/* Text and figures as HTML. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/html.h"

#define NBSP "\xc2\xa0"
#define BAD "\xef\xbf\xbd"

static struct buf b;

static void is(const char *want)
{
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

static void text(void **state)
{
	(void)state;
	html_text(&b, SLICE("<script>alert('1' & \"2\")</script>"));
	is("&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;");
	html_text(&b, SLICE("gr\xc3\xbc\xc3\x9f""e \xe2\x82\xac \xf0\x9f\x98\x80"));
	is("gr\xc3\xbc\xc3\x9f""e \xe2\x82\xac \xf0\x9f\x98\x80");
	html_text(&b, SLICE("a\0b\x1b[1m\xff\xc3"));
	is("a" BAD "b" BAD "[1m" BAD BAD);
	html_text(&b, (struct slice){ 0 });
	is("");
}

static void cut(void **state)
{
	(void)state;
	html_cut(&b, SLICE("abcdef"), 6);
	is("abcdef");
	html_cut(&b, SLICE("abcdef<"), 6);
	is("abcdef\xe2\x80\xa6");
	html_cut(&b, SLICE("ab\xe2\x82\xac""cd"), 4);           /* not inside a character */
	is("ab\xe2\x80\xa6");
}

static void figures(void **state)
{
	static const struct { double us; const char *want; } us[] = { { 0, "0.00" NBSP "ms" }, { 1, "&lt;" NBSP "0.01" NBSP "ms" },
		{ 420, "0.42" NBSP "ms" }, { 12345, "12.3" NBSP "ms" },
		{ 123456, "123" NBSP "ms" }, { 999900, "1.00" NBSP "s" }, { 61e6, "1.02" NBSP "min" }, { 7200e6, "2.00" NBSP "h" } };
	static const struct { double s; const char *want; } s[] = { { -5, "0" NBSP "s" }, { 59.9, "59" NBSP "s" },
		{ 185, "3" NBSP "min 5" NBSP "s" }, { 7440, "2" NBSP "h 4" NBSP "min" },
		{ 90000, "1" NBSP "d 1" NBSP "h" } };
	static const struct { double share; const char *want; } share[] = { { 0, "0" NBSP "%" }, { 1, "100" NBSP "%" },
		{ 0.99999, "99.9" NBSP "%" }, { 0.00001, "&lt;" NBSP "0.1" NBSP "%" },
		{ 0.125, "12.5" NBSP "%" } };

	(void)state;
	for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++) {
		html_us(&b, us[i].us);
		is(us[i].want);
	}
	for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		html_seconds(&b, s[i].s);
		is(s[i].want);
	}
	for (size_t i = 0; i < sizeof(share) / sizeof(share[0]); i++) {
		html_percent(&b, share[i].share);
		is(share[i].want);
	}
	html_count(&b, 7);
	html_count(&b, 1234567);
	is("71,234,567");
	html_count(&b, 1000);
	is("1,000");
	html_bytes(&b, 512);
	is("512" NBSP "B");
	html_bytes(&b, 1536 * 1024);
	is("1.5" NBSP "MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(text), cmocka_unit_test(cut), cmocka_unit_test(figures) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
