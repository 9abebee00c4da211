/* os/tls: a client's and a server's session over a socket pair: whom the client trusts, what it says where it does not, and what both do when they have to wait. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "certificate.h"
#include "os/tls.h"
#include "scratch.h"

static struct { struct tls_context *server_context, *client_context; struct tls *server, *client; int fd[2]; } pair;     /* fd[0] is the client's */

/* Both ends, of which the client looks for this host and trusts this certificate. */
static void open_pair(const char *host, const char *trusted)
{
	char why[300];

	certificate_trust(scratch_dir, trusted);
	pair.client_context = tls_context_new_client(why, sizeof(why));
	if (!pair.client_context)
		fail_msg("%s", why);
	pair.server_context = certificate_context(scratch_dir, "one");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.fd), 0);
	pair.client = tls_new_client(pair.client_context, pair.fd[0], host);
	pair.server = tls_new(pair.server_context, pair.fd[1]);
	assert_non_null(pair.client);
	assert_non_null(pair.server);
}

static void close_pair(void)
{
	tls_free(pair.client);
	tls_free(pair.server);
	tls_context_free(pair.client_context);
	tls_context_free(pair.server_context);
	close(pair.fd[0]);
	close(pair.fd[1]);
}

/* 0, or the errno that the client ended with. Nothing is waited for: each turn moves all that the other end has said. */
static int shake(void)
{
	ssize_t client = -1, server = -1;

	for (unsigned turn = 0; turn < 100 && (client < 0 || server < 0); turn++) {
		if (client < 0 && (client = tls_handshake(pair.client)) < 0 && errno != EAGAIN)
			return errno;
		if (server < 0 && (server = tls_handshake(pair.server)) < 0 && errno != EAGAIN)
			return EBADMSG;
	}
	assert_int_equal(client, 0);
	assert_int_equal(server, 0);
	return 0;
}

static void refused(const char *host, const char *trusted, const char *says, const char *advises)
{
	char why[400];

	open_pair(host, trusted);
	assert_int_equal(shake(), EPROTO);
	tls_why(pair.client, EPROTO, why, sizeof(why));
	if (!strstr(why, says) || !strstr(why, advises))
		fail_msg("%s as of %s: \"%s\"", host, trusted, why);
	close_pair();
}

static void a_server_is_known_by_name_or_address(void **unused)
{
	static const char *const good[] = { "127.0.0.1", "::1", "jobs.example", "JOBS.example", "jobs.example.", "a.wild.example" };

	(void)unused;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		open_pair(good[i], "one");
		if (shake() != 0)
			fail_msg("%s", good[i]);
		close_pair();
	}
}

static void another_is_refused_with_the_reason(void **unused)
{
	static const char *const names[] = { "other.example", "wild.example", "a.b.wild.example", "localhost" };

	(void)unused;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		refused(names[i], "one", "ostname mismatch", "by a name or address that its certificate has");
	refused("127.0.0.2", "one", "IP address mismatch", "by a name or address that its certificate has");
	refused("127.0.0.1", "two", "self-signed certificate", "name its authority with SSL_CERT_FILE");
}

static void authorities_that_cannot_be_read_are_named(void **unused)
{
	char why[300] = "";

	(void)unused;
	setenv("SSL_CERT_FILE", "/nonexistent/ca.crt", 1);
	assert_null(tls_context_new_client(why, sizeof(why)));
	assert_string_equal(why, "$SSL_CERT_FILE names /nonexistent/ca.crt, which cannot be read: No such file or directory");
}

