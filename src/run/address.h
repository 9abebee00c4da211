/* Which addresses a handler may call. Pure. */
#ifndef STINT_RUN_ADDRESS_H
#define STINT_RUN_ADDRESS_H

#include "config/config.h"
#include "text/ip.h"

/* What keeps an address from being called: "loopback", "private", "link-local" ...; NULL where it is one of the public Internet. */
const char *address_kind(const struct ip *a);

/* Whether `allow` (addresses, networks, host names) has it, or the host that was asked for. */
bool address_allowed(const struct conf_list *allow, struct slice host, const struct ip *a);

#endif
