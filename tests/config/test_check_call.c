/* Handlers that call out: their URL, the secret they sign with, the addresses they may call. */
#include "conf_test.h"

#include <sys/stat.h>

#define URL(option) "handler a {\n\turl = \"https://h.example/\"\n\t" option "\n}\n"
#define BAD_URL "handler a: bad url: expected one such as https://hooks.example.org/path: "
#define BAD_SMTP "handler a: bad smtp: expected a mail server such as smtp://mail.example.org:587 or smtps://mail.example.org: "
#define NO_SECRET "; expected one line, whsec_ and the base64 of 24 to 64 random bytes\n"

static const struct mistake mistakes[] = {
	{ "url without a scheme", "handler a {\n\ttimeout = 1s\n\turl = \"hooks.example.org/x\"\n}\n", "main.conf:3: " BAD_URL "it does not begin with a scheme and \"://\"\n" },
	{ "url of another scheme", "handler a { url = \"ftp://h.example/\" }\n", "main.conf:1: " BAD_URL "it is neither http nor https\n" },
	{ "url of a file", "handler a { url = \"file:///etc/passwd\" }\n", "main.conf:1: " BAD_URL "it names no host\n" },
	{ "url without a host", "handler a { url = \"http:///x\" }\n", "main.conf:1: " BAD_URL "it names no host\n" },
	{ "url with a space", "handler a { url = \"http://h/a b\" }\n", "main.conf:1: " BAD_URL "it has a space or a control character\n" },
	{ "url with a newline", "handler a { url = \"http://h/a\\r\\nX: 1\" }\n", "main.conf:1: " BAD_URL "it has a space or a control character\n" },
	{ "url with a bad port", "handler a { url = \"http://user:secret@h:99999/\" }\n", "main.conf:1: " BAD_URL "its port is no number from 1 to 65535\n" },
	{ "url and a program", "handler a {\n\texec = {\"/bin/cat\"}\n\turl = \"http://h/\"\n}\n", "main.conf:3: handler a has both exec and url: only one may say what it is\n" },
	{ "smtp of another scheme", "handler a { smtp = \"http://h\" }\n", "main.conf:1: " BAD_SMTP "it is neither smtp nor smtps\n" },
	{ "smtp without a scheme", "handler a {\n\tqueue = q\n\tsmtp = \"mail.example.org\"\n}\n", "main.conf:3: " BAD_SMTP "it does not begin with a scheme and \"://\"\n" },
	{ "smtp with a query", "handler a { smtp = \"smtp://h/?x\" }\n", "main.conf:1: " BAD_SMTP "it has a query\n" },
	{ "smtp with two users", "handler a {\n\tsmtp = \"smtp://u:p@h\"\n\tsmtp_user = \"u\"\n}\n", "main.conf:2: handler a: a user stands in smtp, and smtp_user or smtp_password is set too: write them in one place\n" },
	{ "smtp_from with a newline", "handler a {\n\tsmtp = \"smtp://h\"\n\tsmtp_from = \"a@b\\nBcc: c@d\"\n}\n",
		"main.conf:3: handler a: bad smtp_from: expected a mail address such as \"Stint <stint@example.org>\": it has a newline or another control character\n" },
	{ "smtp_from that is none", "handler a { smtp = \"smtp://h\" smtp_from = \"stint\" }\n", "main.conf:1: handler a: bad smtp_from: expected a mail address such as \"Stint <stint@example.org>\": it has no '@'\n" },
	{ "allow: loose network", URL("allow = {\"10.0.0.1\",\n\"10.1.2.3/8\"}"), "main.conf:4: bad value '10.1.2.3/8' for allow: it has bits beyond its prefix: expected 10.0.0.0/8, or the address alone\n" },
	{ "allow: prefix too long", URL("allow = {\"10.0.0.0/33\"}"), "main.conf:3: bad value '10.0.0.0/33' for allow: expected an address, a network such as 10.0.0.0/8, or a host name\n" },
	{ "allow: half an address", URL("allow = {\"127.1\"}"), "main.conf:3: bad value '127.1' for allow: expected an address, a network such as 10.0.0.0/8, or a host name\n" },
	{ "allow: a number", URL("allow = {\"2130706433\"}"), "main.conf:3: bad value '2130706433' for allow: expected an address, a network such as 10.0.0.0/8, or a host name\n" },
	{ "allow: a URL", URL("allow = {\"http://h.example\"}"), "main.conf:3: bad value 'http://h.example' for allow: expected an address, a network such as 10.0.0.0/8, or a host name\n" },
	{ "allow: with a port", URL("allow = {\"localhost:80\"}"), "main.conf:3: bad value 'localhost:80' for allow: expected an address, a network such as 10.0.0.0/8, or a host name\n" },
	{ "allow: a pattern", URL("allow = {\"*.example\"}"), "main.conf:3: bad value '*.example' for allow: expected an address, a network such as 10.0.0.0/8, or a host name\n" },
	{ "allow: nothing", URL("allow = {\"\"}"), "main.conf:3: bad value '' for allow: expected an address, a network such as 10.0.0.0/8, or a host name\n" },
	{ "secret that is not there", URL("secret_file = \"/nowhere/secret\""), "main.conf:3: handler a: secret_file '/nowhere/secret' cannot be read: No such file or directory\n" },
	{ "secret that is a directory", URL("secret_file = \"/tmp\""), "main.conf:3: handler a: secret_file '/tmp' cannot be read: it is not a file\n" },
	{ "secret that is a device", URL("secret_file = \"/dev/zero\""), "main.conf:3: handler a: secret_file '/dev/zero' cannot be read: it is not a file\n" },
};

