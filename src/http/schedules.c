/* Looks at schedules. Called by api_schedule.c and api_status.c; nothing here is fatal. */
#include "http/schedules.h"

#include <stdlib.h>
#include <string.h>

#include "config/schedule.h"
#include "job/zone.h"

/* As the keeper does it: an expression that is not the row's begins anew, and the clock may have been put back behind the last tick. */
static void look(const struct api *a, const struct schedule *s, int64_t now_ms, bool read, struct schedule_view *v)
{
	struct store_schedule row = { 0 };
	struct job_spec spec;
	bool known = read && store_schedule_read(a->reader, (struct job_text){ s->conf->name, strlen(s->conf->name) }, &row) == STORE_OK;
	int64_t after = known && row.print == s->print && row.upto_ms > now_ms ? row.upto_ms : now_ms;
	int64_t next = schedule_next_ms(s, after);

	schedule_spec(a->conf, s->conf, &spec);
	*v = (struct schedule_view){ .conf = s->conf, .queue = spec.queue, .next_ms = next == INT64_MAX ? 0 : next };
	if (v->next_ms && s->zone)
		v->next_offset_s = zone_span_at(s->zone, next / 1000).offset;
	if (known) {
		v->last_ms = row.run_ms;
		v->last_job = row.job;
	}
}

struct schedule_view *schedules_look(const struct api *a, int64_t now_ms, size_t *n, bool *read)
{
	size_t count = schedules_count(a->schedules);
	struct schedule_view *v = calloc(count + 1, sizeof(*v));

	*n = count;
	*read = count == 0;
	if (!v || count == 0)
		return v;
	*read = a->reader && store_read_begin(a->reader) == STORE_OK;
	for (size_t i = 0; i < count; i++)
		look(a, schedules_at(a->schedules, i), now_ms, *read, &v[i]);
	if (*read)
		store_read_end(a->reader);
	return v;
}

const char *schedules_missed_name(const struct conf_schedule *c)
{
	static const char *const name[] = { [TICK_ONCE] = "once", [TICK_ALL] = "all", [TICK_SKIP] = "skip" };

	return name[c->missed];
}
