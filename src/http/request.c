/* Owns a request's parts: what llhttp says of them must agree with what the lint has found. Called by conn.c; http_header(), http_query() and http_accepts() by handlers. Nothing is fatal. */
#include "http/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/lint_table.h"
#include "http/route.h"

#define TEXT_KEPT 4096                  /* bytes of decoded text that an exchange keeps for the next one */

__attribute__((format(printf, 2, 3))) static bool refuse(struct http_exchange *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x->lint.no.why, sizeof(x->lint.no.why), fmt, ap);
	va_end(ap);
	x->lint.no.status = 400;
	return false;
}

/* --- llhttp's side --- */

static struct http_exchange *of(llhttp_t *p)
{
	return p->data;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
	struct http_exchange *x = of(p);
	char *name = x->base + (at - x->base);

	if (x->parsed)
		return 0;               /* a trailer's */
	if (x->q.nheader == LINT_HEADERS_MAX)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] |= 0x20;
	x->header[x->q.nheader++] = (struct http_pair){ { name, n }, { "", 0 } };
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
	struct http_exchange *x = of(p);

	if (x->parsed)
		return 0;
	if (x->q.nheader == 0 || x->header[x->q.nheader - 1].value.n)
		return -1;              /* the whole head comes at once: a value in two pieces cannot be */
	while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
		n--;
	x->header[x->q.nheader - 1].value = (struct slice){ at, n };
	return 0;
}

static int on_head(llhttp_t *p)
{
	struct http_exchange *x = of(p);
	bool chunked = p->flags & F_CHUNKED;

	p->upgrade = 0;                 /* an offer that we do not take: the request is answered as it stands */
	if (x->q.nheader != x->lint.nheader || chunked != x->lint.chunked || p->http_major != 1 || p->http_minor != 1)
		return -1;
	return !chunked && p->content_length != x->lint.content_length ? -1 : 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
	struct http_exchange *x = of(p);

	if (at != x->base + x->bytes)
		memmove(x->base + x->bytes, at, n);
	x->bytes += n;
	return 0;
}

static int on_end(llhttp_t *p)
{
	of(p)->complete = true;
	return 0;
}

static const llhttp_settings_t settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
};

static bool feed(struct http_exchange *x, const char *p, size_t n)
{
	if (llhttp_execute(&x->parser, p, n) == HPE_OK)
		return true;
	return refuse(x, "the request cannot be taken for HTTP/1.1 without doubt: %.100s", llhttp_get_error_reason(&x->parser) ? llhttp_get_error_reason(&x->parser) : "parse error");
}

/* --- path and query --- */

/* Appends s with its escapes resolved. The room has been reserved: nothing moves. */
static bool decode(struct http_exchange *x, struct slice s, bool plus, struct slice *out)
{
	size_t from = x->text.len;

	for (size_t i = 0; i < s.n; i++) {
		unsigned value = 0;

		if (s.p[i] != '%') {
			buf_char(&x->text, plus && s.p[i] == '+' ? ' ' : s.p[i]);
			continue;
		}
		for (size_t j = 1; j <= 2; j++) {
			char c = i + j < s.n ? s.p[i + j] : 0;

			if (!(lint_set[(unsigned char)c] & LINT_HEX))
				return refuse(x, "a %% in the target is not followed by two hexadecimal digits; write %%25 for the character itself");
			value = value << 4 | (c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10);
		}
		if (value == 0)
			return refuse(x, "the target holds %%00, which stands for nothing here");
		buf_char(&x->text, (char)value);
		i += 2;
	}
	*out = (struct slice){ x->text.data + from, x->text.len - from };
	return true;
}

static bool take_query(struct http_exchange *x, struct slice s)
{
	while (s.n) {
		const char *amp = memchr(s.p, '&', s.n);
		struct slice pair = { s.p, amp ? (size_t)(amp - s.p) : s.n };
		const char *eq = memchr(pair.p, '=', pair.n);
		struct slice name = { pair.p, eq ? (size_t)(eq - pair.p) : pair.n };
		struct slice value = { eq ? eq + 1 : "", eq ? pair.n - name.n - 1 : 0 };

		if (name.n == 0)
			return refuse(x, "the query has a parameter without a name");
		if (x->q.nquery == HTTP_QUERY_MAX)
			return refuse(x, "the query has more than %d parameters", HTTP_QUERY_MAX);
		if (!decode(x, name, true, &x->q.query[x->q.nquery].name) || !decode(x, value, true, &x->q.query[x->q.nquery].value))
			return false;
		x->q.nquery++;
		if (amp && amp + 1 == s.p + s.n)
			return refuse(x, "the query ends in &");
		s = (struct slice){ amp ? amp + 1 : NULL, amp ? s.n - pair.n - 1 : 0 };
	}
	return true;
}

