/* The event ring: in order, overwritten in the end, and never torn. */
#include "tests/shm/segment_fixture.h"

#include <pthread.h>

#include "shm/event_ring.h"

static void put(uint64_t n)
{
	struct shm_event e = { .at_ms = (int64_t)n, .attempt = (uint32_t)n, .state = 3 };

	memset(e.id, (int)(uint8_t)n, sizeof(e.id));
	snprintf(e.type, sizeof(e.type), "type-%llu", (unsigned long long)n);
	snprintf(e.queue, sizeof(e.queue), "queue-%llu", (unsigned long long)n);
	event_put(&seg, &e);
}

static void test_in_order_until_overwritten(void **state)
{
	struct shm_event e;

	(void)state;
	assert_int_equal(event_head(&seg), 0);
	assert_int_equal(event_get(&seg, 0, &e), 0);
	for (uint64_t n = 0; n < SHM_EVENTS + 100; n++)
		put(n);
	assert_int_equal(event_head(&seg), SHM_EVENTS + 100);
	assert_int_equal(event_get(&seg, 99, &e), -1);
	for (uint64_t n = 100; n < SHM_EVENTS + 100; n++) {
		assert_int_equal(event_get(&seg, n, &e), 1);
		assert_int_equal(e.at_ms, n);
		assert_int_equal(e.id[15], (uint8_t)n);
	}
	assert_int_equal(event_get(&seg, SHM_EVENTS + 100, &e), 0);
	assert_int_equal(event_get(&seg, UINT64_MAX, &e), 0);
}

static void *writer(void *arg)
{
	(void)arg;
	for (uint64_t n = 0; n < 300000; n++)
		put(n);
	return NULL;
}

/* A reader beside a writer that laps it: whatever event_get() hands out is whole. */
static void test_never_torn(void **state)
{
	struct shm_event e;
	char want[64];
	pthread_t t;
	uint64_t whole = 0;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, writer, NULL), 0);
	for (uint64_t at = 0; at < 300000;) {
		int rc = event_get(&seg, at, &e);
		if (rc == 0)
			continue;
		if (rc < 0) {
			uint64_t head = event_head(&seg);
			at = head > SHM_EVENTS / 2 && head - SHM_EVENTS / 2 > at ? head - SHM_EVENTS / 2 : at + 1;
			continue;
		}
		snprintf(want, sizeof(want), "type-%llu", (unsigned long long)at);
		assert_string_equal(e.type, want);
		assert_int_equal(e.at_ms, at);
		assert_int_equal(e.id[0], (uint8_t)at);
		whole++;
		at++;
	}
	pthread_join(t, NULL);
	assert_true(whole > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { WITH_SEGMENT(test_in_order_until_overwritten), WITH_SEGMENT(test_never_torn) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
