/* The status page's files, part of the program. */
#ifndef STINT_HTTP_ASSET_H
#define STINT_HTTP_ASSET_H

#include "text/buf.h"

struct asset {
	const char *path, *content_type;
	const char *begin, *end;
};

const struct asset *asset_find(struct slice path);      /* NULL where there is none */

#endif
