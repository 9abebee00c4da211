/* An import into a running server: over HTTP, in requests of bounded size, one after the other. What a server cannot take for the moment is asked for again; all else is as into a store at rest. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "cli/client.h"
#include "cli/import.h"
#include "os/clock.h"
#include "text/json.h"

/* The whole of a request is sent before its answer is read: so many lines of an answer fit into what a server keeps for a client, and it never waits for us while we wait for it. */
#define LINES_A_REQUEST 500u
#define BYTES_A_REQUEST (4u << 20)
#define REQUEST_MS (10 * 60 * 1000)
#define PATIENCE_NS (60 * 1000000000LL) /* with a server that takes nothing for the moment */
#define AGAIN_MS 300

struct sent {                           /* a line */
	uint64_t number;
	size_t at;                      /* in the text */
	bool job, settled;              /* settled: it has been counted */
};

struct stream {
	struct import *m;
	struct client client;
	struct buf text, body;
	struct sent line[LINES_A_REQUEST];
	unsigned n, next;               /* the first that has to be sent, again or at all */
	int64_t stuck_ns;               /* since when nothing is taken; 0: something is */
	bool full;                      /* and that for want of room */
};

/* --- where it is --- */

/* The conf's first address that this program can speak to. */
static bool listener(const struct conf *c, struct buf *out)
{
	for (size_t i = 0; i < c->http.nlisten; i++) {
		const struct conf_listen *l = &c->http.listen[i];
		if (l->tls)
			continue;
		if (l->is_unix)
			buf_printf(out, "unix:%s", l->host);
		else if (strcmp(l->host, "0.0.0.0") == 0)
			buf_printf(out, "http://127.0.0.1:%u", l->port);
		else if (strcmp(l->host, "::") == 0)
			buf_printf(out, "http://[::1]:%u", l->port);
		else
			buf_printf(out, strchr(l->host, ':') ? "http://[%s]:%u" : "http://%s:%u", l->host, l->port);
		return true;
	}
	return false;
}

static int find(struct stream *s, struct buf *url)
{
	const char *given = s->m->url ? s->m->url : getenv("STINT_URL");

	if ((!given || !*given) && !listener(s->m->place.conf, url))
		return cli_fail(EX_USAGE, "a server runs on %s, and its conf has no address without TLS; name one with --url", s->m->place.path);
	int code = client_init(&s->client, url->len ? buf_cstr(url) : s->m->url, s->m->token);
	return code ? cli_fail(code, "%s", s->client.why) : EX_OK;
}

/* --- its answers --- */

static bool text_of(struct slice json, const char *member, struct buf *out)
{
	buf_clear(out);
	return client_string(json, member, out);
}

static void refused(struct stream *s, const struct sent *l, struct slice json)
{
	struct buf field = { 0 }, detail = { 0 };

	if (!text_of(json, "field", &field))
		buf_str(&field, "");
	if (!text_of(json, "detail", &detail))
		buf_str(&detail, "the server does not say why");
	import_refused(s->m, l->number, buf_cstr(&field), buf_cstr(&detail));
	buf_free(&field);
	buf_free(&detail);
}

static void taken(struct stream *s, struct sent *l, struct slice json)
{
	struct slice there;

	if (l->job && !l->settled && json_member(json.p, json.n, "there", &there) && slice_eq(there, "true"))
		s->m->done.there++;
	else if (l->job && !l->settled)
		s->m->done.jobs++;
	l->settled = true;
}

/* The answers to all lines from s->next on, which goes to the first that has to be sent again; of those behind it only what was taken counts. False: that is no answer. */
static bool settle(struct stream *s, struct slice answer)
{
	unsigned again = s->n;
	bool head = true;

	for (unsigned i = s->next; i < s->n || head; ) {
		const char *end = memchr(answer.p, '\n', answer.n);
		struct json_error e;
		double status = 0;
		if (!end)
			return false;
		struct slice json = { answer.p, (size_t)(end - answer.p) };
		answer = (struct slice){ end + 1, answer.n - json.n - 1 };
		if (!json_valid(json.p, json.n, &e))
			return false;
		client_number(json, "status", &status);
		bool later = status == 503 || status == 507;
		s->full = later ? status == 507 : s->full;
		if (head) {
			head = false;
			if (later)
				return true;
			continue;
		}
		if (status == 0)
			taken(s, &s->line[i], json);
		else if (later)
			again = again < i ? again : i;
		else if (again == s->n)
			refused(s, &s->line[i], json);
		i++;
	}
	s->stuck_ns = again > s->next ? 0 : s->stuck_ns;
	s->next = again;
	return true;
}

