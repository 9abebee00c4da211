/* Opening the embedded store, its head, its memory, and the frame of a batch. */
#include "store/embedded.h"

#include <stdio.h>
#include <stdlib.h>

#include "text/crc32c.h"

#define HEAD_MAGIC 0x31544e54u          /* "TNT1" */
#define HEAD_FORMAT 1u                  /* raise when an older program could no longer read the store; see record.h for the procedure */

struct head_row {
	uint32_t magic;
	uint16_t format, reserved;
	uint32_t crc;                   /* of what follows */
	uint32_t next_lane;
	uint64_t next_token, next_blob;
	int64_t last_us;
	uint64_t told;
	uint8_t last_id[16];
};
_Static_assert(sizeof(struct head_row) == 64, "layout");
#define HEAD_CRC_FROM 12
#define EXPIRE_A_BATCH 256u
#define IDEM_SLICE 8192u                /* keys: some five milliseconds */
#define CURE "run stint check --repair, or restore it from a backup"

enum store_rc head_put(struct store *s)
{
	struct head_row row = {
		.magic = HEAD_MAGIC, .format = HEAD_FORMAT, .next_lane = s->head.next_lane, .next_token = s->head.next_token,
		.next_blob = s->head.next_blob, .last_us = s->head.last_us, .told = s->head.told,
	};

	memcpy(row.last_id, &s->head.last_id, sizeof(row.last_id));
	row.crc = crc32c((const uint8_t *)&row + HEAD_CRC_FROM, sizeof(row) - HEAD_CRC_FROM);
	return row_put(s, KV_META, HEAD_KEY, (struct kv_bytes){ &row, sizeof(row) });
}

enum store_rc head_decode(struct kv_bytes v, struct head *out, char *why, size_t size)
{
	struct head_row row;

	if (v.n >= 6)
		memcpy(&row, v.p, v.n < sizeof(row) ? v.n : sizeof(row));
	if (v.n < 6 || row.magic != HEAD_MAGIC) {
		snprintf(why, size, "the store's head is not one of ours; " CURE);
		return STORE_DAMAGED;
	}
	if (row.format > HEAD_FORMAT) {
		snprintf(why, size, "the store has format %u, this program reads up to %u: it was written by a newer version", row.format, HEAD_FORMAT);
		return STORE_INVALID;
	}
	if (v.n != sizeof(row) || row.crc != crc32c((const uint8_t *)&row + HEAD_CRC_FROM, sizeof(row) - HEAD_CRC_FROM)) {
		snprintf(why, size, "the store's head is damaged (its checksum does not agree); " CURE);
		return STORE_DAMAGED;
	}
	*out = (struct head){ .next_token = row.next_token, .next_blob = row.next_blob, .next_lane = row.next_lane, .last_us = row.last_us, .told = row.told };
	memcpy(&out->last_id, row.last_id, sizeof(row.last_id));
	return STORE_OK;
}

static enum store_rc head_load(struct store *s, char *why, size_t size)
{
	struct kv_bytes v;
	enum store_rc rc = row_get(s, KV_META, HEAD_KEY, &v);

	if (rc == STORE_NOT_FOUND) {            /* a new store */
		s->head = (struct head){ .next_token = 1, .next_blob = 1, .next_lane = 1 };
		return head_put(s);
	}
	TRY(rc);
	return head_decode(v, &s->head, why, size);
}

static enum store_rc lane_bad(char *why, size_t size)
{
	snprintf(why, size, "the store is damaged: a row of its table of queues and types cannot be read; " CURE);
	return STORE_DAMAGED;
}

static enum store_rc lanes_load(struct store *s, char *why, size_t size)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	struct lane_row row;
	enum store_rc rc;

	key_u32(&k, 0);
	while ((rc = row_seek(s, KV_LANE, key_of(&k), &found, &v)) == STORE_OK) {
		if (!lane_decode(found, v, &row))
			return lane_bad(why, size);
		struct turn_named *y = turn_type(s->turn, row.type, true);
		struct turn_named *q = turn_queue(s->turn, row.queue, true);
		struct turn_lane *l = q && y && row.id < s->head.next_lane ? turn_lane_add(s->turn, row.id, q, y, row.kind) : NULL;
		if (!l)
			return q && y ? lane_bad(why, size) : STORE_NO_MEMORY;
		TRY(lane_refresh(s, l));
		k.n = 0;
		key_u32(&k, row.id + 1);
	}
	return may(rc);
}

