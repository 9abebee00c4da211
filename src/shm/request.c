/* The keeper's side of the request slots: finding them, walking what an asker wrote with every bound checked, publishing. */
#include "shm/request.h"

#include <string.h>

uint32_t request_count(const struct segment *s)
{
	return s->geo.nacceptor * s->geo.nrequest_acceptor + s->geo.nworker * s->geo.nrequest_worker;
}

struct shm_request *request_slot(const struct segment *s, uint32_t index)
{
	return (struct shm_request *)(void *)(s->base + s->geo.off_request) + index;
}

/* Where a request's areas lie follows from its index alone; what the slot says of them is there for readers, and is not trusted. */
struct place { uint32_t owner, ops_capacity, results_capacity; uint64_t off_ops, off_results; };

static struct place place_of(const struct segment *s, const struct shm_request *r)
{
	const struct shm_geometry *g = &s->geo;
	uint32_t i = (uint32_t)(r - request_slot(s, 0)), first_worker = g->nacceptor * g->nrequest_acceptor;
	uint64_t acceptor = (uint64_t)g->request_bytes_acceptor + g->result_bytes_acceptor, worker = (uint64_t)g->request_bytes_worker + g->result_bytes_worker;
	struct place p;

	if (i < first_worker) {
		p.owner = segment_acceptor_slot(s, i / g->nrequest_acceptor);
		p.ops_capacity = g->request_bytes_acceptor;
		p.results_capacity = g->result_bytes_acceptor / (uint32_t)sizeof(struct request_result);
		p.off_ops = g->off_area + acceptor * i;
	} else {
		p.owner = segment_worker_slot(s, (i - first_worker) / g->nrequest_worker);
		p.ops_capacity = g->request_bytes_worker;
		p.results_capacity = g->result_bytes_worker / (uint32_t)sizeof(struct request_result);
		p.off_ops = g->off_area + acceptor * first_worker + worker * (i - first_worker);
	}
	p.off_results = p.off_ops + p.ops_capacity;
	return p;
}

uint32_t request_owner(const struct segment *s, const struct shm_request *r)
{
	return place_of(s, r).owner;
}

void request_place(const struct segment *s, struct shm_request *r)
{
	struct place p = place_of(s, r);

	r->owner = p.owner;
	r->ops_capacity = p.ops_capacity;
	r->results_capacity = p.results_capacity;
	r->off_ops = p.off_ops;
	r->off_results = p.off_results;
}

int request_next(const struct segment *s, const struct shm_request *r, uint32_t *at, struct request_head *head, char room[REQUEST_BYTES_MAX], struct job_text *body)
{
	struct place p = place_of(s, r);
	uint32_t bytes = __atomic_load_n(&r->bytes, __ATOMIC_RELAXED);  /* once: its owner can write it at any time */

	if (bytes > p.ops_capacity)
		return -1;
	if (*at == bytes)
		return 0;
	if (*at > bytes || bytes - *at < sizeof(*head))
		return -1;
	memcpy(head, s->base + p.off_ops + *at, sizeof(*head));
	uint64_t whole = sizeof(*head) + (((uint64_t)head->bytes + 7) & ~UINT64_C(7));
	if (whole > bytes - *at)
		return -1;
	memcpy(room, s->base + p.off_ops + *at + sizeof(*head), head->bytes);
	*body = (struct job_text){ room, head->bytes };
	*at += (uint32_t)whole;
	return 1;
}

char *request_ops(const struct segment *s, const struct shm_request *r, uint32_t *capacity)
{
	struct place p = place_of(s, r);

	*capacity = p.ops_capacity;
	return s->base + p.off_ops;
}

struct request_result *request_results(const struct segment *s, const struct shm_request *r, uint32_t *capacity)
{
	struct place p = place_of(s, r);

	*capacity = p.results_capacity;
	return (struct request_result *)(void *)(s->base + p.off_results);
}

void request_publish(struct segment *s, struct shm_request *r)
{
	(void)s;
	atomic_store_explicit(&r->state, SHM_REQUEST_DONE, memory_order_release);
}
