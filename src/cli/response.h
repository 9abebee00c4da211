/* Reading an HTTP/1.1 answer as its bytes come, however they are cut. Enough for a client of our own server; strict, so that a broken server is
 * seen and not guessed at. */
#ifndef STINT_CLI_RESPONSE_H
#define STINT_CLI_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "text/buf.h"

#define RESPONSE_HEAD_MAX 65536

enum response_at { RESPONSE_HEAD, RESPONSE_BODY, RESPONSE_UNTIL_CLOSE, RESPONSE_CHUNK_SIZE, RESPONSE_CHUNK, RESPONSE_CHUNK_END, RESPONSE_TRAILER, RESPONSE_DONE };

struct response {
	enum response_at at;
	bool bodyless;                  /* it answers a HEAD */
	struct buf *body;               /* where the body goes; NULL: it is passed over */
	size_t body_max;                /* a longer one is an error */
	/* what has been read */
	int status;
	bool close;                     /* the connection may not be used again */
	int64_t retry_after;            /* seconds; -1: not said */
	uint64_t left;                  /* bytes of the body or chunk still to come */
	uint64_t body_bytes;
	const char *why;                /* after -1 */
	struct buf line;                /* a head or line that came in pieces */
};

/* Makes it ready for an answer; what `line` holds is kept for the next one. A zeroed struct is fine to begin with. */
void response_begin(struct response *r, struct buf *body, size_t body_max);
void response_free(struct response *r);

/* Takes bytes. Returns how many belong to this answer (all of them unless it is done), or -1 with r->why. */
ssize_t response_feed(struct response *r, const char *p, size_t n);
/* The connection has ended: true where the answer is complete by that. */
bool response_eof(struct response *r);

#endif
