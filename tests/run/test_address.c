/* Which addresses are refused: every row of IANA's registries, every way to hide one in another, and their neighbours that are public. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "run/address.h"

static struct ip ip(const char *text)
{
	struct ip a;

	if (!ip_parse(slice_of(text), &a))
		fail_msg("not an address: %s", text);
	return a;
}

static void test_kinds(void **state)
{
	static const struct { const char *address, *kind; } cases[] = {
		{ "0.0.0.0", "this host's own" }, { "0.255.255.255", "this host's own" }, { "1.0.0.0", NULL },
		{ "9.255.255.255", NULL }, { "10.0.0.0", "private" }, { "10.255.255.255", "private" }, { "11.0.0.0", NULL },
		{ "100.63.255.255", NULL }, { "100.64.0.0", "carrier-grade NAT" }, { "100.127.255.255", "carrier-grade NAT" }, { "100.128.0.0", NULL },
		{ "126.255.255.255", NULL }, { "127.0.0.1", "loopback" }, { "127.255.255.254", "loopback" }, { "128.0.0.0", NULL },
		{ "169.253.255.255", NULL }, { "169.254.169.254", "link-local" }, { "169.255.0.0", NULL },
		{ "172.15.255.255", NULL }, { "172.16.0.0", "private" }, { "172.31.255.255", "private" }, { "172.32.0.0", NULL },
		{ "192.0.0.170", "reserved" }, { "192.0.1.0", NULL }, { "192.0.2.1", "documentation" }, { "192.88.99.1", "6to4 relay" }, { "192.167.255.255", NULL }, { "192.168.0.1", "private" }, { "192.169.0.0", NULL },
		{ "198.17.255.255", NULL }, { "198.18.0.1", "benchmarking" }, { "198.19.255.255", "benchmarking" }, { "198.20.0.0", NULL }, { "198.51.100.1", "documentation" }, { "203.0.113.9", "documentation" },
		{ "223.255.255.255", NULL }, { "224.0.0.1", "multicast" }, { "239.255.255.250", "multicast" }, { "240.0.0.1", "reserved" }, { "255.255.255.254", "reserved" }, { "255.255.255.255", "broadcast" },
		{ "8.8.8.8", NULL }, { "93.184.216.34", NULL },
		{ "::", "unspecified" }, { "::1", "loopback" }, { "::2", "IPv4-compatible" }, { "::127.0.0.1", "IPv4-compatible" }, { "::8.8.8.8", "IPv4-compatible" },
		{ "::ffff:127.0.0.1", "loopback" }, { "::ffff:169.254.169.254", "link-local" }, { "::ffff:0:0", "this host's own" }, { "::ffff:c0a8:1", "private" }, { "::ffff:8.8.8.8", NULL },
		{ "::ffff:0:7f00:1", "IPv4-translated" }, { "64:ff9b::127.0.0.1", "loopback" }, { "64:ff9b::a00:1", "private" }, { "64:ff9b::169.254.169.254", "link-local" }, { "64:ff9b::8.8.8.8", NULL },
		{ "64:ff9b:1::7f00:1", "local NAT64" }, { "64:ff9b:0:1::", "reserved" }, { "100::1", "discard" }, { "2001::1", "Teredo" }, { "2001:0:53aa:64c::1", "Teredo" }, { "2001:10::1", "reserved" }, { "2001:1ff::1", "reserved" },
		{ "2001:200::1", NULL }, { "2001:db8::1", "documentation" }, { "2002:7f00:1::", "6to4" }, { "2002:808:808::1", "6to4" }, { "3fff::1", "documentation" }, { "3fff:1000::1", NULL }, { "2606:4700::1111", NULL }, { "2a00:1450::1", NULL },
		{ "1fff::1", "reserved" }, { "4000::1", "reserved" }, { "5f00::1", "reserved" }, { "fbff::1", "reserved" }, { "fc00::1", "private" }, { "fd00:ec2::254", "private" }, { "fe00::1", "reserved" }, { "fe80::1", "link-local" },
		{ "febf::1", "link-local" }, { "fec0::1", "site-local" }, { "ff02::1", "multicast" }, { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip a = ip(cases[i].address);
		const char *kind = address_kind(&a);
		if (!kind != !cases[i].kind || (kind && strcmp(kind, cases[i].kind) != 0))
			fail_msg("%s is %s, not %s", cases[i].address, kind ? kind : "public", cases[i].kind ? cases[i].kind : "public");
	}
}

static void test_allow(void **state)
{
	static const struct { const char *allow, *host, *address; bool may; } cases[] = {
		{ "127.0.0.1", "x", "127.0.0.1", true }, { "127.0.0.1", "x", "127.0.0.2", false }, { "127.0.0.0/8", "x", "127.0.0.2", true }, { "127.0.0.1", "x", "::1", false }, { "::1", "x", "::1", true },
		{ "127.0.0.1", "x", "::ffff:127.0.0.1", true }, { "127.0.0.0/8", "x", "64:ff9b::7f00:1", true }, { "::ffff:0:0/96", "x", "::ffff:10.0.0.1", true }, { "::ffff:0:0/96", "x", "10.0.0.1", false },
		{ "127.0.0.1", "x", "2002:7f00:1::", false }, { "10.0.0.0/8", "127.0.0.1", "127.0.0.1", false }, { "internal.example", "internal.example", "10.0.0.1", true }, { "internal.example", "INTERNAL.example.", "10.0.0.1", true },
		{ "internal.example", "x.internal.example", "10.0.0.1", false }, { "internal.example", "internal.example.org", "10.0.0.1", false }, { "localhost", "localhost", "::1", true }, { "localhost", "127.0.0.1", "127.0.0.1", false },
		{ "0.0.0.0/0", "x", "169.254.169.254", true }, { "0.0.0.0/0", "x", "::1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *one[] = { (char *)(uintptr_t)"192.168.77.77", (char *)(uintptr_t)cases[i].allow };
		struct conf_list allow = { one, 2 };
		struct ip a = ip(cases[i].address);
		if (address_allowed(&allow, slice_of(cases[i].host), &a) != cases[i].may)
			fail_msg("allow %s, %s at %s", cases[i].allow, cases[i].host, cases[i].address);
	}
	struct ip a = ip("127.0.0.1");
	assert_false(address_allowed(&(struct conf_list){ NULL, 0 }, slice_of("localhost"), &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kinds), cmocka_unit_test(test_allow) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
