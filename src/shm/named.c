/* Open addressing over the segment's table of names. Called by the keeper; readers walk the table itself. */
#include "shm/named.h"

#include <string.h>

static uint32_t hash(const char *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)p[i]) * 16777619u;
	return h;
}

/* Where the name is, or the empty place where it would go. */
static unsigned probe(const struct named_index *x, const char *p, size_t n)
{
	unsigned at = hash(p, n) & (NAMED_CACHE - 1);

	for (;; at = (at + 1) & (NAMED_CACHE - 1)) {
		if (x->place[at] == 0)
			return at;
		const char *name = x->table[x->place[at] - 1].name;
		if (strnlen(name, SHM_NAME) == n && memcmp(name, p, n) == 0)
			return at;
	}
}

void named_attach(struct named_index *x, struct shm_named *table)
{
	memset(x, 0, sizeof(*x));
	x->table = table;
	for (; x->used < SHM_TYPES; x->used++) {
		if (atomic_load_explicit(&table[x->used].ready, memory_order_acquire) == 0)
			return;
		const char *name = table[x->used].name;
		x->place[probe(x, name, strnlen(name, SHM_NAME))] = (uint16_t)(x->used + 1);
	}
}

struct shm_histogram *named_histogram(struct named_index *x, struct job_text name)
{
	size_t n = name.n < SHM_NAME ? name.n : SHM_NAME;
	unsigned at = probe(x, name.p, n);

	if (x->place[at] == 0) {
		if (x->used == SHM_TYPES)
			return &x->table[SHM_TYPES].h;
		struct shm_named *new = &x->table[x->used++];
		memcpy(new->name, name.p, n);
		new->name[n] = '\0';
		atomic_store_explicit(&new->ready, 1, memory_order_release);
		x->place[at] = (uint16_t)x->used;
	}
	return &x->table[x->place[at] - 1].h;
}
