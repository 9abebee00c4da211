/* Slots of processes that are gone: their leases and staged bytes are ended inside the batch, and the slot is given back after its commit. Called by keeper_batch.c and keeper_full.c. */
#include "process/keeper.h"

#include <stdlib.h>

/* The tokens of what a worker had marked started, sorted: a dead worker may have had thousands. */
struct started { uint64_t *token; size_t n; };

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static struct started collect_started(struct keeper *k, uint32_t slot)
{
	const struct shm_run *run = segment_runs(k->seg, slot);
	struct started s = { k->tokens, 0 };

	for (uint32_t i = 0; run && i < k->seg->geo.run_capacity; i++)
		if (atomic_load_explicit(&run[i].state, memory_order_acquire) == SHM_RUN_STARTED)
			s.token[s.n++] = run[i].token;
	qsort(s.token, s.n, sizeof(*s.token), by_value);
	return s;
}

static bool was_started(void *arg, uint64_t token)
{
	const struct started *s = arg;

	return s->n && bsearch(&token, s->token, s->n, sizeof(token), by_value) != NULL;
}

/* Something it has asked for is not in this batch: a finish must be recorded before the lease of its job is ended. */
static bool has_unapplied(const struct keeper *k, uint32_t slot)
{
	for (uint32_t i = 0; i < request_count(k->seg); i++) {
		struct shm_request *r = request_slot(k->seg, i);
		if (request_owner(k->seg, r) == slot && !k->applied[i] && atomic_load_explicit(&r->state, memory_order_acquire) == SHM_REQUEST_POSTED)
			return true;
	}
	return false;
}

enum store_rc keeper_end_abandoned(struct keeper *k)
{
	for (uint32_t slot = 2; slot < k->seg->geo.nproc; slot++) {
		k->done[slot] = false;
		if (!k->abandoned[slot] || has_unapplied(k, slot))
			continue;
		struct started started = collect_started(k, slot);
		uint32_t incarnation = atomic_load_explicit(&k->seg->proc[slot].incarnation, memory_order_relaxed);
		bool more_leases, more_stage, more_remote = false;
		enum store_rc rc = store_abandon(k->store, slot, incarnation, was_started, &started, keeper_paced(k, KEEPER_SLICE), &more_leases);
		if (rc == STORE_OK)
			rc = store_stage_drop(k->store, slot, incarnation, keeper_paced(k, KEEPER_SLICE), &more_stage);
		if (rc == STORE_OK)
			rc = keeper_remote_end(k, slot, &more_remote);
		if (rc != STORE_OK)
			return rc;
		k->done[slot] = !more_leases && !more_stage && !more_remote;
	}
	return STORE_OK;
}

static void give_back(struct keeper *k, uint32_t slot)
{
	struct shm_run *run = segment_runs(k->seg, slot);

	for (uint32_t i = 0; i < request_count(k->seg); i++) {
		struct shm_request *r = request_slot(k->seg, i);
		if (request_owner(k->seg, r) == slot)
			atomic_store_explicit(&r->state, SHM_REQUEST_FREE, memory_order_release);
	}
	for (uint32_t i = 0; run && i < k->seg->geo.run_capacity; i++)
		atomic_store_explicit(&run[i].state, SHM_RUN_FREE, memory_order_relaxed);
	atomic_store_explicit(&k->seg->proc[slot].want, 0, memory_order_relaxed);
	atomic_store_explicit(&k->seg->proc[slot].running, 0, memory_order_relaxed);
	keeper_remote_gone(k, slot);
	k->worker[slot].alone_seq = 0;
	k->worker[slot].reserved = false;
	k->abandoned[slot] = k->done[slot] = false;
	atomic_store_explicit(&k->seg->proc[slot].state, SHM_PROC_FREE, memory_order_release);
	child_say(k->p, CHILD_SLOT_FREE, slot);
}

void keeper_free_slots(struct keeper *k)
{
	k->any_abandoned = false;
	for (uint32_t slot = 2; slot < k->seg->geo.nproc; slot++) {
		if (k->abandoned[slot] && k->done[slot])
			give_back(k, slot);
		k->any_abandoned |= k->abandoned[slot];
	}
}
