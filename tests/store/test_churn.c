/* Churn: many more jobs go through a store than it holds at a time, and its file stays as large as it was when it had been filled and turned over once. In batches of the keeper's size and order, over LMDB with its
 * syncs, with large payloads and results, retries, keys, children. STINT_CHURN_JOBS=10000000 STINT_CHURN_HELD=100000 make it the full run: ten minutes or more, and 200 MB below TMPDIR. */
#include "tests/store/contract.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "process/keeper.h"

#define LONG_EVERY 10000                /* so many jobs: one of max_body; and ten times as often one of a sixteenth of that */
#define MAX_BODY (1u << 20)
#define CHUNK 64000u                    /* staged at a time; a multiple of a row */
#define BATCH_MAX 512u
#define BACKLOG_SHARE 10u               /* of what is held, a tenth waits */
#define JOB_US 100                      /* of the store's clock: 10,000 jobs a second */
#define WORST 1.3

#ifdef __SANITIZE_ADDRESS__
#define JOBS 120000
#define HELD 25000
#else
#define JOBS 300000
#define HELD 50000
#endif

static struct {
	char dir[200];
	struct store *store;
	struct store_reader *reader;
	int64_t now_us;
	uint64_t jobs, held, submitted, ended, grants, biggest;
	struct store_claimed_few { struct job_id id; uint64_t token; } running[BATCH_MAX];
	unsigned nrunning, ended_in_batch;
	struct job_id last;
	uint8_t body[MAX_BODY];
	uint64_t full, steady, largest; /* bytes of the file: when it first held so many jobs; when twice as many had gone through; ever */
} c;

static uint32_t dice(uint32_t sides)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

static bool bytes_of(void *p, size_t n)
{
	uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)dice(256);
	return true;
}

static void heard(void *arg, const struct store_change *change)
{
	(void)arg;
	c.ended_in_batch += job_state_final(change->job.state);
}

static void open_store(void)
{
	struct store_options o = { .path = c.dir, .map_size = UINT64_C(16) << 30, .epoch = 1, .random = bytes_of };
	/* what has failed goes by its age, what has succeeded by their number; keys are remembered for about as many jobs */
	int64_t turn_ms = (int64_t)c.held * JOB_US / 1000;
	struct store_rules rules = { .retain_failed_ms = turn_ms, .retain_count = c.held - c.held / BACKLOG_SHARE, .idempotency_window_ms = turn_ms, .idempotency_max = 4000000 };
	enum store_rc rc;
	char why[512];

	c.store = store_open(&o, &rc, why, sizeof(why));
	if (!c.store)
		fail_msg("store_open: %s", why);
	store_rules(c.store, &rules);
	store_watch(c.store, heard, NULL);
	c.reader = store_reader_open(c.dir, o.map_size, NULL, &rc, why, sizeof(why));
	assert_non_null(c.reader);
}

static uint64_t file_bytes(void)
{
	char name[300];
	struct stat st;

	snprintf(name, sizeof(name), "%s/data.mdb", c.dir);
	assert_int_equal(stat(name, &st), 0);
	return (uint64_t)st.st_size;
}

/* --- what comes in --- */

static uint64_t stage(uint64_t bytes)
{
	uint64_t blob = 0;

	for (uint64_t at = 0; at < bytes; at += CHUNK) {
		size_t n = bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK;
		assert_int_equal(store_stage(c.store, SLOT, 3, blob, at, (struct job_text){ (const char *)c.body + at, n }, &blob), STORE_OK);
	}
	return blob;
}

static void set_payload(struct job_spec *s, uint64_t i)
{
	size_t n = i % LONG_EVERY == 0 ? MAX_BODY : i % (LONG_EVERY / 10) == 0 ? MAX_BODY / 16 : i % 50 == 0 ? 3000 : 200;

	s->payload_len = n;
	if (n > JOB_INLINE_MAX)
		s->payload_blob = stage(n);
	else
		s->payload = (struct job_text){ (const char *)c.body, n };
}

