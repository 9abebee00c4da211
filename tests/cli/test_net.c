/* cli/net: addresses as they are given, and connections that cannot be had. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/net.h"
#include "fake_server.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void addresses_are_read(void **unused)
{
	static const struct { const char *text, *host, *port, *authority; } good[] = {
		{ "http://127.0.0.1:8080", "127.0.0.1", "8080", "127.0.0.1:8080" },
		{ "http://127.0.0.1:8080/", "127.0.0.1", "8080", "127.0.0.1:8080" },
		{ "HTTP://jobs.example", "jobs.example", "80", "jobs.example" },
		{ "http://[::1]:9", "::1", "9", "[::1]:9" },
		{ "http://[fe80::1%eth0]", "fe80::1%eth0", "80", "[fe80::1%eth0]" },
		{ "http://h:65535", "h", "65535", "h:65535" },
		{ "https://jobs.example", "jobs.example", "443", "jobs.example" },
		{ "HTTPS://[::1]:8443/", "::1", "8443", "[::1]:8443" },
	};
	struct net_url u;
	char why[256];

	(void)unused;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!net_url_parse(good[i].text, &u, why, sizeof(why)))
			fail_msg("%s: %s", good[i].text, why);
		assert_false(u.is_unix);
		assert_int_equal(u.is_tls, (good[i].text[4] | 0x20) == 's');
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.port, good[i].port);
		assert_string_equal(u.authority, good[i].authority);
	}
	assert_true(net_url_parse("unix:/run/stint/http.sock", &u, why, sizeof(why)));
	assert_true(u.is_unix);
	assert_string_equal(u.host, "/run/stint/http.sock");
	assert_string_equal(u.authority, "localhost");
	assert_true(net_host_port_parse("localhost:11300", &u, why, sizeof(why)));
	assert_string_equal(u.host, "localhost");
	assert_string_equal(u.port, "11300");
}

static void other_addresses_are_refused(void **unused)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "", "has no http://" }, { "127.0.0.1:8080", "has no http://" }, { "ftp://h", "has no http://" }, { "https:h", "has no http://" },
		{ "http://", "cannot be used; it must be http://HOST[:PORT], https://HOST[:PORT]" }, { "https://", "cannot be used" }, { "https:///", "cannot be used" }, { "http:///", "cannot be used" }, { "http://h:0", "cannot be used" },
		{ "http://h:65536", "cannot be used" }, { "http://h:", "cannot be used" }, { "http://h:8o", "cannot be used" }, { "http://h/path", "cannot be used" },
		{ "http://h?q", "cannot be used" }, { "http://u@h", "cannot be used" }, { "http://a b", "cannot be used" }, { "http://a\r\nX: y", "cannot be used" },
		{ "http://[::1", "cannot be used" }, { "http://[]:1", "cannot be used" }, { "http://[::1]x", "cannot be used" }, { "http://::1", "cannot be used" },
		{ "unix:", "needs a path" },
	};
	char why[512], text[600];
	struct net_url u;

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (net_url_parse(bad[i].text, &u, why, sizeof(why)) || !strstr(why, bad[i].says))
			fail_msg("%s: said \"%s\", wanted \"%s\"", bad[i].text, why, bad[i].says);
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "http://", 7);
	assert_false(net_url_parse(text, &u, why, sizeof(why)));
	memcpy(text, "unix:/a", 7);
	assert_false(net_url_parse(text, &u, why, sizeof(why)));
	assert_false(net_host_port_parse("localhost", &u, why, sizeof(why)));
	assert_non_null(strstr(why, "HOST:PORT"));
}

static void nobody_there_is_said(void **unused)
{
	struct net_address a;
	struct net_url u;
	char why[256], text[64];

	(void)unused;
	snprintf(text, sizeof(text), "http://127.0.0.1:%u", fake_closed_port());
	assert_true(net_url_parse(text, &u, why, sizeof(why)));
	assert_int_equal(net_open(&u, 5000, &a, why, sizeof(why)), -1);
	assert_string_equal(why, strerror(ECONNREFUSED));
	assert_true(net_url_parse("unix:/nonexistent/stint.sock", &u, why, sizeof(why)));
	assert_int_equal(net_open(&u, 5000, &a, why, sizeof(why)), -1);
	assert_string_equal(why, strerror(ENOENT));
	assert_true(net_url_parse("http://no-such-host.invalid", &u, why, sizeof(why)));
	assert_int_equal(net_open(&u, 5000, &a, why, sizeof(why)), -1);
	assert_true(why[0] != '\0');
}

/* A listener whose queue is full does not answer: the limit must. */
static void a_limit_is_kept(void **unused)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct net_address a = { .len = sizeof(at) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd[16], n = 0, last;

	(void)unused;
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	memcpy(&a.at, &at, sizeof(at));
	do {
		fd[n] = net_connect(&a, 50);
		last = errno;
	} while (fd[n] >= 0 && ++n < 16);
	assert_true(n < 16);
	assert_int_equal(last, ETIMEDOUT);
	while (n-- > 0)
		close(fd[n]);
	close(listener);
}

static void a_port_of_tls_is_guessed(void **unused)
{
	struct net_url u;
	char why[256];

	(void)unused;
	assert_true(net_url_parse("http://h", &u, why, sizeof(why)));
	assert_string_equal(net_tls_hint(&u, "\x15\x03\x01\x00\x02", 5), "; this port speaks TLS: its address begins with https://");
	assert_string_equal(net_tls_hint(&u, NULL, 0), "; where this port speaks TLS, its address begins with https://");
	assert_string_equal(net_tls_hint(&u, "-ERR", 4), "");
	assert_true(net_url_parse("https://h", &u, why, sizeof(why)));
	assert_string_equal(net_tls_hint(&u, NULL, 0), "");
	assert_true(net_url_parse("unix:/h", &u, why, sizeof(why)));
	assert_string_equal(net_tls_hint(&u, NULL, 0), "");
}

static void greet(int fd, unsigned number)
{
	(void)number;
	fake_say(fd, "hi");
}

static void what_comes_is_waited_for(void **unused)
{
	struct fake_server f;
	struct net_address a;
	struct net_url u;
	char why[256], got[3] = "";
	int fd;

	(void)unused;
	fake_start(&f, greet);
	assert_true(net_url_parse(f.url, &u, why, sizeof(why)));
	fd = net_open(&u, 5000, &a, why, sizeof(why));
	assert_true(fd >= 0);
	assert_int_equal(net_wait(fd, 1 /* POLLIN */, INT64_MAX), 1);
	assert_int_equal(recv(fd, got, 2, 0), 2);
	assert_string_equal(got, "hi");
	assert_int_equal(net_wait(fd, 1, 0), 0);        /* a deadline that has passed */
	close(fd);
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(other_addresses_are_refused),
		cmocka_unit_test(nobody_there_is_said),
		cmocka_unit_test(a_limit_is_kept),
		cmocka_unit_test(a_port_of_tls_is_guessed),
		cmocka_unit_test(what_comes_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
