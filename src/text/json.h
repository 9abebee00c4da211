/* JSON in two halves: a strict scanner of our own for payloads, whose bytes are kept as they came (RFC 8259), and
 * writing. Envelopes are parsed with jansson by their callers. */
#ifndef STINT_TEXT_JSON_H
#define STINT_TEXT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "text/buf.h"

#define JSON_MAX_DEPTH 128

struct json_error {
	size_t offset;          /* of the first byte that cannot be right */
	unsigned line, column;  /* from 1; column counts bytes */
	const char *what;       /* static text, such as "control character in string" */
};

/* Whether p[0..n) is exactly one JSON text (leading and trailing white space allowed): RFC 8259 grammar, UTF-8 without
 * overlong forms or surrogates, nesting at most JSON_MAX_DEPTH. Numbers of any length are fine. Fills *err on false. */
bool json_valid(const char *p, size_t n, struct json_error *err);

/* Finds the raw bytes of member `name` of the object text p[0..n), which json_valid() has accepted. Escapes in member
 * names are resolved before comparing. False where there is none. The first one wins (duplicates are the caller's to refuse). */
bool json_member(const char *p, size_t n, const char *name, struct slice *value);

/* Calls fn for each element of the array text p[0..n), which json_valid() has accepted; stops when fn returns false.
 * True where all were called, false where fn stopped it or the text is no array. */
bool json_each(const char *p, size_t n, bool (*fn)(void *arg, struct slice element), void *arg);

/* Calls fn for each member of the object text p[0..n), which json_valid() has accepted, with its name as it stands there; stops when fn returns false. True as json_each(). */
bool json_each_member(const char *p, size_t n, bool (*fn)(void *arg, struct slice name, struct slice value), void *arg);
/* Whether a string of such a text, with its quotes, says `text`; escapes are resolved before comparing. */
bool json_string_says(struct slice raw, const char *text);
/* Appends what it says, as UTF-8 (half a surrogate pair as U+FFFD). False where `raw` is no string. */
bool json_string_get(struct slice raw, struct buf *out);

bool json_utf8(const char *p, size_t n);        /* whether it is UTF-8, without overlong forms or surrogates */
/* Appends a JSON string with quotes. Bytes that are not valid UTF-8 become U+FFFD, control characters are escaped. */
void json_put_string(struct buf *b, struct slice s);
/* Appends "name": for the next member of an object, with a comma before it where it is not the first. */
void json_put_key(struct buf *b, const char *name);

#endif
