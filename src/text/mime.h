/* What mail is written in: lines of 7-bit text that end with CRLF (RFC 5322, 2045, 2047). Pure; memory that is out shows in the buffer. */
#ifndef STINT_TEXT_MIME_H
#define STINT_TEXT_MIME_H

#include <stdint.h>

#include "text/buf.h"

/* "Name: text" and CRLF: as it is where it is short ASCII, else in encoded words, folded. The text is UTF-8 without control characters. */
void mime_header(struct buf *out, const char *name, struct slice text);
/* A person's name in front of an address: bare, quoted or encoded; `column` is where it begins. */
void mime_phrase(struct buf *out, struct slice text, size_t column);
/* Quoted-printable; newlines of any kind become CRLF, and the last line has one. */
void mime_quoted_printable(struct buf *out, struct slice text);

#define MIME_DATE_BYTES 32
void mime_date(int64_t wall_ms, char out[MIME_DATE_BYTES]);     /* "Sun, 22 Nov 2026 03:21:00 +0000" */

#endif
