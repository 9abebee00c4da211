/* What store.h promises of groups: that the check says of each job what its submission would, whatever the jobs before it mean to it, and changes nothing. Over every engine. */
#include "tests/store/contract.h"

#include <stdio.h>
#include <string.h>

#include "text/buf.h"

static struct store_limit limit_of(void *arg, struct job_text queue)
{
	(void)arg;
	return (struct store_limit){ .max_queued = queue.n == 5 && memcmp(queue.p, "small", 5) == 0 ? 3 : 0 };
}

static void rules(struct fixture *f, uint64_t idempotency_max, uint64_t max_queued)
{
	f->rules.idempotency_window_ms = 3600000;
	f->rules.idempotency_max = idempotency_max;
	f->rules.max_queued = max_queued;
	f->rules.queue_limit = limit_of;
	store_rules(f->store, &f->rules);
}

static struct job_text text(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

static struct job_spec keyed(const char *key, uint8_t fingerprint)
{
	struct job_spec s = spec_of("t", "q", 0, "1");

	s.idempotency_key = text(key);
	memset(s.fingerprint, fingerprint, sizeof(s.fingerprint));
	return s;
}

static struct job_spec unique(const char *key)
{
	struct job_spec s = spec_of("t", "q", 0, "1");

	s.unique_key = text(key);
	return s;
}

/* In a batch of its own, which it leaves as it was. */
static enum store_rc check(struct fixture *f, const struct job_spec *s, unsigned n, unsigned *bad, struct job *out)
{
	struct job spare;

	begin(f);
	enum store_rc rc = store_submit_check(f->store, s, n, bad, out ? out : &spare);
	assert_false(store_changed(f->store));
	assert_false(store_spoilt(f->store));
	commit(f);
	return rc;
}

static void test_keys_within_and_before(void **state)
{
	struct fixture *f = *state;
	struct job_spec old = keyed("old", 1), live = unique("live");
	unsigned bad;

	rules(f, 100, 0);
	submit(f, &old);
	submit(f, &live);
	struct job_spec fine[] = { keyed("a", 1), keyed("a", 1), keyed("old", 1), unique("live"), unique("new"), unique("new"), spec_of("t", "q", 0, "2") };
	assert_int_equal(check(f, fine, 7, &bad, NULL), STORE_OK);
	struct job_spec reused[] = { keyed("b", 1), keyed("old", 2) };
	assert_int_equal(check(f, reused, 2, &bad, NULL), STORE_KEY_REUSED);
	assert_int_equal(bad, 1);
	struct job_spec twice[] = { keyed("b", 1), keyed("c", 1), keyed("b", 2) };
	assert_int_equal(check(f, twice, 3, &bad, NULL), STORE_KEY_REUSED);
	assert_int_equal(bad, 2);
	rules(f, 3, 0);
	assert_int_equal(check(f, twice, 2, &bad, NULL), STORE_OK);
	struct job_spec many[] = { keyed("old", 1), keyed("b", 1), keyed("b", 1), keyed("c", 1), keyed("d", 1) };
	assert_int_equal(check(f, many, 5, &bad, NULL), STORE_KEYS_FULL);
	assert_int_equal(bad, 4);
}

static void test_room(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "small", 0, "1"), key = keyed("k", 1), only = unique("u");
	unsigned bad;

	rules(f, 100, 0);
	key.queue = only.queue = text("small");
	struct job_spec three[] = { s, s, s, s };
	assert_int_equal(check(f, three, 3, &bad, NULL), STORE_OK);             /* a queue that nobody has seen yet */
	assert_int_equal(check(f, three, 4, &bad, NULL), STORE_QUEUE_LIMIT);
	assert_int_equal(bad, 3);
	submit(f, &key);
	struct job_spec there[] = { s, key, s, key, s };
	assert_int_equal(check(f, there, 4, &bad, NULL), STORE_OK);             /* what is there takes no room */
	assert_int_equal(check(f, there, 5, &bad, NULL), STORE_QUEUE_LIMIT);
	assert_int_equal(bad, 4);
	struct job_spec same[] = { only, only, only, s };
	assert_int_equal(check(f, same, 4, &bad, NULL), STORE_OK);
	rules(f, 100, 3);
	struct job_spec all[] = { spec_of("t", "q", 0, "1"), key, spec_of("t", "r", 0, "1"), spec_of("t", "q", 0, "1") };
	assert_int_equal(check(f, all, 3, &bad, NULL), STORE_OK);
	assert_int_equal(check(f, all, 4, &bad, NULL), STORE_QUEUE_FULL);
	assert_int_equal(bad, 3);
}

