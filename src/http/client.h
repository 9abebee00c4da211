/* How fast a client submits: http's submit_rate. A client is a token where there are tokens, else an address (IPv6: the first 64 bits), else a user on a Unix socket. */
#ifndef STINT_HTTP_CLIENT_H
#define STINT_HTTP_CLIENT_H

#include "http/http.h"

/* Whether the client may submit now. False: 429 was answered, with Retry-After. */
bool client_may_submit(struct http_request *q);
/* It submits n jobs: it may go below zero, and then waits all the longer. */
void client_submits(struct http_request *q, size_t n);

#endif
