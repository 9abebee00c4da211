/* A job as api.md has it, and what its history was. Pure: everything to be said is an argument. */
#ifndef STINT_HTTP_JOB_JSON_H
#define STINT_HTTP_JOB_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "text/buf.h"

struct job_view {
	const struct job *job;
	const struct job_spec *spec;
	struct slice payload;           /* JSON text; p NULL leaves it out (raw bodies: GET /jobs/ID/payload has them) */
	struct slice depends;           /* ids, 16 bytes each */
	struct slice last_error;        /* p NULL: none */
	struct slice progress;          /* the message; p NULL: none */
	int32_t progress_pct;           /* -1: no progress */
	struct slice worker;            /* what the remote worker of its last attempt calls itself; p NULL: it was none, or said nothing */
	struct slice result;            /* p NULL: none; JSON text where job->result_json */
};

void job_json_put(struct buf *b, const struct job_view *v);

/* The parts other answers are made of. A number of milliseconds as seconds: "30", "0.25". */
void job_json_seconds(struct buf *b, int64_t ms);
void job_json_millis(struct buf *b, int64_t us);                /* microseconds as milliseconds: "1.5" */
void job_json_time(struct buf *b, int64_t wall_ms);             /* a JSON string, RFC 3339 */
void job_json_worker(struct buf *b, uint32_t slot, int32_t pid);/* a JSON string: "worker-SLOT:PID" */
void job_json_id(struct buf *b, const struct job_id *id);       /* a JSON string */
bool job_json_utf8(struct slice s);                             /* whether it is UTF-8 without control characters but tab, LF, CR */

#endif
