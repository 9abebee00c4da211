/* The check: what each job must have. Its record, its spec, a row in each index that its state demands and in no other (the others are found from their side, check_row.c), and its bytes. */
#include "store/check_impl.h"

#include <inttypes.h>

static bool waits(enum job_state s)
{
	return s == JOB_SCHEDULED || s == JOB_WAITING || s == JOB_QUEUED || s == JOB_RETRYING;
}

static bool line_key(struct check *c, const struct job *j, struct key *k)
{
	static const enum keyed_class class_of[] = { [JOB_FREE] = KEYED_HEAD, [JOB_HOLDS] = KEYED_HOLDS, [JOB_LINED] = KEYED_LINED, [JOB_RESTS] = KEYED_RESTS };
	struct lane_row lane;

	if (!job_has_line(j) || j->place == JOB_FREE || !check_lane(c, j->lane, &lane))
		return false;
	*k = key_line(check_type_number(c, lane.type), j->line, class_of[j->place], j->arrival);
	return true;
}

bool check_stands(struct check *c, const struct job *j, enum kv_table t, struct key *k)
{
	k->n = 0;
	switch (t) {
	case KV_READY:
		*k = key_ready(j->lane, j->sortkey, &j->id);
		return j->state == JOB_QUEUED;
	case KV_DUE:
		*k = key_due(j->run_at_ms, &j->id);
		return j->state == JOB_SCHEDULED || j->state == JOB_RETRYING;
	case KV_EXPIRY:
		*k = key_due(j->expires_at_ms, &j->id);
		return j->expires_at_ms && waits(j->state);
	case KV_LEASE:
		*k = key_lease(j->lease_epoch, j->worker, j->grant_seq);
		return j->state == JOB_RUNNING && j->worker != STORE_REMOTE;
	case KV_REMOTE:
		*k = key_remote(j->lease_epoch, (int64_t)j->grant_seq, j->lease_token);
		return j->state == JOB_RUNNING && j->worker == STORE_REMOTE;
	case KV_FINAL:
		*k = key_final(j->state, j->finished_ms, &j->id);
		return job_state_final(j->state);
	case KV_UNIQUE:
		key_bytes(k, j->unique, sizeof(j->unique));
		return (j->unique[0] || j->unique[1]) && !job_state_final(j->state);
	case KV_LINE:
		return line_key(c, j, k);
	case KV_WAITING:
		key_bytes(k, &j->id, sizeof(j->id));
		return j->state == JOB_WAITING;
	default:
		return false;
	}
}

/* Whether the index row says that it is this job's. */
static bool row_is_of(enum kv_table t, struct kv_bytes v, const struct job *j)
{
	struct lease_row lease;

	switch (t) {
	case KV_LEASE:
		if (v.n != sizeof(lease))
			return false;
		memcpy(&lease, v.p, sizeof(lease));
		return lease.token == j->lease_token && memcmp(&lease.id, &j->id, sizeof(j->id)) == 0;
	case KV_REMOTE:
		return v.n >= sizeof(struct remote_row) && memcmp(v.p, &j->id, sizeof(j->id)) == 0;
	case KV_UNIQUE:
	case KV_LINE:
		return v.n == sizeof(j->id) && memcmp(v.p, &j->id, sizeof(j->id)) == 0;
	case KV_WAITING:
		return v.n == sizeof(uint32_t);
	default:
		return true;
	}
}

static void look_at_indexes(struct check *c, const struct job *j)
{
	static const enum kv_table indexes[] = { KV_READY, KV_DUE, KV_EXPIRY, KV_LEASE, KV_REMOTE, KV_FINAL, KV_UNIQUE, KV_LINE, KV_WAITING };
	struct kv_bytes v;
	struct key k;

	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		enum kv_table t = indexes[i];
		if (!check_stands(c, j, t, &k))
			continue;
		if (!check_get(c, t, key_of(&k), &v))
			check_flaw(c, t, &j->id, "it is %s and has no row in the index %s", job_state_name(j->state), kv_table_names[t]);
		else if (!row_is_of(t, v, j))
			check_flaw(c, t, &j->id, "it is %s, and its row in the index %s is not its own", job_state_name(j->state), kv_table_names[t]);
	}
}

