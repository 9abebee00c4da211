/* TLS of the listeners that are marked so, and of the command that asks them: OpenSSL's libssl, loaded when it is first needed. One context a process, one session a connection;
 * the descriptor stays its owner's and does not block. */
#ifndef STINT_OS_TLS_H
#define STINT_OS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "text/buf.h"

struct tls_context;
struct tls;

/* Certificate chain and key as PEM. NULL with a sentence in why: no library, no certificate in it, a key that is not the certificate's. */
struct tls_context *tls_context_new(struct slice certificate, struct slice key, char *why, size_t why_size);
/* For a client: TLS 1.2 on, servers whose certificate leads to an authority that the system trusts, or that SSL_CERT_FILE or SSL_CERT_DIR names. NULL with a sentence in why. */
struct tls_context *tls_context_new_client(char *why, size_t why_size);
void tls_context_free(struct tls_context *c);

struct tls *tls_new(struct tls_context *c, int fd);     /* NULL where memory is out */
struct tls *tls_new_client(struct tls_context *c, int fd, const char *host);    /* to the server of this name or IP address, which its certificate must have; NULL with ENOMEM */
void tls_free(struct tls *t);
/* As recv(2) and send(2) on a descriptor that does not block: -1 with EAGAIN where it has to wait; EPROTO where the peer does not speak TLS as it should or is not to be trusted. The handshake is done on the way. */
ssize_t tls_recv(struct tls *t, void *p, size_t n);
ssize_t tls_send(struct tls *t, const void *p, size_t n);
ssize_t tls_handshake(struct tls *t);                   /* 0 it is done; -1 as of tls_recv() */
/* After a -1 of a client's session: what was wrong and what to do, in words; error: errno as it was. */
void tls_why(const struct tls *t, int error, char *why, size_t why_size);
void tls_say_end(struct tls *t);                        /* no more is sent: close_notify, as far as it can be said at once */
bool tls_pending(const struct tls *t);                  /* bytes have been taken off the descriptor and wait for tls_recv() */
bool tls_wants_out(const struct tls *t);                /* what last gave EAGAIN waits for room to write; else it waits for bytes to read */

#endif
