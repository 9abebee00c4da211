/* The asker's side: gathers a loop turn's operations into its request slots, keeps what finds no free slot, hands results back.
 * Used by acceptor and workers, one box a process, one thread. Nothing here is fatal. */
#include "shm/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_TAG (UINT64_C(1) << 63)           /* the box's own tags; callers' have this bit clear */
#define STAGE_CHUNK 48000u                      /* whole rows of the store's blobs */
#define NO_REQUEST UINT32_MAX
#define RC_NO_MEMORY 9                          /* STORE_NO_MEMORY; shm does not know the store's header */

struct waiting {                                /* an operation that found no room */
	struct waiting *next;
	uint64_t bytes;                         /* head and body, padded */
	uint32_t results;
	char data[];
};

struct staging {
	struct ask_box *box;
	struct staging *next, **link;
	uint64_t serial;                        /* its tag: what comes back through the segment is looked up, not followed */
	char *bytes;
	size_t n, at, in_flight;
	uint64_t blob;
	ask_staged_fn ready;
	void *arg;
};

struct ask_box {
	struct segment *seg;
	uint32_t slot, first, count;
	uint64_t seq;                           /* of the last post: one count for all requests of a slot, so that the keeper can tell their order */
	uint32_t filling;                       /* index of the request being filled, NO_REQUEST where none */
	uint32_t fill_bytes, fill_ops;
	bool to_ring;
	unsigned outstanding;
	struct waiting *head, **tail;
	struct staging *stagings;
	uint64_t next_serial;
	ask_done_fn done;
	void *arg;
};

struct ask_box *ask_open(struct segment *s, uint32_t slot, ask_done_fn done, void *arg)
{
	struct ask_box *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	*b = (struct ask_box){ .seg = s, .slot = slot, .filling = NO_REQUEST, .done = done, .arg = arg };
	b->tail = &b->head;
	for (uint32_t i = 0; i < request_count(s); i++) {
		if (request_owner(s, request_slot(s, i)) != slot)
			continue;
		if (b->count++ == 0)
			b->first = i;
		b->seq = request_slot(s, i)->seq > b->seq ? request_slot(s, i)->seq : b->seq;
	}
	return b;
}

void ask_close(struct ask_box *b)
{
	if (!b)
		return;
	while (b->head) {
		struct waiting *w = b->head;
		b->head = w->next;
		free(w);
	}
	while (b->stagings) {
		struct staging *g = b->stagings;
		b->stagings = g->next;
		free(g->bytes);
		free(g);
	}
	free(b);
}

static struct shm_request *filling(const struct ask_box *b)
{
	return request_slot(b->seg, b->filling);
}

/* Makes the request being filled visible to the keeper. */
static void post_filling(struct ask_box *b)
{
	struct shm_request *r = filling(b);

	r->nops = b->fill_ops;
	r->bytes = b->fill_bytes;
	r->seq = ++b->seq;
	atomic_store_explicit(&r->state, SHM_REQUEST_POSTED, memory_order_release);
	b->filling = NO_REQUEST;
	b->to_ring = true;
}

static bool find_free(struct ask_box *b)
{
	for (uint32_t i = b->first; i < b->first + b->count; i++) {
		if (atomic_load_explicit(&request_slot(b->seg, i)->state, memory_order_acquire) != SHM_REQUEST_FREE)
			continue;
		b->filling = i;
		b->fill_bytes = b->fill_ops = 0;
		return true;
	}
	return false;
}

/* Room for `bytes` more, with so many results, in a request of ours, taking another free one where this is full. NULL where there is none. */
static char *room(struct ask_box *b, uint64_t bytes, uint32_t need)
{
	for (;;) {
		if (b->filling == NO_REQUEST && !find_free(b))
			return NULL;
		struct shm_request *r = filling(b);
		uint32_t capacity, results;
		char *area = request_ops(b->seg, r, &capacity);
		request_results(b->seg, r, &results);
		if (b->fill_bytes + bytes <= capacity && b->fill_ops + need <= results) {
			char *to = area + b->fill_bytes;
			b->fill_bytes += (uint32_t)bytes;
			b->fill_ops += need;
			return to;
		}
		post_filling(b);
	}
}

static void compose(char *to, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n, size_t body)
{
	struct request_head h = { .bytes = (uint32_t)body, .op = (uint16_t)op, .tag = tag };

	memcpy(to, &h, sizeof(h));
	to += sizeof(h);
	for (unsigned i = 0; i < n; i++) {
		if (piece[i].n)
			memcpy(to, piece[i].p, piece[i].n);
		to += piece[i].n;
	}
	memset(to, 0, -body & 7);
}

