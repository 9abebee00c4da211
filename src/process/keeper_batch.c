/* One batch of the keeper: takes every request that lies there, applies all in one transaction (finishes, submissions, due jobs, claims), commits, answers.
 * Results are written before the commit and the token in it, so that a successor can answer what was committed; see doc/architecture.md. */
#include "process/keeper.h"

#include <inttypes.h>
#include <string.h>

#include "os/clock.h"
#include "os/files.h"
#include "os/log.h"

#define PAUSE_NS 200000000LL            /* between tries of a store that cannot be written */
#define FULL_PERCENT 85                 /* of the map: submissions are refused beyond, the rest is reserve */
#define TINY_DISK (16LL << 20)          /* an I/O error with less than this free is a full disk */
#define USAGE_TICKS 10

/* --- operations --- */

typedef enum store_rc (*apply_fn)(struct keeper *k, const struct shm_request *r, struct job_text body, struct request_result *out);

static enum store_rc apply_submit(struct keeper *k, const struct shm_request *r, struct job_text body, struct request_result *out)
{
	struct job_spec spec;
	struct job j;

	(void)r;
	if (record_spec_decode(body.p, body.n, &spec) != RECORD_OK)
		return STORE_INVALID;
	if (k->refusing)
		return STORE_NO_SPACE;
	enum store_rc rc = store_submit(k->store, &spec, (const uint8_t *)body.p, body.n, &j);
	if (rc == STORE_OK) {
		out->id = j.id;
		out->state = j.state;
		out->at_ms = j.created_ms;
		out->run_at_ms = j.run_at_ms;
	}
	return rc;
}

/* The n bytes after what was taken so far; false where there are not so many. */
static bool take(struct job_text *from, uint64_t n, struct job_text *out)
{
	if (n > from->n)
		return false;
	*out = (struct job_text){ from->p, n };
	from->p += n;
	from->n -= n;
	return true;
}

static enum store_rc apply_finish(struct keeper *k, const struct shm_request *r, struct job_text body, struct request_result *out)
{
	struct request_finish m;
	struct job_text head;
	struct job j;

	(void)r;
	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	memcpy(&m, head.p, sizeof(m));
	struct store_finish f = {
		.id = m.id, .token = m.token, .outcome = (enum job_outcome)m.outcome, .exit_code = m.exit_code, .term_signal = m.term_signal,
		.no_retry = m.flags & REQUEST_FINISH_NO_RETRY, .result_cut = m.flags & REQUEST_FINISH_RESULT_CUT, .result_json = m.flags & REQUEST_FINISH_RESULT_JSON,
		.started_ms = m.started_ms, .duration_us = m.duration_us, .cpu_us = m.cpu_us, .max_rss_kb = m.max_rss_kb, .retry_in_ms = m.retry_in_ms,
		.result_blob = m.result_blob, .result_len = m.result_len, .log_blob = m.log_blob, .log_len = m.log_len,
	};
	if (!take(&body, m.result_blob ? 0 : m.result_len, &f.result) || !take(&body, m.error_len, &f.error) || !take(&body, m.log_blob ? 0 : m.log_len, &f.log))
		return STORE_INVALID;
	enum store_rc rc = store_finish(k->store, &f, &j);
	if (rc == STORE_OK) {
		out->id = j.id;
		out->state = j.state;
		out->run_at_ms = j.run_at_ms;
	}
	return rc;
}

static enum store_rc apply_stage(struct keeper *k, const struct shm_request *r, struct job_text body, struct request_result *out)
{
	uint32_t incarnation = atomic_load_explicit(&k->seg->proc[request_owner(k->seg, r)].incarnation, memory_order_relaxed);
	bool submits = atomic_load_explicit(&k->seg->proc[request_owner(k->seg, r)].role, memory_order_relaxed) == SHM_ROLE_ACCEPTOR;
	struct request_stage m;
	struct job_text head;

	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	if (submits && k->refusing)
		return STORE_NO_SPACE;
	memcpy(&m, head.p, sizeof(m));
	return store_stage(k->store, request_owner(k->seg, r), incarnation, m.blob, m.offset, body, &out->blob);
}

static enum store_rc apply_progress(struct keeper *k, const struct shm_request *r, struct job_text body, struct request_result *out)
{
	struct request_progress m;
	struct job_text head, message;

	(void)r;
	(void)out;
	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	memcpy(&m, head.p, sizeof(m));
	if (!take(&body, m.message_len, &message))
		return STORE_INVALID;
	return store_progress(k->store, m.id, m.token, m.percent, message);
}

static enum store_rc apply_act(struct keeper *k, const struct shm_request *r, struct job_text body, struct request_result *out)
{
	struct request_act m;
	struct job_text head;
	struct job j;

