/* Records that are damaged where they lie: the job they belong to is passed over or ends dead, nothing wrong is ever handed out, and neither the other jobs nor the batch suffer. */
#include "tests/store/contract.h"

#include <stdio.h>
#include <string.h>

#include "store/embedded.h"

/* --- changing rows behind the store's back --- */

static struct kv_txn *change_begin(struct fixture *f)
{
	struct kv_txn *t;

	assert_int_equal(f->store->kv->ops->begin(f->store->kv, true, &t), STORE_OK);
	return t;
}

static void change_end(struct fixture *f, struct kv_txn *t)
{
	assert_int_equal(f->store->kv->ops->commit(t), STORE_OK);
}

/* Flips bits of the byte at `at` of a row. */
static void flip(struct fixture *f, enum kv_table table, struct kv_bytes key, size_t at)
{
	struct kv_txn *t = change_begin(f);
	uint8_t row[8192];
	struct kv_bytes v;

	assert_int_equal(f->store->kv->ops->get(t, table, key, &v), STORE_OK);
	assert_true(at < v.n && v.n <= sizeof(row));
	memcpy(row, v.p, v.n);
	row[at] ^= 0x41;
	assert_int_equal(f->store->kv->ops->put(t, table, key, (struct kv_bytes){ row, v.n }), STORE_OK);
	change_end(f, t);
}

static void copy_row(struct fixture *f, enum kv_table table, struct kv_bytes from, struct kv_bytes to)
{
	struct kv_txn *t = change_begin(f);
	uint8_t row[8192];
	struct kv_bytes v;

	assert_int_equal(f->store->kv->ops->get(t, table, from, &v), STORE_OK);
	memcpy(row, v.p, v.n);
	assert_int_equal(f->store->kv->ops->put(t, table, to, (struct kv_bytes){ row, v.n }), STORE_OK);
	change_end(f, t);
}

static bool row_there(struct fixture *f, enum kv_table table, struct kv_bytes key)
{
	struct kv_txn *t = change_begin(f);
	struct kv_bytes v;
	bool there = f->store->kv->ops->get(t, table, key, &v) == STORE_OK;

	change_end(f, t);
	return there;
}

static size_t held(struct fixture *f)
{
	struct job_id last;

	return store_held(f->store, &last);
}

static bool always(void *arg, uint64_t token)
{
	(void)arg;
	(void)token;
	return true;
}

/* --- what is claimed --- */

static void test_a_damaged_job_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1"), u = spec_of("u", "q", 0, "1");
	struct job bad = submit(f, &s), next = submit(f, &s), other = submit(f, &u);
	struct store_claimed c;

	flip(f, KV_JOB, id_key(&bad.id), 40);
	begin(f);
	struct store_owner owner = OWNER;
	assert_int_equal(store_claim(f->store, &owner, 1, false, &c), STORE_OK);
	assert_memory_equal(&c.job.id, &next.id, sizeof(next.id));
	assert_false(store_spoilt(f->store));
	commit(f);
	assert_int_equal(held(f), 1);
	assert_true(claim(f, 2, &c));
	assert_memory_equal(&c.job.id, &other.id, sizeof(other.id));
	assert_false(claim(f, 3, &c));
	assert_false(store_has_ready(f->store));                /* or the keeper would spin */
	submit(f, &s);
	assert_true(claim(f, 3, &c));                           /* its queue goes on */
	if (!fixture_persists(f))
		return;
	flip(f, KV_JOB, id_key(&bad.id), 40);                   /* it can be read again */
	assert_false(claim(f, 4, &c));
	fixture_reopen(f, f->epoch);
	assert_int_equal(held(f), 0);
	assert_true(claim(f, 4, &c));
	assert_memory_equal(&c.job.id, &bad.id, sizeof(bad.id));
	recount(f);
}

