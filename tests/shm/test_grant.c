/* The grant ring: what is wanted, what is written, what is published, and a ring whose bytes lie. */
#include "tests/shm/segment_fixture.h"

#include <unistd.h>

#include "shm/grant.h"

#define SLOT 6u                         /* the first worker */

static char payload[JOB_INLINE_MAX];

static struct grant_view view_of(uint64_t token, size_t payload_len)
{
	struct grant_view v = {
		.g = { .token = token, .attempt = 1, .payload_len = payload_len },
		.type = { "print", 5 }, .queue = { "default", 7 }, .name = { "n", 1 }, .trace = { "", 0 }, .content_type = { "", 0 }, .payload = { payload, payload_len },
	};

	memset(payload, (int)(uint8_t)token, sizeof(payload));
	return v;
}

static void put(struct grant_writer *w, uint64_t token, size_t len)
{
	struct grant_view v = view_of(token, len);

	assert_true(grant_write(&seg, SLOT, w, &v));
}

static void test_nothing_is_seen_before_it_is_published(void **state)
{
	struct grant_writer w;
	struct grant_view v;
	uint64_t seen = grant_attach(&seg, SLOT);

	(void)state;
	grant_want(&seg, SLOT, 5, seen);
	grant_begin(&seg, SLOT, &w);
	assert_int_equal(grant_room(&seg, SLOT, &w), 5);
	put(&w, 11, 100);
	put(&w, 12, 0);
	assert_int_equal(grant_room(&seg, SLOT, &w), 3);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 0);
	grant_publish(&seg, SLOT, &w);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 1);
	assert_int_equal(v.g.token, 11);
	assert_true(v.type.n == 5 && memcmp(v.type.p, "print", 5) == 0);
	assert_int_equal(v.payload.n, 100);
	assert_int_equal((uint8_t)v.payload.p[99], 11);
	grant_consume(&seg, SLOT, &v);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 1);
	assert_int_equal(v.g.token, 12);
	grant_consume(&seg, SLOT, &v);
	assert_int_equal(seen, 2);
	/* the worker has room for one more now, having seen both */
	grant_want(&seg, SLOT, 1, seen);
	grant_begin(&seg, SLOT, &w);
	assert_int_equal(grant_room(&seg, SLOT, &w), 1);
	assert_true(grant_seen(&seg, SLOT, 2));
	assert_false(grant_seen(&seg, SLOT, 3));
}

static void test_wraps_for_ever(void **state)
{
	uint64_t seen = grant_attach(&seg, SLOT), token = 0, taken = 0;
	struct grant_view v;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct grant_writer w;
		grant_begin(&seg, SLOT, &w);
		for (int i = 0; i < 7 && grant_fits(&seg, SLOT, &w); i++, token++)
			put(&w, token, (size_t)(token * 37 % JOB_INLINE_MAX));
		grant_publish(&seg, SLOT, &w);
		for (int i = 0; i < 7 && grant_next(&seg, SLOT, &seen, &v) == 1; i++) {
			assert_int_equal(v.g.token, taken);
			assert_int_equal(v.payload.n, taken * 37 % JOB_INLINE_MAX);
			for (size_t b = 0; b < v.payload.n; b++)
				assert_int_equal((uint8_t)v.payload.p[b], (uint8_t)taken);
			taken++;
			grant_consume(&seg, SLOT, &v);
		}
	}
	assert_true(taken > 20000);
}

static void test_a_full_ring_says_so(void **state)
{
	struct grant_writer w;
	unsigned n = 0;

	(void)state;
	grant_attach(&seg, SLOT);
	grant_begin(&seg, SLOT, &w);
	while (grant_fits(&seg, SLOT, &w)) {
		put(&w, n++, JOB_INLINE_MAX);
		assert_true(n < 1000);
	}
	assert_true(n > 20);
	for (struct grant_view v = view_of(1, JOB_INLINE_MAX); grant_write(&seg, SLOT, &w, &v); n++)
		assert_true(n < 1000);
	assert_true(w.head <= seg.geo.grant_bytes);
}

/* What a keeper leaves that dies after `steps` of the four stores of grant_publish(). */
static void publish_cut_short(const struct grant_writer *w, unsigned steps)
{
	struct shm_proc *p = &seg.proc[SLOT];

	if (steps > 0)
		atomic_store(&p->grant_next_head, w->head);
	if (steps > 1)
		atomic_store(&p->grant_next_seq, w->seq);
	if (steps > 2)
		atomic_store(&p->grant_head, w->head);
	if (steps > 3)
		atomic_store(&p->grant_seq, w->seq);
}

