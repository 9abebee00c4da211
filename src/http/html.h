/* Text and figures as HTML. Everything that came from outside goes through html_text(). */
#ifndef STINT_HTTP_HTML_H
#define STINT_HTTP_HTML_H

#include <stdint.h>

#include "text/buf.h"

/* The Content-Security-Policy of every page: nothing of others, no code within the page. */
#define HTML_POLICY "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

/* And what its links and forms say of where they were found. Not "no-referrer": a form posted under that comes with the Origin "null", which nobody can tell from another site's. */
#define HTML_REFERRER "same-origin"

void html_text(struct buf *b, struct slice s);          /* escaped for elements and quoted attributes; what is not UTF-8 becomes U+FFFD */
void html_cut(struct buf *b, struct slice s, size_t max);       /* the same, with an ellipsis where more than max bytes came */
void html_count(struct buf *b, uint64_t n);             /* 1,234,567 */
void html_us(struct buf *b, double us);                 /* 0.42 ms, 12.3 ms, 1.24 s, 3.1 min */
void html_seconds(struct buf *b, double s);             /* 42 s, 3 min 5 s, 2 h 4 min, 3 d 1 h */
void html_bytes(struct buf *b, uint64_t n);             /* 512 B, 12.3 MiB */
void html_percent(struct buf *b, double share);         /* 0..1: 99.2 % */

#endif
