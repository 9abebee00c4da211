/* Names: of states and outcomes, and what may be one of a type or a queue. Called by everybody; nothing here can fail. */
#include "job/job.h"

#include <ctype.h>
#include <string.h>

static const char *const state_names[JOB_STATES] = {
	[JOB_NONE] = "none",
	[JOB_SCHEDULED] = "scheduled",
	[JOB_WAITING] = "waiting",
	[JOB_QUEUED] = "queued",
	[JOB_RUNNING] = "running",
	[JOB_RETRYING] = "retrying",
	[JOB_SUCCEEDED] = "succeeded",
	[JOB_DEAD] = "dead",
	[JOB_CANCELLED] = "cancelled",
	[JOB_EXPIRED] = "expired",
};

static const char *const outcome_names[JOB_OUTCOMES] = {
	[JOB_OUTCOME_NONE] = "none",
	[JOB_OUTCOME_SUCCEEDED] = "succeeded",
	[JOB_OUTCOME_FAILED] = "failed",
	[JOB_OUTCOME_TIMED_OUT] = "timed_out",
	[JOB_OUTCOME_CRASHED] = "crashed",
	[JOB_OUTCOME_LEASE_EXPIRED] = "lease_expired",
	[JOB_OUTCOME_RELEASED] = "released",
	[JOB_OUTCOME_CANCELLED] = "cancelled",
};

const char *job_state_name(enum job_state s)
{
	return (unsigned)s < JOB_STATES ? state_names[s] : state_names[JOB_NONE];
}

enum job_state job_state_of(const char *p, size_t n)
{
	for (int s = JOB_SCHEDULED; s < JOB_STATES; s++)
		if (strlen(state_names[s]) == n && memcmp(state_names[s], p, n) == 0)
			return (enum job_state)s;
	return JOB_NONE;
}

bool job_state_final(enum job_state s)
{
	return s >= JOB_SUCCEEDED && s < JOB_STATES;
}

const char *job_outcome_name(enum job_outcome o)
{
	return (unsigned)o < JOB_OUTCOMES ? outcome_names[o] : outcome_names[JOB_OUTCOME_NONE];
}

bool job_type_is(struct job_text t)
{
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];
		if (!isascii(c) || !(isalnum(c) || (c && strchr("._:/-", c))))
			return false;
	}
	return t.n > 0 && t.n <= JOB_TYPE_MAX;
}

bool job_queue_is(struct job_text t)
{
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] < 0x20 || t.p[i] == 0x7f)
			return false;
	return t.n > 0 && t.n <= JOB_QUEUE_MAX;
}