/* Wherever the keeper dies, its successor knows what is published: what is not is granted again, what is is not, and the worker goes on being granted. */
static void test_a_publishing_cut_short_is_ended(void **state)
{
	struct grant_writer w;
	struct grant_view v;
	uint64_t seen = grant_attach(&seg, SLOT), token = 100;

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		unsigned steps = round % 5;
		uint64_t before = atomic_load(&seg.proc[SLOT].grant_seq);
		grant_want(&seg, SLOT, 4, seen);
		grant_begin(&seg, SLOT, &w);
		put(&w, token, 10);
		put(&w, token + 1, 10);
		publish_cut_short(&w, steps);
		if (round % 2 && steps > 2) {           /* the worker is faster than the successor */
			assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 1);
			grant_consume(&seg, SLOT, &v);
			assert_int_equal(v.g.token, token);
			grant_want(&seg, SLOT, 3, seen);
		}
		grant_mend(&seg, SLOT);
		grant_begin(&seg, SLOT, &w);
		assert_int_equal(w.seq, steps > 2 ? before + 2 : before);
		if (steps <= 2) {
			put(&w, token, 10);
			put(&w, token + 1, 10);
			grant_publish(&seg, SLOT, &w);
		}
		assert_int_equal(grant_room(&seg, SLOT, &w), 2);
		while (grant_next(&seg, SLOT, &seen, &v) == 1)
			grant_consume(&seg, SLOT, &v);
		assert_int_equal(v.g.token, token + 1);
		assert_int_equal(seen, before + 2);
		token += 2;
	}
}

/* The keeper held back because the ring was full: the worker that makes room wakes it, and once is enough. */
static void test_room_in_the_ring_wakes_the_keeper(void **state)
{
	struct grant_writer w;
	struct grant_view v;
	uint64_t seen = grant_attach(&seg, SLOT), n;
	unsigned rings = 0;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		grant_begin(&seg, SLOT, &w);
		while (grant_fits(&seg, SLOT, &w))
			put(&w, 1, JOB_INLINE_MAX);
		grant_publish(&seg, SLOT, &w);
		segment_sleep(&seg, SHM_KEEPER_SLOT);
		while (grant_next(&seg, SLOT, &seen, &v) == 1) {
			grant_consume(&seg, SLOT, &v);
			bool rung = read(seg.bell[SHM_KEEPER_SLOT], &n, sizeof(n)) == (ssize_t)sizeof(n);
			grant_begin(&seg, SLOT, &w);
			assert_true(!rung || grant_fits(&seg, SLOT, &w));
			rings += rung;
		}
		assert_int_equal(rings, round + 1);
	}
}

/* A grant that the worker has seen is taken once, whoever writes it again. */
static void test_granted_again_is_taken_once(void **state)
{
	struct grant_writer w;
	struct grant_view v;
	uint64_t seen = grant_attach(&seg, SLOT);

	(void)state;
	grant_begin(&seg, SLOT, &w);
	put(&w, 100, 10);
	put(&w, 101, 10);
	grant_publish(&seg, SLOT, &w);
	atomic_store(&seg.proc[SLOT].grant_seq, 0);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 1);
	grant_consume(&seg, SLOT, &v);
	grant_begin(&seg, SLOT, &w);
	w.seq = 2 - 1;                  /* the lease that is still there has sequence 2 */
	put(&w, 101, 10);
	put(&w, 102, 10);
	grant_publish(&seg, SLOT, &w);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 1);
	assert_int_equal(v.g.token, 101);
	grant_consume(&seg, SLOT, &v);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 1);
	assert_int_equal(v.g.token, 102);
	grant_consume(&seg, SLOT, &v);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 0);
}

static void test_a_successor_starts_empty(void **state)
{
	struct grant_writer w;
	struct grant_view v;
	uint64_t seen;

	(void)state;
	grant_attach(&seg, SLOT);
	grant_want(&seg, SLOT, 9, 0);
	grant_begin(&seg, SLOT, &w);
	put(&w, 1, 10);
	grant_publish(&seg, SLOT, &w);
	seen = grant_attach(&seg, SLOT);
	assert_int_equal(seen, 1);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), 0);
	grant_begin(&seg, SLOT, &w);
	assert_int_equal(grant_room(&seg, SLOT, &w), 0);
}

