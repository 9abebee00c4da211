/* TLS of the listeners that are marked so: OpenSSL's libssl, loaded when the first is. One context a process, one session a connection; the descriptor stays its owner's. */
#ifndef STINT_HTTP_TLS_H
#define STINT_HTTP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "text/buf.h"

struct tls_context;
struct tls;

/* Certificate chain and key as PEM. NULL with a sentence in why: no library, no certificate in it, a key that is not the certificate's. */
struct tls_context *tls_context_new(struct slice certificate, struct slice key, char *why, size_t why_size);
void tls_context_free(struct tls_context *c);

struct tls *tls_new(struct tls_context *c, int fd);     /* NULL where memory is out */
void tls_free(struct tls *t);
/* As recv(2) and send(2) on a descriptor that does not block: -1 with EAGAIN where it has to wait; EPROTO where the client does not speak TLS as it should. The handshake is done on the way. */
ssize_t tls_recv(struct tls *t, void *p, size_t n);
ssize_t tls_send(struct tls *t, const void *p, size_t n);
void tls_say_end(struct tls *t);                        /* no more is sent: close_notify, as far as it can be said at once */
bool tls_pending(const struct tls *t);                  /* bytes have been taken off the descriptor and wait for tls_recv() */
bool tls_wants_out(const struct tls *t);                /* the last tls_recv() waits for room to write */

#endif
