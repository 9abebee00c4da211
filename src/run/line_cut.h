/* A line of a coprocess that is longer than one is kept whole: all of it but the end of its "result", of which so much is kept as the job may have. Pure. */
#ifndef STINT_RUN_LINE_CUT_H
#define STINT_RUN_LINE_CUT_H

#include "run/line.h"

struct line_cut {
	size_t most;                    /* bytes of the result that are kept */
	unsigned at;                    /* line_cut.c's own: where in the object the next byte stands */
	bool string, escaped, here;     /* within a string; behind a backslash of it; within the result */
	bool seen;                      /* the result has begun */
	uint64_t depth;                 /* of the value */
	char name[8];                   /* of the member; only whether it is "result" counts */
	size_t name_n;
	size_t from, kept;              /* of what is kept of the line: where the result stands, how much of it */
	uint64_t total;                 /* bytes that it has had */
	size_t rest;                    /* of the line, besides it */
};

void line_cut_begin(struct line_cut *c, size_t most);
/* The next bytes of the line; appends to `kept` what is kept of them. False: it has more than LINE_MORE besides its result. */
bool line_cut_add(struct line_cut *c, struct buf *kept, const char *p, size_t n);
/* As line_read(), of what was kept when the newline has come. What the result has behind its cut is not looked at, but for where it ends. */
bool line_cut_read(const struct line_cut *c, struct slice kept, struct line_said *out, char *why, size_t why_size);

#endif
