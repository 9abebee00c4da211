/* The conf's schedules, ready to tick: their expressions read, their time zones loaded, one for all schedules of the same name. */
#ifndef STINT_CONFIG_SCHEDULE_H
#define STINT_CONFIG_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "job/cron.h"
#include "job/job.h"
#include "job/tick.h"

struct schedule {
	const struct conf_schedule *conf;
	const struct zone *zone;        /* NULL: it cannot be read now, and the schedule rests */
	struct cron cron;
	uint32_t print;                 /* of expression and time zone: another one is another schedule, which starts from now */
};

struct schedules;

/* `failed` (may be NULL) hears of each schedule that rests, and why. NULL: memory is out. The conf must outlive it. */
struct schedules *schedules_make(const struct conf *c, void (*failed)(const struct conf_schedule *s, const char *why));
void schedules_free(struct schedules *s);
size_t schedules_count(const struct schedules *s);              /* NULL is none */
const struct schedule *schedules_at(const struct schedules *s, size_t i);

/* The first tick after that time; INT64_MAX: none. */
int64_t schedule_next_ms(const struct schedule *s, int64_t after_ms);
/* The job of a tick with every default resolved; its texts point into the conf. */
void schedule_spec(const struct conf *c, const struct conf_schedule *s, struct job_spec *out);
/* Reads a zone by its name. False with a sentence in why. */
bool schedule_zone(const char *name, struct zone *out, char *why, size_t why_size);

#endif
