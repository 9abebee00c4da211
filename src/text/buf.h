/* A growing byte buffer. Growth failure is remembered instead of returned from every call: append all, then look at `failed` once. */
#ifndef STINT_TEXT_BUF_H
#define STINT_TEXT_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;     /* owned; NULL while cap is 0. Not NUL-terminated except by buf_cstr() */
	size_t len;
	size_t cap;
	bool failed;    /* an allocation failed; the content is then incomplete */
};

/* A borrowed run of bytes: valid only as long as what it points into. */
struct slice {
	const char *p;
	size_t n;
};

#define SLICE(s) ((struct slice){ (s), sizeof(s) - 1 })
struct slice slice_of(const char *cstr);                /* NULL gives the empty slice */
bool slice_eq(struct slice s, const char *cstr);
bool slice_among(struct slice s, struct slice names);    /* it is one of these, each of which ends with '\0' */
struct slice slice_trim(struct slice s);                /* without spaces and tabs around it */
char *slice_dup(struct slice s);                        /* malloc'ed and NUL-terminated; NULL where memory is out */

void buf_free(struct buf *b);                           /* frees and zeroes; a zeroed struct is a valid empty buffer */
void buf_clear(struct buf *b);                          /* len = 0, keeps the memory, forgets `failed` */
bool buf_reserve(struct buf *b, size_t more);           /* room for `more` further bytes */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *cstr);
void buf_char(struct buf *b, char c);
void buf_slice(struct buf *b, struct slice s);
void buf_u64(struct buf *b, unsigned long long v);      /* decimal */
void buf_i64(struct buf *b, long long v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_consume(struct buf *b, size_t n);              /* drops the first n bytes */
const char *buf_cstr(struct buf *b);                    /* NUL-terminates (not counted in len); "" where memory is out */

#endif
