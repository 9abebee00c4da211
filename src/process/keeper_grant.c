/* Who gets the next job: the worker with the most room for its type, one job at a time. Grants are written beyond the rings' heads inside the batch and published after its commit. */
#include "process/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "os/log.h"

bool keeper_claims_allowed(const struct keeper *k)
{
	return atomic_load_explicit(&k->seg->h->server_state, memory_order_relaxed) == SHM_SERVER_RUNNING
		&& atomic_load_explicit(&k->seg->h->no_claims, memory_order_relaxed) == 0 && !k->stopping;
}

/* Nothing runs there and nothing is on its way. */
static bool is_idle(const struct keeper *k, uint32_t slot)
{
	return atomic_load_explicit(&k->seg->proc[slot].running, memory_order_acquire) == 0 && grant_seen(k->seg, slot, k->worker[slot].writer.seq);
}

static uint32_t first_worker(const struct keeper *k)
{
	return segment_worker_slot(k->seg, 0);
}

/* Gone, as we were told or as the master has noted: we hear of a death that happened under our predecessor only when we are ready. */
static bool is_gone(const struct keeper *k, uint32_t slot)
{
	uint32_t state = atomic_load_explicit(&k->seg->proc[slot].state, memory_order_acquire);

	return k->abandoned[slot] || state == SHM_PROC_FREE || state == SHM_PROC_ABANDONED;
}

/* Room of a worker, 0 where it must be left alone with what it has. */
static uint32_t room_of(struct keeper *k, uint32_t slot)
{
	struct keeper_worker *w = &k->worker[slot];

	if (w->alone_seq) {
		if (!is_idle(k, slot))
			return 0;
		w->alone_seq = 0;
	}
	return is_gone(k, slot) ? 0 : grant_room(k->seg, slot, &w->writer);
}

/* What each worker wants now, beyond what was written for it. */
static void look(struct keeper *k)
{
	for (uint32_t slot = first_worker(k); slot < k->seg->geo.nproc; slot++) {
		if (!k->worker[slot].wrote)     /* else grants of an earlier keeper stand before ours */
			grant_begin(k->seg, slot, &k->worker[slot].writer);
		keeper_room_look(k, slot);
	}
	keeper_family_look(k);
}

/* The worker with the most room for jobs that take this one (0: its room in all), so that they fill evenly; 0 where none has any. */
static uint32_t roomiest(struct keeper *k, uint32_t id)
{
	uint32_t best = 0, most = 0;

	if (keeper_family_full(k, id))
		return 0;
	for (uint32_t slot = first_worker(k); slot < k->seg->geo.nproc; slot++) {
		struct keeper_worker *w = &k->worker[slot];
		uint32_t room = room_of(k, slot);
		if (room == 0 || w->reserved || !grant_fits(k->seg, slot, &w->writer))
			continue;
		if (id)
			room = keeper_room_left(w, id);
		if (room > most) {
			most = room;
			best = slot;
		}
	}
	return best;
}

/* An idle worker for a job that must be alone; 0: none. *any: there is one at all. */
static uint32_t idle_worker(struct keeper *k, uint32_t id, bool *any)
{
	*any = false;
	for (uint32_t slot = first_worker(k); slot < k->seg->geo.nproc; slot++) {
		if (!room_of(k, slot) || !grant_fits(k->seg, slot, &k->worker[slot].writer) || !is_idle(k, slot))
			continue;
		*any = true;
		if (keeper_room_has(&k->worker[slot], id) && !keeper_family_full(k, id))
			return slot;
	}
	return 0;
}

static bool somebody_has(void *arg, uint32_t room)
{
	return roomiest(arg, room) != 0;
}

static bool idle_one_has(void *arg, uint32_t room)
{
	bool any;

	return idle_worker(arg, room, &any) != 0;
}

bool keeper_wanted(struct keeper *k)
{
	if (!keeper_claims_allowed(k) || !store_waits(k->store))
		return false;
	look(k);
	store_wake(k->store, somebody_has, k);
	return (store_has_ready(k->store) && roomiest(k, 0)) || (store_has_alone(k->store) && store_alone_fits(k->store, idle_one_has, k));
}

/* --- workers kept empty for a job that must have no neighbours --- */

struct share { struct keeper *k; uint32_t slot; };

static bool has_share(void *arg, uint32_t room)
{
	const struct share *s = arg;

	return keeper_room_share(&s->k->worker[s->slot], room);
}

/* Whether it could run one of them, once it is idle. */
static bool could_run_alone(struct keeper *k, uint32_t slot)
{
	return !is_gone(k, slot) && store_alone_fits(k->store, has_share, &(struct share){ k, slot });
}