/* Segments are told apart before escapes are resolved: %2F is a character of a segment. */
static bool take_path(struct http_exchange *x, struct slice s)
{
	size_t from = x->text.len;

	while (s.n) {
		const char *slash = memchr(s.p + 1, '/', s.n - 1);
		struct slice part = { s.p + 1, (slash ? (size_t)(slash - s.p) : s.n) - 1 };
		unsigned at = x->nsegment < REQUEST_SEGMENTS ? x->nsegment : REQUEST_SEGMENTS;

		buf_char(&x->text, '/');
		if (!decode(x, part, false, &x->segment[at]))
			return false;
		x->nsegment++;
		s = (struct slice){ slash, s.n - part.n - 1 };
	}
	x->q.path = (struct slice){ x->text.data + from, x->text.len - from };
	return true;
}

static bool take_target(struct http_exchange *x, const char *head)
{
	struct slice s = { head + x->lint.path_query.at, x->lint.path_query.n };
	const char *mark = s.n ? memchr(s.p, '?', s.n) : NULL;
	struct slice path = { s.p, mark ? (size_t)(mark - s.p) : s.n };

	x->q.target = (struct slice){ head + x->lint.target.at, x->lint.target.n };
	x->q.nquery = 0;
	x->nsegment = 0;
	buf_clear(&x->text);
	if (x->lint.star) {
		x->q.path = SLICE("*");
		return true;
	}
	if (!buf_reserve(&x->text, s.n + 2))
		return refuse(x, "out of memory");
	if (path.n == 0)
		path = SLICE("/");
	return take_path(x, path) && (!mark || take_query(x, (struct slice){ mark + 1, s.n - (size_t)(mark + 1 - s.p) }));
}

/* --- the life of an exchange --- */

void request_begin(struct http_exchange *x, struct http_wire *w, struct http_conn *c)
{
	struct http_request *q = &x->q;

	if (!x->wire) {
		llhttp_init(&x->parser, HTTP_REQUEST, &settings);
		x->parser.data = x;
	} else {
		llhttp_reset(&x->parser);
	}
	if (x->text.cap > TEXT_KEPT)
		buf_free(&x->text);
	buf_clear(&q->extra);
	x->wire = w;
	q->conn = c;
	q->route = NULL;
	q->method = HTTP_M_OTHER;
	q->target = q->path = (struct slice){ NULL, 0 };
	memset(q->arg, 0, sizeof(q->arg));
	q->header = x->header;
	q->nheader = q->nquery = 0;
	q->body = (struct slice){ NULL, 0 };
	q->token = NULL;
	q->began_ns = 0;
	q->gone = false;
	q->on_gone = q->on_room = NULL;
	q->sent = NULL;
	q->state = NULL;
	q->streamed = q->hold = false;
	q->on_body = NULL;
	lint_begin(&x->lint);
	memset(&x->chunks, 0, offsetof(struct lint_chunks, no));
	x->bytes = x->body_mark = 0;
	x->taken = x->given = 0;
	x->nsegment = 0;
	x->parsed = x->checked = x->complete = x->whole = x->handed = x->answered = x->live = false;
}

bool request_head(struct http_exchange *x, char *head)
{
	bool none = !x->lint.chunked && x->lint.content_length == 0;

	x->q.method = x->lint.method;
	if (!take_target(x, head))
		return false;
	x->base = head;
	x->bytes = x->lint.bytes;
	if (!feed(x, head, x->lint.bytes))
		return false;
	x->parsed = true;
	return x->complete == none || refuse(x, "where the request's head ends cannot be told without doubt");
}

bool request_body(struct http_exchange *x, char *head, char *p, size_t n)
{
	x->base = head;
	return feed(x, p, n);
}

