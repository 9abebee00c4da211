/* The workers' page: every process, what runs now, and workers on other machines by what they call themselves. */
#include "page_test.h"

#include "http/page.h"

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b, (void)op, (void)tag, (void)piece, (void)n;
	fail_msg("a page asks the keeper for nothing");
	return -1;
}

static bool not_here(void *arg, struct job_text type) { (void)arg; return type.n == 5; }
static uint32_t one(void *arg, struct job_text queue) { (void)arg, (void)queue; return 1; }

static void claim_far(const char *worker)
{
	static const struct job_text far = TEXT("far");
	struct store_pick pick = { .type = &far, .ntypes = 1 };
	struct store_lease lease = { .worker = { worker, strlen(worker) }, .lease_ms = 60000, .boot_ms = 1000 };
	struct store_claimed c;

	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_claim_remote(store, &pick, &lease, &c), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
}

static void everybody(void **state)
{
	static const struct store_rules rules = { .runs_here = not_here, .weight = one, .max_crashes = one };

	(void)state;
	store_rules(store, &rules);
	server_runs();
	submit_type("email", "<i>here</i>", "default");
	claim_next();
	for (unsigned i = 0; i < 3; i++)
		submit_type("far", "away", "default");
	claim_far("<b>mac</b>");
	claim_far("<b>mac</b>");
	claim_far("");
	fake_wall_ms += 7000;
	browser(HTTP_M_GET, "/status/workers");
	page_workers(&q);
	is_page(200);
	has("keeper");
	has("<th scope=\"row\">worker 1</th>");
	has("data-label=\"pid\">103<");
	has("2.0\xc2\xa0MiB");
	has("&lt;i&gt;here&lt;/i&gt;");
	has("worker-");
	has(":4711");
	has("<th scope=\"row\">&lt;b&gt;mac&lt;/b&gt;</th><td class=\"n\" data-label=\"jobs it holds\">2<");
	has("<th scope=\"row\">without a name</th><td class=\"n\" data-label=\"jobs it holds\">1<");
	has("for 7");
}

static void nobody(void **state)
{
	struct store_reader *reader = api.reader;

	(void)state;
	browser(HTTP_M_GET, "/status/workers");
	page_workers(&q);
	is_page(200);
	has(">nothing</td>");
	has_not("other machines");
	browser(HTTP_M_GET, "/status/workers");
	api.reader = NULL;
	page_workers(&q);
	api.reader = reader;
	is_page(200);
	has("cannot be read");
}

static void many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 103; i++) {
		struct store_owner owner = { .slot = segment_worker_slot(&seg, 0), .incarnation = 1, .pid = 4711 };
		struct store_claimed c;
		submit_type("email", "n", "default");
		assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
		assert_int_equal(store_claim(store, &owner, i + 1, true, &c), STORE_OK);
		assert_int_equal(store_commit(store), STORE_OK);
	}
	browser(HTTP_M_GET, "/status/workers");
	page_workers(&q);
	is_page(200);
	has(">and more</a>");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = { T(everybody), T(nobody), T(many) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
