/* Owns the rules of a chunked body's framing. Called by conn.c before llhttp sees the same bytes. Nothing here is fatal. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "http/lint.h"
#include "http/lint_table.h"

#define DIGITS_MAX 16                   /* of a chunk's size */

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LINE, TRAILER_LF, END_LF };

__attribute__((format(printf, 3, 4))) static bool refuse(struct lint_chunks *k, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k->no.why, sizeof(k->no.why), fmt, ap);
	va_end(ap);
	k->no.status = status;
	return false;
}

static unsigned digit_of(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* The size is known: it ends in CR, or an extension begins. */
static bool size_said(struct lint_chunks *k, uint64_t max_body, int next)
{
	if (k->digits == 0)
		return refuse(k, 400, "a chunk's size is missing; it must be hexadecimal digits");
	if (k->size > max_body || k->total > max_body - k->size)
		return refuse(k, 413, "the body has more than %llu bytes, and no more are taken (max_body)", (unsigned long long)max_body);
	k->left = k->size;
	k->total += k->size;
	k->state = next;
	return true;
}

static bool take_size(struct lint_chunks *k, char c, uint64_t max_body)
{
	if (lint_set[(unsigned char)c] & LINT_HEX) {
		if (k->digits++ == DIGITS_MAX)
			return refuse(k, 400, "a chunk's size has more than %d digits", DIGITS_MAX);
		k->size = k->size << 4 | digit_of(c);
		return true;
	}
	if (c == '\r')
		return size_said(k, max_body, SIZE_LF);
	if (c == ';')
		return size_said(k, max_body, EXTENSION);
	return refuse(k, 400, "a chunk's size must be hexadecimal digits, then CR LF");
}

static bool take_extra(struct lint_chunks *k, size_t max_extra)
{
	if (++k->extra > max_extra)
		return refuse(k, 431, "chunk extensions and trailers are longer than %zu bytes (max_header)", max_extra);
	return true;
}

static bool take_extension(struct lint_chunks *k, char c, size_t max_extra)
{
	if (c == '\r') {
		k->state = SIZE_LF;
		return true;
	}
	if (!(lint_set[(unsigned char)c] & LINT_VALUE))
		return refuse(k, 400, "a chunk extension has a control character");
	return take_extra(k, max_extra);
}

static bool take_trailer(struct lint_chunks *k, char c, size_t max_extra)
{
	if (k->state == TRAILER) {
		if (c == '\r') {
			k->state = END_LF;
			return true;
		}
		if (!(lint_set[(unsigned char)c] & LINT_TOKEN))
			return refuse(k, 400, "a trailer line must begin with a header's name");
		k->named = false;
		k->state = TRAILER_LINE;
	} else if (c == '\r') {
		if (!k->named)
			return refuse(k, 400, "a trailer line has no colon");
		k->state = TRAILER_LF;
		return true;
	} else if (!k->named && c == ':') {
		k->named = true;
	} else if (!(lint_set[(unsigned char)c] & (k->named ? LINT_VALUE : LINT_TOKEN))) {
		return refuse(k, 400, "a trailer line has a character that may not stand there");
	}
	return take_extra(k, max_extra);
}

static bool take_lf(struct lint_chunks *k, char c, int next)
{
	if (c != '\n')
		return refuse(k, 400, "a CR in the chunked body's framing is not followed by LF");
	k->state = next;
	k->size = 0;
	k->digits = 0;
	return true;
}

enum lint_rc lint_chunks(struct lint_chunks *k, const char *p, size_t n, size_t max_extra, uint64_t max_body, size_t *used)
{
	size_t i = 0;
	bool ok = true;

	while (ok && i < n) {
		char c = p[i];

		if (k->state == DATA) {
			size_t step = k->left < n - i ? (size_t)k->left : n - i;

			k->left -= step;
			i += step;
			k->state = k->left ? DATA : DATA_CR;
			continue;
		}
		i++;
		switch (k->state) {
		case SIZE: ok = take_size(k, c, max_body); break;
		case EXTENSION: ok = take_extension(k, c, max_extra); break;
		case SIZE_LF: ok = take_lf(k, c, k->left ? DATA : TRAILER); break;
		case DATA_CR: ok = c == '\r' || refuse(k, 400, "a chunk is not followed by CR LF: its size and its data do not agree"); k->state = DATA_LF; break;
		case DATA_LF: ok = take_lf(k, c, SIZE); break;
		case TRAILER_LF: ok = take_lf(k, c, TRAILER); break;
		case END_LF:
			ok = take_lf(k, c, END_LF);
			*used = i;
			return ok ? LINT_DONE : LINT_BAD;
		default: ok = take_trailer(k, c, max_extra); break;
		}
	}
	*used = i;
	return ok ? LINT_MORE : LINT_BAD;
}
