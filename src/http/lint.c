/* Owns the rules of a request's head. Called by conn.c for every byte that comes before a body, and by request.c for authorities. Nothing here is fatal. */
#include "http/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/lint_table.h"

#define NAMES_SHOWN 40                  /* of a name in a message */

__attribute__((format(printf, 3, 4))) static enum lint_rc refuse(struct lint *l, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->no.why, sizeof(l->no.why), fmt, ap);
	va_end(ap);
	l->no.status = status;
	return LINT_BAD;
}

static bool all(struct slice s, unsigned char set)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(lint_set[(unsigned char)s.p[i]] & set))
			return false;
	return true;
}

static bool same(struct slice s, const char *word)
{
	return strlen(word) == s.n && strncasecmp(s.p, word, s.n) == 0;
}

/* --- the request line --- */

static enum lint_rc take_version(struct lint *l, struct slice v)
{
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[5] < '0' || v.p[5] > '9' || v.p[6] != '.' || v.p[7] < '0' || v.p[7] > '9')
		return refuse(l, 400, "the request line must end in HTTP/1.1");
	if (v.p[5] != '1' || v.p[7] != '1')
		return refuse(l, 505, "HTTP/%c.%c is not spoken here; HTTP/1.1 is", v.p[5], v.p[7]);
	return LINT_DONE;
}

static enum lint_rc take_method(struct lint *l, struct slice m)
{
	static const char *const name[] = { [HTTP_M_GET] = "GET", [HTTP_M_HEAD] = "HEAD", [HTTP_M_POST] = "POST", [HTTP_M_PUT] = "PUT", [HTTP_M_DELETE] = "DELETE",
		[HTTP_M_PATCH] = "PATCH", [HTTP_M_OPTIONS] = "OPTIONS" };

	if (m.n == 0 || !all(m, LINT_TOKEN))
		return refuse(l, 400, "the request line must be METHOD, one space, the target, one space and HTTP/1.1");
	for (unsigned i = 0; i < sizeof(name) / sizeof(*name); i++) {
		if (slice_eq(m, name[i])) {
			l->method = (enum http_method)i;
			return LINT_DONE;
		}
	}
	return refuse(l, 501, "the method %.*s is not known here; GET, HEAD and POST are (in capitals)", m.n > NAMES_SHOWN ? NAMES_SHOWN : (int)m.n, m.p);
}

static size_t scheme_of(struct slice t)
{
	if (t.n > 7 && strncasecmp(t.p, "http://", 7) == 0)
		return 7;
	if (t.n > 8 && strncasecmp(t.p, "https://", 8) == 0)
		return 8;
	return 0;
}

static enum lint_rc take_target(struct lint *l, const char *head, struct slice t)
{
	size_t skip = scheme_of(t), end;
	struct slice host, port;

	if (t.n == 0 || !all(t, LINT_TARGET))
		return refuse(l, 400, "the target must be one path of printable ASCII, with other characters as %%-escapes, between single spaces");
	l->target = (struct lint_span){ (uint32_t)(t.p - head), (uint32_t)t.n };
	if (t.p[0] == '/') {
		l->path_query = l->target;
		return LINT_DONE;
	}
	if (slice_eq(t, "*") && l->method == HTTP_M_OPTIONS) {
		l->star = true;
		return LINT_DONE;
	}
	if (!skip)
		return refuse(l, 400, "the target must begin with / (or be http://host/...)");
	for (end = skip; end < t.n && t.p[end] != '/' && t.p[end] != '?'; end++)
		;
	if (!lint_authority((struct slice){ t.p + skip, end - skip }, &host, &port))
		return refuse(l, 400, "the target's authority must be host or host:port");
	l->authority = (struct lint_span){ l->target.at + (uint32_t)skip, (uint32_t)(end - skip) };
	l->path_query = (struct lint_span){ l->target.at + (uint32_t)end, (uint32_t)(t.n - end) };
	return LINT_DONE;
}

static enum lint_rc take_request_line(struct lint *l, const char *head, struct slice line)
{
	const char *a = memchr(line.p, ' ', line.n), *b = a ? memrchr(line.p, ' ', line.n) : NULL;
	struct slice version;

	if (!a || a == b)
		return refuse(l, 400, "the request line must be METHOD, one space, the target, one space and HTTP/1.1");
	version = (struct slice){ b + 1, (size_t)(line.p + line.n - b - 1) };
	if (take_version(l, version) == LINT_BAD || take_method(l, (struct slice){ line.p, (size_t)(a - line.p) }) == LINT_BAD)
		return LINT_BAD;
	return take_target(l, head, (struct slice){ a + 1, (size_t)(b - a - 1) });
}

