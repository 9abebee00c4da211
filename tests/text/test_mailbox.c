/* Mail addresses: what is one, and everything that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "text/mailbox.h"

static void test_good(void **state)
{
	static const struct { const char *text, *name, *address; } cases[] = {
		{ "ann@example.org", "", "ann@example.org" }, { " ann@example.org ", "", "ann@example.org" }, { "<ann@example.org>", "", "ann@example.org" }, { "Ann Example <ann@example.org>", "Ann Example", "ann@example.org" },
		{ "\"Example, Ann\" <a@b>", "Example, Ann", "a@b" }, { "Zo\xc3\xab <z@b>", "Zo\xc3\xab", "z@b" }, { "a.b+c_d-e@sub.example.org", "", "a.b+c_d-e@sub.example.org" }, { "root@localhost", "", "root@localhost" },
		{ "x@[127.0.0.1]", "", "x@[127.0.0.1]" }, { "x@[IPv6:::1]", "", "x@[IPv6:::1]" }, { "x@xn--bcher-kva.example", "", "x@xn--bcher-kva.example" }, { "!#$%&'*+-/=?^_`{|}~@b", "", "!#$%&'*+-/=?^_`{|}~@b" },
		{ "a <b> <c@d>", "a <b>", "c@d" }, { "ann@b <ann@b>", "ann@b", "ann@b" }, { "Example, Ann <a@b>", "Example, Ann", "a@b" }, { "\"a@b, <c@d>\" <e@f>", "a@b, <c@d>", "e@f" },
		{ "\"A \\\"x\\\" B\" <a@b>", "A \\\"x\\\" B", "a@b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mailbox m;
		const char *wrong = mailbox_parse(slice_of(cases[i].text), &m);
		if (wrong)
			fail_msg("%s: %s", cases[i].text, wrong);
		assert_string_equal(m.name, cases[i].name);
		assert_string_equal(m.address, cases[i].address);
		mailbox_free(&m);
	}
}

static void test_bad(void **state)
{
	static const struct { const char *text, *why; } cases[] = {
		{ "", "no '@'" }, { "ann", "no '@'" }, { "@", "before" }, { "@b", "before" }, { "a@", "domain" }, { "a@b@c", "before" }, { "a b@c", "before" }, { "a,b@c", "before" }, { "a@b,c@d", "before" }, { "a@b c", "domain" },
		{ "a@b\nRCPT TO:<x@y>", "newline" }, { "a@b\r\n", "newline" }, { "a\n@b", "newline" }, { "A\nBcc: x@y <a@b>", "newline" }, { "a@b\t", "control" }, { "a@b>", "'<'" }, { "<a@b> <", "before" }, { "a@b> SIZE=1 <c@d", "before" },
		{ "x <a@b> y>", "domain" }, { "<a>@b>", "before" }, { ".a@b", "dot" }, { "a.@b", "dot" }, { "a..b@c", "dot" }, { "\"a b\"@c", "before" }, { "(c)a@b", "before" }, { "a@-b", "domain" }, { "a@b-", "domain" }, { "a@b..c", "domain" },
		{ "a@.b", "domain" }, { "a@b.", "domain" }, { "a@[1.2.3]", "brackets" }, { "a@[x]", "brackets" }, { "a@b\xc3\xa9", "ASCII" }, { "\xc3\xa9@b", "ASCII" }, { "a@b;c", "domain" }, { "a@b/c", "domain" },
		{ "a@b, C <c@d>", "more than one" }, { "a@b; C <c@d>", "more than one" }, { "<a@b><c@d>", "more than one" }, { "A <a@b>, C <c@d>", "more than one" }, { "\"A\" <a@b>, \"C\" <c@d>", "more than one" },
		{ "0123456789012345678901234567890123456789012345678901234567890123x@b", "64" },
	};
	char many[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mailbox m;
		const char *wrong = mailbox_parse(slice_of(cases[i].text), &m);
		if (!wrong || !strstr(wrong, cases[i].why))
			fail_msg("%s: %s", cases[i].text, wrong ? wrong : "taken");
	}
	struct mailbox m;
	assert_non_null(mailbox_parse((struct slice){ "a@b\0c", 5 }, &m));
	memset(many, 'a', sizeof(many));
	memcpy(many, "x@", 2);
	assert_non_null(strstr(mailbox_parse((struct slice){ many, sizeof(many) }, &m), "254"));
	assert_non_null(strstr(mailbox_parse((struct slice){ many, 70 }, &m), "domain"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_good), cmocka_unit_test(test_bad) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