static void submit_one(void)
{
	static const char *const queues[] = { "mail", "images", "reports" }, *const types[] = { "send", "shrink", "sum" };
	static uint8_t bytes[RECORD_SPEC_MAX];
	uint64_t i = ++c.submitted;
	struct job_spec s = {
		.type = { types[i % 3], strlen(types[i % 3]) }, .queue = { queues[i / 3 % 3], strlen(queues[i / 3 % 3]) }, .priority = (int32_t)(i % 4), .max_retries = 3, .timeout_ms = 30000,
		.aging_ms = 60000, .backoff = { .base_ms = 1000, .max_ms = 60000, .factor_milli = 2000 }, .depends = i % 20 == 1 ? c.last.b : NULL, .ndepends = i % 20 == 1,
	};
	char key[32], unique[32];
	struct job j;

	set_payload(&s, i);
	if (i % 2)
		s.idempotency_key = (struct job_text){ key, (size_t)snprintf(key, sizeof(key), "request-%" PRIu64, i) };
	if (i % 25 == 0)
		s.unique_key = (struct job_text){ unique, (size_t)snprintf(unique, sizeof(unique), "order-%" PRIu64, i) };
	if (i % 30 == 0)
		s.run_at_ms = c.now_us / 1000 + dice(2000);
	size_t n = record_spec_encode(&s, bytes, sizeof(bytes));
	assert_true(n > 0);
	struct job_spec decoded;
	assert_int_equal(record_spec_decode(bytes, n, &decoded), RECORD_OK);
	enum store_rc rc = store_submit(c.store, &decoded, bytes, n, &j);
	/* the very first has nobody to depend on */
	assert_int_equal(rc, i == 1 ? STORE_PARENT : STORE_OK);
	if (rc == STORE_OK)
		c.last = j.id;
}

/* --- what is run --- */

static void claim_some(unsigned most)
{
	struct store_owner owner = OWNER;

	for (c.nrunning = 0; c.nrunning < most; c.nrunning++) {
		struct store_claimed one;
		if (store_claim(c.store, &owner, ++c.grants, true, &one) != STORE_OK)
			break;
		c.running[c.nrunning] = (struct store_claimed_few){ one.job.id, one.job.lease_token };
	}
}

static void finish_all(void)
{
	static const char log[600];

	for (unsigned i = 0; i < c.nrunning; i++) {
		uint64_t n = ++c.ended;
		struct store_finish f = { .id = c.running[i].id, .token = c.running[i].token, .outcome = JOB_OUTCOME_SUCCEEDED, .started_ms = c.now_us / 1000, .duration_us = 900, .retry_in_ms = 1000 + dice(500) };
		struct job out;
		if (n % 15 == 0) {
			f.outcome = JOB_OUTCOME_FAILED;
			f.no_retry = n % 75 == 0;
			f.error = (struct job_text){ "it did not work", 15 };
			f.log = (struct job_text){ log, sizeof(log) };
		} else if (n % 100 == 1) {
			f.outcome = JOB_OUTCOME_RELEASED;
		} else {
			f.result = (struct job_text){ (const char *)c.body, n % 100 == 2 ? 4000 : 40 };
		}
		if (f.outcome == JOB_OUTCOME_SUCCEEDED && n % (LONG_EVERY / 2) == 2) {
			f.result_len = MAX_BODY / 4;
			f.result_blob = stage(f.result_len);
		}
		assert_int_equal(store_finish(c.store, &f, &out), STORE_OK);
	}
}

