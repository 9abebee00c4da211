/* One mail on its way: libcurl's SMTP in a thread. It has to be one: at the end of each connection libcurl sends QUIT and waits for the answer where it stands, up to two minutes, which would hold the
 * worker's loop. The answer to the message is told as soon as it is there, whatever becomes of the QUIT. Called by smtp.c. Nothing is fatal.
 *
 * A call is held by the loop, until it was told of the end or has abandoned it, and by its thread; who lets go last frees it. */
#include "run/smtp.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "run/transfer.h"

#define STACK_BYTES (512u << 10)
#define PATIENCE_NS 5000000000LL        /* after a refusal, for the answer to QUIT ... */
#define POLITE_NS 1000000000LL          /* ... and after all was told */

struct smtp_call {
	struct smtp_order order;
	struct slice place;
	char *place_text;
	CURL *easy;
	struct smtp_end end;            /* the loop's once it was told */
	struct smtp_end refusal;        /* its status and line: the answer before, where that was a no */
	char said[CURL_ERROR_SIZE];     /* libcurl's last words */
	size_t sent;                    /* bytes of the message given to libcurl */
	int64_t over_ns;                /* not 0: when the end was told; nothing that comes is of interest */
	int64_t refused_ns;             /* when the server last said no */
	int fd;                         /* under own.lock, like the following */
	bool abandoned;
	unsigned holders;
	void (*ended)(void *arg, const struct smtp_end *e);     /* the loop's */
	void *arg;
	STAILQ_ENTRY(smtp_call) link;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t fewer;
	unsigned threads;
	STAILQ_HEAD(, smtp_call) done;  /* to be told in the loop */
	struct loop *loop;
	struct loop_io bell;            /* eventfd; -1 before the first call */
} own = { .lock = PTHREAD_MUTEX_INITIALIZER, .fewer = PTHREAD_COND_INITIALIZER, .bell = { .fd = -1 } };

void smtp_order_free(struct smtp_order *o)
{
	free(o->url);
	free(o->user);
	if (o->password)
		explicit_bzero(o->password, strlen(o->password));
	free(o->password);
	buf_free(&o->sender);
	if (o->recipients)
		o->lib->slist_free_all(o->recipients);
	buf_free(&o->message);
	*o = (struct smtp_order){ .lib = o->lib };
}

/* With the lock. True where the caller was the last, and is to free it without. */
static bool let_go(struct smtp_call *c)
{
	return --c->holders == 0;
}

static void call_free(struct smtp_call *c)
{
	smtp_order_free(&c->order);
	free(c->place_text);
	free(c);
}

/* --- in the thread --- */

static void tell(struct smtp_call *c)
{
	if (c->over_ns)
		return;
	c->over_ns = clock_boot_ns();
	pthread_mutex_lock(&own.lock);
	if (!c->abandoned) {
		STAILQ_INSERT_TAIL(&own.done, c, link);
		eventfd_write(own.bell.fd, 1);
	}
	pthread_mutex_unlock(&own.lock);
}

static size_t give(char *p, size_t size, size_t n, void *arg)
{
	struct smtp_call *c = arg;
	size_t left = c->order.message.len - c->sent;

	n *= size;
	n = n < left ? n : left;
	memcpy(p, c->order.message.data + c->sent, n);
	c->sent += n;
	return n;
}

