/* The keeper, killed at random moments while everybody asks: what was answered is stored once, what was granted is held once, and everything goes on. */
#include "keeper_fixture.h"

#include <time.h>

#include "store/embedded.h"

static int setup_plain(void **state)
{
	return keeper_setup(state, "min_free = 0");
}

/* --- at the end: what lies in the store --- */

static unsigned stored[JOBS];
static uint32_t last_stored;            /* newest first: the numbers go down, as they were asked for */

static bool count_stored(void *arg, const struct job *j, const struct job_spec *s)
{
	struct store_tally *t = arg;
	uint32_t n = number_of(s->payload);

	assert_in_range(n, 1, njob);
	if (last_stored && n >= last_stored)
		fail_msg("job %u is stored behind job %u", n, last_stored);
	last_stored = n;
	stored[n]++;
	if (job[n].answered)
		assert_memory_equal(&job[n].id, &j->id, sizeof(j->id));
	t->state[j->state]++;
	return true;
}

static void check_store(void)
{
	struct store_tally counted = { .submitted = 0 }, t;
	enum store_rc rc;
	char why[512];
	struct store_reader *r = store_reader_open(conf->store.path, conf->store.map_size, NULL, &rc, why, sizeof(why));

	if (!r)
		fail_msg("%s", why);
	memset(stored, 0, sizeof(stored));
	last_stored = 0;
	assert_int_equal(store_read_begin(r), STORE_OK);
	assert_int_equal(store_recent(r, UINT32_MAX, count_stored, &counted), STORE_OK);
	assert_int_equal(store_read_totals(r, &t), STORE_OK);
	store_read_end(r);
	store_reader_close(r);
	for (uint32_t n = 1; n <= njob; n++)
		if (job[n].answered ? stored[n] != 1 : stored[n] > 1)
			fail_msg("job %u, %s, is stored %u times", n, job[n].answered ? "answered" : "not answered", stored[n]);
	for (int i = 0; i < JOB_STATES; i++)
		assert_int_equal(t.state[i], counted.state[i]);
	assert_int_equal(t.state[JOB_SUCCEEDED], over_jobs);
	assert_int_equal(t.state[JOB_RUNNING], 0);
}

/* --- everybody's turn --- */

static void turn(unsigned submissions, unsigned end_in)
{
	keeper_hear();
	for (unsigned i = 0; i < PLAYERS; i++) {
		struct player *p = &player[i];
		if (!p->alive)
			continue;
		ask_poll(p->box);
		if (i == 0 && ask_outstanding(p->box) < 200)
			submit(p, dice(submissions + 1));
		if (i > 0) {
			take(p);
			end_some(p, end_in);
		}
	}
}

/* Turns until the jobs that must be are over: those that were answered, and those whose asking lies in the segment of a dead asker as far as they were granted. */
static bool all_over(void)
{
	for (uint32_t n = 1; n <= njob; n++)
		if (!(job[n].answered || job[n].lost) || (job[n].answered && !job[n].refused && job[n].fate != OVER) || job[n].fate == HELD)
			return false;
	for (unsigned i = 0; i < PLAYERS; i++)
		if (!player[i].alive || ask_outstanding(player[i].box))
			return false;
	for (unsigned i = 0; i < SHM_C_STATE_LAST - SHM_C_STATE_FIRST; i++)
		if (i != JOB_SUCCEEDED && shm_counter(&seg.proc[SHM_KEEPER_SLOT], (enum shm_counter)(SHM_C_STATE_FIRST + i)))
			return false;
	return true;
}

static void settle(void)
{
	while (!all_over()) {
		turn(0, 1);
		usleep(200);
	}
}

/* --- tests --- */

static void test_killed_at_any_moment(void **state)
{
	unsigned killed_workers = 0;

	(void)state;
	for (unsigned kills = 0; kills < 80; kills++) {
		keeper_start();
		unsigned turns = dice(3) ? dice(12) : dice(120);
		for (unsigned i = 0; i < turns; i++) {
			turn(6, 3);
			usleep(dice(600));
			if (dice(40) == 0) {
				struct player *p = &player[dice(PLAYERS)];
				if (p->alive) {
					player_kill(p);
					killed_workers++;
				}
			}
		}
		keeper_kill();
	}
	keeper_start();
	settle();
	print_message("# %u jobs, %u deaths of others, %u slots given back\n", njob, killed_workers, slots_freed);
	assert_int_equal(slots_freed, killed_workers);
	assert_true(answered_jobs > 300);
	keeper_stop();
	check_store();
}

static void test_killed_between_commit_and_answer(void **state)
{
	(void)state;
	/* short lives of a keeper that has much to do: most end somewhere in the first batches */
	for (unsigned kills = 0; kills < 40; kills++) {
		for (unsigned i = 0; i < 3; i++)
			turn(40, 3);
		keeper_start();
		while (!keeper_ready && dice(2000)) {
			keeper_hear();
			usleep(10);
		}
		usleep(dice(3000));
		keeper_kill();
	}
	keeper_start();
	settle();
	print_message("# %u jobs\n", njob);
	keeper_stop();
	check_store();
}

/* Some jobs go only where there is room for their type, and hold up no others. */
static bool others_over(void)
{
	for (uint32_t n = 1; n <= njob; n++)
		if (!job[n].answered || (job[n].fate != OVER && !job[n].tight))
			return false;
	return true;
}

