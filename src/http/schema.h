/* What a value in JSON may be, as rows of tables: requests are checked by them, and the contract (openapi.c) is written from them as JSON Schema, so that the two say the same. */
#ifndef STINT_HTTP_SCHEMA_H
#define STINT_HTTP_SCHEMA_H

#include <math.h>
#include <stdbool.h>

#include "text/buf.h"

enum schema_kind {
	SCHEMA_IS_ANY,                  /* any JSON */
	SCHEMA_IS_TEXT,                 /* of min..max bytes (its characters are at most as many); text: its pattern, or NULL */
	SCHEMA_IS_TEXT_OR_NULL,
	SCHEMA_IS_CHOICE,               /* text: the strings that it may be, with commas between */
	SCHEMA_IS_FORMAT,               /* a string of the format that text names */
	SCHEMA_IS_INTEGER,              /* of min..max */
	SCHEMA_IS_NUMBER,               /* of min..max */
	SCHEMA_IS_FLAG,
	SCHEMA_IS_DURATION,             /* of min..max milliseconds: seconds as a number, or a string such as "30s" */
	SCHEMA_IS_LIST,                 /* of min..max elements of the kind `of` */
	SCHEMA_IS_MAP,                  /* any names, each with a value of the kind `of` */
	SCHEMA_IS_ONE_OF,               /* this: `of`; or its neighbour of[1] */
	SCHEMA_IS_REF,                  /* what the contract has under the name in text */
	SCHEMA_IS_STATES,               /* of members alone: one for each state of a job, with a count */
};

struct schema {
	enum schema_kind kind;
	double min, max;                /* INFINITY: no limit */
	const char *text;
	const struct schema *of;
};

#define SCHEMA_ANY { .kind = SCHEMA_IS_ANY }
#define SCHEMA_TEXT(least, most) { .kind = SCHEMA_IS_TEXT, .min = (least), .max = (most) }
#define SCHEMA_PATTERN(least, most, pattern) { .kind = SCHEMA_IS_TEXT, .min = (least), .max = (most), .text = (pattern) }
#define SCHEMA_STRING SCHEMA_TEXT(0, INFINITY)
#define SCHEMA_CHOICE(strings) { .kind = SCHEMA_IS_CHOICE, .text = (strings) }
#define SCHEMA_TIME { .kind = SCHEMA_IS_FORMAT, .text = "date-time" }
#define SCHEMA_INTEGER(least, most) { .kind = SCHEMA_IS_INTEGER, .min = (least), .max = (most) }
#define SCHEMA_COUNT SCHEMA_INTEGER(0, INFINITY)
#define SCHEMA_NUMBER(least, most) { .kind = SCHEMA_IS_NUMBER, .min = (least), .max = (most) }
#define SCHEMA_FLAG { .kind = SCHEMA_IS_FLAG }
#define SCHEMA_DURATION(least_ms, most_ms) { .kind = SCHEMA_IS_DURATION, .min = (least_ms), .max = (most_ms) }
#define SCHEMA_LIST(least, most, ...) { .kind = SCHEMA_IS_LIST, .min = (least), .max = (most), .of = &(const struct schema)__VA_ARGS__ }
#define SCHEMA_MAP(...) { .kind = SCHEMA_IS_MAP, .of = &(const struct schema)__VA_ARGS__ }
#define SCHEMA_REF(name) { .kind = SCHEMA_IS_REF, .text = (name) }
#define SCHEMA_ID SCHEMA_REF("JobId")

enum schema_need { SCHEMA_ALWAYS, SCHEMA_MAYBE };

struct schema_member {                  /* of an object; also a parameter */
	const char *name;
	struct schema is;
	enum schema_need need;
	const char *what;               /* said in the contract; NULL: its name says it */
};

struct schema_object {
	const char *name, *what;
	bool closed;                    /* of requests: any other member is refused */
	const struct schema_member *member;     /* ended by name NULL; or else: */
	const struct schema_member *(*at)(unsigned arg, unsigned i);    /* the i-th; NULL after the last */
	unsigned arg;
};

#define SCHEMA_REF_PREFIX "#/components/schemas/"

/* Appends the members of a JSON Schema object, without its braces. */
void schema_put(struct buf *b, const struct schema *s);
/* The same with braces. */
void schema_put_object(struct buf *b, const struct schema_object *o);
/* The i-th member; NULL after the last. */
const struct schema_member *schema_member_at(const struct schema_object *o, unsigned i);

#endif
