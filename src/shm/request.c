/* The keeper's side of the request slots: finding them, walking what an asker wrote with every bound checked, publishing. */
#include "shm/request.h"

#include <string.h>

uint32_t request_count(const struct segment *s)
{
	return s->h->nacceptor * s->h->nrequest_acceptor + s->h->nworker * s->h->nrequest_worker;
}

struct shm_request *request_slot(const struct segment *s, uint32_t index)
{
	return (struct shm_request *)(void *)(s->base + s->h->off_request) + index;
}

/* The areas are set at the segment's making, but lie where a child could have written: they are checked all the same. */
static bool inside(const struct segment *s, uint64_t off, uint64_t bytes)
{
	return off >= s->h->off_area && off <= s->bytes && bytes <= s->bytes - off && off % 8 == 0;
}

int request_next(const struct segment *s, const struct shm_request *r, uint32_t *at, struct request_head *head, struct job_text *body)
{
	uint32_t bytes = r->bytes;

	if (bytes > r->ops_capacity || !inside(s, r->off_ops, r->ops_capacity))
		return -1;
	if (*at == bytes)
		return 0;
	if (*at > bytes || bytes - *at < sizeof(*head))
		return -1;
	memcpy(head, s->base + r->off_ops + *at, sizeof(*head));
	uint64_t whole = sizeof(*head) + (((uint64_t)head->bytes + 7) & ~UINT64_C(7));
	if (whole > bytes - *at)
		return -1;
	*body = (struct job_text){ s->base + r->off_ops + *at + sizeof(*head), head->bytes };
	*at += (uint32_t)whole;
	return 1;
}

struct request_result *request_results(const struct segment *s, const struct shm_request *r, uint32_t *capacity)
{
	*capacity = 0;
	if (!inside(s, r->off_results, (uint64_t)r->results_capacity * sizeof(struct request_result)))
		return NULL;
	*capacity = r->results_capacity;
	return (struct request_result *)(void *)(s->base + r->off_results);
}

void request_publish(struct segment *s, struct shm_request *r)
{
	(void)s;
	atomic_store_explicit(&r->state, SHM_REQUEST_DONE, memory_order_release);
}
