/* Listings over LMDB with many jobs in every state: what a call costs that looks at 10,000 rows, as GET /jobs does, by whatever it filters. Steps of the engine are held to a bound; with STINT_LIST_JOBS=10000000 (ten
 * minutes or more, and 7 GB below TMPDIR) it also tells the time of the slowest call and what it took of the processor, once from the disk and then from memory. */
#include "tests/store/kv_count.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define JOBS 30000
#define BATCH 10000
#define LOOKS 10000u
#define PIECE 500u                     /* in one snapshot */
#define PAGE 50u
#define CALLS 12u                       /* of each listing */
#define QUEUES 100
#define LANES (4 * QUEUES + 1)
#define MAP (UINT64_C(40) << 30)
#define BIT(state) (1u << (state))

static struct {
	char dir[200];
	struct store *store;
	struct store_reader *reader;
	int64_t now_us;
	uint64_t jobs, waiting;
	struct job_id parent;
	bool told;                      /* times are wanted */
	unsigned left;                  /* jobs of the page */
} s;

static bool bytes_of(void *p, size_t n)
{
	memset(p, 7, n);
	return true;
}

static void open_reader(void)
{
	enum store_rc rc;
	char why[512];

	s.reader = store_reader_open(s.dir, MAP, NULL, &rc, why, sizeof(why));
	if (!s.reader)
		fail_msg("store_reader_open: %s", why);
}

static bool runs_here(void *arg, struct job_text type) { (void)arg, (void)type; return true; }
static uint32_t one(void *arg, struct job_text name) { (void)arg, (void)name; return 1; }

static void open_store(void)
{
	static const struct store_rules rules = { .runs_here = runs_here, .weight = one, .max_crashes = one };
	struct store_options o = { .path = s.dir, .map_size = MAP, .epoch = 1, .random = bytes_of };
	enum store_rc rc;
	char why[512];

	s.store = store_open(&o, &rc, why, sizeof(why));
	if (!s.store)
		fail_msg("store_open: %s", why);
	store_rules(s.store, &rules);
}

static struct job_id put(uint64_t i)
{
	static uint8_t bytes[RECORD_SPEC_MAX];
	char type[8], queue[8], name[32];
	struct job_spec spec = { .priority = (int32_t)(i % 3), .aging_ms = 60000, .payload = { "null", 4 }, .payload_len = 4, .backoff = { .base_ms = 1000, .max_ms = 60000, .factor_milli = 2000 } };
	struct job j;

	spec.type = (struct job_text){ type, (size_t)(i < 20 ? snprintf(type, sizeof(type), "rare") : snprintf(type, sizeof(type), "t%u", (unsigned)(i % 4))) };
	spec.queue = (struct job_text){ queue, (size_t)snprintf(queue, sizeof(queue), "q%u", (unsigned)(i / 4 % QUEUES)) };
	spec.name = (struct job_text){ name, (size_t)snprintf(name, sizeof(name), "job %" PRIu64, i) };
	spec.tag[0] = (struct job_text){ i % 1000 ? "blue" : "red", i % 1000 ? 4 : 3 };
	spec.ntags = 1;
	if (i % 10 == 3)
		spec.run_at_ms = s.now_us / 1000 + 3600000 + (int64_t)i;
	if (i % 20 == 7) {
		spec.depends = s.parent.b;
		spec.ndepends = 1;
	}
	size_t n = record_spec_encode(&spec, bytes, sizeof(bytes));
	assert_true(n > 0);
	assert_int_equal(store_submit(s.store, &spec, bytes, n, &j), STORE_OK);
	s.waiting += j.state == JOB_WAITING;
	return j.id;
}

static void end_one(uint64_t i)
{
	struct store_owner owner = OWNER;
	struct store_claimed c;
	struct job out;

	assert_int_equal(store_claim(s.store, &owner, i, true, &c), STORE_OK);
	struct store_finish m = finish_of(&c.job, i % 5 ? JOB_OUTCOME_SUCCEEDED : JOB_OUTCOME_FAILED);
	m.no_retry = true;
	if (i % 5 == 0)
		m.error = (struct job_text){ "no such host", 12 };
	assert_int_equal(store_finish(s.store, &m, &out), STORE_OK);
}

/* A tenth scheduled, a twentieth waiting (for the first job, which is never claimed), the others queued; of these about half are ended. */
static void fill(void)
{
	struct job_spec first = spec_of("first", "first", 0, "1");
	static uint8_t bytes[RECORD_SPEC_MAX];
	struct job j;

	first.run_at_ms = s.now_us / 1000 + INT64_C(86400000) * 365;
	for (uint64_t i = 0; i < s.jobs;) {
		assert_int_equal(store_begin(s.store, s.now_us), STORE_OK);
		if (i == 0) {
			size_t n = record_spec_encode(&first, bytes, sizeof(bytes));
			assert_int_equal(store_submit(s.store, &first, bytes, n, &j), STORE_OK);
			s.parent = j.id;
		}
		for (unsigned k = 0; k < BATCH; k++, i++) {
			put(i);
			if (i % 5 < 2 && i > 100)
				end_one(i);
		}
		s.now_us += 1000000;
		assert_int_equal(store_commit(s.store), STORE_OK);
		if (s.told && i % 1000000 == 0)
			fprintf(stderr, "# %" PRIu64 " jobs\n", i);
	}
}

