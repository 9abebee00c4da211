/* Schedules run by hand, asked of a real keeper: the job and the word that the schedule has run are one commit, and stay over the keeper's death; what is malformed or refused runs nothing. */
#include "keeper_fixture.h"

static struct ask_box *box;
static struct request_result last;
static unsigned taken;

static void on_answer(void *arg, const struct request_result *r)
{
	(void)arg;
	last = *r;
	taken++;
}

static int ask(const struct ask_piece *piece, unsigned n)
{
	unsigned before = taken;

	assert_int_equal(ask_add(box, REQUEST_SCHEDULE, 7, piece, n), 0);
	ask_post(box);
	while (taken == before) {       /* keeper_setup() has set an alarm */
		keeper_hear();
		ask_poll(box);
		usleep(200);
	}
	assert_int_equal(last.tag, 7);
	return last.rc;
}

/* Says that the name has so many bytes, whatever it has. */
static int run_as(const char *name, uint32_t name_len, const char *queue)
{
	struct job_spec s = { .type = { "noop", 4 }, .queue = { queue, strlen(queue) }, .aging_ms = 60000, .payload = { "1", 1 }, .payload_len = 1 };
	struct request_schedule head = { .name_len = name_len };
	uint8_t bytes[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(&s, bytes, sizeof(bytes));

	assert_true(n > 0);
	return ask((struct ask_piece[]){ { &head, sizeof(head) }, { name, strlen(name) }, { bytes, n } }, 3);
}

static int run(const char *name)
{
	return run_as(name, (uint32_t)strlen(name), "q");
}

static uint64_t queued(void)
{
	return shm_counter(&seg.proc[SHM_KEEPER_SLOT], (enum shm_counter)(SHM_C_STATE_FIRST + JOB_QUEUED));
}

/* As the store has it; no keeper runs meanwhile. */
static struct store_schedule row_of(const char *name)
{
	struct store_schedule row = { .upto_ms = -1 };
	enum store_rc rc;
	char why[256];
	struct store_reader *r = store_reader_open(conf->store.path, conf->store.map_size, NULL, &rc, why, sizeof(why));

	assert_non_null(r);
	assert_int_equal(store_read_begin(r), STORE_OK);
	rc = store_schedule_read(r, (struct job_text){ name, strlen(name) }, &row);
	assert_true(rc == STORE_OK || rc == STORE_NOT_FOUND);
	store_read_end(r);
	store_reader_close(r);
	return row;
}

static void again(void)
{
	keeper_start();
	while (!keeper_ready) {
		keeper_hear();
		usleep(200);
	}
}

static void test_run_by_hand(void **state)
{
	struct request_result first, second;

	(void)state;
	box = keeper_alone(on_answer);
	assert_int_equal(run("one"), STORE_OK);
	assert_int_equal(last.state, JOB_QUEUED);
	first = last;
	keeper_kill();
	struct store_schedule row = row_of("one"), other = row_of("two");
	assert_memory_equal(&row.job, &first.id, sizeof(first.id));
	assert_int_equal(row.run_ms, first.at_ms);
	assert_true(other.upto_ms > 0 && other.run_ms == 0);
	/* the next one, of another keeper: it is the last run, and how far the ticks have come is as it was */
	again();
	assert_int_equal(run("two"), STORE_OK);
	second = last;
	assert_int_equal(run("one"), STORE_OK);
	assert_true(memcmp(&last.id, &first.id, sizeof(first.id)) != 0);
	keeper_stop();
	struct store_schedule now = row_of("one");
	assert_memory_equal(&now.job, &last.id, sizeof(last.id));
	assert_int_equal(now.upto_ms, row.upto_ms);
	assert_int_equal(now.print, row.print);
	now = row_of("two");
	assert_memory_equal(&now.job, &second.id, sizeof(second.id));
	ask_close(box);
}

static void test_what_runs_nothing(void **state)
{
	struct request_schedule head = { .name_len = 3 };

	(void)state;
	box = keeper_alone(on_answer);
	/* one that the conf has no more, as after a reload: its job is made all the same, since it was there when it was asked for */
	assert_int_equal(run("gone"), STORE_OK);
	assert_int_equal(queued(), 1);
	assert_int_equal(ask(&(struct ask_piece){ &head, 3 }, 1), STORE_INVALID);
	assert_int_equal(ask(&(struct ask_piece){ &head, sizeof(head) }, 1), STORE_INVALID);
	assert_int_equal(ask((struct ask_piece[]){ { &head, sizeof(head) }, { "one", 3 } }, 2), STORE_INVALID);
	assert_int_equal(run_as("one", UINT32_MAX, "q"), STORE_INVALID);
	assert_int_equal(run_as("one", 2, "q"), STORE_INVALID);
	/* its queue is full */
	assert_int_equal(run_as("one", 3, "narrow"), STORE_OK);
	struct job_id its = last.id;
	assert_int_equal(run_as("one", 3, "narrow"), STORE_QUEUE_LIMIT);
	assert_int_equal(queued(), 2);
	keeper_stop();
	struct store_schedule row = row_of("one");
	assert_memory_equal(&row.job, &its, sizeof(its));
	assert_int_equal(row_of("gone").upto_ms, -1);
	ask_close(box);
}

/* The fixture closes what follows. */
static int setup(void **state)
{
	return keeper_setup(state, "min_free = 0 }\nqueue narrow { max_queued = 1 }\nschedule two { cron = \"0 0 1 1 *\" type = noop payload = \"1\" }\nschedule one { cron = \"0 0 29 2 *\" type = noop payload = \"1\"");
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, setup, keeper_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(test_run_by_hand), CASE(test_what_runs_nothing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
