/* A job and everything that lies in rows of its own, as it is to be shown. */
#ifndef STINT_HTTP_JOB_READ_H
#define STINT_HTTP_JOB_READ_H

#include "http/job_json.h"
#include "store/store.h"

struct job_read {
	struct job job;
	struct job_spec spec;           /* its texts are the snapshot's */
	struct buf payload, result, error, progress, depends;
	struct job_view view;           /* of all of it */
};

/* Inside a snapshot, which the view does not outlive. `brief`: without a payload or result that has rows of its own. Anything but STORE_OK: there is nothing to free. */
enum store_rc job_read(struct store_reader *r, struct job_id id, bool brief, struct job_read *out);
void job_read_free(struct job_read *j);

#endif
