/* The growing byte buffer and the borrowed slice. Used by everything that puts bytes together.
 * Nothing here is fatal: memory that is out is remembered in `failed`. */
#include "text/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 64

struct slice slice_of(const char *cstr)
{
	if (!cstr)
		return SLICE("");
	return (struct slice){ cstr, strlen(cstr) };
}

bool slice_eq(struct slice s, const char *cstr)
{
	size_t n = strlen(cstr);

	return s.n == n && (n == 0 || memcmp(s.p, cstr, n) == 0);
}

bool slice_among(struct slice s, struct slice names)
{
	while (names.n) {
		size_t n = strnlen(names.p, names.n), step = n < names.n ? n + 1 : n;
		if (s.n == n && (n == 0 || memcmp(s.p, names.p, n) == 0))
			return true;
		names = (struct slice){ names.p + step, names.n - step };
	}
	return false;
}

struct slice slice_trim(struct slice s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct slice){ s.p + 1, s.n - 1 };
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

char *slice_dup(struct slice s)
{
	char *copy = s.n < SIZE_MAX ? malloc(s.n + 1) : NULL;

	if (!copy)
		return NULL;
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

bool buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	char *data;

	if (more <= b->cap - b->len)
		return true;
	if (more > SIZE_MAX / 2 - b->len)
		goto fail;
	need = b->len + more;
	cap = b->cap ? b->cap : BUF_FIRST;
	while (cap < need)
		cap *= 2;       /* stays below SIZE_MAX: need is at most half of it */
	data = realloc(b->data, cap);
	if (!data)
		goto fail;
	b->data = data;
	b->cap = cap;
	return true;
fail:
	b->failed = true;
	return false;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	/* Once something is missing nothing is added behind the gap. */
	if (n == 0 || b->failed || !buf_reserve(b, n))
		return;
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

void buf_str(struct buf *b, const char *cstr)
{
	buf_add(b, cstr, strlen(cstr));
}

void buf_char(struct buf *b, char c)
{
	if (b->failed || !buf_reserve(b, 1))
		return;
	b->data[b->len++] = c;
}

void buf_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

void buf_u64(struct buf *b, unsigned long long v)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, text + at, sizeof(text) - at);
}

void buf_i64(struct buf *b, long long v)
{
	if (v < 0) {
		buf_char(b, '-');
		buf_u64(b, 0ULL - (unsigned long long)v);       /* right for LLONG_MIN too */
		return;
	}
	buf_u64(b, (unsigned long long)v);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (b->failed)
		return;
	va_copy(again, ap);
	n = vsnprintf(b->data ? b->data + b->len : NULL, b->cap - b->len, fmt, ap);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n < b->cap - b->len) {
		b->len += (size_t)n;
	} else if (buf_reserve(b, (size_t)n + 1)) {
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

const char *buf_cstr(struct buf *b)
{
	if (!buf_reserve(b, 1))
		return "";
	b->data[b->len] = '\0';
	return b->data;
}
