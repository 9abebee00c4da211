/* A store built anew out of a damaged one: `stint check --repair`, in a child, while no server runs. */
#ifndef STINT_STORE_REPAIR_H
#define STINT_STORE_REPAIR_H

#include "store/store.h"

struct store_repair {
	void *arg;
	void (*lost)(void *arg, const struct job_id *id, const char *what);     /* id NULL: it is no job's */
	void (*at)(void *arg, uint64_t jobs, uint64_t of);
	uint64_t jobs, nlost;           /* saved; told as lost, in whole or in part */
};

/* Reads every job that can be read, by its record, and puts it into the new store with all indexes made anew; what ran is queued. Then what is beside the jobs: keys, schedules, paused queues, figures of what was ever done. */
enum store_rc store_rebuild(struct store_reader *old, struct store *fresh, int64_t wall_us, struct store_repair *r);

/* The same for the store at `path`: built beside it, synced, and put in its place at the end; the damaged file stays there as data.mdb.damaged-SECONDS, whose name is in `kept`. Where it fails nothing has been changed.
 * `opt` is for the new one, its path apart. Pages that are not there are met as damage: the signals that they bring are caught while it reads. */
enum store_rc store_repair(const struct store_options *opt, const struct store_rules *rules, int64_t wall_us, struct store_repair *r, char *kept, size_t kept_size, char *why, size_t why_size);

#endif
