/* The table behind the tags of the acceptor's requests. Called by api_submit.c and api_act.c; the table grows to the most that were ever open at once and is kept. */
#include "http/pending.h"

#include <stddef.h>
#include <stdlib.h>

#define GENERATIONS 0x3fffffffu          /* the two highest bits of a tag are the ask box's */

struct entry {
	void *owner;            /* NULL: free */
	pending_fn answered;
	uint32_t generation;
	uint32_t next_free;     /* index + 1; 0 ends the list */
};

static struct {
	struct entry *v;
	uint32_t n, cap, free;  /* free: index + 1 */
} table;

static uint32_t take_index(void)
{
	if (table.free) {
		uint32_t i = table.free - 1;
		table.free = table.v[i].next_free;
		return i;
	}
	if (table.n == table.cap) {
		uint32_t cap = table.cap ? table.cap * 2 : 256;
		struct entry *v = cap > table.cap ? realloc(table.v, cap * sizeof(*v)) : NULL;
		if (!v)
			return UINT32_MAX;
		table.v = v;
		table.cap = cap;
	}
	table.v[table.n] = (struct entry){ .generation = 1 };
	return table.n++;
}

uint64_t pending_add(void *owner, pending_fn answered)
{
	uint32_t i = take_index();

	if (i == UINT32_MAX)
		return 0;
	table.v[i].owner = owner;
	table.v[i].answered = answered;
	return (uint64_t)table.v[i].generation << 32 | i;
}

void *pending_take(uint64_t tag, pending_fn *answered)
{
	uint32_t i = (uint32_t)tag;
	struct entry *e;
	void *owner;

	if (i >= table.n)
		return NULL;
	e = &table.v[i];
	if (!e->owner || e->generation != (uint32_t)(tag >> 32))
		return NULL;
	owner = e->owner;
	if (answered)
		*answered = e->answered;
	e->owner = NULL;
	e->generation = e->generation == GENERATIONS ? 1 : e->generation + 1;
	e->next_free = table.free;
	table.free = i + 1;
	return owner;
}

void pending_answer(const struct request_result *r)
{
	pending_fn answered;
	void *owner = pending_take(r->tag, &answered);

	if (owner)
		answered(owner, r);
}
