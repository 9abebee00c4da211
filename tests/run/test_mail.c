/* Payloads as mail: the message to the last byte, and every payload that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "run/mail.h"

#define JOB "01935a10-0000-7000-8000-000000000007"
#define AT 784111777000

static void test_message(void **state)
{
	static const char payload[] = "{\"to\":\"Zo\\u00eb <zoe@example.org>\",\"subject\":\"Gr\\u00fc\\u00dfe\",\"message\":\"Hi Zo\\u00eb,\\n.\\n= done\",\"from\":\"Stint, Jobs <jobs@example.org>\"}";
	struct buf b = { 0 };
	struct mail m;
	char why[256];

	(void)state;
	assert_true(mail_parse(slice_of(payload), "", &m, why, sizeof(why)));
	mail_put(&m, JOB, AT, &b);
	assert_string_equal(buf_cstr(&b),
		"Date: Sun, 06 Nov 1994 08:49:37 +0000\r\n"
		"From: \"Stint, Jobs\" <jobs@example.org>\r\n"
		"To: =?utf-8?B?Wm/Dqw==?= <zoe@example.org>\r\n"
		"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"
		"Message-ID: <" JOB "@example.org>\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"\r\n"
		"Hi Zo=C3=AB,\r\n.\r\n=3D done\r\n");
	buf_free(&b);
	mail_free(&m);
}

static void test_forms(void **state)
{
	static const struct { const char *payload, *sender, *to, *from; } cases[] = {
		{ "{\"email\":\"a@b\",\"message\":\"\"}", "s@t", "\r\nTo: a@b\r\n", "\r\nFrom: s@t\r\n" },
		{ "{\"to\":[\"a@b\",\"C <c@d>\"],\"body\":\"x\"}", "Sender <s@t>", "\r\nTo: a@b,\r\n C <c@d>\r\n", "\r\nFrom: Sender <s@t>\r\n" },
		{ "{\"to\":[\"a@b\"],\"body\":\"x\",\"from\":\"f@g\"}", "s@t", "\r\nTo: a@b\r\n", "\r\nFrom: f@g\r\n" },
		{ "{\"to\":\"a@[127.0.0.1]\",\"body\":\"x\"}", "s@[::1]", "\r\nTo: a@[127.0.0.1]\r\n", "\r\nMessage-ID: <" JOB "@stint>\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };
		struct mail m;
		char why[256] = "";
		if (!mail_parse(slice_of(cases[i].payload), cases[i].sender, &m, why, sizeof(why)))
			fail_msg("%s: %s", cases[i].payload, why);
		mail_put(&m, JOB, AT, &b);
		if (!strstr(buf_cstr(&b), cases[i].to) || !strstr(buf_cstr(&b), cases[i].from))
			fail_msg("%s", buf_cstr(&b));
		buf_free(&b);
		mail_free(&m);
	}
}

static void test_wrong(void **state)
{
#define REST ",\"message\":\"x\",\"from\":\"f@g\"}"
	static const struct { const char *payload, *why; } cases[] = {
		{ "", "the payload is no mail" }, { "null", "the payload is no mail" }, { "[]", "the payload is no mail" }, { "not json", "the payload is no mail" }, { "{\"to\":\"a@b\",\"to\":\"c@d\"" REST, "the payload is no mail" },
		{ "{\"subject\":\"x\"" REST, "no recipient: expected \"to\" or \"email\"" }, { "{\"to\":\"a@b\",\"email\":\"a@b\"" REST, "both \"email\" and \"to\"" }, { "{\"to\":7" REST, "\"to\" is no address" },
		{ "{\"to\":[]" REST, "\"to\" has 0 addresses: expected 1 to 100" }, { "{\"to\":[\"a@b\",null]" REST, "\"to\" is no address" }, { "{\"to\":[\"a@b\",\"c\"]" REST, "bad address \"c\" in \"to\": it has no '@'" },
		{ "{\"email\":\"a@b\\nBcc: c@d\"" REST, "bad address \"a@b?Bcc: c@d\" in \"email\": it has a newline" }, { "{\"to\":\"a@b\\u0000\"" REST, "control" }, { "{\"to\":\"a@b\",\"subject\":\"x\\r\\nBcc: c@d\"" REST, "\"subject\" has a newline" },
		{ "{\"to\":\"a@b\",\"subject\":[]" REST, "\"subject\" is no string" }, { "{\"to\":\"a@b\",\"from\":\"f@g\"}", "no text: expected \"message\" or \"body\"" },
		{ "{\"to\":\"a@b\",\"from\":\"f@g\",\"message\":\"x\",\"body\":\"y\"}", "both \"message\" and \"body\"" }, { "{\"to\":\"a@b\",\"from\":\"f@g\",\"body\":{}}", "\"body\" is no string" },
		{ "{\"to\":\"a@b\",\"message\":\"x\"}", "no sender: give the payload a \"from\", or set smtp_from" }, { "{\"to\":\"a@b\",\"message\":\"x\",\"from\":\"f\\n@g\"}", "in \"from\": it has a newline" },
		{ "{\"to\":\"a@b\",\"message\":\"x\",\"from\":null}", "\"from\" is no address" }, { "{\"to\":\"a@b\",\"bcc\":\"c@d\"" REST, "a member \"bcc\": a mail is made of" }, { "{\"to\":\"a@b\",\"Subject\":\"x\"" REST, "a member \"Subject\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[256] = "";
		struct mail m;
		bool taken = mail_parse(slice_of(cases[i].payload), "", &m, why, sizeof(why));
		mail_free(&m);
		if (taken || !strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].payload, taken ? "taken" : why);
	}
}

static void test_many_recipients(void **state)
{
	(void)state;
	for (unsigned n = 99; n <= 101; n++) {
		struct buf b = { 0 };
		struct mail m;
		char why[256];
		buf_str(&b, "{\"message\":\"x\",\"to\":[");
		for (unsigned i = 0; i < n; i++)
			buf_printf(&b, "%s\"u%u@example.org\"", i ? "," : "", i);
		buf_str(&b, "]}");
		assert_int_equal(mail_parse((struct slice){ b.data, b.len }, "s@t", &m, why, sizeof(why)), n <= MAIL_RECIPIENTS_MAX);
		mail_free(&m);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_message), cmocka_unit_test(test_forms), cmocka_unit_test(test_wrong), cmocka_unit_test(test_many_recipients) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
