/* Who may do what: every role against every kind of route, tokens that are for some queues, and how a token is sent. */
#include "api_test.h"

#include "http/auth.h"
#include "http/page.h"
#include "os/crypto.h"

static char some[] = "mail\0video", one[] = "mail";
static struct conf_token tokens[] = {
	{ .name = (char[]){ "reader" }, .roles = CONF_ROLE_READ }, { .name = (char[]){ "shop" }, .roles = CONF_ROLE_SUBMIT }, { .name = (char[]){ "far" }, .roles = CONF_ROLE_WORK },
	{ .name = (char[]){ "ops" }, .roles = CONF_ROLE_ADMIN }, { .name = (char[]){ "both" }, .roles = CONF_ROLE_READ | CONF_ROLE_SUBMIT, .queues = some, .queues_bytes = sizeof(some) },
	{ .name = (char[]){ "mail" }, .roles = CONF_ROLE_ADMIN, .queues = one, .queues_bytes = sizeof(one) },
};
#define TOKENS (sizeof(tokens) / sizeof(tokens[0]))

static char file[] = "/a/file", nothing[] = "";
static struct http_request q;
static struct http_pair header[2];

static int setup(void **state)
{
	for (size_t i = 0; i < TOKENS; i++)
		assert_true(crypto_sha256(tokens[i].name, strlen(tokens[i].name), tokens[i].hash));
	conf.http.token_file = file;
	conf.http.token = tokens;
	conf.http.ntoken = TOKENS;
	return api_setup(state);
}

static bool may_with(const struct http_route *r, const char *arg, const char *name, const char *value)
{
	answer_clear();
	header[0] = (struct http_pair){ slice_of(name), slice_of(value) };
	q = (struct http_request){ .api = &api, .route = r, .method = r->method, .header = header, .nheader = name ? 1 : 0, .arg = { slice_of(arg) }, .path = slice_of(r->pattern) };
	bool may = auth_check(&q);
	assert_int_equal(answer.answers, may ? 0 : 1);
	return may;
}

static bool may(const struct http_route *r, const char *token)
{
	char value[200];

	snprintf(value, sizeof(value), "Bearer %s", token);
	return may_with(r, "mail", "authorization", value);
}

/* Whatever is added to the table of routes: what changes something is for admin alone, but for submitting and for work. */
static void test_every_route(void **state)
{
	(void)state;
	for (const struct http_route *r = http_routes; r->handle; r++) {
		bool submit = r->handle == api_submit || r->handle == api_job || r->handle == page_job || r->handle == page_submit || r->handle == page_submit_post, work = r->flags & HTTP_ROUTE_FOR_WORK, reads = r->method == HTTP_M_GET, open = r->flags & HTTP_ROUTE_OPEN;
		assert_true(may(r, "ops"));
		assert_int_equal(may(r, "reader"), open || reads);
		assert_int_equal(may(r, "shop"), open || submit);
		assert_int_equal(may(r, "far"), open || work);
		assert_int_equal(may(r, "nobody"), open);
		assert_true(open || answer.status == 401);
		assert_int_equal(may_with(r, "x", NULL, NULL), open);
		assert_true(open || strstr(answer.headers, "WWW-Authenticate: Bearer realm=\"stint\"\n"));
		if (open)
			continue;
		assert_int_equal(may(r, "mail"), (r->flags & HTTP_ROUTE_BY_QUEUE) != 0);
	}
}

static const struct http_route *route(const char *pattern)
{
	for (const struct http_route *r = http_routes; r->handle; r++)
		if (strcmp(r->pattern, pattern) == 0)
			return r;
	fail_msg("no %s", pattern);
	return NULL;
}

static void test_how_it_is_sent(void **state)
{
	static const struct { const char *name, *value; int status; } cases[] = {
		{ "authorization", "Bearer reader", 0 }, { "authorization", "bearer  reader ", 0 }, { "authorization", "Basic reader", 401 }, { "authorization", "Bearer", 401 },
		{ "authorization", "Bearer ", 401 }, { "authorization", "Bearer Reader", 401 }, { "authorization", "Bearer shop", 403 }, { "cookie", "stint_token=reader", 0 },
		{ "cookie", "a=b; stint_token=reader;c=d", 0 }, { "cookie", "xstint_token=reader", 401 }, { "cookie", "stint_token=", 401 }, { "cookie", "", 401 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool good = may_with(route("/stats"), "", cases[i].name, cases[i].value);
		if (good != (cases[i].status == 0) || answer.status != cases[i].status)
			fail_msg("%s: %s: %d", cases[i].name, cases[i].value, answer.status);
	}
	may(route("/stats"), "shop");
	assert_string_equal(answer.detail, "the token shop has the role submit; this takes read or admin");
}

static void test_a_long_token(void **state)
{
	char value[1000];

	(void)state;
	memset(value, 'x', sizeof(value));
	assert_null(auth_token(&conf, (struct slice){ value, sizeof(value) }));
	assert_null(auth_token(&conf, (struct slice){ value, 0 }));
}

/* What a filter means with this token; `named`: it names that queue. NULL: it was refused. */
static const struct store_filter *filter_of(const char *token, const char *named)
{
	static struct store_filter f;

	assert_true(may(route("/jobs"), token));
	f = (struct store_filter){ .queue = { named, named ? strlen(named) : 0 } };
	return auth_filter(&q, &f) ? &f : NULL;
}

static void test_queues(void **state)
{
	(void)state;
	assert_true(may_with(route("/queues/:name"), "video", "authorization", "Bearer both"));
	assert_false(may_with(route("/queues/:name"), "other", "authorization", "Bearer both"));
	assert_int_equal(answer.status, 403);
	assert_true(may(route("/jobs"), "both"));
	assert_true(auth_some_queues(&q));
	assert_true(auth_queue(&q, SLICE("mail")) && auth_queue(&q, SLICE("video")));
	assert_false(auth_queue(&q, SLICE("mai")) || auth_queue(&q, SLICE("mail2")) || auth_queue(&q, SLICE("")) || auth_queue(&q, SLICE("mail\0video")));
	assert_true(may(route("/jobs"), "ops"));
	assert_true(auth_queue(&q, SLICE("anything")) && !auth_some_queues(&q));
}

static void test_filters(void **state)
{
	(void)state;
	const struct store_filter *f = filter_of("both", NULL);
	assert_int_equal(f->queue.n, 0);
	assert_int_equal(f->queues.n, sizeof(some));
	assert_memory_equal(f->queues.p, some, sizeof(some));
	f = filter_of("both", "video");
	assert_true(f->queue.n == 5 && f->queues.n == 0);
	assert_null(filter_of("both", "other"));
	assert_int_equal(answer.status, 403);
	assert_string_equal(answer.field, "queue");
	assert_int_equal(filter_of("mail", NULL)->queues.n, sizeof(one));
	assert_null(filter_of("mail", "video"));
	assert_int_equal(filter_of("ops", NULL)->queues.n, 0);
	assert_non_null(filter_of("ops", "video"));
}

/* Without token_file nobody is asked; with one that has no token nobody is let in. */
static void test_none(void **state)
{
	(void)state;
	conf.http.ntoken = 0;
	assert_false(may(route("/stats"), "reader"));
	conf.http.token_file = nothing;
	assert_true(may_with(route("/jobs/cancel"), "", NULL, NULL));
	assert_null(q.token);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(test_every_route), CASE(test_how_it_is_sent), CASE(test_a_long_token), CASE(test_queues), CASE(test_filters), CASE(test_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
