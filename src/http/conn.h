/* Connections, and what the wire half holds in a process. Shared by conn.c, stream.c, wire.c, listen.c and the files of request and reply. */
#ifndef STINT_HTTP_CONN_H
#define STINT_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/loop.h"
#include "http/http.h"
#include "http/reply.h"
#include "http/request.h"
#include "os/tls.h"
#include "text/buf.h"

#define CONN_BLOCK 8192                 /* bytes of a buffer that is kept for the next user */
#define CONN_BLOCKS 256                 /* so many are kept, and as many exchanges */
#define CONN_OUT_HIGH (64 * 1024)       /* unsent bytes beyond which no further pipelined request is begun */
#define CONN_STEP (64 * 1024)           /* a slow body or reader gets its time again for each of these */
#define CONN_SCRATCH (64 * 1024)
#define CONN_LINGER_MS 5000             /* how long what a client still sends is read and dropped after the last answer */
#define CONN_LINGER_BYTES (64u << 20)
#define CONN_REFUSED_MAX 64             /* connections beyond max_connections that are told so at a time */
#define CONN_NEVER INT64_MAX

enum conn_phase { CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_HANDLER, CONN_LINGER };

struct http_conn {
	struct loop_io io;
	struct loop_timer timer;
	struct http_wire *wire;
	struct http_conn *prev, *next;
	struct http_conn *marked_next;
	struct tls *tls;                /* NULL: plain */
	struct http_exchange *x;        /* the request that comes in or is being answered */
	char *in;                       /* NULL while nothing is there */
	size_t in_cap, in_at, in_len;   /* in_at: the request's first byte */
	struct buf out;
	struct http_sent *sent, *sent_last;     /* of the answers in it, in order */
	size_t out_at;
	int64_t read_due, write_due;    /* loop time; CONN_NEVER */
	size_t write_mark;              /* bytes sent since write_due was set */
	uint64_t dropped;               /* bytes read while lingering */
	enum conn_phase phase;
	bool marked;                    /* on the wire's list for this turn's end */
	bool dead;                      /* closed; freed at the turn's end */
	bool last;                      /* no request after this answer */
	bool ended;                     /* the client has said its last byte */
	bool hung_up;                   /* EPOLLRDHUP has been seen */
	bool crlf;                      /* an empty line before the request line has been skipped */
	bool held;                      /* stopped at CONN_OUT_HIGH with input left */
	bool over;                      /* beyond max_connections */
};

struct http_wire {
	struct api *api;
	struct http_conn *first, *marked_first, *marked_last, *dead;
	struct http_listener *listeners;
	struct http_exchange *spare, *spent;    /* pool; those whose client went, until the turn's end */
	char *block;                    /* pool: each begins with a pointer to the next */
	unsigned nspare, nblock;
	unsigned open, over;            /* connections within max_connections, and beyond */
	unsigned orphans;               /* exchanges without a connection that their handler has not answered */
	int reserve_fd;                 /* given up for a moment where there is no other descriptor */
	int64_t warned_ns;
	struct loop_timer drain;
	bool draining, closed;
	int64_t date_ns;                /* loop time when date was made */
	char date[REPLY_DATE_BYTES];
	char scratch[CONN_SCRATCH];     /* for bytes that nobody wants */
};

/* --- conn.c: the life of a connection --- */
struct http_conn *conn_new(struct http_wire *w, int fd, bool tls, bool over);     /* takes the fd over, also where it fails (NULL) */
void conn_answer(struct http_exchange *x, int status, const char *content_type, const struct buf *body);
void conn_begin(struct http_exchange *x, int status, const char *content_type);        /* the head of an answer that goes on */
void conn_end(struct http_exchange *x);         /* and its end, where its last bytes have been added */
void conn_refuse(struct http_conn *c, int status, const char *why);     /* answers what c->x has become so far; the connection ends with it */
void conn_advance(struct http_conn *c);         /* goes on with what has come in */
bool conn_wants_body(const struct http_conn *c);        /* a handler waits for more of its body */
void conn_close(struct http_conn *c);           /* at once; c stays readable until the turn's end */

/* --- stream.c: bytes in and out, deadlines --- */
void conn_ready(struct loop_io *io, uint32_t events);
void conn_timer(struct loop_timer *t);
void conn_due(struct http_conn *c);             /* sees to it that the timer is early enough */
void conn_mark(struct http_conn *c);            /* this turn's end looks at it */
size_t conn_unsent(const struct http_conn *c);
void conn_input(struct http_conn *c);           /* asks for input again */
void conn_sent(struct http_conn *c, bool closed);       /* tells of answers that are in the kernel's hands; closed: of the others too */
void conn_flush(struct http_conn *c);           /* writes what is there, and closes what is at its end */

/* --- wire.c: what connections share --- */
struct http_wire *wire_of(struct api *a);                       /* made at the first call; NULL where memory is out */
void wire_free(struct http_wire *w);
const char *wire_date(struct http_wire *w);
void wire_count(const struct http_wire *w, enum shm_counter c);
char *wire_block(struct http_wire *w);          /* CONN_BLOCK bytes; NULL where memory is out */
void wire_give(struct http_wire *w, char *block, size_t cap);
struct http_exchange *wire_exchange(struct http_wire *w);
void wire_put(struct http_wire *w, struct http_exchange *x);

/* --- listen.c --- */
void listen_resume(struct http_wire *w);        /* a connection, or the request of one that had gone, has ended: accepting may go on */
void listen_free(struct http_wire *w);

#endif