bool lint_authority(struct slice s, struct slice *host, struct slice *port)
{
	const char *colon;
	unsigned value = 0;
	size_t n;

	*port = (struct slice){ "", 0 };
	if (s.n && s.p[0] == '[') {
		const char *close = memchr(s.p, ']', s.n);

		if (!close || close == s.p + 1 || !all((struct slice){ s.p + 1, (size_t)(close - s.p - 1) }, LINT_ADDRESS))
			return false;
		n = (size_t)(close - s.p) + 1;
		colon = n < s.n ? close + 1 : NULL;
		if (colon && *colon != ':')
			return false;
	} else {
		colon = memchr(s.p ? s.p : "", ':', s.n);
		n = colon ? (size_t)(colon - s.p) : s.n;
		if (n == 0 || !all((struct slice){ s.p, n }, LINT_NAME))
			return false;
	}
	*host = (struct slice){ s.p, n };
	if (!colon)
		return true;
	*port = (struct slice){ colon + 1, s.n - n - 1 };
	for (size_t i = 0; i < port->n; i++) {
		if (i == 5 || port->p[i] < '0' || port->p[i] > '9')
			return false;
		value = value * 10 + (unsigned)(port->p[i] - '0');
	}
	return value <= 65535;
}

/* --- header lines --- */

static enum lint_rc take_length(struct lint *l, const char *head, struct slice v)
{
	uint64_t n = 0;

	(void)head;
	if (v.n == 0)
		return refuse(l, 400, "Content-Length is empty; it must be a number of bytes");
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return refuse(l, 400, "Content-Length must be one number of decimal digits and nothing else");
		if (n > (UINT64_MAX - 9) / 10)
			return refuse(l, 400, "Content-Length is larger than any number of bytes");
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	l->content_length = n;
	return LINT_DONE;
}

/* "chunked" and nothing else is understood. A list that does not end in it, or has it twice, leaves the body's end open. */
static enum lint_rc take_coding(struct lint *l, const char *head, struct slice v)
{
	size_t last = 0;

	(void)head;
	if (same(v, "chunked")) {
		l->chunked = true;
		return LINT_DONE;
	}
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == ',')
			last = i + 1;
	struct slice end = slice_trim((struct slice){ v.p + last, v.n - last }), first = slice_trim((struct slice){ v.p, last ? last - 1 : 0 });
	if (!all(end, LINT_TOKEN) || end.n == 0 || (first.n >= 7 && strncasecmp(first.p, "chunked", 7) == 0))
		l->coding_wrong = true;
	else
		l->coding_unknown = true;
	return LINT_DONE;
}

static enum lint_rc take_host(struct lint *l, const char *head, struct slice v)
{
	struct slice host, port;

	if (v.n == 0)
		return refuse(l, 400, "Host is empty; it must name the host that was asked");
	if (!lint_authority(v, &host, &port))
		return refuse(l, 400, "Host must be a name or an address, with :port where there is one");
	l->host = (struct lint_span){ (uint32_t)(v.p - head), (uint32_t)v.n };
	return LINT_DONE;
}

static enum lint_rc take_expect(struct lint *l, const char *head, struct slice v)
{
	(void)head;
	if (same(v, "100-continue"))
		l->expect = true;
	else
		l->expect_unknown = true;
	return LINT_DONE;
}

static enum lint_rc take_connection(struct lint *l, const char *head, struct slice v)
{
	(void)head;
	while (v.n) {
		const char *comma = memchr(v.p, ',', v.n);
		struct slice word = slice_trim((struct slice){ v.p, comma ? (size_t)(comma - v.p) : v.n });

		l->close |= same(word, "close");
		v = comma ? (struct slice){ comma + 1, (size_t)(v.p + v.n - comma - 1) } : (struct slice){ NULL, 0 };
	}
	return LINT_DONE;
}

/* Headers whose second line would leave open which one counts. */
static const struct known {
	struct slice name;
	bool again;
	enum lint_rc (*take)(struct lint *l, const char *head, struct slice value);
} known[] = {
	{ SLICE("host"), false, take_host },
	{ SLICE("content-length"), false, take_length },
	{ SLICE("transfer-encoding"), false, take_coding },
	{ SLICE("expect"), false, take_expect },
	{ SLICE("connection"), true, take_connection },
	{ SLICE("content-type"), false, NULL },
	{ SLICE("content-encoding"), false, NULL },
	{ SLICE("origin"), false, NULL },
	{ SLICE("authorization"), false, NULL },
	{ SLICE("idempotency-key"), false, NULL },
	{ SLICE("traceparent"), false, NULL },
};

