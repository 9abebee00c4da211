/* Reads bodies that are one JSON object, and says what is wrong with those that are not. Called by the handlers of requests with such bodies, and by envelope.c and lease.c, which read theirs
 * themselves. Nothing here is fatal. */
#include "http/object.h"

#include <stdio.h>
#include <string.h>

#include "text/json.h"

static bool blank(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(" \t\r\n", s.p[i]))
			return false;
	return true;
}

bool object_is_json(struct slice body, const char *needed, struct envelope_problem *p)
{
	struct json_error err;

	*p = (struct envelope_problem){ .status = 400 };
	if (blank(body)) {
		snprintf(p->detail, sizeof(p->detail), "the body is empty; %s is needed", needed);
		return false;
	}
	if (json_valid(body.p, body.n, &err))
		return true;
	snprintf(p->detail, sizeof(p->detail), "the body is not JSON: line %u, column %u: %s", err.line, err.column, err.what);
	return false;
}

int object_refused(const json_error_t *err, char *out, size_t size)
{
	static const char twice[] = "duplicate object key";

	switch (err->text[0] ? json_error_code(err) : json_error_out_of_memory) {       /* it says nothing where it could not even begin */
	case json_error_duplicate_key:
		snprintf(out, size, "a member is given twice%s", strncmp(err->text, twice, sizeof(twice) - 1) == 0 ? err->text + sizeof(twice) - 1 : "");
		return 400;
	case json_error_numeric_overflow:
		snprintf(out, size, "a number is beyond 64 bits; no field takes one so large");
		return 400;
	case json_error_null_character:
	case json_error_null_byte_in_key:
		snprintf(out, size, "the character U+0000 may stand in a payload only");
		return 400;
	case json_error_out_of_memory:
		snprintf(out, size, "out of memory");
		return 503;
	default:
		snprintf(out, size, "%.200s", err->text);
		return 400;
	}
}

json_t *object_read(struct slice body, const char *needed, struct envelope_problem *p)
{
	json_error_t err;
	json_t *tree;

	if (!object_is_json(body, needed, p))
		return NULL;
	tree = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &err);
	if (json_is_object(tree))
		return tree;
	if (tree)
		snprintf(p->detail, sizeof(p->detail), "the body must be a JSON object: %s", needed);
	else
		p->status = object_refused(&err, p->detail, sizeof(p->detail));
	json_decref(tree);
	return NULL;
}
