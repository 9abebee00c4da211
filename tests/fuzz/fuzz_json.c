/* JSON texts: what the strict scanner says against jansson, and what is found in texts that it has accepted. */
#include <string.h>

#include <jansson.h>

#include "tests/fuzz/fuzz.h"
#include "text/json.h"

/* An escape for half a surrogate pair is a string by the grammar; jansson cannot decode it. */
static bool has_surrogate(const char *p, size_t n)
{
	return memmem(p, n, "\\ud", 3) || memmem(p, n, "\\uD", 3);
}

/* jansson knows numbers only as far as C does, no NUL in a name, and has another limit of depth; a text's other faults are the same to both. */
static void compare(const char *p, size_t n, bool valid, const struct json_error *err)
{
	json_error_t e;
	json_t *j = json_loadb(p, n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);

	if (j && !valid)        /* jansson passes over a NUL byte behind a number */
		MUST(strstr(err->what, "deep") || memchr(p, '\0', n));
	if (!j && valid)
		MUST(json_error_code(&e) == json_error_numeric_overflow || json_error_code(&e) == json_error_null_byte_in_key || has_surrogate(p, n));
	json_decref(j);
}

struct inside { const char *p; size_t n; unsigned elements; };

static void is_inside(const struct inside *in, struct slice s)
{
	struct json_error err;

	MUST(s.p >= in->p && s.p + s.n <= in->p + in->n);
	MUST(json_valid(s.p, s.n, &err));
}

static bool element(void *arg, struct slice s)
{
	struct inside *in = arg;

	is_inside(in, s);
	return ++in->elements < 1000;
}

/* A name's text is found again under itself, and a string that is written anew is a string. */
static bool member(void *arg, struct slice name, struct slice value)
{
	struct inside *in = arg;
	struct buf text = { 0 }, again = { 0 };
	struct json_error err;
	struct slice found;

	is_inside(in, name);
	is_inside(in, value);
	MUST(json_string_get(name, &text));
	MUST(json_utf8(buf_cstr(&text), text.len));
	json_put_string(&again, (struct slice){ text.data, text.len });
	MUST(json_valid(again.data, again.len, &err));
	if (!memchr(text.data ? text.data : "", '\0', text.len) && !memmem(text.data ? text.data : "", text.len, "\xef\xbf\xbd", 3)) {
		MUST(json_member(in->p, in->n, buf_cstr(&text), &found));
		MUST(json_string_says(name, buf_cstr(&text)));
	}
	buf_free(&text);
	buf_free(&again);
	return ++in->elements < 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct inside in = { p, n, 0 };
	struct json_error err = { 0 };
	struct buf b = { 0 };
	bool valid = json_valid(p, n, &err);

	compare(p, n, valid, &err);
	if (valid) {
		json_each(p, n, element, &in);
		json_each_member(p, n, member, &in);
	} else {
		MUST(err.what && err.offset <= n && err.line >= 1 && err.column >= 1);
	}
	json_put_string(&b, (struct slice){ p, n });    /* of any bytes */
	MUST(json_valid(b.data, b.len, &err));
	buf_free(&b);
	return 0;
}
