/* The blocking client: one connection, one request at a time. Used by submit, show and the parts of bench that are not the load. */
#include "cli/client.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "os/clock.h"
#include "text/json.h"

#define DEFAULT_URL "http://127.0.0.1:8080"
#define CONNECT_MS 5000
#define ANSWER_MAX (256u << 20)
#define WAITING_NS (200 * 1000000LL)

static int fail(struct client *c, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct client *c, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return code;
}

static void hang_up(struct client *c)
{
	if (c->fd >= 0)
		net_hang_up(c->fd, c->tls);
	c->tls = NULL;
	c->fd = -1;
	c->used = false;
}

static bool token_ok(const char *t)
{
	for (; *t; t++)
		if ((unsigned char)*t <= ' ' || (unsigned char)*t >= 0x7f)
			return false;
	return true;
}

int client_init(struct client *c, const char *url, const char *token)
{
	const char *from = url ? "--url" : "$STINT_URL";
	char why[400];

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->text = url ? url : getenv("STINT_URL");
	c->token = token ? token : getenv("STINT_TOKEN");
	c->token_from = token ? "--token" : "$STINT_TOKEN";
	if (!c->text || !*c->text)
		c->text = DEFAULT_URL;
	if (c->token && !*c->token)
		c->token = NULL;
	if (!net_url_parse(c->text, &c->url, why, sizeof(why)))
		return fail(c, EX_USAGE, "%s: %s", from, why);
	if (c->token && !token_ok(c->token))
		return fail(c, EX_USAGE, "%s: the token has a blank or control character in it", c->token_from);
	if (c->url.is_tls && !(c->secure = tls_context_new_client(why, sizeof(why))))
		return fail(c, EX_UNAVAILABLE, "cannot speak TLS with %s: %s", c->text, why);
	return 0;
}

void client_close(struct client *c)
{
	hang_up(c);
	tls_context_free(c->secure);
	c->secure = NULL;
	response_free(&c->response);
	buf_free(&c->request);
}

/* Nothing is sent before the server has shown who it is. */
static int shake_hands(struct client *c)
{
	char why[256];

	c->tls = net_greet(c->fd, c->secure, c->url.host, CONNECT_MS, why, sizeof(why));
	if (c->tls)
		return 0;
	hang_up(c);
	return fail(c, EX_UNAVAILABLE, "cannot speak TLS with %s: %s", c->text, why);
}

static int dial(struct client *c)
{
	char why[256] = "";

	if (c->fd >= 0)
		return 0;
	c->fd = net_open(&c->url, CONNECT_MS, &c->at, why, sizeof(why));
	if (c->fd < 0)
		return fail(c, EX_UNAVAILABLE, "cannot connect to %s: %s. Is stintd running there? Name another address with --url or $STINT_URL", c->text, why);
	c->used = false;
	return c->secure ? shake_hands(c) : 0;
}

