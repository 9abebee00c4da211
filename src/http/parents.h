/* The jobs that a submission depends on. */
#ifndef STINT_HTTP_PARENTS_H
#define STINT_HTTP_PARENTS_H

#include "http/envelope.h"

/* Whether all are there and none has ended otherwise than succeeded; false with *p filled in. The keeper looks again: one may end in between. */
bool parents_check(struct api *a, const struct job_spec *spec, struct envelope_problem *p);
/* The problem with one of them; JOB_NONE: it is unknown. */
void parents_problem(const struct job_spec *spec, const struct job_id *id, enum job_state state, struct envelope_problem *p);

#endif
