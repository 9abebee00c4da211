/* Requests from the asker's box to the keeper's walk and back; and what a hostile asker could write. */
#include "tests/shm/segment_fixture.h"

#include <errno.h>

#include "shm/request.h"

#define SLOT 2u                         /* the first acceptor */

static char copy[REQUEST_BYTES_MAX];
static struct ask_box *box;
static uint64_t answered[4096];
static unsigned nanswered;

static void done(void *arg, const struct request_result *r)
{
	(void)arg;
	if (nanswered < 4096)
		answered[nanswered] = r->tag;
	nanswered++;
}

static int setup(void **state)
{
	if (segment_setup(state) != 0)
		return -1;
	nanswered = 0;
	box = ask_open(&seg, SLOT, done, NULL);
	return box ? 0 : -1;
}

static int teardown(void **state)
{
	ask_close(box);
	return segment_teardown(state);
}

/* Plays the keeper: answers every POSTED request; returns how many operations it saw, checking that each body is `len` bytes of its tag's low byte where len is not 0. */
static unsigned keep(uint32_t slot, size_t len, uint64_t blob)
{
	unsigned seen = 0;

	for (uint32_t i = 0; i < request_count(&seg); i++) {
		struct shm_request *r = request_slot(&seg, i);
		struct request_head head;
		struct job_text body;
		uint32_t at = 0, n = 0, capacity;
		if (r->owner != slot || r->state != SHM_REQUEST_POSTED)
			continue;
		struct request_result *result = request_results(&seg, r, &capacity);
		while (request_next(&seg, r, &at, &head, copy, &body) == 1) {
			assert_true(n < capacity);
			if (len) {
				assert_int_equal(body.n, len);
				for (size_t b = 0; b < len; b++)
					assert_int_equal((uint8_t)body.p[b], (uint8_t)head.tag);
			}
			result[n++] = (struct request_result){ .tag = head.tag, .blob = blob };
		}
		assert_int_equal(n, r->nops);
		seen += n;
		request_publish(&seg, r);
	}
	return seen;
}

static void add(uint64_t tag, size_t len)
{
	char body[8192];

	memset(body, (int)(uint8_t)tag, sizeof(body));
	struct ask_piece piece[] = { { body, len / 2 }, { body, len - len / 2 } };
	assert_int_equal(ask_add(box, REQUEST_SUBMIT, tag, piece, 2), 0);
}

static void test_one_turn_is_one_request(void **state)
{
	(void)state;
	for (uint64_t t = 1; t <= 10; t++)
		add(t, 300);
	assert_int_equal(keep(SLOT, 300, 0), 0);        /* nothing is visible before the turn's end */
	ask_post(box);
	assert_int_equal(ask_outstanding(box), 10);
	assert_int_equal(keep(SLOT, 300, 0), 10);
	assert_int_equal(ask_poll(box), 10);
	assert_int_equal(ask_outstanding(box), 0);
	for (uint64_t t = 1; t <= 10; t++)
		assert_int_equal(answered[t - 1], t);
}

static void test_more_than_fits_waits_in_order(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint64_t t = 1; t <= 3000; t++)
		add(t, 1000);
	ask_post(box);
	for (int round = 0; round < 100 && ask_outstanding(box); round++) {
		n += keep(SLOT, 1000, 0);
		ask_poll(box);
		ask_post(box);
	}
	assert_int_equal(n, 3000);
	assert_int_equal(nanswered, 3000);
	for (uint64_t t = 1; t <= 3000; t++)
		assert_int_equal(answered[t - 1], t);
}

