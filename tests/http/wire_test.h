/* What the tests of the wire half share: a clock that stands until it is moved, the real connection code over socket pairs, and handlers that answer as they are told. */
#ifndef STINT_TESTS_HTTP_WIRE_TEST_H
#define STINT_TESTS_HTTP_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/loop.h"
#include "http/conn.h"
#include "http/http.h"
#include "http/page.h"
#include "os/clock.h"

#define UNUSED __attribute__((unused))
#define S 1000000000LL

static int64_t wall_ms = 784111777000;          /* Sun, 06 Nov 1994 08:49:37 GMT */
static int64_t boot_ns = 1000 * S;
int64_t clock_wall_ms(void) { return wall_ms; }
int64_t clock_wall_us(void) { return wall_ms * 1000; }
int64_t clock_boot_ns(void) { return boot_ns; }
int64_t clock_monotonic_us(void) { return boot_ns / 1000; }
void clock_boot_id(uint8_t out[16]) { memset(out, 0, 16); }

static struct conf conf;
static struct api api;
static char *hosts[] = { (char []){ "jobs.example.com" } };

/* --- handlers --- */

static struct {
	bool hold;                      /* POST /jobs and GET /jobs/:id keep their requests in held[] */
	struct http_request *held[64];
	unsigned nheld, handled, gone;
	bool answer_when_gone, hangup;
	size_t reply_bytes;             /* of /metrics */
} fake;
static struct http_route hangup_route;

static void on_gone(struct http_request *q)
{
	fake.gone++;
	assert_true(q->gone);
	if (fake.answer_when_gone)
		problem_send(q, 503, NULL, "gone");
}

/* 201 with the number of body bytes, their sum and the body itself. */
static void answer_body(struct http_request *q)
{
	struct buf b = { 0 };

	buf_printf(&b, "%zu:", q->body.n);
	buf_slice(&b, q->body);
	reply_header(q, "Location", "/jobs/1");
	reply_send(q, 201, "text/plain", &b);
	assert_null(b.data);
}

static void held_or(struct http_request *q, void (*answer)(struct http_request *))
{
	fake.handled++;
	if (!fake.hold) {
		answer(q);
		return;
	}
	assert_true(fake.nheld < 64);
	q->on_gone = on_gone;
	if (fake.hangup) {
		hangup_route = *q->route;
		hangup_route.flags |= HTTP_ROUTE_HANGUP;
		q->route = &hangup_route;
	}
	fake.held[fake.nheld++] = q;
}

static void answer_path(struct http_request *q)
{
	struct buf b = { 0 };

	buf_slice(&b, q->path);
	for (size_t i = 0; i < q->nquery; i++) {
		buf_printf(&b, " %.*s=", (int)q->query[i].name.n, q->query[i].name.p);
		buf_slice(&b, q->query[i].value);
	}
	if (q->arg[0].n)
		buf_printf(&b, " [%.*s]", (int)q->arg[0].n, q->arg[0].p);
	reply_send(q, 200, "text/plain", &b);
}

static void answer_long(struct http_request *q)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < fake.reply_bytes; i++)
		buf_char(&b, (char)('a' + i % 26));
	reply_header(q, "Cache-Control", "max-age=60");
	reply_send(q, 200, "text/plain", &b);
}

void api_submit(struct http_request *q) { held_or(q, answer_body); }
void api_import(struct http_request *q) { held_or(q, answer_body); }
bool api_import_streams(const struct http_request *q) { return api_submit_streams(q); }
bool api_submit_streams(const struct http_request *q) { return slice_eq(http_header(q, "content-type"), "application/x-ndjson"); }
void api_jobs(struct http_request *q) { answer_path(q); }
void api_job(struct http_request *q) { held_or(q, answer_path); }
void api_job_history(struct http_request *q) { answer_path(q); }
void api_job_cancel(struct http_request *q) { answer_path(q); }
void api_job_retry(struct http_request *q) { answer_path(q); }
void api_job_delete(struct http_request *q) { answer_path(q); }
void api_job_run_now(struct http_request *q) { answer_path(q); }
void api_job_result(struct http_request *q) { answer_path(q); }
void api_job_payload(struct http_request *q) { answer_path(q); }
void api_claims(struct http_request *q) { answer_body(q); }
void api_claim_results(struct http_request *q) { answer_body(q); }
void api_lease_complete(struct http_request *q) { answer_body(q); }
void api_lease_fail(struct http_request *q) { answer_body(q); }
void api_lease_extend(struct http_request *q) { answer_body(q); }
void api_lease_progress(struct http_request *q) { answer_body(q); }
void api_lease_release(struct http_request *q) { answer_body(q); }
void api_job_log(struct http_request *q) { held_or(q, answer_path); }
void api_schedules(struct http_request *q) { answer_path(q); }
void api_schedule_run(struct http_request *q) { answer_path(q); }
void api_events(struct http_request *q) { held_or(q, answer_path); }
void api_stats(struct http_request *q) { answer_path(q); }
void api_status_page(struct http_request *q) { answer_path(q); }
void page_jobs(struct http_request *q) { answer_path(q); }
void page_job(struct http_request *q) { answer_path(q); }
void page_job_cancel(struct http_request *q) { answer_body(q); }
void page_job_retry(struct http_request *q) { answer_body(q); }
void page_job_run_now(struct http_request *q) { answer_body(q); }
void page_job_delete(struct http_request *q) { answer_body(q); }
void page_bulk(struct http_request *q) { answer_body(q); }
void page_queues(struct http_request *q) { answer_path(q); }
void page_queue_pause(struct http_request *q) { answer_body(q); }
void page_queue_resume(struct http_request *q) { answer_body(q); }
void page_workers(struct http_request *q) { answer_path(q); }
void page_schedules(struct http_request *q) { answer_path(q); }
void page_schedule_run(struct http_request *q) { answer_body(q); }
void page_submit(struct http_request *q) { answer_path(q); }
void page_submit_post(struct http_request *q) { answer_body(q); }
void api_asset(struct http_request *q) { answer_path(q); }
void api_root(struct http_request *q) { answer_path(q); }
void api_metrics(struct http_request *q) { answer_long(q); }
void api_livez(struct http_request *q) { answer_path(q); }
void api_readyz(struct http_request *q) { answer_path(q); }
void api_health(struct http_request *q) { answer_path(q); }
void api_openapi(struct http_request *q) { answer_path(q); }

