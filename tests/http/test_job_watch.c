/* Who is told of which change of which job, and that nobody is forgotten where nothing was told. */
#include "api_test.h"

#include "http/job_watch.h"
#include "shm/event_ring.h"

static struct one { struct job_watch watch; unsigned looked; bool ends; } one[4];

static void looks(struct job_watch *w)
{
	struct one *o = LOOP_OWNER(w, struct one, watch);

	o->looked++;
	if (o->ends)
		job_watch_end(w);
}

static void watch(unsigned i, uint8_t id, unsigned states)
{
	one[i] = (struct one){ .watch = { .id = { { id } }, .states = states, .look = looks } };
	job_watch_begin(&api, &one[i].watch);
}

static void happens(uint8_t id, enum job_state state)
{
	struct shm_event e = { .id = { id }, .state = (uint8_t)state };

	event_put(&seg, &e);
}

static void told(unsigned a, unsigned b, unsigned c)
{
	job_watch_tick(&api);
	assert_false(job_watch_pending(&api));
	if (one[0].looked != a || one[1].looked != b || one[2].looked != c)
		fail_msg("%u %u %u, not %u %u %u", one[0].looked, one[1].looked, one[2].looked, a, b, c);
}

static void end_all(unsigned n)
{
	assert_int_equal(job_watch_count(), n);
	for (unsigned i = 0; i < n; i++)
		job_watch_end(&one[i].watch);
	assert_int_equal(job_watch_count(), 0);
	job_watch_tick(&api);
	assert_false(job_watch_pending(&api));
}

static void its_job_and_its_states(void **state)
{
	(void)state;
	happens(1, JOB_DEAD);                   /* before anybody watches */
	assert_false(job_watch_pending(&api));
	watch(0, 1, JOB_WATCH_FINAL);
	watch(1, 1, JOB_WATCH_FINAL | 1u << JOB_RUNNING);
	watch(2, 2, 1u << JOB_RUNNING);         /* the same place in the table as the others */
	assert_false(job_watch_pending(&api));
	told(0, 0, 0);
	happens(1, JOB_QUEUED);
	happens(2, JOB_DEAD);
	assert_true(job_watch_pending(&api));
	told(0, 0, 0);
	happens(1, JOB_RUNNING);
	told(0, 1, 0);
	for (enum job_state s = JOB_SUCCEEDED; s < JOB_STATES; s++) {
		happens(1, s);
		told(1u + s - JOB_SUCCEEDED, 2u + s - JOB_SUCCEEDED, 0);
	}
	happens(3, JOB_RUNNING);
	happens(2, JOB_RUNNING);
	happens(2, (enum job_state)200);        /* which is none */
	told(4, 5, 1);
	end_all(3);
}

/* Each may end as it is told, wherever it stands. */
static void ends_as_it_is_told(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		watch(i, 1, JOB_WATCH_FINAL);
	one[1].ends = true;
	happens(1, JOB_DEAD);
	told(1, 1, 1);
	assert_int_equal(job_watch_count(), 2);
	one[0].ends = one[2].ends = true;
	happens(1, JOB_DEAD);
	happens(1, JOB_DEAD);
	told(2, 1, 2);
	assert_int_equal(job_watch_count(), 0);
}

static void where_nothing_was_told(void **state)
{
	(void)state;
	watch(0, 1, JOB_WATCH_FINAL);
	watch(1, 2, 0);
	told(0, 0, 0);
	atomic_fetch_add(&seg.h->keeper_turn, 1);       /* another keeper */
	told(1, 1, 0);
	told(1, 1, 0);
	fake_pass(2999);
	told(1, 1, 0);
	fake_pass(1);
	told(2, 2, 0);
	for (unsigned i = 0; i < SHM_EVENTS + 1; i++)   /* the ring has gone on without us */
		happens(9, JOB_DEAD);
	told(3, 3, 0);
	/* a server, or a process, that drains: at once, then with any event, and often */
	for (int whole = 0; whole < 2; whole++) {
		*(whole ? &api.draining : &fake_draining) = true;
		unsigned n = one[0].looked;
		told(n + 1, n + 1, 0);
		happens(1, JOB_QUEUED);
		told(n + 2, n + 1, 0);
		fake_pass(100);
		told(n + 3, n + 2, 0);
		one[1].looked = n + 3;
		api.draining = fake_draining = false;
		told(n + 4, n + 4, 0);
		one[0].looked = one[1].looked = n + 4;
	}
	end_all(2);
}

static int begin(void **state)
{
	memset(one, 0, sizeof(one));
	return api_setup(state);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(its_job_and_its_states), CASE(ends_as_it_is_told), CASE(where_nothing_was_told) };

	return cmocka_run_group_tests_name("job_watch", tests, NULL, NULL);
}