/* --- requests --- */

static int ended(struct stream *s, int code, const char *why)
{
	progress_end(&s->m->progress);
	return cli_fail(code, "the import ended at line %llu: %s; it can be repeated: what is there already is left as it is", (unsigned long long)s->line[s->next].number, why);
}

static int rest(struct stream *s, const char *why)
{
	const struct timespec pause = { .tv_nsec = AGAIN_MS * 1000000 };
	int64_t now = clock_boot_ns();

	if (s->full)
		return ended(s, EX_TEMPFAIL, "the server's store or its disk is full");
	if (s->stuck_ns == 0)
		s->stuck_ns = now;
	if (now - s->stuck_ns > PATIENCE_NS)
		return ended(s, EX_TEMPFAIL, why);
	nanosleep(&pause, NULL);
	return EX_OK;
}

/* What is left of the lines, once. */
static int post(struct stream *s)
{
	struct client_call call = { .method = "POST", .target = "/import", .content_type = "application/x-ndjson", .timeout_ms = REQUEST_MS };
	size_t at = s->line[s->next].at;

	buf_clear(&s->body);
	whole_put_head(&s->body, cli_version, clock_wall_ms());
	buf_slice(&s->body, (struct slice){ s->text.data + at, s->text.len - at });
	if (s->body.failed || s->text.failed)
		return cli_fail(EX_OSERR, "out of memory");
	call.body = (struct slice){ s->body.data, s->body.len };
	int code = client_call(&s->client, &call);
	if (code != 0)
		code = ended(s, code, s->client.why);
	else if (call.status == 503)
		code = client_refused(&s->client, &call) ? rest(s, s->client.why) : EX_OK;
	else if (call.status != 200)
		code = ended(s, client_refused(&s->client, &call), s->client.why);
	else if (!settle(s, (struct slice){ call.answer.data, call.answer.len }))
		code = ended(s, EX_PROTOCOL, "the server did not answer for each line");
	else if (s->next < s->n)
		code = rest(s, "the server has taken nothing for a minute; try again later");
	buf_free(&call.answer);
	return code;
}

static int post_all(struct stream *s)
{
	int code = EX_OK;

	while (code == EX_OK && s->next < s->n)
		code = post(s);
	s->n = s->next = 0;
	buf_clear(&s->text);
	import_shown(s->m);
	return code;
}

static int stream(struct stream *s)
{
	struct import *m = s->m;
	struct slice line;
	int code = EX_OK, next = 0;

	while (code == EX_OK && (next = import_next(m, &line, &code)) > 0) {
		if (s->n == LINES_A_REQUEST || (s->n && s->text.len + line.n > BYTES_A_REQUEST))
			code = post_all(s);
		if (code != EX_OK)
			break;
		s->line[s->n++] = (struct sent){ .number = m->number, .at = s->text.len, .job = m->parsed.kind == WHOLE_JOB };
		buf_slice(&s->text, line);
		buf_char(&s->text, '\n');
	}
	int last = s->n && (code == EX_OK || next < 0) ? post_all(s) : EX_OK;
	return code == EX_OK ? last : code;
}

int import_server(struct import *m)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct buf url = { 0 };

	if (!s)
		return cli_fail(EX_OSERR, "out of memory");
	s->m = m;
	s->client.fd = -1;
	int code = find(s, &url);
	if (code == EX_OK)
		code = stream(s);
	client_close(&s->client);
	buf_free(&s->text);
	buf_free(&s->body);
	buf_free(&url);
	free(s);
	return import_end(m, code);
}
