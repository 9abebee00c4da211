/* The strict JSON scanner (RFC 8259): one for json_valid(), json_member() and json_each(), so that all three stay inside their bytes even on a
 * text that nobody has checked. Called by json.c only. Pure, without recursion or allocation; nothing here is fatal. */
#include "text/json_scan.h"

#include <stdint.h>
#include <string.h>

#include "text/json.h"

static bool fail(struct json_scan *s, const char *what)
{
	s->what = what;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The length of the UTF-8 sequence at p, 0 where it is not one (Unicode 15, table 3-7: no overlong forms, no surrogates). */
size_t json_utf8_length(const char *p, const char *end)
{
	const unsigned char *b = (const unsigned char *)p;
	size_t left = (size_t)(end - p), n;
	unsigned char low = 0x80, high = 0xbf;

	if (b[0] < 0x80)
		return 1;
	if (b[0] < 0xc2 || b[0] > 0xf4)
		return 0;
	n = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
	if (b[0] == 0xe0)
		low = 0xa0;
	else if (b[0] == 0xed)
		high = 0x9f;
	else if (b[0] == 0xf0)
		low = 0x90;
	else if (b[0] == 0xf4)
		high = 0x8f;
	if (left < n || b[1] < low || b[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Goes over bytes that need no look one by one: neither quote, backslash, control character nor beyond ASCII. Eight at a time; the word
 * tests may raise a false alarm in bytes above the first true one, never miss one, and the byte loop decides. */
const char *json_plain_skip(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;

	while (end - p >= 8) {
		uint64_t word, quote, slash;

		memcpy(&word, p, sizeof(word));
		quote = word ^ ones * '"';
		slash = word ^ ones * '\\';
		if ((word | (word - ones * 0x20) | (quote - ones) | (slash - ones)) & tops)
			break;
		p += 8;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

void json_scan_space(struct json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

int json_hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* At a backslash. */
static bool scan_escape(struct json_scan *s)
{
	if (++s->p == s->end)
		return fail(s, "the text ends inside a string");
	if (*s->p == 'u') {
		s->p++;
		for (int i = 0; i < 4; i++, s->p++) {
			if (s->p == s->end)
				return fail(s, "the text ends inside a string");
			if (json_hex_value(*s->p) < 0)
				return fail(s, "\\u without four hexadecimal digits");
		}
		return true;
	}
	if (!*s->p || !strchr("\"\\/bfnrt", *s->p))
		return fail(s, "unknown escape in string");
	s->p++;
	return true;
}

/* At a quote. */
static bool scan_string(struct json_scan *s)
{
	s->p++;
	for (;;) {
		size_t n;

		s->p = json_plain_skip(s->p, s->end);
		if (s->p == s->end)
			return fail(s, "the text ends inside a string");
		if (*s->p == '"') {
			s->p++;
			return true;
		}
		if (*s->p == '\\') {
			if (!scan_escape(s))
				return false;
			continue;
		}
		if ((unsigned char)*s->p < 0x20)
			return fail(s, "control character in string");
		n = json_utf8_length(s->p, s->end);
		if (n == 0)
			return fail(s, "invalid UTF-8 in string");
		s->p += n;
	}
}

static bool scan_digits(struct json_scan *s, const char *what)
{
	if (s->p == s->end)
		return fail(s, "the text ends inside a number");
	if (!is_digit(*s->p))
		return fail(s, what);
	while (s->p < s->end && is_digit(*s->p))
		s->p++;
	return true;
}

/* At a minus sign or a digit. */
static bool scan_number(struct json_scan *s)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0') {
		s->p++;
		if (s->p < s->end && is_digit(*s->p))
			return fail(s, "leading zero in number");
	} else if (!scan_digits(s, "no digit after the minus sign")) {
		return false;
	}
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!scan_digits(s, "no digit after the decimal point"))
			return false;
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		return scan_digits(s, "no digit in the exponent");
	}
	return true;
}

static bool scan_word(struct json_scan *s, const char *word)
{
	for (; *word; word++, s->p++) {
		if (s->p == s->end)
			return fail(s, "the text ends inside a word");
		if (*s->p != *word)
			return fail(s, "unknown word (only true, false and null stand without quotes)");
	}
	return true;
}

static bool scan_scalar(struct json_scan *s)
{
	switch (*s->p) {
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		if (*s->p == '-' || is_digit(*s->p))
			return scan_number(s);
		return fail(s, "a value was expected");
	}
}

/* A member's name with the colon, up to its value. The raw name goes to *name, with its quotes. */
bool json_scan_name(struct json_scan *s, struct slice *name)
{
	const char *first = s->p;

	if (s->p == s->end)
		return fail(s, "the text ends inside an object");
	if (*s->p != '"')
		return fail(s, "a member name in double quotes was expected");
	if (!scan_string(s))
		return false;
	*name = (struct slice){ first, (size_t)(s->p - first) };
	json_scan_space(s);
	if (s->p == s->end)
		return fail(s, "the text ends inside an object");
	if (*s->p != ':')
		return fail(s, "a colon was expected");
	s->p++;
	json_scan_space(s);
	return true;
}

/* Behind an opening bracket or a comma: what must be there before the next value. */
static bool scan_next(struct json_scan *s, char close)
{
	struct slice name;

	json_scan_space(s);
	if (close == '}' && !json_scan_name(s, &name))
		return false;
	return true;
}

/* Behind a value inside a container: eats the comma (*more) or the closing bracket. */
bool json_scan_after(struct json_scan *s, char close, bool *more)
{
	json_scan_space(s);
	if (s->p == s->end)
		return fail(s, close == '}' ? "the text ends inside an object" : "the text ends inside an array");
	if (*s->p != ',' && *s->p != close)
		return fail(s, close == '}' ? "a comma or } was expected" : "a comma or ] was expected");
	*more = *s->p++ == ',';
	return true;
}

/* One value of any kind, without white space around it. `close` holds the bracket that ends each open container. */
bool json_scan_value(struct json_scan *s)
{
	char close[JSON_MAX_DEPTH];
	size_t depth = 0;
	bool more;

	for (;;) {
		if (s->p == s->end)
			return fail(s, depth ? "the text ends where a value was expected" : "the text is empty");
		if (*s->p == '{' || *s->p == '[') {
			if (depth == JSON_MAX_DEPTH)
				return fail(s, "nested too deeply");
			close[depth++] = *s->p++ == '{' ? '}' : ']';
			json_scan_space(s);
			if (s->p == s->end || *s->p != close[depth - 1]) {
				if (!scan_next(s, close[depth - 1]))
					return false;
				continue;
			}
			s->p++;
			depth--;
		} else if (!scan_scalar(s)) {
			return false;
		}
		for (more = false; depth && !more;) {
			if (!json_scan_after(s, close[depth - 1], &more))
				return false;
			if (!more)
				depth--;
		}
		if (!depth)
			return true;
		if (!scan_next(s, close[depth - 1]))
			return false;
	}
}