static void test_what_else_is_wrong(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1"), late = s, child = s, staged = s;
	struct job_id nobody = { { 9 } };
	struct job out;
	unsigned bad;
	uint64_t blob;

	rules(f, 100, 0);
	late.run_at_ms = INT64_MAX;
	struct job_spec a[] = { s, late };
	assert_int_equal(check(f, a, 2, &bad, NULL), STORE_INVALID);
	assert_int_equal(bad, 1);
	child.depends = nobody.b;
	child.ndepends = 1;
	struct job_spec b[] = { s, child, late };
	assert_int_equal(check(f, b, 3, &bad, &out), STORE_PARENT);
	assert_int_equal(bad, 1);
	assert_memory_equal(&out.id, &nobody, sizeof(nobody));
	assert_int_equal(out.state, JOB_NONE);
	struct job parent = submit(f, &s);
	child.depends = parent.id.b;
	b[1] = child;
	assert_int_equal(check(f, b, 2, &bad, &out), STORE_OK);
	staged.payload = (struct job_text){ NULL, 0 };
	staged.payload_len = 5;
	staged.payload_blob = 999;
	struct job_spec c[] = { staged };
	assert_int_equal(check(f, c, 1, &bad, NULL), STORE_INVALID);
	begin(f);
	assert_int_equal(store_stage(f->store, SLOT, 3, 0, 0, text("12345"), &blob), STORE_OK);
	commit(f);
	c[0].payload_blob = blob;
	assert_int_equal(check(f, c, 1, &bad, NULL), STORE_OK);
}

static void test_staged_bytes_come_back(void **state)
{
	struct fixture *f = *state;
	struct buf out = { 0 };
	char bytes[9001];
	uint64_t blob;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 256);
	begin(f);
	assert_int_equal(store_stage(f->store, SLOT, 3, 0, 0, (struct job_text){ bytes, 8000 }, &blob), STORE_OK);
	assert_int_equal(store_stage(f->store, SLOT, 3, blob, 8000, (struct job_text){ bytes + 8000, 1001 }, &blob), STORE_OK);
	assert_int_equal(store_staged(f->store, SLOT, 3, blob, sizeof(bytes), &out), STORE_OK);
	assert_int_equal(out.len, sizeof(bytes));
	assert_memory_equal(out.data, bytes, sizeof(bytes));
	assert_int_equal(store_staged(f->store, SLOT, 4, blob, sizeof(bytes), &out), STORE_INVALID);
	assert_int_equal(store_staged(f->store, SLOT, 3, blob, sizeof(bytes) - 1, &out), STORE_INVALID);
	assert_int_equal(store_staged(f->store, SLOT, 3, blob + 1, 5, &out), STORE_INVALID);
	assert_false(store_spoilt(f->store));
	commit(f);
	buf_free(&out);
}

/* --- any group at all: what the check says is what then happens --- */

static uint32_t seed = 20251122;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % sides;
}

static struct job_spec any(const struct job *parent)
{
	static const char *const keys[] = { "a", "b", "c", "d", "e", "f" }, *const queues[] = { "q", "small", "r" };
	struct job_spec s = spec_of(dice(2) ? "t" : "u", queues[dice(3)], 0, "1");

	if (dice(2)) {
		s.idempotency_key = text(keys[dice(6)]);
		s.fingerprint[0] = dice(12) == 0;
	}
	if (dice(3) == 0)
		s.unique_key = text(keys[dice(6)]);
	if (dice(6) == 0) {
		s.depends = parent->id.b;
		s.ndepends = 1;
	}
	return s;
}

static void test_any_group(void **state)
{
	struct fixture *f = *state;
	unsigned refused = 0, made = 0;

	for (unsigned round = 0; round < 300; round++) {
		struct job_spec s = spec_of("t", "q", 0, "1"), group[8];
		unsigned n = 1 + dice(8), bad, i = 0;
		struct job out, really = { .state = JOB_NONE };
		struct store_claimed c;
		rules(f, 4 + dice(4), dice(3) ? 0 : 2 + dice(6));
		struct job parent = { .id = { { 1, 2, 3 } } };
		begin(f);
		if (dice(4) && try_submit(f, &s, &out) == STORE_OK)
			parent = out;
		commit(f);
		for (unsigned k = 0; k < n; k++)
			group[k] = any(&parent);
		begin(f);
		enum store_rc rc = store_submit_check(f->store, group, n, &bad, &out), one = STORE_OK;
		for (; i < n; i++) {
			one = try_submit(f, &group[i], &really);
			if (one != STORE_OK && one != STORE_REPLAYED && one != STORE_LIVE)
				break;
		}
		assert_int_equal(rc == STORE_OK, i == n);
		if (rc != STORE_OK) {
			assert_int_equal(rc, one);
			assert_int_equal(bad, i);
			if (rc == STORE_PARENT)
				assert_memory_equal(&out.id, &really.id, sizeof(out.id));
			store_abort(f->store);
			refused++;
		} else {
			commit(f);
			made++;
		}
		for (uint64_t k = 0; k < 3; k++)        /* keys get free, and room */
			if (claim(f, round * 8u + k + 1, &c)) {
				struct store_finish m = finish_of(&c.job, dice(2) ? JOB_OUTCOME_SUCCEEDED : JOB_OUTCOME_CANCELLED);
				finish(f, &m, NULL);
			}
		f->now_us += dice(8) ? 0 : 4000000000LL;
	}
	print_message("# %s: %u groups made, %u refused\n", f->engine, made, refused);
	assert_true(refused > 20 && made > 20);
	recount(f);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_keys_within_and_before), BOTH(test_room), BOTH(test_what_else_is_wrong), BOTH(test_staged_bytes_come_back), BOTH(test_any_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