static void test_any_number_of_them(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct job j[200];

	for (size_t i = 0; i < 200; i++) {
		char queue[16];
		snprintf(queue, sizeof(queue), "q%zu", i % 100);
		s.queue = (struct job_text){ queue, strlen(queue) };
		j[i] = submit(f, &s);
		if (i < 199)
			flip(f, KV_JOB, id_key(&j[i].id), 100);
	}
	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &j[199].id, sizeof(c.job.id));
	assert_false(claim(f, 2, &c));
	assert_int_equal(held(f), 199);
}

static bool last_error(void *arg, const struct record_attempt *a)
{
	struct job_text *to = arg;
	static char text[JOB_ERROR_MAX];

	memcpy(text, a->error.p, a->error.n);
	*to = (struct job_text){ text, a->error.n };
	return true;
}

static void test_a_damaged_payload_never_runs(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "{\"rm\":1}");
	struct job bad = submit(f, &s), next = submit(f, &s);
	struct job_text error = { NULL, 0 };
	struct store_claimed c;

	flip(f, KV_SPEC, id_key(&bad.id), RECORD_SPEC_HEAD + 3);
	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &next.id, sizeof(next.id));
	struct job j = look(f, bad.id);
	assert_int_equal(j.state, JOB_DEAD);
	assert_int_equal(j.attempts, 1);
	assert_int_equal(j.retry_count, 0);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_attempts(f->reader, bad.id, last_error, &error), STORE_OK);
	store_read_end(f->reader);
	assert_true(error.n > 10 && memmem(error.p, error.n, "damaged", 7));
	assert_int_equal(totals(f).dead, 1);
	assert_int_equal(held(f), 0);
}

static void test_the_record_of_another(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job a = submit(f, &s), b = submit(f, &s);
	struct store_claimed c;

	copy_row(f, KV_JOB, id_key(&b.id), id_key(&a.id));
	assert_int_equal(look_rc(f, a.id), STORE_DAMAGED);
	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &b.id, sizeof(b.id));
	assert_false(claim(f, 2, &c));
}

/* --- what time brings --- */

static void test_a_damaged_job_that_is_due(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	int64_t due = f->now_us / 1000 + 1000;
	struct job j[4];
	bool more;

	for (int i = 0; i < 4; i++) {
		s.run_at_ms = due + i;
		j[i] = submit(f, &s);
	}
	flip(f, KV_JOB, id_key(&j[0].id), 3);
	flip(f, KV_JOB, id_key(&j[2].id), 3);
	f->now_us = (due + 1) * 1000;   /* a batch is a millisecond later */
	begin(f);
	assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
	assert_false(more);
	commit(f);
	assert_int_equal(look(f, j[1].id).state, JOB_QUEUED);
	assert_int_equal(held(f), 2);
	assert_int_equal(store_next_due_ms(f->store), due + 3); /* and not what is held: the keeper would spin */
	begin(f);
	store_abort(f->store);
	begin(f);
	assert_int_equal(store_next_due_ms(f->store), due + 3);
	commit(f);
}

static void test_a_damaged_job_whose_time_is_over(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	bool more;

	f->now_us += 1000000;
	s.expires_at_ms = f->now_us / 1000 + 1000;
	struct job bad = submit(f, &s), good = submit(f, &s);
	flip(f, KV_JOB, id_key(&bad.id), 3);
	f->now_us += 2000000;
	begin(f);
	assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
	assert_false(more);
	commit(f);
	assert_int_equal(look(f, good.id).state, JOB_EXPIRED);
	assert_int_equal(held(f), 1);
	assert_true(store_next_due_ms(f->store) == INT64_MAX);
}

static void test_a_damaged_job_past_its_retention(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct job j[3];
	bool more;

	f->rules.retain_succeeded_ms = 1000;
	store_rules(f->store, &f->rules);
	for (uint64_t i = 0; i < 3; i++) {
		j[i] = submit(f, &s);
		assert_true(claim(f, i + 1, &c));
		struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
		assert_int_equal(finish(f, &m, NULL), STORE_OK);
	}
	flip(f, KV_JOB, id_key(&j[0].id), 200);
	flip(f, KV_SPEC, id_key(&j[1].id), 10);
	f->now_us += 10000000;
	begin(f);
	assert_int_equal(store_retain(f->store, 100, &more), STORE_OK);
	assert_false(more);
	commit(f);
	assert_int_equal(held(f), 2);
	assert_int_equal(look_rc(f, j[2].id), STORE_NOT_FOUND);
}

