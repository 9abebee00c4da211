/* Which jobs are meant: the filters of the listing and of what is done to many, as options. */
#ifndef STINT_CLI_FILTER_H
#define STINT_CLI_FILTER_H

#include <stdbool.h>

#include "text/buf.h"

struct filter { const char *state, *type, *queue, *tag, *search; };

#define FILTER_OPTIONS(f) \
	{ OPTION_TEXT, "state", 0, &(f).state, NULL, "STATE", 0, 0, "scheduled, waiting, queued, running, retrying, succeeded, dead, cancelled or expired" }, \
	{ OPTION_TEXT, "type", 0, &(f).type, NULL, "TYPE", 0, 0, "of this type" }, \
	{ OPTION_TEXT, "queue", 0, &(f).queue, NULL, "QUEUE", 0, 0, "of this queue" }, \
	{ OPTION_TEXT, "tag", 0, &(f).tag, NULL, "TAG", 0, 0, "with this tag" }, \
	{ OPTION_TEXT, "search", 0, &(f).search, NULL, "TEXT", 0, 0, "with this in id, name, a tag or the last error" }

bool filter_empty(const struct filter *f);
void filter_query(struct buf *out, const struct filter *f);     /* "state=dead&type=a%20b&", or nothing */
void filter_json(struct buf *out, const struct filter *f);      /* ",\"state\":\"dead\"", or nothing */

#endif
