/* The fields of a submission: one table with a check for each. Used by envelope.c, and by openapi.c to describe them. */
#ifndef STINT_HTTP_ENVELOPE_FIELD_H
#define STINT_HTTP_ENVELOPE_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "http/envelope.h"
#include "http/schema.h"

enum envelope_name {
	FIELD_TYPE, FIELD_PAYLOAD, FIELD_NAME, FIELD_QUEUE, FIELD_PRIORITY, FIELD_RUN_AT, FIELD_DELAY, FIELD_MAX_RETRIES, FIELD_TIMEOUT, FIELD_BACKOFF,
	FIELD_EXPIRES_IN, FIELD_EXPIRES_AT, FIELD_TRACE, FIELD_TAGS, FIELD_IDEMPOTENCY_KEY, FIELD_UNIQUE_KEY, FIELD_KEY, FIELD_DEPENDS_ON, FIELDS
};

enum backoff_given { BACKOFF_BASE = 1, BACKOFF_FACTOR = 2, BACKOFF_MAX = 4, BACKOFF_JITTER = 8 };

/* A spec while it is being filled in. */
struct filling {
	const struct envelope_input *in;
	struct job_spec *spec;
	struct envelope_problem *problem;
	uint32_t given;                 /* 1 << enum envelope_name */
	uint8_t *depends;               /* depends_on's ids, to be freed */
	uint32_t backoff_given;         /* enum backoff_given */
};

enum envelope_query { QUERY_NO, QUERY_STRING, QUERY_INTEGER };

struct envelope_field {
	struct schema_member member;    /* its limits are those that are checked */
	bool (*set)(struct filling *f, const struct schema_member *m, const json_t *v);
	enum envelope_query query;      /* how it may be said in the query of a raw body */
};

extern const struct envelope_field envelope_fields[FIELDS];
const struct schema_member *envelope_member(unsigned arg, unsigned i);         /* schema_object.at: the fields */
const struct schema_member *envelope_backoff(unsigned arg, unsigned i);        /* and the members of the field backoff */

bool envelope_given(const struct filling *f, enum envelope_name n);
/* Fills in the problem with status 400 and returns false. */
bool envelope_wrong(struct filling *f, const char *field, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* One member by its name; an unknown name is a problem. */
bool envelope_set(struct filling *f, const char *name, const json_t *v);
bool envelope_traceparent(struct slice s);
/* The header Idempotency-Key beside the field: one of them, or both the same. */
bool envelope_idempotency(struct filling *f);

#endif
