/* Problem details (RFC 9457) as bytes. problem_send() is in http.h. */
#ifndef STINT_HTTP_PROBLEM_H
#define STINT_HTTP_PROBLEM_H

#include <stdint.h>

#include "text/buf.h"

#define PROBLEM_TYPE "application/problem+json"

/* Appends the JSON object. field may be NULL; an empty instance is left out, and so is line 0. */
void problem_put(struct buf *out, int status, uint64_t line, struct slice instance, const char *field, struct slice detail);
/* The same as the text of a whole answer. */
void problem_write(struct buf *out, int status, struct slice instance, const char *field, struct slice detail);

#endif
