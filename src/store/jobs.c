/* Loading, saving and indexing one job: what every transition is made of. */
#include "store/embedded.h"

#include "job/order.h"

#define ALONE_CRASHES 2u                /* from its second crash a job runs with no neighbours */

enum store_rc job_decode(struct kv_bytes v, struct job_id id, struct job *out)
{
	if (record_job_decode(v.p, v.n, out) != RECORD_OK || memcmp(&out->id, &id, sizeof(id)) != 0)
		return STORE_DAMAGED;
	return STORE_OK;
}

enum store_rc job_load(struct store *s, struct job_id id, struct job *out)
{
	struct kv_bytes v;

	TRY(row_get(s, KV_JOB, id_key(&id), &v));
	TRY(job_decode(v, id, out));
	return turn_lane_of(s->turn, out->lane) ? STORE_OK : STORE_DAMAGED;
}

enum store_rc job_of_lease(struct store *s, struct job_id id, uint64_t token, struct job *out)
{
	enum store_rc rc = must(job_load(s, id, out));

	if (rc == STORE_DAMAGED && !s->spoilt) {
		s->totals_dirty = true;
		if (!turn_lost(s->turn, token))
			return STORE_NO_MEMORY;
	}
	return rc;
}

enum store_rc job_write(struct store *s, const struct job *j)
{
	uint8_t row[RECORD_JOB_BYTES];

	record_job_encode(j, row);
	return row_put(s, KV_JOB, id_key(&j->id), (struct kv_bytes){ row, sizeof(row) });
}

enum store_rc job_save(struct store *s, struct job *j)
{
	j->updated_ms = s->now_ms;
	return job_write(s, j);
}

enum store_rc spec_load(struct store *s, struct job_id id, struct job_spec *out)
{
	struct kv_bytes v;

	TRY(must(row_get(s, KV_SPEC, id_key(&id), &v)));
	return record_spec_decode(v.p, v.n, out) == RECORD_OK ? STORE_OK : STORE_DAMAGED;
}

enum store_rc job_event(struct store *s, struct job *j, enum job_event event, enum job_outcome outcome)
{
	struct turn_lane *l = turn_lane_of(s->turn, j->lane);
	enum job_state from = j->state;

	if (!l)
		return STORE_DAMAGED;
	if (!job_state_apply(j, event))
		return STORE_STATE;
	struct tally_set set = tally_of(s, l);
	for (int i = 0; i < 3; i++) {
		struct store_tally *t = set.t[i];
		if (from != JOB_NONE)
			t->state[from]--;
		t->state[j->state]++;
		t->submitted += from == JOB_NONE;
		t->processed += outcome != JOB_OUTCOME_NONE && outcome != JOB_OUTCOME_RELEASED;
		t->succeeded += event == JOB_EV_SUCCEED;
		t->failed += outcome == JOB_OUTCOME_FAILED || outcome == JOB_OUTCOME_TIMED_OUT;
		t->retried += event == JOB_EV_FAIL_RETRY;
		t->recovered += event == JOB_EV_GIVE_BACK && (outcome == JOB_OUTCOME_CRASHED || outcome == JOB_OUTCOME_LEASE_EXPIRED);
		t->dead += event == JOB_EV_FAIL_DEAD;
	}
	if (j->expires_at_ms)
		TRY(expiry_moved(s, j, from));
	if (event == JOB_EV_CLAIM)
		breaker_started(&l->type->limit, j->lease_token, s->now_us);
	else if (from == JOB_RUNNING)
		breaker_over(&l->type->limit, j->lease_token);
	if ((from == JOB_RUNNING) != (j->state == JOB_RUNNING) && !turn_ran(s->turn, l, event == JOB_EV_CLAIM))
		return STORE_NO_MEMORY;
	s->head.told++;
	if (s->watch) {
		struct store_change c = { .job = *j, .type = l->type->name, .queue = l->queue->name, .event = event, .outcome = outcome, .breaker = s->breaker_said };
		if (event == JOB_EV_CLAIM)
			c.queue_us = s->now_us - j->queued_us;
		s->watch(s->watch_arg, &c);
	}
	s->breaker_said = STORE_BREAKER_SILENT;
	return STORE_OK;
}

/* --- lanes --- */

bool lane_decode(struct kv_bytes key, struct kv_bytes v, struct lane_row *out)
{
	const char *p = v.p;
	uint16_t type_len;

	if (key.n != 4 || v.n < 3)
		return false;
	memcpy(&type_len, p + 1, sizeof(type_len));
	if (type_len == 0 || type_len > JOB_TYPE_MAX || 3u + type_len >= v.n || *(const uint8_t *)p > TURN_LINED)
		return false;
	*out = (struct lane_row){ key_get32(key.p), (enum turn_kind)*p, { p + 3, type_len }, { p + 3 + type_len, v.n - 3 - type_len } };
	return true;
}

static enum store_rc lane_store(struct store *s, uint32_t id, struct job_text queue, struct job_text type, enum turn_kind kind)
{
	uint8_t row[3 + JOB_TYPE_MAX + JOB_QUEUE_MAX];
	uint16_t n = (uint16_t)type.n;
	struct key k = { .n = 0 };

	row[0] = (uint8_t)kind;
	memcpy(row + 1, &n, sizeof(n));
	memcpy(row + 3, type.p, type.n);
	memcpy(row + 3 + type.n, queue.p, queue.n);
	key_u32(&k, id);
	return row_put(s, KV_LANE, key_of(&k), (struct kv_bytes){ row, 3 + type.n + queue.n });
}

