/* Counters of the whole store, of each queue and of each type: rows that are written in the transaction that changes a job, so that they equal a recount after any crash. */
#include "store/embedded.h"

#include <stddef.h>
#include <stdio.h>

#include "text/crc32c.h"

/* The row: version u16, flags u16, crc u32 of what follows: the bucket of its rate, its breaker, what its lines are made for, then the tally's numbers. Bucket and breaker ride along in a row that each start writes anyway. */
#define TALLY_VERSION 1u
#define FLAG_PAUSED 1u
#define TALLY_NUMBERS (sizeof(struct store_tally) / sizeof(uint64_t))
struct tally_row { uint16_t version, flags; uint32_t crc; int64_t since_us; double tokens; int64_t rest_until_us; uint64_t trial, failures, lined, n[TALLY_NUMBERS]; };
#define CRC_FROM offsetof(struct tally_row, since_us)

static uint32_t row_crc(const struct tally_row *row)
{
	return crc32c((const uint8_t *)row + CRC_FROM, sizeof(*row) - CRC_FROM);
}

struct tally_set tally_of(struct store *s, const struct turn_lane *l)
{
	s->totals_dirty = true;
	turn_dirty(s->turn, l->queue, false);
	turn_dirty(s->turn, l->type, true);
	return (struct tally_set){ { &s->totals, &l->queue->tally, &l->type->tally } };
}

static enum store_rc put(struct store *s, char kind, struct job_text name, const struct store_tally *t, const struct limit *l)
{
	struct tally_row row = { .version = TALLY_VERSION };
	struct key k = key_count(kind, name);

	if (l) {
		row.flags = l->paused ? FLAG_PAUSED : 0;
		row.since_us = l->since_us;
		row.tokens = l->tokens;
		row.rest_until_us = l->rest_until_us;
		row.trial = l->trial;
		row.failures = l->failures;
		row.lined = l->lined;
	}
	memcpy(row.n, t, sizeof(row.n));
	row.crc = row_crc(&row);
	return row_put(s, KV_COUNT, key_of(&k), (struct kv_bytes){ &row, sizeof(row) });
}

struct flush { struct store *s; char kind; enum store_rc rc; };

static void flush_named(void *arg, struct turn_named *n)
{
	struct flush *f = arg;

	if (f->rc == STORE_OK)
		f->rc = put(f->s, f->kind, n->name, &n->tally, &n->limit);
}

enum store_rc tally_flush(struct store *s)
{
	struct flush f = { s, 'q', STORE_OK };

	if (!s->totals_dirty)
		return STORE_OK;
	turn_each_dirty(s->turn, false, flush_named, &f);
	f.kind = 'y';
	turn_each_dirty(s->turn, true, flush_named, &f);
	if (f.rc == STORE_OK)
		f.rc = put(s, 't', (struct job_text){ NULL, 0 }, &s->totals, NULL);
	s->totals_dirty = false;
	return f.rc;
}

enum store_rc tally_decode(struct kv_bytes v, struct store_tally *out, struct limit *l)
{
	struct tally_row row;

	if (v.n != sizeof(row))
		return STORE_DAMAGED;
	memcpy(&row, v.p, sizeof(row));
	if (row.version != TALLY_VERSION || row.crc != row_crc(&row))
		return STORE_DAMAGED;
	memcpy(out, row.n, sizeof(row.n));
	l->paused = row.flags & FLAG_PAUSED;
	l->since_us = row.since_us;
	l->tokens = row.tokens;
	l->rest_until_us = row.rest_until_us;
	l->trial = row.trial;
	l->failures = (uint32_t)row.failures;
	l->lined = row.lined;
	return STORE_OK;
}

enum store_rc tally_load(struct store *s, char *why, size_t size)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	enum store_rc rc;
	struct limit none;

	memset(&s->totals, 0, sizeof(s->totals));
	s->totals_dirty = false;
	while ((rc = row_seek(s, KV_COUNT, key_of(&k), &found, &v)) == STORE_OK) {
		const char *p = found.p;
		struct job_text name = { p + 1, found.n - 1 };
		struct turn_named *n = NULL;
		if (*p != 't') {
			n = *p == 'q' ? turn_queue(s->turn, name, true) : turn_type(s->turn, name, true);
			if (!n)
				return STORE_NO_MEMORY;
		}
		if (tally_decode(v, n ? &n->tally : &s->totals, n ? &n->limit : &none) != STORE_OK) {
			snprintf(why, size, "the store is damaged: the counters of %s %.*s cannot be read; run stint check --repair, or restore it from a backup",
				*p == 't' ? "all jobs" : *p == 'q' ? "queue" : "type", (int)name.n, name.p);
			return STORE_DAMAGED;
		}
		if (n && n->is_type)
			turn_line_up(n);
		if (n && !turn_settle(s->turn, n))
			return STORE_NO_MEMORY;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
	}
	return may(rc);
}
