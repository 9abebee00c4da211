/* What happened to a job, in order of time, from its record, its attempts and its notes. Pure. */
#ifndef STINT_HTTP_HISTORY_JSON_H
#define STINT_HTTP_HISTORY_JSON_H

#include "job/job.h"
#include "job/record.h"
#include "store/store.h"
#include "text/buf.h"

struct history_event;

struct history {
	const struct job *job;
	const struct job_spec *spec;
	struct history_event *v;
	size_t n, cap;
	struct buf text;                /* the events' JSON, one behind the other */
	bool last_told;                 /* the last attempt has a row */
	struct job_text who;            /* the remote worker of the last attempt, where it was one: set by the caller before history_put() */
	int64_t first_claim_ms;         /* 0: none seen */
	const struct store_progress *said;      /* not told yet; NULL: there is none, or it is told */
	bool queued;                    /* a note told when it came to its queue */
	bool cancelled;                 /* the last attempt, or a note, told the record's end */
	bool failed;                    /* memory ran out */
};

/* In this order: begin, its progress where it has any, every attempt, every note, put. */
void history_begin(struct history *h, const struct job *job, const struct job_spec *spec);
void history_attempt(struct history *h, const struct record_attempt *a);
void history_note(struct history *h, const struct store_note *n);
void history_progress(struct history *h, const struct store_progress *p);      /* the last that was said: earlier words are not kept. Valid until put */
/* running_since_ms: when the attempt that runs now was started, 0 where that is not known. Appends {"id","history":[...]}; false where memory ran out.
 * Frees what it gathered. */
bool history_put(struct history *h, int64_t running_since_ms, struct buf *out);

#endif
