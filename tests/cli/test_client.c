/* cli/client: one question, one answer; and every way in which there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "../os/certificate.h"
#include "../os/scratch.h"
#include "cli/client.h"
#include "fake_server.h"
#include "fake_tls.h"

static struct client client;

static void ask_setup(struct fake_server *f, void (*serve)(int fd, unsigned number))
{
	fake_start(f, serve);
	assert_int_equal(client_init(&client, f->url, "secret"), 0);
}

static void ask_end(struct fake_server *f)
{
	client_close(&client);
	fake_stop(f);
}

static int get(const char *target, int64_t timeout_ms, char *out, size_t size)
{
	struct client_call call = { .method = "GET", .target = target, .timeout_ms = timeout_ms };
	int code = client_ask(&client, &call);

	snprintf(out, size, "%s", buf_cstr(&call.answer));
	buf_free(&call.answer);
	return code;
}

/* Answers each request with its own number on this connection, the connection's, and what was asked. */
static void echo(int fd, unsigned number)
{
	char head[1024], body[1024], text[2200];

	for (unsigned i = 0; fake_read_request(fd, head, sizeof(head), body, sizeof(body)); i++) {
		if (!strstr(head, "\r\nHost: 127.0.0.1:") || !strstr(head, "\r\nAuthorization: Bearer secret\r\n"))
			_exit(2);
		*strchr(head, '\r') = '\0';
		snprintf(text, sizeof(text), "%u/%u %s [%s]", number, i, head, body);
		fake_json(fd, "200 OK", text);
	}
}

static void a_connection_is_kept_for_gets(void **unused)
{
	struct fake_server f;
	char out[256];

	(void)unused;
	ask_setup(&f, echo);
	assert_int_equal(get("/a", 0, out, sizeof(out)), 0);
	assert_string_equal(out, "0/0 GET /a HTTP/1.1 []");
	assert_int_equal(get("/b", 0, out, sizeof(out)), 0);
	assert_string_equal(out, "0/1 GET /b HTTP/1.1 []");
	ask_end(&f);
}

static void a_post_has_a_connection_of_its_own(void **unused)
{
	struct client_call call = { .method = "POST", .target = "/jobs", .body = SLICE("{}") };
	struct fake_server f;
	char out[256];

	(void)unused;
	ask_setup(&f, echo);
	assert_int_equal(get("/a", 0, out, sizeof(out)), 0);
	assert_int_equal(client_ask(&client, &call), 0);
	assert_string_equal(buf_cstr(&call.answer), "1/0 POST /jobs HTTP/1.1 [{}]");
	client.keep = true;
	assert_int_equal(client_ask(&client, &call), 0);
	assert_string_equal(buf_cstr(&call.answer), "1/1 POST /jobs HTTP/1.1 [{}]");
	buf_free(&call.answer);
	ask_end(&f);
}

/* Answers when it has been waited for: the one who waits writes to this pipe. */
static int nudge[2];

static void answer_when_nudged(int fd, unsigned number)
{
	char head[1024], body[1024], c;

	(void)number;
	if (fake_read_request(fd, head, sizeof(head), body, sizeof(body)) && read(nudge[0], &c, 1) == 1)
		fake_json(fd, "200 OK", "late");
}

static void nudge_it(void *arg)
{
	++*(unsigned *)arg;
	assert_int_equal(write(nudge[1], "x", 1), 1);
}

static void who_waits_is_called_meanwhile(void **unused)
{
	unsigned calls = 0;
	struct client_call call = { .method = "POST", .target = "/", .waiting = nudge_it, .waiting_arg = &calls };
	struct fake_server f;

	(void)unused;
	assert_int_equal(pipe(nudge), 0);
	ask_setup(&f, answer_when_nudged);
	assert_int_equal(client_ask(&client, &call), 0);
	assert_string_equal(buf_cstr(&call.answer), "late");
	assert_true(calls >= 1);
	buf_free(&call.answer);
	ask_end(&f);
	close(nudge[0]);
	close(nudge[1]);
}

static void stream_in_pieces(int fd, unsigned number)
{
	char head[1024], body[1024];

	if (!fake_read_request(fd, head, sizeof(head), body, sizeof(body)) || !strstr(head, "\r\nContent-Type: image/png\r\nContent-Length: 3\r\n"))
		_exit(2);
	if (number == 0)
		fake_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
	else
		fake_json(fd, "422 Unprocessable", "{\"detail\":\"no such thing\"}");
}

static void take_piece(void *arg, struct slice bytes)
{
	buf_slice(arg, bytes);
}

