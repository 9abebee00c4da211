/* Addresses and networks: read, written, compared. Used by the conf's checks and by what decides which address may be called. Nothing can fail but the text that is read. */
#include "text/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool ip_parse(struct slice s, struct ip *out)
{
	char text[IP_TEXT_BYTES];

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = (struct slice){ s.p + 1, s.n - 2 };
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*out = (struct ip){ .v6 = memchr(s.p, ':', s.n) != NULL };
	return inet_pton(out->v6 ? AF_INET6 : AF_INET, text, out->b) == 1;
}

bool ip_of(const struct sockaddr *sa, socklen_t n, struct ip *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	*out = (struct ip){ .v6 = sa->sa_family == AF_INET6 };
	if (sa->sa_family == AF_INET && n >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		memcpy(out->b, &in.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6 && n >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, 16);
		return true;
	}
	return false;
}

void ip_format(const struct ip *a, char out[IP_TEXT_BYTES])
{
	if (!inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->b, out, IP_TEXT_BYTES))
		snprintf(out, IP_TEXT_BYTES, "?");
}

bool ip_inside(const struct ip *a, struct ip *v4)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

	if (!a->v6 || (memcmp(a->b, mapped, sizeof(mapped)) != 0 && memcmp(a->b, nat64, sizeof(nat64)) != 0))
		return false;
	*v4 = (struct ip){ .v6 = false };
	memcpy(v4->b, a->b + 12, 4);
	return true;
}

/* --- networks --- */

static bool parse_bits(struct slice s, unsigned most, unsigned *bits)
{
	unsigned v = 0;

	if (s.n < 1 || s.n > 3 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	*bits = v;
	return v <= most;
}

/* The bits of byte i that lie within a prefix. */
static uint8_t mask_of(unsigned bits, unsigned i)
{
	if (bits >= 8 * (i + 1))
		return 0xff;
	return bits <= 8 * i ? 0 : (uint8_t)(0xff00 >> (bits - 8 * i));
}

enum ip_network_rc ip_network_parse(struct slice s, struct ip_network *out)
{
	const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
	size_t n = slash ? (size_t)(slash - s.p) : s.n;
	enum ip_network_rc rc = IP_NETWORK_OK;

	*out = (struct ip_network){ .bits = 0 };
	if (!ip_parse((struct slice){ s.p, n }, &out->base))
		return IP_NETWORK_BAD;
	unsigned most = out->base.v6 ? 128 : 32;
	out->bits = most;
	if (slash && !parse_bits((struct slice){ slash + 1, s.n - n - 1 }, most, &out->bits))
		return IP_NETWORK_BAD;
	for (unsigned i = 0; i < most / 8; i++) {
		uint8_t within = out->base.b[i] & mask_of(out->bits, i);
		if (within != out->base.b[i])
			rc = IP_NETWORK_LOOSE;
		out->base.b[i] = within;
	}
	return rc;
}

bool ip_network_has(const struct ip_network *n, const struct ip *a)
{
	if (n->base.v6 != a->v6)
		return false;
	for (unsigned i = 0; i < (a->v6 ? 16 : 4); i++)
		if ((a->b[i] & mask_of(n->bits, i)) != n->base.b[i])
			return false;
	return true;
}

void ip_network_put(const struct ip_network *n, struct buf *out)
{
	char text[IP_TEXT_BYTES];

	ip_format(&n->base, text);
	buf_printf(out, "%s/%u", text, n->bits);
}
