/* Where a server is and how to get a connection to it. */
#ifndef STINT_CLI_NET_H
#define STINT_CLI_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "os/tls.h"

struct net_url {
	bool is_unix, is_tls;
	char host[256];                 /* without brackets; a Unix socket's path */
	char port[8];
	char authority[272];            /* for the Host header: "127.0.0.1:8080", "localhost" */
};

/* "http://HOST[:PORT]" or "https://HOST[:PORT]", HOST an IPv6 address in brackets too, or "unix:PATH". False: `why` says what was wrong and what would be right. */
bool net_url_parse(const char *text, struct net_url *u, char *why, size_t why_size);
/* "HOST:PORT", as beanstalkd's address is given. */
bool net_host_port_parse(const char *text, struct net_url *u, char *why, size_t why_size);

struct net_address { struct sockaddr_storage at; socklen_t len; };

/* Resolves and connects within timeout_ms; the address that answered is in *a. A connected descriptor (non-blocking, close-on-exec, TCP_NODELAY),
 * or -1 with a reason in `why`. */
int net_open(const struct net_url *u, int64_t timeout_ms, struct net_address *a, char *why, size_t why_size);
/* Connects to an address already known. -1 with errno (ETIMEDOUT after timeout_ms). */
int net_connect(const struct net_address *a, int64_t timeout_ms);

/* Waits until fd has `events` (poll's), at most until the deadline on clock_boot_ns(). 1 it has, 0 too late, -1 with errno. */
int net_wait(int fd, short events, int64_t deadline_ns);

/* recv(2) and send(2), through the session where there is one; after EAGAIN net_events() is what to wait for, which without a session is `plain`. */
ssize_t net_recv(int fd, struct tls *t, void *p, size_t n);
ssize_t net_send(int fd, struct tls *t, const void *p, size_t n);
short net_events(const struct tls *t, short plain);
void net_why(const struct tls *t, int error, char *why, size_t why_size);       /* errno in words, or what the session says of it */
/* Speaks TLS over a connection to this host, up to the end of the handshake, within timeout_ms. NULL with a reason in `why`; fd stays open. */
struct tls *net_greet(int fd, struct tls_context *c, const char *host, int64_t timeout_ms, char *why, size_t why_size);
void net_hang_up(int fd, struct tls *t);                /* ends and frees the session, where there is one, and closes fd */

/* What to add where a connection without TLS ended before an answer (n is 0), or these were its first bytes: the port may speak TLS. "" where nothing speaks for it. */
const char *net_tls_hint(const struct net_url *u, const char *p, size_t n);

#endif
