/* A ring with a sequence in each entry: the writer zeroes it, writes, sets it; a reader copies and looks again. */
#include "shm/event_ring.h"

#include <string.h>

static struct shm_event *entry(const struct segment *s, uint64_t seq)
{
	return (struct shm_event *)(void *)(s->base + s->geo.off_event) + (seq & (SHM_EVENTS - 1));
}

void event_start(struct segment *s, uint64_t told)
{
	if (told > atomic_load_explicit(&s->h->event_head, memory_order_relaxed))
		atomic_store_explicit(&s->h->event_head, told, memory_order_release);
}

void event_put(struct segment *s, const struct shm_event *e)
{
	uint64_t seq = atomic_load_explicit(&s->h->event_head, memory_order_relaxed);
	struct shm_event *to = entry(s, seq);

	atomic_store_explicit(&to->seq, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy((char *)to + sizeof(to->seq), (const char *)e + sizeof(e->seq), sizeof(*e) - sizeof(e->seq));
	atomic_store_explicit(&to->seq, seq + 1, memory_order_release);
	atomic_store_explicit(&s->h->event_head, seq + 1, memory_order_release);
}

uint64_t event_head(const struct segment *s)
{
	return atomic_load_explicit(&s->h->event_head, memory_order_acquire);
}

int event_get(const struct segment *s, uint64_t seq, struct shm_event *out)
{
	uint64_t head = event_head(s);

	if (seq >= head)
		return 0;
	if (head - seq > SHM_EVENTS)
		return -1;
	struct shm_event *from = entry(s, seq);
	if (atomic_load_explicit(&from->seq, memory_order_acquire) != seq + 1)
		return -1;
	memcpy((char *)out + sizeof(out->seq), (const char *)from + sizeof(from->seq), sizeof(*out) - sizeof(out->seq));
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&from->seq, memory_order_relaxed) != seq + 1)
		return -1;
	atomic_store_explicit(&out->seq, seq + 1, memory_order_relaxed);
	out->type[sizeof(out->type) - 1] = out->queue[sizeof(out->queue) - 1] = '\0';
	return 1;
}
