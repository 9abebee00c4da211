/* The pages' way to a token: the form, the cookie that a good token becomes, what is said of any other, and the way out. */
#include "page_test.h"

#include "http/auth.h"
#include "http/login.h"
#include "os/crypto.h"

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)op, (void)tag, (void)piece, (void)n;
	fail_msg("nothing is asked of the keeper here");
	return -1;
}

static char some[] = "mail\0video";
static struct conf_token tokens[] = {
	{ .name = (char[]){ "reader" }, .roles = CONF_ROLE_READ }, { .name = (char[]){ "ops" }, .roles = CONF_ROLE_ADMIN }, { .name = (char[]){ "shop" }, .roles = CONF_ROLE_SUBMIT },
	{ .name = (char[]){ "far" }, .roles = CONF_ROLE_WORK }, { .name = (char[]){ "mail" }, .roles = CONF_ROLE_READ | CONF_ROLE_SUBMIT, .queues = some, .queues_bytes = sizeof(some) },
	{ .name = (char[]){ "long" }, .roles = CONF_ROLE_READ },
};
#define TOKENS (sizeof(tokens) / sizeof(tokens[0]))
static char longest[AUTH_TOKEN_MAX + 1];                /* what "long" is known by; the others are known by their names */

static int setup(void **state)
{
	memset(longest, 'x', AUTH_TOKEN_MAX);
	for (size_t i = 0; i < TOKENS; i++) {
		const char *token = i == TOKENS - 1 ? longest : tokens[i].name;
		assert_true(crypto_sha256(token, strlen(token), tokens[i].hash));
	}
	conf.http.token_file = token_file;
	conf.http.token = tokens;
	conf.http.ntoken = TOKENS;
	return api_setup(state);
}

static void login(const char *form)
{
	browser(HTTP_M_POST, "/status/login");
	q.body = slice_of(form);
	api_login(&q);
	assert_int_equal(answer.answers, 1);
}

static void header_is(const char *line, bool there)
{
	if ((strstr(answer.headers, line) != NULL) != there)
		fail_msg("%s: %s", line, answer.headers);
}

/* Tells that it is refused, in the form to try again with; nothing is kept. */
static void is_refused(void)
{
	is_page(401);
	has("<p class=\"bad\" role=\"alert\">That token is not known here.</p>");
	has("name=\"token\" type=\"password\"");
	header_is("Set-Cookie", false);
	header_is("Location", false);
	header_is("WWW-Authenticate: Bearer realm=\"stint\"", true);
}

static void leads_to(const char *token, const char *where)
{
	char form[AUTH_TOKEN_MAX + 16], line[AUTH_TOKEN_MAX + 100];

	snprintf(form, sizeof(form), "token=%s", token);
	login(form);
	assert_int_equal(answer.status, 303);
	snprintf(line, sizeof(line), "Location: %s\n", where);
	header_is(line, true);
	snprintf(line, sizeof(line), "Set-Cookie: stint_token=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000\n", token);
	header_is(line, true);
	header_is("WWW-Authenticate", false);
}

/* --- tests --- */

static void the_form(void **state)
{
	(void)state;
	browser(HTTP_M_GET, "/status/login");
	api_login_page(&q);
	is_page(200);
	has("<form method=\"post\" action=\"/status/login\">");
	has_not("role=\"alert\"");
	header_is("Vary: Accept, Cookie\n", true);
	header_is("Referrer-Policy: ", true);
	header_is("Set-Cookie", false);
	browser(HTTP_M_GET, "/status/login");
	login_page(&q, 401, "<b>\"no\" & nothing</b>");
	has("&lt;b&gt;");
	has("&amp; nothing");
	has_not("<b>");
}

static void good_tokens(void **state)
{
	(void)state;
	leads_to("reader", "/status");
	leads_to("ops", "/status");
	/* what it may not see is not where it is led to */
	leads_to("shop", "/status/submit");
	leads_to("far", "/status/submit");
	leads_to("mail", "/status/jobs");
	leads_to(longest, "/status");
	login("token=%72eader");
	assert_int_equal(answer.status, 303);
	header_is("Set-Cookie: stint_token=reader;", true);
}

