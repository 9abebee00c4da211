/* Staged bytes, schedules and request tokens, done to the store and to the model. */
#include "tests/store/history.h"

#include <stdio.h>

#define ROW 2000u                       /* a chunk that is not the last is whole rows */
#define STAGED_MAX 20000u

/* --- staged bytes --- */

struct mstaged *staged_any(void)
{
	return h.m.nstaged ? &h.m.staged[dice(h.m.nstaged)] : NULL;
}

void staged_own(struct mstaged *b)
{
	*b = h.m.staged[--h.m.nstaged];
}

static struct job_text chunk_of(struct mbytes b, uint32_t from, uint32_t n)
{
	struct job_text all = bytes_of((struct mbytes){ b.seed, from + n }, 3);

	return (struct job_text){ all.p + from, n };
}

static uint32_t chunk_length(void)
{
	return dice(2) ? ROW * (1 + dice(3)) : 1 + dice(3 * ROW);
}

static void stage_new(uint32_t slot)
{
	struct mstaged *b = &h.m.staged[h.m.nstaged];

	if (h.m.nstaged == M_STAGED)
		return;
	*b = (struct mstaged){ .slot = slot, .incarnation = h.incarnation[slot], .bytes = { dice(1000), chunk_length() } };
	say("stage %u bytes for slot %u\n", b->bytes.n, slot);
	assert_int_equal(store_stage(h.f->store, FIRST_SLOT + slot, h.incarnation[slot], 0, 0, chunk_of(b->bytes, 0, b->bytes.n), &b->blob), STORE_OK);
	for (unsigned i = 0; i < h.m.nstaged; i++)
		assert_true(h.m.staged[i].blob != b->blob);
	h.m.nstaged++;
}

static void stage_more(uint32_t slot)
{
	struct mstaged *b = staged_any();
	uint32_t n = chunk_length();
	uint64_t spare;

	if (!b || b->bytes.n + n > STAGED_MAX)
		return;
	uint64_t offset = b->bytes.n + (dice(5) ? 0 : ROW);
	bool may = offset == b->bytes.n && b->bytes.n % ROW == 0 && b->slot == slot && b->incarnation == h.incarnation[slot];
	say("stage %u bytes more at %u for slot %u -> %d\n", n, (unsigned)offset, slot, may);
	assert_int_equal(store_stage(h.f->store, FIRST_SLOT + slot, h.incarnation[slot], b->blob, offset, chunk_of(b->bytes, b->bytes.n, n), &spare), may ? STORE_OK : STORE_INVALID);
	if (may)
		b->bytes.n += n;
}

void op_stage(void)
{
	uint32_t slot = dice(SLOTS);

	if (dice(2))
		stage_new(slot);
	else
		stage_more(slot);
	heard_none();
}

void op_unstage(void)
{
	uint32_t slot = dice(SLOTS);
	struct mstaged *b = staged_any();

	if (!b)
		return;
	bool own = b->slot == slot && b->incarnation == h.incarnation[slot];
	say("unstage for slot %u -> %d\n", slot, own);
	assert_int_equal(store_unstage(h.f->store, FIRST_SLOT + slot, h.incarnation[slot], b->blob), own ? STORE_OK : STORE_NOT_FOUND);
	if (own)
		staged_own(b);
}

void op_sweep(void)
{
	bool more;

	say("sweep\n");
	for (unsigned i = h.m.nstaged; i-- > 0;) {
		struct mstaged b = h.m.staged[i];
		if (b.incarnation == h.incarnation[b.slot])
			continue;
		assert_int_equal(store_stage_drop(h.f->store, FIRST_SLOT + b.slot, b.incarnation, 1, &more), STORE_OK);
		/* the lowest of that process goes first */
		for (unsigned k = 0; k < h.m.nstaged; k++)
			if (h.m.staged[k].slot == b.slot && h.m.staged[k].incarnation == b.incarnation && h.m.staged[k].blob < h.m.staged[i].blob)
				i = k;
		staged_own(&h.m.staged[i]);
		i = h.m.nstaged;
	}
	assert_int_equal(store_sweep(h.f->store, 1 + dice(8), &more), STORE_OK);
	heard_none();
}

/* --- schedules --- */

static const char *const schedules[NAMES] = { "nightly", "hourly", "x" };

static bool keeps(void *arg, struct job_text name)
{
	const unsigned *keep = arg;

	for (unsigned i = 0; i < NAMES; i++)
		if (name.n == strlen(schedules[i]) && memcmp(name.p, schedules[i], name.n) == 0)
			return *keep >> i & 1;
	fail_msg("a schedule that was never written");
	return true;
}

void op_schedule(void)
{
	unsigned which = dice(NAMES), keep = dice(1u << NAMES);
	struct store_schedule row = { .upto_ms = now_ms() + dice(100), .run_ms = dice(2) ? now_ms() : 0, .print = dice(1000) }, have;
	const struct mjob *j = any_of(ANY_STATE);

	if (j)
		row.job = j->id;
	enum store_rc rc = store_schedule_get(h.f->store, text_of(schedules[which]), &have);
	assert_int_equal(rc, h.m.scheduled[which] ? STORE_OK : STORE_NOT_FOUND);
	if (rc == STORE_OK)
		assert_memory_equal(&have, &h.m.schedule[which], sizeof(have));
	if (dice(4)) {
		say("schedule %s put\n", schedules[which]);
		assert_int_equal(store_schedule_put(h.f->store, text_of(schedules[which]), &row), STORE_OK);
		memset(&h.m.schedule[which], 0, sizeof(row));
		h.m.schedule[which].upto_ms = row.upto_ms;
		h.m.schedule[which].run_ms = row.run_ms;
		h.m.schedule[which].job = row.job;
		h.m.schedule[which].print = row.print;
		h.m.scheduled[which] = true;
		return;
	}
	say("schedules but %x go\n", keep);
	assert_int_equal(store_schedules_prune(h.f->store, keeps, &keep, NAMES), STORE_OK);
	for (unsigned i = 0; i < NAMES; i++)
		h.m.scheduled[i] &= keep >> i & 1;
}

/* --- request tokens --- */

void op_token(void)
{
	uint32_t slot = dice(NAMES);
	uint64_t seq = 1 + dice(6);
	bool seen;

	assert_int_equal(store_token_seen(h.f->store, slot, seq, &seen), STORE_OK);
	assert_int_equal(seen, h.m.token_seq[slot] == seq);
	say("token %u of request slot %u\n", (unsigned)seq, slot);
	assert_int_equal(store_token_put(h.f->store, slot, seq), STORE_OK);
	h.m.token_seq[slot] = seq;
	heard_none();
}