/* A line of the server's. The last of an answer has a space behind its number. */
static size_t hear(char *p, size_t size, size_t n, void *arg)
{
	struct smtp_call *c = arg;
	size_t text;

	n *= size;
	if (c->over_ns || n < 3 || p[0] < '2' || p[0] > '5' || p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9' || (n > 3 && p[3] == '-'))
		return n;
	if (c->end.status >= 400)
		c->refusal = c->end;    /* what follows may be the answer to QUIT */
	else
		c->refusal.status = 0;
	c->end.status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
	for (text = 0; text < n && text < SMTP_LINE_MAX - 1 && p[text] != '\r' && p[text] != '\n'; text++)
		c->end.line[text] = (unsigned char)p[text] < ' ' || p[text] == 0x7f ? '?' : p[text];
	c->end.line[text] = '\0';
	c->refused_ns = c->end.status >= 400 ? clock_boot_ns() : 0;
	if (c->sent == c->order.message.len) {  /* this is the answer to the message */
		c->end.code = c->end.status < 300 ? CURLE_OK : CURLE_WEIRD_SERVER_REPLY;
		tell(c);
	}
	return n;
}

static size_t drop(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n;
}

/* Called all the time, at least each second while libcurl waits. Not 0 ends it. */
static int go_on(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	struct smtp_call *c = arg;

	(void)dltotal;
	(void)dlnow;
	(void)ultotal;
	(void)ulnow;
	pthread_mutex_lock(&own.lock);
	bool enough = c->abandoned && !c->over_ns;
	pthread_mutex_unlock(&own.lock);
	int64_t now = clock_boot_ns();
	return enough || (c->over_ns && now - c->over_ns > POLITE_NS) || (c->refused_ns && now - c->refused_ns > PATIENCE_NS);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct smtp_call *c = arg;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);

	(void)purpose;
	if (fd < 0) {
		c->end.starved |= errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
		return CURL_SOCKET_BAD;
	}
	pthread_mutex_lock(&own.lock);
	c->fd = fd;
	pthread_mutex_unlock(&own.lock);
	return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
	struct smtp_call *c = arg;

	pthread_mutex_lock(&own.lock);
	if (c->fd == fd)
		c->fd = -1;
	close(fd);
	pthread_mutex_unlock(&own.lock);
	return 0;
}

/* Whoever waits for the other side then waits no longer. */
static void hang_up(struct smtp_call *c)
{
	pthread_mutex_lock(&own.lock);
	if (c->fd >= 0)
		shutdown(c->fd, SHUT_RDWR);
	pthread_mutex_unlock(&own.lock);
}

static bool set_options(struct smtp_call *c)
{
	const struct smtp_order *o = &c->order;
	const struct libcurl *lib = o->lib;
	CURL *e = c->easy;
	CURLcode rc = CURLE_OK;

	rc |= lib->easy_setopt(e, CURLOPT_URL, o->url);
	rc |= lib->easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);    /* so that QUIT goes out while go_on() can end the wait for its answer */
	rc |= lib->easy_setopt(e, CURLOPT_ERRORBUFFER, c->said);
	if (o->user) {
		rc |= lib->easy_setopt(e, CURLOPT_USERNAME, o->user);
		rc |= lib->easy_setopt(e, CURLOPT_PASSWORD, o->password);
	}
	rc |= lib->easy_setopt(e, CURLOPT_USE_SSL, (long)(o->tls_required ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	if (o->unverified) {
		rc |= lib->easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		rc |= lib->easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	rc |= lib->easy_setopt(e, CURLOPT_MAIL_FROM, o->sender.data);
	rc |= lib->easy_setopt(e, CURLOPT_MAIL_RCPT, o->recipients);
	rc |= lib->easy_setopt(e, CURLOPT_UPLOAD, 1L);
	rc |= lib->easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)o->message.len);
	rc |= lib->easy_setopt(e, CURLOPT_READFUNCTION, give);
	rc |= lib->easy_setopt(e, CURLOPT_READDATA, c);
	rc |= lib->easy_setopt(e, CURLOPT_HEADERFUNCTION, hear);
	rc |= lib->easy_setopt(e, CURLOPT_HEADERDATA, c);
	rc |= lib->easy_setopt(e, CURLOPT_WRITEFUNCTION, drop);
	rc |= lib->easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	rc |= lib->easy_setopt(e, CURLOPT_XFERINFOFUNCTION, go_on);
	rc |= lib->easy_setopt(e, CURLOPT_XFERINFODATA, c);
	rc |= lib->easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	rc |= lib->easy_setopt(e, CURLOPT_OPENSOCKETDATA, c);
	rc |= lib->easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	rc |= lib->easy_setopt(e, CURLOPT_CLOSESOCKETDATA, c);
	return rc == CURLE_OK;
}