static void other_tokens(void **state)
{
	static const char *const form[] = {
		"", "token", "token=", "token=nobody", "token=Reader", "token=reade", "token=readerx", "token=+reader", "token=reader%0a", "token=reader%3b+Path%3d%2fx", "token=%22reader%22",
		"token=reader%2cx", "token=r%c3%a9ader", "token=reader%5c",
	};
	char text[AUTH_TOKEN_MAX + 16];

	(void)state;
	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		login(form[i]);
		is_refused();
	}
	snprintf(text, sizeof(text), "token=%sx", longest);
	login(text);
	is_refused();
}

/* A token whose text could end the cookie is not put into one, known or not. */
static void no_cookie_for_it(void **state)
{
	static const char *const token[] = { "a b", "a;b", "a,b", "a\"b", "a\\b", "a\tb", "\x7f", "\xc3\xa9" };
	char form[64];

	(void)state;
	for (size_t i = 0; i < sizeof(token) / sizeof(token[0]); i++) {
		assert_true(crypto_sha256(token[i], strlen(token[i]), tokens[0].hash));
		assert_non_null(auth_token(&conf, slice_of(token[i])));
		size_t n = (size_t)snprintf(form, sizeof(form), "token=");
		for (const char *p = token[i]; *p; p++)
			n += (size_t)snprintf(form + n, sizeof(form) - n, "%%%02x", (unsigned char)*p);
		login(form);
		is_refused();
	}
}

/* What is no such form is refused as such, and nobody is let in. */
static void bad_forms(void **state)
{
	static const struct { const char *form, *field, *says; } bad[] = {
		{ "token=reader&token=ops", "token", "twice" }, { "user=x&token=reader", "user", "not known" }, { "token=%zz", "token", "percent-coded" }, { "token=reader%00", "token", "U+0000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		login(bad[i].form);
		assert_int_equal(answer.status, 400);
		assert_string_equal(answer.field, bad[i].field);
		assert_non_null(strstr(answer.detail, bad[i].says));
		header_is("Set-Cookie", false);
	}
	browser(HTTP_M_POST, "/status/login");
	page_header[1].value = SLICE("application/json");
	q.body = SLICE("{\"token\":\"reader\"}");
	api_login(&q);
	assert_int_equal(answer.status, 415);
	header_is("Set-Cookie", false);
}

/* With no token known nobody gets in, and where none is needed none is kept. */
static void without_tokens(void **state)
{
	(void)state;
	conf.http.ntoken = 0;
	login("token=reader");
	is_refused();
	conf.http.token_file = NULL;
	login("token=reader");
	is_refused();
}

static void the_way_out(void **state)
{
	(void)state;
	browser(HTTP_M_POST, "/status/logout");
	api_logout(&q);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 303);
	header_is("Location: /status/login\n", true);
	/* the same cookie, or a browser keeps the old one beside it */
	header_is("Set-Cookie: stint_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0\n", true);
}

/* The cookie that was set is the one that is understood, and the one that takes it back is nobody's. */
static void there_and_back(void **state)
{
	const struct http_route *r = http_routes;
	char cookie[AUTH_TOKEN_MAX + 100];

	(void)state;
	while (strcmp(r->pattern, "/stats") != 0)
		r++;
	for (int out = 0; out < 2; out++) {
		login("token=reader");
		if (out)
			api_logout(&q);
		const char *line = answer.headers;
		for (const char *p = line; (p = strstr(p, "Set-Cookie: ")) != NULL; p++)
			line = p + strlen("Set-Cookie: ");
		snprintf(cookie, sizeof(cookie), "%.*s", (int)strcspn(line, ";"), line);
		browser(HTTP_M_GET, "/stats");
		page_header[1] = (struct http_pair){ SLICE("cookie"), slice_of(cookie) };
		q.route = r;
		assert_int_equal(auth_check(&q), !out);
	}
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(the_form), CASE(good_tokens), CASE(other_tokens), CASE(no_cookie_for_it), CASE(bad_forms), CASE(without_tokens), CASE(the_way_out), CASE(there_and_back) };

	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