/* Builds the memory from the store: lanes and tallies; not jobs, so its cost does not grow with the backlog, and not idempotency keys, which come batch by batch. */
static enum store_rc load(struct store *s, char *why, size_t size)
{
	struct turn *empty = turn_new();

	if (!empty)
		return STORE_NO_MEMORY;
	turn_free(s->turn);
	s->turn = empty;
	if (!turn_rules(s->turn, &s->rules))
		return STORE_NO_MEMORY;
	TRY(head_load(s, why, size));
	TRY(tally_load(s, why, size));
	TRY(lanes_load(s, why, size));
	TRY(due_refresh(s));
	TRY(expiry_refresh(s));
	TRY(remote_refresh(s));
	TRY(idem_load(s));
	s->saved_head = s->head;
	TRY(spread_load(s));
	keyed_load(s);
	s->doomed = true;               /* to be looked at */
	s->stale = false;
	return STORE_OK;
}

/* In a batch of its own, which also writes a new store's head. */
static enum store_rc load_all(struct store *s, char *why, size_t size)
{
	enum store_rc rc = s->kv->ops->begin(s->kv, true, &s->txn);

	if (rc != STORE_OK)
		return rc;
	rc = load(s, why, size);
	if (rc == STORE_OK)
		rc = s->kv->ops->commit(s->txn);
	else
		s->kv->ops->abort(s->txn);
	s->txn = NULL;
	if (rc != STORE_OK && why && !*why)
		snprintf(why, size, "cannot read the store: %s", store_rc_text(rc));
	return rc;
}

struct store *store_open(const struct store_options *opt, enum store_rc *rc, char *why, size_t size)
{
	struct store *s = calloc(1, sizeof(*s));

	*why = '\0';
	*rc = STORE_NO_MEMORY;
	if (!s) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	s->epoch = opt->epoch;
	s->random = opt->random;
	s->max_queued = opt->max_queued;
	s->idem_slice = opt->idem_slice ? opt->idem_slice : IDEM_SLICE;
	s->kv = opt->path ? lmdb_open_writer(opt->path, opt->map_size, rc, why, size) : mem_kv_open();
	if (!s->kv)
		goto fail;
	*rc = load_all(s, why, size);
	if (*rc == STORE_OK)
		return s;
fail:
	store_close(s);
	return NULL;
}

enum store_rc store_check_place(const char *path, char *why, size_t size)
{
	return lmdb_check_place(path, why, size);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->txn)
		s->kv->ops->abort(s->txn);
	if (s->kv)
		s->kv->ops->close(s->kv);
	turn_free(s->turn);
	idem_index_free(&s->idem);
	free(s->held);
	free(s);
}

void store_rules(struct store *s, const struct store_rules *rules)
{
	s->rules = *rules;
	s->max_queued = rules->max_queued;
	keyed_load(s);
	if (!turn_rules(s->turn, rules))
		s->stale = true;
}

enum store_rc store_begin(struct store *s, int64_t wall_us)
{
	if (s->stale) {
		char why[160] = "";
		TRY(load_all(s, why, sizeof(why)));
	}
	TRY(s->kv->ops->begin(s->kv, true, &s->txn));
	s->torn = s->changed = s->spoilt = false;
	s->expire_left = EXPIRE_A_BATCH;
	s->now_us = wall_us;
	s->now_ms = s->now_us / 1000;
	store_clock(s, wall_us);
	s->order_ms = (wall_us > s->head.last_us ? wall_us : s->head.last_us) / 1000;
	enum store_rc rc = idem_read(s);
	if (rc != STORE_OK)
		store_abort(s);         /* the next batch tries again */
	return rc;
}

enum store_rc store_commit(struct store *s)
{
	enum store_rc rc = s->spoilt ? STORE_DAMAGED : tally_flush(s);