/* Where such a job waits, one worker is kept from new work until it is empty: the least busy of those that could run it. */
static void reserve(struct keeper *k)
{
	uint32_t best = 0, least = UINT32_MAX;
	bool needed = store_has_alone(k->store), found = false;

	for (uint32_t slot = first_worker(k); slot < k->seg->geo.nproc; slot++) {
		struct keeper_worker *w = &k->worker[slot];
		w->reserved = w->reserved && needed && could_run_alone(k, slot);
		found |= w->reserved;
	}
	for (uint32_t slot = first_worker(k); needed && !found && slot < k->seg->geo.nproc; slot++) {
		uint32_t running = atomic_load_explicit(&k->seg->proc[slot].running, memory_order_relaxed);
		if (running < least && !k->worker[slot].alone_seq && grant_room(k->seg, slot, &k->worker[slot].writer) && could_run_alone(k, slot)) {
			least = running;
			best = slot;
		}
	}
	if (best)
		k->worker[best].reserved = true;
}

/* --- claiming --- */

struct choice { struct keeper *k; uint32_t slot, room; };

static enum store_choice choose(void *arg, uint32_t room, bool alone, struct store_owner *owner, uint64_t *grant_seq)
{
	struct choice *c = arg;
	struct keeper *k = c->k;
	bool any = true;

	c->slot = alone ? idle_worker(k, room, &any) : roomiest(k, room);
	c->room = room;
	if (!c->slot)
		return room && (alone ? any : roomiest(k, 0) != 0) ? STORE_REST : STORE_END;
	const struct shm_proc *p = &k->seg->proc[c->slot];
	*owner = (struct store_owner){ c->slot, atomic_load_explicit(&p->incarnation, memory_order_relaxed), atomic_load_explicit(&p->pid, memory_order_relaxed) };
	*grant_seq = k->worker[c->slot].writer.seq + 1;
	return STORE_TAKE;
}

static bool write_grant(struct keeper *k, uint32_t slot, const struct store_claimed *c)
{
	struct keeper_worker *w = &k->worker[slot];
	struct grant_view v = {
		.g = {
			.id = c->job.id, .token = c->job.lease_token, .attempt = c->job.attempts, .max_attempts = c->spec.max_retries + 1, .timeout_ms = c->spec.timeout_ms,
			.claimed_ms = c->job.started_ms, .priority = c->spec.priority, .payload_len = c->spec.payload_len, .payload_blob = c->spec.payload_blob, .crashes = c->job.crashes,
		},
		.type = c->spec.type, .queue = c->spec.queue, .name = c->spec.name, .trace = c->spec.trace, .content_type = c->spec.content_type, .payload = c->spec.payload,
	};

	if (!grant_write(k->seg, slot, &w->writer, &v))
		return false;
	w->wrote = true;
	if (c->alone) {
		w->alone_seq = w->writer.seq;
		w->reserved = false;
	}
	return true;
}

enum store_rc keeper_claim(struct keeper *k)
{
	struct choice choice = { .k = k };
	const struct store_chooser chooser = { &choice, choose };
	struct store_claimed c;

	if (!keeper_claims_allowed(k) || !store_waits(k->store))
		return STORE_OK;
	look(k);
	store_wake(k->store, somebody_has, k);
	reserve(k);
	for (unsigned n = 0; n < keeper_paced(k, KEEPER_CLAIMS); n++) {
		enum store_rc rc = store_claim_for(k->store, &chooser, &c);
		if (rc == STORE_NOT_FOUND)
			return STORE_OK;
		if (rc != STORE_OK)
			return rc;
		if (!write_grant(k, choice.slot, &c)) {
			log_error("a grant did not fit a ring that had room for it");
			return STORE_NO_MEMORY;
		}
		if (!keeper_room_take(&k->worker[choice.slot], choice.room, k->worker[choice.slot].writer.seq))
			return STORE_NO_MEMORY;
		keeper_family_take(k, choice.room);
	}
	return STORE_OK;
}

/* --- a successor's first batch --- */

struct again { struct keeper *k; uint32_t slot; bool full; };

static bool grant_one_again(void *arg, uint64_t seq, const struct store_claimed *c)
{
	struct again *a = arg;

	a->k->worker[a->slot].writer.seq = seq - 1;
	if (write_grant(a->k, a->slot, c))
		return true;
	a->full = true;
	return false;
}

static enum store_rc cancel_again(struct keeper *k, uint32_t slot);

