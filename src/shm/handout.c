/* The tables of jobs on their way to remote workers. One writer an entry at any time, by its state. Nothing here is fatal. */
#include "shm/handout.h"

#include <string.h>

#define RELAXED memory_order_relaxed

struct shm_handout *handout_table(const struct segment *s, uint32_t slot)
{
	uint32_t first = segment_acceptor_slot(s, 0);

	if (slot < first || slot - first >= s->geo.nacceptor)
		return NULL;
	return (struct shm_handout *)(void *)(s->base + s->geo.off_handout) + (size_t)(slot - first) * SHM_HANDOUTS;
}

static uint32_t state_of(const struct shm_handout *e)
{
	return atomic_load_explicit(&e->state, memory_order_acquire);
}

static void set_state(struct shm_handout *e, enum shm_handout_state state)
{
	atomic_store_explicit(&e->state, state, memory_order_release);
}

static struct handout entry(const struct shm_handout *e, uint32_t index)
{
	struct handout h = { .index = index, .claim = e->claim, .token = e->token };

	memcpy(&h.id, e->id, sizeof(h.id));
	return h;
}

void handout_take(struct segment *s, uint32_t slot, uint64_t *seen, void (*fn)(void *arg, const struct handout *h), void *arg)
{
	uint64_t published = atomic_load_explicit(&s->proc[slot].grant_seq, memory_order_acquire);
	struct shm_handout *table = handout_table(s, slot);

	if (*seen == published)
		return;
	*seen = published;
	for (uint32_t i = 0; i < SHM_HANDOUTS; i++) {
		if (state_of(&table[i]) != SHM_HANDOUT_GRANTED || (int32_t)((uint32_t)published - table[i].batch) < 0)
			continue;
		struct handout h = entry(&table[i], i);
		set_state(&table[i], SHM_HANDOUT_TAKEN);
		fn(arg, &h);
	}
}

/* The fence pairs with that of handout_room(): either it finds this entry, or we see that it waits. */
void handout_free(struct segment *s, uint32_t slot, uint32_t index)
{
	set_state(&handout_table(s, slot)[index], SHM_HANDOUT_FREE);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&s->proc[slot].grant_head, RELAXED))
		segment_ring(s, SHM_KEEPER_SLOT);
}

static bool find_free(const struct shm_handout *table, uint32_t *from)
{
	for (uint32_t i = *from; i < SHM_HANDOUTS; i++)
		if (state_of(&table[i]) == SHM_HANDOUT_FREE) {
			*from = i;
			return true;
		}
	return false;
}

bool handout_room(struct segment *s, uint32_t slot, uint32_t *from)
{
	_Atomic uint64_t *waits = &s->proc[slot].grant_head;
	const struct shm_handout *table = handout_table(s, slot);

	if (find_free(table, from)) {
		if (atomic_load_explicit(waits, RELAXED))
			atomic_store_explicit(waits, 0, RELAXED);
		return true;
	}
	atomic_store_explicit(waits, 1, RELAXED);
	atomic_thread_fence(memory_order_seq_cst);
	*from = 0;
	return find_free(table, from);
}

void handout_write(struct segment *s, uint32_t slot, uint32_t index, const struct handout *h)
{
	struct shm_handout *e = &handout_table(s, slot)[index];

	e->batch = (uint32_t)atomic_load_explicit(&s->proc[slot].grant_seq, RELAXED) + 1;
	e->claim = h->claim;
	e->token = h->token;
	memcpy(e->id, &h->id, sizeof(e->id));
	set_state(e, SHM_HANDOUT_WRITTEN);
}

/* Gives every entry that was written its next state. */
static void move_written(struct segment *s, uint32_t slot, enum shm_handout_state to)
{
	struct shm_handout *table = handout_table(s, slot);

	for (uint32_t i = 0; i < SHM_HANDOUTS; i++)
		if (state_of(&table[i]) == SHM_HANDOUT_WRITTEN)
			set_state(&table[i], to);
}

static void count(struct segment *s, uint32_t slot)
{
	_Atomic uint64_t *published = &s->proc[slot].grant_seq;

	atomic_store_explicit(published, atomic_load_explicit(published, RELAXED) + 1, memory_order_release);
}

void handout_publish(struct segment *s, uint32_t slot)
{
	move_written(s, slot, SHM_HANDOUT_GRANTED);
	count(s, slot);
}

void handout_forget(struct segment *s, uint32_t slot)
{
	move_written(s, slot, SHM_HANDOUT_FREE);
}

void handout_mend(struct segment *s, uint32_t slot, bool (*held)(void *arg, struct job_id id, uint64_t token), void *arg)
{
	struct shm_handout *table = handout_table(s, slot);

	for (uint32_t i = 0; i < SHM_HANDOUTS; i++) {
		if (state_of(&table[i]) != SHM_HANDOUT_WRITTEN)
			continue;
		struct handout h = entry(&table[i], i);
		set_state(&table[i], held(arg, h.id, h.token) ? SHM_HANDOUT_GRANTED : SHM_HANDOUT_FREE);
	}
	count(s, slot);                 /* what the predecessor granted may not have been counted */
}

void handout_clear(struct segment *s, uint32_t slot)
{
	struct shm_handout *table = handout_table(s, slot);

	for (uint32_t i = 0; i < SHM_HANDOUTS; i++)
		set_state(&table[i], SHM_HANDOUT_FREE);
}
