/* What remote workers that wait are given: whoever has waited longest and can have something, as much of it as he asked for. Jobs are written to the acceptor's table of handouts inside the batch that
 * leases them, and count when it is committed. Called by keeper_batch.c, keeper_apply.c and keeper_slot.c. Nothing here is fatal. */
#include "process/keeper_remote.h"

#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "shm/handout.h"

#define ANSWER_BYTES (8u << 20)         /* of payloads, beyond which one answer gets no further job */

int64_t keeper_boot_ms(void)
{
	return clock_boot_ns() / 1000000;
}

static uint32_t first_acceptor(const struct keeper *k)
{
	return segment_acceptor_slot(k->seg, 0);
}

static bool is_acceptor(const struct keeper *k, uint32_t slot)
{
	return slot >= first_acceptor(k) && slot - first_acceptor(k) < k->seg->geo.nacceptor;
}

/* --- what is asked for --- */

/* A predecessor has given it something: an acceptor that asks again does not know that yet. */
static bool has_handout(const struct keeper *k, uint32_t slot, uint64_t claim)
{
	const struct shm_handout *table = handout_table(k->seg, slot);

	for (uint32_t i = 0; i < SHM_HANDOUTS; i++)
		if (atomic_load_explicit(&table[i].state, memory_order_acquire) != SHM_HANDOUT_FREE && table[i].claim == claim)
			return true;
	return false;
}

enum store_rc keeper_remote_take(struct keeper *k, uint32_t slot, struct job_text body)
{
	struct request_claim m;

	if (body.n < sizeof(m) || !is_acceptor(k, slot))
		return STORE_INVALID;
	memcpy(&m, body.p, sizeof(m));
	if (!(m.flags & REQUEST_CLAIM_END) && (k->abandoned[slot] || has_handout(k, slot, m.claim)))
		return STORE_OK;
	k->remote.look = true;
	return waiters_take(k->remote.waiters, slot, &m, (struct job_text){ body.p + sizeof(m), body.n - sizeof(m) });
}

/* --- who gets what --- */

static bool is_due(struct keeper *k)
{
	return k->remote.look || k->remote.news != store_remote_news(k->store);
}

bool keeper_remote_wanted(struct keeper *k)
{
	uint32_t from = 0;

	if (k->remote.waiters->n == 0 || !keeper_claims_allowed(k))
		return false;
	for (uint32_t i = 0; i < k->seg->geo.nacceptor; i++, from = 0)
		if (k->remote.full[i] && handout_room(k->seg, first_acceptor(k) + i, &from)) {
			k->remote.full[i] = false;
			k->remote.look = true;
		}
	return is_due(k);
}

/* Whether its acceptor has room for one more; *index is where. */
static bool has_room(struct keeper *k, const struct keeper_waiter *one, uint32_t *index)
{
	uint32_t i = one->slot - first_acceptor(k);

	k->remote.full[i] = k->remote.full[i] || !handout_room(k->seg, one->slot, &k->remote.from[i]);
	*index = k->remote.from[i];
	return !k->remote.full[i];
}

/* The first of a group that may get another job; those of acceptors that are gone, or have no room, are passed over. */
static struct keeper_waiter *next_of(struct keeper *k, struct keeper_group *g, uint32_t *index)
{
	struct keeper_waiter *one = g->first;

	while (one && (one->got >= one->max || one->bytes >= ANSWER_BYTES || k->abandoned[one->slot] || !has_room(k, one, index)))
		one = TAILQ_NEXT(one, link);
	g->first = one;
	return one;
}

/* Of the groups for which something waits the one whose first has waited longest. */
static struct keeper_waiter *oldest(struct keeper *k, struct keeper_group **live, size_t *n, uint32_t *index)
{
	struct keeper_waiter *best = NULL;

	for (size_t i = 0; i < *n;) {
		uint32_t at;
		struct keeper_waiter *one = next_of(k, live[i], &at);
		if (!one) {
			live[i] = live[--*n];
			continue;
		}
		if (!best || one->arrived < best->arrived) {
			best = one;
			*index = at;
		}
		i++;
	}
	return best;
}

static struct keeper_group **find_live(struct keeper *k, size_t *n)
{
	struct keeper_group **live = malloc(k->remote.waiters->n * sizeof(*live)), *g;

	*n = 0;
	LIST_FOREACH(g, &k->remote.waiters->groups, link) {
		g->first = TAILQ_FIRST(&g->waiters);
		if (live && store_has_remote(k->store, &g->pick))
			live[(*n)++] = g;
	}
	return live;
}

