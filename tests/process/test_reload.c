/* Reloads: a good one changes everything but the keeper, one that fails changes nothing. */
#include "stage.h"

static void test_a_good_reload(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	struct segment s = view();
	pid_t keeper = atomic_load(&s.proc[KEEPER].pid), acceptor = atomic_load(&s.proc[slot_of(&s, SHM_ROLE_ACCEPTOR)].pid);
	write_conf("handler a { builtin = noop }");
	kill(master, SIGHUP);
	hear("RELOADING=1\nMONOTONIC_USEC=");
	hear("READY=1");
	assert_int_equal(atomic_load(&s.h->generation), 2);
	assert_int_equal(atomic_load(&s.h->reload_failed), 0);
	assert_true(atomic_load(&s.h->reload_ok_ms) > 0);
	UNTIL(all_run(&s) && atomic_load(&play->abandoned) == WORKERS + 1);
	assert_int_equal(atomic_load(&play->conf_taken), 1);
	assert_int_equal(atomic_load(&play->drained), WORKERS);
	assert_int_equal(atomic_load(&s.proc[KEEPER].pid), keeper);
	assert_int_not_equal(atomic_load(&s.proc[slot_of(&s, SHM_ROLE_ACCEPTOR)].pid), acceptor);
	assert_int_equal(segment_total(&s, SHM_C_RELOADS), 1);
	assert_int_equal(segment_total(&s, SHM_C_RESTARTS), 0);
	end_well();
	segment_close(&s);
}

static void expect_failed_reload(const char *log)
{
	struct segment s = view();
	pid_t keeper = atomic_load(&s.proc[KEEPER].pid), acceptor = atomic_load(&s.proc[slot_of(&s, SHM_ROLE_ACCEPTOR)].pid);

	kill(master, SIGHUP);
	hear("RELOADING=1");
	hear("READY=1\nSTATUS=running, the last reload failed");
	assert_true(log_says(log));
	assert_int_equal(atomic_load(&s.h->generation), 1);
	assert_int_equal(atomic_load(&s.h->reload_failed), 1);
	assert_int_equal(segment_total(&s, SHM_C_RELOAD_FAILURES), 1);
	assert_int_equal(atomic_load(&s.proc[slot_of(&s, SHM_ROLE_ACCEPTOR)].pid), acceptor);
	if (!atomic_load(&play->keeper_dies_of_conf))
		assert_int_equal(atomic_load(&s.proc[KEEPER].pid), keeper);
	UNTIL(all_run(&s) && count_of(&s, SHM_ROLE_WORKER, SHM_PROC_READY) == 0 && count_of(&s, SHM_ROLE_WORKER, SHM_PROC_STARTING) == 0);
	assert_int_equal(atomic_load(&play->drained), 0);
	/* and a good one afterwards works, from the very same state */
	memset(play, 0, sizeof(*play));
	write_conf("");
	kill(master, SIGHUP);
	hear("READY=1\nSTATUS=running");
	UNTIL(atomic_load(&s.h->generation) > 1 && all_run(&s) && atomic_load(&s.h->reload_failed) == 0);
	segment_close(&s);
	end_well();
}

static void test_a_bad_conf_changes_nothing(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	write_conf("no_such_option = 1");
	expect_failed_reload("no_such_option");
}

static void test_a_listener_that_cannot_be_bound_changes_nothing(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	assert_int_equal(mkdir(in_dir("taken"), 0700), 0);
	FILE *f = fopen(in_dir("stint.conf"), "w");
	fprintf(f, "worker_processes = %u\nworker_jobs = 1\nuser = \"\"\ngroup = \"\"\nrun_dir = \"%s/run\"\npid_file = \"%s/run/pid\"\nlog = \"%s/log\"\n"
		"http { listen = {\"unix:%s/http\", \"unix:%s/taken\"} }\nstore { path = \"%s/store\" }\n", WORKERS, dir, dir, dir, dir, dir, dir);
	fclose(f);
	expect_failed_reload("is no socket");
}

