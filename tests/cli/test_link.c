/* cli/link: a line to the server inside a loop, and every way in which it can break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../os/certificate.h"
#include "../os/scratch.h"
#include "cli/link.h"
#include "fake_server.h"
#include "fake_tls.h"

#define LONG_MS 60000

static struct loop *loop;
static struct client client;
static struct link line;
static struct fake_server server;

static struct { unsigned n; int status; char body[4000], why[300]; } got;

static bool at_leisure(void *arg)
{
	(void)arg;
	return true;
}

static void done(struct link *l, int status, struct slice body, const char *why)
{
	assert_ptr_equal(l, &line);
	assert_int_equal(l->stage, LINK_IDLE);
	got.n++;
	got.status = status;
	snprintf(got.body, sizeof(got.body), "%.*s", (int)body.n, body.n ? body.p : "");
	snprintf(got.why, sizeof(got.why), "%s", why ? why : "");
}

static void open_line(const char *url)
{
	memset(&got, 0, sizeof(got));
	assert_int_equal(client_init(&client, url, "secret"), 0);
	link_init(&line, loop, &client);
	line.at_leisure = at_leisure;
	line.done = done;
}

static void begin(void (*serve)(int fd, unsigned number))
{
	fake_start(&server, serve);
	open_line(server.url);
}

static void end(void)
{
	link_close(&line);
	client_close(&client);
	fake_stop(&server);
}

static void until_done(unsigned n)
{
	while (got.n < n)
		loop_turn(loop, -1);
	assert_int_equal(got.n, n);
}

/* Answers with the number of the connection and of the request on it, and with what was asked. */
static void echo(int fd, unsigned number)
{
	char head[1024], body[1024], text[2200];

	for (unsigned i = 0; fake_read_request(fd, head, sizeof(head), body, sizeof(body)); i++) {
		if (!strstr(head, "\r\nHost: 127.0.0.1:") || !strstr(head, "\r\nAuthorization: Bearer secret\r\n") || !strstr(head, "\r\nContent-Type: application/json\r\n"))
			_exit(2);
		*strchr(head, '\r') = '\0';
		snprintf(text, sizeof(text), "%u/%u %s [%s]", number, i, head, body);
		fake_json(fd, "200 OK", text);
	}
}

static void one_connection_carries_one_request_after_the_other(void **unused)
{
	(void)unused;
	begin(echo);
	link_post(&line, "/claims", SLICE("{\"max\":1}"), LONG_MS);
	assert_int_not_equal(line.stage, LINK_IDLE);
	until_done(1);
	assert_int_equal(got.status, 200);
	assert_string_equal(got.body, "0/0 POST /claims HTTP/1.1 [{\"max\":1}]");
	link_post(&line, "/b", SLICE("[]"), LONG_MS);
	until_done(2);
	assert_string_equal(got.body, "0/1 POST /b HTTP/1.1 [[]]");
	end();
}

static void one_request_then_close(int fd, unsigned number)
{
	char head[1024], body[1024];

	if (fake_read_request(fd, head, sizeof(head), body, sizeof(body)))
		fake_json(fd, "200 OK", number == 0 ? "first" : number == 1 ? "second" : "third");
}

static void a_kept_connection_that_was_closed_is_made_anew(void **unused)
{
	(void)unused;
	begin(one_request_then_close);
	for (unsigned i = 1; i <= 3; i++) {
		link_post(&line, "/", SLICE("{}"), LONG_MS);
		until_done(i);
		assert_int_equal(got.status, 200);
		assert_string_equal(got.body, i == 1 ? "first" : i == 2 ? "second" : "third");
	}
	end();
}

