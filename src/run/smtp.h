/* What the two halves of the smtp kind share: smtp.c begins, stops and judges attempts in the worker's loop, smtp_call.c speaks to the server in a thread of its own. */
#ifndef STINT_RUN_SMTP_H
#define STINT_RUN_SMTP_H

#include <stdbool.h>

#include "event/loop.h"
#include "run/libcurl.h"
#include "text/buf.h"

#define SMTP_LINE_MAX 512

struct smtp_call;

struct smtp_order {                     /* the call's from smtp_call_start() on */
	const struct libcurl *lib;
	char *url, *user, *password;    /* user NULL: none but the URL's own */
	bool tls_required, unverified;
	struct buf sender;              /* addresses, NUL-terminated */
	struct curl_slist *recipients;
	struct buf message;
};

struct smtp_end {
	CURLcode code;
	long status;                    /* the server's last word, 0 where it said none ... */
	char line[SMTP_LINE_MAX];       /* ... and its text */
	char why[CURL_ERROR_SIZE];      /* a sentence, where the server's last word is not the reason */
	bool starved;
};

/* Sends it. `ended` is called once from the loop, unless smtp_call_abandon() comes first; the call is gone after it. NULL where threads or memory are short: the order is then still the caller's. */
struct smtp_call *smtp_call_start(struct loop *l, struct smtp_order *o, struct slice place, void (*ended)(void *arg, const struct smtp_end *e), void *arg);
/* Breaks the connection and returns at once; what is left of it ends by itself. Whether the server has taken the message is then not known. */
void smtp_call_abandon(struct smtp_call *c);
void smtp_order_free(struct smtp_order *o);
/* Waits for the threads that are left and forgets the loop; for when that goes. No call may be open. */
void smtp_call_forget(void);

#endif
