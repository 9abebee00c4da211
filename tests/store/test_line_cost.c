/* Lines of keys from below: what claims cost with many blocked jobs in front, counted in questions to the engine; and what damaged rows cost. Over every engine. */
#include "tests/store/lines.h"

/* --- cost --- */

/* What the engine is asked for a claim and its end, with so many jobs that wait for one key in front. */
static uint64_t cost_of_a_claim(struct fixture *f, unsigned blocked, const char *key)
{
	struct job_spec s = spec_of("t0", "q0", 9, "1");
	struct store_claimed c;
	struct job j;

	s.key = (struct job_text){ "a", 1 };
	begin(f);
	for (unsigned i = 0; i < blocked; i++)
		assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	commit(f);
	struct job freed = key ? put_key(f, "t0", "q0", key) : put(f, "t0", "q0");
	count_asked(f->store);
	claims(f, &c, &freed);
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	f->store->kv->ops = real_ops;
	return asked;
}

static void test_the_blocked_cost_a_claim_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_claimed head;

	set_rule(f, 1);
	struct job a = put_key(f, "t0", "q0", "a");
	claims(f, &head, &a);
	uint64_t before = cost_of_a_claim(f, 0, NULL), keyed = cost_of_a_claim(f, 0, "b");
	assert_in_range(keyed, before + 1, before + 8);         /* its own line: looked up, and its end */
	assert_int_equal(cost_of_a_claim(f, 1000, NULL), before);
	assert_int_equal(cost_of_a_claim(f, 20000, NULL), before);
	assert_int_equal(cost_of_a_claim(f, 1000, "b"), keyed);
	/* and the end of the head, which lets the next one in, likewise */
	count_asked(f->store);
	end(f, &head, JOB_OUTCOME_SUCCEEDED);
	f->store->kv->ops = real_ops;
	assert_in_range(asked, 1, 40);
}

static void test_a_key_without_a_limit_costs_nothing(void **state)
{
	struct fixture *f = *state;

	rules(f);
	put(f, "t0", "q0");
	uint64_t plain, keyed;
	struct store_claimed c;
	assert_true(claimed(f, &c));
	plain = cost_of_a_claim(f, 0, NULL);
	keyed = cost_of_a_claim(f, 0, "b");
	assert_int_equal(plain, keyed);
	count_asked(f->store);
	put(f, "t0", "q0");
	plain = asked;
	asked = 0;
	put_key(f, "t0", "q0", "b");
	f->store->kv->ops = real_ops;
	assert_int_equal(plain, asked);
	assert_int_equal(line_rows(f->store), 0);
}

/* --- damage --- */

static void spoil(struct fixture *f, enum kv_table t, struct kv_bytes key)
{
	struct kv_txn *txn;

	assert_int_equal(f->store->kv->ops->begin(f->store->kv, true, &txn), STORE_OK);
	assert_int_equal(f->store->kv->ops->put(txn, t, key, (struct kv_bytes){ "nonsense", 8 }), STORE_OK);
	assert_int_equal(f->store->kv->ops->commit(txn), STORE_OK);
}

static struct key row_of(struct fixture *f, const struct job *j, enum keyed_class class, uint64_t arrival)
{
	struct keyed_line l = { .type = turn_type(f->store->turn, (struct job_text){ "t0", 2 }, false) };

	memcpy(l.hash, j->line, sizeof(l.hash));
	return keyed_key(&l, class, arrival);
}

/* A record that cannot be read costs its own job, wherever in the line it stands. */
static void test_damaged_jobs(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	struct job a[6];

	set_rule(f, 1);
	for (int i = 0; i < 6; i++)
		a[i] = put_key(f, "t0", "q0", "a");
	spoil(f, KV_JOB, id_key(&a[0].id));                     /* it has the key and is queued */
	assert_false(claimed(f, &c));
	settle(f, 3);
	claims(f, &c, &a[1]);
	spoil(f, KV_JOB, id_key(&a[2].id));                     /* next in line */
	retry_in(f, &c, 1000);
	spoil(f, KV_JOB, id_key(&a[1].id));                     /* rests */
	f->now_us += 2000000;
	due(f);
	settle(f, 3);
	claims(f, &c, &a[3]);
	spoil(f, KV_JOB, id_key(&a[3].id));                     /* runs */
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_DAMAGED);
	settle(f, 3);
	claims(f, &c, &a[4]);
	nothing(f);
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	claims(f, &c, &a[5]);
}

/* Rows of the line itself: the head is counted anew, others are as good as absent. */
static void test_damaged_rows(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	struct job a[4];

	set_rule(f, 1);
	for (int i = 0; i < 4; i++)
		a[i] = put_key(f, "t0", "q0", "a");
	struct job last = look(f, a[3].id);
	struct key head = row_of(f, &last, KEYED_HEAD, 0), nobody = row_of(f, &last, KEYED_LINED, 1), odd = { .n = 0 };
	claims(f, &c, &a[0]);
	spoil(f, KV_LINE, key_of(&head));
	put_key(f, "t0", "q0", "b");
	struct job late = put_key(f, "t0", "q0", "a");
	spoil(f, KV_LINE, key_of(&nobody));
	claimed(f, &c);                                         /* b's */
	nothing(f);
	abandon(f, false);
	claims(f, &c, &a[0]);
	end(f, &c, JOB_OUTCOME_SUCCEEDED);
	key_bytes(&odd, head.b, 4);
	key_bytes(&odd, "what is this", 12);
	spoil(f, KV_LINE, key_of(&odd));
	set_rule(f, 2);
	settle(f, 3);
	unsigned n = 0;
	while (claimed(f, &c))
		n++;
	assert_int_equal(n, 3);                                 /* two of a, and b's */
	set_rule(f, 0);
	settle(f, 3);
	assert_int_equal(line_rows(f->store), 0);
	claims(f, &c, &last);
	claims(f, &c, &late);
	recount(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_the_blocked_cost_a_claim_nothing), BOTH(test_a_key_without_a_limit_costs_nothing), BOTH(test_damaged_jobs), BOTH(test_damaged_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
