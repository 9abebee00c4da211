/* The lines between us and a coprocess: one JSON object each. Pure. */
#ifndef STINT_RUN_LINE_H
#define STINT_RUN_LINE_H

#include "run/run.h"

#define LINE_MORE (16u << 10)           /* bytes that an answer may have besides its result */
#define LINE_SHOWN 200u                 /* bytes of a bad line that a message shows */

/* Appends the line that hands out one job. The payload stands in it as JSON; where it is not, as a string, and where it is no UTF-8 in base64 under another name. */
void line_job(const struct run_task *t, struct buf *out);

enum line_kind { LINE_OK, LINE_NOT_OK, LINE_PROGRESS };

struct line_said {
	enum line_kind kind;
	struct job_id id;
	struct slice result;            /* OK: its bytes as they stand in the line; empty where there is none */
	uint64_t result_total;          /* as many as it had, kept or not */
	bool retry;                     /* NOT_OK; true where it is not said */
	int64_t retry_in_ms;            /* -1: not said */
	int percent;
	char text[JOB_ERROR_MAX];       /* error, or message; "" */
};

/* Reads one line, without its newline. False with the reason in `why` where it is not one that a coprocess may say. */
bool line_read(struct slice line, struct line_said *out, char *why, size_t why_size);

/* `line` for a message: cut, one line, printable. */
void line_show(struct slice line, char *out, size_t size);

#endif
