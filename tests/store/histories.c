/* Makes histories from seeds, runs them, and makes one that fails as short as it can. STINT_SEED=n runs the history n alone and tells its steps; STINT_HISTORIES=n says how many.
 * A history is a row of steps, each with dice of its own, so that one can be left out and the others stay what they were. Between any two the keeper may die: what was not committed is gone. */
#include "tests/store/history.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEPS_MIN 8u
#define STEPS_MAX 64u
#define ENOUGH 40000u                   /* histories in which even the rarest pair of the table must have been met */

static int (*set_up)(void **state);
static unsigned long wanted;
static uint64_t failing;                /* the seed of the history that runs */
static bool left_out[STEPS_MAX];

/* --- batches --- */

static void heard(void *arg, const struct store_change *c)
{
	(void)arg;
	assert_true(h.nheard < sizeof(h.heard) / sizeof(h.heard[0]));
	h.heard[h.nheard++] = (struct heard){ c->event, c->outcome, c->breaker, c->job };
}

static size_t size_of(const struct model *m)
{
	return offsetof(struct model, job) + m->n * sizeof(m->job[0]);
}

void batch_begin(void)
{
	assert_int_equal(store_begin(h.f->store, h.f->now_us), STORE_OK);
	memcpy(&h.saved, &h.m, size_of(&h.m));
	memcpy(h.saved_incarnation, h.incarnation, sizeof(h.incarnation));
	h.open = true;
	buckets_clock();
	turns_look();
}

void batch_commit(void)
{
	assert_false(store_spoilt(h.f->store));
	assert_int_equal(store_commit(h.f->store), STORE_OK);
	h.open = false;
	if (h.f->now_us > h.m.latest_us)
		h.m.latest_us = h.f->now_us;
}

static void step_commit(void)
{
	if (!h.open)
		return;
	say("commit\n");
	batch_commit();
	if (dice(4) == 0)
		check_all();
}

static void take_back(void)
{
	if (!h.open)
		return;
	memcpy(&h.m, &h.saved, size_of(&h.saved));
	memcpy(h.incarnation, h.saved_incarnation, sizeof(h.incarnation));
	h.open = false;
}

/* What a new run does in slices, between which the keeper may die. */
static void slice_end(bool *more)
{
	if (dice(6) == 0) {
		store_abort(h.f->store);
		take_back();
		*more = true;
	} else {
		batch_commit();
	}
}

/* Another run of the server: leases and staged bytes of the one before are void, but for leases of remote workers, which get a new period: not all, where it dies before. */
static void another_run(void)
{
	bool more = true;

	if (dice(2))
		h.boot_ms = dice(500);  /* the machine with it */

	for (unsigned i = 0; i < h.m.n; i++)
		covered(C_REOPEN, h.m.job[i].state);
	h.m.nstaged = 0;
	memset(h.m.token_seq, 0, sizeof(h.m.token_seq));
	while (more) {
		batch_begin();
		hear_begin();
		assert_int_equal(store_abandon_old(h.f->store, 1 + dice(3), &more), STORE_OK);
		for (unsigned i = 0; i < h.nheard; i++) {
			struct mjob *j = model_of(h.heard[i].job.id);
			assert_true(j && j->state == JOB_RUNNING);
			assert_false(j->far);
			given_up(j, JOB_OUTCOME_CRASHED);
			assert_int_equal(h.heard[i].job.state, j->state);
		}
		slice_end(&more);
	}
	for (unsigned i = 0; i < h.m.n; i++)
		assert_true(h.m.job[i].state != JOB_RUNNING || h.m.job[i].far);
	for (more = true; more && dice(8);) {
		batch_begin();
		more = far_renew(1 + dice(3));
		slice_end(&more);
	}
}

static void reopen(bool other)
{
	if (h.open)
		store_abort(h.f->store);        /* what dying amounts to: nothing of it was committed */
	take_back();
	fixture_reopen(h.f, h.f->epoch + other);
	store_watch(h.f->store, heard, NULL);
	turns_forget();
	if (other)
		another_run();
}

static void step_crash(void)
{
	bool hard = fixture_persists(h.f) && dice(2), other = dice(2);

	say("*** the keeper dies%s\n", hard ? other ? ", and the server with it" : ", and opens the store anew" : "");
	for (unsigned i = 0; i < h.m.n; i++)
		covered(C_CRASH, h.m.job[i].state);
	if (hard) {
		reopen(other);
	} else if (h.open) {
		store_abort(h.f->store);
		take_back();
		turns_forget();
	}
	check_all();
}

static void step_rules(void)
{
	step_commit();
	op_rules();
	turns_look();
}

/* --- a history --- */