	(void)r;
	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	memcpy(&m, head.p, sizeof(m));
	enum store_rc rc = store_act(k->store, m.id, (enum store_act)m.act, &j);
	if (rc == STORE_OK) {
		out->id = j.id;
		out->state = j.state;
		out->run_at_ms = j.run_at_ms;
		if (j.cancel_asked && j.state == JOB_RUNNING)
			keeper_cancel(k, &j);
	}
	return rc;
}

static const apply_fn operations[] = {
	[REQUEST_SUBMIT] = apply_submit, [REQUEST_FINISH] = apply_finish, [REQUEST_STAGE] = apply_stage, [REQUEST_PROGRESS] = apply_progress,
	[REQUEST_ACT] = apply_act,
};

/* Whether the batch is spoilt by it: see store.h. */
static bool spoils(enum store_rc rc)
{
	return rc == STORE_IO || rc == STORE_NO_MEMORY || rc == STORE_DAMAGED || rc == STORE_NO_SPACE;
}

/* Applies one request's operations, each with a result of its own. `refused` not STORE_OK: nothing is applied, every operation gets this answer. */
static enum store_rc apply_request(struct keeper *k, struct shm_request *r, enum store_rc refused)
{
	struct request_head head;
	struct job_text body;
	uint32_t at = 0, n = 0, capacity;
	struct request_result *result = request_results(k->seg, r, &capacity);
	int more = 0;

	while (n < capacity && (more = request_next(k->seg, r, &at, &head, &body)) == 1) {
		struct request_result one = { .tag = head.tag, .rc = (int32_t)refused };
		bool known = head.op < sizeof(operations) / sizeof(operations[0]) && operations[head.op];
		if (refused == STORE_OK) {
			bool room = !k->refusing;
			one.rc = (int32_t)(known ? operations[head.op](k, r, body, &one) : STORE_INVALID);
			/* our own refusal for want of room has written nothing; the store's has */
			if (spoils((enum store_rc)one.rc) && !(one.rc == STORE_NO_SPACE && !room && (head.op == REQUEST_SUBMIT || head.op == REQUEST_STAGE)))
				return (enum store_rc)one.rc;
		}
		result[n++] = one;
	}
	if (more < 0)
		log_error("slot %u: a malformed request was cut off after %u operations", request_owner(k->seg, r), n);
	r->nops = n;
	return STORE_OK;
}

/* --- what lies there --- */

static bool is_worker(const struct keeper *k, const struct shm_request *r)
{
	return request_owner(k->seg, r) >= segment_worker_slot(k->seg, 0);
}

/* Every POSTED request, workers' before acceptors': finishing and its claims come before new work. */
static uint32_t collect(struct keeper *k)
{
	uint32_t n = request_count(k->seg), found = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < n; i++) {
			struct shm_request *r = request_slot(k->seg, i);
			if (is_worker(k, r) != (pass == 0))
				continue;
			if (atomic_load_explicit(&r->state, memory_order_acquire) == SHM_REQUEST_POSTED)
				k->posted[found++] = r;
		}
	}
	return found;
}

static bool any_posted(const struct keeper *k)
{
	for (uint32_t i = 0, n = request_count(k->seg); i < n; i++)
		if (atomic_load_explicit(&request_slot(k->seg, i)->state, memory_order_acquire) == SHM_REQUEST_POSTED)
			return true;
	return false;
}

bool keeper_busy(void *arg)
{
	struct keeper *k = arg;

	if (k->blocked_until_ns > clock_boot_ns())
		return false;
	return any_posted(k) || k->any_abandoned || keeper_can_tell(k) || k->due_more || k->retain_more || keeper_wanted(k) || store_next_due_ms(k->store) <= clock_wall_ms();
}

/* --- slots of processes that are gone --- */

static bool was_started(void *arg, uint64_t token)
{
	const struct { const struct shm_run *run; uint32_t n; } *table = arg;

	for (uint32_t i = 0; table->run && i < table->n; i++)
		if (table->run[i].token == token)
			return atomic_load_explicit(&table->run[i].state, memory_order_acquire) == SHM_RUN_STARTED;
	return false;
}

/* Ends the leases and the staged bytes of the abandoned slots; k->done[slot] where nothing is left. */
static enum store_rc end_abandoned(struct keeper *k)
{
	for (uint32_t slot = 2; slot < k->seg->geo.nproc; slot++) {
		if (!k->abandoned[slot])
			continue;
		struct { const struct shm_run *run; uint32_t n; } table = { segment_runs(k->seg, slot), k->seg->geo.run_capacity };
		uint32_t incarnation = atomic_load_explicit(&k->seg->proc[slot].incarnation, memory_order_relaxed);
		bool more_leases, more_stage;
		enum store_rc rc = store_abandon(k->store, slot, incarnation, was_started, &table, KEEPER_SLICE, &more_leases);
		if (rc == STORE_OK)
			rc = store_stage_drop(k->store, slot, incarnation, KEEPER_SLICE, &more_stage);
		if (rc != STORE_OK)
			return rc;
		k->done[slot] = !more_leases && !more_stage;
	}
	return STORE_OK;
}

