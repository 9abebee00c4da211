/* Fixtures and short verbs of the contract suite. */
#include "tests/store/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool counted_random(void *p, size_t n)
{
	static uint32_t seed = 12345;
	uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		b[i] = (uint8_t)(seed >> 24);
	}
	return true;
}

static bool runs_here(void *arg, struct job_text type)
{
	struct fixture *f = arg;

	return !(f->hide_type && type.n == 6 && memcmp(type.p, "hidden", 6) == 0);
}

static uint32_t weight(void *arg, struct job_text queue)
{
	(void)arg;
	return queue.n == 5 && memcmp(queue.p, "heavy", 5) == 0 ? 3 : 1;
}

static uint32_t max_crashes(void *arg, struct job_text type)
{
	struct fixture *f = arg;

	(void)type;
	return f->max_crashes;
}

static void heard(void *arg, const struct store_change *c)
{
	struct fixture *f = arg;

	if (f->nheard < sizeof(f->heard) / sizeof(f->heard[0])) {
		f->heard[f->nheard].event = c->event;
		f->heard[f->nheard].outcome = c->outcome;
		f->heard[f->nheard].state = c->job.state;
	}
	f->nheard++;
}

static void open_store(struct fixture *f)
{
	struct store_options o = { .path = f->dir[0] ? f->dir : NULL, .map_size = 64u << 20, .epoch = f->epoch, .random = counted_random, .idem_slice = f->idem_slice };
	enum store_rc rc;
	char why[512];

	f->store = store_open(&o, &rc, why, sizeof(why));
	if (!f->store)
		fail_msg("store_open: %s", why);
	store_rules(f->store, &f->rules);
	store_watch(f->store, heard, f);
	f->reader = store_reader_open(f->dir, 64u << 20, f->dir[0] ? NULL : f->store, &rc, why, sizeof(why));
	if (!f->reader)
		fail_msg("store_reader_open: %s", why);
}

static int fixture(void **state, const char *engine)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->engine = engine;
	f->epoch = 77;
	f->now_us = T0;
	f->max_crashes = 3;
	f->rules = (struct store_rules){ .arg = f, .runs_here = runs_here, .weight = weight, .max_crashes = max_crashes };
	if (strcmp(engine, "lmdb") == 0) {
		const char *tmp = getenv("TMPDIR");
		snprintf(f->dir, sizeof(f->dir), "%s/stint-store-XXXXXX", tmp ? tmp : "/tmp");
		assert_non_null(mkdtemp(f->dir));
	}
	open_store(f);
	*state = f;
	return 0;
}

int fixture_memory(void **state)
{
	return fixture(state, "memory");
}

int fixture_lmdb(void **state)
{
	return fixture(state, "lmdb");
}

int fixture_end(void **state)
{
	struct fixture *f = *state;

	store_reader_close(f->reader);
	store_close(f->store);
	if (f->dir[0]) {
		static const char *const files[] = { "data.mdb", "lock.mdb", "writer.lock" };
		char name[300];
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(name, sizeof(name), "%s/%s", f->dir, files[i]);
			unlink(name);
		}
		assert_int_equal(rmdir(f->dir), 0);     /* and nothing else lay there */
	}
	free(f);
	return 0;
}

bool fixture_persists(const struct fixture *f)
{
	return f->dir[0] != '\0';
}

void fixture_reopen(struct fixture *f, uint64_t epoch)
{
	if (!fixture_persists(f))
		return;
	store_reader_close(f->reader);
	store_close(f->store);
	f->epoch = epoch;
	open_store(f);
}

static struct job_text text(const char *s)
{
	return (struct job_text){ s, s ? strlen(s) : 0 };
}

struct job_spec spec_of(const char *type, const char *queue, int priority, const char *payload)
{
	return (struct job_spec){
		.type = text(type), .queue = text(queue), .priority = priority, .max_retries = 3, .timeout_ms = 30000, .aging_ms = 60000,
		.backoff = { .base_ms = 1000, .max_ms = 1048576000, .factor_milli = 2000, .jitter_pct = 0 },
		.payload = text(payload), .payload_len = strlen(payload),
	};
}

