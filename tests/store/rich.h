/* A store with some of everything: a job in each state, with each kind of row beside it. For the tests of what goes through a whole store. */
#ifndef STINT_TESTS_STORE_RICH_H
#define STINT_TESTS_STORE_RICH_H

#include <string.h>

#include "tests/store/contract.h"

#define RICH_LONG 12345u

struct rich {
	struct job_id running, far, queued, scheduled, retrying, dead, small, large, cancelled, expired, waiting, freed, holder, lined, unique, keyed, alone;
};

static struct job_text rich_text(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

static struct job_text rich_bytes(unsigned seed, size_t n)
{
	static char b[4][RICH_LONG + 1];
	char *p = b[seed % 4];

	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + (i * 7 + seed) % 26);
	return (struct job_text){ p, n };
}

static struct store_limit rich_limit(void *arg, struct job_text type)
{
	(void)arg;
	return (struct store_limit){ .key_concurrency = type.n == 4 && memcmp(type.p, "line", 4) == 0 };
}

static struct job rich_submit(struct fixture *f, const char *type, const char *queue, const char *key)
{
	struct job_spec s = spec_of(type, queue, 0, "{\"n\":1}");

	s.name = rich_text("a name, \xc3\xa4");
	s.tag[0] = rich_text("red");
	s.ntags = 1;
	s.key = rich_text(key);
	return submit(f, &s);
}

static struct job rich_claim(struct fixture *f, struct job_id want, uint64_t grant)
{
	struct store_claimed c;

	assert_true(claim(f, grant, &c));
	assert_memory_equal(&c.job.id, &want, sizeof(want));
	return c.job;
}

static uint64_t rich_stage(struct fixture *f, struct job_text b)
{
	uint64_t blob;

	begin(f);
	assert_int_equal(store_stage(f->store, SLOT, 3, 0, 0, b, &blob), STORE_OK);
	commit(f);
	return blob;
}

static bool rich_always(void *arg, uint64_t token)
{
	(void)arg;
	(void)token;
	return true;
}

/* Two attempts that crash: from then on it runs alone. */
static void rich_crash(struct fixture *f, struct job_id id)
{
	bool more;

	for (unsigned i = 0; i < 2; i++) {
		rich_claim(f, id, 40 + i);
		begin(f);
		assert_int_equal(store_abandon(f->store, SLOT, OWNER.incarnation, rich_always, NULL, 10, &more), STORE_OK);
		commit(f);
	}
}

static void rich_ends(struct fixture *f, struct rich *r)
{
	struct store_finish m;
	struct job j;

	r->dead = rich_submit(f, "t", "q", "").id;
	for (unsigned i = 0; i < 2; i++) {
		j = rich_claim(f, r->dead, 50 + i);
		m = finish_of(&j, JOB_OUTCOME_FAILED);
		m.error = rich_text("no such luck");
		m.log = rich_bytes(i, i ? 3000 : 100);          /* the second one in rows of its own */
		m.no_retry = i == 1;
		m.retry_in_ms = 0;
		assert_int_equal(finish(f, &m, &j), STORE_OK);
		if (i == 0) {
			begin(f);
			assert_int_equal(store_act(f->store, r->dead, STORE_ACT_RUN_NOW, &j), STORE_OK);
			commit(f);
		}
	}
	r->small = rich_submit(f, "t", "q", "").id;
	j = rich_claim(f, r->small, 60);
	begin(f);
	assert_int_equal(store_progress(f->store, r->small, j.lease_token, 40, rich_text("on the way")), STORE_OK);
	commit(f);
	m = finish_of(&j, JOB_OUTCOME_SUCCEEDED);
	m.result = rich_text("{\"ok\":true}");
	m.result_json = true;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	struct job_spec s = spec_of("t", "q", 0, "");
	s.payload_blob = rich_stage(f, rich_bytes(2, RICH_LONG));
	s.payload_len = RICH_LONG;
	s.content_type = rich_text("text/plain");
	r->large = submit(f, &s).id;
	j = rich_claim(f, r->large, 61);
	m = finish_of(&j, JOB_OUTCOME_SUCCEEDED);
	m.result_len = RICH_LONG - 1;
	m.result_blob = rich_stage(f, rich_bytes(3, RICH_LONG - 1));
	m.log_len = RICH_LONG - 2;
	m.log_blob = rich_stage(f, rich_bytes(1, RICH_LONG - 2));
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	r->cancelled = rich_submit(f, "t", "q", "").id;
	begin(f);
	assert_int_equal(store_act(f->store, r->cancelled, STORE_ACT_CANCEL, &j), STORE_OK);
	commit(f);
	s = spec_of("t", "q", 0, "1");
	s.expires_at_ms = f->now_us / 1000 + 1000;
	r->expired = submit(f, &s).id;
	f->now_us += 2000000;
	bool more;
	begin(f);
	assert_int_equal(store_due(f->store, 10, &more), STORE_OK);
	commit(f);
}

