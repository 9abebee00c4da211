/* What `stint status` found in the shared segment, and the two ways to print it. */
#ifndef STINT_CLI_STATUS_VIEW_H
#define STINT_CLI_STATUS_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm/segment.h"
#include "text/buf.h"

#define STATUS_STATES 9                 /* scheduled .. expired */

struct status_process {
	const char *role, *state;
	uint32_t slot, number, generation, restarts, running;
	int32_t pid;
	bool alive;
	int64_t beat_age_ms, up_ms, started_ms; /* -1: none yet */
	uint64_t rss_kb;
};

struct status_quantiles { uint64_t count; double p50, p95, p99, max; };        /* ms */

struct status {
	char version[33];
	bool running;                   /* the master lives */
	const char *server_state;
	bool held;                      /* no claims (WINCH) */
	uint32_t generation;
	int64_t reload_ok_ms;
	bool reload_failed;
	int64_t now_ms, up_ms, last_beat_ms;    /* last_beat_ms: age of the youngest heartbeat; -1: of another boot, or none */
	struct status_process *process;
	size_t nprocess;
	uint64_t jobs[STATUS_STATES], total;
	uint64_t counter[SHM_COUNTERS];
	struct status_quantiles queue, execution, submit, commit;
};

/* Everything that is to be printed, copied out of the segment and checked. `alive` says whether a pid lives. Times are the caller's. 0, or -1 where
 * memory is out. */
struct status_now { int64_t wall_ms, boot_ns; uint8_t boot_id[16]; };
int status_gather(struct status *st, const struct segment *seg, const struct status_now *now, bool (*alive)(pid_t pid));
void status_free(struct status *st);

void status_quantiles(struct status_quantiles *q, const struct shm_histogram *h);
void status_put_quantiles(struct buf *out, const char *name, const struct status_quantiles *q);         /* ",\"NAME\":{...}" */
#define STATUS_AGE_BYTES 24
const char *status_age(char out[STATUS_AGE_BYTES], int64_t ms);         /* "3d 4h", "4h 12m", "12m 7s", "7s"; "-" below 0 */

void status_put_head(const struct status *st, struct buf *out);         /* who it is and how it is: a line, two after a bad reload */
void status_put_text(const struct status *st, struct buf *out);
void status_put_json(const struct status *st, struct buf *out);

#endif
