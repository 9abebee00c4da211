/* The calls that carry a lease. lease.c reads what they say and asks the keeper; api_lease.c answers. */
#ifndef STINT_HTTP_LEASE_H
#define STINT_HTTP_LEASE_H

#include "http/http.h"

enum lease_act { LEASE_COMPLETE = 1, LEASE_FAIL = 2, LEASE_RELEASE = 4, LEASE_EXTEND = 8, LEASE_PROGRESS = 16 };

#define LEASE_MESSAGE_MAX 256

struct lease_problem { int status; char field[64]; char detail[400]; };

struct lease_call {                     /* one of them; of an array one element */
	struct api *api;
	void (*done)(struct lease_call *c);     /* once, when rc is known */
	void *owner;
	enum lease_act act;
	struct job_id id;
	uint64_t token;
	bool has_lease;
	bool foreign;                   /* it is no token of ours */
	/* what is said */
	struct request_finish finish;
	struct buf result, log;
	char error[JOB_ERROR_MAX];
	bool has_result;
	int64_t by_ms;
	int32_t percent;
	char message[LEASE_MESSAGE_MAX];
	size_t message_len;
	/* what came of it */
	int rc;                         /* enum store_rc */
	enum job_state state;
	int64_t at_ms;                  /* a retry's time; EXTEND: milliseconds left */
};

/* Reads one call from the text of a JSON value that envelope_is_json() has accepted. in_array: id and outcome stand in it. False: *p says why. */
bool lease_read(struct lease_call *c, struct slice text, bool in_array, struct lease_problem *p);
/* Whether the job is there, and held by a remote worker under that lease as far as that can be seen. max_output: of its type's handler. NOT_FOUND, STALE (a token that is not ours, and PROGRESS; of the others the keeper decides). */
enum store_rc lease_look(struct lease_call *c, struct job_text *queue);
void lease_ask(struct lease_call *c);
void lease_free(struct lease_call *c);  /* its buffers */

/* What the answer says of it: the members behind "{". */
void lease_put(struct buf *b, const struct lease_call *c);
int lease_status(int rc);               /* 200, 404, 409, 400, 507, 503 */
void lease_explain(const struct lease_call *c, char *out, size_t size);

#endif