static void *run(void *arg)
{
	struct smtp_call *c = arg;
	const struct libcurl *lib = c->order.lib;

	c->easy = lib->easy_init();
	if (c->easy && transfer_options(lib, c->easy, "smtp,smtps") && set_options(c)) {
		CURLcode code = lib->easy_perform(c->easy);
		if (!c->over_ns) {
			if (code != CURLE_OK && c->end.status < 400 && c->refusal.status)
				c->end = c->refusal;
			c->end.code = code;
			if (code != CURLE_OK && c->end.status < 400)
				transfer_explain(lib, c->easy, c->said, c->place, code, c->end.why, sizeof(c->end.why));
		}
	} else {
		c->end.code = CURLE_OUT_OF_MEMORY;
	}
	tell(c);
	hang_up(c);
	if (c->easy)
		lib->easy_cleanup(c->easy);
	pthread_mutex_lock(&own.lock);
	bool last = let_go(c);
	own.threads--;
	pthread_cond_signal(&own.fewer);
	pthread_mutex_unlock(&own.lock);
	if (last)
		call_free(c);
	return NULL;
}

/* --- in the loop --- */

static void rung(struct loop_io *io, uint32_t events)
{
	struct smtp_call *c;
	eventfd_t rings;

	(void)events;
	eventfd_read(io->fd, &rings);
	for (;;) {
		pthread_mutex_lock(&own.lock);
		c = STAILQ_FIRST(&own.done);
		if (c) {
			STAILQ_REMOVE_HEAD(&own.done, link);
			c->abandoned = true;    /* by us: it was told */
		}
		pthread_mutex_unlock(&own.lock);
		if (!c)
			return;
		struct smtp_end end = c->end;
		c->ended(c->arg, &end);
		pthread_mutex_lock(&own.lock);
		bool last = let_go(c);
		pthread_mutex_unlock(&own.lock);
		if (last)
			call_free(c);
	}
}

static bool begin(struct loop *l)
{
	if (own.bell.fd >= 0)
		return true;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return false;
	own.bell = (struct loop_io){ .fd = fd, .ready = rung };
	own.loop = l;
	STAILQ_INIT(&own.done);
	if (loop_add(l, &own.bell, EPOLLIN) == 0)
		return true;
	close(fd);
	own.bell.fd = -1;
	return false;
}

static bool start_thread(struct smtp_call *c)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_mutex_lock(&own.lock);
	bool started = pthread_create(&thread, &attr, run, c) == 0;
	own.threads += started;
	pthread_mutex_unlock(&own.lock);
	pthread_attr_destroy(&attr);
	return started;
}

struct smtp_call *smtp_call_start(struct loop *l, struct smtp_order *o, struct slice place, void (*ended)(void *arg, const struct smtp_end *e), void *arg)
{
	struct smtp_call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->order = *o;
	c->fd = -1;
	c->holders = 2;
	c->ended = ended;
	c->arg = arg;
	c->place_text = slice_dup(place);
	c->place = slice_of(c->place_text);
	if (!c->place_text || !begin(l) || !start_thread(c)) {
		free(c->place_text);
		free(c);
		return NULL;
	}
	return c;
}

void smtp_call_abandon(struct smtp_call *c)
{
	struct smtp_call *other;

	pthread_mutex_lock(&own.lock);
	STAILQ_FOREACH(other, &own.done, link)
		if (other == c)
			break;
	if (other)
		STAILQ_REMOVE(&own.done, c, smtp_call, link);
	c->abandoned = true;
	if (c->fd >= 0)
		shutdown(c->fd, SHUT_RDWR);
	bool last = let_go(c);
	pthread_mutex_unlock(&own.lock);
	if (last)
		call_free(c);
}

void smtp_call_forget(void)
{
	pthread_mutex_lock(&own.lock);
	while (own.threads)
		pthread_cond_wait(&own.fewer, &own.lock);
	pthread_mutex_unlock(&own.lock);
	if (own.bell.fd < 0)
		return;
	loop_del(own.loop, &own.bell);
	close(own.bell.fd);
	own.bell.fd = -1;
}
