/* Remote workers that wait, in memory: by what they ask for (many ask for the same), oldest first. A keeper that begins anew is told of them again by the acceptors.
 * Called by keeper_remote.c; nothing here is fatal. */
#include "process/keeper_remote.h"

#include <stdlib.h>
#include <string.h>

static uint32_t chain_of(uint32_t slot, uint64_t claim)
{
	return (uint32_t)(claim * 31 + slot) % WAITER_CHAINS;
}

static struct keeper_waiter **find(struct keeper_waiters *w, uint32_t slot, uint64_t claim)
{
	struct keeper_waiter **at = &w->chain[chain_of(slot, claim)];

	while (*at && ((*at)->slot != slot || (*at)->claim != claim))
		at = &(*at)->next;
	return at;
}

/* --- groups --- */

static uint32_t text_chain(struct job_text text)
{
	uint32_t h = 2166136261u;               /* FNV-1a */

	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (uint8_t)text.p[i]) * 16777619u;
	return h % WAITER_CHAINS;
}

/* Cuts the names out of a group's text. False where it is not made up as it should be. */
static bool cut(struct keeper_group *g, uint32_t ntypes, uint32_t nqueues)
{
	size_t at = 0;

	for (uint32_t i = 0; i < ntypes + nqueues; i++) {
		size_t n = at < g->n ? (uint8_t)g->text[at++] : 0;
		if (n == 0 || n > g->n - at)
			return false;
		g->name[i] = (struct job_text){ g->text + at, n };
		at += n;
	}
	g->pick = (struct store_pick){ .type = g->name, .queue = g->name + ntypes, .ntypes = ntypes, .nqueues = nqueues };
	return at == g->n;
}

static enum store_rc group_of(struct keeper_waiters *w, const struct request_claim *m, struct job_text text, struct keeper_group **out)
{
	struct keeper_group **chain = &w->group_chain[text_chain(text)], *g;

	if (m->ntypes == 0 || m->ntypes > STORE_PICK_MAX || m->nqueues > STORE_PICK_MAX)
		return STORE_INVALID;
	for (g = *chain; g; g = g->next)
		if (g->n == text.n && g->pick.ntypes == m->ntypes && memcmp(g->text, text.p, text.n) == 0) {
			*out = g;
			return STORE_OK;
		}
	g = calloc(1, sizeof(*g) + text.n);
	if (!g)
		return STORE_NO_MEMORY;
	g->n = text.n;
	memcpy(g->text, text.p, text.n);
	if (!cut(g, m->ntypes, m->nqueues)) {
		free(g);
		return STORE_INVALID;
	}
	TAILQ_INIT(&g->waiters);
	g->next = *chain;
	*chain = g;
	LIST_INSERT_HEAD(&w->groups, g, link);
	*out = g;
	return STORE_OK;
}

static void group_free(struct keeper_waiters *w, struct keeper_group *g)
{
	struct keeper_group **at = &w->group_chain[text_chain((struct job_text){ g->text, g->n })];

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	LIST_REMOVE(g, link);
	free(g);
}

/* --- waiters --- */

static enum store_rc add(struct keeper_waiters *w, uint32_t slot, const struct request_claim *m, struct job_text texts)
{
	struct job_text worker = { texts.p, m->worker_len }, text = { texts.p + m->worker_len, texts.n - m->worker_len };
	struct keeper_waiter **at = find(w, slot, m->claim), *one;
	struct keeper_group *g;

	if (*at)
		return STORE_OK;
	enum store_rc rc = group_of(w, m, text, &g);
	if (rc != STORE_OK)
		return rc;
	one = calloc(1, sizeof(*one));
	if (!one) {
		if (TAILQ_EMPTY(&g->waiters))
			group_free(w, g);
		return STORE_NO_MEMORY;
	}
	*one = (struct keeper_waiter){
		.group = g, .slot = slot, .claim = m->claim, .arrived = w->arrivals++, .max = m->max, .lease_ms = m->lease_ms, .once = m->flags & REQUEST_CLAIM_ONCE,
		.worker_n = (uint32_t)worker.n, .next_fresh = w->fresh,
	};
	memcpy(one->worker, worker.p, worker.n);
	TAILQ_INSERT_TAIL(&g->waiters, one, link);
	*at = one;
	w->fresh = one;
	w->n++;
	return STORE_OK;
}

enum store_rc waiters_take(struct keeper_waiters *w, uint32_t slot, const struct request_claim *m, struct job_text texts)
{
	if (m->flags & REQUEST_CLAIM_END) {
		struct keeper_waiter *one = *find(w, slot, m->claim);
		if (one)
			waiters_drop(w, one);
		return STORE_OK;
	}
	if (m->worker_len > STORE_WORKER_MAX || m->worker_len > texts.n || m->max == 0 || m->lease_ms <= 0)
		return STORE_INVALID;
	return add(w, slot, m, texts);
}

void waiters_drop(struct keeper_waiters *w, struct keeper_waiter *one)
{
	struct keeper_group *g = one->group;

	*find(w, one->slot, one->claim) = one->next;
	for (struct keeper_waiter **at = &w->fresh; *at; at = &(*at)->next_fresh)
		if (*at == one) {
			*at = one->next_fresh;
			break;
		}
	if (g->first == one)
		g->first = TAILQ_NEXT(one, link);
	TAILQ_REMOVE(&g->waiters, one, link);
	free(one);
	w->n--;
	if (TAILQ_EMPTY(&g->waiters))
		group_free(w, g);
}

static void drop_if(struct keeper_waiters *w, bool (*gone)(const struct keeper_waiter *one, uint32_t slot), uint32_t slot)
{
	struct keeper_group *following;

	for (struct keeper_group *g = LIST_FIRST(&w->groups); g; g = following) {
		struct keeper_waiter *next;
		following = LIST_NEXT(g, link);
		for (struct keeper_waiter *one = TAILQ_FIRST(&g->waiters); one; one = next) {
			next = TAILQ_NEXT(one, link);
			if (gone(one, slot))
				waiters_drop(w, one);
		}
	}
}

static bool of_slot(const struct keeper_waiter *one, uint32_t slot)
{
	return one->slot == slot;
}

static bool any(const struct keeper_waiter *one, uint32_t slot)
{
	(void)one;
	(void)slot;
	return true;
}

void waiters_drop_slot(struct keeper_waiters *w, uint32_t slot)
{
	drop_if(w, of_slot, slot);
}

void waiters_free(struct keeper_waiters *w)
{
	drop_if(w, any, 0);
}

static void settle_served(struct keeper_waiters *w, bool committed)
{
	struct keeper_waiter *one, *rest = w->served;

	w->served = NULL;
	while ((one = rest) != NULL) {
		rest = one->next_served;
		one->next_served = NULL;
		one->got = 0;
		one->bytes = 0;
		if (committed)
			waiters_drop(w, one);
	}
}

void waiters_settle(struct keeper_waiters *w, bool committed)
{
	struct keeper_waiter *one, *rest = w->fresh;

	w->fresh = NULL;
	if (!committed)
		settle_served(w, false);
	while ((one = rest) != NULL) {
		rest = one->next_fresh;
		one->next_fresh = NULL;
		if (!committed || (one->once && one->got == 0))
			waiters_drop(w, one);
	}
	if (committed)
		settle_served(w, true);
}
