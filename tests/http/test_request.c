/* What a well-formed request is refused for before its handler sees it, and what its handler is told of it. */
#include "wire_test.h"

#define H "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"
#define POST(body) "POST /jobs HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n" body

static struct buf got;

static int teardown(void **state)
{
	buf_free(&got);
	return wire_teardown(state);
}

static const struct policy { const char *request, *status, *says; } policies[] = {
	{ GET("/"), "200", "" },
	{ GET("/jobs/a%2Fb/history"), "200", "[a/b]" },
	{ GET("/jobs/x?wait=1+s%26"), "200", "/jobs/x wait=1 s& [x]" },
	{ GET("/jobs/x?"), "200", "/jobs/x [x]" },
	{ GET("/jobs/x?wait"), "200", "wait=" },
	{ GET("/jobs/"), "404", "/jobs/ID" },
	{ GET("/jobs/x/"), "404", "" },
	{ GET("//jobs/x"), "404", "" },
	{ GET("/JOBS/x"), "404", "" },
	{ GET("/jobs/x/y/z"), "404", "" },
	{ GET("/a/b/c/d/e/f/g/h/i/j/k/l"), "404", "" },
	{ "PUT /jobs HTTP/1.1\r\n" H "\r\n", "405", "it takes" },
	{ "PUT /jobs/x HTTP/1.1\r\n" H "\r\n", "405", "it takes GET, HEAD" },
	{ "OPTIONS /jobs HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n", "405", "POST" },
	{ "PUT /nothing HTTP/1.1\r\n" H "\r\n", "404", "" },
	{ GET("/jobs/x?wait=1&wait=2"), "400", "\"field\":\"wait\"" },
	{ GET("/jobs/x?wiat=1"), "400", "\"field\":\"wiat\"" },
	{ "POST /jobs?typ=a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "400", "these are: type, queue, name, priority, run_at, delay, max_retries, timeout, expires_in, expires_at, idempotency_key, unique_key, key, trace, tag\"" },
	{ GET("/stats?a=1"), "400", "\"field\":\"a\"" },
	{ "POST /jobs?tag=a&tag=b&type=c HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "201", "0:" },
	{ "POST /jobs?type=a&type=b HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "400", "twice" },
	{ "GET /livez HTTP/1.1\r\nHost: 192.168.1.2:8080\r\n\r\n", "200", "" },
	{ "GET /livez HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", "200", "" },
	{ "GET /livez HTTP/1.1\r\nHost: LocalHost:1\r\n\r\n", "200", "" },
	{ "GET /livez HTTP/1.1\r\nHost: Jobs.Example.com\r\n\r\n", "200", "" },
	{ "GET /livez HTTP/1.1\r\nHost: example.com\r\n\r\n", "421", "hosts" },
	{ "GET /livez HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", "421", "" },
	{ "GET /livez HTTP/1.1\r\nHost: 1.2.3\r\n\r\n", "421", "" },
	{ "GET /livez HTTP/1.1\r\nHost: [::g]\r\n\r\n", "400", "" },
	{ "GET http://evil.example/livez HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421", "" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: http://localhost:8080\r\nContent-Length: 0\r\n\r\n", "201", "" },
	{ "POST /jobs HTTP/1.1\r\nHost: jobs.example.com\r\nOrigin: https://jobs.example.com:443\r\nContent-Length: 0\r\n\r\n", "201", "" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: http://localhost:8081\r\nContent-Length: 0\r\n\r\n", "403", "" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n", "403", "evil.example" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\nContent-Length: 0\r\n\r\n", "403", "" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost\r\nOrigin: \r\nContent-Length: 0\r\n\r\n", "403", "" },
	{ "GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", "200", "" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n\r\n", "201", "" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\nContent-Length: 0\r\n\r\n", "201", "" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n", "403", "another site" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-site\r\nContent-Length: 0\r\n\r\n", "403", "another site" },
	{ "POST /jobs HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n", "403", "another site" },
	{ "GET /livez HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", "200", "" },
};

static void what_is_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		const struct policy *p = &policies[i];
		int fd = dial();

		say(fd, p->request, strlen(p->request));
		hear(fd, &got);
		if (strcmp(statuses(&got), p->status) != 0 || !has((struct slice){ got.data, got.len }, p->says))
			fail_msg("%s: %.*s", p->request, (int)got.len, got.data);
		if (atoi(p->status) == 405)
			assert_true(has((struct slice){ got.data, got.len }, "\r\nAllow: "));
		buf_clear(&got);
		close(fd);
	}
}

static void accepts(void **state)
{
	static const struct { const char *header; bool json; } cases[] = {
		{ "application/json", true }, { "text/html, application/json;q=0.5", true }, { "APPLICATION/JSON ; charset=utf-8", true }, { "*/*", false },
		{ "application/*", false }, { "application/json;q=0", false }, { "application/json; a=b; Q=0.000", false }, { "application/json;q=0.001", true },
		{ "application/jsonx", false }, { "", false }, { ",,application/json", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct http_pair h[] = { { SLICE("accept"), SLICE("text/plain") }, { SLICE("accept"), slice_of(cases[i].header) } };
		struct http_request q = { .header = h, .nheader = 2 };

		assert_int_equal(http_accepts(&q, "application/json"), cases[i].json);
	}
}

static void prefers(void **state)
{
	static const struct { const char *header; bool json; } cases[] = {
		{ "application/json", true }, { "text/html", false }, { "", false }, { "*/*", false }, { "application/json, text/html", false },
		{ "application/json, text/html;q=0.5", true }, { "text/html;q=0.9, application/json;q=0.95", true }, { "application/json;q=0.1, text/html", false },
		{ "application/json, */*", true }, { "application/json;q=0.5, */*", false }, { "application/*", true }, { "text/*, application/json;q=0.2", false },
		{ "application/json;q=0, */*", false }, { "application/json;q=0", false }, { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false },
		{ "text/html;q=0, */*", true }, { "image/png", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct http_pair h[] = { { SLICE("accept"), slice_of(cases[i].header) } };
		struct http_request q = { .header = h, .nheader = 1 };

		assert_int_equal(http_prefers(&q, "application/json", "text/html"), cases[i].json);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, wire_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_asked), T(accepts), T(prefers),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
