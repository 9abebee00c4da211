/* The operations of a request, each with a result of its own, inside the keeper's batch. Called by keeper_batch.c. Nothing here is fatal.
 * What an asker wrote is copied before it is looked at; payloads and texts are bounded by what was found then. */
#include "process/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "os/log.h"

typedef enum store_rc (*apply_fn)(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out);

/* Staged bytes whose operation was refused belong to nobody now. Returns the refusal, or what spoilt the batch. */
static enum store_rc refuse(struct keeper *k, const struct store_owner *from, uint64_t blob, enum store_rc why)
{
	if (blob == 0 || store_spoilt(k->store))
		return why;
	enum store_rc rc = store_unstage(k->store, from->slot, from->incarnation, blob);
	return store_spoilt(k->store) ? rc : why;
}

/* There is no room for new jobs; one that is there already can still be told. */
static enum store_rc without_room(struct keeper *k, enum store_rc why, const struct job_spec *spec, struct job *out)
{
	enum store_rc rc = STORE_NOT_FOUND;

	if (spec->idempotency_key.n || spec->unique_key.n)
		rc = store_submit_known(k->store, spec, out);
	return rc == STORE_NOT_FOUND ? why : rc;
}

static enum store_rc apply_submit(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct job_spec spec;
	struct job j;

	if (record_spec_decode(body.p, body.n, &spec) != RECORD_OK)
		return STORE_INVALID;
	enum store_rc rc = keeper_room_for(k, body.n, true);
	rc = rc == STORE_OK ? store_submit(k->store, &spec, (const uint8_t *)body.p, body.n, &j) : without_room(k, rc, &spec, &j);
	bool there = rc == STORE_REPLAYED || rc == STORE_LIVE;
	if (rc == STORE_PARENT) {
		out->id = j.id;
		out->state = j.state;
	}
	if (rc != STORE_OK)
		rc = refuse(k, from, spec.payload_blob, rc);
	if (rc != STORE_OK && !there)
		return rc;
	out->id = j.id;
	out->state = j.state;
	out->at_ms = j.created_ms;
	out->run_at_ms = j.run_at_ms;
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

/* Cuts off the name; false: malformed. */
static bool take_schedule(struct job_text *body, struct job_text *name)
{
	struct request_schedule m;
	struct job_text head;

	if (!take(body, sizeof(m), &head))
		return false;
	memcpy(&m, head.p, sizeof(m));
	return take(body, m.name_len, name);
}

static enum store_rc apply_schedule(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct job_text name;

	if (!take_schedule(&body, &name))
		return STORE_INVALID;
	enum store_rc rc = apply_submit(k, from, body, out);
	return rc == STORE_OK ? keeper_schedule_ran(k, name, out->id) : rc;
}

static enum store_rc apply_finish(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct request_finish m;
	struct job_text head;
	struct job j;

	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	memcpy(&m, head.p, sizeof(m));
	struct store_finish f = {
		.id = m.id, .token = m.token, .outcome = (enum job_outcome)m.outcome, .exit_code = m.exit_code, .term_signal = m.term_signal,
		.no_retry = m.flags & REQUEST_FINISH_NO_RETRY, .result_cut = m.flags & REQUEST_FINISH_RESULT_CUT, .result_json = m.flags & REQUEST_FINISH_RESULT_JSON,
		.started_ms = m.started_ms, .duration_us = m.duration_us, .cpu_us = m.cpu_us, .max_rss_kb = m.max_rss_kb, .retry_in_ms = m.retry_in_ms,
		.result_blob = m.result_blob, .result_len = m.result_len, .log_blob = m.log_blob, .log_len = m.log_len,
	};
	struct store_ended then = { .state = JOB_NONE };
	bool remote = m.flags & REQUEST_FINISH_REMOTE;
	enum store_rc rc = STORE_INVALID;
	if (take(&body, m.result_blob ? 0 : m.result_len, &f.result) && take(&body, m.error_len, &f.error) && take(&body, m.log_blob ? 0 : m.log_len, &f.log))
		rc = remote ? store_finish_remote(k->store, &f, &then) : store_finish(k->store, &f, &j);
	if (rc == STORE_OK && !remote)
		then = (struct store_ended){ j.state, j.run_at_ms };
	out->id = m.id;
	out->state = then.state;
	out->run_at_ms = then.run_at_ms;
	return rc == STORE_OK ? rc : refuse(k, from, m.log_blob, refuse(k, from, m.result_blob, rc));
}

static enum store_rc apply_extend(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct request_extend m;

	(void)from;
	if (body.n != sizeof(m))
		return STORE_INVALID;
	memcpy(&m, body.p, sizeof(m));
	return store_extend(k->store, m.id, m.token, m.by_ms, keeper_boot_ms(), &out->at_ms);
}

static enum store_rc apply_claim(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	(void)out;
	return keeper_remote_take(k, from->slot, body);
}

static enum store_rc apply_stage(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	bool submits = atomic_load_explicit(&k->seg->proc[from->slot].role, memory_order_relaxed) == SHM_ROLE_ACCEPTOR;
	struct request_stage m;
	struct job_text head;

	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	memcpy(&m, head.p, sizeof(m));
	enum store_rc rc = keeper_room_for(k, body.n, submits);
	if (rc != STORE_OK)
		return refuse(k, from, m.blob, rc);
	rc = store_stage(k->store, from->slot, from->incarnation, m.blob, m.offset, body, &out->blob);
	return rc == STORE_OK ? rc : refuse(k, from, m.blob, rc);
}

static enum store_rc apply_progress(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct request_progress m;
	struct job_text head, message;

	(void)from;
	(void)out;
	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	memcpy(&m, head.p, sizeof(m));
	if (!take(&body, m.message_len, &message))
		return STORE_INVALID;
	return store_progress(k->store, m.id, m.token, m.percent, message);
}

static enum store_rc apply_act(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct request_act m;
	struct job_text head;
	struct job j;

	(void)from;
	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	memcpy(&m, head.p, sizeof(m));
	enum store_rc rc = store_act(k->store, m.id, (enum store_act)m.act, &j);
	if (rc == STORE_OK) {
		out->id = j.id;
		out->state = j.state;
		out->run_at_ms = j.run_at_ms;
		out->at_ms = j.updated_ms;
		out->act.attempts = j.attempts;
		out->act.retries = j.retry_count;
		if (j.cancel_asked && j.state == JOB_RUNNING)
			keeper_cancel(k, &j);
	}
	return rc;
}

static enum store_rc apply_queue(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct request_queue m;
	struct job_text head, name;

	(void)from;
	(void)out;
	if (!take(&body, sizeof(m), &head))
		return STORE_INVALID;
	memcpy(&m, head.p, sizeof(m));
	if (!take(&body, m.name_len, &name))
		return STORE_INVALID;
	if (m.act != REQUEST_QUEUE_PAUSE && m.act != REQUEST_QUEUE_RESUME)
		return STORE_INVALID;
	return store_pause(k->store, name, m.act == REQUEST_QUEUE_PAUSE);
}

static const apply_fn operations[] = {
	[REQUEST_SUBMIT] = apply_submit, [REQUEST_FINISH] = apply_finish, [REQUEST_STAGE] = apply_stage, [REQUEST_PROGRESS] = apply_progress,
	[REQUEST_ACT] = apply_act, [REQUEST_BULK] = keeper_bulk, [REQUEST_QUEUE] = apply_queue,
	[REQUEST_CLAIM] = apply_claim, [REQUEST_EXTEND] = apply_extend, [REQUEST_IMPORT] = keeper_import,
	[REQUEST_SCHEDULE] = apply_schedule,
};

static enum store_rc apply_one(struct keeper *k, const struct store_owner *from, const struct request_head *head, struct job_text body, struct request_result *out)
{
	if (head->op >= sizeof(operations) / sizeof(operations[0]) || !operations[head->op])
		return STORE_INVALID;
	return operations[head->op](k, from, body, out);
}

/* The staged bytes that an operation names. Its refusal outside of a transaction cannot drop them. */
static uint64_t staged_by(const struct request_head *head, struct job_text body)
{
	struct request_stage m;
	struct request_import i;
	struct job_spec spec;
	struct job_text name;

	if ((head->op == REQUEST_SUBMIT || (head->op == REQUEST_SCHEDULE && take_schedule(&body, &name))) && record_spec_decode(body.p, body.n, &spec) == RECORD_OK)
		return spec.payload_blob;
	if (head->op == REQUEST_IMPORT && body.n >= sizeof(i)) {
		memcpy(&i, body.p, sizeof(i));
		return i.blob;
	}
	if (head->op != REQUEST_STAGE || body.n < sizeof(m))
		return 0;
	memcpy(&m, body.p, sizeof(m));
	return m.blob;
}

/* Where memory is out they stay until their process ends. */
void keeper_add_stray(struct keeper *k, const struct store_owner *owner, uint64_t blob)
{
	if (blob == 0)
		return;
	if (k->nstray == k->cap_stray) {
		size_t cap = k->cap_stray ? 2 * k->cap_stray : 64;
		struct keeper_stray *v = realloc(k->stray, cap * sizeof(*v));
		if (!v)
			return;
		k->stray = v;
		k->cap_stray = cap;
	}
	k->stray[k->nstray++] = (struct keeper_stray){ *owner, blob };
}

enum store_rc keeper_drop_strays(struct keeper *k)
{
	for (size_t i = 0; i < k->nstray; i++) {
		enum store_rc rc = store_unstage(k->store, k->stray[i].owner.slot, k->stray[i].owner.incarnation, k->stray[i].blob);
		if (store_spoilt(k->store))
			return rc;
	}
	return STORE_OK;
}

/* One operation with one result. */
static enum store_rc apply_or_refuse(struct keeper *k, const struct store_owner *from, const struct request_head *head, struct job_text body, enum store_rc refused, struct request_result *out, uint32_t *made)
{
	struct request_result one = { .tag = head->tag };
	enum store_rc rc = refused;

	if (rc == STORE_OK)
		rc = apply_one(k, from, head, body, &one);
	else
		keeper_add_stray(k, from, staged_by(head, body));
	one.rc = (int32_t)rc;
	*out = one;
	*made = 1;
	return rc;
}

enum store_rc keeper_apply(struct keeper *k, struct shm_request *r, enum store_rc refused)
{
	uint32_t slot = request_owner(k->seg, r), at = 0, n = 0, made, capacity;
	struct store_owner from = { .slot = slot, .incarnation = atomic_load_explicit(&k->seg->proc[slot].incarnation, memory_order_relaxed) };
	struct request_result *result = request_results(k->seg, r, &capacity);
	static char room[REQUEST_BYTES_MAX];    /* for one operation's body at a time */
	struct request_head head;
	struct job_text body;
	int more = 0;

	for (; n < capacity && (more = request_next(k->seg, r, &at, &head, room, &body)) == 1; n += made) {
		enum store_rc rc = refused != STORE_OK ? refused : (enum store_rc)k->skip[n];
		if (head.op == REQUEST_GROUP)
			rc = keeper_group(k, &from, body, rc, &result[n], capacity - n, &made);
		else
			rc = apply_or_refuse(k, &from, &head, body, rc, &result[n], &made);
		if (refused == STORE_OK && store_spoilt(k->store)) {
			k->failed_op = n;
			return rc;
		}
		if (made == 0) {
			more = -1;
			break;
		}
	}
	if (more < 0)
		log_error("slot %u: a malformed request was cut off after %u operations", slot, n);
	r->nops = n;
	return STORE_OK;
}
