/* Those who want to know when something becomes of a job: they look at it again when an event names it. */
#ifndef STINT_HTTP_JOB_WATCH_H
#define STINT_HTTP_JOB_WATCH_H

#include "http/http.h"

#define JOB_WATCH_FINAL (1u << JOB_SUCCEEDED | 1u << JOB_DEAD | 1u << JOB_CANCELLED | 1u << JOB_EXPIRED)

struct job_watch {                      /* embedded in the caller's own */
	struct job_watch *next;
	struct job_id id;
	unsigned states;                /* 1 << enum job_state: after events that lead into one of these it looks; after any while the server drains */
	void (*look)(struct job_watch *w);      /* it may have become so; may end this watch, and no other */
};

/* To be called before the job is read for the first time: an event that comes after that is then not missed. */
void job_watch_begin(struct api *a, struct job_watch *w);
void job_watch_end(struct job_watch *w);
unsigned job_watch_count(void);
bool job_watch_pending(const struct api *a);    /* somebody watches, and there are events that have not been looked at */
void job_watch_tick(struct api *a);

#endif
