/* Problem details (RFC 9457) as bytes. problem_send() is in http.h. */
#ifndef STINT_HTTP_PROBLEM_H
#define STINT_HTTP_PROBLEM_H

#include "text/buf.h"

#define PROBLEM_TYPE "application/problem+json"

/* Appends the JSON text. field may be NULL; an empty instance is left out. */
void problem_write(struct buf *out, int status, struct slice instance, const char *field, struct slice detail);

#endif
