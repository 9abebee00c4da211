/* The check: what each row of an index, and each row beside a job, must belong to. A table of one function each; what a job must have is check_job.c's. */
#include "store/check_impl.h"

#include <inttypes.h>

/* --- indexes: the job that a row names must be one that has just this row --- */

static void belongs(struct check *c, enum kv_table t, struct kv_bytes key, const struct job_id *id)
{
	struct job j;
	struct key k;
	enum check_job there = check_job_of(c, id, &j);

	if (there == CHECK_JOB_DAMAGED)
		return;                 /* which is said of its record */
	if (there == CHECK_JOB_GONE)
		check_flaw(c, t, id, "the index %s has a row of it, and the job is not there", kv_table_names[t]);
	else if (!check_stands(c, &j, t, &k) || k.n != key.n || memcmp(k.b, key.p, key.n) != 0)
		check_flaw(c, t, id, "the index %s has a row of it, and it is %s and does not stand there", kv_table_names[t], job_state_name(j.state));
}

static void strange(struct check *c, enum kv_table t, struct kv_bytes key, struct kv_bytes v)
{
	check_flaw(c, t, NULL, "a row of %zu and %zu bytes is none of this table", key.n, v.n);
}

/* Those whose key ends with the job's id. */
static void by_key(struct check *c, enum kv_table t, size_t n, struct kv_bytes key, struct kv_bytes v)
{
	struct job_id id;

	if (key.n != n || v.n != 0) {
		strange(c, t, key, v);
		return;
	}
	memcpy(&id, (const uint8_t *)key.p + key.n - sizeof(id), sizeof(id));
	belongs(c, t, key, &id);
}

/* Those whose value begins with it. */
static void by_value(struct check *c, enum kv_table t, size_t n, size_t least, size_t most, struct kv_bytes key, struct kv_bytes v)
{
	struct job_id id;

	if (key.n != n || v.n < least || v.n > most) {
		strange(c, t, key, v);
		return;
	}
	memcpy(&id, v.p, sizeof(id));
	belongs(c, t, key, &id);
}

static void ready_row(struct check *c, struct kv_bytes key, struct kv_bytes v) { by_key(c, KV_READY, 28, key, v); }
static void due_row(struct check *c, struct kv_bytes key, struct kv_bytes v) { by_key(c, KV_DUE, 24, key, v); }
static void expiry_row(struct check *c, struct kv_bytes key, struct kv_bytes v) { by_key(c, KV_EXPIRY, 24, key, v); }
static void final_row(struct check *c, struct kv_bytes key, struct kv_bytes v) { by_key(c, KV_FINAL, 25, key, v); }
static void lease_row(struct check *c, struct kv_bytes key, struct kv_bytes v) { by_value(c, KV_LEASE, 20, sizeof(struct lease_row), sizeof(struct lease_row), key, v); }
static void unique_row(struct check *c, struct kv_bytes key, struct kv_bytes v) { by_value(c, KV_UNIQUE, 16, 16, 16, key, v); }

static void remote_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	by_value(c, KV_REMOTE, 24, sizeof(struct remote_row), sizeof(struct remote_row) + STORE_WORKER_MAX, key, v);
}

static void waiting_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct job_id id;

	if (key.n != sizeof(id) || v.n != sizeof(uint32_t)) {
		strange(c, KV_WAITING, key, v);
		return;
	}
	memcpy(&id, key.p, sizeof(id));
	belongs(c, KV_WAITING, key, &id);
}

/* --- lines: a head says how many hold the key --- */

#define LINE_CLASS 16u                  /* where the class stands in the key */

static void line_head(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, row;
	uint64_t said, have = 0;

	if (sealed_open(key, &v) != STORE_OK || v.n != sizeof(said)) {
		check_flaw(c, KV_LINE, NULL, "the head of a key's line cannot be read");
		return;
	}
	memcpy(&said, v.p, sizeof(said));
	key_bytes(&k, key.p, LINE_CLASS);
	key_u8(&k, KEYED_HOLDS);
	key_u64(&k, 0);
	while (check_seek(c, KV_LINE, &k, &found, &row) && found.n == KEYED_KEY_BYTES && memcmp(found.p, k.b, LINE_CLASS + 1) == 0) {
		have++;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
	}
	if (said != have || have == 0)
		check_flaw(c, KV_LINE, NULL, "the head of a key's line says that %" PRIu64 " jobs hold the key, and %" PRIu64 " do", said, have);
}

static void line_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct key head = { .n = 0 };

	if (key.n != KEYED_KEY_BYTES) {
		strange(c, KV_LINE, key, v);
		return;
	}
	if (((const uint8_t *)key.p)[LINE_CLASS] == KEYED_HEAD) {
		line_head(c, key, v);
		return;
	}
	by_value(c, KV_LINE, KEYED_KEY_BYTES, 16, 16, key, v);
	key_bytes(&head, key.p, LINE_CLASS);
	key_u8(&head, KEYED_HEAD);
	key_u64(&head, 0);
	if (((const uint8_t *)key.p)[LINE_CLASS] == KEYED_HOLDS && !check_has(c, KV_LINE, &head))
		check_flaw(c, KV_LINE, NULL, "jobs hold a key whose line has no head");
}

/* --- rows beside a job --- */

static bool job_of(struct check *c, enum kv_table t, struct kv_bytes key, size_t n, struct kv_bytes v, const char *what, struct job *j)
{
	struct job_id id;

	if (key.n != n) {
		strange(c, t, key, v);
		return false;
	}
	memcpy(&id, key.p, sizeof(id));
	enum check_job there = check_job_of(c, &id, j);
	if (there == CHECK_JOB_GONE)
		check_flaw(c, t, &id, "there is %s of it, and the job is not there", what);
	return there == CHECK_JOB_FINE;
}