static void test_a_want_that_makes_no_sense(void **state)
{
	struct grant_writer w = { .seq = 5 };

	(void)state;
	atomic_store(&seg.proc[SLOT].want, UINT64_MAX);         /* room for 65535, having seen a grant never given */
	assert_true(grant_room(&seg, SLOT, &w) <= seg.geo.run_capacity);
	atomic_store(&seg.proc[SLOT].want, (uint64_t)3 << 48 | 1);
	assert_int_equal(grant_room(&seg, SLOT, &w), 0);
	assert_true(atomic_is_lock_free(&seg.proc[SLOT].want));
}

static void test_a_lying_ring_is_seen(void **state)
{
	struct grant_writer w;
	struct grant_view v;
	char *ring = seg.base + seg.geo.off_grant;
	struct { uint32_t at; uint8_t v; } lie[] = {
		{ 0, 3 }, { 2, 0x7f }, { 4, 9 }, { offsetof(struct grant, type_len), 0xff }, { offsetof(struct grant, payload_len) + 3, 1 }, { offsetof(struct grant, payload_len) + 7, 0xff },
		{ offsetof(struct grant, content_type_len) + 3, 0xff },
	};

	(void)state;
	grant_attach(&seg, SLOT);
	grant_begin(&seg, SLOT, &w);
	put(&w, 1, 100);
	grant_publish(&seg, SLOT, &w);
	for (size_t i = 0; i < sizeof(lie) / sizeof(lie[0]); i++) {
		uint64_t seen = 0;
		char was = ring[lie[i].at];
		ring[lie[i].at] = (char)lie[i].v;
		assert_int_equal(grant_next(&seg, SLOT, &seen, &v), -1);
		ring[lie[i].at] = was;
	}
	uint64_t seen = 0;
	atomic_store(&seg.proc[SLOT].grant_head, UINT64_MAX - 7);
	assert_int_equal(grant_next(&seg, SLOT, &seen, &v), -1);
}

static void test_rooms_besides_the_one_in_all(void **state)
{
	const uint32_t ids[] = { 77, 5 };
	uint64_t seen = grant_attach(&seg, SLOT), at;
	uint32_t id, room;

	(void)state;
	assert_false(grant_room_at(&seg, SLOT, 0, &id, &room, &at));
	grant_rooms(&seg, SLOT, ids, 2);
	assert_true(grant_room_at(&seg, SLOT, 1, &id, &room, &at));
	assert_true(id == 5 && room == 0 && at == seen);
	grant_want_room(&seg, SLOT, 0, 3, 9);
	assert_true(grant_room_at(&seg, SLOT, 0, &id, &room, &at));
	assert_true(id == 77 && room == 3 && at == 9);
	assert_true(grant_after(10, at));
	assert_false(grant_after(9, at));
	assert_false(grant_after(8, at));
	assert_false(grant_room_at(&seg, SLOT, 2, &id, &room, &at));
	assert_false(grant_room_at(&seg, SLOT, SHM_WANT_TYPES, &id, &room, &at));
	/* a word that makes no sense promises no more than there can be */
	atomic_store(&seg.proc[SLOT].want_room[0], UINT64_MAX);
	assert_true(grant_room_at(&seg, SLOT, 0, &id, &room, &at));
	assert_int_equal(room, seg.geo.run_capacity);
	grant_attach(&seg, SLOT);
	assert_false(grant_room_at(&seg, SLOT, 0, &id, &room, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SEGMENT(test_nothing_is_seen_before_it_is_published), WITH_SEGMENT(test_wraps_for_ever), WITH_SEGMENT(test_a_full_ring_says_so),
		WITH_SEGMENT(test_a_publishing_cut_short_is_ended), WITH_SEGMENT(test_room_in_the_ring_wakes_the_keeper),
		WITH_SEGMENT(test_granted_again_is_taken_once), WITH_SEGMENT(test_a_successor_starts_empty), WITH_SEGMENT(test_a_want_that_makes_no_sense), WITH_SEGMENT(test_a_lying_ring_is_seen), WITH_SEGMENT(test_rooms_besides_the_one_in_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
