/* The strict check in front of llhttp: what HTTP/1.1 request this is, or why it is none. Pure: no allocation, no clock, no I/O.
 *
 * Two scanners, both fed with whatever has come so far: one for the head (request line and header lines), one for the framing of a chunked body. Whatever two readers of the
 * same bytes could take for two different requests is refused here, so that nothing rests on how lenient the parser behind it is. */
#ifndef STINT_HTTP_LINT_H
#define STINT_HTTP_LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http.h"
#include "text/buf.h"

#define LINT_HEADERS_MAX 128            /* header lines a request */

enum lint_rc { LINT_BAD = -1, LINT_MORE = 0, LINT_DONE = 1 };

struct lint_span { uint32_t at, n; };   /* from the head's first byte: the buffer may move while the head comes in */

struct lint_refusal { int status; char why[200]; };

struct lint {
	size_t bytes;                   /* DONE: of the whole head with its empty line */
	enum http_method method;
	struct lint_span target, path_query, authority, host;  /* authority: of an absolute-form target, else n 0; path_query: n 0 for "*" */
	unsigned nheader;
	bool chunked, expect, star;
	bool close;                     /* said by Connection: the last request */
	uint64_t content_length;
	struct lint_refusal no;         /* BAD */
	/* progress and what is judged at the end */
	size_t line, scan;
	uint32_t seen;                  /* headers that may come once, by their place in the table */
	bool coding_unknown, coding_wrong, expect_unknown;
};

void lint_begin(struct lint *l);
/* The head's bytes so far, from its first one. BAD: l->no; the connection cannot go on. */
enum lint_rc lint_head(struct lint *l, const char *p, size_t n, size_t max_header, uint64_t max_body);

/* host[:port] as in Host: the host (with the brackets of an IPv6 address) and the port's digits ("" where none). False where it is neither name nor address. */
bool lint_authority(struct slice s, struct slice *host, struct slice *port);

struct lint_chunks {
	int state;                      /* 0 at the begin */
	unsigned digits;
	uint64_t size, left, total;     /* total: decoded bytes so far */
	size_t extra;                   /* of extensions and trailers */
	bool named;                     /* a trailer line: its colon has come */
	struct lint_refusal no;
};

/* The next bytes of a chunked body. *used: how many of them belong to it; all of n but for DONE. max_extra bounds extensions and trailers. */
enum lint_rc lint_chunks(struct lint_chunks *k, const char *p, size_t n, size_t max_extra, uint64_t max_body, size_t *used);

#endif
