/* What stands on a terminal, a line a line: drawn in memory, then written in one go. */
#ifndef STINT_CLI_SCREEN_H
#define STINT_CLI_SCREEN_H

#include <stdbool.h>

#include "text/buf.h"

enum screen_look { SCREEN_PLAIN, SCREEN_BOLD, SCREEN_REVERSE };

struct screen_line { struct buf text; enum screen_look look; };
struct screen {
	unsigned rows, columns;
	unsigned used;                  /* lines so far */
	struct screen_line *line;       /* rows of them */
	bool failed;                    /* memory is out */
};

/* Empty, and of this size. A zeroed struct is fine to begin with. */
void screen_begin(struct screen *s, unsigned rows, unsigned columns);
/* The next line, cut to the screen's width; control characters made visible. Nothing where the screen is full. */
void screen_line(struct screen *s, enum screen_look look, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void screen_last(struct screen *s, enum screen_look look, const char *text);   /* the lowest line, whatever stands there */
void screen_write(const struct screen *s, struct buf *out);     /* with what moves the cursor: all rows, those without a line empty */
void screen_text(const struct screen *s, struct buf *out);      /* the lines alone */
void screen_free(struct screen *s);

/* A cell of exactly so many columns: cut with a "~" at its end, or filled with spaces, to the right of the text or (right) to its left. */
void screen_cell(struct buf *out, const char *text, unsigned columns, bool right);

#endif
