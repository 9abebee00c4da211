/* Programs of handlers that have outlived their server: worker and master died in the same instant, so nobody was left to end them. The segment of that run still says which
 * jobs were running, and each program carries its job's id in its environment; what carries one of these is ended before its job can run again. Called by start.c.
 * Nothing here is fatal: a segment that cannot be read says nothing. */
#include "process/master.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "job/job.h"
#include "os/descend.h"
#include "os/hunt.h"
#include "os/log.h"
#include "text/uuid.h"

#define MARK "STINT_JOB_ID"
#define ROUNDS 100                      /* of PAUSE_NS: they get a second to die */
#define PAUSE_NS 10000000L
#define WALKS 16u
#define PIDS_MAX 1024u                  /* in one round */

struct ids {
	struct job_id *v;
	size_t n, cap;
};

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct job_id));
}

static bool add(struct ids *ids, const uint8_t id[16])
{
	if (ids->n == ids->cap) {
		size_t cap = ids->cap ? ids->cap * 2 : 64;
		struct job_id *v = reallocarray(ids->v, cap, sizeof(*v));
		if (!v)
			return false;
		ids->v = v;
		ids->cap = cap;
	}
	memcpy(ids->v[ids->n++].b, id, 16);
	return true;
}

/* What ran when the last writer of the segment died. */
static void running(const char *path, struct ids *ids)
{
	struct segment old;

	if (segment_view(&old, path) < 0)
		return;
	/* Whoever else made it may cut it while we look, which is SIGBUS, or name jobs of others. */
	for (uint32_t slot = 0; old.owner == geteuid() && slot < old.geo.nproc; slot++) {
		const struct shm_run *run = segment_runs(&old, slot);
		for (uint32_t i = 0; run && i < old.geo.run_capacity; i++)
			if (atomic_load_explicit(&run[i].state, memory_order_acquire) == SHM_RUN_STARTED && !add(ids, run[i].id))
				break;
	}
	segment_close(&old);
	if (ids->n)
		qsort(ids->v, ids->n, sizeof(*ids->v), by_bytes);
}

static bool is_ours(void *arg, const char *value)
{
	const struct ids *ids = arg;
	struct job_id id;

	return uuid_parse(value, strlen(value), id.b) && bsearch(&id, ids->v, ids->n, sizeof(id), by_bytes);
}

void strays_end(const char *segment_path)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct ids ids = { 0 };
	pid_t pids[PIDS_MAX];
	size_t n = 0, seen = 0;

	running(segment_path, &ids);
	for (unsigned round = 0; ids.n && round < ROUNDS; round++) {
		n = descend_carriers(MARK, is_ours, &ids, pids, PIDS_MAX);
		if (n == 0)
			break;
		seen = n > seen ? n : seen;
		hunt_all(pids, n < PIDS_MAX ? n : PIDS_MAX, WALKS);
		nanosleep(&pause, NULL);
	}
	if (seen)
		log_warn("%zu processes of handlers of an earlier run were still there: %s", seen, n ? "some cannot be ended" : "ended");
	free(ids.v);
}
