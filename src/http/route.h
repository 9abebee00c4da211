/* Finding a path's route in the table. */
#ifndef STINT_HTTP_ROUTE_H
#define STINT_HTTP_ROUTE_H

#include <stdbool.h>

#include "http/http.h"

#define ROUTE_ALLOW_BYTES 64

/* The route of a path given as its segments; arg gets what stood for ":id". NULL: none, and allow has the methods that the path knows, "GET, HEAD", or "". */
const struct http_route *route_find(enum http_method method, const struct slice *segment, unsigned n, struct slice arg[HTTP_PATH_ARGS], char allow[ROUTE_ALLOW_BYTES]);
/* Whether the route knows the query's name; *again: it may come more than once. */
bool route_takes(const struct http_route *r, struct slice name, bool *again);

#endif