static void rich_waits(struct fixture *f, struct rich *r)
{
	struct job_spec s = spec_of("t", "q", 5, "1");
	struct store_finish m;
	uint8_t parents[2 * sizeof(struct job_id)];
	struct job j;

	r->retrying = rich_submit(f, "t", "q", "").id;
	j = rich_claim(f, r->retrying, 70);
	m = finish_of(&j, JOB_OUTCOME_TIMED_OUT);
	m.retry_in_ms = 3600000;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	r->queued = submit(f, &s).id;
	s.run_at_ms = f->now_us / 1000 + 3600000;
	s.expires_at_ms = s.run_at_ms + 1000;
	r->scheduled = submit(f, &s).id;
	s = spec_of("t", "q", 0, "1");
	memcpy(parents, &r->queued, sizeof(r->queued));
	memcpy(parents + sizeof(r->queued), &r->small, sizeof(r->small));
	s.ndepends = 2;
	s.depends = parents;
	r->waiting = submit(f, &s).id;
	memcpy(parents, &r->large, sizeof(r->large));
	r->freed = submit(f, &s).id;
	r->holder = rich_submit(f, "line", "q", "key 1").id;
	r->lined = rich_submit(f, "line", "q", "key 1").id;
	s = spec_of("t", "q", 0, "1");
	s.unique_key = rich_text("only one");
	r->unique = submit(f, &s).id;
	s = spec_of("t", "q", 0, "1");
	s.idempotency_key = rich_text("once");
	memset(s.fingerprint, 7, sizeof(s.fingerprint));
	r->keyed = submit(f, &s).id;
}

static void rich_make(struct fixture *f, struct rich *r)
{
	struct store_lease l = { .worker = { "far:1", 5 }, .lease_ms = 30000, .boot_ms = 5000000 };
	struct job_text hidden = { "hidden", 6 };
	struct store_claimed c;
	uint64_t blob;

	f->hide_type = true;
	f->rules.type_limit = rich_limit;
	f->rules.idempotency_window_ms = 86400000;
	f->rules.idempotency_max = 1000;
	store_rules(f->store, &f->rules);
	rich_ends(f, r);
	r->alone = rich_submit(f, "t", "q", "").id;
	rich_crash(f, r->alone);
	r->running = rich_submit(f, "t", "q", "").id;
	rich_claim(f, r->running, 30);
	r->far = rich_submit(f, "hidden", "q2", "").id;
	begin(f);
	assert_int_equal(store_claim_remote(f->store, &(struct store_pick){ .type = &hidden, .ntypes = 1 }, &l, &c), STORE_OK);
	commit(f);
	begin(f);       /* staged, and owned by nobody yet; then what is to be swept */
	assert_int_equal(store_stage(f->store, SLOT, 3, 0, 0, rich_bytes(0, 5000), &blob), STORE_OK);
	assert_int_equal(store_stage(f->store, SLOT, 3, 0, 0, rich_bytes(0, 5000), &blob), STORE_OK);
	assert_int_equal(store_unstage(f->store, SLOT, 3, blob), STORE_OK);
	assert_int_equal(store_token_put(f->store, 2, 5), STORE_OK);
	assert_int_equal(store_pause(f->store, rich_text("halted"), true), STORE_OK);
	assert_int_equal(store_schedule_put(f->store, rich_text("nightly"), &(struct store_schedule){ 1800000000000, 1700000000000, r->small, 9 }), STORE_OK);
	commit(f);
	rich_waits(f, r);
}

#endif