static void a_body_is_taken_as_it_comes_and_a_refusal_is_not(void **unused)
{
	struct buf taken = { 0 };
	struct client_call call = { .method = "POST", .target = "/", .body = SLICE("\0\1\2"), .content_type = "image/png", .timeout_ms = CLIENT_STREAM, .take = take_piece, .arg = &taken };
	struct fake_server f;

	(void)unused;
	ask_setup(&f, stream_in_pieces);
	assert_int_equal(client_ask(&client, &call), 0);
	assert_string_equal(buf_cstr(&taken), "one two");
	assert_int_equal(call.answer.len, 0);
	assert_int_equal(client_ask(&client, &call), EX_DATAERR);
	assert_string_equal(client.why, "422: no such thing");
	assert_string_equal(buf_cstr(&taken), "one two");
	buf_free(&call.answer);
	buf_free(&taken);
	ask_end(&f);
}

static void close_without_a_word(int fd, unsigned number)
{
	char head[1024], body[1024];

	if (!fake_read_request(fd, head, sizeof(head), body, sizeof(body)))
		return;
	fake_json(fd, "200 OK", number == 0 ? "first" : "second");
}

static void a_get_is_asked_again_where_the_kept_connection_was_closed(void **unused)
{
	struct fake_server f;
	char out[256];

	(void)unused;
	ask_setup(&f, close_without_a_word);
	assert_int_equal(get("/", 0, out, sizeof(out)), 0);
	assert_string_equal(out, "first");
	assert_int_equal(get("/", 0, out, sizeof(out)), 0);
	assert_string_equal(out, "second");
	ask_end(&f);
}

static void a_post_is_not(void **unused)
{
	struct client_call call = { .method = "POST", .target = "/jobs", .body = SLICE("{}") };
	struct fake_server f;

	(void)unused;
	ask_setup(&f, close_without_a_word);
	client.keep = true;
	assert_int_equal(client_ask(&client, &call), 0);
	assert_int_equal(client_ask(&client, &call), EX_UNAVAILABLE);
	assert_non_null(strstr(client.why, "closed the connection before answering POST /jobs"));
	buf_free(&call.answer);
	ask_end(&f);
}

/* --- https --- */

static struct tls_context *identity;

static void echo_secure(int fd, unsigned number)
{
	fake_tls_serve(identity, fd, number, echo);
}

/* The server's certificate is for 127.0.0.1 alone. */
static void https_setup(struct fake_server *f, void (*serve)(int fd, unsigned number), const char *host, const char *trusted)
{
	static char url[64];

	certificate_make(scratch_dir, "one", "IP:127.0.0.1");
	certificate_make(scratch_dir, "two", "IP:127.0.0.1");
	certificate_trust(scratch_dir, trusted);
	identity = certificate_context(scratch_dir, "one");
	fake_start(f, serve);
	snprintf(url, sizeof(url), "https://%s:%u", host, f->port);
	assert_int_equal(client_init(&client, url, "secret"), 0);
}

static void https_end(struct fake_server *f)
{
	ask_end(f);
	tls_context_free(identity);
}

static void https_is_asked_as_http_is(void **unused)
{
	struct client_call call = { .method = "POST", .target = "/jobs", .body = SLICE("{}") };
	struct fake_server f;
	char out[256];

	(void)unused;
	if (!certificate_possible())
		return;
	https_setup(&f, echo_secure, "127.0.0.1", "one");
	assert_int_equal(get("/a", 0, out, sizeof(out)), 0);
	assert_string_equal(out, "0/0 GET /a HTTP/1.1 []");
	assert_int_equal(get("/b", 0, out, sizeof(out)), 0);
	assert_string_equal(out, "0/1 GET /b HTTP/1.1 []");
	assert_int_equal(client_ask(&client, &call), 0);
	assert_string_equal(buf_cstr(&call.answer), "1/0 POST /jobs HTTP/1.1 [{}]");
	buf_free(&call.answer);
	https_end(&f);
}

static void who_is_not_trusted_is_asked_nothing(void **unused)
{
	static const struct { const char *host, *trusted, *says; } cases[] = {
		{ "127.0.0.1", "two", "its certificate is not to be trusted (self-signed certificate); name its authority with SSL_CERT_FILE" },
		{ "localhost", "one", "ask for the server by a name or address that its certificate has" },
	};
	struct fake_server f;
	char out[8];

	(void)unused;
	for (size_t i = 0; certificate_possible() && i < sizeof(cases) / sizeof(cases[0]); i++) {
		https_setup(&f, echo_secure, cases[i].host, cases[i].trusted);
		assert_int_equal(get("/", 0, out, sizeof(out)), EX_UNAVAILABLE);
		assert_non_null(strstr(client.why, "cannot speak TLS with https://"));
		assert_non_null(strstr(client.why, cases[i].says));
		https_end(&f);
	}
}

