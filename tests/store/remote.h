/* Short verbs for leases with a time. Type "hidden" is what remote workers run. */
#ifndef STINT_TESTS_STORE_REMOTE_H
#define STINT_TESTS_STORE_REMOTE_H

#include <string.h>

#include "tests/store/contract.h"

#define TEXT(s) ((struct job_text){ s, sizeof(s) - 1 })
#define LEASE_MS 30000

static int64_t boot_ms = 5000000;

static inline bool take_of(struct fixture *f, const struct store_pick *p, const char *worker, struct store_claimed *out)
{
	struct store_lease l = { .worker = { worker, strlen(worker) }, .lease_ms = LEASE_MS, .boot_ms = boot_ms };

	begin(f);
	enum store_rc rc = store_claim_remote(f->store, p, &l, out);
	assert_true(rc == STORE_OK || rc == STORE_NOT_FOUND);
	commit(f);
	return rc == STORE_OK;
}

/* Of type "hidden", which does not run here, of any queue. */
static inline bool take(struct fixture *f, struct store_claimed *out)
{
	return take_of(f, &(struct store_pick){ .type = &TEXT("hidden"), .ntypes = 1 }, "far:1", out);
}

static inline void rules(struct fixture *f, bool hide)
{
	f->hide_type = hide;
	store_rules(f->store, &f->rules);
}

static inline struct job submit_to(struct fixture *f, const char *type, const char *queue, int priority)
{
	struct job_spec s = spec_of(type, queue, priority, "1");

	return submit(f, &s);
}

static inline enum store_rc end_as(struct fixture *f, const struct job *j, enum job_outcome outcome, struct store_ended *then)
{
	struct store_finish m = finish_of(j, outcome);

	m.started_ms = m.duration_us = 0;
	begin(f);
	enum store_rc rc = store_finish_remote(f->store, &m, then);
	commit(f);
	return rc;
}

static inline unsigned expire(struct fixture *f, int64_t at_ms, unsigned limit)
{
	uint64_t before = totals(f).recovered + totals(f).dead;
	bool more;

	begin(f);
	assert_int_equal(store_expire_leases(f->store, at_ms, limit, &more), STORE_OK);
	commit(f);
	return (unsigned)(totals(f).recovered + totals(f).dead - before);
}

static inline bool last_attempt(void *arg, const struct record_attempt *a)
{
	*(struct record_attempt *)arg = *a;
	return true;
}

static inline uint32_t outcome_of_last(struct fixture *f, struct job_id id)
{
	struct record_attempt a = { .outcome = 0 };

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_attempts(f->reader, id, last_attempt, &a), STORE_OK);
	store_read_end(f->reader);
	return a.outcome;
}

#endif
