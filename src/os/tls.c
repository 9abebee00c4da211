/* Owns what is said to OpenSSL about TLS. Called by the acceptor and the test of a conf (contexts), the connections of http/ (sessions), and the client and the link of cli/ (both). Nothing here is fatal.
 * TLS 1.2 and 1.3, HTTP/1.1 alone, no renegotiation; an idle session gives its buffers back. */
#include "os/tls.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "os/library.h"

#define FUNCTIONS(F) \
	F(SSL_CTX_new) F(SSL_CTX_free) F(SSL_CTX_ctrl) F(SSL_CTX_set_options) F(SSL_CTX_set_alpn_select_cb) F(SSL_CTX_use_certificate) F(SSL_CTX_use_PrivateKey) \
	F(SSL_CTX_check_private_key) F(TLS_server_method) F(SSL_select_next_proto) F(SSL_new) F(SSL_free) F(SSL_set_fd) F(SSL_set_accept_state) F(SSL_read) F(SSL_write) \
	F(SSL_get_error) F(SSL_pending) F(SSL_shutdown) F(SSL_want) F(BIO_new_mem_buf) F(BIO_free) F(PEM_read_bio_X509) F(X509_free) F(PEM_read_bio_PrivateKey) \
	F(EVP_PKEY_free) F(ERR_clear_error) F(ERR_peek_error) F(ERR_peek_last_error) F(ERR_reason_error_string) \
	F(TLS_client_method) F(SSL_CTX_set_verify) F(SSL_CTX_set_default_verify_paths) F(SSL_CTX_set_alpn_protos) F(SSL_set_connect_state) F(SSL_do_handshake) F(SSL_ctrl) \
	F(SSL_set1_host) F(SSL_set_hostflags) F(SSL_get0_param) F(X509_VERIFY_PARAM_set1_ip_asc) F(SSL_get_verify_result) F(X509_verify_cert_error_string)

static struct { FUNCTIONS(LIBRARY_MEMBER) } lib;
static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ENTRY) };

struct tls_context { SSL_CTX *ctx; };
struct tls { SSL *ssl; unsigned long error; bool failed, client; };

static const unsigned char alpn[] = "\x08http/1.1";

/* It brings libcrypto along, whose functions are found through it. */
static bool load(char *why, size_t size)
{
	static const struct library libssl = { "libssl.so.3", "OpenSSL", "libssl3", "OpenSSL 3", functions, sizeof(functions) / sizeof(functions[0]) };
	static bool loaded;

	loaded = loaded || library_load(&libssl, why, size);
	return loaded;
}

static const char *reason(void)
{
	const char *text = lib.ERR_reason_error_string(lib.ERR_peek_last_error());

	return text ? text : "unknown error";
}

/* --- contexts --- */

/* The first certificate is the server's, the others lead from it to what clients trust. */
static bool use_chain(SSL_CTX *ctx, struct slice pem, char *why, size_t size)
{
	BIO *bio = lib.BIO_new_mem_buf(pem.p, (int)pem.n);
	unsigned n = 0;
	X509 *x;

	while (bio && (x = lib.PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		bool good = n++ == 0 ? lib.SSL_CTX_use_certificate(ctx, x) == 1 : lib.SSL_CTX_ctrl(ctx, SSL_CTRL_CHAIN_CERT, 1, x) == 1;
		lib.X509_free(x);
		if (!good) {
			snprintf(why, size, "certificate %u of tls_certificate cannot be used: %s", n, reason());
			n = 0;
			break;
		}
		why[0] = '\0';
	}
	if (n == 0 && !why[0])
		snprintf(why, size, "there is no certificate in tls_certificate: it must be PEM, the server's first, then those that lead to its root");
	lib.BIO_free(bio);
	lib.ERR_clear_error();
	return n > 0;
}

static bool use_key(SSL_CTX *ctx, struct slice pem, char *why, size_t size)
{
	BIO *bio = lib.BIO_new_mem_buf(pem.p, (int)pem.n);
	static char no_password[1];     /* one that needs a password is refused, not asked about on a terminal */
	EVP_PKEY *key = bio ? lib.PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password) : NULL;
	bool good = false;

	if (!key)
		snprintf(why, size, "tls_key has no private key that can be read: it must be PEM, without a password (%s)", reason());
	else if (lib.SSL_CTX_use_PrivateKey(ctx, key) != 1 || lib.SSL_CTX_check_private_key(ctx) != 1)
		snprintf(why, size, "tls_key is not the key of tls_certificate: %s", reason());
	else
		good = true;
	lib.EVP_PKEY_free(key);
	lib.BIO_free(bio);
	lib.ERR_clear_error();
	return good;
}