void begin(struct fixture *f)
{
	f->now_us += 1000;
	assert_int_equal(store_begin(f->store, f->now_us), STORE_OK);
}

void commit(struct fixture *f)
{
	assert_int_equal(store_commit(f->store), STORE_OK);
}

enum store_rc try_submit(struct fixture *f, const struct job_spec *spec, struct job *out)
{
	static uint8_t bytes[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(spec, bytes, sizeof(bytes));
	struct job_spec decoded;

	assert_true(n > 0);
	assert_int_equal(record_spec_decode(bytes, n, &decoded), RECORD_OK);
	return store_submit(f->store, &decoded, bytes, n, out);
}

struct job submit(struct fixture *f, const struct job_spec *spec)
{
	struct job j;

	begin(f);
	assert_int_equal(try_submit(f, spec, &j), STORE_OK);
	commit(f);
	return j;
}

bool claim(struct fixture *f, uint64_t grant_seq, struct store_claimed *out)
{
	struct store_owner owner = OWNER;

	begin(f);
	enum store_rc rc = store_claim(f->store, &owner, grant_seq, false, out);
	assert_true(rc == STORE_OK || rc == STORE_NOT_FOUND);
	commit(f);
	return rc == STORE_OK;
}

struct store_finish finish_of(const struct job *j, enum job_outcome outcome)
{
	return (struct store_finish){
		.id = j->id, .token = j->lease_token, .outcome = outcome, .exit_code = outcome == JOB_OUTCOME_SUCCEEDED ? 0 : 1,
		.started_ms = j->started_ms + 1, .duration_us = 2500, .cpu_us = 1200, .max_rss_kb = 4096, .retry_in_ms = -1,
	};
}

enum store_rc finish(struct fixture *f, const struct store_finish *m, struct job *out)
{
	struct job spare;

	begin(f);
	enum store_rc rc = store_finish(f->store, m, out ? out : &spare);
	commit(f);
	return rc;
}

enum store_rc look_rc(struct fixture *f, struct job_id id)
{
	struct job j;

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	enum store_rc rc = store_get(f->reader, id, &j, NULL);
	store_read_end(f->reader);
	return rc;
}

struct job look(struct fixture *f, struct job_id id)
{
	struct job j;

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_get(f->reader, id, &j, NULL), STORE_OK);
	store_read_end(f->reader);
	return j;
}

struct store_tally totals(struct fixture *f)
{
	struct store_tally t;

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_read_totals(f->reader, &t), STORE_OK);
	store_read_end(f->reader);
	return t;
}

static bool count_one(void *arg, const struct job *j, const struct job_spec *s)
{
	struct store_tally *t = arg;

	(void)s;
	t->state[j->state]++;
	t->retry_sum += j->retry_count;
	t->with_retries += j->retry_count > 0;
	return true;
}

static bool add_figure(void *arg, const struct store_figure *f)
{
	struct store_tally *t = arg;

	for (int i = 0; i < JOB_STATES; i++)
		t->state[i] += f->tally.state[i];
	t->submitted += f->tally.submitted;
	t->succeeded += f->tally.succeeded;
	return true;
}

void recount(struct fixture *f)
{
	struct store_tally counted = { .submitted = 0 }, queues = counted, types = counted, t = totals(f);

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_recent(f->reader, UINT32_MAX, count_one, &counted), STORE_OK);
	assert_int_equal(store_queues(f->reader, add_figure, &queues), STORE_OK);
	assert_int_equal(store_types(f->reader, add_figure, &types), STORE_OK);
	store_read_end(f->reader);
	for (int i = 0; i < JOB_STATES; i++) {
		assert_int_equal(t.state[i], counted.state[i]);
		assert_int_equal(t.state[i], queues.state[i]);
		assert_int_equal(t.state[i], types.state[i]);
	}
	assert_int_equal(t.retry_sum, counted.retry_sum);
	assert_int_equal(t.with_retries, counted.with_retries);
	assert_int_equal(t.submitted, queues.submitted);
	assert_int_equal(t.succeeded, types.succeeded);
}
