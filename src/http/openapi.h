/* The contract as OpenAPI 3.1: GET /openapi.json. What is said of a route stands in openapi_operation.c, what is said of the JSON in requests and answers in openapi_schema.c, and openapi.c puts
 * it together with the route table, the tables by which requests are checked, the names of states and events, the roles and the conf's limits. */
#ifndef STINT_HTTP_OPENAPI_H
#define STINT_HTTP_OPENAPI_H

#include "http/http.h"
#include "http/schema.h"

enum openapi_operation_id {             /* one a route: its row names it, so that there is none without */
	OPENAPI_SUBMIT, OPENAPI_JOBS, OPENAPI_BULK_CANCEL, OPENAPI_BULK_RETRY, OPENAPI_BULK_DELETE,
	OPENAPI_JOB, OPENAPI_CANCEL, OPENAPI_RETRY, OPENAPI_RUN_NOW, OPENAPI_DELETE, OPENAPI_HISTORY, OPENAPI_RESULT, OPENAPI_PAYLOAD, OPENAPI_LOG,
	OPENAPI_COMPLETE, OPENAPI_FAIL, OPENAPI_EXTEND, OPENAPI_PROGRESS, OPENAPI_RELEASE, OPENAPI_CLAIMS, OPENAPI_CLAIM_RESULTS, OPENAPI_IMPORT,
	OPENAPI_QUEUES, OPENAPI_QUEUE, OPENAPI_PAUSE, OPENAPI_RESUME, OPENAPI_PURGE, OPENAPI_SCHEDULES, OPENAPI_SCHEDULE_RUN,
	OPENAPI_EVENTS, OPENAPI_STATS, OPENAPI_STATUS_JSON, OPENAPI_STATUS, OPENAPI_LOGIN_PAGE, OPENAPI_LOGIN, OPENAPI_LOGOUT, OPENAPI_STYLE, OPENAPI_SCRIPT, OPENAPI_ICON,
	OPENAPI_JOBS_PAGE, OPENAPI_BULK_PAGE, OPENAPI_JOB_PAGE, OPENAPI_CANCEL_FORM, OPENAPI_RETRY_FORM, OPENAPI_RUN_NOW_FORM, OPENAPI_DELETE_FORM,
	OPENAPI_QUEUES_PAGE, OPENAPI_PAUSE_FORM, OPENAPI_RESUME_FORM, OPENAPI_WORKERS_PAGE, OPENAPI_SCHEDULES_PAGE, OPENAPI_SCHEDULE_RUN_FORM, OPENAPI_SUBMIT_PAGE, OPENAPI_SUBMIT_FORM,
	OPENAPI_METRICS, OPENAPI_LIVEZ, OPENAPI_READYZ, OPENAPI_HEALTH, OPENAPI_CONTRACT, OPENAPI_ROOT, OPENAPI_OPERATIONS
};

struct openapi_content { const char *media; struct schema is; };        /* media NULL: none */

struct openapi_reply {                  /* rows of one status stand together: its content in several media types */
	int status;                     /* 0: no more */
	const char *what;
	struct openapi_content content;
	const char *header;             /* of the first row of a status; "Location", or NULL */
};

#define OPENAPI_REPLIES 7
#define OPENAPI_FORM "application/x-www-form-urlencoded"         /* bodies of that kind may be left out */
#define OPENAPI_BODIES 3
#define OPENAPI_ERRORS 8

struct openapi_operation {
	const char *id, *group, *summary, *about;       /* about: NULL where the summary says it */
	struct openapi_content body[OPENAPI_BODIES];
	const struct schema_member *parameter;          /* its own, before those that are known to all; ended by name NULL, or NULL */
	const struct schema_member *header;             /* request headers that it looks at; likewise */
	struct openapi_reply reply[OPENAPI_REPLIES];
	short error[OPENAPI_ERRORS];    /* beside those that follow from its route: openapi.c */
};

extern const struct openapi_operation openapi_operations[OPENAPI_OPERATIONS];
/* A parameter of the path or the query; NULL where nothing is known of it. */
const struct schema_member *openapi_parameter(const struct openapi_operation *op, struct slice name);

struct openapi_names { const char *name, *what, *(*at)(unsigned i); };  /* strings that a value may be; at: NULL after the last */

extern const struct schema_member openapi_types[];      /* each of these is ended by name NULL */
extern const struct openapi_names openapi_names[];
extern const struct schema_object openapi_objects[];

/* The document. */
void openapi_put(struct buf *b, const struct conf *conf, const char *version);

#endif
