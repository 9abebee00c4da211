/* Who asks, and what he may: access tokens, their roles and their queues. Where the conf has no token_file everything is allowed to everybody. */
#ifndef STINT_HTTP_AUTH_H
#define STINT_HTTP_AUTH_H

#include "http/http.h"

#define AUTH_COOKIE "stint_token"       /* of the pages: the token itself, HttpOnly and SameSite=Strict */
#define AUTH_CHALLENGE "Bearer realm=\"stint\""  /* WWW-Authenticate of every 401 */
#define AUTH_UNKNOWN AUTH_CHALLENGE ", error=\"invalid_token\""
#define AUTH_TOKEN_MAX 256              /* bytes of a token; a longer one is nobody's */

/* The token's line; NULL where there is none. Takes the same time for every token that is not there. */
const struct conf_token *auth_token(const struct conf *c, struct slice token);

/* Sets q->token and looks whether its roles are enough for q->route. False: 401 or 403 was answered. */
bool auth_check(struct http_request *q);

/* The roles of which any is enough for the route; without HTTP_ROUTE_OPEN. */
unsigned auth_roles(const struct http_route *r);

/* What a page may show to whom asks: whether it has one of these roles, or admin. */
bool auth_may(const struct http_request *q, unsigned roles);

bool auth_some_queues(const struct http_request *q);    /* the token is not for all */
/* Whether the request's token is for this queue. A token without queues is for all. */
bool auth_queue(const struct http_request *q, struct slice queue);
/* The same, with 403 answered where it is not; `field` may be NULL. */
bool auth_queue_or_refuse(struct http_request *q, struct slice queue, const char *field);
/* For what takes a queue as a filter: where none is named, those of the token are put in. False: 403 was answered. */
bool auth_filter(struct http_request *q, struct store_filter *f);

#endif