static void compose(struct client *c, const struct client_call *call)
{
	struct buf *b = &c->request;

	buf_clear(b);
	buf_printf(b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: stint\r\nAccept: application/json\r\n", call->method, call->target, c->url.authority);
	if (c->token)
		buf_printf(b, "Authorization: Bearer %s\r\n", c->token);
	buf_slice(b, call->header);
	if (call->body.n > 0 || call->content_type)
		buf_printf(b, "Content-Type: %s\r\nContent-Length: %zu\r\n", call->content_type ? call->content_type : "application/json", call->body.n);
	else if (strcmp(call->method, "POST") == 0)
		buf_str(b, "Content-Length: 0\r\n");
	buf_str(b, "\r\n");
	buf_slice(b, call->body);
}

/* What came of an exchange that brought no answer. */
enum lost { LOST_NOTHING, LOST_BEFORE, LOST_FAILED };

static enum lost late(struct client *c, const struct client_call *call, int *code)
{
	*code = fail(c, EX_TEMPFAIL, "%s did not answer %s %s within %" PRId64 " s; what was asked may still happen", c->text, call->method, call->target,
		(call->timeout_ms ? call->timeout_ms : CLIENT_TIMEOUT_MS) / 1000);
	return LOST_FAILED;
}

static enum lost gone(struct client *c, const struct client_call *call, bool any, int error, int *code)
{
	char how[300] = "end of file";

	if (error)
		net_why(c->tls, error, how, sizeof(how));
	*code = fail(c, EX_UNAVAILABLE, "%s closed the connection %s answering %s %s (%s); it may have been restarted: ask again%s", c->text, any ? "while" : "before", call->method,
		call->target, how, any || c->used ? "" : net_tls_hint(&c->url, NULL, 0));
	return any ? LOST_FAILED : LOST_BEFORE;
}

static enum lost send_all(struct client *c, const struct client_call *call, int64_t deadline, int *code)
{
	size_t at = 0;

	while (at < c->request.len) {
		ssize_t n = net_send(c->fd, c->tls, c->request.data + at, c->request.len - at);

		if (n >= 0) {
			at += (size_t)n;
		} else if (errno == EAGAIN) {
			if (net_wait(c->fd, net_events(c->tls, POLLOUT), deadline) == 0)
				return late(c, call, code);
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return LOST_NOTHING;    /* it may have answered before it closed: 413 to a long body */
		} else if (errno != EINTR) {
			return gone(c, call, false, errno, code);
		}
	}
	return LOST_NOTHING;
}

/* What has come of a body that is taken as it comes. */
static void hand_on(struct client *c, struct client_call *call)
{
	if (!call->take || c->response.status / 100 != 2 || call->answer.len == 0)
		return;
	call->take(call->arg, (struct slice){ call->answer.data, call->answer.len });
	buf_clear(&call->answer);
}

/* False: the answer is late. */
static bool await(struct client *c, const struct client_call *call, int64_t deadline)
{
	for (;;) {
		int64_t until = call->waiting ? clock_boot_ns() + WAITING_NS : deadline;

		if (net_wait(c->fd, net_events(c->tls, POLLIN), until < deadline ? until : deadline) != 0)
			return true;
		if (until >= deadline)
			return false;
		call->waiting(call->waiting_arg);
	}
}

static enum lost receive(struct client *c, struct client_call *call, int64_t deadline, int *code)
{
	char bytes[65536];
	bool any = false;

	response_begin(&c->response, &call->answer, call->take ? SIZE_MAX : ANSWER_MAX);
	c->response.bodyless = strcmp(call->method, "HEAD") == 0;
	while (c->response.at != RESPONSE_DONE) {
		ssize_t n = net_recv(c->fd, c->tls, bytes, sizeof(bytes)), used;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!await(c, call, deadline))
				return late(c, call, code);
			continue;
		}
		if (n == 0 && response_eof(&c->response))
			break;
		if (n <= 0)
			return gone(c, call, any, n < 0 ? errno : 0, code);
		if (!any && *net_tls_hint(&c->url, bytes, (size_t)n)) {
			*code = fail(c, EX_UNAVAILABLE, "%s does not answer %s %s%s", c->text, call->method, call->target, net_tls_hint(&c->url, bytes, (size_t)n));
			return LOST_FAILED;
		}
		used = response_feed(&c->response, bytes, (size_t)n);
		if (used < 0 || used < n) {
			*code = fail(c, EX_PROTOCOL, "%s answered %s %s with something that is no HTTP answer: %s. Is it a Stint server?", c->text, call->method, call->target,
				used < 0 ? c->response.why : "there are bytes after its end");
			return LOST_FAILED;
		}
		any = true;
		hand_on(c, call);
	}
	return LOST_NOTHING;
}

