/* GET /jobs: any query over a small store. Small pages one after the other give what one large page gives, and a cursor that is not ours is refused. */
#include "tests/http/api_test.h"

#include "tests/fuzz/fuzz.h"

#define JOBS 16

static void end(void)
{
	api_teardown(NULL);
}

static void begin(void)
{
	static const char *const type[] = { "email", "t.a", "t.b" }, *const name[] = { "Ann", "bob", "" }, *const queue[] = { "default", "low" };
	static bool begun;

	if (begun)
		return;
	begun = true;
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	api_setup(NULL);
	atexit(end);
	for (unsigned i = 0; i < JOBS; i++) {
		submit_type(type[i % 3], name[i % 3], queue[i % 2]);
		fake_wall_ms++;
	}
	for (unsigned i = 0; i < JOBS / 2; i++) {
		struct job j = claim_next();
		if (i % 4)
			finish(&j, i % 4 == 1 ? JOB_OUTCOME_FAILED : JOB_OUTCOME_SUCCEEDED, "{}", i % 4 == 1 ? "no such host" : "");
		fake_wall_ms++;
	}
}

static struct http_request q;

static int ask(const struct http_pair *pair, size_t n, const char *limit, const char *cursor)
{
	answer_clear();
	q = (struct http_request){ .api = &api, .method = HTTP_M_GET, .path = SLICE("/jobs"), .nquery = n };
	memcpy(q.query, pair, n * sizeof(*pair));
	if (limit)
		q.query[q.nquery++] = (struct http_pair){ SLICE("limit"), slice_of(limit) };
	if (cursor)
		q.query[q.nquery++] = (struct http_pair){ SLICE("cursor"), slice_of(cursor) };
	api_jobs(&q);
	while (answer.answers == 0)
		fake_pass(1);
	MUST(answer.answers == 1 && fake_timers() == 0);
	MUST(answer.status == 200 || (answer.status == 400 && answer.field[0] && answer.detail[0]));
	return answer.status;
}

/* Appends the ids of the page's jobs. False: it is the last one. */
static bool page(struct buf *ids, char cursor[100])
{
	json_t *j = answer_json(), *job;
	const char *next = json_string_value(json_object_get(j, "cursor"));
	size_t i;

	json_array_foreach(json_object_get(j, "jobs"), i, job) {
		buf_str(ids, json_string_value(json_object_get(job, "id")));
		buf_char(ids, '\n');
	}
	snprintf(cursor, 100, "%s", next ? next : "");
	json_decref(j);
	return next;
}

static void walk(const struct http_pair *pair, size_t n, const char *limit, struct buf *ids)
{
	char cursor[100] = "";
	bool more = true;

	for (unsigned pages = 0; more; pages++) {
		MUST(pages <= JOBS + 1);
		MUST(ask(pair, n, limit, pages ? cursor : NULL) == 200);
		more = page(ids, cursor);
	}
}

/* "name=value" after "name=value", with "&" between. */
static size_t split(struct slice s, struct http_pair *pair, bool *own)
{
	size_t n = 0;

	while (s.n && n < HTTP_QUERY_MAX - 2) {
		const char *amp = memchr(s.p, '&', s.n);
		size_t all = amp ? (size_t)(amp - s.p) : s.n;
		const char *eq = memchr(s.p, '=', all);
		size_t name = eq ? (size_t)(eq - s.p) : all;
		pair[n] = (struct http_pair){ { s.p, name }, { eq ? eq + 1 : "", eq ? all - name - 1 : 0 } };
		*own |= slice_eq(pair[n].name, "limit") || slice_eq(pair[n].name, "cursor");
		n++;
		s = (struct slice){ s.p + all + (amp != NULL), s.n - all - (amp != NULL) };
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct http_pair pair[HTTP_QUERY_MAX];
	struct buf large = { 0 }, small = { 0 };
	bool own = false;
	size_t pairs;

	begin();
	pairs = split((struct slice){ (const char *)data, n }, pair, &own);
	if (ask(pair, pairs, NULL, NULL) == 200 && !own) {
		walk(pair, pairs, "1000", &large);
		walk(pair, pairs, "5", &small);
		MUST(large.len == small.len && (large.len == 0 || memcmp(large.data, small.data, large.len) == 0));
	}
	buf_free(&large);
	buf_free(&small);
	return 0;
}
