/* A submission's text made into a job_spec with every default resolved. Pure: the time and the conf are arguments. */
#ifndef STINT_HTTP_ENVELOPE_H
#define STINT_HTTP_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "http/http.h"
#include "job/job.h"
#include "text/buf.h"

struct envelope_input {
	const struct conf *conf;
	int64_t wall_ms;                /* now: what a delay counts from */
	struct slice idempotency_key;   /* the header; p NULL where it was not sent */
	struct slice traceparent;       /* the header; passed over where it is no traceparent or the job says its own */
};

struct envelope_problem {               /* what problem_send() is to say */
	int status;
	char field[96];                 /* "" where no single field is at fault */
	char detail[480];
};

struct json_t;

/* The spec's texts point into `tree`, into the text that was parsed and into the conf. */
struct envelope {
	struct job_spec spec;
	struct json_t *tree;
	uint8_t *depends;               /* the spec's ids */
};

/* Whether the body is one JSON text, with a detail that names line and column where it is not. */
bool envelope_is_json(struct slice body, struct envelope_problem *p);
/* One job from the text of a JSON value that envelope_is_json() has accepted. On false *p says why and nothing has to be freed. */
bool envelope_parse(struct envelope *e, const struct envelope_input *in, struct slice text, struct envelope_problem *p);
/* One job whose payload is `body` as it stands and whose fields come from the query. */
bool envelope_raw(struct envelope *e, const struct envelope_input *in, const struct http_pair *query, size_t nquery, struct slice content_type,
	struct slice body, struct envelope_problem *p);
void envelope_free(struct envelope *e);

#endif
