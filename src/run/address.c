/* The addresses that are not of the public Internet: what IANA's registries of special purposes call so (RFC 6890 and later), and whatever may lead to one of
 * them. Called before each connection of an http handler is opened, and before a kept one is used again. */
#include "run/address.h"

#include "text/url.h"

struct special { const char *network, *kind; };

static const struct special special4[] = {
	{ "0.0.0.0/8", "this host's own" },
	{ "10.0.0.0/8", "private" },
	{ "100.64.0.0/10", "carrier-grade NAT" },
	{ "127.0.0.0/8", "loopback" },
	{ "169.254.0.0/16", "link-local" },
	{ "172.16.0.0/12", "private" },
	{ "192.0.0.0/24", "reserved" },
	{ "192.0.2.0/24", "documentation" },
	{ "192.88.99.0/24", "6to4 relay" },
	{ "192.168.0.0/16", "private" },
	{ "198.18.0.0/15", "benchmarking" },
	{ "198.51.100.0/24", "documentation" },
	{ "203.0.113.0/24", "documentation" },
	{ "224.0.0.0/4", "multicast" },
	{ "255.255.255.255/32", "broadcast" },
	{ "240.0.0.0/4", "reserved" },
};

/* 2000::/3 is the public unicast space; all outside of it is refused by the last line, the others say why. What has an IPv4 address in it in a way that is out of use
 * (6to4, Teredo, IPv4-compatible) is refused whatever that address is. */
static const struct special special6[] = {
	{ "::/128", "unspecified" },
	{ "::1/128", "loopback" },
	{ "::/96", "IPv4-compatible" },
	{ "::ffff:0:0:0/96", "IPv4-translated" },
	{ "64:ff9b:1::/48", "local NAT64" },
	{ "100::/64", "discard" },
	{ "2001::/32", "Teredo" },
	{ "2001::/23", "reserved" },
	{ "2001:db8::/32", "documentation" },
	{ "2002::/16", "6to4" },
	{ "3fff::/20", "documentation" },
	{ "fc00::/7", "private" },
	{ "fe80::/10", "link-local" },
	{ "fec0::/10", "site-local" },
	{ "ff00::/8", "multicast" },
};

static bool has(const char *network, const struct ip *a)
{
	struct ip_network n;

	return ip_network_parse(slice_of(network), &n) == IP_NETWORK_OK && ip_network_has(&n, a);
}

const char *address_kind(const struct ip *a)
{
	const struct special *s = a->v6 ? special6 : special4;
	size_t n = a->v6 ? sizeof(special6) / sizeof(special6[0]) : sizeof(special4) / sizeof(special4[0]);
	struct ip inside;

	if (ip_inside(a, &inside))
		return address_kind(&inside);
	for (size_t i = 0; i < n; i++)
		if (has(s[i].network, a))
			return s[i].kind;
	return a->v6 && !has("2000::/3", a) ? "reserved" : NULL;
}

bool address_allowed(const struct conf_list *allow, struct slice host, const struct ip *a)
{
	struct ip inside;
	bool outer = ip_inside(a, &inside);

	for (size_t i = 0; i < allow->n; i++)
		if (url_host_is(host, allow->v[i]) || has(allow->v[i], a) || (outer && has(allow->v[i], &inside)))
			return true;
	return false;
}
