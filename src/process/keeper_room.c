/* Room by type: who of the workers has a free instance for a job whose type needs one. Called by keeper_grant.c; pure memory but for the words in the segment that it reads.
 *
 * A worker says of each such room what it says of its room in all: having seen the grants up to n, so many more. What was granted after n is remembered here until it is seen, and a new
 * keeper finds it among the live leases. */
#include "process/keeper.h"

#include <stdlib.h>
#include <string.h>

/* The place of a room in the worker's list; w->nroom where it has no share. */
static uint32_t place_of(const struct keeper_worker *w, uint32_t id)
{
	uint32_t i = 0;

	while (i < w->nroom && w->room[i].id != id)
		i++;
	return i;
}

void keeper_room_look(struct keeper *k, uint32_t slot)
{
	struct keeper_worker *w = &k->worker[slot];
	uint64_t seen[SHM_WANT_TYPES];
	uint32_t kept = 0;

	for (w->nroom = 0; grant_room_at(k->seg, slot, w->nroom, &w->room[w->nroom].id, &w->room[w->nroom].left, &seen[w->nroom]);)
		w->nroom++;
	for (uint32_t t = 0; t < w->ntaken; t++) {
		uint32_t i = place_of(w, w->taken[t].id);
		if (i == w->nroom || !grant_after(w->taken[t].seq, seen[i]))
			continue;
		w->room[i].left -= w->room[i].left > 0;
		w->taken[kept++] = w->taken[t];
	}
	w->ntaken = kept;
}

uint32_t keeper_room_left(const struct keeper_worker *w, uint32_t id)
{
	uint32_t i = place_of(w, id);

	return i < w->nroom ? w->room[i].left : 0;
}

bool keeper_room_has(const struct keeper_worker *w, uint32_t id)
{
	return id == 0 || keeper_room_left(w, id) > 0;
}

bool keeper_room_share(const struct keeper_worker *w, uint32_t id)
{
	return id == 0 || place_of(w, id) < w->nroom;
}

static bool remember(struct keeper_worker *w, uint32_t id, uint64_t seq)
{
	if (w->ntaken == w->cap_taken) {
		uint32_t cap = w->cap_taken ? w->cap_taken * 2 : 64;
		struct keeper_taken *v = realloc(w->taken, cap * sizeof(*v));
		if (!v)
			return false;
		w->taken = v;
		w->cap_taken = cap;
	}
	w->taken[w->ntaken++] = (struct keeper_taken){ seq, id };
	return true;
}

bool keeper_room_take(struct keeper_worker *w, uint32_t id, uint64_t seq)
{
	uint32_t i = place_of(w, id);

	if (id == 0)
		return true;
	if (i < w->nroom && w->room[i].left > 0)
		w->room[i].left--;
	return remember(w, id, seq);
}

void keeper_room_forget(struct keeper_worker *w, uint64_t seq)
{
	while (w->ntaken && w->taken[w->ntaken - 1].seq > seq)
		w->ntaken--;
}

/* --- families --- */

void keeper_families(struct keeper *k)
{
	k->nfamily = 0;
	for (size_t i = 0; i < k->conf->nhandler && k->nfamily < CONF_COPROCESSES; i++) {
		const struct conf_handler *h = &k->conf->handler[i];
		if (h->kind == CONF_HANDLER_COPROCESS && strchr(h->pattern, '*'))
			k->family[k->nfamily++] = (struct keeper_family){ .id = conf_room_of(h), .most = h->instances * h->pipeline };
	}
}

void keeper_family_look(struct keeper *k)
{
	for (uint32_t i = 0; i < k->nfamily; i++)
		k->family[i].counted = false;
}

static struct keeper_family *family_of(struct keeper *k, uint32_t id)
{
	for (uint32_t i = 0; i < k->nfamily; i++)
		if (k->family[i].id == id)
			return &k->family[i];
	return NULL;
}

bool keeper_family_full(struct keeper *k, uint32_t id)
{
	struct keeper_family *f = id ? family_of(k, id) : NULL;

	if (!f)
		return false;
	if (!f->counted)
		f->running = store_room_running(k->store, id);
	f->counted = true;
	return f->running >= f->most;
}

void keeper_family_take(struct keeper *k, uint32_t id)
{
	struct keeper_family *f = id ? family_of(k, id) : NULL;

	if (f)
		f->running++;
}

/* --- a new keeper --- */

struct found { struct keeper *k; struct keeper_worker *w; bool failed; };

static bool found_one(void *arg, uint64_t seq, const struct store_claimed *c)
{
	struct found *f = arg;
	uint32_t id = conf_room_of(conf_handler_of(f->k->conf, (struct slice){ c->spec.type.p, c->spec.type.n }));

	f->failed = id && !remember(f->w, id, seq);
	return !f->failed;
}

enum store_rc keeper_room_again(struct keeper *k, uint32_t slot, const struct store_owner *owner)
{
	struct found f = { k, &k->worker[slot], false };
	uint64_t seen, least = UINT64_MAX;
	uint32_t id, room;

	f.w->ntaken = 0;
	for (uint32_t i = 0; grant_room_at(k->seg, slot, i, &id, &room, &seen); i++)
		least = seen < least ? seen : least;
	if (least == UINT64_MAX)
		return STORE_OK;
	enum store_rc rc = store_regrant(k->store, owner, least, found_one, &f);
	return f.failed ? STORE_NO_MEMORY : rc;
}