static const struct kind { void (*op)(void); unsigned weight; bool outside; } kinds[] = {
	{ op_submit, 22, false }, { op_claim, 20, false }, { op_finish, 16, false }, { op_progress, 2, false }, { op_abandon, 4, false }, { op_due, 5, false }, { op_spread, 7, false }, { op_retain, 4, false },
	{ op_act, 12, false }, { op_bulk, 4, false }, { op_pause, 2, false }, { op_stage, 3, false }, { op_unstage, 1, false }, { op_sweep, 1, false }, { op_schedule, 1, false }, { op_token, 1, false },
	{ op_leases, 1, false }, { op_lines, 3, false }, { op_far, 24, false }, { step_commit, 14, true }, { step_crash, 5, true }, { step_rules, 2, true },
};

static const struct kind *choose_kind(void)
{
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		sum += kinds[i].weight;
	unsigned at = dice(sum);
	for (const struct kind *k = kinds;; k++) {
		if (at < k->weight)
			return k;
		at -= k->weight;
	}
}

static void step(uint64_t seed)
{
	h.seed = seed;
	const struct kind *k = choose_kind();

	if (!k->outside && !h.open) {
		h.f->now_us += dice(8) ? (int64_t)dice(dice(5) ? 30000 : 200000) : -(int64_t)dice(60000);
		h.boot_ms += dice(dice(8) ? 40 : 200);
		batch_begin();
		say("begin at %+d ms\n", (int)((h.f->now_us - T0) / 1000));
	}
	hear_begin();
	k->op();
	if (!k->outside) {
		assert_false(store_spoilt(h.f->store));
		turns_look();
		far_look();
	}
}

static void history(uint64_t seed)
{
	void *state;

	failing = seed;
	memset(&h.m, 0, offsetof(struct model, job));
	h.ntext = 0;
	h.text[0] = '\0';
	h.open = false;
	h.seen_us = 0;
	h.boot_ms = 1000;
	h.grants = 0;
	h.incarnation[0] = h.incarnation[1] = 1;
	assert_int_equal(set_up(&state), 0);
	h.f = state;
	h.seed = seed;
	store_watch(h.f->store, heard, NULL);
	rules_first();
	turns_forget();
	unsigned steps = STEPS_MIN + dice(STEPS_MAX - STEPS_MIN);
	uint64_t first = h.seed;
	for (unsigned i = 0; i < steps; i++)
		if (!left_out[i])
			step(first + i * UINT64_C(0xd1342543de82ef95));
	if (h.open)
		batch_commit();
	check_all();
	check_empty();
	fixture_end(&state);
}

/* --- all --- */

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *given = getenv(name);

	return given ? strtoull(given, NULL, 10) : otherwise;
}

static void test_histories(void **state)
{
	uint64_t base = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();

	(void)state;
	if (getenv("STINT_SEED")) {
		history(number_from("STINT_SEED", 0));
		print_message("%s", h.text);
		return;
	}
	print_message("# STINT_SEED=%" PRIu64 " and those after it: %lu histories\n", base, wanted);
	for (unsigned long i = 0; i < wanted; i++)
		history(base + i);
}

/* Whether the history fails, tried by a child; one that tells says its fault. Its steps are in h.text, which it shares. */
static bool fails(uint64_t seed, bool telling)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = telling ? -1 : open("/dev/null", O_WRONLY);
		if (null >= 0) {
			dup2(null, 1);
			dup2(null, 2);
		}
		history(seed);          /* an assertion outside of a test exits */
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void shrink(uint64_t seed)
{
	bool less = true;

	print_message("# STINT_SEED=%" PRIu64 " is the history that failed\n", seed);
	if (!fails(seed, false)) {
		print_message("# alone it does not fail; its steps were:\n%s", h.text);
		return;
	}
	while (less) {
		less = false;
		for (unsigned i = 0; i < STEPS_MAX; i++) {
			if (left_out[i])
				continue;
			left_out[i] = true;
			bool still = fails(seed, false);
			left_out[i] = still;
			less |= still;
		}
		/* what is beyond the last step was never done */
	}
	print_message("# as short as it can be made it is:\n");
	fails(seed, true);
	print_message("%s", h.text);
}

int histories_main(int (*setup)(void **state), unsigned long count)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_histories) };

	set_up = setup;
	h.text = mmap(NULL, HISTORY_TEXT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (h.text == MAP_FAILED)
		return 99;
	wanted = number_from("STINT_HISTORIES", count);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (failed) {
		shrink(failing);
		return failed;
	}
	return cover_report(!getenv("STINT_SEED") && wanted >= count && count >= ENOUGH) ? 0 : 1;
}
