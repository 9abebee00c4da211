/* What a browser sends of a form: application/x-www-form-urlencoded. */
#ifndef STINT_HTTP_FORM_H
#define STINT_HTTP_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "http/http.h"

#define FORM_FIELDS 16

struct form {
	struct http_pair field[FORM_FIELDS];    /* decoded, in the order in which they came */
	size_t n;
	char *text;                             /* what they point into */
};

/* Reads the request's body. `names`, comma-separated: another field, or one that comes twice, is refused. False: 400 or 415 was answered, and there is nothing to free. */
bool form_read(struct form *f, struct http_request *q, const char *names);
struct slice form_get(const struct form *f, const char *name);         /* p NULL where it was not sent, or is empty */
void form_free(struct form *f);

#endif