static int add(struct ask_box *b, enum request_op op, uint64_t tag, uint32_t results, const struct ask_piece *piece, unsigned n)
{
	uint32_t capacity = 0, most = 0;
	size_t body = 0;

	for (unsigned i = 0; i < n; i++)
		body += piece[i].n;
	uint64_t bytes = sizeof(struct request_head) + ((body + 7) & ~(size_t)7);
	if (b->count) {
		request_ops(b->seg, request_slot(b->seg, b->first), &capacity);
		request_results(b->seg, request_slot(b->seg, b->first), &most);
	}
	if (bytes > capacity || results > most) {
		errno = EMSGSIZE;
		return -1;
	}
	char *to = b->head ? NULL : room(b, bytes, results);
	if (to) {
		compose(to, op, tag, piece, n, body);
	} else {
		struct waiting *w = malloc(sizeof(*w) + bytes);
		if (!w) {
			errno = ENOMEM;
			return -1;
		}
		w->next = NULL;
		w->bytes = bytes;
		w->results = results;
		compose(w->data, op, tag, piece, n, body);
		*b->tail = w;
		b->tail = &w->next;
	}
	b->outstanding += results;
	return 0;
}

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	return add(b, op, tag, 1, piece, n);
}

int ask_add_group(struct ask_box *b, uint32_t results, const struct ask_piece *piece, unsigned n)
{
	return add(b, REQUEST_GROUP, 0, results, piece, n);
}

static void move_waiting(struct ask_box *b)
{
	while (b->head) {
		struct waiting *w = b->head;
		char *to = room(b, w->bytes, w->results);
		if (!to)
			return;
		memcpy(to, w->data, w->bytes);
		b->head = w->next;
		if (!b->head)
			b->tail = &b->head;
		free(w);
	}
}

void ask_post(struct ask_box *b)
{
	move_waiting(b);
	if (b->filling != NO_REQUEST && b->fill_ops)
		post_filling(b);
	if (b->to_ring) {
		b->to_ring = false;
		segment_ring(b->seg, SHM_KEEPER_SLOT);
	}
}

static void staging_end(struct staging *g, int rc)
{
	*g->link = g->next;
	if (g->next)
		g->next->link = g->link;
	g->ready(g->arg, rc == 0 ? g->blob : 0, rc);
	free(g->bytes);
	free(g);
}

static int stage_next(struct staging *g)
{
	struct request_stage head = { .blob = g->blob, .offset = g->at };

	g->in_flight = g->n - g->at < STAGE_CHUNK ? g->n - g->at : STAGE_CHUNK;
	struct ask_piece piece[] = { { &head, sizeof(head) }, { g->bytes + g->at, g->in_flight } };
	return ask_add(g->box, REQUEST_STAGE, STAGE_TAG | g->serial, piece, 2);
}

static void staged(struct ask_box *b, const struct request_result *r)
{
	struct staging *g = b->stagings;

	while (g && (STAGE_TAG | g->serial) != r->tag)
		g = g->next;
	if (!g)
		return;
	if (r->rc != 0) {
		staging_end(g, r->rc);
		return;
	}
	g->blob = r->blob;
	g->at += g->in_flight;
	if (g->at >= g->n)
		staging_end(g, 0);
	else if (stage_next(g) < 0)
		staging_end(g, RC_NO_MEMORY);
}

int ask_stage(struct ask_box *b, const void *bytes, size_t n, ask_staged_fn ready, void *arg)
{
	struct staging *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	*g = (struct staging){ .box = b, .n = n, .ready = ready, .arg = arg, .serial = b->next_serial++, .bytes = malloc(n ? n : 1) };
	if (!g->bytes)
		goto fail;
	memcpy(g->bytes, bytes, n);
	if (stage_next(g) < 0)
		goto fail;
	g->next = b->stagings;
	g->link = &b->stagings;
	if (g->next)
		g->next->link = &g->next;
	b->stagings = g;
	return 0;
fail:
	free(g->bytes);
	free(g);
	errno = ENOMEM;
	return -1;
}

static unsigned take_results(struct ask_box *b, struct shm_request *r)
{
	uint32_t capacity, n = r->nops;
	const struct request_result *result = request_results(b->seg, r, &capacity);

	if (n > capacity)
		n = capacity;
	for (uint32_t i = 0; i < n; i++) {
		b->outstanding--;
		if (result[i].tag & STAGE_TAG)
			staged(b, &result[i]);
		else
			b->done(b->arg, &result[i]);
	}
	atomic_store_explicit(&r->state, SHM_REQUEST_FREE, memory_order_release);
	return n;
}

unsigned ask_poll(struct ask_box *b)
{
	unsigned n = 0;

	for (uint32_t i = b->first; i < b->first + b->count; i++) {
		struct shm_request *r = request_slot(b->seg, i);
		if (atomic_load_explicit(&r->state, memory_order_acquire) == SHM_REQUEST_DONE)
			n += take_results(b, r);
	}
	return n;
}

unsigned ask_outstanding(const struct ask_box *b)
{
	return b->outstanding;
}