static void test_a_new_generation_that_dies_changes_nothing(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	atomic_store(&play->worker_start_code, 1);
	atomic_store(&play->worker_start_code_generation, 2);
	expect_failed_reload("died before it was ready");
}

static void test_a_keeper_that_dies_of_the_new_conf_changes_nothing(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	atomic_store(&play->keeper_dies_of_conf, 1);
	expect_failed_reload("the keeper died while it took the new conf");
}

/* It is given the old one back, and whatever it says to that counts for no later reload. */
static void test_a_conf_that_the_keeper_cannot_take_changes_nothing(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	atomic_store(&play->keeper_refuses_conf, 1);
	expect_failed_reload("the keeper could not take the new conf");
}

static void test_a_keeper_that_is_just_being_replaced_is_waited_for(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	struct segment s = view();
	/* it has not worked: its successor comes after a pause, and the new generation is there before it */
	kill(atomic_load(&s.proc[KEEPER].pid), SIGKILL);
	UNTIL(atomic_load(&s.proc[KEEPER].pid) == 0);
	kill(master, SIGHUP);
	hear("RELOADING=1");
	hear("READY=1\nSTATUS=running");
	assert_int_equal(atomic_load(&s.h->reload_failed), 0);
	assert_int_equal(atomic_load(&s.h->generation), 2);
	assert_int_equal(atomic_load(&play->conf_taken), 1);
	UNTIL(all_run(&s));
	end_well();
	segment_close(&s);
}

static void test_more_workers_than_fit_are_refused(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	FILE *f = fopen(in_dir("stint.conf"), "w");
	fprintf(f, "worker_processes = 200\nworker_jobs = 1\nuser = \"\"\ngroup = \"\"\nrun_dir = \"%s/run\"\npid_file = \"%s/run/pid\"\nlog = \"%s/log\"\n"
		"http { listen = {\"unix:%s/http\"} }\nstore { path = \"%s/store\" }\n", dir, dir, dir, dir, dir);
	fclose(f);
	expect_failed_reload("at most 4 without a restart");
}

static void kill_workers_before(const struct segment *s, uint32_t generation)
{
	for (uint32_t i = 0; i < s->geo.nproc; i++)
		if (atomic_load(&s->proc[i].role) == SHM_ROLE_WORKER && atomic_load(&s->proc[i].generation) < generation && atomic_load(&s->proc[i].pid))
			kill(atomic_load(&s->proc[i].pid), SIGKILL);
}

static void test_reloads_in_a_row_all_happen(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	struct segment s = view();
	atomic_store(&play->worker_deaf, 1);            /* the old ones stay: there is room for three generations of them */
	for (uint32_t generation = 2; generation <= 3; generation++) {
		kill(master, SIGHUP);
		UNTIL(atomic_load(&s.h->generation) == generation);
	}
	kill(master, SIGHUP);
	UNTIL(log_says("waiting until old processes have finished"));
	assert_int_equal(atomic_load(&s.h->generation), 3);
	kill_workers_before(&s, 3);
	UNTIL(atomic_load(&s.h->generation) == 4);
	kill_workers_before(&s, 4);
	atomic_store(&play->worker_deaf, 0);
	end_well();
	segment_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_good_reload),
		TEST(test_a_bad_conf_changes_nothing),
		TEST(test_a_listener_that_cannot_be_bound_changes_nothing),
		TEST(test_a_new_generation_that_dies_changes_nothing),
		TEST(test_a_keeper_that_dies_of_the_new_conf_changes_nothing),
		TEST(test_a_conf_that_the_keeper_cannot_take_changes_nothing),
		TEST(test_a_keeper_that_is_just_being_replaced_is_waited_for),
		TEST(test_more_workers_than_fit_are_refused),
		TEST(test_reloads_in_a_row_all_happen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