/* As the keeper does it: ends, then what came in, then what time brings, then claims. */
static void batch(void)
{
	static const unsigned sizes[] = { 1, 8, 30, 30, 64, 64, 200, BATCH_MAX, BATCH_MAX, BATCH_MAX, BATCH_MAX, BATCH_MAX };
	unsigned n = sizes[dice(sizeof(sizes) / sizeof(sizes[0]))];
	struct store_tally t;
	bool more;

	c.now_us += (int64_t)n * JOB_US;
	c.ended_in_batch = 0;
	assert_int_equal(store_begin(c.store, c.now_us), STORE_OK);
	finish_all();
	for (unsigned i = 0; i < n; i++)
		submit_one();
	assert_int_equal(store_due(c.store, KEEPER_SLICE, &more), STORE_OK);
	assert_int_equal(store_spread(c.store, KEEPER_SPREAD), STORE_OK);
	assert_int_equal(store_retain(c.store, KEEPER_PURGE + (c.ended_in_batch < KEEPER_CLAIMS ? c.ended_in_batch : KEEPER_CLAIMS), &more), STORE_OK);
	assert_int_equal(store_sweep(c.store, KEEPER_SWEEP, &more), STORE_OK);
	store_totals(c.store, &t);
	uint64_t backlog = t.state[JOB_QUEUED], keep = c.held / BACKLOG_SHARE;
	claim_some(backlog > keep ? (backlog - keep < BATCH_MAX ? (unsigned)(backlog - keep) : BATCH_MAX) : 0);
	assert_false(store_spoilt(c.store));
	assert_int_equal(store_commit(c.store), STORE_OK);
}

/* A reader beside it, as the acceptor is one: its snapshots come and go. */
static void look_in(void)
{
	struct store_tally t;

	assert_int_equal(store_read_begin(c.reader), STORE_OK);
	assert_int_equal(store_read_totals(c.reader, &t), STORE_OK);
	store_read_end(c.reader);
}

static uint64_t there(void)
{
	struct store_tally t;
	uint64_t sum = 0;

	store_totals(c.store, &t);
	for (int i = 0; i < JOB_STATES; i++)
		sum += t.state[i];
	return sum;
}

static void report(double seconds)
{
	uint64_t used, limit;

	store_usage(c.store, &used, &limit);
	print_message("# %10" PRIu64 " jobs in %6.0f s: %7" PRIu64 " there, %6.1f MB of file, %6.1f MB in use\n", c.submitted, seconds, there(), (double)c.largest / 1e6, (double)used / 1e6);
}

static void test_the_file_stays_as_large_as_what_it_holds(void **state)
{
	uint64_t step = c.jobs / 10, next = step;
	struct timespec begun, now;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	while (c.submitted < c.jobs) {
		batch();
		if (dice(8) == 0)
			look_in();
		c.largest = file_bytes();       /* it never shrinks */
		if (c.biggest < there())
			c.biggest = there();
		if (c.full == 0 && there() >= c.held)
			c.full = c.largest;
		if (c.steady == 0 && c.submitted >= 2 * c.held)
			c.steady = c.largest;
		if (c.submitted < next)
			continue;
		next += step;
		clock_gettime(CLOCK_MONOTONIC, &now);
		report((double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9);
	}
	print_message("# the file: %.1f MB when it first held %" PRIu64 " jobs, %.1f MB when %" PRIu64 " had gone through, %.1f MB in the end: %.3f times; never more than %" PRIu64 " jobs there\n",
		(double)c.full / 1e6, c.held, (double)c.steady / 1e6, 2 * c.held, (double)c.largest / 1e6, (double)c.largest / (double)c.steady, c.biggest);
	assert_true(c.full > 0 && c.steady > 0);
	assert_true(c.biggest < c.held + c.held / 10 + 2 * BATCH_MAX);
	assert_true((double)c.largest < WORST * (double)c.steady);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *given = getenv(name);

	return given ? strtoull(given, NULL, 10) : otherwise;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_the_file_stays_as_large_as_what_it_holds) };

	c.jobs = number_from("STINT_CHURN_JOBS", JOBS);
	c.held = number_from("STINT_CHURN_HELD", HELD);
	c.now_us = T0;
	const char *tmp = getenv("TMPDIR");
	snprintf(c.dir, sizeof(c.dir), "%s/stint-churn-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(c.dir))
		return 99;
	open_store();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	store_reader_close(c.reader);
	store_close(c.store);
	static const char *const files[] = { "data.mdb", "lock.mdb", "writer.lock" };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char name[300];
		snprintf(name, sizeof(name), "%s/%s", c.dir, files[i]);
		unlink(name);
	}
	rmdir(c.dir);
	return failed;
}