/* A group is one operation with many results, which find their room or wait for it. */
static void test_a_group_has_many_results(void **state)
{
	static char specs[200000];
	struct request_group m = { .n = 600 };
	static struct request_element e[1100];
	struct ask_piece piece[] = { { &m, sizeof(m) }, { e, 600 * sizeof(e[0]) }, { specs, sizeof(specs) } };
	uint32_t capacity;

	(void)state;
	for (unsigned i = 0; i < 600; i++)
		e[i].tag = i + 1;
	assert_int_equal(ask_add_group(box, 600, piece, 3), 0);
	assert_int_equal(ask_add_group(box, 600, piece, 3), 0);         /* not into the same request */
	ask_post(box);
	assert_int_equal(ask_outstanding(box), 1200);
	for (uint32_t i = 0, groups = 0; i < request_count(&seg); i++) {
		struct shm_request *r = request_slot(&seg, i);
		struct request_head head;
		struct job_text body;
		uint32_t at = 0;
		if (r->state != SHM_REQUEST_POSTED)
			continue;
		struct request_result *result = request_results(&seg, r, &capacity);
		assert_int_equal(r->nops, 600);
		assert_int_equal(request_next(&seg, r, &at, &head, copy, &body), 1);
		assert_int_equal(head.op, REQUEST_GROUP);
		assert_int_equal(body.n, sizeof(m) + 600 * sizeof(e[0]) + sizeof(specs));
		assert_int_equal(request_next(&seg, r, &at, &head, copy, &body), 0);
		for (unsigned k = 0; k < 600; k++)
			result[k] = (struct request_result){ .tag = k + 1 + 600 * groups };
		groups++;
		request_publish(&seg, r);
	}
	assert_int_equal(ask_poll(box), 1200);
	assert_int_equal(ask_outstanding(box), 0);
	for (uint64_t i = 0; i < 1200; i++)
		assert_int_equal(answered[i], i + 1);
	/* a thousand have room in a request, whatever is beyond is refused */
	piece[1].n = 1000 * sizeof(e[0]);
	assert_int_equal(ask_add_group(box, 1000, piece, 3), 0);
	assert_int_equal(ask_add_group(box, 5000, piece, 3), -1);
	assert_int_equal(errno, EMSGSIZE);
	piece[2].n = 150000;
	assert_int_equal(ask_add_group(box, 1000, (struct ask_piece[]){ piece[0], piece[1], piece[2], piece[2] }, 4), -1);
	assert_int_equal(errno, EMSGSIZE);
}

static void test_sequences_go_on_after_a_successor(void **state)
{
	uint64_t before;

	(void)state;
	add(1, 8);
	ask_post(box);
	keep(SLOT, 8, 0);
	ask_poll(box);
	before = request_slot(&seg, 0)->seq;
	assert_int_equal(before, 1);
	ask_close(box);
	box = ask_open(&seg, SLOT, done, NULL);
	add(2, 8);
	ask_post(box);
	assert_int_equal(request_slot(&seg, 0)->seq, before + 1);
	keep(SLOT, 8, 0);
	ask_poll(box);
}

static void test_too_long_is_refused(void **state)
{
	static char big[300 << 10];
	struct ask_piece p = { big, sizeof(big) };

	(void)state;
	assert_int_equal(ask_add(box, REQUEST_SUBMIT, 1, &p, 1), -1);
	assert_int_equal(ask_outstanding(box), 0);
}

static struct { uint64_t blob; int rc, calls; } staged;

static void ready(void *arg, uint64_t blob, int rc)
{
	(void)arg;
	staged.blob = blob;
	staged.rc = rc;
	staged.calls++;
}

static void test_staging(void **state)
{
	static char bytes[130000];
	unsigned chunks = 0;

	(void)state;
	memset(&staged, 0, sizeof(staged));
	assert_int_equal(ask_stage(box, bytes, sizeof(bytes), ready, NULL), 0);
	for (int i = 0; i < 10 && staged.calls == 0; i++) {
		ask_post(box);
		chunks += keep(SLOT, 0, 99);
		ask_poll(box);
	}
	assert_int_equal(chunks, 3);
	assert_int_equal(staged.calls, 1);
	assert_int_equal(staged.blob, 99);
	assert_int_equal(staged.rc, 0);
	assert_int_equal(nanswered, 0);         /* the box's own operations are not the caller's */
}

