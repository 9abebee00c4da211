/* Internet addresses and networks as text and as bytes. Pure. */
#ifndef STINT_TEXT_IP_H
#define STINT_TEXT_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "text/buf.h"

struct ip {
	bool v6;
	uint8_t b[16];          /* in network order; an IPv4 address has the first four */
};
struct ip_network {
	struct ip base;
	unsigned bits;          /* of the prefix */
};

bool ip_parse(struct slice s, struct ip *out);        /* "127.0.0.1", "::1", "[::1]"; four decimal parts, no other form of IPv4 */
bool ip_of(const struct sockaddr *sa, socklen_t n, struct ip *out);  /* false for other families */
#define IP_TEXT_BYTES 46
void ip_format(const struct ip *a, char out[IP_TEXT_BYTES]);
/* The IPv4 address that ::ffff:a.b.c.d and 64:ff9b::a.b.c.d (NAT64) lead to; false for all others. */
bool ip_inside(const struct ip *a, struct ip *v4);

enum ip_network_rc { IP_NETWORK_OK, IP_NETWORK_BAD, IP_NETWORK_LOOSE };     /* LOOSE: bits are set beyond its prefix; out then has them cleared */
enum ip_network_rc ip_network_parse(struct slice s, struct ip_network *out);    /* "10.0.0.0/8", "fc00::/7"; an address alone is a network of one */
bool ip_network_has(const struct ip_network *n, const struct ip *a);
void ip_network_put(const struct ip_network *n, struct buf *out);

#endif
