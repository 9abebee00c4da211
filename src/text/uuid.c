/* UUID version 7: made by the keeper, read by everybody. Pure; nothing here is fatal. */
#include "text/uuid.h"

#include <string.h>

#define MS_MAX ((INT64_C(1) << 48) - 1)
#define RAND_A_BITS 12
#define RAND_B_BITS 62

/* The 128 bits taken apart: 48 of time, then 12 and 62 of randomness around version and variant. */
struct parts {
	int64_t ms;
	uint16_t rand_a;
	uint64_t rand_b;
};

static uint64_t load_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void store_be(uint8_t *p, size_t n, uint64_t v)
{
	for (size_t i = n; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

static void parts_write(const struct parts *u, uint8_t out[UUID_BYTES])
{
	store_be(out, 6, (uint64_t)u->ms);
	store_be(out + 6, 2, UINT64_C(0x7000) | u->rand_a);
	store_be(out + 8, 8, UINT64_C(1) << 63 | u->rand_b);
}

/* Adds to the 74 random bits; false where they overflow. */
static bool parts_count(struct parts *u, uint64_t step)
{
	u->rand_b += step;
	if (!(u->rand_b >> RAND_B_BITS))
		return true;
	u->rand_b &= (UINT64_C(1) << RAND_B_BITS) - 1;
	return !(++u->rand_a >> RAND_A_BITS);
}

static void parts_fresh(struct parts *u, int64_t ms, const uint8_t rnd[10])
{
	u->ms = ms;
	u->rand_a = (uint16_t)(load_be(rnd, 2) & 0x0fff);
	u->rand_b = load_be(rnd + 2, 8) & ((UINT64_C(1) << RAND_B_BITS) - 1);
}

void uuid7_next(const uint8_t last[UUID_BYTES], int64_t wall_ms, const uint8_t rnd[10], uint8_t out[UUID_BYTES])
{
	uint8_t before[UUID_BYTES];
	struct parts u;

	memcpy(before, last, UUID_BYTES);       /* out may be last */
	u.ms = uuid7_ms(before);
	u.rand_a = (uint16_t)(load_be(before + 6, 2) & 0x0fff);
	u.rand_b = load_be(before + 8, 8) & ((UINT64_C(1) << RAND_B_BITS) - 1);
	if (wall_ms > MS_MAX)
		wall_ms = MS_MAX;

	if (wall_ms > u.ms)
		parts_fresh(&u, wall_ms, rnd);
	else if (!parts_count(&u, 1 + load_be(rnd + 7, 3)))
		parts_fresh(&u, u.ms + 1, rnd);
	parts_write(&u, out);
	/* An id of another make can have a higher version or variant in its place: then only a later time is greater. */
	if (memcmp(out, before, UUID_BYTES) <= 0) {
		parts_fresh(&u, uuid7_ms(before) + 1, rnd);
		parts_write(&u, out);
	}
}

void uuid_format(const uint8_t id[UUID_BYTES], char out[UUID_TEXT_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		out[at++] = hex[id[i] >> 4];
		out[at++] = hex[id[i] & 15];
	}
	out[at] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool uuid_parse(const char *p, size_t n, uint8_t out[UUID_BYTES])
{
	uint8_t id[UUID_BYTES];
	size_t at = 0;

	if (n != UUID_TEXT_BYTES - 1)
		return false;
	for (size_t i = 0; i < UUID_BYTES; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && p[at++] != '-')
			return false;
		high = hex_value(p[at++]);
		low = hex_value(p[at++]);
		if (high < 0 || low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, id, UUID_BYTES);
	return true;
}

int64_t uuid7_ms(const uint8_t id[UUID_BYTES])
{
	return (int64_t)load_be(id, 6);
}
