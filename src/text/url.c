/* Takes a URL apart (RFC 3986, absolute with an authority). Used by the conf's checks, and by the handlers that call out. Pure. */
#include "text/url.h"

#include <string.h>
#include <strings.h>

#include "text/ip.h"

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool scheme_char(char c)
{
	return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static bool host_char(char c)
{
	return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static const char *take_scheme(struct slice *s, struct slice *scheme)
{
	size_t n = 0;

	while (n < s->n && (n ? scheme_char(s->p[n]) : letter(s->p[n])))
		n++;
	if (n == 0 || s->n < n + 3 || memcmp(s->p + n, "://", 3) != 0)
		return "it does not begin with a scheme and \"://\"";
	*scheme = (struct slice){ s->p, n };
	*s = (struct slice){ s->p + n + 3, s->n - n - 3 };
	return NULL;
}

static void take_user(struct slice *authority, struct url *out)
{
	const char *at = authority->n ? memrchr(authority->p, '@', authority->n) : NULL;

	if (!at)
		return;
	struct slice info = { authority->p, (size_t)(at - authority->p) };
	const char *colon = info.n ? memchr(info.p, ':', info.n) : NULL;
	*authority = (struct slice){ at + 1, authority->n - info.n - 1 };
	out->has_user = true;
	out->user = (struct slice){ info.p, colon ? (size_t)(colon - info.p) : info.n };
	if (!colon)
		return;
	out->has_password = true;
	out->password = (struct slice){ colon + 1, info.n - out->user.n - 1 };
}

static const char *take_port(struct slice s, uint16_t *port)
{
	unsigned long v = 0;

	if (s.n == 0)
		return NULL;            /* "host:" is "host" */
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || i > 4)
			return "its port is no number from 1 to 65535";
		v = v * 10 + (unsigned long)(s.p[i] - '0');
	}
	if (v < 1 || v > 65535)
		return "its port is no number from 1 to 65535";
	*port = (uint16_t)v;
	return NULL;
}

static const char *take_host(struct slice authority, struct url *out)
{
	struct ip a;
	size_t n = 0;

	if (authority.n && authority.p[0] == '[') {
		const char *end = memchr(authority.p, ']', authority.n);
		n = end ? (size_t)(end - authority.p) + 1 : 0;
		if (!n || !ip_parse((struct slice){ authority.p, n }, &a) || !a.v6)
			return "what stands in brackets is no IPv6 address";
	} else {
		while (n < authority.n && host_char(authority.p[n]))
			n++;
		if (n == 0 && (n == authority.n || authority.p[n] == ':'))
			return "it names no host";
		if (n > 253 || (n < authority.n && authority.p[n] != ':'))
			return "its host is no name: letters, digits, '.', '-' and '_' make one (write others in their xn-- form)";
	}
	out->host = (struct slice){ authority.p, n };
	out->place = authority;
	if (n == authority.n)
		return NULL;
	if (authority.p[n] != ':')
		return "behind its host stands what is no port";
	return take_port((struct slice){ authority.p + n + 1, authority.n - n - 1 }, &out->port);
}

const char *url_parse(struct slice s, struct url *out)
{
	const char *wrong;

	*out = (struct url){ .port = 0 };
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return "it has a space or a control character";
		if ((unsigned char)s.p[i] > 0x7f)
			return "it has a character beyond ASCII: write it percent-coded";
	}
	wrong = take_scheme(&s, &out->scheme);
	if (wrong)
		return wrong;
	size_t n = 0;
	while (n < s.n && !strchr("/?#\\", s.p[n]))
		n++;
	if (n < s.n && s.p[n] == '\\')
		return "it has a backslash";
	struct slice authority = { s.p, n };
	out->path = (struct slice){ s.p + n, s.n - n };
	take_user(&authority, out);
	return take_host(authority, out);
}

bool url_scheme_is(const struct url *u, const char *scheme)
{
	return u->scheme.n == strlen(scheme) && strncasecmp(u->scheme.p, scheme, u->scheme.n) == 0;
}

bool url_host_is(struct slice host, const char *name)
{
	size_t n = strlen(name);

	host.n -= host.n > 1 && host.p[host.n - 1] == '.';
	n -= n > 1 && name[n - 1] == '.';
	return host.n == n && strncasecmp(host.p, name, n) == 0;
}

void url_encode(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:", s.p[i]))
			buf_char(out, s.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)s.p[i]);
}