	if (rc == STORE_OK && memcmp(&s->head, &s->saved_head, sizeof(s->head)) != 0) {
		if (s->now_us > s->head.last_us)
			s->head.last_us = s->now_us;
		rc = head_put(s);
	}
	if (rc != STORE_OK) {
		store_abort(s);
		return rc;
	}
	rc = s->kv->ops->commit(s->txn);
	s->txn = NULL;
	if (rc == STORE_OK) {
		s->saved_head = s->head;
		idem_index_commit(&s->idem);
	} else {
		idem_index_abort(&s->idem);     /* where a commit fails so that it may be there all the same, no further batch can begin */
		s->stale = true;
	}
	return rc;
}

void store_abort(struct store *s)
{
	if (s->txn)
		s->kv->ops->abort(s->txn);
	s->txn = NULL;
	idem_index_abort(&s->idem);
	s->stale = true;
}

void store_spoil(struct store *s)
{
	s->spoilt = true;
}

bool store_spoilt(const struct store *s)
{
	return s->spoilt;
}

bool store_changed(const struct store *s)
{
	return s->changed;
}

/* --- request tokens --- */

struct token_row { uint64_t epoch, seq; };

enum store_rc store_token_seen(struct store *s, uint32_t slot, uint64_t seq, bool *seen)
{
	struct key k = { .n = 0 };
	struct token_row row;
	struct kv_bytes v;

	*seen = false;
	key_u32(&k, slot);
	enum store_rc rc = row_get(s, KV_TOKEN, key_of(&k), &v);
	if (rc != STORE_OK)
		return may(rc);
	if (v.n != sizeof(row))
		return STORE_DAMAGED;
	memcpy(&row, v.p, sizeof(row));
	*seen = row.epoch == s->epoch && row.seq == seq;
	return STORE_OK;
}

enum store_rc store_token_put(struct store *s, uint32_t slot, uint64_t seq)
{
	struct token_row row = { s->epoch, seq };
	struct key k = { .n = 0 };

	key_u32(&k, slot);
	return settled(s, row_put(s, KV_TOKEN, key_of(&k), (struct kv_bytes){ &row, sizeof(row) }));
}

/* --- odds --- */

void store_watch(struct store *s, store_change_fn fn, void *arg)
{
	s->watch = fn;
	s->watch_arg = arg;
}

bool store_has_ready(struct store *s)
{
	return turn_has(s->turn);
}

bool store_has_unread(const struct store *s)
{
	return !s->idem_loaded;
}

bool store_has_alone(struct store *s)
{
	return turn_has_lone(s->turn);
}

int64_t store_next_token_us(const struct store *s)
{
	return turn_next_token_us(s->turn);
}

uint64_t store_told(const struct store *s)
{
	return s->head.told;
}

void store_clock(struct store *s, int64_t wall_us)
{
	if (!turn_clock(s->turn, wall_us))
		s->stale = true;
}

void store_totals(const struct store *s, struct store_tally *out)
{
	*out = s->totals;
}

void store_usage(struct store *s, uint64_t *used, uint64_t *limit)
{
	s->kv->ops->usage(s->kv, used, limit);
}

enum store_rc store_touch(struct store *s)
{
	return settled(s, head_put(s));
}

bool store_housekeep(struct store *s)
{
	return s->kv->ops->housekeep(s->kv);
}

const char *store_rc_text(enum store_rc rc)
{
	static const char *const text[STORE_RCS] = {
		[STORE_OK] = "done", [STORE_NOT_FOUND] = "not found", [STORE_STALE] = "the lease is not the caller's", [STORE_STATE] = "the job's state forbids it",
		[STORE_INVALID] = "not a sound request", [STORE_QUEUE_FULL] = "too many jobs wait", [STORE_NO_SPACE] = "no space left", [STORE_IO] = "I/O error",
		[STORE_DAMAGED] = "the store is damaged", [STORE_NO_MEMORY] = "out of memory", [STORE_BUSY] = "busy", [STORE_QUEUE_LIMIT] = "too many jobs wait in the queue",
		[STORE_REPLAYED] = "done before", [STORE_LIVE] = "another live job has its unique key",
		[STORE_KEY_REUSED] = "the idempotency key was used with another request", [STORE_KEYS_FULL] = "as many idempotency keys as are allowed",
		[STORE_PARENT] = "a job that it depends on is unknown or has not succeeded", [STORE_GROUPED] = "another job of its group was refused",
		[STORE_KEYS_LATER] = "the idempotency keys are not all read yet",
	};

	return (unsigned)rc < STORE_RCS ? text[rc] : "unknown";
}
