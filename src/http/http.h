/* HOW IT IS ASKED: what the wire half (conn, lint, request, reply, route) and the answering half (envelope, api_*, pages) share.
 *
 * A request is complete when its handler is called: line, headers and whole body have come and passed every check. The handler answers with exactly one reply_send() or problem_send(),
 * at once or later (a commit, a wait): the request stays valid until then, even where the client has gone (q->gone; the answer is then dropped). */
#ifndef STINT_HTTP_HTTP_H
#define STINT_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "event/loop.h"
#include "shm/request.h"
#include "shm/segment.h"
#include "store/store.h"
#include "text/buf.h"

struct schedules;
struct tls_context;

/* What every handler may use; one a process, made by the acceptor. */
struct api {
	struct loop *loop;
	struct segment *seg;
	uint32_t slot;
	const struct conf *conf;
	struct ask_box *ask;            /* operations carry a tag of pending_add(): see pending.h */
	struct store_reader *reader;    /* NULL where the store cannot be read now: 503 */
	const struct schedules *schedules;      /* the conf's, ready to tick; NULL: none */
	const char *version;
	bool draining;                  /* MASTER_REFUSE was said */
	bool keeper_away;               /* for so long that nothing but reading is taken on: api_tick.c */
	struct tls_context *tls;        /* of listeners that are marked so; NULL: there are none */
	struct http_wire *wire;         /* the wire half's own; NULL at first */
};

enum http_method { HTTP_M_GET, HTTP_M_HEAD, HTTP_M_POST, HTTP_M_PUT, HTTP_M_DELETE, HTTP_M_PATCH, HTTP_M_OPTIONS, HTTP_M_OTHER };

struct http_pair { struct slice name, value; };         /* header: name in lower case; query: both percent-decoded */

#define HTTP_QUERY_MAX 32
#define HTTP_PATH_ARGS 2

struct http_route;
struct http_conn;

/* Who wants to know what became of an answer: embedded in the caller's own, set in the request before it is answered. */
struct http_sent {
	struct http_sent *next;
	size_t mark;                    /* the answer's end among the connection's unsent bytes */
	void (*fn)(struct http_sent *s, bool delivered);        /* once: its last byte is in the kernel's hands, or never will be */
};

struct http_request {
	struct api *api;
	struct http_conn *conn;
	const struct http_route *route; /* NULL where none matched */
	enum http_method method;        /* HEAD is dispatched as GET; the wire half drops the body */
	struct slice target, path;      /* as sent; path is percent-decoded, without query */
	struct slice arg[HTTP_PATH_ARGS];       /* what stood for ":id" in the route */
	const struct http_pair *header;
	size_t nheader;
	struct http_pair query[HTTP_QUERY_MAX];
	size_t nquery;
	struct slice body;
	const struct conf_token *token; /* who asks; NULL where no token is needed */
	int64_t began_ns;               /* loop time when its last byte came */
	bool gone;                      /* the client hung up: the answer will be dropped */
	void (*on_gone)(struct http_request *q);        /* set by a handler that waits and wants to know; may answer in it or not */
	void (*on_room)(struct http_request *q);        /* of an answer that goes on (live.c): all of it so far is in the kernel's hands. May end it, not add to it */
	struct buf extra;               /* further reply headers, whole lines with CRLF: reply_header() */
	struct http_sent *sent;         /* NULL: nobody */
	void *state;                    /* the handler's own while it waits; it frees it before it answers */
	/* Of a page that has handed its request on to a handler of the API: takes that one's answer, once, and answers the client itself. text: the body, or a problem's detail; field: see problem_send(). */
	void (*instead)(struct http_request *q, int status, const char *field, struct slice text);
	void *page;                     /* the page's own meanwhile */
	/* Of a body that is handled as it comes (api_submit_streams()): the handler is called when the head is there, and sets on_body; body stays empty. */
	bool streamed;
	void (*on_body)(struct http_request *q, struct slice piece, bool last);         /* the piece is valid during the call; never called when q has gone */
	bool hold;                      /* set by the handler: no more pieces for now, until it calls http_body_more() */
};

struct slice http_header(const struct http_request *q, const char *lower_name);         /* p NULL where it was not sent */
struct slice http_query(const struct http_request *q, const char *name);                /* likewise */
bool http_accepts(const struct http_request *q, const char *media_type);                /* named in Accept with q > 0; a wildcard does not count */
/* Accept wants it more than the other, wildcards and q considered; where it wants both as much, it alone is named. */
bool http_prefers(const struct http_request *q, const char *media_type, const char *other);

