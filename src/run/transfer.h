/* One call to another machine, through libcurl, inside the worker's loop: what the kinds that call out (http, smtp) have in common. */
#ifndef STINT_RUN_TRANSFER_H
#define STINT_RUN_TRANSFER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "config/config.h"
#include "event/loop.h"
#include "run/libcurl.h"
#include "text/ip.h"

struct transfer {
	const struct libcurl *lib;
	CURL *easy;                     /* the owner sets what is its own before transfer_start() */
	void (*done)(struct transfer *t, CURLcode code);        /* once, from the loop, unless transfer_end() comes first */
	bool guarded;                   /* only public addresses are called, and what `allow` has */
	const struct conf_list *allow;
	struct slice host, place;       /* as the URL names it; with its port, for messages */
	char said[CURL_ERROR_SIZE];     /* what libcurl has to say of an error; may be empty */
	/* what came of it */
	bool connected;                 /* an address was tried */
	bool refused;                   /* and one was not, since it may not be called: `which` */
	bool starved;                   /* our own descriptors or memory were short */
	struct ip which;
	/* transfer.c's own */
	bool added;
	STAILQ_ENTRY(transfer) lost;
	bool is_lost;
};

/* What is the same for all calls: no signals, no proxy, no .netrc, no redirect, no cookies, certificates verified, TLS 1.2 at least, and the protocols named ("http,https").
 * False where memory is out. */
bool transfer_options(const struct libcurl *lib, CURL *easy, const char *protocols);

/* An easy handle with these. False with the reason in `why`: libcurl is not there, or (starved) memory is out. `guarded`, `allow` and `host` are the caller's to fill first. */
bool transfer_open(struct transfer *t, struct loop *l, const char *protocols, char *why, size_t why_size);
/* Begins it. False where memory is out. */
bool transfer_start(struct transfer *t);
/* Takes it back where it runs, and frees it. Never waits: not for a name that is looked up either. Fine where it was never opened. */
void transfer_end(struct transfer *t);

/* A sentence about why it did not get to an answer: "cannot connect to HOST: Connection refused". */
void transfer_explain(const struct libcurl *lib, CURL *easy, const char *said, struct slice place, CURLcode code, char *why, size_t why_size);

/* Forgets the loop; for when that goes. No transfer may be open. */
void transfer_forget(void);

#endif
