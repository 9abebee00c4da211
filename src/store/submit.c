/* A new job: its id, its record, its place in an index. */
#include "store/embedded.h"

#include "job/order.h"
#include "text/uuid.h"

_Static_assert(sizeof(struct job_id) == UUID_BYTES, "a job's id is a UUID");

#define INLINE_ROW 1900u                /* a spec up to this stays in one row with its payload */

static enum store_rc next_id(struct store *s, struct job_id *out)
{
	uint8_t rnd[10];

	if (!s->random(rnd, sizeof(rnd)))
		return STORE_IO;
	uuid7_next(s->head.last_id.b, s->now_ms, rnd, out->b);
	s->head.last_id = *out;
	return STORE_OK;
}

/* An inline payload that would make the row spill over goes to blob rows of its own. */
enum store_rc spec_put(struct store *s, struct job_id id, const struct job_spec *spec, const uint8_t *bytes, size_t n)
{
	struct job_spec lean = *spec;
	bool split;

	lean.depends = NULL;            /* they have rows of their own */
	n -= spec->depends ? spec->ndepends * sizeof(id) : 0;
	split = n > INLINE_ROW && spec->payload_blob == 0 && spec->payload.n > 0;
	if (!split && !spec->depends)
		return row_put(s, KV_SPEC, id_key(&id), (struct kv_bytes){ bytes, n });
	if (split)
		TRY(blob_put(s, spec->payload, &lean.payload_blob));
	size_t m = record_spec_encode(&lean, s->scratch, sizeof(s->scratch));
	return m ? row_put(s, KV_SPEC, id_key(&id), (struct kv_bytes){ s->scratch, m }) : STORE_INVALID;
}

uint64_t waiting_jobs(const struct store_tally *t)
{
	const uint64_t *n = t->state;

	return n[JOB_SCHEDULED] + n[JOB_WAITING] + n[JOB_QUEUED] + n[JOB_RETRYING];
}

bool time_sane(int64_t ms)
{
	return ms >= 0 && ms <= TIME_MAX_MS;
}

/* A queue that is not known yet has nothing that waits. */
static bool queue_full(struct store *s, struct job_text name)
{
	const struct turn_named *q = turn_queue(s->turn, name, false);

	return q && q->limit.rule.max_queued && waiting_jobs(&q->tally) >= q->limit.rule.max_queued;
}

static enum store_rc submit(struct store *s, const struct job_spec *spec, const uint8_t *bytes, size_t n, struct job *out)
{
	struct turn_lane *l;
	enum store_rc rc;
	bool later = spec->run_at_ms > s->now_ms, keyed = spec->idempotency_key.n || spec->unique_key.n;
	uint64_t old_key = 0;
	struct depends parents = { .open = 0 };

	if (!time_sane(spec->run_at_ms) || !time_sane(spec->expires_at_ms))
		return STORE_INVALID;
	if (keyed)
		TRY(keys_check(s, spec, out, &old_key));
	if (s->max_queued && waiting_jobs(&s->totals) >= s->max_queued)
		return STORE_QUEUE_FULL;
	if (queue_full(s, spec->queue))
		return STORE_QUEUE_LIMIT;
	if (spec->ndepends) {
		rc = depends_check(s, spec, &parents);
		if (rc != STORE_OK) {
			*out = (struct job){ .id = parents.bad, .state = parents.bad_state };
			return rc;
		}
	}
	if (spec->payload_blob)
		TRY(stage_own(s, spec->payload_blob, spec->payload_len));
	l = lane_make(s, spec->queue, spec->type, TURN_PLAIN, &rc);
	if (!l)
		return rc;
	memset(out, 0, sizeof(*out));
	TRY(next_id(s, &out->id));
	out->priority = spec->priority;
	out->lane = l->id;
	out->created_ms = s->now_ms;
	out->run_at_ms = spec->run_at_ms;
	out->expires_at_ms = spec->expires_at_ms;
	out->max_retries = spec->max_retries;
	out->exit_code = -1;
	out->progress_pct = -1;
	unique_hash(spec, out->unique);
	keyed_hash(spec, out);
	out->queued_ms = later ? spec->run_at_ms : s->order_ms;
	out->queued_us = later ? spec->run_at_ms * 1000 : s->now_us;
	out->sortkey = order_key(out->queued_ms, spec->priority, spec->aging_ms);
	enum job_event event = parents.open ? JOB_EV_SUBMIT_WAITING : later ? JOB_EV_SUBMIT_LATER : JOB_EV_SUBMIT_NOW;
	TRY(job_event(s, out, event, JOB_OUTCOME_NONE));
	if (!parents.open)
		TRY(later ? due_put(s, out) : ready_put(s, out));
	if (spec->ndepends) {
		TRY(depends_put(s, out, spec, parents.open));
		TRY(note_put(s, out, s->now_us, event, (struct job_text){ NULL, 0 }));
	}
	TRY(spec_put(s, out->id, spec, bytes, n));
	if (keyed)
		TRY(keys_put(s, spec, out, old_key));
	return job_save(s, out);
}

enum store_rc store_submit(struct store *s, const struct job_spec *spec, const uint8_t *bytes, size_t n, struct job *out)
{
	return settled(s, submit(s, spec, bytes, n, out));
}