/* --- the server --- */

static int wire_setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	conf = (struct conf){ .http = { .max_body = 10000, .max_header = 16384, .max_connections = 100, .header_timeout = 10000, .body_timeout = 30000, .idle_timeout = 75000,
		.write_timeout = 20000, .hosts = { hosts, 1 } } };
	api = (struct api){ .loop = loop_new(), .conf = &conf, .version = "test" };
	fake.reply_bytes = 100;
	assert_non_null(api.loop);
	assert_non_null(wire_of(&api));
	return 0;
}

static int wire_teardown(void **state)
{
	(void)state;
	http_close_all(&api);
	assert_int_equal(http_open(&api), 0);
	loop_free(api.loop);
	return 0;
}

/* Turns until nothing happens any more. */
static void run(void)
{
	for (int quiet = 0, i = 0; quiet < 2; i++) {
		unsigned n = loop_turn(api.loop, 0);

		http_resume(&api);
		http_flush(&api);
		quiet = n ? 0 : quiet + 1;
		assert_true(i < 10000);         /* else it spins */
	}
}

UNUSED static void pass(int64_t ns)
{
	boot_ns += ns;
	wall_ms += ns / 1000000;
	run();
}

/* The client's end of a new connection. */
UNUSED static int dial(void)
{
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
	assert_non_null(conn_new(api.wire, sv[0], false, false));
	return sv[1];
}

UNUSED static void say(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EAGAIN) {
			run();
			continue;
		}
		if (w < 0)              /* it has been closed on us: the answer will tell */
			return;
		p += w;
		n -= (size_t)w;
	}
	run();
}

#define SAY(fd, text) say(fd, text, sizeof(text) - 1)

/* What has come back so far, appended. True where the server has closed. */
UNUSED static bool hear(int fd, struct buf *b)
{
	char part[65536];
	ssize_t n;

	while ((n = recv(fd, part, sizeof(part), 0)) > 0) {
		buf_add(b, part, (size_t)n);
		run();
	}
	return n == 0 || errno != EAGAIN;
}

/* --- reading answers --- */

struct answer { int status; struct slice head, body; };

/* The next answer at *at of the text; body_of: it has none although it has a length (HEAD). False: no whole answer is there. */
UNUSED static bool answer_next(const struct buf *b, size_t *at, bool bare, struct answer *a)
{
	const char *p = b->data ? b->data + *at : "", *end = b->data ? memmem(p, b->len - *at, "\r\n\r\n", 4) : NULL, *cl;
	size_t n = 0;

	if (!end)
		return false;
	assert_true(strncmp(p, "HTTP/1.1 ", 9) == 0);
	a->status = atoi(p + 9);
	a->head = (struct slice){ p, (size_t)(end - p) + 4 };
	cl = memmem(a->head.p, a->head.n, "\r\nContent-Length: ", 18);
	if (cl)
		n = strtoul(cl + 18, NULL, 10);
	else
		assert_true(a->status == 100 || a->status == 204);
	if (bare)
		n = 0;
	if ((size_t)(b->data + b->len - end) - 4 < n)
		return false;
	a->body = (struct slice){ end + 4, n };
	*at = (size_t)(end + 4 - b->data) + n;
	return true;
}

/* "201 400": the statuses of all answers, and "..." where something is left that is none. */
UNUSED static const char *statuses(const struct buf *b)
{
	static char out[4096];
	struct answer a;
	size_t at = 0, n = 0;

	out[0] = '\0';
	while (answer_next(b, &at, false, &a) && n < sizeof(out) - 16)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%d", n ? " " : "", a.status);
	if (at < b->len)
		snprintf(out + n, sizeof(out) - n, " ...");
	return out;
}

UNUSED static bool has(struct slice s, const char *text)
{
	return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

#endif
