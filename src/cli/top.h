/* `stint top`: one look at the server after the other. top_sample.c gathers what one look finds, top_screen.c draws it, top_json.c says it to programs, top.c is the command. */
#ifndef STINT_CLI_TOP_H
#define STINT_CLI_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/screen.h"
#include "cli/status_view.h"
#include "shm/segment.h"
#include "store/store.h"

#define TOP_WINDOW_NS (10 * 1000000000LL)       /* rates and percentiles are of so long a time */
#define TOP_LOOKS 16                            /* earlier looks that are kept for it */

/* A queue or a type. What the store says is 0 where it cannot be read. */
struct top_name {
	char name[SHM_NAME + 4];
	bool paused;
	uint64_t queued, running, later, dead, failed;  /* later: scheduled, retrying, waiting */
	uint64_t in, out;               /* ever: submitted; attempts that ended, or without the store that were seen by the histogram */
	double in_s, out_s;
	int64_t oldest_ms;              /* age of the oldest queued job; -1: none */
	struct status_quantiles ms;     /* of a queue the time in it, of a type execution; since the server's start */
};
struct top_names { struct top_name *v; size_t n, cap; };

struct top_run { char id[37], type[41]; uint32_t attempt, worker; int64_t for_ms; };

enum top_rate { TOP_SUBMITTED, TOP_PROCESSED, TOP_SUCCEEDED, TOP_FAILED, TOP_RETRIED, TOP_DEAD, TOP_REQUESTS, TOP_COMMITS, TOP_RATES };
extern const char *const top_rate_names[TOP_RATES];

/* One look. */
struct top {
	struct status st;
	bool has_store;                 /* else why says what was in the way */
	char why[256];
	double window_s;                /* how long ago the look is that this one is compared with; 0: it is the first */
	double rate[TOP_RATES];         /* a second */
	struct status_quantiles queue, execution, submit, commit;       /* of the window */
	struct top_names queues, types;
	struct top_run *run;            /* longest first */
	size_t nrun;
};

struct top_past;
struct top_sampler {
	struct store_reader *store;     /* NULL: not open, and why; the caller's */
	char why[256];
	struct top_past *past;          /* TOP_LOOKS of them */
	unsigned npast;
	uint64_t epoch;                 /* of the segment they are of */
};

/* One look at an open segment. 0, or -1 where memory is out. `alive` as status_gather() has it. */
int top_sample(struct top_sampler *s, const struct segment *seg, const struct status_now *now, bool (*alive)(pid_t pid), struct top *t);
void top_free(struct top *t);
void top_sampler_free(struct top_sampler *s);   /* leaves the store open */

enum top_sort { TOP_BY_LOAD, TOP_BY_RATE, TOP_BY_NAME, TOP_SORTS };
struct top_show { enum top_sort sort; bool no_processes, paused, no_foot; };
void top_sort(struct top_names *n, enum top_sort by);

void top_draw(const struct top *t, const struct top_show *how, struct screen *out);    /* fills the screen */
void top_put_json(const struct top *t, struct buf *out);        /* one object, in a line */

#endif