/* --- listings --- */

static bool see(void *arg, struct job_id id)
{
	(void)arg, (void)id;
	return --s.left > 0;
}

static double ms_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One call as api_list.c makes it. */
static void call(const struct store_filter *f, struct store_cursor *at)
{
	s.left = PAGE;
	for (unsigned looks = 0; looks < LOOKS && at->part != STORE_CURSOR_END && s.left > 0; looks += PIECE) {
		assert_int_equal(store_read_begin(s.reader), STORE_OK);
		assert_int_equal(store_list(s.reader, f, PIECE, at, see, NULL), STORE_OK);
		store_read_end(s.reader);
	}
}

static void listing(const char *what, const struct store_filter *f, const char *from)
{
	struct store_cursor at = { .part = 0 };
	double slowest = 0, taken = 0, began, began_taken;
	uint64_t most = 0;
	unsigned calls = 0;

	count_engine(s.reader->kv);
	for (; calls < CALLS && at.part != STORE_CURSOR_END; calls++) {
		asked = 0;
		began = ms_now(CLOCK_MONOTONIC);
		began_taken = ms_now(CLOCK_PROCESS_CPUTIME_ID);
		call(f, &at);
		slowest = fmax(slowest, ms_now(CLOCK_MONOTONIC) - began);
		taken = fmax(taken, ms_now(CLOCK_PROCESS_CPUTIME_ID) - began_taken);
		most = asked > most ? asked : most;
	}
	s.reader->kv->ops = real_ops;
	/* a row: its place, record, lane, spec and last error; a slice of what is queued: twice and a name for each lane */
	assert_in_range(most, 1, 6 * LOOKS + (LOOKS / PIECE) * (3 * LANES + 12));
	if (s.told)
		fprintf(stderr, "# %-8s %-44s %7.1f ms, %5.1f of the processor, %6" PRIu64 " steps (%u calls)\n", from, what, slowest, taken, most, calls);
}

static struct job_text text(const char *p)
{
	return (struct job_text){ p, strlen(p) };
}

static void all_listings(const char *from)
{
	static const enum job_state states[] = { JOB_NONE, JOB_QUEUED, JOB_SCHEDULED, JOB_WAITING, JOB_SUCCEEDED, JOB_DEAD, JOB_CANCELLED, JOB_RUNNING };
	const struct { const char *name; struct store_filter f; } by[] = { { "", { 0 } }, { " type=rare", { .type = text("rare") } }, { " type=none", { .type = text("none") } },
		{ " queue=q7", { .queue = text("q7") } }, { " tag=red", { .tag = text("red") } }, { " q=nobody", { .text = text("nobody") } },
		{ " type=t1&queue=q25&tag=blue&q=nobody", { .type = text("t1"), .queue = text("q25"), .tag = text("blue"), .text = text("nobody") } } };
	char what[100];

	for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++)
		for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
			struct store_filter f = by[i].f;
			f.states = states[k] == JOB_NONE ? 0 : BIT(states[k]);
			snprintf(what, sizeof(what), "%s%s%s", f.states ? "state=" : "", f.states ? job_state_name(states[k]) : "", by[i].name);
			listing(what, &f, from);
		}
}

/* What the file holds is read from the disk again. */
static void forget_pages(void)
{
	char name[300];
	struct stat st;
	int fd;

	store_reader_close(s.reader);
	store_close(s.store);
	snprintf(name, sizeof(name), "%s/data.mdb", s.dir);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	if (s.told)
		fprintf(stderr, "# %" PRIu64 " jobs, a file of %.2f GB\n", s.jobs, (double)st.st_size / 1e9);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	open_store();
	open_reader();
}

static void test_scale(void **state)
{
	(void)state;
	open_store();
	open_reader();
	fill();
	assert_true(s.waiting > s.jobs / 25);
	forget_pages();
	all_listings("disk");
	all_listings("memory");
	store_reader_close(s.reader);
	store_close(s.store);
}

int main(void)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "writer.lock" };
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_scale) };
	const char *tmp = getenv("TMPDIR"), *jobs = getenv("STINT_LIST_JOBS");
	char name[300];

	s.told = jobs != NULL;
	s.jobs = jobs ? strtoull(jobs, NULL, 10) : JOBS;
	s.now_us = T0;
	snprintf(s.dir, sizeof(s.dir), "%s/stint-list-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(s.dir))
		return 99;
	int failed = cmocka_run_group_tests_name("list_scale", tests, NULL, NULL);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", s.dir, files[i]);
		unlink(name);
	}
	rmdir(s.dir);
	return failed;
}
