/* Answers as bytes. The functions that handlers call are in http.h. */
#ifndef STINT_HTTP_REPLY_H
#define STINT_HTTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"

#define REPLY_DATE_BYTES 30             /* "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL */

struct reply {
	int status;
	const char *content_type;       /* NULL: none */
	struct slice body, extra;       /* extra: whole header lines */
	const char *date;
	bool bare;                      /* HEAD: the head alone, with the length that the body would have */
	bool close;
	bool live;                      /* its body follows bit by bit, in chunks */
};

void reply_write(struct buf *out, const struct reply *r);
void reply_date(int64_t wall_ms, char out[REPLY_DATE_BYTES]);   /* RFC 9110, IMF-fixdate */

#endif
