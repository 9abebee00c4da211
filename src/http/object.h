/* Bodies that are one JSON object of ours: what is wrong with one that is not. */
#ifndef STINT_HTTP_OBJECT_H
#define STINT_HTTP_OBJECT_H

#include <jansson.h>

#include "http/envelope.h"

/* Whether the body is one JSON text, with a detail that names line and column where it is not. needed: what is, for one that is empty, such as "a job such as {...}". */
bool object_is_json(struct slice body, const char *needed, struct envelope_problem *p);
/* The body's object, to be freed by json_decref(). NULL: *p says why. */
json_t *object_read(struct slice body, const char *needed, struct envelope_problem *p);

/* Why jansson refused a text that is JSON: a member given twice, a number beyond 64 bits, U+0000, or memory is out. The status, with the detail in out. */
int object_refused(const json_error_t *err, char *out, size_t size);

#endif