void keeper_take_slot_back(struct keeper *k, uint32_t slot)
{
	struct shm_run *run = segment_runs(k->seg, slot);

	for (uint32_t i = 0; i < request_count(k->seg); i++) {
		struct shm_request *r = request_slot(k->seg, i);
		if (request_owner(k->seg, r) == slot)
			atomic_store_explicit(&r->state, SHM_REQUEST_FREE, memory_order_release);
	}
	for (uint32_t i = 0; run && i < k->seg->geo.run_capacity; i++)
		atomic_store_explicit(&run[i].state, SHM_RUN_FREE, memory_order_relaxed);
	atomic_store_explicit(&k->seg->proc[slot].want, 0, memory_order_relaxed);
	atomic_store_explicit(&k->seg->proc[slot].running, 0, memory_order_relaxed);
	k->worker[slot].alone_seq = 0;
	k->worker[slot].reserved = false;
	k->abandoned[slot] = false;
	atomic_store_explicit(&k->seg->proc[slot].state, SHM_PROC_FREE, memory_order_release);
	child_say(k->p, CHILD_SLOT_FREE, slot);
}

static void free_done_slots(struct keeper *k)
{
	k->any_abandoned = false;
	for (uint32_t slot = 2; slot < k->seg->geo.nproc; slot++) {
		if (k->abandoned[slot] && k->done[slot])
			keeper_take_slot_back(k, slot);
		k->any_abandoned |= k->abandoned[slot];
	}
}

/* --- one transaction --- */

/* A successor's first batch: a request whose token is stored was committed by the keeper that died; its results stand. */
static enum store_rc apply_or_recognize(struct keeper *k, struct shm_request *r)
{
	uint32_t index = (uint32_t)(r - request_slot(k->seg, 0));
	bool seen = false;

	if (k->check_tokens) {
		enum store_rc rc = store_token_seen(k->store, index, r->seq, &seen);
		if (rc != STORE_OK)
			return rc;
	}
	if (seen)
		return STORE_OK;
	enum store_rc rc = apply_request(k, r, STORE_OK);
	return rc == STORE_OK ? store_token_put(k->store, index, r->seq) : rc;
}

static enum store_rc apply_time(struct keeper *k)
{
	enum store_rc rc = end_abandoned(k);

	if (rc == STORE_OK)
		rc = store_due(k->store, KEEPER_SLICE, &k->due_more);
	if (rc == STORE_OK && (k->ticked || k->retain_more))
		rc = store_retain(k->store, KEEPER_PURGE, &k->retain_more);
	return rc;
}

/* Applies requests [from, from + n) and, where `all`, what time brings and the claims. Commits. */
static enum store_rc transaction(struct keeper *k, uint32_t from, uint32_t n, bool all)
{
	int64_t began = 0;
	enum store_rc rc = store_begin(k->store, clock_wall_us());

	k->told.n = 0;
	if (rc != STORE_OK)
		return rc;
	for (uint32_t i = from; rc == STORE_OK && i < from + n; i++)
		rc = apply_or_recognize(k, k->posted[i]);
	if (rc == STORE_OK && all)
		rc = apply_time(k);
	if (rc == STORE_OK && all && k->check_tokens)
		rc = keeper_grant_again(k);
	if (rc == STORE_OK && all)
		rc = keeper_claim(k);
	if (rc == STORE_OK) {
		began = clock_boot_ns();
		rc = store_commit(k->store);
	} else {
		store_abort(k->store);
	}
	if (rc == STORE_OK)
		keeper_tell(k, n || k->told.n ? clock_boot_ns() - began : 0);    /* a look at the clock that found nothing is no commit */
	else
		keeper_forget_grants(k);
	k->told.n = 0;
	return rc;
}

static void publish(struct keeper *k, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++) {
		shm_count(k->me, SHM_C_OPERATIONS, k->posted[i]->nops);
		request_publish(k->seg, k->posted[i]);
	}
	for (uint32_t i = from; i < from + n; i++)
		if (i == from || request_owner(k->seg, k->posted[i]) != request_owner(k->seg, k->posted[i - 1]))
			segment_ring(k->seg, request_owner(k->seg, k->posted[i]));
}

/* --- when it cannot be written --- */

