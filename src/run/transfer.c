/* libcurl's multi interface in the worker's loop: its sockets are loop_ios, its time-outs one timer. Owns the one multi handle of the process, and with it the connections that are
 * kept open between jobs. Called by the http and smtp kinds. Nothing is fatal. */
#include "run/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/log.h"
#include "run/address.h"
#include "run/kind.h"

#define CONNECTIONS_KEPT 256L
#define BUFFER_BYTES (16L << 10)

struct watched { struct loop_io io; };          /* a socket of libcurl's */

static struct {
	const struct libcurl *lib;
	CURLM *multi;
	struct loop *loop;
	struct loop_timer timer;
	STAILQ_HEAD(, transfer) lost;           /* transfers whose sockets we could not watch */
} own;

/* --- what has ended --- */

static struct transfer *transfer_of(CURL *easy)
{
	char *p = NULL;

	own.lib->easy_getinfo(easy, CURLINFO_PRIVATE, &p);
	return (struct transfer *)(void *)p;
}

/* Out of the multi handle, and not lost any more. */
static void take_out(struct transfer *t)
{
	if (t->added)
		own.lib->multi_remove_handle(own.multi, t->easy);
	t->added = false;
	if (t->is_lost)
		STAILQ_REMOVE(&own.lost, t, transfer, lost);
	t->is_lost = false;
}

/* Tells the owners, who may end and begin transfers meanwhile. Never called from within libcurl. */
static void collect(void)
{
	struct transfer *t;
	CURLMsg *m;
	int left;

	while ((m = own.lib->multi_info_read(own.multi, &left)) != NULL) {
		CURLcode code = m->data.result;         /* m goes with the handle */
		t = transfer_of(m->easy_handle);
		take_out(t);
		t->done(t, code);
	}
	while ((t = STAILQ_FIRST(&own.lost)) != NULL) {
		t->starved = true;
		take_out(t);
		t->done(t, CURLE_OUT_OF_MEMORY);
	}
}

static void act(curl_socket_t fd, int events)
{
	int running;
	CURLMcode rc = own.lib->multi_socket_action(own.multi, fd, events, &running);

	if (rc != CURLM_OK)
		log_warn("libcurl: %s", own.lib->multi_strerror(rc));
	collect();
}

static void socket_ready(struct loop_io *io, uint32_t events)
{
	int e = 0;

	e |= events & EPOLLIN ? CURL_CSELECT_IN : 0;
	e |= events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
	e |= events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
	act(io->fd, e);         /* io may be gone after it */
}

static void timer_fired(struct loop_timer *timer)
{
	(void)timer;
	act(CURL_SOCKET_TIMEOUT, 0);
}

/* --- what libcurl asks of us --- */

static int want_timer(CURLM *multi, long ms, void *arg)
{
	(void)multi;
	(void)arg;
	if (ms < 0)
		loop_timer_stop(own.loop, &own.timer);
	else
		run_timer(own.loop, &own.timer, ms);
	return 0;
}

static void lose(CURL *easy)
{
	struct transfer *t = transfer_of(easy);

	log_warn("cannot watch a connection: %s", strerror(errno));
	if (!t || t->is_lost)
		return;
	t->is_lost = true;
	STAILQ_INSERT_TAIL(&own.lost, t, lost);
	run_timer(own.loop, &own.timer, 0);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct watched *w = assigned;
	uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);

	(void)arg;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			loop_del(own.loop, &w->io);
		free(w);
		return 0;
	}
	if (w) {
		if (loop_change(own.loop, &w->io, events) < 0)
			lose(easy);
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (w)
		w->io = (struct loop_io){ .fd = fd, .ready = socket_ready };
	if (!w || loop_add(own.loop, &w->io, events) < 0) {
		lose(easy);
		free(w);
		return 0;
	}
	own.lib->multi_assign(own.multi, fd, w);
	return 0;
}

