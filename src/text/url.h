/* The parts of a URL that we look at; what is asked for behind the authority is the caller's business. */
#ifndef STINT_TEXT_URL_H
#define STINT_TEXT_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"

struct url {                    /* point into the text */
	struct slice scheme, user, password, host, path;        /* host: as written, an IPv6 address with its brackets; user and password still percent-coded; path: up to the end */
	struct slice place;     /* host and port as written: what may be shown to everybody */
	bool has_user, has_password;
	uint16_t port;          /* 0: not written */
};

/* NULL where it is an absolute URL with an authority, printable ASCII without spaces; else what is wrong with it, static text. */
const char *url_parse(struct slice s, struct url *out);
bool url_scheme_is(const struct url *u, const char *scheme);    /* lower case; schemes are the same in any */

/* Whether `host` is that name: in any case, with or without the dot at its end. */
bool url_host_is(struct slice host, const char *name);

/* Appends it as a part of a path or a query: what could be anything but itself there as %XX. */
void url_encode(struct buf *out, struct slice s);

#endif