/* An I/O error with next to no room on the disk is a full disk: LMDB says EIO for a short write. Any other leaves the outcome unknown. */
static enum store_rc judge(struct keeper *k, enum store_rc rc)
{
	if (rc != STORE_IO)
		return rc;
	long long left = disk_free(k->conf->store.path);
	if (left >= 0 && left < TINY_DISK)
		return STORE_NO_SPACE;
	log_error("the store in %s cannot be written (I/O error): opening it anew", k->conf->store.path);
	child_exit(k->p, 70);
}

static void block(struct keeper *k, enum store_rc rc)
{
	if (shm_counter(k->me, SHM_C_STORE_REFUSING) != 2)
		log_error("the store in %s cannot be written: %s; what is posted waits", k->conf->store.path, store_rc_text(rc));
	shm_gauge(k->me, SHM_C_STORE_REFUSING, 2);
	k->blocked_until_ns = clock_boot_ns() + PAUSE_NS;
}

static void unblock(struct keeper *k)
{
	if (shm_counter(k->me, SHM_C_STORE_REFUSING) == 2)
		log_info("the store can be written again");
	k->blocked_until_ns = 0;
	shm_gauge(k->me, SHM_C_STORE_REFUSING, k->refusing ? 1 : 0);
}

/* A batch that failed is tried request by request, so that the one at fault gets the error and the others go on. A submission that finds no room is told so; a finish waits: its job has run. */
static void one_by_one(struct keeper *k, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		enum store_rc rc = transaction(k, i, 1, false);
		rc = judge(k, rc);
		if (rc == STORE_OK) {
			publish(k, i, 1);
			continue;
		}
		shm_count(k->me, SHM_C_COMMIT_FAILURES, 1);
		if (is_worker(k, k->posted[i]) && rc != STORE_DAMAGED && rc != STORE_NO_MEMORY) {
			block(k, rc);
			continue;
		}
		log_error("a request of slot %u was refused: %s", request_owner(k->seg, k->posted[i]), store_rc_text(rc));
		if (apply_request(k, k->posted[i], rc) == STORE_OK)     /* nothing was stored, so no token is needed */
			publish(k, i, 1);
	}
}

static void after_failure(struct keeper *k, uint32_t n, enum store_rc rc)
{
	shm_count(k->me, SHM_C_COMMIT_FAILURES, 1);
	rc = judge(k, rc);
	if (rc == STORE_DAMAGED)
		log_error("the store in %s is damaged: a record could not be read; its queue and type are held back, run 'stint check'", k->conf->store.path);
	one_by_one(k, n);
	if (k->blocked_until_ns > clock_boot_ns())
		return;
	/* what time brings, and the claims, without the requests */
	rc = judge(k, transaction(k, 0, 0, true));
	if (rc != STORE_OK) {
		block(k, rc);
		return;
	}
	keeper_tell_cancels(k);
	keeper_publish_grants(k);
	free_done_slots(k);
	k->ticked = false;
}

static void ring_everybody(struct keeper *k)
{
	for (uint32_t slot = 0; slot < k->seg->geo.nproc; slot++)
		segment_ring(k->seg, slot);
}

void keeper_work(struct keeper *k)
{
	uint32_t n = collect(k);

	if (n == 0 && !k->ticked && !k->check_tokens && !keeper_busy(k))
		return;
	enum store_rc rc = transaction(k, 0, n, true);
	if (rc == STORE_OK) {
		unblock(k);
		publish(k, 0, n);
		keeper_tell_cancels(k);
		keeper_publish_grants(k);
		free_done_slots(k);
		k->ticked = false;
	} else {
		after_failure(k, n, rc);
	}
	if (k->check_tokens && rc == STORE_OK) {
		k->check_tokens = false;
		ring_everybody(k);
	}
}

void keeper_housekeep(struct keeper *k)
{
	long long left = disk_free(k->conf->store.path);
	bool was = k->refusing;
	uint64_t used, limit;

	store_housekeep(k->store);
	if (k->ticks++ % USAGE_TICKS == 0) {
		store_usage(k->store, &used, &limit);
		shm_gauge(k->me, SHM_C_STORE_USED, used);
		k->map_full = used > limit / 100 * FULL_PERCENT;
	}
	if (left >= 0)
		shm_gauge(k->me, SHM_C_STORE_FREE, (uint64_t)left);
	k->refusing = k->map_full || (left >= 0 && (uint64_t)left < k->conf->store.min_free);
	if (k->refusing != was)
		log_warn(k->refusing ? "submissions are refused: %s" : "submissions are taken again%s", k->refusing ?
			(k->map_full ? "the store is near its map_size" : "less than min_free is left on the store's disk") : "");
	if (shm_counter(k->me, SHM_C_STORE_REFUSING) != 2)
		shm_gauge(k->me, SHM_C_STORE_REFUSING, k->refusing ? 1 : 0);
}