static void bytes_go_both_ways_until_one_says_the_end(void **unused)
{
	char got[20] = "";

	(void)unused;
	open_pair("127.0.0.1", "one");
	assert_int_equal(shake(), 0);
	assert_int_equal(tls_send(pair.client, "question", 8), 8);
	assert_int_equal(tls_recv(pair.server, got, sizeof(got)), 8);
	assert_memory_equal(got, "question", 8);
	assert_int_equal(tls_recv(pair.client, got, sizeof(got)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_false(tls_wants_out(pair.client));
	assert_int_equal(tls_send(pair.server, "0123456789", 10), 10);
	assert_int_equal(tls_recv(pair.client, got, 4), 4);
	assert_true(tls_pending(pair.client));
	assert_int_equal(tls_recv(pair.client, got + 4, 16), 6);
	assert_false(tls_pending(pair.client));
	assert_memory_equal(got, "0123456789", 10);
	tls_say_end(pair.client);
	assert_int_equal(tls_recv(pair.server, got, sizeof(got)), 0);
	assert_int_equal(tls_send(pair.server, "answer", 6), 6);        /* one who asks no more still listens */
	assert_int_equal(tls_recv(pair.client, got, sizeof(got)), 6);
	close_pair();
}

static void what_does_not_fit_waits_for_room(void **unused)
{
	static char bytes[16000], got[16000];
	ssize_t n = 0;
	size_t sent = 0, taken = 0;

	(void)unused;
	open_pair("127.0.0.1", "one");
	assert_int_equal(shake(), 0);
	while ((n = tls_send(pair.client, bytes, sizeof(bytes))) > 0)
		sent += (size_t)n;
	assert_int_equal(errno, EAGAIN);
	assert_true(tls_wants_out(pair.client));
	while (taken < sent) {
		n = tls_recv(pair.server, got, sizeof(got));
		assert_true(n > 0);
		taken += (size_t)n;
	}
	assert_int_equal(tls_send(pair.client, bytes, sizeof(bytes)), sizeof(bytes));
	close_pair();
}

/* Neither an answer that is cut off nor a death by SIGPIPE. */
static void a_peer_that_goes_without_a_word_is_an_error(void **unused)
{
	char got[20];

	(void)unused;
	open_pair("127.0.0.1", "one");
	assert_int_equal(shake(), 0);
	shutdown(pair.fd[1], SHUT_RDWR);
	while (tls_send(pair.client, "question", 8) > 0)
		;
	assert_int_equal(errno, EPIPE);
	tls_say_end(pair.client);
	close_pair();
	open_pair("127.0.0.1", "one");
	assert_int_equal(shake(), 0);
	shutdown(pair.fd[1], SHUT_RDWR);
	assert_int_equal(tls_recv(pair.client, got, sizeof(got)), -1);
	assert_int_equal(errno, ECONNRESET);
	close_pair();
	open_pair("127.0.0.1", "one");
	shutdown(pair.fd[1], SHUT_WR);
	assert_int_equal(tls_handshake(pair.client), -1);
	assert_int_equal(errno, ECONNRESET);
	close_pair();
}

static void a_peer_without_tls_is_told_apart(void **unused)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	char why[300];

	(void)unused;
	open_pair("127.0.0.1", "one");
	assert_int_equal(write(pair.fd[1], answer, sizeof(answer) - 1), sizeof(answer) - 1);
	assert_int_equal(tls_handshake(pair.client), -1);
	assert_int_equal(errno, EPROTO);
	tls_why(pair.client, EPROTO, why, sizeof(why));
	assert_string_equal(why, "it does not speak TLS at this port; its address may begin with http://");
	close_pair();
}

static int set_up(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	certificate_make(scratch_dir, "one", "IP:127.0.0.1,IP:::1,DNS:jobs.example,DNS:*.wild.example");
	certificate_make(scratch_dir, "two", "IP:127.0.0.1");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_known_by_name_or_address),
		cmocka_unit_test(another_is_refused_with_the_reason),
		cmocka_unit_test(authorities_that_cannot_be_read_are_named),
		cmocka_unit_test(bytes_go_both_ways_until_one_says_the_end),
		cmocka_unit_test(what_does_not_fit_waits_for_room),
		cmocka_unit_test(a_peer_that_goes_without_a_word_is_an_error),
		cmocka_unit_test(a_peer_without_tls_is_told_apart),
	};

	if (!certificate_possible()) {
		printf("1..0 # SKIP there is no openssl to make certificates with\n");
		return 0;
	}
	return cmocka_run_group_tests_name("os/tls", tests, set_up, scratch_teardown);
}
