/* What the tests of limits share: rules by name, short verbs. */
#ifndef STINT_TESTS_STORE_LIMITS_H
#define STINT_TESTS_STORE_LIMITS_H

#include <string.h>

#include "tests/store/contract.h"

#define MAYBE __attribute__((unused))

/* What the rules say: of queues "q0".. and types "t0".. by their digit, of others nothing. */
static struct store_limit queue_rule[10], type_rule[10];

static struct store_limit rule_of(const struct store_limit *rule, char first, struct job_text name)
{
	return name.n == 2 && name.p[0] == first ? rule[(name.p[1] - '0') % 10] : (struct store_limit){ .concurrency = 0 };
}

static struct store_limit queue_limit(void *arg, struct job_text queue)
{
	(void)arg;
	return rule_of(queue_rule, 'q', queue);
}

static struct store_limit type_limit(void *arg, struct job_text type)
{
	(void)arg;
	return rule_of(type_rule, 't', type);
}

static MAYBE void rules(struct fixture *f)
{
	f->rules.queue_limit = queue_limit;
	f->rules.type_limit = type_limit;
	store_rules(f->store, &f->rules);
}

static MAYBE int limits_memory(void **state)
{
	memset(queue_rule, 0, sizeof(queue_rule));
	memset(type_rule, 0, sizeof(type_rule));
	return fixture_memory(state);
}

static MAYBE int limits_lmdb(void **state)
{
	memset(queue_rule, 0, sizeof(queue_rule));
	memset(type_rule, 0, sizeof(type_rule));
	return fixture_lmdb(state);
}

static MAYBE struct job put(struct fixture *f, const char *type, const char *queue)
{
	struct job_spec s = spec_of(type, queue, 0, "1");

	return submit(f, &s);
}

static uint64_t grant;                  /* grants are numbered on and on */

static MAYBE bool claimed(struct fixture *f, struct store_claimed *out)
{
	return claim(f, ++grant, out);
}

static MAYBE bool is(struct job_text a, const char *b)
{
	return a.n == strlen(b) && memcmp(a.p, b, a.n) == 0;
}

static MAYBE void end(struct fixture *f, const struct store_claimed *c, enum job_outcome outcome)
{
	struct store_finish m = finish_of(&c->job, outcome);

	assert_int_equal(finish(f, &m, NULL), STORE_OK);
}

static MAYBE struct store_figure queue_of(struct fixture *f, const char *name)
{
	struct store_figure out;

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_queue(f->reader, (struct job_text){ name, strlen(name) }, true, &out), STORE_OK);
	store_read_end(f->reader);
	return out;
}

static MAYBE enum store_rc pause_queue(struct fixture *f, const char *name, bool paused)
{
	begin(f);
	enum store_rc rc = store_pause(f->store, (struct job_text){ name, strlen(name) }, paused);
	commit(f);
	return rc;
}

static MAYBE bool started(void *arg, uint64_t token)
{
	(void)token;
	return *(const bool *)arg;
}

static MAYBE void abandon(struct fixture *f, bool crashed)
{
	bool more;

	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, 3, started, &crashed, 100, &more), STORE_OK);
	commit(f);
	assert_false(more);
}

#define BOTH(t) { "memory: " #t, t, limits_memory, fixture_end, NULL }, { "lmdb: " #t, t, limits_lmdb, fixture_end, NULL }

#endif
