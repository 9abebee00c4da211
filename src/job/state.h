/* The life of a job as a table of state x event. The one place that writes `state`. */
#ifndef STINT_JOB_STATE_H
#define STINT_JOB_STATE_H

#include "job/job.h"

enum job_event {
	JOB_EV_SUBMIT_NOW,      /* a new job, ready at once */
	JOB_EV_SUBMIT_LATER,    /* a new job with a run_at to come */
	JOB_EV_SUBMIT_WAITING,  /* a new job with parents that have not ended */
	JOB_EV_PARENTS_DONE,
	JOB_EV_DUE,             /* run_at or the backoff has come */
	JOB_EV_CLAIM,
	JOB_EV_SUCCEED,
	JOB_EV_FAIL_RETRY,      /* failed or timed out, retries left */
	JOB_EV_FAIL_DEAD,       /* failed for good, or retries used up, or too many crashes */
	JOB_EV_GIVE_BACK,       /* crashed, released, lease over: queued again, no retry used */
	JOB_EV_CANCEL,
	JOB_EV_EXPIRE,
	JOB_EV_REQUEUE,         /* by hand: a final, unsuccessful job */
	JOB_EV_RUN_NOW,         /* by hand: scheduled or retrying */
	JOB_EV_PARENTS_LATER,   /* the parents are done, run_at is to come */
	JOB_EV_REQUEUE_WAITING, /* as REQUEUE, with parents that have not ended */
	JOB_EV_PROGRESS,        /* it said how far it is */
	JOB_EVENTS
};

/* The state that `event` leads to from `from`; JOB_NONE where it is not allowed. */
enum job_state job_state_next(enum job_state from, enum job_event event);

/* Applies it to the job; false, and nothing changed, where it is not allowed. */
bool job_state_apply(struct job *j, enum job_event event);

/* The state that a job had in another store, or in this one before it was damaged. */
void job_state_restore(struct job *j, enum job_state state);

const char *job_event_name(enum job_event e);

#endif
