/* The listening sockets: bound by the master, inherited by the acceptors, kept over reloads where the address stays. */
#ifndef STINT_PROCESS_LISTEN_H
#define STINT_PROCESS_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config/config.h"
#include "os/daemon.h"
#include "os/tls.h"

struct listen_socket {
	int fd;
	char *text;             /* as written, for messages */
	char *host;             /* with port and is_unix the address that decides whether two are the same socket */
	uint16_t port;
	bool is_unix;
	dev_t dev;              /* of a Unix socket's file: it is removed only while it is still ours */
	ino_t ino;
};

struct listen_set { struct listen_socket *v; size_t n; };

/* Opens every listener of `http`, in its order; those that `running` (may be NULL) has already are shared with it instead of bound again. Unix sockets become owner's.
 * -1 with errno and the whole message, address included, in why: what had been bound is closed again. */
int listen_open(struct listen_set *set, const struct conf_http *http, const struct listen_set *running, const struct identity *owner, char *why, size_t why_size);

/* Closes and frees `set`, but for the sockets that `kept` (may be NULL: none) shares. Files of Unix sockets that are closed for good are removed. */
void listen_close(struct listen_set *set, const struct listen_set *kept);

/* Whether some socket of `set` is this descriptor. */
bool listen_has(const struct listen_set *set, int fd);

/* What the listeners marked tls need, in *out; NULL where there are none. False with a sentence in why: the certificate or the key will not do. */
bool listen_tls(const struct conf_http *http, struct tls_context **out, char *why, size_t why_size);

/* The descriptors, in order; malloc'ed (one more than needed, so that it is never NULL but where memory is out). */
int *listen_descriptors(const struct listen_set *set);

#endif
