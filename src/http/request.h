/* One exchange: a request from its first byte to its answer. Made, filled and let go by conn.c; what a handler sees of it is its first member. */
#ifndef STINT_HTTP_REQUEST_H
#define STINT_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <llhttp.h>

#include "http/http.h"
#include "http/lint.h"
#include "text/buf.h"

#define REQUEST_SEGMENTS 8              /* of a path; no route has more */

struct http_exchange {
	struct http_request q;          /* first: handlers hold this */
	struct http_exchange *next;     /* in the wire's pool or list of spent ones */
	struct http_wire *wire;
	struct lint lint;
	struct lint_chunks chunks;
	llhttp_t parser;
	size_t bytes;                   /* of the message in the connection's buffer: head and body, decoded */
	size_t body_mark;               /* how long it was when body_timeout began to count */
	uint64_t taken, given;          /* of a body that is handled as it comes: bytes taken off the wire, and of the body itself */
	struct slice segment[REQUEST_SEGMENTS + 1];
	unsigned nsegment;
	struct buf text;                /* path and query, percent-decoded */
	char *base;                     /* the message's first byte while the parser runs */
	char *owned;                    /* the buffer, where the connection has gone before the answer */
	bool parsed;                    /* the head has been through the parser */
	bool checked;                   /* and through request_check() */
	bool complete;                  /* the parser has seen the message's end */
	bool whole;                     /* every byte of it has come: the connection may be used again */
	bool handed;                    /* to its handler */
	bool answered;
	bool live;                      /* its answer has begun and goes on */
	struct http_pair header[LINT_HEADERS_MAX];
};

/* Readies a fresh or used exchange for the next request of `c`. */
void request_begin(struct http_exchange *x, struct http_wire *w, struct http_conn *c);
/* Feeds the head (x->lint is DONE) to the parser and fills in q's line, headers and query. False: x->lint.no. */
bool request_head(struct http_exchange *x, char *head);
/* Feeds n bytes that lie at `p` and belong to the body. A chunked body's bytes are moved together behind head + x->bytes, which grows by them. False: x->lint.no. */
bool request_body(struct http_exchange *x, char *head, char *p, size_t n);
/* The connection's buffer moves: everything that points into it follows. Both are valid. */
void request_moved(struct http_exchange *x, const char *from, char *to);
/* Finds path, query and route of a request whose head was refused, as far as they can be told: for its answer's `instance` and for counting. */
void request_guess(struct http_exchange *x, char *head);
/* Whether its method changes nothing. */
static inline bool request_reads(const struct http_request *q)
{
	return q->method == HTTP_M_GET || q->method == HTTP_M_HEAD || q->method == HTTP_M_OPTIONS;
}

/* Host, route, Origin, query names, body where none is taken, draining: false where it has answered with a problem. */
bool request_check(struct http_exchange *x);

#endif