static void answer_plainly(int fd, unsigned number)
{
	(void)number;
	fake_say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
	while (recv(fd, (char[100]){ 0 }, 100, 0) > 0)
		;
}

static void alert(int fd, unsigned number)
{
	char head[1024], body[16];

	(void)number;
	fake_read_request(fd, head, sizeof(head), body, sizeof(body));
	fake_say(fd, "\x15\x03\x01\x02\x02\x16");
}

static void the_wrong_scheme_is_said(void **unused)
{
	struct fake_server f;
	char out[8];

	(void)unused;
	if (certificate_possible()) {
		https_setup(&f, answer_plainly, "127.0.0.1", "one");
		assert_int_equal(get("/", 0, out, sizeof(out)), EX_UNAVAILABLE);
		assert_non_null(strstr(client.why, "it does not speak TLS at this port; its address may begin with http://"));
		https_end(&f);
	}
	ask_setup(&f, alert);
	assert_int_equal(get("/", 0, out, sizeof(out)), EX_UNAVAILABLE);
	assert_non_null(strstr(client.why, "does not answer GET /; this port speaks TLS: its address begins with https://"));
	ask_end(&f);
}

static void nobody_there_is_said(void **unused)
{
	char url[64], out[8];

	(void)unused;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", fake_closed_port());
	assert_int_equal(client_init(&client, url, NULL), 0);
	assert_int_equal(get("/", 0, out, sizeof(out)), EX_UNAVAILABLE);
	assert_non_null(strstr(client.why, "cannot connect to http://127.0.0.1:"));
	assert_non_null(strstr(client.why, "Connection refused. Is stintd running there? Name another address with --url or $STINT_URL"));
	client_close(&client);
}

static void answer_nothing(int fd, unsigned number)
{
	char head[1024];

	(void)number;
	fake_read_until(fd, "never", head, sizeof(head));
	for (;;)
		pause();
}

static void a_silent_server_is_not_waited_for_for_ever(void **unused)
{
	struct fake_server f;
	char out[8];

	(void)unused;
	ask_setup(&f, answer_nothing);
	assert_int_equal(get("/", 50, out, sizeof(out)), EX_TEMPFAIL);
	assert_non_null(strstr(client.why, "did not answer GET / within"));
	ask_end(&f);
}

static void answer_in_part(int fd, unsigned number)
{
	char head[1024], body[16];

	(void)number;
	fake_read_request(fd, head, sizeof(head), body, sizeof(body));
	fake_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
}

static void half_an_answer_is_none(void **unused)
{
	struct fake_server f;
	char out[64];

	(void)unused;
	ask_setup(&f, answer_in_part);
	assert_int_equal(get("/", 0, out, sizeof(out)), EX_UNAVAILABLE);
	assert_non_null(strstr(client.why, "closed the connection while answering GET /"));
	ask_end(&f);
}

static void answer_nonsense(int fd, unsigned number)
{
	char head[1024], body[16];

	fake_read_request(fd, head, sizeof(head), body, sizeof(body));
	fake_say(fd, number == 0 ? "-ERR unknown command\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc");
}

static void nonsense_is_said(void **unused)
{
	struct fake_server f;
	char out[64];

	(void)unused;
	ask_setup(&f, answer_nonsense);
	assert_int_equal(get("/", 0, out, sizeof(out)), EX_PROTOCOL);
	assert_non_null(strstr(client.why, "no HTTP answer: it does not begin as HTTP/1.1 does. Is it a Stint server?"));
	assert_int_equal(get("/", 0, out, sizeof(out)), EX_PROTOCOL);
	assert_non_null(strstr(client.why, "bytes after its end"));
	ask_end(&f);
}

static const struct { const char *status, *body, *says; int code; } refusals[] = {
	{ "400 Bad Request", "{\"detail\":\"priority is \\\"x\\\"\"}", "400: priority is \"x\"", EX_DATAERR },
	{ "401 Unauthorized", "{\"title\":\"No token\"}", "401: No token; the token came from --token", EX_NOPERM },
	{ "403 Forbidden", "{\"detail\":\"not yours\"}", "403: not yours", EX_NOPERM },
	{ "404 Not Found", "{\"detail\":\"no job\"}", "404: no job", EX_NOINPUT },
	{ "409 Conflict", "{}", "409: the answer to GET /x says no more", EX_DATAERR },
	{ "429 Too Many Requests", "not json", "429: the answer to GET /x says no more; try again later", EX_TEMPFAIL },
	{ "500 Oops", "{\"detail\":7,\"title\":\"Broken\"}", "500: Broken", EX_UNAVAILABLE },
	{ "503 Service Unavailable", "{\"detail\":\"draining\"}", "503: draining; try again later", EX_TEMPFAIL },
	{ "302 Found", "", "302: ", EX_PROTOCOL },
};

