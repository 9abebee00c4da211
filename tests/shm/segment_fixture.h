/* A segment of its own for each test. */
#ifndef STINT_TESTS_SHM_SEGMENT_FIXTURE_H
#define STINT_TESTS_SHM_SEGMENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shm/segment.h"
#include "tests/os/scratch.h"

static struct segment seg;
static const uint8_t fixture_boot[16] = { 1, 2, 3 };

static inline int segment_setup(void **state)
{
	struct segment_plan plan = { .workers = 2, .worker_jobs = 16, .version = "test" };

	if (scratch_setup(state) != 0)
		return -1;
	return segment_create(&seg, scratch("status.shm"), &plan, 42, 1800000000000, fixture_boot);
}

static inline int segment_teardown(void **state)
{
	segment_close(&seg);
	return scratch_teardown(state);
}

#define WITH_SEGMENT(t) cmocka_unit_test_setup_teardown(t, segment_setup, segment_teardown)

#endif