/* The address is known and nothing was sent yet. */
static bool may_call(struct transfer *t, const struct ip *a)
{
	if (!t->guarded || !address_kind(a) || address_allowed(t->allow, t->host, a))
		return true;
	t->refused = true;
	t->which = *a;
	return false;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct transfer *t = arg;
	struct ip a;

	(void)purpose;
	if (!ip_of(&to->addr, to->addrlen, &a) || !may_call(t, &a))
		return CURL_SOCKET_BAD;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
		t->starved = true;
	t->connected |= fd >= 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Also for a connection that another handler opened, with an `allow` of its own. */
static int before_request(void *arg, char *primary, char *local, int primary_port, int local_port)
{
	struct transfer *t = arg;
	struct ip a;

	(void)local;
	(void)primary_port;
	(void)local_port;
	if (!t->guarded || (ip_parse(slice_of(primary), &a) && may_call(t, &a))) {
		t->connected = true;
		return CURL_PREREQFUNC_OK;
	}
	t->refused = true;
	t->connected = false;
	return CURL_PREREQFUNC_ABORT;
}

/* --- one transfer --- */

static bool begin_multi(struct loop *l, const struct libcurl *lib)
{
	if (own.multi)
		return true;
	own.multi = lib->multi_init();
	if (!own.multi)
		return false;
	own.lib = lib;
	own.loop = l;
	own.timer = (struct loop_timer){ .fire = timer_fired };
	STAILQ_INIT(&own.lost);
	lib->multi_setopt(own.multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	lib->multi_setopt(own.multi, CURLMOPT_TIMERFUNCTION, want_timer);
	lib->multi_setopt(own.multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	return true;
}

/* Certificates of one's own authority, where OpenSSL's programs look for them. */
static CURLcode set_authorities(const struct libcurl *lib, CURL *easy)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
	CURLcode rc = CURLE_OK;

	if (file && *file)
		rc |= lib->easy_setopt(easy, CURLOPT_CAINFO, file);
	if (dir && *dir)
		rc |= lib->easy_setopt(easy, CURLOPT_CAPATH, dir);
	return rc;
}

bool transfer_options(const struct libcurl *lib, CURL *easy, const char *protocols)
{
	CURLcode rc = set_authorities(lib, easy);

	rc |= lib->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	rc |= lib->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	rc |= lib->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	rc |= lib->easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	rc |= lib->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= lib->easy_setopt(easy, CURLOPT_PROXY, "");
	rc |= lib->easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	rc |= lib->easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	rc |= lib->easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	return rc == CURLE_OK;
}

static bool set_callbacks(struct transfer *t)
{
	CURLcode rc = CURLE_OK;

	rc |= t->lib->easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	rc |= t->lib->easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->said);
	rc |= t->lib->easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	rc |= t->lib->easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	rc |= t->lib->easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, before_request);
	rc |= t->lib->easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
	return rc == CURLE_OK;
}

bool transfer_open(struct transfer *t, struct loop *l, const char *protocols, char *why, size_t why_size)
{
	t->lib = libcurl(why, why_size);
	if (!t->lib)
		return false;
	t->easy = begin_multi(l, t->lib) ? t->lib->easy_init() : NULL;
	if (t->easy && set_callbacks(t) && transfer_options(t->lib, t->easy, protocols))
		return true;
	snprintf(why, why_size, "out of memory");
	t->starved = true;
	return false;
}

bool transfer_start(struct transfer *t)
{
	t->added = own.lib->multi_add_handle(own.multi, t->easy) == CURLM_OK;
	return t->added;
}

void transfer_end(struct transfer *t)
{
	if (!t->easy)
		return;
	take_out(t);
	t->lib->easy_cleanup(t->easy);
	t->easy = NULL;
}

void transfer_explain(const struct libcurl *lib, CURL *easy, const char *said, struct slice place, CURLcode code, char *why, size_t why_size)
{
	int n = (int)place.n;
	long error = 0;

	if (!said[0])
		said = lib->easy_strerror(code);
	lib->easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		snprintf(why, why_size, "cannot look up %.*s: there is no such host, or DNS does not answer", n, place.p);
		break;
	case CURLE_COULDNT_CONNECT:
		snprintf(why, why_size, "cannot connect to %.*s: %s", n, place.p, error ? strerror((int)error) : said);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		snprintf(why, why_size, "the certificate of %.*s is not to be trusted: %s", n, place.p, said);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		snprintf(why, why_size, "no TLS with %.*s: %s", n, place.p, said);
		break;
	case CURLE_GOT_NOTHING:
		snprintf(why, why_size, "%.*s closed the connection without an answer", n, place.p);
		break;
	case CURLE_PARTIAL_FILE:
		snprintf(why, why_size, "the answer of %.*s ended before its stated length", n, place.p);
		break;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		snprintf(why, why_size, "the connection to %.*s broke: %s", n, place.p, error ? strerror((int)error) : said);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		snprintf(why, why_size, "cannot connect to %.*s: no answer", n, place.p);
		break;
	default:
		snprintf(why, why_size, "%.*s: %s", n, place.p, said);
	}
}

void transfer_forget(void)
{
	if (!own.multi)
		return;
	own.lib->multi_cleanup(own.multi);
	loop_timer_stop(own.loop, &own.timer);
	own.multi = NULL;
}
