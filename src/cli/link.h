/* One connection to the server inside a loop: one request at a time, answered through a call. Nothing here waits but the making of a connection while nothing else is to be done. */
#ifndef STINT_CLI_LINK_H
#define STINT_CLI_LINK_H

#include "cli/client.h"
#include "event/loop.h"

enum link_stage { LINK_IDLE, LINK_CONNECTING, LINK_GREETING, LINK_BUSY };       /* greeting: the TLS handshake */

struct link {
	struct loop_io io;
	struct loop_timer timer;        /* of the request */
	struct loop *loop;
	const struct client *client;    /* where, as whom; of an https address with its TLS context */
	struct tls *tls;                /* the session of an https address, while connected */
	bool greeted;                   /* its handshake is done */
	bool (*at_leisure)(void *arg);  /* whether a name may be looked up now, which can take seconds */
	void (*done)(struct link *l, int status, struct slice body, const char *why);   /* once a request; status 0: no answer, and why */
	void *arg;
	enum link_stage stage;
	struct net_address at;
	bool known;                     /* at is where it was last */
	bool used;                      /* an answer has come over this connection */
	bool heard;                     /* one has come at all */
	bool hushed;                    /* it has been told that nothing more is asked */
	struct buf out;
	size_t sent;
	struct response response;
	struct buf body;
};

void link_init(struct link *l, struct loop *loop, const struct client *client);
/* POST target with this JSON. The line must be idle; done() may be called before this returns. */
void link_post(struct link *l, const char *target, struct slice json, int64_t timeout_ms);
void link_hush(struct link *l);         /* says that we ask for nothing more, and still hears the answer */
void link_close(struct link *l);        /* without done() */

#endif