struct http_peer { unsigned char b[16]; size_t n; };     /* an address: 4 bytes, 8 of an IPv6 network, or the user of a Unix socket */
void http_peer(const struct http_request *q, struct http_peer *out);                    /* n 0: it has gone */
bool http_is_tls(const struct http_request *q);

/* --- answering (reply.c) --- */
void reply_header(struct http_request *q, const char *name, const char *value);
/* Answers and ends the request. body may be NULL; its bytes are taken over (the buf is left empty). Adds Date, Content-Length, nosniff, Cache-Control: no-store unless the handler set one, and to a 429 or 503 a
 * Retry-After of a second unless the handler knows better. */
void reply_send(struct http_request *q, int status, const char *content_type, struct buf *body);
void reply_json(struct http_request *q, int status, struct buf *body);                  /* application/json */
void reply_see_other(struct http_request *q, const char *where);                        /* 303: what was posted is done, and is shown there */
/* Where a page waits for this answer (q->instead): gives it to that one. False: nobody does. For reply_send() and problem_send(). */
bool reply_instead(struct http_request *q, int status, const char *field, struct slice text);
/* application/problem+json (RFC 9457): type, title, status, detail from fmt, instance, and field where not NULL. A page for a browser that asks for one below /status. */
void problem_send(struct http_request *q, int status, const char *field, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* --- answers that go on (live.c): one live_begin(), then any number of live_add(), then one live_end() or live_cut() in place of reply_send() --- */
/* False: the whole answer is given already (HEAD, or the client has gone): nothing more may be called for it. */
bool live_begin(struct http_request *q, int status, const char *content_type);
void live_add(struct http_request *q, struct slice bytes);      /* dropped where the client has gone */
size_t live_unsent(const struct http_request *q);       /* bytes that the client has not taken: who adds looks at it, or it grows without bound */
void live_end(struct http_request *q);
void live_cut(struct http_request *q);                  /* ends it so that the client sees that it is not whole */
bool http_draining(const struct api *a);                /* what would go on for ever is to end */

void http_body_more(struct http_request *q);            /* pieces may come again, from the turn's end on */

/* --- routes (route.c has the one table) --- */
enum {
	HTTP_ROUTE_BODY = 1,            /* takes a body; others answer 400 to one */
	HTTP_ROUTE_SUBMIT = 2,          /* 503 while draining */
	HTTP_ROUTE_OPEN = 4,            /* needs no token */
	HTTP_ROUTE_FOR_SUBMIT = 0x100,  /* the role submit is enough. Else GET is for read, and what changes something for admin alone */
	HTTP_ROUTE_FOR_WORK = 0x200,    /* the role work is enough */
	HTTP_ROUTE_BY_QUEUE = 0x400,    /* looks itself whether the token is for the queue (auth.h); others are refused to tokens that are not for all */
	HTTP_ROUTE_HANGUP = 8           /* hands something out while it waits: a client that has half-closed counts as gone. Elsewhere it still gets its answer */
};

struct http_route {
	enum http_method method;
	const char *pattern;            /* "/jobs/:id/history" */
	unsigned flags;
	void (*handle)(struct http_request *q);
	const char *query;              /* names allowed, comma-separated, "" none: another one is 400, and so is one given twice but for a name that ends in * here */
	unsigned operation;             /* enum openapi_operation_id: what the contract says of it */
};
extern const struct http_route http_routes[];           /* ended by handle == NULL */

/* --- the answering half's entries, named in the table --- */
/* POST /jobs; BODY | SUBMIT; query: "type,queue,name,priority,run_at,delay,max_retries,timeout,expires_in,expires_at,idempotency_key,unique_key,key,trace,tag" */
void api_submit(struct http_request *q);
bool api_submit_streams(const struct http_request *q);  /* whether this POST /jobs, of which the head is there, is handled line by line as its body comes: NDJSON, of any length */
void api_import(struct http_request *q);                /* POST /import; BODY */
bool api_import_streams(const struct http_request *q);  /* likewise of POST /import */
void api_answered(struct api *a, const struct request_result *r);               /* the ask box's done: finds its request by tag */
void api_job_cancel(struct http_request *q);            /* DELETE /jobs/:id */
void api_job_retry(struct http_request *q);             /* POST /jobs/:id/retry */
void api_job_run_now(struct http_request *q);           /* POST /jobs/:id/run-now */
void api_job_delete(struct http_request *q);            /* POST /jobs/:id/delete */
void api_bulk_cancel(struct http_request *q);           /* POST /jobs/cancel */
void api_bulk_retry(struct http_request *q);            /* POST /jobs/retry */
void api_bulk_delete(struct http_request *q);           /* POST /jobs/delete */
void api_bulk_purge(struct http_request *q, struct slice queue);        /* cancels what is queued there; the name stays the request's */
void api_queues(struct http_request *q);                /* GET /queues */
void api_queue(struct http_request *q);                 /* GET /queues/:id */
void api_queue_pause(struct http_request *q);           /* POST /queues/:id/pause */
void api_queue_resume(struct http_request *q);          /* POST /queues/:id/resume */
void api_queue_purge(struct http_request *q);           /* DELETE /queues/:id/jobs; query "state" */
void api_jobs(struct http_request *q);                  /* GET /jobs; query "state,type,queue,tag,q,limit,cursor" */
void api_job(struct http_request *q);                   /* GET /jobs/:id; query "wait" */
void api_job_history(struct http_request *q);
void api_job_result(struct http_request *q);
void api_job_payload(struct http_request *q);
void api_job_log(struct http_request *q);               /* GET /jobs/:id/log; query "attempt,follow"; HANGUP */
void api_schedules(struct http_request *q);             /* GET /schedules */
void api_schedule_run(struct http_request *q);          /* POST /schedules/:name/run; SUBMIT */
void api_events(struct http_request *q);                /* GET /events; HANGUP */
void api_stats(struct http_request *q);                 /* GET /stats, /status.json */
void api_status_page(struct http_request *q);           /* GET /status: HTML, or JSON by Accept */
void api_asset(struct http_request *q);                 /* GET /status/style.css, /status/script.js, /status/icon.svg; query "v" */
void api_login_page(struct http_request *q);            /* GET /status/login; OPEN */
void api_login(struct http_request *q);                 /* POST /status/login; OPEN | BODY */
void api_logout(struct http_request *q);                /* POST /status/logout; OPEN */
void api_root(struct http_request *q);                  /* GET /: redirect to /status */
void api_metrics(struct http_request *q);
void api_livez(struct http_request *q);
void api_readyz(struct http_request *q);
void api_health(struct http_request *q);
void api_openapi(struct http_request *q);               /* GET /openapi.json: the contract; openapi.c */
bool api_pending(const struct api *a);                  /* the event ring has something for those who wait or watch: api_tick() is to be called */
void api_tick(struct api *a);                           /* called at each bell and every second: those who wait on a job look again */

void api_claims(struct http_request *q);                /* POST /claims */
void api_claim_results(struct http_request *q);         /* POST /claims/results */
void api_lease_complete(struct http_request *q);        /* POST /jobs/:id/complete, and so on */
void api_lease_fail(struct http_request *q);
void api_lease_extend(struct http_request *q);
void api_lease_progress(struct http_request *q);
void api_lease_release(struct http_request *q);
bool claims_poll(struct api *a);                        /* claim.c: takes what the keeper has handed out to remote workers; false: nothing. To be asked before sleeping */

/* --- the wire half's entry (conn.c), used by process/acceptor.c --- */
struct http_listener;                                   /* a listening socket in the loop */
struct http_listener *http_listen(struct api *a, int fd, bool tls);     /* NULL with errno */
void http_listener_close(struct http_listener *l);      /* stops accepting and closes the fd; connections go on */
/* At each turn's end, in this order, what the handlers ask for being posted in between: goes on with requests that waited behind an answer given in this turn; writes the answers, one send(2) a connection. */
void http_resume(struct api *a);
void http_flush(struct api *a);
/* Graceful end: answers what is open with Connection: close and closes idle connections after their next answer, or when idle_ms are over. */
void http_drain(struct api *a, int64_t idle_ms);
unsigned http_open(const struct api *a);                /* connections */
unsigned http_unanswered(const struct api *a);          /* requests begun and not yet answered in full */
void http_give_up(struct api *a);                       /* closes what waits for a commit, unanswered: it may be made yet */
void http_close_all(struct api *a);

#endif
