/* The grant ring: bytes, entries whole and 8-aligned, never wrapped. Every length that a reader takes from it is checked against what is published. */
#include "shm/grant.h"

#include <string.h>

#define SEEN_BITS 48
#define SEEN_MASK ((UINT64_C(1) << SEEN_BITS) - 1)
#define RELAXED memory_order_relaxed
#define LONGEST (sizeof(struct grant) + JOB_TYPE_MAX + JOB_QUEUE_MAX + JOB_NAME_MAX + 64 + 256 + JOB_INLINE_MAX + 8)

static char *ring(const struct segment *s, uint32_t slot)
{
	return s->base + s->geo.off_grant + (uint64_t)(slot - segment_worker_slot(s, 0)) * s->geo.grant_bytes;
}

uint64_t grant_attach(struct segment *s, uint32_t slot)
{
	struct shm_proc *p = &s->proc[slot];
	uint64_t seq = atomic_load_explicit(&p->grant_seq, memory_order_acquire);

	atomic_store_explicit(&p->grant_tail, atomic_load_explicit(&p->grant_head, memory_order_acquire), memory_order_release);
	grant_want(s, slot, 0, seq);
	grant_rooms(s, slot, NULL, 0);
	return seq;
}

static uint64_t word_of(uint32_t room, uint64_t seen_seq)
{
	uint64_t most = room > 0xffff ? 0xffff : room;

	return most << SEEN_BITS | (seen_seq & SEEN_MASK);
}

void grant_want(struct segment *s, uint32_t slot, uint32_t room, uint64_t seen_seq)
{
	atomic_store_explicit(&s->proc[slot].want, word_of(room, seen_seq), memory_order_release);
}

void grant_rooms(struct segment *s, uint32_t slot, const uint32_t *ids, uint32_t n)
{
	struct shm_proc *p = &s->proc[slot];
	uint64_t seen = atomic_load_explicit(&p->want, RELAXED) & SEEN_MASK;

	for (uint32_t i = 0; i < SHM_WANT_TYPES; i++)
		atomic_store_explicit(&p->want_room[i], seen, memory_order_release);
	for (uint32_t i = 0; i < SHM_WANT_TYPES; i++)
		atomic_store_explicit(&p->want_type[i], i < n ? ids[i] : 0, memory_order_release);
}

void grant_want_room(struct segment *s, uint32_t slot, uint32_t i, uint32_t room, uint64_t seen_seq)
{
	atomic_store_explicit(&s->proc[slot].want_room[i], word_of(room, seen_seq), memory_order_release);
}

/* Even the longest grant has room between tail and head; the second LONGEST is for the padding at the ring's end. */
static bool fits(const struct segment *s, uint64_t head, uint64_t tail)
{
	uint64_t size = s->geo.grant_bytes, used = head - tail;

	return used <= size && size - used >= 2 * LONGEST;
}

/* A keeper that found no room sleeps: whoever makes it wakes it. The fence pairs with that of segment_sleep(): either we see the head that left no room, or it sees our tail. */
static void move_tail(struct segment *s, uint32_t slot, uint64_t from, uint64_t to)
{
	struct shm_proc *p = &s->proc[slot];

	atomic_store_explicit(&p->grant_tail, to, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	uint64_t head = atomic_load_explicit(&p->grant_head, RELAXED);
	if (!fits(s, head, from) && fits(s, head, to))
		segment_ring(s, SHM_KEEPER_SLOT);
}

/* The texts behind an entry's head must fill it exactly, but for the padding to 8. */
static bool split(const struct grant *g, const char *body, uint64_t room, struct grant_view *v)
{
	uint64_t inline_payload = g->payload_blob ? 0 : g->payload_len;
	struct { struct job_text *to; uint64_t n; } part[] = {
		{ &v->type, g->type_len }, { &v->queue, g->queue_len }, { &v->name, g->name_len }, { &v->trace, g->trace_len },
		{ &v->content_type, g->content_type_len }, { &v->payload, inline_payload },
	};

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		if (part[i].n > room)
			return false;
		*part[i].to = (struct job_text){ body, part[i].n };
		body += part[i].n;
		room -= part[i].n;
	}
	return room < 8;
}

