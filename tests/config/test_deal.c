/* Instances dealt out to the workers: all of them, evenly, and each handler going on where the one before it ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

static struct conf_handler handler[4];
static struct conf conf = { .handler = handler, .nhandler = 4 };

static char *named(const char *name)
{
	return (char *)(uintptr_t)name;
}

static void deal(unsigned workers, unsigned a, unsigned b, unsigned c)
{
	conf.worker_processes = workers;
	handler[0] = (struct conf_handler){ .pattern = named("a"), .kind = CONF_HANDLER_COPROCESS, .instances = a };
	handler[1] = (struct conf_handler){ .pattern = named("e"), .kind = CONF_HANDLER_EXEC, .instances = 5 };
	handler[2] = (struct conf_handler){ .pattern = named("b.*"), .kind = CONF_HANDLER_COPROCESS, .instances = b };
	handler[3] = (struct conf_handler){ .pattern = named("*"), .kind = CONF_HANDLER_COPROCESS, .instances = c };
}

static uint64_t has(unsigned h, unsigned worker)
{
	return conf_deal(&conf, &handler[h], worker);
}

static void test_three_over_two(void **state)
{
	(void)state;
	deal(2, 3, 1, 1);
	assert_int_equal(has(0, 1), 2);
	assert_int_equal(has(0, 2), 1);
	assert_int_equal(has(2, 1), 0);         /* the second worker's turn */
	assert_int_equal(has(2, 2), 1);
	assert_int_equal(has(3, 1), 1);
	assert_int_equal(has(3, 2), 0);
	assert_int_equal(has(1, 1), 0);         /* no coprocess */
	assert_int_equal(has(0, 0), 0);
	assert_int_equal(has(0, 3), 0);         /* no such worker */
}

static void test_all_are_dealt_evenly(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers < 9; workers++)
		for (unsigned n = 1; n < 30; n++) {
			deal(workers, n, n * 7 % 11 + 1, 1);
			for (unsigned h = 0; h < 4; h++) {
				uint64_t sum = 0, least = UINT64_MAX, most = 0;
				for (unsigned w = 1; w <= workers; w++) {
					uint64_t x = has(h, w);
					sum += x;
					least = x < least ? x : least;
					most = x > most ? x : most;
				}
				assert_int_equal(sum, handler[h].kind == CONF_HANDLER_COPROCESS ? handler[h].instances : 0);
				assert_true(most - least <= 1);
			}
		}
}

static void test_rooms_have_names(void **state)
{
	(void)state;
	deal(2, 1, 1, 1);
	assert_int_equal(conf_room_of(NULL), 0);
	assert_int_equal(conf_room_of(&handler[1]), 0);
	assert_int_not_equal(conf_room_of(&handler[0]), 0);
	assert_int_not_equal(conf_room_of(&handler[0]), conf_room_of(&handler[2]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_over_two), cmocka_unit_test(test_all_are_dealt_evenly), cmocka_unit_test(test_rooms_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
