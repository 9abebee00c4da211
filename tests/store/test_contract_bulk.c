/* What store.h promises of what is done by hand to many jobs at once: which are meant, slices that lose nothing and do nothing twice; over every engine. */
#include "tests/store/contract.h"

#include <string.h>

#include "text/uuid.h"

#define BIT(state) (1u << (state))

static struct job_text text(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

static struct store_bulk bulk_of(struct fixture *f, enum store_act act)
{
	struct store_bulk b = { .act = act };

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_bulk_limits(f->reader, &b), STORE_OK);
	store_read_end(f->reader);
	return b;
}

static uint64_t dry(struct fixture *f, const struct store_bulk *b, unsigned looks)
{
	struct store_bulk_seen seen = { .n = 0 };
	struct store_cursor at = { .part = 0 };
	uint64_t n, sum = 0;

	while (at.part != STORE_CURSOR_END) {
		assert_int_equal(store_read_begin(f->reader), STORE_OK);
		assert_int_equal(store_bulk_count(f->reader, b, f->now_us / 1000, looks, &seen, &at, &n), STORE_OK);
		store_read_end(f->reader);
		assert_true(n <= looks);
		sum += n;
	}
	store_bulk_seen_free(&seen);
	return sum;
}

static struct { struct job_id id[16]; unsigned n; } asked;

static void ask(void *arg, const struct job *j)
{
	(void)arg;
	assert_true(j->state == JOB_RUNNING && j->cancel_asked);
	asked.id[asked.n++ & 15] = j->id;
}

/* Slice by slice, a batch each. */
static uint64_t whole(struct fixture *f, const struct store_bulk *b, unsigned looks, unsigned rows)
{
	struct store_cursor at = { .part = 0 };
	uint64_t n, sum = 0;
	unsigned slices = 0;

	while (at.part != STORE_CURSOR_END) {
		struct store_bulk_limit left = { looks, rows };
		begin(f);
		assert_int_equal(store_bulk(f->store, b, &left, &at, &n, ask, NULL), STORE_OK);
		commit(f);
		sum += n;
		assert_true(++slices < 10000);
	}
	recount(f);
	return sum;
}

/* A job of each state but for waiting; the running one is claimed under `seq`. */
struct zoo { struct job scheduled, queued, running, retrying, succeeded, dead, cancelled, expired; };

static struct job run(struct fixture *f, const struct job_spec *s, uint64_t seq)
{
	struct store_claimed c;

	submit(f, s);
	assert_true(claim(f, seq, &c));
	return c.job;
}

static struct job ended(struct fixture *f, const struct job_spec *s, uint64_t seq, enum job_outcome outcome, bool for_good, const char *error)
{
	struct job j = run(f, s, seq);
	struct store_finish m = finish_of(&j, outcome);

	m.no_retry = for_good;
	m.error = error ? text(error) : (struct job_text){ NULL, 0 };
	assert_int_equal(finish(f, &m, &j), STORE_OK);
	return j;
}

static struct zoo zoo(struct fixture *f, const char *type, const char *queue, uint64_t seq)
{
	struct job_spec s = spec_of(type, queue, 0, "1"), later = s, soon_over = s;
	struct zoo z;
	struct store_claimed c;

	later.run_at_ms = f->now_us / 1000 + 3600000;
	soon_over.expires_at_ms = f->now_us / 1000 + 1000000;
	z.retrying = ended(f, &s, seq, JOB_OUTCOME_FAILED, false, "no route to host");
	z.succeeded = ended(f, &s, seq + 1, JOB_OUTCOME_SUCCEEDED, false, NULL);
	z.dead = ended(f, &s, seq + 2, JOB_OUTCOME_FAILED, true, "Disk is FULL");
	z.cancelled = run(f, &s, seq + 3);
	begin(f);
	assert_int_equal(store_act(f->store, z.cancelled.id, STORE_ACT_CANCEL, &z.cancelled), STORE_OK);
	struct store_finish m = finish_of(&z.cancelled, JOB_OUTCOME_CANCELLED);
	assert_int_equal(store_finish(f->store, &m, &z.cancelled), STORE_OK);
	commit(f);
	z.running = run(f, &s, seq + 4);
	z.expired = submit(f, &soon_over);
	f->now_us += 2000000000LL;
	assert_false(claim(f, seq + 5, &c));
	z.scheduled = submit(f, &later);
	z.queued = submit(f, &s);
	return z;
}

static void test_which_jobs_an_act_is_for(void **state)
{
	struct fixture *f = *state;
	struct zoo z = zoo(f, "t", "q", 1);
	struct store_bulk b = bulk_of(f, STORE_ACT_CANCEL);

	assert_int_equal(look(f, z.expired.id).state, JOB_EXPIRED);
	assert_int_equal(dry(f, &b, 1), 4);
	b = bulk_of(f, STORE_ACT_RETRY);
	assert_int_equal(dry(f, &b, 3), 2);     /* the expired one would only expire again */
	b = bulk_of(f, STORE_ACT_DELETE);
	assert_int_equal(dry(f, &b, 100), 4);
	b.filter.states = BIT(JOB_SUCCEEDED) | BIT(JOB_EXPIRED) | BIT(JOB_QUEUED);
	assert_int_equal(whole(f, &b, 1, 1), 2);
	assert_int_equal(look_rc(f, z.succeeded.id), STORE_NOT_FOUND);
	assert_int_equal(look_rc(f, z.expired.id), STORE_NOT_FOUND);
	assert_int_equal(look(f, z.dead.id).state, JOB_DEAD);
	assert_int_equal(look(f, z.queued.id).state, JOB_QUEUED);
	assert_int_equal(store_act_states(STORE_ACT_RETRY), BIT(JOB_DEAD) | BIT(JOB_CANCELLED) | BIT(JOB_EXPIRED));
}