static const char *try_secret(const char *text)
{
	static char main_conf[1200];

	conf_file("secret", text);
	snprintf(main_conf, sizeof main_conf, "handler a { url = \"http://h/\" secret_file = \"%s/secret\" }\n", conf_dir);
	return conf_try(main_conf);
}

static void bad_secrets(void **state)
{
	static const struct { const char *text, *why; } cases[] = {
		{ "", "it is empty" }, { "\n \n", "it is empty" }, { "secret", "it does not begin with whsec_" }, { "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "it does not begin with whsec_" }, { "whsec_", "what follows whsec_ is not base64" },
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "what follows whsec_ is not base64" }, { "whsec_not base64 at all!!", "what follows whsec_ is not base64" },
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "it has more than one line" },
	};
	char want[1400];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(want, sizeof want, "main.conf:1: handler a: secret_file 'secret' is no secret: %s" NO_SECRET, cases[i].why);
		assert_string_equal(try_secret(cases[i].text), want);
		assert_null(strstr(conf_messages, "MfKQ"));
	}
	char *much = malloc(5001);
	assert_non_null(much);
	memset(much, 'A', 5000);
	memcpy(much, "whsec_", 6);
	much[5000] = '\0';
	assert_non_null(strstr(try_secret(much), "is not base64"));
	free(much);
}

/* To the commands of other users it is a warning; the server's own user is to know at once. */
static void a_secret_for_another_user(void **state)
{
	char path[600], want[700];

	(void)state;
	try_secret("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n");
	snprintf(path, sizeof path, "%s/secret", conf_dir);
	assert_int_equal(chmod(path, 0) | chmod(conf_dir, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	conf_try_prefix("main.conf", NULL);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(unlink(path), 0);
	snprintf(want, sizeof want, "main.conf:1: warning: handler a: secret_file 'secret' cannot be read: Permission denied\n");
	assert_string_equal(conf_messages, want);
	assert_int_equal(conf->handler[0].secret.len, 0);
}

static void good_secrets(void **state)
{
	(void)state;
	assert_string_equal(try_secret("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n"), "");
	assert_int_equal(conf->handler[0].secret.len, 24);
	assert_memory_equal(conf->handler[0].secret.data, "0123456789abcdef01234567", 24);
	assert_string_equal(try_secret("whsec_MDEyMw==\r\n"), "main.conf:1: warning: handler a: the secret in 'secret' has 4 bytes: 24 to 64 random ones make a good one\n");
	assert_int_equal(conf->handler[0].secret.len, 4);
	/* the keeper's copy of the conf has no secret in it, and does not look for the file */
	assert_string_equal(conf_try_text("handler a { url = \"http://h/\" secret_file = \"/nowhere\" }\n"), "");
	assert_int_equal(conf->handler[0].secret.len, 0);
}

static void logins(void **state)
{
	(void)state;
	setenv("SMTP_USER", "from the environment", 1);
	setenv("SMTP_PASSWORD", "secret", 1);
	conf_good("handler a { smtp = \"smtp://h\" }\nhandler b { smtp = \"smtp://h\" smtp_user = \"own\" smtp_password = \"\" }\nhandler c { smtp = \"smtp://u:p@h\" }\nhandler d { builtin = noop }\n");
	assert_string_equal(conf->handler[0].smtp_user, "from the environment");
	assert_string_equal(conf->handler[0].smtp_password, "secret");
	assert_string_equal(conf->handler[1].smtp_user, "own");
	assert_string_equal(conf->handler[1].smtp_password, "");
	assert_string_equal(conf->handler[2].smtp_user, "");
	assert_string_equal(conf->handler[3].smtp_user, "");
	unsetenv("SMTP_USER");
	unsetenv("SMTP_PASSWORD");
	conf_file("env", "SMTP_USER=from the file\n");
	char text[700];
	snprintf(text, sizeof text, "environment_file = \"%s/env\"\nhandler a { smtp = \"smtps://h:465\" }\n", conf_dir);
	conf_good(text);
	assert_string_equal(conf->handler[0].smtp_user, "from the file");
	assert_string_equal(conf->handler[0].smtp_password, "");
	assert_int_equal(conf->handler[0].kind, CONF_HANDLER_SMTP);
}

static void good_calls(void **state)
{
	(void)state;
	conf_good("handler a { url = \"http://user:pass@h.example:8080/a?b=c#d\" allow = {\"127.0.0.1\", \"10.0.0.0/8\", \"::1\", \"fc00::/7\", \"localhost\", \"a_b.internal.\", \"1st.example\", \"0.0.0.0/0\"} }\n");
	assert_int_equal(conf->handler[0].kind, CONF_HANDLER_HTTP);
	conf_good("handler a { url = \"HTTPS://[2001:db8::1]/\" }\n");
}

int main(void)
{
	struct CMUnitTest tests[MISTAKES_MAX] = { cmocka_unit_test(bad_secrets), cmocka_unit_test(a_secret_for_another_user), cmocka_unit_test(good_secrets), cmocka_unit_test(good_calls), cmocka_unit_test(logins) };

	return RUN(tests, MISTAKES(tests, 4, mistakes));
}