/* --- leases --- */

static void test_a_damaged_job_of_a_dead_worker(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c[3];
	bool more;

	for (uint64_t i = 0; i < 3; i++) {
		submit(f, &s);
		assert_true(claim(f, i + 1, &c[i]));
	}
	flip(f, KV_JOB, id_key(&c[0].job.id), 9);
	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, 3, always, NULL, 100, &more), STORE_OK);
	assert_false(more);
	commit(f);
	assert_int_equal(look(f, c[1].job.id).state, JOB_QUEUED);
	assert_int_equal(look(f, c[2].job.id).state, JOB_QUEUED);
	assert_int_equal(held(f), 1);
	if (!fixture_persists(f))
		return;
	flip(f, KV_JOB, id_key(&c[0].job.id), 9);
	fixture_reopen(f, 78);          /* its lease is still there to be found */
	begin(f);
	assert_int_equal(store_abandon_old(f->store, 100, &more), STORE_OK);
	assert_false(more);
	commit(f);
	assert_int_equal(look(f, c[0].job.id).state, JOB_QUEUED);
	recount(f);
}

static void test_a_lease_that_its_job_knows_nothing_of(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j = submit(f, &s);
	struct store_claimed c;
	bool more;

	assert_true(claim(f, 1, &c));
	struct key one = key_lease(f->epoch, SLOT, 1), two = key_lease(f->epoch, SLOT, 2);
	copy_row(f, KV_LEASE, key_of(&one), key_of(&two));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, 3, always, NULL, 100, &more), STORE_OK);
	assert_false(more);
	commit(f);
	assert_int_equal(look(f, j.id).state, JOB_SUCCEEDED);
	assert_false(row_there(f, KV_LEASE, key_of(&two)));
	recount(f);
}

