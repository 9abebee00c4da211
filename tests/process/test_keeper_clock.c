/* The keeper when the wall clock is set: what has become due is noticed at once, and not by a look now and then. The clocks are this program's own: it stands in for all of os/clock.c, with a boot clock so far
 * ahead that no alarm of the loop ever comes, so that the news of the setting alone can wake the keeper. */
#include "keeper_fixture.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

#include "os/clock.h"

#define HOUR_MS INT64_C(3600000)
#define YEARS_NS (INT64_C(86400) * 3650 * 1000000000)

static _Atomic int64_t *set_by_ms;      /* seen by the keeper's process too */
static int news = -1;

static int64_t real_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_wall_us(void) { return real_ns(CLOCK_REALTIME) / 1000 + (set_by_ms ? atomic_load(set_by_ms) : 0) * 1000; }
int64_t clock_wall_ms(void) { return clock_wall_us() / 1000; }
int64_t clock_boot_ns(void) { return real_ns(CLOCK_BOOTTIME) + YEARS_NS; }
int64_t clock_monotonic_us(void) { return real_ns(CLOCK_MONOTONIC) / 1000; }
int64_t clock_of_process_us(pid_t pid) { (void)pid; return 0; }
void clock_boot_id(uint8_t out[16]) { memset(out, 0, 16); }
int clock_watch(void) { return dup(news); }

bool clock_was_set(int watch)
{
	uint64_t n;

	return read(watch, &n, sizeof(n)) == (ssize_t)sizeof(n);
}

static void set_clock(int64_t by_ms)
{
	uint64_t one = 1;

	atomic_fetch_add(set_by_ms, by_ms);
	assert_int_equal(write(news, &one, sizeof(one)), sizeof(one));
}

/* --- asking --- */

static unsigned taken;

static void on_answer(void *arg, const struct request_result *r)
{
	(void)arg;
	assert_int_equal(r->rc, STORE_OK);
	taken++;
}

static void ask(struct ask_box *box, int64_t run_at_ms, int64_t expires_at_ms)
{
	static uint8_t bytes[RECORD_SPEC_MAX];
	struct job_spec s = { .type = { "noop", 4 }, .queue = { "q", 1 }, .aging_ms = 60000, .payload = { "1", 1 }, .payload_len = 1, .run_at_ms = run_at_ms, .expires_at_ms = expires_at_ms };
	size_t n = record_spec_encode(&s, bytes, sizeof(bytes));
	unsigned before = taken;

	assert_true(n > 0);
	assert_int_equal(ask_add(box, REQUEST_SUBMIT, 1, &(struct ask_piece){ bytes, n }, 1), 0);
	ask_post(box);
	while (taken == before) {
		ask_poll(box);
		usleep(200);
	}
}

/* What the keeper says of the jobs' states; until it says so, however long that takes (keeper_setup() has set an alarm). */
static void until(enum job_state state, uint64_t n)
{
	while (shm_counter(&seg.proc[SHM_KEEPER_SLOT], (enum shm_counter)(SHM_C_STATE_FIRST + state)) != n)
		usleep(200);
}

static void test_set_forwards_and_back(void **state)
{
	(void)state;
	struct ask_box *box = keeper_alone(on_answer);
	/* nobody has room: what is due is queued and stays so */
	ask(box, clock_wall_ms() + 2 * HOUR_MS, 0);
	ask(box, 0, clock_wall_ms() + 5 * HOUR_MS);
	until(JOB_SCHEDULED, 1);
	until(JOB_QUEUED, 1);
	set_clock(3 * HOUR_MS);
	until(JOB_QUEUED, 2);
	set_clock(3 * HOUR_MS);
	until(JOB_EXPIRED, 1);
	/* set back: what was due by the old time waits for the new one, and what comes by the new one comes */
	ask(box, clock_wall_ms() + HOUR_MS, 0);
	set_clock(-24 * HOUR_MS);
	ask(box, clock_wall_ms() + HOUR_MS / 60, 0);
	set_clock(HOUR_MS / 60);
	until(JOB_QUEUED, 2);
	until(JOB_SCHEDULED, 1);
	set_clock(24 * HOUR_MS);
	ask(box, clock_wall_ms() + 2 * HOUR_MS, 0);
	until(JOB_SCHEDULED, 2);
	set_clock(HOUR_MS + HOUR_MS / 2);
	until(JOB_QUEUED, 3);
	until(JOB_SCHEDULED, 1);
	keeper_stop();
	ask_close(box);
}

static int setup(void **state)
{
	set_by_ms = mmap(NULL, sizeof(*set_by_ms), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return set_by_ms == MAP_FAILED || news < 0 ? -1 : keeper_setup(state, "min_free = 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_set_forwards_and_back, setup, keeper_teardown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
