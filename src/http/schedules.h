/* What a schedule has done and will do, for the API and the page: the conf's expression and the store's row, put together. */
#ifndef STINT_HTTP_SCHEDULES_H
#define STINT_HTTP_SCHEDULES_H

#include "http/http.h"

struct schedule_view {
	const struct conf_schedule *conf;
	struct job_text queue;          /* of its jobs */
	int64_t last_ms;                /* its last job was submitted then, at a tick or by hand; 0: none has been */
	struct job_id last_job;
	int64_t next_ms;                /* 0: it will not tick */
	int32_t next_offset_s;          /* its local time from UTC then */
};

/* All of them, in the conf's order: malloc'ed, for the caller to free. NULL: memory is out. *read is false where the store cannot be read now, which leaves out what is in it. */
struct schedule_view *schedules_look(const struct api *a, int64_t now_ms, size_t *n, bool *read);
const char *schedules_missed_name(const struct conf_schedule *c);       /* "once" */

#endif
