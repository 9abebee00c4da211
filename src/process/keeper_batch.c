/* One batch of the keeper: takes the requests that lie there, applies all in one transaction (finishes, submissions, due jobs, claims), commits, answers.
 * Results are written before the commit and the token in it, so that a successor can answer what was committed; see doc/architecture.md. */
#include "process/keeper.h"

#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "text/uuid.h"

/* --- what lies there --- */

bool keeper_of_worker(const struct keeper *k, const struct shm_request *r)
{
	return request_owner(k->seg, r) >= segment_worker_slot(k->seg, 0);
}

static bool is_posted(const struct shm_request *r)
{
	return atomic_load_explicit(&r->state, memory_order_acquire) == SHM_REQUEST_POSTED;
}

/* How many operations it says it has, which is good enough to stop somewhere. */
static uint32_t operations_of(const struct keeper *k, const struct shm_request *r)
{
	uint32_t capacity, n = __atomic_load_n(&r->nops, __ATOMIC_RELAXED);

	request_results(k->seg, r, &capacity);
	return n < capacity ? n : capacity;
}

/* Adds the POSTED requests of one process in the order in which it posted them, or jobs would be stored in another order than they came in. `least`: so many whatever the batch has already. */
static uint32_t take(struct keeper *k, uint32_t first, uint32_t count, uint32_t least, uint32_t *operations)
{
	uint32_t from = k->nposted, taken = 0;

	for (uint32_t i = first; i < first + count; i++) {
		struct shm_request *r = request_slot(k->seg, i);
		uint32_t at = k->nposted;
		if (!is_posted(r))
			continue;
		for (; at > from && k->posted[at - 1]->seq > r->seq; at--)
			k->posted[at] = k->posted[at - 1];
		k->posted[at] = r;
		k->nposted++;
	}
	for (; from + taken < k->nposted && (taken < least || *operations < KEEPER_OPERATIONS); taken++)
		*operations += operations_of(k, k->posted[from + taken]);
	k->left |= from + taken < k->nposted;
	k->nposted = from + taken;
	return taken;
}

/* The POSTED requests, workers' before acceptors': finishing and its claims come before new work. A batch ends at about KEEPER_OPERATIONS; k->left says that it did.
 * Acceptors come in turn, and one of their requests goes with every batch. */
static void collect(struct keeper *k)
{
	const struct shm_geometry *g = &k->seg->geo;
	uint32_t first_worker = g->nacceptor * g->nrequest_acceptor, operations = 0, taken = 0;

	k->nposted = 0;
	k->left = false;
	for (uint32_t i = 0; i < g->nworker; i++)
		take(k, first_worker + i * g->nrequest_worker, g->nrequest_worker, 0, &operations);
	for (uint32_t i = 0; i < g->nacceptor; i++) {
		uint32_t acceptor = (k->next_acceptor + i) % g->nacceptor;
		taken += take(k, acceptor * g->nrequest_acceptor, g->nrequest_acceptor, taken == 0, &operations);
	}
	k->next_acceptor = (k->next_acceptor + 1) % g->nacceptor;
}

static bool any_posted(const struct keeper *k)
{
	for (uint32_t i = 0, n = request_count(k->seg); i < n; i++)
		if (is_posted(request_slot(k->seg, i)))
			return true;
	return false;
}

bool keeper_busy(void *arg)
{
	struct keeper *k = arg;

	if (k->blocked_until_ns > clock_boot_ns())
		return false;
	if (store_next_token_us(k->store) != INT64_MAX)
		store_clock(k->store, clock_wall_us());
	return any_posted(k) || k->clock_set || k->any_abandoned || keeper_can_tell(k) || k->due_more || k->retain_more || k->sweep_more || store_has_spread(k->store) || store_has_lines(k->store) || keeper_wanted(k) || keeper_remote_wanted(k) ||
		k->lease_more || store_next_lease_ms(k->store) <= keeper_boot_ms() || store_next_due_ms(k->store) <= clock_wall_ms() ||
		store_has_unread(k->store) || keeper_schedules_patience(k) == 0;
}

/* --- one transaction --- */

/* A successor's first batches: a request whose token is stored was committed by the keeper that died; its results stand. */
static enum store_rc apply_or_recognize(struct keeper *k, struct shm_request *r)
{
	uint32_t index = (uint32_t)(r - request_slot(k->seg, 0));
	bool seen = false;

	k->applied[index] = true;
	if (k->check_tokens) {
		enum store_rc rc = store_token_seen(k->store, index, r->seq, &seen);
		if (rc != STORE_OK)
			return rc;
	}
	if (seen)
		return STORE_OK;
	enum store_rc rc = keeper_apply(k, r, STORE_OK);
	return rc == STORE_OK ? store_token_put(k->store, index, r->seq) : rc;
}

/* What retention may take out with this batch: more than the batch adds to what has ended, or the store would grow for as long as the load lasts. */
static unsigned purges(const struct keeper *k)
{
	unsigned ended = 0;

	for (size_t i = 0; i < k->told.n && ended < KEEPER_CLAIMS; i++)
		ended += job_state_final(k->told.v[i].job.state);
	return KEEPER_PURGE + ended;
}

static enum store_rc apply_time(struct keeper *k)
{
	enum store_rc rc = keeper_end_abandoned(k);