int grant_next(struct segment *s, uint32_t slot, uint64_t *seen, struct grant_view *v)
{
	struct shm_proc *p = &s->proc[slot];
	uint64_t size = s->geo.grant_bytes;

	for (;;) {
		uint64_t head = atomic_load_explicit(&p->grant_head, memory_order_acquire);
		uint64_t tail = atomic_load_explicit(&p->grant_tail, RELAXED);
		uint64_t at = tail % size, left = head - tail;
		if (left == 0)
			return 0;
		if (left > size || left < 8)
			return -1;
		uint32_t bytes;
		uint16_t kind;
		memcpy(&bytes, ring(s, slot) + at, sizeof(bytes));
		memcpy(&kind, ring(s, slot) + at + 4, sizeof(kind));
		if (kind == GRANT_PAD) {
			if (size - at > left)
				return -1;
			move_tail(s, slot, tail, tail + (size - at));
			continue;
		}
		if ((kind != GRANT_JOB && kind != GRANT_CANCEL) || bytes % 8 || bytes < sizeof(v->g) || bytes > left || bytes > size - at)
			return -1;
		memcpy(&v->g, ring(s, slot) + at, sizeof(v->g));
		v->g.bytes = bytes;
		if (kind == GRANT_CANCEL)
			return 1;
		if (v->g.seq <= *seen) {
			move_tail(s, slot, tail, tail + bytes);
			continue;
		}
		*seen = v->g.seq;
		return split(&v->g, ring(s, slot) + at + sizeof(v->g), bytes - sizeof(v->g), v) ? 1 : -1;
	}
}

void grant_consume(struct segment *s, uint32_t slot, const struct grant_view *v)
{
	uint64_t tail = atomic_load_explicit(&s->proc[slot].grant_tail, RELAXED);

	move_tail(s, slot, tail, tail + v->g.bytes);
}

void grant_begin(const struct segment *s, uint32_t slot, struct grant_writer *w)
{
	w->head = atomic_load_explicit(&s->proc[slot].grant_head, RELAXED);
	w->seq = atomic_load_explicit(&s->proc[slot].grant_seq, RELAXED);
}

uint32_t grant_room(const struct segment *s, uint32_t slot, const struct grant_writer *w)
{
	uint64_t want = atomic_load_explicit(&s->proc[slot].want, memory_order_acquire);
	uint64_t room = want >> SEEN_BITS, issued = (w->seq - want) & SEEN_MASK;

	if (room > s->geo.run_capacity)
		room = s->geo.run_capacity;
	return issued >= room ? 0 : (uint32_t)(room - issued);
}

bool grant_room_at(const struct segment *s, uint32_t slot, uint32_t i, uint32_t *id, uint32_t *room, uint64_t *seen)
{
	const struct shm_proc *p = &s->proc[slot];

	if (i >= SHM_WANT_TYPES || (*id = atomic_load_explicit(&p->want_type[i], memory_order_acquire)) == 0)
		return false;
	uint64_t word = atomic_load_explicit(&p->want_room[i], memory_order_acquire);
	*room = (uint32_t)(word >> SEEN_BITS);
	if (*room > s->geo.run_capacity)
		*room = s->geo.run_capacity;
	*seen = word & SEEN_MASK;
	return true;
}

bool grant_after(uint64_t seq, uint64_t seen)
{
	uint64_t ahead = (seq - seen) & SEEN_MASK;

	return ahead != 0 && ahead < SEEN_MASK / 2;
}

bool grant_fits(const struct segment *s, uint32_t slot, const struct grant_writer *w)
{
	return fits(s, w->head, atomic_load_explicit(&s->proc[slot].grant_tail, memory_order_acquire));
}

bool grant_seen(const struct segment *s, uint32_t slot, uint64_t seq)
{
	return ((atomic_load_explicit(&s->proc[slot].want, memory_order_acquire) - seq) & SEEN_MASK) < SEEN_MASK / 2;
}

