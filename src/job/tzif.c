/* Reads the bytes of a compiled time zone. Called where a conf is loaded. Every length, index and time in them is checked before it is used; bytes that
 * are damaged are refused with what is wrong about them. Nothing here is fatal. */
#include "job/tzif.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HEADER_BYTES 44
#define TYPE_BYTES 6
#define RULE_TEXT_MAX 256

struct tzif {
	const unsigned char *p, *end;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct tzif *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->why, f->why_size, fmt, ap);
	va_end(ap);
	return false;
}

/* A big-endian number in two's complement. */
static int64_t number_at(const unsigned char *p, size_t bytes)
{
	uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

struct tzif_header {
	unsigned char version;
	uint32_t isut, isstd, leap, time, type, chars;
};

/* What follows a header, with times of this many bytes. Sums of 32-bit counts cannot overflow here. */
static uint64_t block_bytes(const struct tzif_header *h, size_t time_bytes)
{
	return (uint64_t)h->time * (time_bytes + 1) + (uint64_t)h->type * TYPE_BYTES + h->chars + (uint64_t)h->leap * (time_bytes + 4) + h->isstd + h->isut;
}

static bool header_take(struct tzif *f, size_t time_bytes, struct tzif_header *h)
{
	uint32_t counts[6];
	size_t left = (size_t)(f->end - f->p);

	if (left < 4 || memcmp(f->p, "TZif", 4) != 0)
		return refuse(f, "it is not a compiled time zone: \"TZif\" is not where it should be");
	if (left < HEADER_BYTES)
		return refuse(f, "it is cut short within a header");
	for (size_t i = 0; i < 6; i++)
		counts[i] = (uint32_t)number_at(f->p + 20 + i * 4, 4);
	*h = (struct tzif_header){ f->p[4], counts[0], counts[1], counts[2], counts[3], counts[4], counts[5] };
	f->p += HEADER_BYTES;
	left -= HEADER_BYTES;
	if (h->version != 0 && h->version < '2')
		return refuse(f, "its version is %u, which there is not", h->version);
	if (block_bytes(h, time_bytes) > left)
		return refuse(f, "it is cut short: %zu bytes where its header wants %llu", left, (unsigned long long)block_bytes(h, time_bytes));
	return true;
}

static bool header_check(struct tzif *f, const struct tzif_header *h)
{
	if (h->leap)
		return refuse(f, "it counts leap seconds, which a Unix clock does not: take the zone of that name without \"right/\"");
	if (h->type == 0 || h->type > 256)
		return refuse(f, "it has %lu kinds of local time, not 1 to 256", (unsigned long)h->type);
	if (h->time > ZONE_CHANGES_MAX)
		return refuse(f, "it has %lu changes, more than %d", (unsigned long)h->time, ZONE_CHANGES_MAX);
	if (h->chars == 0)
		return refuse(f, "it has no abbreviations");
	if ((h->isstd && h->isstd != h->type) || (h->isut && h->isut != h->type))
		return refuse(f, "its counts of kinds of local time differ");
	return true;
}

static bool types_read(struct tzif *f, const struct tzif_header *h, const unsigned char *p, int32_t offsets[256])
{
	for (uint32_t i = 0; i < h->type; i++, p += TYPE_BYTES) {
		offsets[i] = (int32_t)number_at(p, 4);
		if (offsets[i] < ZONE_OFFSET_MIN || offsets[i] > ZONE_OFFSET_MAX)
			return refuse(f, "a local time is %ld s from UTC, not within -25 to 26 hours", (long)offsets[i]);
		if (p[4] > 1 || p[5] >= h->chars)
			return refuse(f, "its kind %lu of local time is damaged", (unsigned long)i);
	}
	return true;
}

static bool changes_read(struct tzif *f, const struct tzif_header *h, size_t time_bytes, struct zone *out)
{
	const unsigned char *times = f->p, *kinds = times + h->time * time_bytes;
	int32_t offsets[256];
	int64_t last = INT64_MIN;

	if (!types_read(f, h, kinds + h->time, offsets))
		return false;
	out->first_offset = offsets[0];
	for (uint32_t i = 0; i < h->time; i++) {
		int64_t at = number_at(times + i * time_bytes, time_bytes);

		if (kinds[i] >= h->type)
			return refuse(f, "its change %lu is to a kind of local time that it does not have", (unsigned long)i + 1);
		if (i && at <= last)
			return refuse(f, "its change %lu is not later than the one before", (unsigned long)i + 1);
		if (at > ZONE_TIME_MAX)
			return refuse(f, "its change %lu lies too far in the future", (unsigned long)i + 1);
		last = at;
		if (at < ZONE_TIME_MIN) {       /* some compilers of zones begin with the big bang */
			out->first_offset = offsets[kinds[i]];
			continue;
		}
		out->at[out->nchanges] = at;
		out->offset[out->nchanges++] = offsets[kinds[i]];
	}
	return true;
}

/* The line behind the second block; empty where no rule is known. */
static bool footer_read(struct tzif *f, struct zone *out)
{
	const unsigned char *first, *end;
	size_t n;

	if (f->p == f->end || *f->p != '\n')
		return refuse(f, "the line with the rule for later years is missing");
	first = f->p + 1;
	end = memchr(first, '\n', (size_t)(f->end - first));
	if (!end)
		return refuse(f, "it is cut short within the rule for later years");
	n = (size_t)(end - first);
	if (n == 0)
		return true;
	if (n > RULE_TEXT_MAX || !zone_rule_parse((const char *)first, n, &out->rule))
		return refuse(f, "the rule for later years cannot be read: something like \"CET-1CEST,M3.5.0,M10.5.0/3\" is wanted");
	out->has_rule = true;
	return true;
}

bool tzif_parse(const void *p, size_t n, struct zone *out, char *why, size_t why_size)
{
	struct tzif f = { p, (const unsigned char *)p + n, why, why_size };
	struct tzif_header h;
	unsigned char version;

	memset(out, 0, sizeof(*out));
	if (!header_take(&f, 4, &h))
		return false;
	if (h.version == 0)
		return header_check(&f, &h) && changes_read(&f, &h, 4, out);
	/* From version 2 on the same follows again with times of 64 bits, and the first block is only for readers that know no better. */
	f.p += block_bytes(&h, 4);
	version = h.version;
	if (!header_take(&f, 8, &h))
		return false;
	if (h.version != version)
		return refuse(&f, "its two headers are of different versions");
	if (!header_check(&f, &h) || !changes_read(&f, &h, 8, out))
		return false;
	f.p += block_bytes(&h, 8);
	return footer_read(&f, out);
}