	if (rc == STORE_OK)
		rc = store_due(k->store, keeper_paced(k, KEEPER_SLICE), &k->due_more);
	if (rc == STORE_OK)
		rc = store_expire_leases(k->store, keeper_boot_ms(), keeper_paced(k, KEEPER_SLICE), &k->lease_more);
	if (rc == STORE_OK)
		rc = store_spread(k->store, keeper_paced(k, KEEPER_SPREAD));
	if (rc == STORE_OK)
		rc = store_lines(k->store, keeper_paced(k, KEEPER_LINES));
	if (rc == STORE_OK)
		rc = keeper_tick_schedules(k);
	if (rc == STORE_OK && (k->ticked || k->retain_more))
		rc = store_retain(k->store, keeper_paced(k, purges(k)), &k->retain_more);
	if (rc == STORE_OK)
		rc = keeper_drop_strays(k);
	if (rc == STORE_OK)
		rc = store_sweep(k->store, keeper_paced(k, KEEPER_SWEEP), &k->sweep_more);
	return rc;
}

/* For workers of ours and for remote ones, who share the limits of queues: in turn one goes first. */
static enum store_rc claim(struct keeper *k)
{
	bool remote_first = k->batches++ % 2;
	enum store_rc rc = remote_first ? keeper_remote_claim(k) : keeper_claim(k);

	if (rc != STORE_OK)
		return rc;
	return remote_first ? keeper_claim(k) : keeper_remote_claim(k);
}

static enum store_rc apply(struct keeper *k, uint32_t from, uint32_t n, enum keeper_batch what)
{
	enum store_rc rc = STORE_OK;
	bool more;

	for (uint32_t i = from; rc == STORE_OK && i < from + n; i++)
		rc = apply_or_recognize(k, k->posted[i]);
	if (rc == STORE_OK && what == KEEPER_ALL)
		rc = apply_time(k);
	if (rc == STORE_OK && what == KEEPER_ALL && k->check_tokens)
		rc = keeper_grant_again(k);
	if (rc == STORE_OK && what == KEEPER_ALL && k->check_tokens)
		keeper_remote_again(k);
	if (rc == STORE_OK && what == KEEPER_ALL)
		rc = claim(k);
	if (rc == STORE_OK && what == KEEPER_TOUCH)
		rc = store_touch(k->store);
	if (rc == STORE_OK && what == KEEPER_ROOM)
		rc = keeper_drop_strays(k);
	if (rc == STORE_OK && what == KEEPER_ROOM)
		rc = store_retain(k->store, keeper_paced(k, KEEPER_PURGE), &more);
	if (rc == STORE_OK && what == KEEPER_ROOM)
		rc = store_sweep(k->store, keeper_paced(k, KEEPER_SWEEP), &more);
	return rc;
}

/* Says once of each job that it is passed over. */
static void tell_held(struct keeper *k)
{
	char id[UUID_TEXT_BYTES];
	struct job_id last;
	size_t n = store_held(k->store, &last);

	if (n == k->held)
		return;
	k->held = n;
	uuid_format(last.b, id);
	log_error("the store in %s is damaged: job %s cannot be read and is passed over (%zu such jobs); the others go on", k->conf->store.path, id, n);
}

enum store_rc keeper_transaction(struct keeper *k, uint32_t from, uint32_t n, enum keeper_batch what)
{
	int64_t began = 0;
	int64_t now_us = clock_wall_us();
	size_t cancels = k->ncancel;
	enum store_rc rc = store_begin(k->store, now_us);

	k->batch_ms = now_us / 1000;
	k->told.n = 0;
	k->failed_op = KEEPER_NO_OP;
	k->bulk = (struct store_bulk_limit){ KEEPER_BULK_LOOKS, KEEPER_BULK_ROWS };
	memset(k->applied, 0, request_count(k->seg) * sizeof(*k->applied));
	if (rc != STORE_OK)
		return rc == STORE_IO ? STORE_BUSY : rc;        /* nothing was tried; only a new environment helps */
	rc = apply(k, from, n, what);
	if (rc == STORE_OK) {
		began = clock_boot_ns();
		rc = store_commit(k->store);
	} else {
		store_abort(k->store);
	}
	keeper_remote_settle(k, rc == STORE_OK);
	if (rc == STORE_OK)
		keeper_remote_publish(k);
	tell_held(k);
	if (rc == STORE_OK && (what == KEEPER_ALL || what == KEEPER_ROOM))
		k->nstray = 0;
	if (rc == STORE_OK) {
		keeper_tell(k, store_changed(k->store) ? clock_boot_ns() - began : 0);
	} else {
		keeper_forget_grants(k, cancels);
		keeper_schedules_forget(k);
	}
	k->told.n = 0;
	return rc;
}

void keeper_publish(struct keeper *k, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++) {
		shm_count(k->me, SHM_C_OPERATIONS, k->posted[i]->nops);
		request_publish(k->seg, k->posted[i]);
	}
	for (uint32_t i = from; i < from + n; i++)
		if (i == from || request_owner(k->seg, k->posted[i]) != request_owner(k->seg, k->posted[i - 1]))
			segment_ring(k->seg, request_owner(k->seg, k->posted[i]));
}

static void ring_everybody(struct keeper *k)
{
	for (uint32_t slot = 0; slot < k->seg->geo.nproc; slot++)
		segment_ring(k->seg, slot);
}

void keeper_work(struct keeper *k)
{
	collect(k);
	if (k->nposted == 0 && !k->ticked && !k->check_tokens && !keeper_busy(k))
		return;
	if (keeper_look_due(k))
		keeper_look(k);
	enum store_rc rc = keeper_transaction(k, 0, k->nposted, KEEPER_ALL);
	if (rc != STORE_OK) {
		keeper_failed(k, rc);
		return;
	}
	keeper_unblock(k);
	keeper_publish(k, 0, k->nposted);
	keeper_tell_cancels(k);
	keeper_publish_grants(k);
	keeper_free_slots(k);
	k->ticked = k->clock_set = false;
	if (k->check_tokens && !k->left) {
		k->check_tokens = false;        /* all that an earlier keeper can have committed is answered */
		ring_everybody(k);
	}
}
