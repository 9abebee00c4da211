/* The log of a job on stdout: as it is; on a terminal with nothing in it that moves the cursor; or an object a line. */
#ifndef STINT_CLI_LOG_OUT_H
#define STINT_CLI_LOG_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"

enum log_out_form { LOG_OUT_BYTES, LOG_OUT_TERMINAL, LOG_OUT_JSON };

struct log_out {
	enum log_out_form form;
	uint32_t attempt;               /* whose log it is */
	bool begun;                     /* the last line has no end yet */
	struct buf kept;                /* what cannot be written before more has come */
};

/* What is to be written for these bytes, appended to *text. */
void log_out_add(struct log_out *o, struct slice bytes, struct buf *text);
/* The attempt's log is over: what is kept is said, a last line is ended where a person reads it. */
void log_out_end(struct log_out *o, struct buf *text);
void log_out_free(struct log_out *o);

/* LOG_OUT_JSON where asked for, else as stdout is. */
enum log_out_form log_out_form(bool json);

#endif