static void test_cancel_all(void **state)
{
	struct fixture *f = *state;
	struct zoo z = zoo(f, "t", "q", 1);
	struct store_bulk b = bulk_of(f, STORE_ACT_CANCEL);
	struct store_claimed c;

	asked.n = 0;
	assert_int_equal(whole(f, &b, 2, 1), 4);
	assert_int_equal(asked.n, 1);
	assert_memory_equal(&asked.id[0], &z.running.id, sizeof(z.running.id));
	assert_int_equal(look(f, z.scheduled.id).state, JOB_CANCELLED);
	assert_int_equal(look(f, z.retrying.id).state, JOB_CANCELLED);
	assert_int_equal(look(f, z.queued.id).state, JOB_CANCELLED);
	assert_true(look(f, z.running.id).cancel_asked);
	assert_false(claim(f, 20, &c));
	assert_int_equal(whole(f, &b, 100, 100), 0);    /* what was asked to end is not asked again */
	assert_int_equal(dry(f, &b, 100), 0);
}

static void test_filters(void **state)
{
	struct fixture *f = *state;
	struct zoo a = zoo(f, "alpha", "one", 1);

	struct job_spec other = spec_of("beta", "two", 0, "1");
	submit(f, &other);
	submit(f, &other);
	other.run_at_ms = f->now_us / 1000 + 3600000;
	submit(f, &other);
	struct store_bulk b = bulk_of(f, STORE_ACT_CANCEL);
	b.filter.type = text("alpha");
	assert_int_equal(dry(f, &b, 2), 4);
	b.filter.queue = text("two");
	assert_int_equal(dry(f, &b, 2), 0);
	b.filter.type = text("beta");
	assert_int_equal(dry(f, &b, 2), 3);
	b.filter.states = BIT(JOB_QUEUED);
	assert_int_equal(dry(f, &b, 2), 2);
	b.filter.type = text("bet");
	assert_int_equal(dry(f, &b, 2), 0);
	b = bulk_of(f, STORE_ACT_CANCEL);
	b.filter.type = text("alpha");
	b.filter.states = BIT(JOB_QUEUED) | BIT(JOB_SCHEDULED);
	assert_int_equal(whole(f, &b, 2, 1), 2);
	assert_int_equal(look(f, a.queued.id).state, JOB_CANCELLED);
	b.filter.type = text("beta");
	assert_int_equal(dry(f, &b, 2), 3);
}

static void test_tags_and_texts(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	char id[UUID_TEXT_BYTES];

	zoo(f, "t", "q", 1);
	s.tag[0] = text("red");
	s.tag[1] = text("Blue Moon");
	s.ntags = 2;
	s.name = text("Invoice 7");
	struct job j = submit(f, &s);
	struct store_bulk b = bulk_of(f, STORE_ACT_CANCEL);
	b.filter.tag = text("red");
	assert_int_equal(dry(f, &b, 5), 1);
	b.filter.tag = text("re");
	assert_int_equal(dry(f, &b, 5), 0);
	b.filter.tag = text("");
	static const char *const parts[] = { "invoice", "blue m", "7", NULL };
	for (unsigned i = 0; i < 3; i++) {
		b.filter.text = text(parts[i]);
		b.filter.tag = text("red");
		assert_int_equal(dry(f, &b, 5), 1);
	}
	uuid_format(j.id.b, id);
	b.filter.tag = text("");
	b.filter.text = text(id);
	assert_int_equal(dry(f, &b, 5), 1);
	b.filter.text = text("no ROUTE");
	assert_int_equal(dry(f, &b, 5), 1);
	b = bulk_of(f, STORE_ACT_RETRY);
	b.filter.text = text("disk is full");
	assert_int_equal(dry(f, &b, 5), 1);
	b.filter.text = text("disk is full of");
	assert_int_equal(dry(f, &b, 5), 0);
}