/* Room for one entry of `bytes` at *at, padding to the ring's begin where it does not fit before its end. The head moves over the padding alone. */
static bool make_room(struct segment *s, uint32_t slot, struct grant_writer *w, uint64_t bytes, uint64_t *at)
{
	uint64_t size = s->geo.grant_bytes, tail = atomic_load_explicit(&s->proc[slot].grant_tail, memory_order_acquire);
	uint64_t pad;

	*at = w->head % size;
	pad = size - *at < bytes ? size - *at : 0;
	if (w->head - tail > size || bytes + pad > size - (w->head - tail))
		return false;
	if (pad) {
		struct { uint32_t bytes; uint16_t kind, flags; } filler = { 0, GRANT_PAD, 0 };
		memcpy(ring(s, slot) + *at, &filler, sizeof(filler));
		w->head += pad;
		*at = 0;
	}
	return true;
}

bool grant_write(struct segment *s, uint32_t slot, struct grant_writer *w, struct grant_view *v)
{
	uint64_t payload = v->g.payload_blob ? 0 : v->payload.n;
	uint64_t body = v->type.n + v->queue.n + v->name.n + v->trace.n + v->content_type.n + payload;
	uint64_t bytes = (sizeof(v->g) + body + 7) & ~UINT64_C(7), at;

	if (!make_room(s, slot, w, bytes, &at))
		return false;
	char *base = ring(s, slot);
	v->g.kind = GRANT_JOB;
	v->g.bytes = (uint32_t)bytes;
	v->g.seq = ++w->seq;
	v->g.type_len = (uint16_t)v->type.n;
	v->g.queue_len = (uint16_t)v->queue.n;
	v->g.name_len = (uint16_t)v->name.n;
	v->g.trace_len = (uint16_t)v->trace.n;
	v->g.content_type_len = (uint32_t)v->content_type.n;
	memcpy(base + at, &v->g, sizeof(v->g));
	at += sizeof(v->g);
	const struct job_text *part[] = { &v->type, &v->queue, &v->name, &v->trace, &v->content_type, &v->payload };
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		if (part[i] == &v->payload && v->g.payload_blob)
			continue;
		if (part[i]->n)
			memcpy(base + at, part[i]->p, part[i]->n);
		at += part[i]->n;
	}
	w->head += bytes;
	return true;
}

bool grant_cancel(struct segment *s, uint32_t slot, struct grant_writer *w, struct job_id id, uint64_t token)
{
	struct grant g = { .kind = GRANT_CANCEL, .bytes = sizeof(g), .id = id, .token = token };
	uint64_t at;

	_Static_assert(sizeof(g) % 8 == 0, "entries are 8-aligned");
	if (!make_room(s, slot, w, sizeof(g), &at))
		return false;
	memcpy(ring(s, slot) + at, &g, sizeof(g));
	w->head += sizeof(g);
	return true;
}

bool grant_published(const struct segment *s, uint32_t slot, uint64_t seq)
{
	return atomic_load_explicit(&s->proc[slot].grant_seq, RELAXED) >= seq;
}

void grant_publish(struct segment *s, uint32_t slot, const struct grant_writer *w)
{
	struct shm_proc *p = &s->proc[slot];

	if (atomic_load_explicit(&p->grant_head, RELAXED) == w->head)
		return;
	/* The head is what publishes. Head and sequence cannot move as one; so the pair to come is written down before, for grant_mend() of a successor. */
	atomic_store_explicit(&p->grant_next_head, w->head, memory_order_release);
	atomic_store_explicit(&p->grant_next_seq, w->seq, memory_order_release);
	atomic_store_explicit(&p->grant_head, w->head, memory_order_release);
	atomic_store_explicit(&p->grant_seq, w->seq, memory_order_release);
}

void grant_mend(struct segment *s, uint32_t slot)
{
	struct shm_proc *p = &s->proc[slot];
	uint64_t head = atomic_load_explicit(&p->grant_head, memory_order_acquire);

	if (head != 0 && atomic_load_explicit(&p->grant_next_head, memory_order_acquire) == head)
		atomic_store_explicit(&p->grant_seq, atomic_load_explicit(&p->grant_next_seq, RELAXED), memory_order_release);
}
