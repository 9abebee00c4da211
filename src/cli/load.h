/* The load generator: N kept-alive connections in one thread, each with one request at a time (a closed loop), latencies in a log-linear histogram.
 *
 * What goes over the connections is a protocol's business, so that Stint and its peers are measured by the same loop. */
#ifndef STINT_CLI_LOAD_H
#define STINT_CLI_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/net.h"
#include "cli/response.h"
#include "shm/histogram.h"
#include "text/buf.h"

#define LOAD_CONNECTIONS_MAX 10000
#define LOAD_MARKS 8             /* numbers in one request */
#define LOAD_SILENCE_NS 30000000000     /* nobody answers anything for so long: the run ends */

enum load_answer {
	LOAD_MORE,              /* not complete yet */
	LOAD_NEXT,              /* complete, and a further request belongs to the same unit of work */
	LOAD_DONE,              /* the unit of work is done */
	LOAD_REFUSED,           /* done, but answered with an error: l->refusal has it */
	LOAD_BROKEN,            /* no answer in this protocol; l->refusal says why */
};

struct load_conn {
	int fd;                 /* -1: closed */
	struct tls *tls;        /* NULL without */
	bool busy;              /* a unit of work is under way */
	bool close_after;       /* the server closes after this answer */
	bool watching_out;      /* the request did not fit into the socket at once */
	int64_t began_ns;
	struct slice out;       /* what is left to be sent */
	uint64_t step;          /* the protocol's own: where it is in its unit of work */
	struct buf text;        /* the protocol's own: its request, or a line that came in pieces */
	struct response response;       /* HTTP */
	struct buf body;        /* HTTP, where it is kept */
};

struct load;
struct load_protocol {
	/* The next request; the bytes stay valid until the next call for this connection. */
	struct slice (*request)(struct load *l, struct load_conn *c);
	/* Takes bytes of its answer. Where it is complete, *used says how many belonged to it. */
	enum load_answer (*answer)(struct load *l, struct load_conn *c, const char *p, size_t n, size_t *used);
};

struct load_plan {
	const struct load_protocol *protocol;
	void *arg;              /* the protocol's */
	struct net_url url;
	struct tls_context *secure;     /* NULL: without TLS */
	const char *name;       /* of the server, for messages */
	unsigned connections;
	uint64_t jobs;          /* units of work to begin; 0: as many as the time allows */
	int64_t limit_ms;       /* no unit begins after it; 0: no limit */
	void (*progress)(void *arg, uint64_t done, int64_t elapsed_ns);        /* at most ten times a second; may be NULL */
	void *progress_arg;
};

struct load_result {
	struct shm_histogram us;        /* of every unit that was done within the time */
	uint64_t done;                  /* within the time; what `us` counts */
	uint64_t done_late;             /* begun within the time, done after it */
	uint64_t errors;                /* refused, or lost with their connection */
	uint64_t reconnects;
	int64_t elapsed_ns;             /* from the first request to the last counted answer, or to the time's end */
	char first_error[320];
};

struct load {
	const struct load_plan *plan;
	struct load_result *result;
	struct load_conn *conn;
	struct net_address at;
	int epoll;
	unsigned open;                  /* connections that are */
	unsigned busy;                  /* units under way */
	uint64_t begun;
	int64_t now_ns, start_ns, end_ns, last_answer_ns, last_progress_ns;
	bool over;                      /* no further unit begins */
	char refusal[256];
	char *bytes;                    /* what is read lands here */
};

/* Runs the plan to its end. 0, or an exit code with the reason in result->first_error: it could not connect, the server went silent or away, what
 * came was no answer. */
int load_run(const struct load_plan *plan, struct load_result *result);

/* POSTs the same bytes to `target` again and again. `body_fn`, where not NULL, sees each answer's body. */
struct load_http {
	struct buf request;
	bool keyed;             /* an idempotency key of its own for each request */
	bool numbered;          /* each % in the body is another number in each request */
	unsigned priorities;    /* not 0: the body's priority, one digit, goes through so many in turn */
	size_t mark[LOAD_MARKS], nmark; /* where its 16 digits of counter stand in the request */
	size_t priority_at;
	uint64_t next;
	void (*body_fn)(void *arg, struct slice body);
	void *arg;
};
extern const struct load_protocol load_http;
void load_http_prepare(struct load_http *h, const struct net_url *u, const char *token, const char *target, struct slice body);

/* beanstalkd's text protocol, for the comparison: `put` of the same bytes; or `reserve` and `delete`. */
struct load_beanstalk {
	struct buf put;
};
extern const struct load_protocol load_beanstalk_put, load_beanstalk_drain;
void load_beanstalk_prepare(struct load_beanstalk *b, struct slice payload);

#endif
