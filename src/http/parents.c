/* depends_on against the store, before anything is asked of the keeper: so that an array with one wrong id is refused as a whole. Called by api_submit.c and submission.c. */
#include "http/parents.h"

#include <stdio.h>
#include <string.h>

#include "text/uuid.h"

void parents_problem(const struct job_spec *spec, const struct job_id *id, enum job_state state, struct envelope_problem *p)
{
	char text[UUID_TEXT_BYTES];
	unsigned at = 0;

	while (spec->depends && at + 1 < spec->ndepends && memcmp(spec->depends + at * sizeof(*id), id, sizeof(*id)) != 0)
		at++;
	uuid_format(id->b, text);
	*p = (struct envelope_problem){ .status = 422 };
	snprintf(p->field, sizeof(p->field), "depends_on[%u]", at);
	if (state == JOB_NONE)
		snprintf(p->detail, sizeof(p->detail), "there is no job %s to depend on; it was never submitted here, or is past its retention", text);
	else
		snprintf(p->detail, sizeof(p->detail), "job %s has ended %s: it will not succeed unless it is retried", text, job_state_name(state));
}

bool parents_check(struct api *a, const struct job_spec *spec, struct envelope_problem *p)
{
	bool fine = true;

	if (spec->ndepends == 0 || spec->idempotency_key.n || spec->unique_key.n)
		return true;            /* a job that is there already is answered as it is, whatever became of its parents: only the keeper knows */
	if (!a->reader || store_read_begin(a->reader) != STORE_OK)
		return true;
	for (unsigned i = 0; fine && i < spec->ndepends; i++) {
		struct job parent = { .state = JOB_NONE };
		struct job_id id;
		memcpy(&id, spec->depends + i * sizeof(id), sizeof(id));
		enum store_rc rc = store_get(a->reader, id, &parent, NULL);
		fine = rc == STORE_OK ? !job_state_final(parent.state) || parent.state == JOB_SUCCEEDED : rc != STORE_NOT_FOUND;
		if (!fine)
			parents_problem(spec, &id, rc == STORE_OK ? parent.state : JOB_NONE, p);
	}
	store_read_end(a->reader);
	return fine;
}