static bool same(struct job_text a, struct job_text b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void look_at_lane(struct check *c, const struct job *j, const struct job_spec *spec)
{
	struct lane_row lane;

	if (!check_lane(c, j->lane, &lane))
		check_flaw(c, KV_JOB, &j->id, "its lane %" PRIu32 " is not in the table of lanes", j->lane);
	else if (!same(lane.type, spec->type) || !same(lane.queue, spec->queue))
		check_flaw(c, KV_JOB, &j->id, "its lane %" PRIu32 " is of another queue or type", j->lane);
	else if (j->state == JOB_QUEUED && lane.kind != lane_kind(j))
		check_flaw(c, KV_JOB, &j->id, "its lane %" PRIu32 " is not of the kind that it belongs in", j->lane);
}

/* Its parents, and of one that waits how many have not told it that they have ended. */
static void look_at_parents(struct check *c, const struct job *j, unsigned ndepends)
{
	uint32_t open = 0, said = 0;
	struct kv_bytes v;

	for (unsigned i = 0; i < ndepends; i++) {
		struct key k = key_parent(&j->id, i), child;
		struct job_id parent;
		if (!check_get(c, KV_PARENT, key_of(&k), &v) || v.n != sizeof(parent)) {
			check_flaw(c, KV_PARENT, &j->id, "it depends on %u jobs, and the row of number %u is not there", ndepends, i);
			return;
		}
		memcpy(&parent, v.p, sizeof(parent));
		child = key_child(&parent, &j->id);
		open += check_has(c, KV_CHILD, &child);
	}
	if (j->state != JOB_WAITING || !check_get(c, KV_WAITING, id_key(&j->id), &v) || v.n != sizeof(said))
		return;
	memcpy(&said, v.p, sizeof(said));
	if (said != open)
		check_flaw(c, KV_WAITING, &j->id, "it waits for %" PRIu32 " jobs, and %" PRIu32 " have it for their child", said, open);
}

static void look_at_spec(struct check *c, const struct job *j)
{
	struct job_spec spec;
	struct kv_bytes v;
	uint64_t unique[2];
	enum record_rc rc;

	if (!check_get(c, KV_SPEC, id_key(&j->id), &v)) {
		check_flaw(c, KV_SPEC, &j->id, "what was asked is not there");
		return;
	}
	rc = record_spec_decode(v.p, v.n, &spec);
	if (rc != RECORD_OK) {
		check_flaw(c, KV_SPEC, &j->id, "what was asked cannot be read: %s", record_rc_text(rc));
		return;
	}
	look_at_lane(c, j, &spec);
	unique_hash(&spec, unique);
	if (memcmp(unique, j->unique, sizeof(unique)) != 0)
		check_flaw(c, KV_JOB, &j->id, "the mark of its unique key is not that of the key that was asked for");
	if (job_has_line(j) != (spec.key.n > 0))
		check_flaw(c, KV_JOB, &j->id, "the mark of its key is not that of the key that was asked for");
	uint64_t payload = spec.payload_blob, len = spec.payload_len;
	unsigned ndepends = spec.ndepends;
	if (payload)
		check_blob_whole(c, KV_SPEC, &j->id, "payload", payload, len);
	look_at_parents(c, j, ndepends);
}

static void look_at_result(struct check *c, const struct job *j)
{
	struct kv_bytes v;

	if (j->result_len == 0)
		return;
	if (j->result_blob)
		check_blob_whole(c, KV_JOB, &j->id, "result", j->result_blob, j->result_len);
	else if (!check_get(c, KV_RESULT, id_key(&j->id), &v))
		check_flaw(c, KV_RESULT, &j->id, "its result is not there");
	else if (sealed_open(id_key(&j->id), &v) != STORE_OK || v.n != j->result_len)
		check_flaw(c, KV_RESULT, &j->id, "its result is damaged");
}

static void look_at_progress(struct check *c, const struct job *j)
{
	struct kv_bytes v;

	if (j->progress_pct >= 0 && !check_get(c, KV_PROGRESS, id_key(&j->id), &v))
		check_flaw(c, KV_PROGRESS, &j->id, "its progress is not there");
}

/* Numbers are given out once: one that is ahead of the store's own will be given out again. */
static void look_at_numbers(struct check *c, const struct job *j)
{
	struct head now;
	struct kv_bytes v;
	char why[160];

	if (c->headless || (j->lease_token < c->head.next_token && j->arrival < c->head.next_token))
		return;
	if (check_get(c, KV_META, HEAD_KEY, &v) && head_decode(v, &now, why, sizeof(why)) == STORE_OK && (j->lease_token >= now.next_token || j->arrival >= now.next_token))
		check_flaw(c, KV_JOB, &j->id, "the number of its lease or arrival has not been given out yet");
}

void check_job(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct job_id id;
	struct job j;

	if (key.n != sizeof(id)) {
		check_flaw(c, KV_JOB, NULL, "a key of %zu bytes is no job's id", key.n);
		return;
	}
	memcpy(&id, key.p, sizeof(id));
	c->out->jobs++;
	enum record_rc rc = record_job_decode(v.p, v.n, &j);
	if (rc != RECORD_OK || memcmp(&j.id, &id, sizeof(id)) != 0) {
		c->unread++;
		check_flaw(c, KV_JOB, &id, "its record cannot be read: %s", rc == RECORD_OK ? "it is that of another job" : record_rc_text(rc));
		return;
	}
	look_at_spec(c, &j);
	look_at_indexes(c, &j);
	look_at_result(c, &j);
	look_at_progress(c, &j);
	look_at_numbers(c, &j);
}