/* A peer that is gone without a word ends a stream too: the kernel asks after it. */
static int64_t deadline_of(struct client *c, const struct client_call *call)
{
	static const struct { int level, name, value; } alive[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 }, { IPPROTO_TCP, TCP_KEEPIDLE, 20 }, { IPPROTO_TCP, TCP_KEEPINTVL, 10 }, { IPPROTO_TCP, TCP_KEEPCNT, 3 },
	};

	if (call->timeout_ms != CLIENT_STREAM)
		return clock_boot_ns() + (call->timeout_ms ? call->timeout_ms : CLIENT_TIMEOUT_MS) * 1000000;
	for (size_t i = 0; !c->url.is_unix && i < sizeof(alive) / sizeof(alive[0]); i++)
		setsockopt(c->fd, alive[i].level, alive[i].name, &alive[i].value, sizeof(alive[i].value));
	return INT64_MAX;
}

int client_call(struct client *c, struct client_call *call)
{
	int64_t deadline;
	bool safe = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
	bool again = safe && c->used;
	enum lost lost;
	int code = 0;

	if (!safe && c->used && !c->keep)
		hang_up(c);     /* it could have been closed meanwhile, and then nobody could tell whether the request was taken */
	compose(c, call);
	if (c->request.failed)
		return fail(c, EX_OSERR, "there is no memory for the request");
	for (;; again = false) {
		buf_clear(&call->answer);
		code = dial(c);
		if (code != 0)
			return code;
		deadline = deadline_of(c, call);
		lost = send_all(c, call, deadline, &code);
		if (lost == LOST_NOTHING)
			lost = receive(c, call, deadline, &code);
		if (lost == LOST_NOTHING)
			break;
		hang_up(c);
		if (lost == LOST_FAILED || !again)
			return code;
	}
	call->status = c->response.status;
	call->retry_after = c->response.retry_after;
	c->used = true;
	if (c->response.close)
		hang_up(c);
	return 0;
}

static const struct { int status, code; const char *next; } refusals[] = {
	{ 401, EX_NOPERM, NULL },       /* as a token was sent or not */
	{ 403, EX_NOPERM, "" },
	{ 404, EX_NOINPUT, "" },
	{ 409, EX_DATAERR, "" },
	{ 421, EX_USAGE, "" },
	{ 429, EX_TEMPFAIL, "; try again later" },
	{ 503, EX_TEMPFAIL, "; try again later" },
	{ 507, EX_TEMPFAIL, "" },
};

int client_refused(struct client *c, const struct client_call *call)
{
	int code = call->status >= 500 ? EX_UNAVAILABLE : call->status >= 400 ? EX_DATAERR : EX_PROTOCOL;
	struct slice body = { call->answer.data, call->answer.len };
	struct buf detail = { 0 };
	const char *next = "";

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].status == call->status) {
			code = refusals[i].code;
			next = refusals[i].next;
		}
	if (!client_string(body, "detail", &detail) && !client_string(body, "title", &detail))
		buf_printf(&detail, "the answer to %s %s says no more", call->method, call->target);
	if (!next)
		buf_printf(&detail, c->token ? "; the token came from %s" : "; give a token with --token or $STINT_TOKEN", c->token_from);
	fail(c, code, "%d: %s%s", call->status, buf_cstr(&detail), next ? next : "");
	buf_free(&detail);
	return code;
}

int client_ask(struct client *c, struct client_call *call)
{
	int code = client_call(c, call);

	if (code != 0)
		return code;
	return call->status / 100 == 2 ? 0 : client_refused(c, call);
}

bool client_string(struct slice json, const char *member, struct buf *out)
{
	struct json_error err;
	struct slice value;
	json_t *text;

	if (!json_valid(json.p, json.n, &err) || !json_member(json.p, json.n, member, &value) || value.n < 2 || value.p[0] != '"')
		return false;
	text = json_loadb(value.p, value.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!text)
		return false;
	buf_add(out, json_string_value(text), json_string_length(text));
	json_decref(text);
	return !out->failed;
}

bool client_number(struct slice json, const char *member, double *v)
{
	struct json_error err;
	struct slice value;
	char text[64], *end;

	if (!json_valid(json.p, json.n, &err) || !json_member(json.p, json.n, member, &value) || value.n == 0 || value.n >= sizeof(text))
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	*v = strtod(text, &end);
	return *end == '\0';
}