static void test_room_by_type(void **state)
{
	(void)state;
	tight_in = 3;
	keeper_start();
	while (!keeper_ready)
		keeper_hear();
	for (unsigned i = 0; i < 40; i++)
		turn(40, 2);
	while (!others_over()) {
		turn(0, 1);
		usleep(200);
	}
	for (uint32_t n = 1; n <= njob; n++)
		if (job[n].tight)
			assert_int_equal(job[n].fate, STORED);  /* nobody had any */
	give_tight_room(&player[1], 2);                         /* never the other one: take_one() looks */
	settle();
	give_tight_room(&player[2], 3);
	for (unsigned kills = 0; kills < 60; kills++) {
		unsigned turns = dice(60);
		for (unsigned i = 0; i < turns; i++) {
			turn(8, 3);
			usleep(dice(500));
			struct player *p = &player[dice(PLAYERS)];
			if (dice(50) == 0 && p->alive)
				player_kill(p);
		}
		turn(20, 1);                                    /* all room is free, and is granted */
		usleep(dice(4000));
		keeper_kill();
		keeper_start();
		/* its successor grants before anybody has looked at what the first one granted last */
		for (bool wait = dice(4) > 0; wait && !keeper_ready;)
			keeper_hear();
	}
	settle();
	print_message("# %u jobs\n", njob);
	assert_true(answered_jobs > 300);
	keeper_stop();
	check_store();
}

/* More lies there than one batch takes: a successor must know of all of it what was committed. */
static void test_more_than_a_batch_takes(void **state)
{
	(void)state;
	for (unsigned kills = 0; kills < 4; kills++) {
		submit(&player[0], 2800 - ask_outstanding(player[0].box));
		keeper_start();
		while (!keeper_ready && dice(5000)) {
			keeper_hear();
			usleep(10);
		}
		usleep(dice(20000));
		keeper_kill();
		ask_poll(player[0].box);
	}
	keeper_start();
	settle();
	print_message("# %u jobs\n", njob);
	keeper_stop();
	check_store();
}

static bool no_random(void *p, size_t n)
{
	memset(p, 7, n);
	return true;
}

/* Flips a bit of a stored record, in a process of its own: nobody forks with a store open. */
static void damage(struct job_id id)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct store_options o = { .path = conf->store.path, .map_size = conf->store.map_size, .epoch = seg.geo.epoch, .random = no_random };
		char why[512];
		enum store_rc rc;
		struct store *s = store_open(&o, &rc, why, sizeof(why));
		struct kv_bytes v;
		uint8_t row[RECORD_JOB_BYTES];

		if (!s || s->kv->ops->begin(s->kv, true, &s->txn) != STORE_OK || row_get(s, KV_JOB, id_key(&id), &v) != STORE_OK)
			_exit(1);
		memcpy(row, v.p, sizeof(row));
		row[100] ^= 1;
		if (row_put(s, KV_JOB, id_key(&id), (struct kv_bytes){ row, sizeof(row) }) != STORE_OK || s->kv->ops->commit(s->txn) != STORE_OK)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* One of the finishes in a request is of a job that cannot be read: it is told so, the others are recorded, and the keeper lives. */
static void test_a_damaged_job_among_others(void **state)
{
	struct player *w = &player[1];

	(void)state;
	keeper_start();
	submit(&player[0], 30);
	say(w);
	while (count_held(w, false) < 10 || answered_jobs < 30) {
		keeper_hear();
		ask_poll(player[0].box);
		take(w);
		usleep(200);
	}
	keeper_stop();
	for (unsigned i = 0; i < ROOM && !damaged_job; i++)
		damaged_job = i >= 3 ? w->held[i].n : 0;
	damage(job[damaged_job].id);
	unsigned held = count_held(w, false);
	keeper_start();
	end_some(w, 1);
	while (finishes < held) {
		ask_poll(w->box);
		usleep(200);
	}
	job[damaged_job].fate = OVER;
	for (uint32_t n = 1; n <= njob; n++)
		while (job[n].fate != OVER || count_held(w, false)) {
			turn(0, 1);
			usleep(200);
		}
	keeper_stop();
}

/* The map is filled to its end: submissions are refused, what runs ends when ended jobs have made room, and then all goes on, in the same keeper. */
static int setup_small(void **state)
{
	return keeper_setup(state, "min_free = 0 map_size = 32M retain_succeeded = 250ms");
}

static void test_a_full_map(void **state)
{
	pid_t first;

	(void)state;
	may_refuse = true;
	padding = 1400;
	keeper_start();
	first = keeper;
	for (unsigned round = 0; round < 2; round++) {
		unsigned before = refused_jobs, taken = answered_jobs - refused_jobs;
		while (refused_jobs == before) {
			keeper_hear();
			ask_poll(player[0].box);
			if (ask_outstanding(player[0].box) < 300)
				submit(&player[0], 100);
		}
		assert_true(answered_jobs - refused_jobs > taken);      /* there was room again */
		settle();
		while (shm_counter(&seg.proc[SHM_KEEPER_SLOT], SHM_C_STATE_FIRST + JOB_SUCCEEDED))
			usleep(1000);                   /* their time is over */
		while (shm_counter(&seg.proc[SHM_KEEPER_SLOT], SHM_C_STORE_REFUSING))
			usleep(1000);
	}
	assert_int_equal(keeper, first);
	keeper_stop();
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, setup_plain, keeper_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_killed_at_any_moment), CASE(test_killed_between_commit_and_answer), CASE(test_room_by_type),
		CASE(test_more_than_a_batch_takes),
		CASE(test_a_damaged_job_among_others),
		cmocka_unit_test_setup_teardown(test_a_full_map, setup_small, keeper_teardown),
	};
	const char *given = getenv("STINT_TEST_SEED");

	if (getenv("STINT_TEST_ONLY"))
		cmocka_set_test_filter(getenv("STINT_TEST_ONLY"));
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	print_message("# STINT_TEST_SEED=%" PRIu64 "\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
