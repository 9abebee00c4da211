/* Remote workers that wait here for jobs: from their claim to the moment at which the reply is in the kernel's hands. Made by api_claim.c, which also writes the reply; kept by claim.c. */
#ifndef STINT_HTTP_CLAIM_H
#define STINT_HTTP_CLAIM_H

#include "http/http.h"
#include "shm/handout.h"

#define CLAIM_WAIT_MAX_MS 600000
#define CLAIM_LEASE_MIN_MS 1000
#define CLAIM_LEASE_MAX_MS 86400000
#define CLAIM_LEASE_MS 30000
#define CLAIM_MOST 1000

struct claim {
	struct http_sent sent;          /* of the reply */
	struct loop_timer timer;        /* the end of its wait */
	struct claim *next;             /* in its hash chain */
	struct claim *next_ready;
	uint64_t number;
	uint64_t turn;                  /* the keeper's when it was asked */
	struct http_request *q;         /* NULL: nobody waits any more */
	struct api *api;
	bool registered;                /* the keeper has answered that it knows of it: to be said again to its successor */
	bool ending;                    /* the keeper was asked to forget it */
	bool ready;                     /* jobs have come: on the list of those to be answered */
	int64_t wait_ms;
	struct request_claim ask;
	struct buf texts;               /* what follows it */
	struct handout *job;
	uint32_t njob, cap;
};

/* Asks for it; wait_ms 0: what is there now is the answer. Takes the claim over, and answers its request in the end. */
void claim_begin(struct claim *c, int64_t wait_ms);
void claim_free(struct claim *c);       /* one that was not begun */
void claims_tick(struct api *a);        /* at each bell: takes what was handed out, tells a new keeper who waits, ends the waits where the server drains */
unsigned claims_open(void);             /* those that wait */

/* api_claim.c: appends the job of a handout. False: it is not, or no longer, held by it. */
bool claim_put_job(struct claim *c, const struct handout *h, bool first, struct buf *out, enum store_rc *rc);

#endif