static int choose_http(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned len, void *arg)
{
	unsigned char *chosen;

	(void)ssl, (void)arg;
	if (lib.SSL_select_next_proto(&chosen, n, alpn, sizeof(alpn) - 1, in, len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* What servers and clients have in common. */
static struct tls_context *new_context(bool client, char *why, size_t size)
{
	struct tls_context *c;

	why[0] = '\0';
	if (!load(why, size))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	c->ctx = lib.SSL_CTX_new(client ? lib.TLS_client_method() : lib.TLS_server_method());
	if (!c->ctx) {
		snprintf(why, size, "OpenSSL could not be set up: %s", reason());
		free(c);
		return NULL;
	}
	lib.SSL_CTX_ctrl(c->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	lib.SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	lib.SSL_CTX_ctrl(c->ctx, SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS, NULL);
	return c;
}

struct tls_context *tls_context_new(struct slice certificate, struct slice key, char *why, size_t size)
{
	struct tls_context *c = new_context(false, why, size);

	if (!c)
		return NULL;
	lib.SSL_CTX_set_options(c->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	lib.SSL_CTX_set_alpn_select_cb(c->ctx, choose_http, NULL);
	if (certificate.n <= INT_MAX && key.n <= INT_MAX && use_chain(c->ctx, certificate, why, size) && use_key(c->ctx, key, why, size))
		return c;
	tls_context_free(c);
	return NULL;
}

/* OpenSSL passes over what it cannot read, and would then trust nobody without saying why. */
static bool can_read(const char *variable, char *why, size_t size)
{
	const char *path = getenv(variable);

	if (!path || !*path || access(path, R_OK) == 0)
		return true;
	snprintf(why, size, "$%s names %s, which cannot be read: %s", variable, path, strerror(errno));
	return false;
}

struct tls_context *tls_context_new_client(char *why, size_t size)
{
	struct tls_context *c = can_read("SSL_CERT_FILE", why, size) ? new_context(true, why, size) : NULL;

	if (!c)
		return NULL;
	lib.SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	if (lib.SSL_CTX_set_default_verify_paths(c->ctx) == 1 && lib.SSL_CTX_set_alpn_protos(c->ctx, alpn, sizeof(alpn) - 1) == 0)
		return c;
	snprintf(why, size, "OpenSSL could not be set up: %s", reason());
	tls_context_free(c);
	return NULL;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	if (c->ctx)
		lib.SSL_CTX_free(c->ctx);
	free(c);
}

/* --- sessions --- */

static struct tls *new_session(struct tls_context *c, int fd)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ssl = lib.SSL_new(c->ctx);
	if (!t->ssl || lib.SSL_set_fd(t->ssl, fd) != 1) {
		tls_free(t);
		return NULL;
	}
	return t;
}

struct tls *tls_new(struct tls_context *c, int fd)
{
	struct tls *t = new_session(c, fd);

	if (t)
		lib.SSL_set_accept_state(t->ssl);
	return t;
}

/* An address is looked for among the certificate's addresses, without its zone; a name among its names, without the dot that may end it, and is told to the server. */
static bool expect(SSL *ssl, const char *host)
{
	size_t n = strchr(host, ':') ? strcspn(host, "%") : strlen(host);
	char name[256];

	if (n > 1 && host[n - 1] == '.')
		n--;
	if (n == 0 || n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	if (lib.X509_VERIFY_PARAM_set1_ip_asc(lib.SSL_get0_param(ssl), name) == 1)
		return true;
	lib.ERR_clear_error();
	lib.SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return lib.SSL_set1_host(ssl, name) == 1 && lib.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) == 1;
}

struct tls *tls_new_client(struct tls_context *c, int fd, const char *host)
{
	struct tls *t = new_session(c, fd);

	if (!t)
		return NULL;
	if (!expect(t->ssl, host)) {
		tls_free(t);
		errno = ENOMEM;
		return NULL;
	}
	t->client = true;
	lib.SSL_set_connect_state(t->ssl);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	if (t->ssl)
		lib.SSL_free(t->ssl);
	free(t);
}

static ssize_t judge(struct tls *t, int rc)
{
	int error = lib.SSL_get_error(t->ssl, rc);

	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	t->failed = true;               /* nothing more may be asked of it, a close_notify neither */
	t->error = lib.ERR_peek_error();
	errno = error == SSL_ERROR_SYSCALL && errno ? errno : ERR_GET_REASON(t->error) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? ECONNRESET : EPROTO;
	lib.ERR_clear_error();
	return -1;
}

/* --- a client's peer may have gone: it shall not be killed by SIGPIPE, which it does not ignore, as a server does --- */

static void hold_signal(const struct tls *t, sigset_t *old)
{
	sigset_t pipe;

	if (!t->client)
		return;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, old);
}

static void drop_signal(const struct tls *t, const sigset_t *old)
{
	int saved = errno;
	sigset_t pipe;

	if (!t->client)
		return;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	while (!sigismember(old, SIGPIPE) && sigtimedwait(&pipe, NULL, &(struct timespec){ 0 }) > 0)
		;
	pthread_sigmask(SIG_SETMASK, old, NULL);
	errno = saved;
}

enum call { CALL_HANDSHAKE, CALL_READ, CALL_WRITE };

/* What OpenSSL answers, and why in errno and the session. */
static int call(struct tls *t, enum call which, void *in, const void *out, size_t n)
{
	int rc, len = n > INT_MAX ? INT_MAX : (int)n;
	sigset_t old;

	hold_signal(t, &old);
	lib.ERR_clear_error();
	errno = 0;
	rc = which == CALL_READ ? lib.SSL_read(t->ssl, in, len) : which == CALL_WRITE ? lib.SSL_write(t->ssl, out, len) : lib.SSL_do_handshake(t->ssl);
	drop_signal(t, &old);
	return rc;
}

ssize_t tls_recv(struct tls *t, void *p, size_t n)
{
	int rc = call(t, CALL_READ, p, NULL, n);

	return rc > 0 ? rc : judge(t, rc);
}

/* Where the peer has ended the session nobody listens. */
static ssize_t judge_ended(struct tls *t, int rc)
{
	ssize_t judged = judge(t, rc);

	if (judged == 0)
		errno = EPIPE;
	return -1;
}

ssize_t tls_send(struct tls *t, const void *p, size_t n)
{
	int rc = call(t, CALL_WRITE, NULL, p, n);

	return rc > 0 ? rc : judge_ended(t, rc);
}

ssize_t tls_handshake(struct tls *t)
{
	int rc = call(t, CALL_HANDSHAKE, NULL, NULL, 0);

	return rc == 1 ? 0 : judge_ended(t, rc);
}

void tls_say_end(struct tls *t)
{
	sigset_t old;

	if (t->failed)
		return;
	hold_signal(t, &old);
	lib.ERR_clear_error();
	lib.SSL_shutdown(t->ssl);
	lib.ERR_clear_error();
	drop_signal(t, &old);
}

bool tls_pending(const struct tls *t)
{
	return !t->failed && lib.SSL_pending(t->ssl) > 0;
}

bool tls_wants_out(const struct tls *t)
{
	return lib.SSL_want(t->ssl) == SSL_WRITING;
}

/* --- what went wrong, for a client --- */

static const char *remedy(long verify)
{
	switch (verify) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "ask for the server by a name or address that its certificate has";
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "the server needs a new one, or this machine's clock is wrong";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "this machine's clock may be wrong";
	default:
		return "name its authority with SSL_CERT_FILE, a file of PEM certificates";
	}
}

void tls_why(const struct tls *t, int error, char *why, size_t size)
{
	long verify = lib.SSL_get_verify_result(t->ssl);
	int code = ERR_GET_REASON(t->error);
	const char *text = lib.ERR_reason_error_string(t->error);

	if (error != EPROTO)
		snprintf(why, size, "%s", strerror(error));
	else if (verify != X509_V_OK)
		snprintf(why, size, "its certificate is not to be trusted (%s); %s", lib.X509_verify_cert_error_string(verify), remedy(verify));
	else if (code == SSL_R_WRONG_VERSION_NUMBER || code == SSL_R_PACKET_LENGTH_TOO_LONG)
		snprintf(why, size, "it does not speak TLS at this port; its address may begin with http://");
	else
		snprintf(why, size, "TLS has failed: %s", text ? text : "unknown error");
}