static void say_close(int fd, unsigned number)
{
	char head[1024], body[1024];

	while (fake_read_request(fd, head, sizeof(head), body, sizeof(body)))
		fake_say(fd, number == 0 ? "HTTP/1.1 503 Not Now\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy" : "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
}

static void what_the_server_does_not_keep_is_not_kept(void **unused)
{
	(void)unused;
	begin(say_close);
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(1);
	assert_int_equal(got.status, 503);
	assert_string_equal(got.body, "busy");
	assert_int_equal(line.io.fd, -1);
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(2);
	assert_string_equal(got.body, "next");
	end();
}

static void break_off(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	fake_read_request(fd, head, sizeof(head), body, sizeof(body));
	fake_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
}

static void an_answer_that_breaks_off_is_none(void **unused)
{
	(void)unused;
	begin(break_off);
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(1);
	assert_int_equal(got.status, 0);
	assert_string_equal(got.why, "the connection was closed");
	assert_int_equal(line.io.fd, -1);
	end();
}

static void talk_nonsense(int fd, unsigned number)
{
	char head[1024], body[1024];

	fake_read_request(fd, head, sizeof(head), body, sizeof(body));
	fake_say(fd, number == 0 ? "220 mail.example.org ESMTP\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}");
}

static void what_is_no_answer_says_so(void **unused)
{
	(void)unused;
	begin(talk_nonsense);
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(1);
	assert_int_equal(got.status, 0);
	assert_string_equal(got.why, "it does not begin as HTTP/1.1 does");
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(2);
	assert_int_equal(got.status, 0);
	assert_string_equal(got.why, "there are bytes after the answer's end");
	end();
}

static void say_nothing(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	fake_read_request(fd, head, sizeof(head), body, sizeof(body));
	pause();
}

static void nobody_is_waited_for_without_end(void **unused)
{
	(void)unused;
	begin(say_nothing);
	link_post(&line, "/", SLICE("{}"), 50);
	until_done(1);
	assert_int_equal(got.status, 0);
	assert_string_equal(got.why, "no answer in time");
	assert_int_equal(line.io.fd, -1);
	end();
}

static void a_line_that_is_closed_calls_nobody(void **unused)
{
	(void)unused;
	begin(say_nothing);
	link_post(&line, "/", SLICE("{}"), 1);
	link_close(&line);
	loop_turn(loop, 20 * 1000000LL);
	assert_int_equal(got.n, 0);
	end();
}

/* Answers when it hears that nothing more will be asked. */
static void answer_at_the_end(int fd, unsigned number)
{
	char head[1024], body[1024], c;

	(void)number;
	fake_read_request(fd, head, sizeof(head), body, sizeof(body));
	while (recv(fd, &c, 1, 0) > 0)
		;
	fake_json(fd, "200 OK", "{\"jobs\":[]}");
}

static void one_that_is_hushed_still_hears_the_answer(void **unused)
{
	(void)unused;
	begin(answer_at_the_end);
	link_post(&line, "/claims", SLICE("{}"), LONG_MS);
	while (line.sent < line.out.len || line.stage != LINK_BUSY)
		loop_turn(loop, -1);
	link_hush(&line);
	until_done(1);
	assert_int_equal(got.status, 200);
	assert_string_equal(got.body, "{\"jobs\":[]}");
	end();
}

static void where_nobody_listens_the_reason_is_said(void **unused)
{
	char url[64];

	(void)unused;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", fake_closed_port());
	open_line(url);
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(1);
	assert_int_equal(got.status, 0);
	assert_string_equal(got.why, "Connection refused");
	link_close(&line);
	client_close(&client);
}

/* Larger than what the kernel takes at once, both ways. */
static void give_back(int fd, unsigned number)
{
	static char head[1024], body[9000000], text[100];

	(void)number;
	if (!fake_read_request(fd, head, sizeof(head), body, sizeof(body)))
		return;
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
	fake_say(fd, text);
	for (size_t at = 0, n = strlen(body); at < n;) {
		ssize_t sent = send(fd, body + at, n - at, MSG_NOSIGNAL);
		if (sent < 0)
			_exit(3);
		at += (size_t)sent;
	}
}

static void a_long_body_goes_in_pieces(void **unused)
{
	size_t n = 8000000;
	char *json = malloc(n);

	(void)unused;
	assert_non_null(json);
	memset(json, '1', n);
	begin(give_back);
	link_post(&line, "/", (struct slice){ json, n }, LONG_MS);
	until_done(1);
	assert_int_equal(got.status, 200);
	assert_int_equal(line.response.body_bytes, n);
	end();
	free(json);
}

/* --- https --- */

static void alert_at_first(int fd, unsigned number)
{
	char head[1024], body[1024];

	fake_read_request(fd, head, sizeof(head), body, sizeof(body));
	if (number == 0)
		fake_say(fd, "\x15\x03\x01\x02\x02\x16");
}

static void a_port_of_tls_is_guessed(void **unused)
{
	(void)unused;
	begin(alert_at_first);
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(1);
	assert_string_equal(got.why, "this port speaks TLS: its address begins with https://");
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(2);
	assert_string_equal(got.why, "the connection was closed; where this port speaks TLS, its address begins with https://");
	end();
}

static struct tls_context *identity;
static void (*behind)(int fd, unsigned number);

static void serve_secure(int fd, unsigned number)
{
	fake_tls_serve(identity, fd, number, behind);
}

/* The certificate is for 127.0.0.1 alone. */
static void begin_secure(void (*serve)(int fd, unsigned number), const char *host, const char *trusted)
{
	char url[64];

	certificate_make(scratch_dir, "one", "IP:127.0.0.1");
	certificate_make(scratch_dir, "two", "IP:127.0.0.1");
	certificate_trust(scratch_dir, trusted);
	identity = certificate_context(scratch_dir, "one");
	behind = serve;
	fake_start(&server, serve_secure);
	snprintf(url, sizeof(url), "https://%s:%u", host, server.port);
	open_line(url);
	client.text = "the server";     /* not the array above */
}

static void end_secure(void)
{
	end();
	tls_context_free(identity);
}

static void https_is_kept_as_http_is(void **unused)
{
	(void)unused;
	if (!certificate_possible())
		return;
	begin_secure(echo, "127.0.0.1", "one");
	link_post(&line, "/claims", SLICE("{\"max\":1}"), LONG_MS);
	assert_int_equal(line.stage, LINK_CONNECTING);
	until_done(1);
	assert_string_equal(got.body, "0/0 POST /claims HTTP/1.1 [{\"max\":1}]");
	link_post(&line, "/b", SLICE("[]"), LONG_MS);
	until_done(2);
	assert_string_equal(got.body, "0/1 POST /b HTTP/1.1 [[]]");
	end_secure();
}

static void https_that_was_closed_is_made_anew(void **unused)
{
	(void)unused;
	if (!certificate_possible())
		return;
	begin_secure(one_request_then_close, "127.0.0.1", "one");
	for (unsigned i = 1; i <= 3; i++) {
		link_post(&line, "/", SLICE("{}"), LONG_MS);
		until_done(i);
		assert_string_equal(got.body, i == 1 ? "first" : i == 2 ? "second" : "third");
	}
	end_secure();
}

static void one_that_is_hushed_still_hears_the_answer_by_https(void **unused)
{
	(void)unused;
	if (!certificate_possible())
		return;
	begin_secure(answer_at_the_end, "127.0.0.1", "one");
	link_post(&line, "/claims", SLICE("{}"), LONG_MS);
	while (line.sent < line.out.len || line.stage != LINK_BUSY)
		loop_turn(loop, -1);
	link_hush(&line);
	until_done(1);
	assert_string_equal(got.body, "{\"jobs\":[]}");
	end_secure();
}

static void a_long_body_goes_in_pieces_by_https(void **unused)
{
	size_t n = 8000000;
	char *json = malloc(n);

	(void)unused;
	assert_non_null(json);
	memset(json, '1', n);
	if (certificate_possible()) {
		begin_secure(give_back, "127.0.0.1", "one");
		link_post(&line, "/", (struct slice){ json, n }, LONG_MS);
		until_done(1);
		assert_int_equal(got.status, 200);
		assert_int_equal(line.response.body_bytes, n);
		end_secure();
	}
	free(json);
}

static void strangers_are_told_nothing(void **unused)
{
	(void)unused;
	if (!certificate_possible())
		return;
	begin_secure(echo, "127.0.0.1", "two");
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(1);
	assert_int_equal(got.status, 0);
	assert_non_null(strstr(got.why, "its certificate is not to be trusted (self-signed certificate); name its authority with SSL_CERT_FILE"));
	assert_int_equal(line.sent, 0);
	end_secure();
	begin_secure(echo, "localhost", "one");
	link_post(&line, "/", SLICE("{}"), LONG_MS);
	until_done(1);
	assert_int_equal(got.status, 0);
	assert_non_null(strstr(got.why, "ostname mismatch"));
	end_secure();
}

/* Listens and says nothing: the handshake is waited for in the loop alone, by the request's timer. */
static void a_handshake_that_does_not_come_has_the_requests_limit(void **unused)
{
	char url[64];

	(void)unused;
	if (!certificate_possible())
		return;
	fake_start(&server, say_nothing);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u", server.port);
	certificate_make(scratch_dir, "one", "IP:127.0.0.1");
	certificate_trust(scratch_dir, "one");
	open_line(url);
	link_post(&line, "/", SLICE("{}"), 50);
	until_done(1);
	assert_string_equal(got.why, "no answer in time");
	assert_int_equal(line.io.fd, -1);
	end();
}

static int set_up(void **unused)
{
	loop = loop_new();
	return loop ? scratch_setup(unused) : -1;
}

static int tear_down(void **unused)
{
	loop_free(loop);
	return scratch_teardown(unused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_connection_carries_one_request_after_the_other),
		cmocka_unit_test(a_kept_connection_that_was_closed_is_made_anew),
		cmocka_unit_test(what_the_server_does_not_keep_is_not_kept),
		cmocka_unit_test(an_answer_that_breaks_off_is_none),
		cmocka_unit_test(what_is_no_answer_says_so),
		cmocka_unit_test(nobody_is_waited_for_without_end),
		cmocka_unit_test(a_line_that_is_closed_calls_nobody),
		cmocka_unit_test(one_that_is_hushed_still_hears_the_answer),
		cmocka_unit_test(where_nobody_listens_the_reason_is_said),
		cmocka_unit_test(a_long_body_goes_in_pieces),
		cmocka_unit_test(a_port_of_tls_is_guessed),
		cmocka_unit_test(https_is_kept_as_http_is),
		cmocka_unit_test(https_that_was_closed_is_made_anew),
		cmocka_unit_test(one_that_is_hushed_still_hears_the_answer_by_https),
		cmocka_unit_test(a_long_body_goes_in_pieces_by_https),
		cmocka_unit_test(strangers_are_told_nothing),
		cmocka_unit_test(a_handshake_that_does_not_come_has_the_requests_limit),
	};

	return cmocka_run_group_tests_name("cli/link", tests, set_up, tear_down);
}