static void refuse(int fd, unsigned number)
{
	char head[1024], body[16];

	(void)number;
	while (fake_read_request(fd, head, sizeof(head), body, sizeof(body))) {
		static unsigned i;

		fake_json(fd, refusals[i].status, refusals[i].body);
		i++;
	}
}

static void refusals_have_their_codes(void **unused)
{
	struct fake_server f;
	char out[256];

	(void)unused;
	ask_setup(&f, refuse);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_int_equal(get("/x", 0, out, sizeof(out)), refusals[i].code);
		if (strncmp(client.why, refusals[i].says, strlen(refusals[i].says)) != 0)
			fail_msg("%s: said \"%s\", wanted \"%s\"", refusals[i].status, client.why, refusals[i].says);
	}
	ask_end(&f);
	ask_setup(&f, refuse);
	client.token = NULL;
	assert_int_equal(get("/x", 0, out, sizeof(out)), EX_DATAERR);
	assert_int_equal(get("/x", 0, out, sizeof(out)), EX_NOPERM);
	assert_string_equal(client.why, "401: No token; give a token with --token or $STINT_TOKEN");
	ask_end(&f);
}

static void the_environment_says_where(void **unused)
{
	(void)unused;
	setenv("STINT_URL", "http://env:1", 1);
	setenv("STINT_TOKEN", "from-env", 1);
	assert_int_equal(client_init(&client, NULL, NULL), 0);
	assert_string_equal(client.url.authority, "env:1");
	assert_string_equal(client.token, "from-env");
	assert_int_equal(client_init(&client, "http://line:2", "from-line"), 0);
	assert_string_equal(client.url.authority, "line:2");
	assert_string_equal(client.token, "from-line");
	setenv("STINT_URL", "env:1", 1);
	assert_int_equal(client_init(&client, NULL, NULL), EX_USAGE);
	assert_int_equal(strncmp(client.why, "$STINT_URL: ", 12), 0);
	setenv("STINT_URL", "", 1);
	setenv("STINT_TOKEN", "", 1);
	assert_int_equal(client_init(&client, NULL, NULL), 0);
	assert_string_equal(client.url.authority, "127.0.0.1:8080");
	assert_null(client.token);
	unsetenv("STINT_URL");
	unsetenv("STINT_TOKEN");
	assert_int_equal(client_init(&client, NULL, "a b"), EX_USAGE);
	assert_int_equal(client_init(&client, NULL, "a\r\nX: y"), EX_USAGE);
	client_close(&client);
}

static void members_are_read(void **unused)
{
	static const char json[] = "{\"a\":\"x\\u00e4\\n\",\"n\":-1.5e2,\"o\":{\"a\":1},\"b\":true}";
	struct slice s = { json, sizeof(json) - 1 };
	struct buf out = { 0 };
	double v = 0;

	(void)unused;
	assert_true(client_string(s, "a", &out));
	assert_string_equal(buf_cstr(&out), "x\xc3\xa4\n");
	assert_false(client_string(s, "n", &out));
	assert_false(client_string(s, "c", &out));
	assert_false(client_string((struct slice){ json, 10 }, "a", &out));
	assert_true(client_number(s, "n", &v));
	assert_true(v == -150);
	assert_false(client_number(s, "a", &v));
	assert_false(client_number(s, "b", &v));
	assert_false(client_number(s, "o", &v));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_kept_for_gets),
		cmocka_unit_test(a_post_has_a_connection_of_its_own),
		cmocka_unit_test(a_get_is_asked_again_where_the_kept_connection_was_closed),
		cmocka_unit_test(a_post_is_not),
		cmocka_unit_test(who_waits_is_called_meanwhile),
		cmocka_unit_test(a_body_is_taken_as_it_comes_and_a_refusal_is_not),
		cmocka_unit_test(https_is_asked_as_http_is),
		cmocka_unit_test(who_is_not_trusted_is_asked_nothing),
		cmocka_unit_test(the_wrong_scheme_is_said),
		cmocka_unit_test(nobody_there_is_said),
		cmocka_unit_test(a_silent_server_is_not_waited_for_for_ever),
		cmocka_unit_test(half_an_answer_is_none),
		cmocka_unit_test(nonsense_is_said),
		cmocka_unit_test(refusals_have_their_codes),
		cmocka_unit_test(the_environment_says_where),
		cmocka_unit_test(members_are_read),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
