/* Addresses and networks as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "text/ip.h"

static struct ip ip(const char *text)
{
	struct ip a;

	if (!ip_parse(slice_of(text), &a))
		fail_msg("not an address: %s", text);
	return a;
}

static void test_addresses(void **state)
{
	static const struct { const char *in, *out; } good[] = {
		{ "0.0.0.0", "0.0.0.0" }, { "127.0.0.1", "127.0.0.1" }, { "255.255.255.255", "255.255.255.255" }, { "::", "::" }, { "[::1]", "::1" }, { "0:0:0:0:0:0:0:1", "::1" },
		{ "2001:DB8::1", "2001:db8::1" }, { "::ffff:10.0.0.1", "::ffff:10.0.0.1" }, { "64:ff9b::7f00:1", "64:ff9b::7f00:1" },
	};
	static const char *const bad[] = { "", "1", "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "127.0.0.1.", "127.0.0.256", "127.0.0.1/8", " 127.0.0.1", "::1%lo", ":::", "1::2::3", "[127.0.0.1", "[]", "localhost",
		"1234:1234:1234:1234:1234:1234:123.123.123.1234" };
	char text[IP_TEXT_BYTES];
	struct ip a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		a = ip(good[i].in);
		ip_format(&a, text);
		assert_string_equal(text, good[i].out);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ip_parse(slice_of(bad[i]), &a))
			fail_msg("taken: %s", bad[i]);
	assert_false(ip_parse((struct slice){ "1.2.3.4\0", 8 }, &a));
}

static void test_sockets(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct ip a, want = ip("10.0.0.1");

	(void)state;
	assert_true(ip_of((struct sockaddr *)&in, sizeof(in), &a));
	assert_memory_equal(&a, &want, sizeof(a));
	assert_true(ip_of((struct sockaddr *)&in6, sizeof(in6), &a));
	want = ip("::1");
	assert_memory_equal(&a, &want, sizeof(a));
	assert_false(ip_of((struct sockaddr *)&in6, sizeof(in6) - 1, &a));
	assert_false(ip_of(&other, sizeof(other), &a));
}

static void test_inside(void **state)
{
	static const struct { const char *outer, *inner; } cases[] = {
		{ "::ffff:127.0.0.1", "127.0.0.1" }, { "::ffff:a9fe:a9fe", "169.254.169.254" }, { "64:ff9b::10.1.2.3", "10.1.2.3" }, { "::127.0.0.1", NULL }, { "::1", NULL }, { "2002:7f00:1::", NULL },
		{ "64:ff9b:1::7f00:1", NULL }, { "::fffe:127.0.0.1", NULL }, { "1::ffff:127.0.0.1", NULL }, { "127.0.0.1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip a = ip(cases[i].outer), in;
		assert_int_equal(ip_inside(&a, &in), cases[i].inner != NULL);
		if (cases[i].inner) {
			struct ip want = ip(cases[i].inner);
			assert_memory_equal(&in, &want, sizeof(in));
		}
	}
}

static void test_networks(void **state)
{
	static const struct { const char *in; enum ip_network_rc rc; const char *out; } cases[] = {
		{ "10.0.0.0/8", IP_NETWORK_OK, "10.0.0.0/8" }, { "10.1.2.3", IP_NETWORK_OK, "10.1.2.3/32" }, { "0.0.0.0/0", IP_NETWORK_OK, "0.0.0.0/0" }, { "::/0", IP_NETWORK_OK, "::/0" },
		{ "fc00::/7", IP_NETWORK_OK, "fc00::/7" }, { "[::1]", IP_NETWORK_OK, "::1/128" }, { "10.1.2.3/8", IP_NETWORK_LOOSE, "10.0.0.0/8" }, { "172.31.0.0/12", IP_NETWORK_LOOSE, "172.16.0.0/12" },
		{ "fe80::1/10", IP_NETWORK_LOOSE, "fe80::/10" }, { "10.0.0.0/33", IP_NETWORK_BAD, NULL }, { "::/129", IP_NETWORK_BAD, NULL }, { "10.0.0.0/", IP_NETWORK_BAD, NULL }, { "10.0.0.0/08", IP_NETWORK_BAD, NULL },
		{ "10.0.0.0/-1", IP_NETWORK_BAD, NULL }, { "10.0.0.0/8/8", IP_NETWORK_BAD, NULL }, { "/8", IP_NETWORK_BAD, NULL }, { "10/8", IP_NETWORK_BAD, NULL }, { "10.0.0.0/255.0.0.0", IP_NETWORK_BAD, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_network n;
		struct buf b = { 0 };
		enum ip_network_rc rc = ip_network_parse(slice_of(cases[i].in), &n);
		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].in, (int)rc);
		if (rc == IP_NETWORK_BAD)
			continue;
		ip_network_put(&n, &b);
		assert_string_equal(buf_cstr(&b), cases[i].out);
		buf_free(&b);
	}
}

static void test_membership(void **state)
{
	static const struct { const char *network, *address; bool in; } cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true }, { "10.0.0.0/8", "11.0.0.0", false }, { "172.16.0.0/12", "172.31.255.255", true }, { "172.16.0.0/12", "172.32.0.0", false },
		{ "0.0.0.0/0", "8.8.8.8", true }, { "0.0.0.0/0", "::1", false }, { "::/0", "::1", true }, { "::/0", "8.8.8.8", false }, { "192.168.1.7", "192.168.1.7", true }, { "192.168.1.7", "192.168.1.6", false },
		{ "fc00::/7", "fdff::1", true }, { "fc00::/7", "fe00::1", false }, { "fe80::/10", "febf::1", true }, { "fe80::/10", "fec0::1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_network n;
		struct ip a = ip(cases[i].address);
		assert_int_equal(ip_network_parse(slice_of(cases[i].network), &n), IP_NETWORK_OK);
		if (ip_network_has(&n, &a) != cases[i].in)
			fail_msg("%s in %s", cases[i].address, cases[i].network);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_sockets), cmocka_unit_test(test_inside), cmocka_unit_test(test_networks), cmocka_unit_test(test_membership),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
