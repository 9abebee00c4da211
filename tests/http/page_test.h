/* What the tests of pages look for in an answer: text that is there, elements that are closed, nothing that the policy forbids. */
#ifndef STINT_TESTS_HTTP_PAGE_TEST_H
#define STINT_TESTS_HTTP_PAGE_TEST_H

#include "api_test.h"

#ifndef STINT_TESTS_HTTP_SUBMIT_TEST_H
/* A test that submits nothing says what it asks the keeper for in an ask_add() of its own. */
int ask_add_group(struct ask_box *b, uint32_t results, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)results, (void)piece, (void)n;
	fail_msg("no page submits a group");
	return -1;
}

int ask_stage(struct ask_box *b, const void *bytes, size_t n, ask_staged_fn ready, void *arg)
{
	(void)b, (void)bytes, (void)n, (void)ready, (void)arg;
	fail_msg("nothing is staged here");
	return -1;
}
#endif

static struct http_request q;
static struct http_pair page_header[2];
static MAYBE char token_file[] = "/tokens";     /* a conf that names one is locked */

/* A browser's request; its route's arguments and query are the caller's to add. */
static MAYBE void browser(enum http_method method, const char *path)
{
	page_header[0] = (struct http_pair){ SLICE("accept"), SLICE("text/html,application/xhtml+xml") };
	page_header[1] = (struct http_pair){ SLICE("content-type"), SLICE("application/x-www-form-urlencoded") };
	q = (struct http_request){ .api = &api, .method = method, .path = slice_of(path), .header = page_header, .nheader = 2 };
	answer_clear();
}

static MAYBE void ask_query(const char *name, const char *value)
{
	q.query[q.nquery++] = (struct http_pair){ slice_of(name), slice_of(value) };
}

static MAYBE void has(const char *text)
{
	if (!answer.body || !strstr(answer.body, text))
		fail_msg("not on the page: %s\n%d %s\n%s", text, answer.status, answer.detail, answer.body ? answer.body : "");
}

static MAYBE void has_not(const char *text)
{
	if (answer.body && strstr(answer.body, text))
		fail_msg("on the page: %s", text);
}

/* Every element that is opened is closed, in order. */
static MAYBE void is_well_formed(void)
{
	static const char *const empty[] = { "meta", "link", "rect", "input", "br" };
	char stack[64][16];
	int depth = 0;

	for (const char *p = strchr(answer.body, '<'); p; p = strchr(p + 1, '<')) {
		char name[16];
		bool closing = p[1] == '/', skip = p[1] == '!';
		if (sscanf(p + 1 + closing, "%15[a-z0-9]", name) != 1) {
			assert_true(skip);
			continue;
		}
		for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
			skip = skip || strcmp(name, empty[i]) == 0;
		if (skip)
			continue;
		if (closing) {
			assert_true(depth > 0);
			assert_string_equal(name, stack[--depth]);
		} else {
			assert_true(depth < 64);
			snprintf(stack[depth++], sizeof(stack[0]), "%s", name);
		}
	}
	assert_int_equal(depth, 0);
}

static MAYBE void is_without_inline(void)
{
	static const char *const forbidden[] = { " style=", "<style", " onclick", " onload", " onsubmit", "javascript:", "<script>", "http://", "https://" };
	const char *policy = strstr(answer.headers, "Content-Security-Policy: ");

	assert_non_null(policy);
	assert_non_null(strstr(policy, "default-src 'self'"));
	assert_null(strstr(policy, "unsafe"));
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		has_not(forbidden[i]);
}

/* A good page, whatever stands on it. */
static MAYBE void is_page(int status)
{
	if (answer.status != status)
		fail_msg("%d, not %d: %s", answer.status, status, answer.detail);
	assert_int_equal(answer.answers, 1);
	assert_string_equal(answer.content_type, "text/html; charset=utf-8");
	is_well_formed();
	is_without_inline();
}

#endif
