/* submit_rate: bursts, waiting, several clients, more clients than there are buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/client.h"

static int64_t now_ns = 1000000000000LL;
static uint32_t address;
static char retry_after[32];
static int status;

int64_t loop_now(const struct loop *l) { (void)l; return now_ns; }
void http_peer(const struct http_request *q, struct http_peer *out) { (void)q; out->n = 4; memcpy(out->b, &address, 4); }
void reply_header(struct http_request *q, const char *name, const char *value) { (void)q; assert_string_equal(name, "Retry-After"); snprintf(retry_after, sizeof(retry_after), "%s", value); }
void problem_send(struct http_request *q, int s, const char *field, const char *fmt, ...) { (void)q, (void)field, (void)fmt; status = s; }

static struct conf conf;
static struct api api = { .conf = &conf };
static struct http_request q = { .api = &api };

static bool submit(size_t jobs)
{
	status = 0;
	bool may = client_may_submit(&q);
	assert_int_equal(status, may ? 0 : 429);
	if (may)
		client_submits(&q, jobs);
	return may;
}

static unsigned burst(void)
{
	unsigned n = 0;

	while (submit(1))
		n++;
	return n;
}

static void test_a_second_s_worth(void **state)
{
	(void)state;
	conf.http.submit_rate = 10;
	address = 1;
	assert_int_equal(burst(), 10);
	assert_string_equal(retry_after, "1");
	now_ns += 500000000;
	assert_int_equal(burst(), 5);
	now_ns += 100 * 1000000000LL;
	assert_int_equal(burst(), 10);
	address = 2;
	assert_int_equal(burst(), 10);
}

static void test_many_at_once_are_paid_for(void **state)
{
	(void)state;
	conf.http.submit_rate = 10;
	address = 3;
	assert_true(submit(1000));
	assert_false(submit(1));
	assert_string_equal(retry_after, "100");
	now_ns += 98 * 1000000000LL;
	assert_false(submit(1));
	now_ns += 2 * 1000000000LL;
	assert_true(submit(1));
}

static void test_slow_rates(void **state)
{
	(void)state;
	conf.http.submit_rate = 0.1;
	address = 4;
	assert_int_equal(burst(), 1);
	assert_string_equal(retry_after, "10");
	now_ns += 10 * 1000000000LL;
	assert_int_equal(burst(), 1);
}

static void test_no_limit(void **state)
{
	(void)state;
	conf.http.submit_rate = 0;
	for (unsigned i = 0; i < 1000; i++)
		assert_true(submit(1000));
}

/* Clients that come and go do not push out one that is over its rate. */
static void test_more_clients_than_buckets(void **state)
{
	(void)state;
	conf.http.submit_rate = 10;
	address = 5;
	assert_true(submit(100000));
	for (address = 1000; address < 101000; address++) {
		now_ns += 1000000;
		submit(1);
	}
	address = 5;
	assert_false(submit(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_second_s_worth), cmocka_unit_test(test_many_at_once_are_paid_for), cmocka_unit_test(test_slow_rates), cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_more_clients_than_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