/* A job that dies again while the rest is retried is not retried twice, and one that was submitted later is not cancelled. */
static void test_only_what_was_there(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_cursor at = { .part = 0 };
	struct store_claimed c;
	uint64_t n, sum = 0;

	ended(f, &s, 1, JOB_OUTCOME_FAILED, true, NULL);
	ended(f, &s, 2, JOB_OUTCOME_FAILED, true, NULL);
	struct store_bulk b = bulk_of(f, STORE_ACT_RETRY);
	for (uint64_t i = 0; at.part != STORE_CURSOR_END; i++) {
		struct store_bulk_limit left = { 100, 1 };
		begin(f);
		assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, ask, NULL), STORE_OK);
		commit(f);
		sum += n;
		if (claim(f, 10 + i, &c)) {
			struct store_finish m = finish_of(&c.job, JOB_OUTCOME_FAILED);
			m.no_retry = true;
			assert_int_equal(finish(f, &m, NULL), STORE_OK);
		}
		assert_true(i < 10);
	}
	assert_int_equal(sum, 2);
	submit(f, &s);
	b = bulk_of(f, STORE_ACT_CANCEL);
	struct job late = submit(f, &s);
	assert_int_equal(whole(f, &b, 100, 100), 1);
	assert_int_equal(look(f, late.id).state, JOB_QUEUED);
}

/* A slice that was lost is done again with the cursor that was there before it; one that was committed is not done twice. */
static void test_a_death_between_slices(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_cursor at = { .part = 0 }, before;
	uint64_t n, sum = 0;

	for (int i = 0; i < 40; i++)
		submit(f, &s);
	struct store_bulk b = bulk_of(f, STORE_ACT_CANCEL);
	for (int i = 0; at.part != STORE_CURSOR_END; i++) {
		struct store_bulk_limit left = { 1000, 20 };
		before = at;
		begin(f);
		assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, ask, NULL), STORE_OK);
		if (i % 2 == 0) {
			store_abort(f->store);
			at = before;
			fixture_reopen(f, f->epoch + 1);
		} else {
			commit(f);
			sum += n;
		}
		assert_true(i < 100);
		recount(f);
	}
	assert_int_equal(sum, 40);
	assert_int_equal(totals(f).state[JOB_CANCELLED], 40);
}

static void test_a_share_that_is_used_up(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_cursor at = { .part = 0 };
	struct store_bulk_limit left = { 0, 100 };
	uint64_t n;

	submit(f, &s);
	struct store_bulk b = bulk_of(f, STORE_ACT_CANCEL);
	begin(f);
	assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, ask, NULL), STORE_OK);
	assert_true(n == 0 && at.part != STORE_CURSOR_END);
	left = (struct store_bulk_limit){ 100, 0 };
	assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, ask, NULL), STORE_OK);
	assert_true(n == 0 && at.part != STORE_CURSOR_END);
	left.rows = 100;
	assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, ask, NULL), STORE_OK);
	assert_true(n == 1 && at.part == STORE_CURSOR_END && left.looks < 100 && left.rows < 100);
	assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, ask, NULL), STORE_OK);
	assert_int_equal(n, 0);
	at.part = 77;
	assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, ask, NULL), STORE_INVALID);
	commit(f);
	recount(f);
}

/* A dry run counts what will be done, though what is done to one changes what can be to the next. */
static void test_a_retry_counts_what_it_will_do(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1"), key = s, other = s, child = s, grandchild = s;
	struct job out;

	key.unique_key = (struct job_text){ "a", 1 };
	other.unique_key = (struct job_text){ "b", 1 };
	for (int i = 0; i < 5; i++) {           /* five that end, the unique keys free each time */
		struct job a = submit(f, &key), b = submit(f, &other);
		begin(f);
		assert_int_equal(store_act(f->store, a.id, STORE_ACT_CANCEL, &out), STORE_OK);
		assert_int_equal(store_act(f->store, b.id, STORE_ACT_CANCEL, &out), STORE_OK);
		commit(f);
	}
	struct job holder = submit(f, &other);
	struct job parent = submit(f, &s);
	child.depends = parent.id.b;
	child.ndepends = 1;
	struct job c = submit(f, &child);
	grandchild.depends = c.id.b;
	grandchild.ndepends = 1;
	grandchild.queue = (struct job_text){ "r", 1 };
	submit(f, &grandchild);
	begin(f);
	assert_int_equal(store_act(f->store, parent.id, STORE_ACT_CANCEL, &out), STORE_OK);
	assert_int_equal(store_spread(f->store, 1000), STORE_OK);
	commit(f);
	struct store_bulk r = bulk_of(f, STORE_ACT_RETRY);
	r.filter.queue = grandchild.queue;
	assert_int_equal(dry(f, &r, 100), 0);           /* its parent is not meant */
	assert_int_equal(whole(f, &r, 100, 100), 0);
	r.filter.queue.n = 0;
	assert_int_equal(dry(f, &r, 100), 1 + 3);
	assert_int_equal(dry(f, &r, 3), 1 + 3);
	assert_int_equal(whole(f, &r, 3, 100), 1 + 3);
	assert_int_equal(look(f, holder.id).state, JOB_QUEUED);
	r = bulk_of(f, STORE_ACT_RETRY);
	assert_int_equal(dry(f, &r, 100), 0);
	assert_int_equal(whole(f, &r, 100, 100), 0);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_which_jobs_an_act_is_for), BOTH(test_cancel_all), BOTH(test_filters), BOTH(test_tags_and_texts), BOTH(test_only_what_was_there),
		BOTH(test_a_death_between_slices), BOTH(test_a_share_that_is_used_up), BOTH(test_a_retry_counts_what_it_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
