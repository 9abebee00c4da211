/* Listen addresses: text to struct conf_listen, duplicates, and what this version may listen on. Called by check.c. */
#include "config/internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

struct address { int family; unsigned char b[16]; };

static const char forms[] = "\"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/stint/http.sock\"";

static bool port_of(const char *s, uint16_t *port)
{
	unsigned v = 0;

	if (!*s || strlen(s) > 5 || strspn(s, "0123456789") != strlen(s))
		return false;
	for (; *s; s++)
		v = v * 10 + (unsigned)(*s - '0');
	*port = (uint16_t)v;
	return v > 0 && v <= 65535;
}

static bool is_loopback(const struct address *a)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff }, one[16] = { [15] = 1 };

	if (a->family == AF_INET)
		return a->b[0] == 127;
	return memcmp(a->b, one, 16) == 0 || (memcmp(a->b, mapped, 12) == 0 && a->b[12] == 127);
}

/* "*:8080", "8080", "localhost:8080": said with what would be right. */
static void bad_address(struct loader *l, const struct setting *s, unsigned line, const char *text)
{
	uint16_t port;

	if (port_of(text, &port))
		mistake(l, s->file, line, "bad listen address '%s': the address is missing, write \"127.0.0.1:%u\"", text, port);
	else if (strncmp(text, "localhost:", 10) == 0)
		mistake(l, s->file, line, "bad listen address '%s': names are not looked up, write \"127.0.0.1%s\"", text, text + 9);
	else
		mistake(l, s->file, line, "bad listen address '%s': expected %s", text, forms);
}

static bool unix_address(struct loader *l, const struct setting *s, unsigned line, const char *path, struct conf_listen *out)
{
	struct sockaddr_un room;
	const char *whole = hold_path(l, l->prefix, path);

	if (!whole)
		return false;
	if (!*path) {
		mistake(l, s->file, line, "bad listen address 'unix:': the path is missing, write \"unix:/run/stint/http.sock\"");
		return false;
	}
	if (strlen(whole) >= sizeof room.sun_path) {
		mistake(l, s->file, line, "the path of listen address 'unix:%s' is too long: %zu characters, %zu are possible", shown(l, slice_of(whole)),
			strlen(whole), sizeof room.sun_path - 1);
		return false;
	}
	out->is_unix = out->loopback = true;
	out->host = strdup(whole);
	free(out->text);
	if (asprintf(&out->text, "unix:%s%s", whole, out->tls ? " tls" : "") < 0)
		out->text = NULL;
	l->no_memory |= !out->host || !out->text;
	return out->host && out->text;
}

static bool ip_address(struct loader *l, const struct setting *s, unsigned line, const char *text, struct conf_listen *out, struct address *a)
{
	const char *colon = strrchr(text, ':');
	bool v6 = *text == '[';
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (!colon || !n || (v6 && text[n - 1] != ']') || (!v6 && memchr(text, ':', n))) {
		bad_address(l, s, line, text);
		return false;
	}
	char *host = hold_slice(l, v6 ? (struct slice){ text + 1, n - 2 } : (struct slice){ text, n });
	if (!host)
		return false;
	a->family = v6 ? AF_INET6 : AF_INET;
	if (inet_pton(a->family, host, a->b) != 1) {
		bad_address(l, s, line, text);
		return false;
	}
	if (!port_of(colon + 1, &out->port)) {
		mistake(l, s->file, line, "bad port '%s' in listen address '%s': expected 1 to 65535", shown(l, slice_of(colon + 1)), text);
		return false;
	}
	out->loopback = is_loopback(a);
	out->host = strdup(host);
	l->no_memory |= !out->host;
	return out->host;
}

static void one(struct loader *l, const struct setting *s, unsigned line, const char *written, struct conf_listen *out, struct address *a)
{
	size_t n = strlen(written);
	bool good;

	out->text = strdup(written);
	if (!out->text) {
		l->no_memory = true;
		return;
	}
	out->tls = n > 4 && strcmp(written + n - 4, " tls") == 0;
	char *text = hold_slice(l, (struct slice){ written, out->tls ? n - 4 : n });
	if (!text)
		return;
	for (n = strlen(text); n && text[n - 1] == ' '; n--)
		text[n - 1] = '\0';
	if (strncmp(text, "unix:", 5) == 0)
		good = unix_address(l, s, line, text + 5, out);
	else
		good = ip_address(l, s, line, text, out, a);
	if (good && !out->loopback && !l->conf->http.token_file[0])
		mistake(l, s->file, line, "listen address '%s' can be reached from other machines, and so needs token_file: `stint token NAME ROLE` makes its lines. Without it "
			"only 127.0.0.1, [::1] and unix: may be listened on", shown(l, slice_of(written)));
}

static bool same(const struct conf_listen *x, const struct conf_listen *y, const struct address *a, const struct address *b)
{
	if (!x->host || !y->host || x->is_unix != y->is_unix)
		return false;
	if (x->is_unix)
		return strcmp(x->host, y->host) == 0;
	return x->port == y->port && a->family == b->family && memcmp(a->b, b->b, a->family == AF_INET ? 4 : 16) == 0;
}

void check_listen(struct loader *l, const struct block *http)
{
	struct conf_http *h = &l->conf->http;
	const struct setting here = { .file = http->file, .line = http->line }, *given = setting_of(http, "listen");
	const struct setting *s = given ? given : &here;
	struct address *a = hold(l, (h->listen_text.n + 1) * sizeof *a);

	h->listen = calloc(h->listen_text.n + 1, sizeof *h->listen);
	if (!h->listen || !a) {
		l->no_memory = true;
		return;
	}
	h->nlisten = h->listen_text.n;
	for (size_t i = 0; i < h->nlisten; i++) {
		unsigned line = i < s->n ? s->v[i].line : s->line;
		one(l, s, line, h->listen_text.v[i], &h->listen[i], &a[i]);
		char *text = h->listen[i].text ? strdup(h->listen[i].text) : NULL;      /* with the prefix, for conf_dump() */
		if (!text) {
			l->no_memory = true;
			return;
		}
		free(h->listen_text.v[i]);
		h->listen_text.v[i] = text;
		for (size_t j = 0; j < i; j++)
			if (same(&h->listen[i], &h->listen[j], &a[i], &a[j])) {
				mistake(l, s->file, line, "listen address '%s' is given twice", shown(l, slice_of(h->listen_text.v[i])));
				break;
			}
	}
}
