/* What a schedule must be: an expression that ticks, in a time zone that there is, of a type that somebody handles. Called by check.c. */
#include "config/internal.h"

#include <stdlib.h>
#include <string.h>

#include "config/schedule.h"
#include "text/json.h"

/* Where the option stands, or the section where it was not written. */
static void wrong(struct loader *l, const struct block *b, const char *option, const char *what, const char *why)
{
	const struct setting *s = setting_of(b, option);

	mistake(l, s ? s->file : b->file, s ? s->line : b->line, "schedule %s: %s%s", shown(l, slice_of(b->title)), what, why);
}

static void check_cron(struct loader *l, const struct block *b, const struct conf_schedule *c)
{
	struct zone *zone = calloc(1, sizeof(*zone));
	struct cron cron;
	char why[512];
	int64_t next;
	bool reads;

	if (!zone) {
		l->no_memory = true;
		return;
	}
	reads = cron_parse(c->cron, strlen(c->cron), &cron, why, sizeof(why));
	if (!c->cron[0])
		wrong(l, b, "cron", "cron is missing: write five fields, such as \"0 3 * * *\", or @daily", "");
	else if (!reads)
		wrong(l, b, "cron", "bad cron: ", why);
	/* the keeper's copy was checked before it was handed over, and files may have gone since */
	if (!l->text_only && !schedule_zone(c->timezone, zone, why, sizeof(why)))
		wrong(l, b, "timezone", "bad timezone: ", why);
	else if (reads && !cron_next(&cron, zone, 0, &next))
		wrong(l, b, "cron", "this cron expression never ticks", "");
	free(zone);
}

static void check_type(struct loader *l, const struct block *b, const struct conf_schedule *c)
{
	if (!c->type[0])
		wrong(l, b, "type", "type is missing: name the type of the job that each tick submits", "");
	else if (!name_good(c->type, strlen(c->type)))
		wrong(l, b, "type", "bad type: expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -", "");
	else if (!conf_handler_of(l->conf, slice_of(c->type)) && l->conf->unknown_types == CONF_UNKNOWN_REJECT)
		wrong(l, b, "type", "no handler section takes the type ", shown(l, slice_of(c->type)));
	if (c->queue[0] && !name_good(c->queue, strlen(c->queue)))
		wrong(l, b, "queue", "bad queue: expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -", "");
}

static void check_payload(struct loader *l, const struct block *b, const struct conf_schedule *c)
{
	const struct setting *s = setting_of(b, "payload");
	const char *name = shown(l, slice_of(b->title)), *file = s ? s->file : b->file;
	unsigned line = s ? s->line : b->line;
	size_t n = strlen(c->payload);
	struct json_error err;

	if (n > JOB_INLINE_MAX)
		mistake(l, file, line, "schedule %s: the payload has %zu bytes: expected at most %d", name, n, JOB_INLINE_MAX);
	else if (!json_valid(c->payload, n, &err))
		mistake(l, file, line, "schedule %s: the payload is not JSON: line %u, column %u: %s", name, err.line, err.column, err.what);
}

void check_schedule(struct loader *l, const struct block *b)
{
	const struct conf_schedule *c = &l->conf->schedule[b->index];

	check_cron(l, b, c);
	check_type(l, b, c);
	check_payload(l, b, c);
}
