/* Submissions: JSON text to a job, its record and back; and the same bytes as a raw body whose fields stand before the first NUL, as in a query. What is refused is told with a status and a reason. */
#include <string.h>

#include "http/envelope.h"
#include "job/record.h"
#include "tests/fuzz/fuzz.h"
#include "text/json.h"

#define NOW 1763757659123LL     /* 2025-11-21T20:40:59.123Z */

static struct conf_queue queues[] = { { .name = (char[]){ "default" }, .priority_aging = 60000 }, { .name = (char[]){ "slow" } } };
static struct conf_handler handlers[] = {
	{ .pattern = (char[]){ "email" }, .queue = (char[]){ "slow" }, .timeout = 45000, .max_retries = 7, .backoff_base = 2000, .backoff_factor = 1.5, .backoff_max = 60000,
		.backoff_jitter = 10 },
	{ .pattern = (char[]){ "img.*" }, .queue = (char[]){ "default" }, .backoff_base = 1000, .backoff_factor = 2, .backoff_max = 1048576000, .backoff_jitter = 25 },
};
static const struct conf conf = { .queue = queues, .nqueue = 2, .handler = handlers, .nhandler = 2, .unknown_types = CONF_UNKNOWN_REJECT };

static void check_problem(const struct envelope_problem *p)
{
	MUST(p->status >= 400 && p->status < 500 && p->detail[0]);
	MUST(memchr(p->detail, '\0', sizeof(p->detail)) && memchr(p->field, '\0', sizeof(p->field)));
}

static bool same(struct job_text a, struct job_text b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Whatever is accepted can be written down and reads back the same; long payloads are staged by their sender. */
static void check_spec(const struct job_spec *s)
{
	static uint8_t bytes[RECORD_SPEC_MAX], twice[RECORD_SPEC_MAX];
	struct job_spec back, cut = *s;

	if (cut.payload.n > JOB_INLINE_MAX) {
		cut.payload_blob = 1;
		cut.payload = (struct job_text){ "", 0 };
	}
	size_t n = record_spec_encode(&cut, bytes, sizeof(bytes));
	MUST(n > 0);
	MUST(record_spec_decode(bytes, n, &back) == RECORD_OK);
	MUST(same(cut.type, back.type) && same(cut.queue, back.queue) && same(cut.name, back.name) && same(cut.key, back.key) && same(cut.payload, back.payload));
	MUST(record_spec_encode(&back, twice, sizeof(twice)) == n && memcmp(bytes, twice, n) == 0);
	MUST(s->run_at_ms >= 0 && s->expires_at_ms >= 0 && s->timeout_ms >= 0 && s->max_retries <= 1000 && s->backoff.max_ms >= s->backoff.base_ms);
	MUST((s->name.n == 0 || json_utf8(s->name.p, s->name.n)) && (s->key.n == 0 || json_utf8(s->key.p, s->key.n)));
}

static void as_json(struct slice text)
{
	struct envelope_input in = { .conf = &conf, .wall_ms = NOW };
	struct envelope_problem p;
	struct json_error err;
	struct envelope e;

	if (!envelope_is_json(text, &p)) {
		check_problem(&p);
		return;
	}
	if (!envelope_parse(&e, &in, text, &p)) {
		check_problem(&p);
		return;
	}
	check_spec(&e.spec);
	MUST(json_valid(e.spec.payload.p, e.spec.payload.n, &err));
	envelope_free(&e);
}

static size_t split(struct slice s, struct http_pair *pair)
{
	size_t n = 0;

	while (s.n && n < HTTP_QUERY_MAX) {
		const char *amp = memchr(s.p, '&', s.n);
		size_t all = amp ? (size_t)(amp - s.p) : s.n;
		const char *eq = memchr(s.p, '=', all);
		size_t name = eq ? (size_t)(eq - s.p) : all;
		pair[n++] = (struct http_pair){ { s.p, name }, { eq ? eq + 1 : "", eq ? all - name - 1 : 0 } };
		s = (struct slice){ s.p + all + (amp != NULL), s.n - all - (amp != NULL) };
	}
	return n;
}

static void as_raw(struct slice text)
{
	struct envelope_input in = { .conf = &conf, .wall_ms = NOW };
	struct http_pair pair[HTTP_QUERY_MAX];
	const char *nul = memchr(text.p, '\0', text.n);
	size_t n = split((struct slice){ text.p, nul ? (size_t)(nul - text.p) : text.n }, pair);
	struct slice body = { nul ? nul + 1 : "", nul ? text.n - (size_t)(nul + 1 - text.p) : 0 };
	struct envelope_problem p;
	struct envelope e;

	if (!envelope_raw(&e, &in, pair, n, SLICE("text/plain"), body, &p)) {
		check_problem(&p);
		return;
	}
	check_spec(&e.spec);
	MUST(e.spec.payload.n == body.n && e.spec.payload_len == body.n);
	envelope_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	as_json((struct slice){ (const char *)data, n });
	as_raw((struct slice){ (const char *)data, n });
	return 0;
}