static void test_the_end_of_a_damaged_job_does_not_spoil_the_batch(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed a, b;
	struct job out;

	submit(f, &s);
	submit(f, &s);
	assert_true(claim(f, 1, &a));
	assert_true(claim(f, 2, &b));
	flip(f, KV_JOB, id_key(&a.job.id), 77);
	begin(f);
	struct store_finish m = finish_of(&a.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(store_finish(f->store, &m, &out), STORE_DAMAGED);
	assert_false(store_spoilt(f->store));
	m = finish_of(&b.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(store_finish(f->store, &m, &out), STORE_OK);
	commit(f);
	assert_int_equal(look(f, b.job.id).state, JOB_SUCCEEDED);
}

static void test_a_failure_whose_payload_is_damaged_is_the_last(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct job j = submit(f, &s);

	assert_true(claim(f, 1, &c));
	flip(f, KV_SPEC, id_key(&j.id), 50);
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_FAILED);
	assert_int_equal(finish(f, &m, &j), STORE_OK);
	assert_int_equal(j.state, JOB_DEAD);
}

/* --- bytes --- */

static enum store_rc payload_rc(struct fixture *f, struct job_id id)
{
	struct buf out = { 0 };

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	enum store_rc rc = store_payload(f->reader, id, &out);
	store_read_end(f->reader);
	buf_free(&out);
	return rc;
}

static void test_damaged_bytes_are_not_read(void **state)
{
	struct fixture *f = *state;
	char text[4001];

	memset(text, 'x', 4000);
	text[4000] = '\0';
	struct job_spec s = spec_of("t", "q", 0, text);
	struct job a = submit(f, &s), b = submit(f, &s);
	struct key first = key_blob(1, 0), second = key_blob(1, 1), other = key_blob(2, 1);

	assert_int_equal(payload_rc(f, a.id), STORE_OK);
	flip(f, KV_BLOB, key_of(&first), 1000);
	assert_int_equal(payload_rc(f, a.id), STORE_DAMAGED);
	flip(f, KV_BLOB, key_of(&first), 1000);
	assert_int_equal(payload_rc(f, a.id), STORE_OK);
	copy_row(f, KV_BLOB, key_of(&first), key_of(&second));  /* the very same bytes, elsewhere */
	assert_int_equal(payload_rc(f, a.id), STORE_DAMAGED);
	copy_row(f, KV_BLOB, key_of(&first), key_of(&other));
	assert_int_equal(payload_rc(f, b.id), STORE_DAMAGED);
}

static void test_a_damaged_result_is_not_read(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct buf out = { 0 };
	struct job j;

	submit(f, &s);
	assert_true(claim(f, 1, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	m.result = (struct job_text){ "12345", 5 };
	assert_int_equal(finish(f, &m, &j), STORE_OK);
	flip(f, KV_RESULT, id_key(&j.id), 2);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_result(f->reader, &j, &out), STORE_DAMAGED);
	store_read_end(f->reader);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static bool count_jobs(void *arg, const struct job *j, const struct job_spec *s)
{
	(void)j;
	(void)s;
	++*(unsigned *)arg;
	return true;
}

static bool nothing(void *arg, const struct store_figure *f)
{
	(void)arg;
	(void)f;
	return true;
}

static void test_a_damaged_job_does_not_hide_the_others(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j[3] = { submit(f, &s), submit(f, &s), submit(f, &s) };
	unsigned n = 0;

	flip(f, KV_JOB, id_key(&j[0].id), 60);
	flip(f, KV_SPEC, id_key(&j[1].id), 60);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_recent(f->reader, 10, count_jobs, &n), STORE_OK);
	assert_int_equal(store_queues(f->reader, nothing, NULL), STORE_OK);
	store_read_end(f->reader);
	assert_int_equal(n, 1);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

/* Whichever byte it is: how far the schedule had come is not known, that is said, and it can be written anew. */
static void test_a_damaged_schedule(void **state)
{
	struct fixture *f = *state;
	struct store_schedule row = { .upto_ms = 1800000000123, .run_ms = 1799999999000, .print = 9 }, got;
	struct job_text name = { "nightly", 7 };

	for (size_t at = 0; at < 40; at++) {
		begin(f);
		assert_int_equal(store_schedule_put(f->store, name, &row), STORE_OK);
		commit(f);
		flip(f, KV_SCHEDULE, (struct kv_bytes){ name.p, name.n }, at);
		begin(f);
		assert_int_equal(store_schedule_get(f->store, name, &got), STORE_DAMAGED);
		assert_false(store_spoilt(f->store));
		assert_int_equal(store_schedule_put(f->store, name, &row), STORE_OK);
		commit(f);
		assert_int_equal(store_read_begin(f->reader), STORE_OK);
		assert_int_equal(store_schedule_read(f->reader, name, &got), STORE_OK);
		store_read_end(f->reader);
		assert_int_equal(got.upto_ms, row.upto_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_a_damaged_job_is_passed_over),
		BOTH(test_any_number_of_them),
		BOTH(test_a_damaged_payload_never_runs),
		BOTH(test_the_record_of_another),
		BOTH(test_a_damaged_job_that_is_due),
		BOTH(test_a_damaged_job_whose_time_is_over),
		BOTH(test_a_damaged_job_past_its_retention),
		BOTH(test_a_damaged_job_of_a_dead_worker),
		BOTH(test_a_lease_that_its_job_knows_nothing_of),
		BOTH(test_the_end_of_a_damaged_job_does_not_spoil_the_batch),
		BOTH(test_a_failure_whose_payload_is_damaged_is_the_last),
		BOTH(test_damaged_bytes_are_not_read),
		BOTH(test_a_damaged_result_is_not_read),
		BOTH(test_a_damaged_job_does_not_hide_the_others), BOTH(test_a_damaged_schedule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
