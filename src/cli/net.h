/* Where a server is and how to get a connection to it. */
#ifndef STINT_CLI_NET_H
#define STINT_CLI_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct net_url {
	bool is_unix;
	char host[256];                 /* without brackets; a Unix socket's path */
	char port[8];
	char authority[272];            /* for the Host header: "127.0.0.1:8080", "localhost" */
};

/* "http://HOST[:PORT]", HOST an IPv6 address in brackets too, or "unix:PATH". False: `why` says what was wrong and what would be right. */
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

#endif
