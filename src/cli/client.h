/* A plain blocking HTTP client for the subcommands that ask the server one thing at a time. Every call has a time limit; every failure is a line
 * that says what to do next. */
#ifndef STINT_CLI_CLIENT_H
#define STINT_CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/net.h"
#include "cli/response.h"
#include "text/buf.h"

#define CLIENT_TIMEOUT_MS 30000         /* of a call whose caller does not say otherwise */
#define CLIENT_STREAM (-1)

struct client {
	const char *text;               /* the address as it was given, for messages */
	const char *token, *token_from; /* NULL: none; "--token" or "$STINT_TOKEN" */
	struct net_url url;
	struct net_address at;
	struct tls_context *secure;     /* of an https address, else NULL */
	struct tls *tls;                /* its session, while connected */
	int fd;                         /* -1: not connected now */
	bool used;                      /* an answer has come over this connection */
	bool keep;                      /* set by the caller: a POST too goes over a kept connection, and fails where that has been closed */
	struct response response;
	struct buf request;
	char why[512];                  /* after a failure */
};

struct client_call {
	const char *method, *target;    /* "POST", "/jobs" */
	struct slice header;            /* further header lines with their CRLF */
	struct slice body;
	const char *content_type;       /* of the body; NULL: application/json where it is not empty */
	int64_t timeout_ms;             /* 0: CLIENT_TIMEOUT_MS; CLIENT_STREAM: as long as the connection lives */
	void (*take)(void *arg, struct slice bytes);    /* gets the body of a 2xx answer as it comes, however long; NULL: it is gathered */
	void *arg;
	void (*waiting)(void *arg);     /* called a few times a second while the answer is waited for; NULL: nobody */
	void *waiting_arg;
	/* filled in */
	int status;
	int64_t retry_after;
	struct buf answer;              /* the body, but for what take() got; buf_free() it */
};

/* Which server, and as who: of a struct with `url` and `token`. */
#define CLIENT_OPTIONS(s) \
	{ OPTION_TEXT, "url", 0, &(s).url, NULL, "URL", 0, 0, "the server; else $STINT_URL, else http://127.0.0.1:8080" }, \
	{ OPTION_TEXT, "token", 0, &(s).token, NULL, "TOKEN", 0, 0, "else $STINT_TOKEN" }

/* url and token as given on the command line; NULL: $STINT_URL, $STINT_TOKEN, else the default. Connects to nothing yet. 0, or an exit code with
 * c->why. */
int client_init(struct client *c, const char *url, const char *token);
void client_close(struct client *c);

/* One request and its answer. 0: there is an answer, whatever its status; else an exit code with c->why.
 * A GET on a kept connection that turns out to be closed is sent again; nothing else ever is. */
int client_call(struct client *c, struct client_call *call);

/* An answer that is not 2xx: the exit code for it, with the problem's detail in c->why. */
int client_refused(struct client *c, const struct client_call *call);
/* client_call() and then client_refused(): 0 only where the answer is 2xx. */
int client_ask(struct client *c, struct client_call *call);

/* The text of a string member of a JSON object, escapes resolved; false where it is not there or no string. */
bool client_string(struct slice json, const char *member, struct buf *out);
/* A number member as a double; false where it is not there or no number. */
bool client_number(struct slice json, const char *member, double *v);

#endif
