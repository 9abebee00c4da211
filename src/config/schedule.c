/* Schedules made ready. Called by the keeper, which ticks, by the acceptor, which shows them, and by check_schedule.c. Nothing here is fatal. */
#include "config/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/defaults.h"
#include "job/tzif.h"
#include "os/zone_file.h"
#include "text/crc32c.h"

struct named_zone {
	const char *name;               /* of the first schedule in it */
	bool good;
	char why[256];
	struct zone zone;
};

struct schedules {
	struct schedule *v;
	size_t n;
	struct named_zone **zone;
	size_t nzone;
};

bool schedule_zone(const char *name, struct zone *out, char *why, size_t size)
{
	unsigned char *bytes = malloc(ZONE_FILE_MAX);
	char phrase[160];
	ssize_t n;
	bool good = false;

	if (!bytes) {
		snprintf(why, size, "memory is out");
		return false;
	}
	n = zone_file_read(NULL, name, bytes, why, size);
	if (n >= 0) {
		good = tzif_parse(bytes, (size_t)n, out, phrase, sizeof(phrase));
		if (!good)
			snprintf(why, size, "the file of the time zone '%.64s' cannot be used: %s", name, phrase);
	}
	free(bytes);
	return good;
}

static struct named_zone *zone_of(struct schedules *s, const char *name)
{
	for (size_t i = 0; i < s->nzone; i++)
		if (strcmp(s->zone[i]->name, name) == 0)
			return s->zone[i];
	struct named_zone *z = calloc(1, sizeof(*z));
	if (!z)
		return NULL;
	z->name = name;
	z->good = schedule_zone(name, &z->zone, z->why, sizeof(z->why));
	s->zone[s->nzone++] = z;
	return z;
}

static uint32_t print_of(const struct conf_schedule *c)
{
	return crc32c(c->cron, strlen(c->cron) + 1) ^ (crc32c(c->timezone, strlen(c->timezone)) * 2654435761u);
}

/* False: memory is out. */
static bool make(struct schedules *s, struct schedule *out, const struct conf_schedule *c, void (*failed)(const struct conf_schedule *s, const char *why))
{
	struct named_zone *z = zone_of(s, c->timezone);
	char why[256];

	if (!z)
		return false;
	*out = (struct schedule){ .conf = c, .zone = z->good ? &z->zone : NULL, .print = print_of(c) };
	if (!z->good && failed)
		failed(c, z->why);
	if (!cron_parse(c->cron, strlen(c->cron), &out->cron, why, sizeof(why))) {
		out->zone = NULL;       /* the check has refused it before */
		if (failed)
			failed(c, why);
	}
	return true;
}

struct schedules *schedules_make(const struct conf *c, void (*failed)(const struct conf_schedule *s, const char *why))
{
	struct schedules *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->v = calloc(c->nschedule + 1, sizeof(*s->v));
	s->zone = calloc(c->nschedule + 1, sizeof(*s->zone));
	if (!s->v || !s->zone)
		goto fail;
	for (; s->n < c->nschedule; s->n++)
		if (!make(s, &s->v[s->n], &c->schedule[s->n], failed))
			goto fail;
	return s;
fail:
	schedules_free(s);
	return NULL;
}

void schedules_free(struct schedules *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nzone; i++)
		free(s->zone[i]);
	free(s->zone);
	free(s->v);
	free(s);
}

size_t schedules_count(const struct schedules *s)
{
	return s ? s->n : 0;
}

const struct schedule *schedules_at(const struct schedules *s, size_t i)
{
	return &s->v[i];
}

int64_t schedule_next_ms(const struct schedule *s, int64_t after_ms)
{
	int64_t next;

	return s->zone && cron_next(&s->cron, s->zone, after_ms, &next) ? next : INT64_MAX;
}

static struct job_text borrow(const char *cstr)
{
	return (struct job_text){ cstr, strlen(cstr) };
}

void schedule_spec(const struct conf *c, const struct conf_schedule *s, struct job_spec *out)
{
	struct job_defaults d;

	conf_job_defaults(c, slice_of(s->type), &d);
	*out = (struct job_spec){
		.type = borrow(s->type), .queue = s->queue[0] ? borrow(s->queue) : d.queue, .name = borrow(s->name), .max_retries = d.max_retries, .timeout_ms = d.timeout_ms,
		.backoff = d.backoff, .payload = borrow(s->payload),
	};
	out->payload_len = out->payload.n;
	out->aging_ms = conf_job_aging(c, out->queue);
}