struct turn_lane *lane_make(struct store *s, struct job_text queue, struct job_text type, enum turn_kind kind, enum store_rc *rc)
{
	struct turn_named *q = turn_queue(s->turn, queue, true), *y = turn_type(s->turn, type, true);
	struct turn_lane *l = q && y ? turn_lane_find(s->turn, q, y, kind) : NULL;

	*rc = STORE_NO_MEMORY;
	if (!q || !y)
		return NULL;
	if (l) {
		*rc = STORE_OK;
		return l;
	}
	*rc = lane_store(s, s->head.next_lane, queue, type, kind);
	if (*rc != STORE_OK)
		return NULL;
	l = turn_lane_add(s->turn, s->head.next_lane++, q, y, kind);
	*rc = l ? STORE_OK : STORE_NO_MEMORY;
	return l;
}

enum store_rc lane_refresh(struct store *s, struct turn_lane *l)
{
	struct kv_bytes found, v;
	struct key k = { .n = 0 };
	struct job_id id = { { 0 } };

	if (l->kind == TURN_LINED)
		return STORE_OK;
	key_u32(&k, l->id);
	for (;;) {
		enum store_rc rc = row_seek(s, KV_READY, key_of(&k), &found, &v);
		bool has = rc == STORE_OK && found.n == 28 && memcmp(found.p, k.b, 4) == 0;
		TRY(may(rc));
		if (has)
			memcpy(&id, (const uint8_t *)found.p + 12, sizeof(id));
		if (!has || !is_held(s, id))
			return turn_head(s->turn, l, has, has ? key_get64((const uint8_t *)found.p + 4) : 0, id) ? STORE_OK : STORE_NO_MEMORY;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
	}
}

enum turn_kind lane_kind(const struct job *j)
{
	return j->place == JOB_LINED ? TURN_LINED : j->crashes >= ALONE_CRASHES ? TURN_ALONE : TURN_PLAIN;
}

enum store_rc lane_put(struct store *s, struct job *j)
{
	struct turn_lane *l = turn_lane_of(s->turn, j->lane);
	enum turn_kind kind = lane_kind(j);

	if (!l)
		return STORE_DAMAGED;
	if (l->kind != kind) {
		enum store_rc rc;
		l = lane_make(s, l->queue->name, l->type->name, kind, &rc);
		if (!l)
			return rc;
		j->lane = l->id;
	}
	struct key k = key_ready(l->id, j->sortkey, &j->id);
	TRY(row_put(s, KV_READY, key_of(&k), (struct kv_bytes){ "", 0 }));
	if (kind == TURN_LINED)
		return STORE_OK;
	if (l->has && (l->key < j->sortkey || (l->key == j->sortkey && memcmp(&l->head, &j->id, sizeof(j->id)) <= 0)))
		return STORE_OK;
	return turn_head(s->turn, l, true, j->sortkey, j->id) ? STORE_OK : STORE_NO_MEMORY;
}

enum store_rc ready_put(struct store *s, struct job *j)
{
	if (job_has_line(j))
		TRY(keyed_enter(s, j));
	return lane_put(s, j);
}

enum store_rc ready_del(struct store *s, const struct job *j)
{
	struct turn_lane *l = turn_lane_of(s->turn, j->lane);
	struct key k = key_ready(j->lane, j->sortkey, &j->id);

	if (!l)
		return STORE_DAMAGED;
	TRY(must(row_del(s, KV_READY, key_of(&k))));
	if (l->has && memcmp(&l->head, &j->id, sizeof(j->id)) == 0)
		return lane_refresh(s, l);
	return STORE_OK;
}

enum store_rc due_put(struct store *s, const struct job *j)
{
	struct key k = key_due(j->run_at_ms, &j->id);

	if (j->run_at_ms < s->next_due_ms)
		s->next_due_ms = j->run_at_ms;
	return row_put(s, KV_DUE, key_of(&k), (struct kv_bytes){ "", 0 });
}

enum store_rc due_del(struct store *s, const struct job *j)
{
	struct key k = key_due(j->run_at_ms, &j->id);

	return must(row_del(s, KV_DUE, key_of(&k)));
}

enum store_rc job_take_out(struct store *s, const struct job *j)
{
	switch (j->state) {
	case JOB_QUEUED:
		return ready_del(s, j);
	case JOB_WAITING:
		return depends_forget(s, j->id);
	case JOB_SCHEDULED:
	case JOB_RETRYING:
		return due_del(s, j);
	default:
		return STORE_DAMAGED;
	}
}

enum store_rc note_put(struct store *s, const struct job *j, int64_t wall_us, enum job_event event, struct job_text detail)
{
	uint8_t row[4 + 512];
	struct key k = key_note(&j->id, wall_us, (uint8_t)event);
	size_t n = detail.n < sizeof(row) - 4 ? detail.n : sizeof(row) - 4;

	memcpy(row, &j->attempts, 4);
	if (n)
		memcpy(row + 4, detail.p, n);
	return row_put(s, KV_NOTE, key_of(&k), (struct kv_bytes){ row, 4 + n });
}

enum store_rc final_put(struct store *s, struct job *j)
{
	struct key k = key_final(j->state, j->finished_ms, &j->id);

	TRY(unique_end(s, j));
	if (job_has_line(j))
		TRY(keyed_leave(s, j));
	if (j->has_children)
		TRY(spread_put(s, j));
	return row_put(s, KV_FINAL, key_of(&k), (struct kv_bytes){ "", 0 });
}
