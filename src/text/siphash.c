/* SipHash-2-4-128. Called by the store for its index of idempotency keys and by the HTTP half for a request's fingerprint. Pure; nothing here is fatal. */
#include "text/siphash.h"

#include <string.h>

struct sip { uint64_t v0, v1, v2, v3; };

static inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline void rounds(struct sip *s, int n)
{
	while (n--) {
		s->v0 += s->v1, s->v1 = rotl(s->v1, 13), s->v1 ^= s->v0, s->v0 = rotl(s->v0, 32);
		s->v2 += s->v3, s->v3 = rotl(s->v3, 16), s->v3 ^= s->v2;
		s->v0 += s->v3, s->v3 = rotl(s->v3, 21), s->v3 ^= s->v0;
		s->v2 += s->v1, s->v1 = rotl(s->v1, 17), s->v1 ^= s->v2, s->v2 = rotl(s->v2, 32);
	}
}

static inline void compress(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	rounds(s, 2);
	s->v0 ^= m;
}

void siphash(const uint8_t key[SIPHASH_BYTES], const void *text, size_t n, uint8_t out[SIPHASH_BYTES])
{
	const uint8_t *p = text;
	uint64_t k0 = get64(key), k1 = get64(key + 8);
	struct sip s = { 0x736f6d6570736575u ^ k0, 0x646f72616e646f6du ^ k1 ^ 0xee, 0x6c7967656e657261u ^ k0, 0x7465646279746573u ^ k1 };
	uint8_t tail[8] = { 0 };
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8)
		compress(&s, get64(p));
	if (left)
		memcpy(tail, p, left);
	tail[7] = (uint8_t)n;
	compress(&s, get64(tail));
	s.v2 ^= 0xee;
	rounds(&s, 4);
	put64(out, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
	s.v1 ^= 0xdd;
	rounds(&s, 4);
	put64(out + 8, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}
