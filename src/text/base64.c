/* Base64 both ways, for signatures, secrets and mail headers. Pure; memory that is out shows in the buffer. */
#include "text/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *out, const void *p, size_t n)
{
	const unsigned char *in = p;

	while (n > 0) {
		uint32_t v = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) | (n > 2 ? in[2] : 0);
		const char four[4] = { alphabet[v >> 18], alphabet[v >> 12 & 63], n > 1 ? alphabet[v >> 6 & 63] : '=', n > 2 ? alphabet[v & 63] : '=' };
		buf_add(out, four, sizeof(four));
		in += n < 3 ? n : 3;
		n -= n < 3 ? n : 3;
	}
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters, of which the last `pad` are '='. */
static bool parse_four(const char *p, unsigned pad, struct buf *out)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		int d = i < 4 - pad ? value_of(p[i]) : 0;
		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
	}
	if (pad && v & (pad == 1 ? 0xffu : 0xffffu))
		return false;
	const unsigned char three[3] = { (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v };
	buf_add(out, three, 3 - pad);
	return true;
}

bool base64_parse(struct slice s, struct buf *out)
{
	if (s.n % 4)
		return false;
	for (; s.n; s = (struct slice){ s.p + 4, s.n - 4 }) {
		unsigned pad = s.n > 4 || s.p[3] != '=' ? 0 : s.p[2] == '=' ? 2 : 1;
		if (!parse_four(s.p, pad, out))
			return false;
	}
	return true;
}
