/* Owns what is said to OpenSSL. Called by the acceptor (contexts), listen.c and stream.c (sessions), and by the test of a conf. Nothing here is fatal.
 * TLS 1.2 and 1.3, HTTP/1.1 alone, no renegotiation; an idle session gives its buffers back. */
#include "http/tls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "os/library.h"

#define FUNCTIONS(F) \
	F(SSL_CTX_new) F(SSL_CTX_free) F(SSL_CTX_ctrl) F(SSL_CTX_set_options) F(SSL_CTX_set_alpn_select_cb) F(SSL_CTX_use_certificate) F(SSL_CTX_use_PrivateKey) \
	F(SSL_CTX_check_private_key) F(TLS_server_method) F(SSL_select_next_proto) F(SSL_new) F(SSL_free) F(SSL_set_fd) F(SSL_set_accept_state) F(SSL_read) F(SSL_write) \
	F(SSL_get_error) F(SSL_pending) F(SSL_shutdown) F(SSL_want) F(BIO_new_mem_buf) F(BIO_free) F(PEM_read_bio_X509) F(X509_free) F(PEM_read_bio_PrivateKey) \
	F(EVP_PKEY_free) F(ERR_clear_error) F(ERR_peek_last_error) F(ERR_reason_error_string)

static struct {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
#undef MEMBER
} lib;

static const struct library_function functions[] = {
#define ENTRY(name) { #name, &lib.name },
	FUNCTIONS(ENTRY)
#undef ENTRY
};

struct tls_context { SSL_CTX *ctx; };
struct tls { SSL *ssl; bool failed; };

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
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl, (void)arg;
	if (lib.SSL_select_next_proto(&chosen, n, ours, sizeof(ours) - 1, in, len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

struct tls_context *tls_context_new(struct slice certificate, struct slice key, char *why, size_t size)
{
	struct tls_context *c = calloc(1, sizeof(*c));

	why[0] = '\0';
	if (!c) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	if (certificate.n > INT_MAX || key.n > INT_MAX || !load(why, size))
		goto failed;
	c->ctx = lib.SSL_CTX_new(lib.TLS_server_method());
	if (!c->ctx) {
		snprintf(why, size, "OpenSSL could not be set up: %s", reason());
		goto failed;
	}
	lib.SSL_CTX_ctrl(c->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	lib.SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	lib.SSL_CTX_ctrl(c->ctx, SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS, NULL);
	lib.SSL_CTX_set_alpn_select_cb(c->ctx, choose_http, NULL);
	if (use_chain(c->ctx, certificate, why, size) && use_key(c->ctx, key, why, size))
		return c;
failed:
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

struct tls *tls_new(struct tls_context *c, int fd)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ssl = lib.SSL_new(c->ctx);
	if (!t->ssl || lib.SSL_set_fd(t->ssl, fd) != 1) {
		tls_free(t);
		return NULL;
	}
	lib.SSL_set_accept_state(t->ssl);
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
	errno = error == SSL_ERROR_SYSCALL && errno ? errno : EPROTO;
	lib.ERR_clear_error();
	return -1;
}

ssize_t tls_recv(struct tls *t, void *p, size_t n)
{
	lib.ERR_clear_error();
	errno = 0;
	int rc = lib.SSL_read(t->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	return rc > 0 ? rc : judge(t, rc);
}

ssize_t tls_send(struct tls *t, const void *p, size_t n)
{
	lib.ERR_clear_error();
	errno = 0;
	int rc = lib.SSL_write(t->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	if (rc > 0)
		return rc;
	ssize_t judged = judge(t, rc);
	if (judged == 0) {              /* the client has ended the session: nobody listens */
		errno = EPIPE;
		return -1;
	}
	return judged;
}

void tls_say_end(struct tls *t)
{
	if (t->failed)
		return;
	lib.ERR_clear_error();
	lib.SSL_shutdown(t->ssl);
	lib.ERR_clear_error();
}

bool tls_pending(const struct tls *t)
{
	return !t->failed && lib.SSL_pending(t->ssl) > 0;
}

bool tls_wants_out(const struct tls *t)
{
	return lib.SSL_want(t->ssl) == SSL_WRITING;
}
