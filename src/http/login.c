/* GET and POST /status/login, POST /status/logout: a browser's token is a cookie that no script and no other site's page can use. Called through http_routes and by auth.c.
 * Nothing here is fatal. */
#include "http/login.h"

#include <stdio.h>
#include <string.h>

#include "http/auth.h"
#include "http/form.h"
#include "http/html.h"

void login_page(struct http_request *q, int status, const char *why)
{
	struct buf b = { 0 };

	buf_str(&b, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Stint: log in</title>\n"
		"<link rel=\"stylesheet\" href=\"/status/style.css\">\n<link rel=\"icon\" href=\"/status/icon.svg\">\n</head>\n<body class=\"login\">\n<main>\n<h1>Stint</h1>\n");
	if (why) {
		buf_str(&b, "<p class=\"bad\" role=\"alert\">");
		html_text(&b, slice_of(why));
		buf_str(&b, "</p>\n");
	}
	buf_str(&b, "<form method=\"post\" action=\"/status/login\">\n<label for=\"token\">Access token</label>\n"
		"<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required autofocus>\n<button>Log in</button>\n</form>\n"
		"<p>A token is made by <code>stint token NAME ROLE</code> on the server.</p>\n</main>\n</body>\n</html>\n");
	reply_header(q, "Content-Security-Policy", HTML_POLICY);
	reply_header(q, "Referrer-Policy", HTML_REFERRER);
	reply_header(q, "Vary", "Accept, Cookie");
	reply_send(q, status, "text/html; charset=utf-8", &b);
	buf_free(&b);
}

/* --- the form --- */

/* Nothing that could end the cookie, or begin another header. */
static bool fits_a_cookie(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || strchr("\",;\\", s.p[i]))
			return false;
	return s.n > 0;
}

static void set_cookie(struct http_request *q, struct slice token, const char *more)
{
	char line[AUTH_TOKEN_MAX + 120];

	snprintf(line, sizeof(line), AUTH_COOKIE "=%.*s; Path=/; HttpOnly; SameSite=Strict%s%s", (int)token.n, token.p, http_is_tls(q) ? "; Secure" : "", more);
	reply_header(q, "Set-Cookie", line);
}

void api_login_page(struct http_request *q)
{
	login_page(q, 200, NULL);
}

void api_login(struct http_request *q)
{
	const struct conf_token *known;
	struct slice token;
	struct form f;

	if (!form_read(&f, q, "token"))
		return;
	token = form_get(&f, "token");
	known = token.n && fits_a_cookie(token) ? auth_token(q->api->conf, token) : NULL;
	if (known) {
		set_cookie(q, token, "; Max-Age=2592000");
		/* what a token may see first: the whole server, its own queues, or nothing but a form to submit with */
		bool reads = known->roles & (CONF_ROLE_READ | CONF_ROLE_ADMIN);
		reply_see_other(q, !reads ? "/status/submit" : known->queues_bytes ? "/status/jobs" : "/status");
	} else {
		reply_header(q, "WWW-Authenticate", AUTH_UNKNOWN);
		login_page(q, 401, "That token is not known here.");
	}
	form_free(&f);
}

void api_logout(struct http_request *q)
{
	set_cookie(q, (struct slice){ "", 0 }, "; Max-Age=0");
	reply_see_other(q, "/status/login");
}
