/* What the tests of idempotency and unique keys share. */
#ifndef STINT_TESTS_STORE_KEYS_H
#define STINT_TESTS_STORE_KEYS_H

#include "tests/store/contract.h"

#include <string.h>

#define HOUR_MS 3600000LL
#define HOUR_US 3600000000LL

static inline void window(struct fixture *f, int64_t ms, uint64_t max)
{
	f->rules.idempotency_window_ms = ms;
	f->rules.idempotency_max = max;
	store_rules(f->store, &f->rules);
}

static inline struct job_spec keyed(const char *key, uint8_t fingerprint)
{
	struct job_spec s = spec_of("t", "q", 0, "1");

	s.idempotency_key = (struct job_text){ key, strlen(key) };
	memset(s.fingerprint, fingerprint, sizeof(s.fingerprint));
	return s;
}

static inline struct job_spec unique(const char *type, const char *key)
{
	struct job_spec s = spec_of(type, "q", 0, "1");

	s.unique_key = (struct job_text){ key, strlen(key) };
	return s;
}

static inline enum store_rc ask(struct fixture *f, const struct job_spec *s, struct job *out)
{
	begin(f);
	enum store_rc rc = try_submit(f, s, out);
	assert_false(store_spoilt(f->store));
	commit(f);
	return rc;
}

static inline bool same(const struct job *a, const struct job *b)
{
	return memcmp(&a->id, &b->id, sizeof(a->id)) == 0;
}

static inline void retain(struct fixture *f)
{
	bool more = true;

	while (more) {
		begin(f);
		assert_int_equal(store_retain(f->store, 2, &more), STORE_OK);
		commit(f);
	}
}

#endif