/* What the segment says of places and tags may be a lie of whoever else can write there: the box goes by what it knows. */
static void test_a_box_is_not_led_astray(void **state)
{
	static char bytes[1000];
	uint32_t capacity;

	(void)state;
	for (uint32_t i = 0; i < request_count(&seg); i++) {
		struct shm_request *r = request_slot(&seg, i);
		r->off_ops = UINT64_MAX / 2;
		r->ops_capacity = r->results_capacity = UINT32_MAX;
	}
	assert_int_equal(ask_stage(box, bytes, sizeof(bytes), ready, NULL), 0);
	memset(&staged, 0, sizeof(staged));
	ask_post(box);
	struct shm_request *r = request_slot(&seg, 0);
	struct request_result *result = request_results(&seg, r, &capacity);
	*result = (struct request_result){ .tag = UINT64_MAX, .blob = 7 };      /* no staging of ours */
	r->nops = 1;
	request_publish(&seg, r);
	assert_int_equal(ask_poll(box), 1);
	assert_int_equal(staged.calls, 0);
}

/* Judged once, used afterwards: what it writes later is another request. */
static void test_an_asker_cannot_change_what_is_looked_at(void **state)
{
	struct shm_request *r = request_slot(&seg, 0);
	struct request_head head;
	struct job_text body;
	uint32_t at = 0;

	(void)state;
	add(7, 64);
	ask_post(box);
	assert_int_equal(request_next(&seg, r, &at, &head, copy, &body), 1);
	memset(seg.base + r->off_ops, 0xff, r->bytes);
	assert_int_equal(body.n, 64);
	for (size_t i = 0; i < body.n; i++)
		assert_int_equal((uint8_t)body.p[i], 7);
}

static void test_a_lying_asker_is_seen(void **state)
{
	struct shm_request *r = request_slot(&seg, 0);
	struct request_head head, lie;
	struct job_text body;
	uint32_t at = 0, capacity;

	(void)state;
	add(1, 64);
	ask_post(box);
	memcpy(&lie, seg.base + r->off_ops, sizeof(lie));
	for (uint32_t bytes = 65; bytes < UINT32_MAX - 70000000; bytes += 69999999) {
		lie.bytes = bytes;
		memcpy(seg.base + r->off_ops, &lie, sizeof(lie));
		at = 0;
		int rc = request_next(&seg, r, &at, &head, copy, &body);
		assert_true(rc == -1 || bytes <= 64);
	}
	r->bytes = UINT32_MAX;
	at = 0;
	assert_int_equal(request_next(&seg, r, &at, &head, copy, &body), -1);
	r->bytes = 8;
	assert_int_equal(request_next(&seg, r, &at, &head, copy, &body), -1);
	at = 0;
	/* places that lie are not looked at */
	r->bytes = 0;
	r->off_ops = seg.bytes - 8;
	r->off_results = 0;
	r->owner = UINT32_MAX;
	r->results_capacity = UINT32_MAX;
	assert_int_equal(request_next(&seg, r, &at, &head, copy, &body), 0);
	assert_int_equal(request_owner(&seg, r), SLOT);
	assert_true((char *)request_results(&seg, r, &capacity) > seg.base + seg.geo.off_area);
	assert_int_equal(capacity, seg.geo.result_bytes_acceptor / sizeof(struct request_result));
}

#define WITH_BOX(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BOX(test_one_turn_is_one_request), WITH_BOX(test_more_than_fits_waits_in_order), WITH_BOX(test_a_group_has_many_results), WITH_BOX(test_sequences_go_on_after_a_successor), WITH_BOX(test_too_long_is_refused),
		WITH_BOX(test_staging), WITH_BOX(test_a_box_is_not_led_astray), WITH_BOX(test_an_asker_cannot_change_what_is_looked_at),
		WITH_BOX(test_a_lying_asker_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
