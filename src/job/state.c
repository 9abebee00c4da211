/* The event x state table. What it does not name is refused; doc/job-states.md draws the same table. */
#include "job/state.h"

static const uint8_t next_state[JOB_EVENTS][JOB_STATES] = {
	[JOB_EV_SUBMIT_NOW] = { [JOB_NONE] = JOB_QUEUED },
	[JOB_EV_SUBMIT_LATER] = { [JOB_NONE] = JOB_SCHEDULED },
	[JOB_EV_SUBMIT_WAITING] = { [JOB_NONE] = JOB_WAITING },
	[JOB_EV_PARENTS_DONE] = { [JOB_WAITING] = JOB_QUEUED },
	[JOB_EV_DUE] = { [JOB_SCHEDULED] = JOB_QUEUED, [JOB_RETRYING] = JOB_QUEUED },
	[JOB_EV_CLAIM] = { [JOB_QUEUED] = JOB_RUNNING },
	[JOB_EV_SUCCEED] = { [JOB_RUNNING] = JOB_SUCCEEDED },
	[JOB_EV_FAIL_RETRY] = { [JOB_RUNNING] = JOB_RETRYING },
	[JOB_EV_FAIL_DEAD] = { [JOB_RUNNING] = JOB_DEAD },
	[JOB_EV_GIVE_BACK] = { [JOB_RUNNING] = JOB_QUEUED },
	[JOB_EV_CANCEL] = {
		[JOB_SCHEDULED] = JOB_CANCELLED, [JOB_WAITING] = JOB_CANCELLED, [JOB_QUEUED] = JOB_CANCELLED,
		[JOB_RUNNING] = JOB_CANCELLED, [JOB_RETRYING] = JOB_CANCELLED,
	},
	[JOB_EV_EXPIRE] = {
		[JOB_SCHEDULED] = JOB_EXPIRED, [JOB_WAITING] = JOB_EXPIRED, [JOB_QUEUED] = JOB_EXPIRED, [JOB_RETRYING] = JOB_EXPIRED,
	},
	[JOB_EV_REQUEUE] = { [JOB_DEAD] = JOB_QUEUED, [JOB_CANCELLED] = JOB_QUEUED, [JOB_EXPIRED] = JOB_QUEUED },
	[JOB_EV_RUN_NOW] = { [JOB_SCHEDULED] = JOB_QUEUED, [JOB_RETRYING] = JOB_QUEUED },
	[JOB_EV_PARENTS_LATER] = { [JOB_WAITING] = JOB_SCHEDULED },
	[JOB_EV_REQUEUE_WAITING] = { [JOB_DEAD] = JOB_WAITING, [JOB_CANCELLED] = JOB_WAITING, [JOB_EXPIRED] = JOB_WAITING },
	[JOB_EV_PROGRESS] = { [JOB_RUNNING] = JOB_RUNNING },
};

static const char *const event_names[JOB_EVENTS] = {
	[JOB_EV_SUBMIT_NOW] = "queued",
	[JOB_EV_SUBMIT_LATER] = "scheduled",
	[JOB_EV_SUBMIT_WAITING] = "waiting",
	[JOB_EV_PARENTS_DONE] = "queued",
	[JOB_EV_DUE] = "queued",
	[JOB_EV_CLAIM] = "claimed",
	[JOB_EV_SUCCEED] = "succeeded",
	[JOB_EV_FAIL_RETRY] = "retry_scheduled",
	[JOB_EV_FAIL_DEAD] = "dead",
	[JOB_EV_GIVE_BACK] = "requeued",
	[JOB_EV_CANCEL] = "cancelled",
	[JOB_EV_EXPIRE] = "expired",
	[JOB_EV_REQUEUE] = "requeued",
	[JOB_EV_RUN_NOW] = "queued",
	[JOB_EV_PARENTS_LATER] = "scheduled",
	[JOB_EV_REQUEUE_WAITING] = "requeued",
	[JOB_EV_PROGRESS] = "progress",
};

enum job_state job_state_next(enum job_state from, enum job_event event)
{
	if ((unsigned)from >= JOB_STATES || (unsigned)event >= JOB_EVENTS)
		return JOB_NONE;
	return (enum job_state)next_state[event][from];
}

bool job_state_apply(struct job *j, enum job_event event)
{
	enum job_state to = job_state_next(j->state, event);

	if (to == JOB_NONE)
		return false;
	j->state = to;
	return true;
}

void job_state_restore(struct job *j, enum job_state state)
{
	j->state = state;
}

const char *job_event_name(enum job_event e)
{
	return (unsigned)e < JOB_EVENTS ? event_names[e] : "unknown";
}