static void spec_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct job j;

	job_of(c, KV_SPEC, key, 16, v, "what was asked", &j);
}

static void result_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct job j;

	if (job_of(c, KV_RESULT, key, 16, v, "a result", &j) && (j.result_len == 0 || j.result_blob))
		check_flaw(c, KV_RESULT, &j.id, "there is a result of it that it knows nothing of");
}

static void progress_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct job j;

	if (job_of(c, KV_PROGRESS, key, 16, v, "a progress", &j) && (v.n < PROGRESS_HEAD || v.n > PROGRESS_HEAD + PROGRESS_TEXT_MAX))
		check_flaw(c, KV_PROGRESS, &j.id, "its progress cannot be read");
}

static void note_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct job j;

	if (job_of(c, KV_NOTE, key, 25, v, "history", &j) && (v.n < 4 || ((const uint8_t *)key.p)[24] >= JOB_EVENTS))
		check_flaw(c, KV_NOTE, &j.id, "a row of its history cannot be read");
}

/* --- jobs that wait for others --- */

static void parent_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct job_spec spec;
	struct kv_bytes row;
	struct job j;

	if (!job_of(c, KV_PARENT, key, 18, v, "a parent", &j) || !check_get(c, KV_SPEC, id_key(&j.id), &row) || record_spec_decode(row.p, row.n, &spec) != RECORD_OK)
		return;
	const uint8_t *p = (const uint8_t *)key.p + 16;
	if ((unsigned)p[0] << 8 >= spec.ndepends || ((unsigned)p[0] << 8 | p[1]) >= spec.ndepends || v.n != sizeof(struct job_id))
		check_flaw(c, KV_PARENT, &j.id, "it has a parent that it did not ask for");
}

static void child_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct job_id parent, child;
	struct job j, p;

	if (key.n != 2 * sizeof(parent) || v.n != 0) {
		strange(c, KV_CHILD, key, v);
		return;
	}
	memcpy(&parent, key.p, sizeof(parent));
	memcpy(&child, (const uint8_t *)key.p + sizeof(parent), sizeof(child));
	enum check_job there = check_job_of(c, &child, &j), above = check_job_of(c, &parent, &p);
	struct key k = { .n = 0 };
	key_bytes(&k, &parent, sizeof(parent));
	if (there == CHECK_JOB_GONE)
		check_flaw(c, KV_CHILD, &child, "it is said to wait for another, and is not there");
	else if (there == CHECK_JOB_FINE && j.state != JOB_WAITING)
		check_flaw(c, KV_CHILD, &child, "it is said to wait for another, and is %s", job_state_name(j.state));
	bool ended = above == CHECK_JOB_GONE || (above == CHECK_JOB_FINE && job_state_final(p.state));
	if (ended && !check_has(c, KV_SPREAD, &k))
		check_flaw(c, KV_CHILD, &child, "it waits for a job that has ended, and nobody is going to tell it");
	else if (!ended && above == CHECK_JOB_FINE && !p.has_children)
		check_flaw(c, KV_CHILD, &parent, "a job waits for it, and it does not know that it has children");
}

static void spread_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	if (key.n != sizeof(struct job_id) || v.n != 1 || !job_state_final((enum job_state)*(const uint8_t *)v.p))
		strange(c, KV_SPREAD, key, v);
}

/* --- the others --- */

static void lane_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct lane_row row;

	if (!lane_decode(key, v, &row))
		check_flaw(c, KV_LANE, NULL, "a row of queue and type cannot be read");
	else if (!c->headless && row.id >= c->head.next_lane) {
		struct head now;
		struct kv_bytes head;
		char why[160];
		if (check_get(c, KV_META, HEAD_KEY, &head) && head_decode(head, &now, why, sizeof(why)) == STORE_OK && row.id >= now.next_lane)
			check_flaw(c, KV_LANE, NULL, "lane %" PRIu32 " has a number that has not been given out yet", row.id);
	}
}

static void token_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	if (key.n != 4 || v.n != 16)
		strange(c, KV_TOKEN, key, v);
}

static void idem_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct idem_row row;
	struct job_text text;

	if (key.n != 8 || !idem_decode(v, &row, &text))
		check_flaw(c, KV_IDEM, NULL, "an idempotency key cannot be read");
}

static void schedule_row(struct check *c, struct kv_bytes key, struct kv_bytes v)
{
	struct store_schedule row;

	if (schedule_decode(key, v, &row) != STORE_OK)
		check_flaw(c, KV_SCHEDULE, NULL, "how far the schedule %.*s has come cannot be read", (int)key.n, (const char *)key.p);
}

void (*const check_rows[KV_TABLES])(struct check *c, struct kv_bytes key, struct kv_bytes v) = {
	[KV_JOB] = check_job, [KV_SPEC] = spec_row, [KV_BLOB] = check_blob_row, [KV_READY] = ready_row, [KV_DUE] = due_row, [KV_LEASE] = lease_row, [KV_FINAL] = final_row,
	[KV_ATTEMPT] = check_attempt, [KV_NOTE] = note_row, [KV_RESULT] = result_row, [KV_PROGRESS] = progress_row, [KV_LANE] = lane_row, [KV_TOKEN] = token_row,
	[KV_STAGE] = check_stage_row, [KV_IDEM] = idem_row, [KV_UNIQUE] = unique_row, [KV_PARENT] = parent_row, [KV_CHILD] = child_row, [KV_WAITING] = waiting_row,
	[KV_SPREAD] = spread_row, [KV_SCHEDULE] = schedule_row, [KV_EXPIRY] = expiry_row, [KV_REMOTE] = remote_row, [KV_LINE] = line_row,
};
