/* The files of tls_certificate and tls_key: read by conf_load() and by nobody else, since only the master may be allowed to. What is in them OpenSSL judges, in the process that uses them. */
#include "config/internal.h"

#include <stdlib.h>
#include <string.h>

/* A server that may not read them does not start. */
static void read_one(struct loader *l, const struct block *http, const char *option, const char *path, struct conf_pem *out)
{
	struct source *source = path[0] ? source_private(l, http, option, path) : NULL;

	if (!source)
		return;
	out->p = slice_dup(source->text);
	out->n = source->text.n;
	l->no_memory |= !out->p;
}

void pem_read(struct loader *l, const struct block *http)
{
	struct conf_http *h = &l->conf->http;
	const struct setting *s = setting_of(http, "listen");

	for (size_t i = 0; i < h->nlisten; i++)
		if (h->listen[i].tls && (!h->tls_certificate[0] || !h->tls_key[0])) {
			mistake(l, s ? s->file : http->file, s ? s->line : http->line, "listen address '%s' needs tls_certificate and tls_key", shown(l, slice_of(h->listen[i].text)));
			return;
		}
	if (l->text_only)
		return;
	read_one(l, http, "tls_certificate", h->tls_certificate, &h->certificate_pem);
	read_one(l, http, "tls_key", h->tls_key, &h->key_pem);
}

static void forget(struct conf_pem *p)
{
	if (p->p)
		explicit_bzero(p->p, p->n);
	free(p->p);
	*p = (struct conf_pem){ 0 };
}

void pem_free(struct conf_http *http)
{
	forget(&http->certificate_pem);
	forget(&http->key_pem);
}
