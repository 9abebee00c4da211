/* What the tests of lines of keys share: short verbs, on top of those of limits. */
#ifndef STINT_TESTS_STORE_LINES_H
#define STINT_TESTS_STORE_LINES_H

#include "tests/store/kv_count.h"
#include "tests/store/limits.h"

static MAYBE struct job put_key(struct fixture *f, const char *type, const char *queue, const char *key)
{
	struct job_spec s = spec_of(type, queue, 0, "1");

	s.key = (struct job_text){ key, strlen(key) };
	return submit(f, &s);
}

static MAYBE bool same(struct job_id a, struct job_id b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static MAYBE void claims(struct fixture *f, struct store_claimed *c, const struct job *want)
{
	assert_true(claimed(f, c));
	assert_true(same(c->job.id, want->id));
}

static MAYBE void nothing(struct fixture *f)
{
	struct store_claimed c;

	assert_false(store_has_ready(f->store));
	assert_false(claimed(f, &c));
}

/* All slices of what a change of the rules brings. Returns how many there were. */
static MAYBE unsigned settle(struct fixture *f, unsigned rows)
{
	unsigned n = 0;

	for (; store_has_lines(f->store); n++) {
		begin(f);
		assert_int_equal(store_lines(f->store, rows), STORE_OK);
		commit(f);
	}
	return n;
}

static MAYBE void set_rule(struct fixture *f, uint64_t n)
{
	type_rule[0].key_concurrency = n;
	rules(f);
}

static MAYBE struct job retry_in(struct fixture *f, const struct store_claimed *c, int64_t ms)
{
	struct store_finish m = finish_of(&c->job, JOB_OUTCOME_FAILED);
	struct job j;

	m.retry_in_ms = ms;
	assert_int_equal(finish(f, &m, &j), STORE_OK);
	assert_int_equal(j.state, JOB_RETRYING);
	return j;
}

static MAYBE void due(struct fixture *f)
{
	bool more;

	begin(f);
	assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
	commit(f);
}

static MAYBE enum store_rc act(struct fixture *f, struct job_id id, enum store_act what)
{
	struct job j;

	begin(f);
	enum store_rc rc = store_act(f->store, id, what, &j);
	commit(f);
	return rc;
}

#endif
