/* Listen addresses. */
#include "conf_test.h"

#define FORMS "expected \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/stint/http.sock\"\n"
#define LISTEN(list) "http {\n\tlisten = {" list "}\n}\n"
#define BAD(what) "main.conf:2: bad listen address '" what "': "
#define REACHED(what) "main.conf:2: listen address '" what "' can be reached from other machines, and so needs token_file: `stint token NAME ROLE` makes its lines. Without it only 127.0.0.1, [::1] and unix: may be listened on\n"

static const struct mistake mistakes[] = {
	{ "empty", LISTEN("\"\""), BAD("") FORMS },
	{ "port alone", LISTEN("8080"), BAD("8080") "the address is missing, write \"127.0.0.1:8080\"\n" },
	{ "colon and port", LISTEN("\":8080\""), BAD(":8080") FORMS },
	{ "address alone", LISTEN("127.0.0.1"), BAD("127.0.0.1") FORMS },
	{ "name", LISTEN("localhost:8080"), BAD("localhost:8080") "names are not looked up, write \"127.0.0.1:8080\"\n" },
	{ "other name", LISTEN("example.org:80"), BAD("example.org:80") FORMS },
	{ "star", LISTEN("\"*:80\""), BAD("*:80") FORMS },
	{ "number too large", LISTEN("127.0.0.256:80"), BAD("127.0.0.256:80") FORMS },
	{ "three numbers", LISTEN("127.0.1:80"), BAD("127.0.1:80") FORMS },
	{ "no port", LISTEN("\"127.0.0.1:\""), "main.conf:2: bad port '' in listen address '127.0.0.1:': expected 1 to 65535\n" },
	{ "port 0", LISTEN("127.0.0.1:0"), "main.conf:2: bad port '0' in listen address '127.0.0.1:0': expected 1 to 65535\n" },
	{ "port too large", LISTEN("127.0.0.1:65536"), "main.conf:2: bad port '65536' in listen address '127.0.0.1:65536': expected 1 to 65535\n" },
	{ "port that is no number", LISTEN("127.0.0.1:http"), "main.conf:2: bad port 'http' in listen address '127.0.0.1:http': expected 1 to 65535\n" },
	{ "port of many digits", LISTEN("127.0.0.1:000080"), "main.conf:2: bad port '000080' in listen address '127.0.0.1:000080': expected 1 to 65535\n" },
	{ "IPv6 without brackets", LISTEN("::1:8080"), BAD("::1:8080") FORMS },
	{ "IPv6 without a port", LISTEN("[::1]"), BAD("[::1]") FORMS },
	{ "IPv6 half in brackets", LISTEN("\"[::1:8080\""), BAD("[::1:8080") FORMS },
	{ "no IPv6 in brackets", LISTEN("[127.0.0.1]:80"), BAD("[127.0.0.1]:80") FORMS },
	{ "empty brackets", LISTEN("[]:80"), BAD("[]:80") FORMS },
	{ "one bracket", LISTEN("\"[:80\""), BAD("[:80") FORMS },
	{ "Unix socket without a path", LISTEN("unix:"), BAD("unix:") "the path is missing, write \"unix:/run/stint/http.sock\"\n" },
	{ "tls", LISTEN("\"127.0.0.1:443 tls\""), "main.conf:2: listen address '127.0.0.1:443 tls' needs tls_certificate and tls_key\n" },
	{ "something else than tls", LISTEN("\"127.0.0.1:443 ssl\""), "main.conf:2: bad port '443 ssl' in listen address '127.0.0.1:443 ssl': expected 1 to 65535\n" },
	{ "every address", LISTEN("0.0.0.0:80"), REACHED("0.0.0.0:80") },
	{ "every IPv6 address", LISTEN("[::]:80"), REACHED("[::]:80") },
	{ "one address that others reach", LISTEN("192.0.2.1:80"), REACHED("192.0.2.1:80") },
	{ "every address with tls", LISTEN("\"0.0.0.0:443 tls\""), REACHED("0.0.0.0:443 tls") "main.conf:2: listen address '0.0.0.0:443 tls' needs tls_certificate and tls_key\n" },
	{ "duplicate", LISTEN("127.0.0.1:80, 127.0.0.2:80, 127.0.0.1:80"), "main.conf:2: listen address '127.0.0.1:80' is given twice\n" },
	{ "duplicate, written otherwise", LISTEN("[::1]:80, [0:0::0:1]:80"), "main.conf:2: listen address '[0:0::0:1]:80' is given twice\n" },
	{ "duplicate Unix socket", LISTEN("unix:/a, unix:/b, unix:/a"), "main.conf:2: listen address 'unix:/a' is given twice\n" },
	{ "each on its own line", "http {\n\tlisten = {\n\t\t127.0.0.1:80,\n\t\tnowhere,\n# c\n\t\t8080\n\t}\n}\n",
		"main.conf:4: bad listen address 'nowhere': " FORMS "main.conf:6: bad listen address '8080': the address is missing, write \"127.0.0.1:8080\"\n" },
};

static void good(void **state)
{
	static const struct { bool is_unix; const char *text, *host; uint16_t port; } want[] = {
		{ false, "127.0.0.1:8080", "127.0.0.1", 8080 }, { false, "127.255.0.9:65535", "127.255.0.9", 65535 }, { false, "[::1]:1", "::1", 1 },
		{ false, "[::ffff:127.0.0.1]:8080", "::ffff:127.0.0.1", 8080 }, { true, "unix:/run/stint/http.sock", "/run/stint/http.sock", 0 }, { true, "unix:relative", "relative", 0 },
	};

	(void)state;
	conf_good("http { listen = {127.0.0.1:8080, 127.255.0.9:65535, [::1]:1, \"[::ffff:127.0.0.1]:8080\", unix:/run/stint/http.sock, unix:relative} }\n");
	assert_int_equal(conf->http.nlisten, sizeof want / sizeof want[0]);
	for (size_t i = 0; i < conf->http.nlisten; i++) {
		const struct conf_listen *l = &conf->http.listen[i];
		assert_string_equal(l->text, want[i].text);
		assert_string_equal(l->host, want[i].host);
		assert_int_equal(l->port, want[i].port);
		assert_int_equal(l->is_unix, want[i].is_unix);
		assert_true(l->loopback);
		assert_false(l->tls);
	}
}

static void path_too_long(void **state)
{
	char text[400], path[110];

	(void)state;
	memset(path, 'p', sizeof path);
	path[0] = '/';
	path[107] = '\0';
	snprintf(text, sizeof text, "http { listen = {\"unix:%s\"} }\n", path);
	conf_good(text);
	path[107] = 'p';
	path[108] = '\0';
	snprintf(text, sizeof text, "http { listen = {\"unix:%s\"} }\n", path);
	assert_non_null(strstr(conf_try(text), "is too long: 108 characters, 107 are possible"));
}

int main(void)
{
	struct CMUnitTest tests[MISTAKES_MAX] = { cmocka_unit_test(good), cmocka_unit_test(path_too_long) };

	return RUN(tests, MISTAKES(tests, 2, mistakes));
}
