/* The master's start, deaths under it, and its end. */
#include "stage.h"

/* --- start --- */

static void test_start_and_term(void **state)
{
	char text[32] = "";

	(void)state;
	start();
	hear("READY=1\nMAINPID=");
	struct segment s = view();
	assert_true(all_run(&s));
	assert_int_equal(atomic_load(&s.h->server_state), SHM_SERVER_RUNNING);
	assert_int_equal(atomic_load(&s.proc[0].pid), master);
	FILE *f = fopen(in_dir("run/pid"), "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(atoi(text), master);
	end_well();
	assert_int_equal(atomic_load(&play->refused), 1);
	assert_int_equal(atomic_load(&play->drained), WORKERS);
	assert_int_equal(atomic_load(&play->abandoned), WORKERS + 1);
	for (uint32_t i = 0; i < s.geo.nproc; i++)
		assert_int_equal(atomic_load(&s.proc[i].pid), 0);
	assert_int_equal(atomic_load(&s.h->server_state), SHM_SERVER_STOPPING);
	assert_true(log_says("is ready"));
	segment_close(&s);
}

static void test_systemds_watchdog_is_fed(void **state)
{
	(void)state;
	setenv("WATCHDOG_USEC", "20000", 1);
	start();
	hear("READY=1");
	for (int i = 0; i < 3; i++)
		hear("WATCHDOG=1");
	end_well();
	/* one that is meant for another process is none of ours */
	setenv("WATCHDOG_PID", "1", 1);
	start();
	hear("READY=1");
	kill(master, SIGUSR1);
	UNTIL(log_says("log opened again"));
	kill(master, SIGTERM);
	char text[64];
	ssize_t n = recv(notify_fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_memory_equal(text, "STOPPING=1", 10);
	assert_int_equal(master_ended(), 0);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void test_a_start_that_fails_relays_the_code(void **state)
{
	static const struct { int keeper, worker, code; } cases[] = {
		{ EX_IOERR, 0, EX_IOERR }, { PROCESS_EXIT_FATAL, 0, EX_UNAVAILABLE }, { 1, 0, EX_SOFTWARE }, { 0, EX_OSERR, EX_OSERR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		atomic_store(&play->keeper_start_code, cases[i].keeper);
		atomic_store(&play->worker_start_code, cases[i].worker);
		start();
		assert_int_equal(master_ended(), cases[i].code);
		nobody_is_left();
	}
}

static void test_a_listener_that_is_taken_ends_the_start(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/http", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	start();
	assert_int_equal(master_ended(), EX_UNAVAILABLE);
	close(fd);
}

/* --- deaths --- */

static void test_a_dead_worker_is_replaced_and_its_slot_given_back(void **state)
{
	(void)state;
	atomic_store(&play->worker_leaves_child, 1);
	start();
	hear("READY=1");
	struct segment s = view();
	uint32_t slot = slot_of(&s, SHM_ROLE_WORKER);
	pid_t dead = atomic_load(&s.proc[slot].pid);
	uint32_t number = atomic_load(&s.proc[slot].number);
	kill(dead, SIGKILL);
	UNTIL(atomic_load(&play->abandoned) == 1 && atomic_load(&s.proc[slot].state) != SHM_PROC_ABANDONED && atomic_load(&s.proc[slot].pid) != dead && all_run(&s));
	uint32_t seen = 0;
	for (uint32_t i = 0; i < s.geo.nproc; i++)
		if (atomic_load(&s.proc[i].role) == SHM_ROLE_WORKER && atomic_load(&s.proc[i].state) == SHM_PROC_RUNNING)
			seen += atomic_load(&s.proc[i].number) == number;
	assert_int_equal(seen, 1);      /* its number is there once again */
	end_well();                     /* what the workers left behind is gone as well */
	segment_close(&s);
}

static void test_what_a_worker_left_dies_before_its_slot_is_abandoned(void **state)
{
	(void)state;
	atomic_store(&play->worker_leaves_child, 1);
	start();
	hear("READY=1");
	struct segment s = view();
	pid_t left = atomic_load(&play->left_pid);
	assert_int_equal(kill(left, 0), 0);
	atomic_store(&play->worker_leaves_child, 0);
	for (uint32_t i = 0; i < s.geo.nproc; i++)
		if (atomic_load(&s.proc[i].role) == SHM_ROLE_WORKER && atomic_load(&s.proc[i].pid))
			kill(atomic_load(&s.proc[i].pid), SIGKILL);
	UNTIL(atomic_load(&play->abandoned) == WORKERS);
	assert_int_equal(atomic_load(&play->left_alive_when_abandoned), 0);
	assert_int_equal(kill(left, 0), -1);
	UNTIL(all_run(&s));
	end_well();
	segment_close(&s);
}

static void test_a_dead_keeper_is_replaced_in_its_slot_and_hears_of_the_dead(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	struct segment s = view();
	uint32_t acceptor = slot_of(&s, SHM_ROLE_ACCEPTOR);
	pid_t dead = atomic_load(&s.proc[KEEPER].pid);
	kill(dead, SIGSTOP);            /* it frees nothing any more */
	kill(atomic_load(&s.proc[acceptor].pid), SIGKILL);
	UNTIL(atomic_load(&s.proc[acceptor].state) == SHM_PROC_ABANDONED);
	kill(dead, SIGKILL);
	UNTIL(atomic_load(&s.proc[acceptor].state) == SHM_PROC_FREE && all_run(&s));
	assert_int_equal(atomic_load(&s.proc[KEEPER].incarnation), 2);
	assert_int_not_equal(atomic_load(&s.proc[KEEPER].pid), dead);
	end_well();
	segment_close(&s);
}

static void test_exit_code_2_of_a_worker_leaves_its_place_empty(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	struct segment s = view();
	atomic_store(&play->worker_start_code, PROCESS_EXIT_FATAL);
	kill(atomic_load(&s.proc[slot_of(&s, SHM_ROLE_WORKER)].pid), SIGKILL);
	UNTIL(log_says("its place stays empty"));
	assert_false(log_says("no worker is left"));
	kill(atomic_load(&s.proc[slot_of(&s, SHM_ROLE_WORKER)].pid), SIGKILL);
	UNTIL(log_says("no worker is left"));
	assert_int_equal(count_of(&s, SHM_ROLE_KEEPER, SHM_PROC_RUNNING), 1);
	/* a reload fills the places again */
	atomic_store(&play->worker_start_code, 0);
	kill(master, SIGHUP);
	hear("RELOADING=1");
	hear("READY=1");
	UNTIL(all_run(&s));
	end_well();
	segment_close(&s);
}

static void test_exit_code_2_of_the_keeper_ends_the_server(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	struct segment s = view();
	atomic_store(&play->keeper_start_code, PROCESS_EXIT_FATAL);
	kill(atomic_load(&s.proc[KEEPER].pid), SIGKILL);
	assert_int_equal(master_ended(), EX_UNAVAILABLE);
	nobody_is_left();
	segment_close(&s);
}

/* --- pause, drain, stop --- */

static void test_winch_pauses_until_a_reload(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	struct segment s = view();
	kill(master, SIGWINCH);
	UNTIL(atomic_load(&play->paused) == WORKERS);
	assert_int_equal(atomic_load(&s.h->no_claims), 1);
	/* a worker that dies meanwhile is replaced, and not told to go */
	kill(atomic_load(&s.proc[slot_of(&s, SHM_ROLE_WORKER)].pid), SIGKILL);
	UNTIL(count_of(&s, SHM_ROLE_WORKER, SHM_PROC_READY) == 1);
	kill(master, SIGHUP);
	hear("RELOADING=1");
	hear("READY=1");
	assert_int_equal(atomic_load(&s.h->no_claims), 0);
	UNTIL(all_run(&s));
	end_well();
	segment_close(&s);
}

static void test_int_ends_deaf_workers(void **state)
{
	(void)state;
	atomic_store(&play->worker_deaf, 1);
	start();
	hear("READY=1");
	kill(master, SIGINT);
	hear("STOPPING=1");
	assert_int_equal(master_ended(), 0);
	assert_int_equal(atomic_load(&play->stopped), WORKERS);
	nobody_is_left();
}

static void test_a_second_term_stops_a_drain(void **state)
{
	(void)state;
	atomic_store(&play->worker_deaf, 1);
	start();
	hear("READY=1");
	kill(master, SIGTERM);
	UNTIL(atomic_load(&play->drained) == WORKERS);
	struct segment s = view();
	assert_int_equal(atomic_load(&s.h->server_state), SHM_SERVER_DRAINING);
	kill(master, SIGHUP);           /* nothing is reloaded in a drain */
	UNTIL(log_says("nothing is reloaded"));
	kill(master, SIGTERM);
	assert_int_equal(master_ended(), 0);
	assert_int_equal(atomic_load(&play->stopped), WORKERS);
	nobody_is_left();
	segment_close(&s);
}

static void test_a_keeper_that_dies_in_a_drain_is_replaced(void **state)
{
	(void)state;
	atomic_store(&play->worker_deaf, 1);
	start();
	hear("READY=1");
	struct segment s = view();
	kill(master, SIGTERM);
	UNTIL(atomic_load(&play->drained) == WORKERS);
	kill(atomic_load(&s.proc[KEEPER].pid), SIGKILL);
	UNTIL(atomic_load(&s.proc[KEEPER].incarnation) == 2 && atomic_load(&s.proc[KEEPER].state) == SHM_PROC_RUNNING);
	for (uint32_t i = 0; i < s.geo.nproc; i++)
		if (atomic_load(&s.proc[i].role) == SHM_ROLE_WORKER && atomic_load(&s.proc[i].pid))
			kill(atomic_load(&s.proc[i].pid), SIGKILL);
	assert_int_equal(master_ended(), 0);
	nobody_is_left();
	segment_close(&s);
}

static void test_usr1_opens_the_log_again(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	assert_int_equal(rename(in_dir("log"), in_dir("log.1")), 0);
	kill(master, SIGUSR1);
	UNTIL(log_says("log opened again"));
	end_well();
}

static void test_the_masters_death_ends_everybody(void **state)
{
	(void)state;
	start();
	hear("READY=1");
	kill(master, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	master = 0;
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start_and_term),
		TEST(test_systemds_watchdog_is_fed),
		TEST(test_a_start_that_fails_relays_the_code),
		TEST(test_a_listener_that_is_taken_ends_the_start),
		TEST(test_a_dead_worker_is_replaced_and_its_slot_given_back),
		TEST(test_what_a_worker_left_dies_before_its_slot_is_abandoned),
		TEST(test_a_dead_keeper_is_replaced_in_its_slot_and_hears_of_the_dead),
		TEST(test_exit_code_2_of_a_worker_leaves_its_place_empty),
		TEST(test_exit_code_2_of_the_keeper_ends_the_server),
		TEST(test_winch_pauses_until_a_reload),
		TEST(test_int_ends_deaf_workers),
		TEST(test_a_second_term_stops_a_drain),
		TEST(test_a_keeper_that_dies_in_a_drain_is_replaced),
		TEST(test_usr1_opens_the_log_again),
		TEST(test_the_masters_death_ends_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