static enum store_rc give(struct keeper *k, struct keeper_waiter *one, uint32_t index)
{
	struct store_lease lease = { .worker = { one->worker, one->worker_n }, .lease_ms = one->lease_ms, .boot_ms = keeper_boot_ms() };
	struct store_claimed c;
	enum store_rc rc = store_claim_remote(k->store, &one->group->pick, &lease, &c);

	if (rc != STORE_OK)
		return rc;
	handout_write(k->seg, one->slot, index, &(struct handout){ .claim = one->claim, .token = c.job.lease_token, .id = c.job.id });
	k->remote.wrote[one->slot - first_acceptor(k)] = true;
	if (one->got++ == 0) {
		one->next_served = k->remote.waiters->served;
		k->remote.waiters->served = one;
	}
	one->bytes += c.spec.payload_len;
	return STORE_OK;
}

enum store_rc keeper_remote_claim(struct keeper *k)
{
	struct keeper_waiter *one = NULL;
	enum store_rc rc = STORE_OK;
	uint32_t index = 0;
	unsigned given;
	size_t n;

	if (k->remote.waiters->n == 0 || !is_due(k) || !keeper_claims_allowed(k))
		return STORE_OK;
	memset(k->remote.from, 0, sizeof(k->remote.from));
	memset(k->remote.full, 0, sizeof(k->remote.full));
	struct keeper_group **live = find_live(k, &n);
	if (!live)
		return STORE_OK;        /* tried again with the next batch */
	for (given = 0; given < keeper_paced(k, KEEPER_CLAIMS) && (one = oldest(k, live, &n, &index)) != NULL; given++) {
		rc = give(k, one, index);
		if (rc != STORE_OK && rc != STORE_NOT_FOUND)
			break;
		for (size_t i = 0; i < n; i++)
			if (live[i] == one->group && !store_has_remote(k->store, &one->group->pick))
				live[i] = live[--n];
	}
	k->remote.look = one != NULL;
	k->remote.news = store_remote_news(k->store);
	free(live);
	return rc == STORE_NOT_FOUND ? STORE_OK : rc;
}

/* --- after the batch --- */

void keeper_remote_publish(struct keeper *k)
{
	for (uint32_t i = 0; i < k->seg->geo.nacceptor; i++) {
		if (!k->remote.wrote[i])
			continue;
		k->remote.wrote[i] = false;
		handout_publish(k->seg, first_acceptor(k) + i);
		segment_ring(k->seg, first_acceptor(k) + i);
	}
}

void keeper_remote_settle(struct keeper *k, bool committed)
{
	waiters_settle(k->remote.waiters, committed);
	if (committed)
		return;
	k->remote.look = true;
	for (uint32_t i = 0; i < k->seg->geo.nacceptor; i++) {
		if (k->remote.wrote[i])
			handout_forget(k->seg, first_acceptor(k) + i);
		k->remote.wrote[i] = false;
	}
}

static bool held(void *arg, struct job_id id, uint64_t token)
{
	return store_holds(((struct keeper *)arg)->store, id, token);
}

void keeper_remote_again(struct keeper *k)
{
	for (uint32_t i = 0; i < k->seg->geo.nacceptor; i++) {
		handout_mend(k->seg, first_acceptor(k) + i, held, k);
		segment_ring(k->seg, first_acceptor(k) + i);
	}
}

/* --- acceptors that are gone --- */

enum store_rc keeper_remote_end(struct keeper *k, uint32_t slot, bool *more)
{
	const struct shm_handout *table = is_acceptor(k, slot) ? handout_table(k->seg, slot) : NULL;
	unsigned left = keeper_paced(k, KEEPER_SLICE);

	*more = false;
	for (uint32_t i = 0; table && i < SHM_HANDOUTS; i++) {
		struct job_id id;
		if (atomic_load_explicit(&table[i].state, memory_order_acquire) == SHM_HANDOUT_FREE)
			continue;
		*more = left == 0;
		if (*more)
			return STORE_OK;
		memcpy(&id, table[i].id, sizeof(id));
		enum store_rc rc = store_give_back(k->store, id, table[i].token);
		if (rc == STORE_OK)
			left--;
		else if (store_spoilt(k->store))
			return rc;
	}
	return STORE_OK;
}

void keeper_remote_gone(struct keeper *k, uint32_t slot)
{
	if (!is_acceptor(k, slot))
		return;
	waiters_drop_slot(k->remote.waiters, slot);
	handout_clear(k->seg, slot);
}

bool keeper_remote_init(struct keeper *k)
{
	k->remote.waiters = calloc(1, sizeof(*k->remote.waiters));
	return k->remote.waiters != NULL;
}
