/* JSON for the rest of the house: judges payloads, finds parts of them, writes strings.
 * Called by whatever takes payloads in or writes JSON. Nothing here is fatal. */
#include "text/json.h"

#include <stdint.h>
#include <string.h>

#include "text/json_scan.h"

bool json_valid(const char *p, size_t n, struct json_error *err)
{
	struct json_scan s = { p, p + n, NULL };

	json_scan_space(&s);
	if (json_scan_value(&s)) {
		json_scan_space(&s);
		if (s.p == s.end)
			return true;
		s.what = "something follows the value";
	}
	*err = (struct json_error){ .offset = (size_t)(s.p - p), .line = 1, .column = 1, .what = s.what };
	for (const char *at = p; at < s.p; at++) {
		err->column++;
		if (*at == '\n') {
			err->line++;
			err->column = 1;
		}
	}
	return false;
}

/* Four hexadecimal digits that scan_escape() has seen. */
static uint32_t hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)json_hex_value(p[i]);
	return v;
}

static size_t utf8_encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The bytes that the escape at *p stands for; moves *p behind it (and behind the second half of a pair). */
static size_t escape_decode(const char **p, const char *end, char out[4])
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	uint32_t c;

	if ((*p)[1] != 'u') {
		out[0] = bytes[strchr(names, (*p)[1]) - names];
		*p += 2;
		return 1;
	}
	c = hex4(*p + 2);
	*p += 6;
	if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
		uint32_t second = hex4(*p + 2);

		if (second >= 0xdc00 && second < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10 | (second - 0xdc00));
			*p += 6;
		}
	}
	return utf8_encode(c, out);
}

bool json_string_says(struct slice raw, const char *name)
{
	const char *p = raw.p + 1, *end = raw.p + raw.n - 1;
	size_t left = strlen(name);

	while (p < end) {
		char decoded[4];
		size_t n = 1;

		if (*p == '\\')
			n = escape_decode(&p, end, decoded);
		else
			decoded[0] = *p++;
		if (n > left || memcmp(decoded, name, n) != 0)
			return false;
		name += n;
		left -= n;
	}
	return left == 0;
}

/* Goes behind the opening bracket, *more telling whether anything stands there; false where the text is not that container. */
static bool container_open(struct json_scan *s, char open, char close, bool *more)
{
	json_scan_space(s);
	if (s->p == s->end || *s->p != open)
		return false;
	s->p++;
	json_scan_space(s);
	*more = s->p < s->end && *s->p != close;
	return true;
}

bool json_member(const char *p, size_t n, const char *name, struct slice *value)
{
	struct json_scan s = { p, p + n, NULL };
	struct slice raw;
	bool more;

	if (!container_open(&s, '{', '}', &more))
		return false;
	while (more) {
		const char *first;

		json_scan_space(&s);
		if (!json_scan_name(&s, &raw))
			return false;
		first = s.p;
		if (!json_scan_value(&s))
			return false;
		if (json_string_says(raw, name)) {
			*value = (struct slice){ first, (size_t)(s.p - first) };
			return true;
		}
		if (!json_scan_after(&s, '}', &more))
			return false;
	}
	return false;
}

bool json_each(const char *p, size_t n, bool (*fn)(void *arg, struct slice element), void *arg)
{
	struct json_scan s = { p, p + n, NULL };
	bool more;

	if (!container_open(&s, '[', ']', &more))
		return false;
	while (more) {
		const char *first;

		json_scan_space(&s);
		first = s.p;
		if (!json_scan_value(&s))
			return false;
		if (!fn(arg, (struct slice){ first, (size_t)(s.p - first) }))
			return false;
		if (!json_scan_after(&s, ']', &more))
			return false;
	}
	return true;
}

bool json_each_member(const char *p, size_t n, bool (*fn)(void *arg, struct slice name, struct slice value), void *arg)
{
	struct json_scan s = { p, p + n, NULL };
	struct slice name;
	bool more;

	if (!container_open(&s, '{', '}', &more))
		return false;
	while (more) {
		json_scan_space(&s);
		if (!json_scan_name(&s, &name))
			return false;
		const char *first = s.p;
		if (!json_scan_value(&s) || !fn(arg, name, (struct slice){ first, (size_t)(s.p - first) }) || !json_scan_after(&s, '}', &more))
			return false;
	}
	return true;
}

bool json_string_get(struct slice raw, struct buf *out)
{
	const char *p = raw.p + 1, *end = raw.p + raw.n - 1;

	if (raw.n < 2 || raw.p[0] != '"' || *end != '"')
		return false;
	while (p < end) {
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		char decoded[4];

		stop = stop ? stop : end;
		buf_add(out, p, (size_t)(stop - p));
		p = stop;
		if (p == end)
			break;
		size_t n = escape_decode(&p, end, decoded);
		if (n == 3 && (unsigned char)decoded[0] == 0xed && (unsigned char)decoded[1] >= 0xa0)
			buf_str(out, "\xef\xbf\xbd");
		else
			buf_add(out, decoded, n);
	}
	return true;
}

bool json_utf8(const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end) {
		size_t bytes = json_utf8_length(p, end);
		if (bytes == 0)
			return false;
		p += bytes;
	}
	return true;
}

static void put_control(struct buf *b, unsigned char c)
{
	static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	const char *at = c ? strchr(bytes, c) : NULL;

	if (at) {
		buf_char(b, '\\');
		buf_char(b, names[at - bytes]);
		return;
	}
	buf_printf(b, "\\u%04x", c);
}

void json_put_string(struct buf *b, struct slice s)
{
	const char *p = s.p, *end = s.p + s.n;

	buf_char(b, '"');
	while (p < end) {
		const char *stop = json_plain_skip(p, end);
		size_t n;

		buf_add(b, p, (size_t)(stop - p));
		p = stop;
		if (p == end)
			break;
		n = json_utf8_length(p, end);
		if (*p == '"' || *p == '\\') {
			buf_char(b, '\\');
			buf_char(b, *p);
		} else if ((unsigned char)*p < 0x20) {
			put_control(b, (unsigned char)*p);
		} else if (n == 0) {
			buf_str(b, "\xef\xbf\xbd");     /* U+FFFD */
			n = 1;
		} else {
			buf_add(b, p, n);
		}
		p += n;
	}
	buf_char(b, '"');
}

void json_put_key(struct buf *b, const char *name)
{
	if (b->len && b->data[b->len - 1] != '{')
		buf_char(b, ',');
	buf_char(b, '"');
	buf_str(b, name);
	buf_str(b, "\":");
}