static enum lint_rc take_field(struct lint *l, const char *head, struct slice line)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct slice name, value;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(l, 400, "a header line begins with a blank: folded lines are not taken");
	if (!colon)
		return refuse(l, 400, "a header line has no colon");
	name = (struct slice){ line.p, (size_t)(colon - line.p) };
	value = slice_trim((struct slice){ colon + 1, line.n - name.n - 1 });
	if (name.n == 0 || !all(name, LINT_TOKEN))
		return refuse(l, 400, "a header's name must be letters, digits and -, with the colon right after it");
	if (!all(value, LINT_VALUE))
		return refuse(l, 400, "the header %.*s has a control character in its value", name.n > NAMES_SHOWN ? NAMES_SHOWN : (int)name.n, name.p);
	if (++l->nheader > LINT_HEADERS_MAX)
		return refuse(l, 431, "the request has more than %d header lines", LINT_HEADERS_MAX);
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const struct known *k = &known[i];

		if (k->name.n != name.n || strncasecmp(k->name.p, name.p, name.n) != 0)
			continue;
		if (!k->again && (l->seen & 1u << i))
			return refuse(l, 400, "the header %s is there twice; send it once", k->name.p);
		l->seen |= 1u << i;
		return k->take ? k->take(l, head, value) : LINT_DONE;
	}
	return LINT_DONE;
}

static bool had(const struct lint *l, const char *name)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i].name.p, name) == 0)
			return l->seen & 1u << i;
	return false;
}

/* What only the whole head can say, the framing first: where it is open nothing else counts. */
static enum lint_rc conclude(struct lint *l, uint64_t max_body)
{
	bool coding = had(l, "transfer-encoding");

	if (!had(l, "host"))
		return refuse(l, 400, "the header Host is missing; HTTP/1.1 needs it");
	if (coding && had(l, "content-length"))
		return refuse(l, 400, "Content-Length and Transfer-Encoding are both there; send one of them");
	if (l->coding_wrong)
		return refuse(l, 400, "Transfer-Encoding must be the one word chunked");
	if (l->coding_unknown)
		return refuse(l, 501, "this Transfer-Encoding is not known here; send the body chunked or with Content-Length");
	if (l->expect_unknown)
		return refuse(l, 417, "Expect may only be 100-continue");
	if (l->content_length > max_body)
		return refuse(l, 413, "the body has %llu bytes; at most %llu are taken (max_body)", (unsigned long long)l->content_length, (unsigned long long)max_body);
	return LINT_DONE;
}

static enum lint_rc too_long(struct lint *l, size_t max_header)
{
	if (l->line == 0)
		return refuse(l, 414, "the request line is longer than %zu bytes (max_header)", max_header);
	return refuse(l, 431, "request line and headers are longer than %zu bytes (max_header)", max_header);
}

void lint_begin(struct lint *l)
{
	memset(l, 0, offsetof(struct lint, no.why));
	l->no.why[0] = '\0';
	l->line = l->scan = 0;
	l->seen = 0;
	l->coding_unknown = l->coding_wrong = l->expect_unknown = false;
}

enum lint_rc lint_head(struct lint *l, const char *p, size_t n, size_t max_header, uint64_t max_body)
{
	const char *lf;

	if (n && !(lint_set[(unsigned char)p[0]] & LINT_TOKEN))
		return refuse(l, 400, "this is not HTTP: a request begins with a method such as GET");
	while (l->scan < n && (lf = memchr(p + l->scan, '\n', n - l->scan))) {
		struct slice line = { p + l->line, (size_t)(lf - p) - l->line };

		if ((size_t)(lf - p) >= max_header)
			return too_long(l, max_header);
		if (line.n == 0 || lf[-1] != '\r')
			return refuse(l, 400, "a line ends in LF alone; lines end in CR LF");
		line.n--;
		if (memchr(line.p, '\r', line.n))
			return refuse(l, 400, "a CR stands inside a line");
		if (l->line && line.n == 0) {
			l->bytes = (size_t)(lf - p) + 1;
			return conclude(l, max_body);
		}
		if ((l->line ? take_field(l, p, line) : take_request_line(l, p, line)) == LINT_BAD)
			return LINT_BAD;
		l->line = l->scan = (size_t)(lf - p) + 1;
	}
	l->scan = n;
	return n > max_header ? too_long(l, max_header) : LINT_MORE;
}
