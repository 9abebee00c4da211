/* All figures, gathered once: from the shared segment and, where it can be read, the store. /stats, /metrics and the status page say them each in their way. */
#ifndef STINT_HTTP_FIGURES_H
#define STINT_HTTP_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http.h"
#include "shm/segment.h"
#include "store/store.h"

#define FIGURES_SECONDS 60              /* what the rates of the last minute look back on */

struct figures_spread { double p50, p95, p99, max, mean; uint64_t n; };         /* microseconds */

enum figures_breaker { FIGURES_BREAKER_OFF, FIGURES_BREAKER_CLOSED, FIGURES_BREAKER_OPEN, FIGURES_BREAKER_HALF_OPEN, FIGURES_BREAKERS };

struct figures_name {                   /* a queue or a type */
	char *name;
	struct store_tally tally;
	bool paused;                    /* queues */
	double oldest_queued_s;         /* queues; 0: none waits */
	enum figures_breaker breaker;   /* types */
	uint32_t failures;              /* types: in a row, where there is a breaker */
	int64_t rests_until_ms;         /* types: wall clock, while it is open */
	struct figures_spread spread;   /* queues: time in queue; types: execution */
};

struct figures_names { struct figures_name *v; size_t n, cap; };

struct figures_process {
	enum shm_role role;
	enum shm_proc_state state;
	int32_t pid;
	uint32_t slot, number, generation, restarts, running;
	int64_t started_ms;
	uint64_t rss_kb;
};

struct figures {
	int64_t now_ms;
	const char *version;
	double uptime_s;
	bool store_read;                /* the tallies are the store's own; else the segment's mirror, without queues and types */
	struct store_tally total;
	uint64_t jobs;                  /* stored now, all states */
	uint64_t rejected;
	uint64_t queue_depth, active_workers, workers;
	struct figures_spread queue, execution, submit, commit;
	double throughput, error_rate;  /* of the last minute: attempts ended a second; their share that failed */
	double success_rate, avg_retry_count;
	struct figures_names queues, types;
	struct figures_process *process;
	size_t nprocess;
	const char *engine;
	uint64_t used_bytes, limit_bytes, free_bytes;
	uint64_t store_refusing;        /* 0: no; 1: no room; 2: commits fail; 3: its files are gone */
	uint64_t counter[SHM_C_IN_USE]; /* summed over all slots */
	uint32_t server_state, generation;
	int64_t reload_ok_ms;
	bool reload_failed, no_claims;
	uint32_t rate[FIGURES_SECONDS]; /* attempts ended in each of the last seconds, oldest first */
	unsigned nrate;
	bool failed;                    /* memory ran out */
};

const char *figures_breaker_name(enum figures_breaker b);        /* "half-open" */
void figures_gather(struct figures *f, const struct api *a, int64_t now_ms);
void figures_free(struct figures *f);
void figures_tick(const struct api *a);         /* once a second or more often: keeps the samples behind the rates */
void figures_forget(void);                      /* drops them: another segment */

#endif