static void follow(struct slice *s, const char *from, char *to)
{
	if (s->n)
		s->p = to + (s->p - from);
}

void request_moved(struct http_exchange *x, const char *from, char *to)
{
	follow(&x->q.target, from, to);
	for (size_t i = 0; i < x->q.nheader; i++) {
		follow(&x->header[i].name, from, to);
		follow(&x->header[i].value, from, to);
	}
}

void request_guess(struct http_exchange *x, char *head)
{
	char allow[ROUTE_ALLOW_BYTES];
	struct lint_refusal no = x->lint.no;

	x->q.method = x->lint.method;
	if (x->lint.target.n && take_target(x, head) && x->nsegment <= REQUEST_SEGMENTS)
		x->q.route = route_find(x->q.method, x->segment, x->nsegment, x->q.arg, allow);
	x->lint.no = no;
}

/* --- what handlers ask --- */

struct slice http_header(const struct http_request *q, const char *lower_name)
{
	size_t n = strlen(lower_name);

	for (size_t i = 0; i < q->nheader; i++)
		if (q->header[i].name.n == n && memcmp(q->header[i].name.p, lower_name, n) == 0)
			return q->header[i].value;
	return (struct slice){ NULL, 0 };
}

struct slice http_query(const struct http_request *q, const char *name)
{
	for (size_t i = 0; i < q->nquery; i++)
		if (slice_eq(q->query[i].name, name))
			return q->query[i].value;
	return (struct slice){ NULL, 0 };
}

static struct slice word_of(struct slice *rest, char end)
{
	const char *e = memchr(rest->p, end, rest->n);
	struct slice w = { rest->p, e ? (size_t)(e - rest->p) : rest->n };

	*rest = (struct slice){ e ? e + 1 : rest->p, e ? rest->n - w.n - 1 : 0 };
	return slice_trim(w);
}

/* "q=0.25" in thousandths; -1 where it is something else. */
static int quality(struct slice w)
{
	int v = 0, unit = 1000;

	if (w.n < 3 || (w.p[0] | 0x20) != 'q' || w.p[1] != '=')
		return -1;
	for (size_t i = 2; i < w.n && unit; i++)
		if (w.p[i] >= '0' && w.p[i] <= '9') {
			v += (w.p[i] - '0') * unit;
			unit /= 10;
		}
	return v < 1000 ? v : 1000;
}

/* How much Accept wants a media type by its name, by its family and by the wildcard for all, in thousandths; -1 where it does not say. */
struct wanted { int exact, family, any; };

static void wanted_as(struct wanted *w, struct slice name, const char *media_type, int q)
{
	size_t family = (size_t)(strchr(media_type, '/') - media_type) + 1;
	int *what = NULL;

	if (name.n == strlen(media_type) && strncasecmp(name.p, media_type, name.n) == 0)
		what = &w->exact;
	else if (name.n == family + 1 && strncasecmp(name.p, media_type, family) == 0 && name.p[family] == '*')
		what = &w->family;
	else if (slice_eq(name, "*/" "*"))
		what = &w->any;
	if (what && *what < q)
		*what = q;
}

static struct wanted wanted_of(const struct http_request *q, const char *media_type)
{
	struct wanted w = { -1, -1, -1 };

	for (size_t i = 0; i < q->nheader; i++) {
		struct slice rest = q->header[i].value;

		if (!slice_eq(q->header[i].name, "accept"))
			continue;
		while (rest.n) {
			struct slice item = word_of(&rest, ','), name = word_of(&item, ';');
			int said = 1000;

			while (item.n) {
				int value = quality(word_of(&item, ';'));
				said = value < 0 ? said : value;
			}
			wanted_as(&w, name, media_type, said);
		}
	}
	return w;
}

bool http_accepts(const struct http_request *q, const char *media_type)
{
	return wanted_of(q, media_type).exact > 0;
}

bool http_prefers(const struct http_request *q, const char *media_type, const char *other)
{
	struct wanted a = wanted_of(q, media_type), b = wanted_of(q, other);
	int much = a.exact >= 0 ? a.exact : a.family >= 0 ? a.family : a.any;
	int less = b.exact >= 0 ? b.exact : b.family >= 0 ? b.family : b.any;

	return much > 0 && (much > less || (much == less && a.exact > 0 && b.exact <= 0));
}