enum store_rc keeper_grant_again(struct keeper *k)
{
	k->ncancel = 0;
	for (uint32_t slot = first_worker(k); slot < k->seg->geo.nproc; slot++) {
		struct keeper_worker *w = &k->worker[slot];
		const struct shm_proc *p = &k->seg->proc[slot];
		struct store_owner owner = { slot, atomic_load_explicit(&p->incarnation, memory_order_relaxed), 0 };
		struct again a = { k, slot, false };
		grant_mend(k->seg, slot);
		if (is_gone(k, slot))
			continue;
		grant_begin(k->seg, slot, &w->writer);
		enum store_rc rc = store_lone(k->store, &owner, &w->alone_seq);
		if (rc == STORE_OK)
			rc = keeper_room_again(k, slot, &owner);
		if (rc == STORE_OK)
			rc = store_regrant(k->store, &owner, w->writer.seq, grant_one_again, &a);
		if (rc != STORE_OK)
			return rc;
		rc = cancel_again(k, slot);
		if (rc != STORE_OK)
			return rc;
		if (a.full)
			log_error("slot %u: the grants that an earlier keeper left do not fit its ring", slot);
	}
	return STORE_OK;
}

/* --- cancellations --- */

static void remember_cancel(struct keeper *k, uint32_t slot, uint32_t incarnation, struct job_id id, uint64_t token)
{
	if (k->ncancel == k->cap_cancel) {
		size_t cap = k->cap_cancel ? k->cap_cancel * 2 : 64;
		struct keeper_cancel *v = realloc(k->cancel, cap * sizeof(*v));
		if (!v) {
			log_error("out of memory: a job that was cancelled runs to its end");
			return;
		}
		k->cancel = v;
		k->cap_cancel = cap;
	}
	k->cancel[k->ncancel++] = (struct keeper_cancel){ slot, incarnation, id, token };
}

void keeper_cancel(struct keeper *k, const struct job *j)
{
	if (j->worker >= first_worker(k) && j->worker < k->seg->geo.nproc)
		remember_cancel(k, j->worker, atomic_load_explicit(&k->seg->proc[j->worker].incarnation, memory_order_relaxed), j->id, j->lease_token);
}

/* Whoever held it may be gone: then its lease is ended otherwise, and the job with it. */
static bool still_there(const struct keeper *k, const struct keeper_cancel *c)
{
	return !k->abandoned[c->slot] && atomic_load_explicit(&k->seg->proc[c->slot].incarnation, memory_order_relaxed) == c->incarnation;
}

bool keeper_can_tell(const struct keeper *k)
{
	for (size_t i = 0; i < k->ncancel; i++) {
		struct grant_writer w;
		grant_begin(k->seg, k->cancel[i].slot, &w);
		if (!still_there(k, &k->cancel[i]) || grant_fits(k->seg, k->cancel[i].slot, &w))
			return true;
	}
	return false;
}

/* After the commit: a job that a worker is told of is marked in the store for good. What finds no room now waits. */
void keeper_tell_cancels(struct keeper *k)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->ncancel; i++) {
		struct keeper_cancel c = k->cancel[i];
		struct keeper_worker *w = &k->worker[c.slot];
		if (!still_there(k, &c))
			continue;
		if (!w->wrote)
			grant_begin(k->seg, c.slot, &w->writer);
		if (grant_cancel(k->seg, c.slot, &w->writer, c.id, c.token))
			w->wrote = true;
		else
			k->cancel[kept++] = c;
	}
	k->ncancel = kept;
}

struct cancel_again { struct keeper *k; uint32_t slot, incarnation; };

static void cancel_one_again(void *arg, struct job_id id, uint64_t token)
{
	struct cancel_again *a = arg;

	remember_cancel(a->k, a->slot, a->incarnation, id, token);
}

static enum store_rc cancel_again(struct keeper *k, uint32_t slot)
{
	struct cancel_again a = { k, slot, atomic_load_explicit(&k->seg->proc[slot].incarnation, memory_order_relaxed) };
	struct store_owner owner = { slot, a.incarnation, 0 };

	return store_cancels(k->store, &owner, cancel_one_again, &a);
}

void keeper_publish_grants(struct keeper *k)
{
	for (uint32_t slot = first_worker(k); slot < k->seg->geo.nproc; slot++) {
		struct keeper_worker *w = &k->worker[slot];
		if (!w->wrote)
			continue;
		w->wrote = false;
		grant_publish(k->seg, slot, &w->writer);
		segment_ring(k->seg, slot);
	}
}

void keeper_forget_grants(struct keeper *k, size_t cancels)
{
	if (k->ncancel > cancels)
		k->ncancel = cancels;
	for (uint32_t slot = first_worker(k); slot < k->seg->geo.nproc; slot++) {
		struct keeper_worker *w = &k->worker[slot];
		if (w->wrote && w->alone_seq && !grant_published(k->seg, slot, w->alone_seq))
			w->alone_seq = 0;
		if (w->wrote) {
			struct grant_writer published;
			grant_begin(k->seg, slot, &published);
			keeper_room_forget(w, published.seq);
		}
		w->wrote = false;
	}
}
