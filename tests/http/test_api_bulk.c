/* Bulk actions over HTTP: what may be asked, slices against a keeper that does one when the test says so, dry runs over the store, and everything that breaks them off. */
#include "api_test.h"

#include "shm/request.h"

/* --- the keeper --- */
static struct { unsigned n; uint64_t tag; struct request_bulk m; char texts[512]; size_t len; } asked;
static bool ask_fails;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b;
	if (ask_fails)
		return -1;
	assert_int_equal(op, REQUEST_BULK);
	asked.n++;
	asked.tag = tag;
	asked.len = 0;
	memcpy(&asked.m, piece[0].p, sizeof(asked.m));
	for (unsigned i = 1; i < n; i++) {
		if (piece[i].n)
			memcpy(asked.texts + asked.len, piece[i].p, piece[i].n);
		asked.len += piece[i].n;
	}
	return 0;
}

static void nobody_runs(void *arg, const struct job *j) { (void)arg, (void)j; fail_msg("nothing runs here"); }

static void answer_with(int rc, const struct store_cursor *at, uint64_t count)
{
	struct request_bulk_result r = { .tag = asked.tag, .rc = rc, .part = at->part, .count = count };
	struct request_result same;

	memcpy(r.key, at->key, sizeof(r.key));
	memcpy(r.key_end, at->key + sizeof(r.key), sizeof(r.key_end));
	memcpy(&same, &r, sizeof(same));
	api_answered(&api, &same);
}

/* One slice that looks at so many rows. */
static void keeper_does(unsigned looks)
{
	const struct request_bulk *m = &asked.m;
	struct store_bulk b = { .act = (enum store_act)m->act, .filter.states = m->states, .until_id = m->until_id, .until_ms = m->until_ms };
	struct store_bulk_limit left = { looks, 1000 };
	struct store_cursor at = { .part = m->part };
	const char *text = asked.texts;
	uint64_t n;

	memcpy(at.key, m->key, sizeof(at.key));
	b.filter.type = (struct job_text){ text, m->type_len };
	b.filter.queue = (struct job_text){ text += m->type_len, m->queue_len };
	b.filter.tag = (struct job_text){ text += m->queue_len, m->tag_len };
	b.filter.text = (struct job_text){ text += m->tag_len, m->text_len };
	b.filter.queues = (struct job_text){ text += m->text_len, m->queues_len };
	assert_int_equal(asked.len, m->type_len + m->queue_len + m->tag_len + m->text_len + m->queues_len);
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_bulk(store, &b, &left, &at, &n, nobody_runs, NULL), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	answer_with(STORE_OK, &at, n);
}

static struct http_request q;
static const struct conf_token *token;

static void post(void (*handler)(struct http_request *), const char *body)
{
	answer_clear();
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .body = slice_of(body), .token = token };
	memset(&asked, 0, sizeof(asked));
	ask_fails = false;
	handler(&q);
}

static void jobs(unsigned n, const char *queue)
{
	while (n-- > 0)
		submit_type("email", "a", queue);
}

/* --- what may be asked --- */

static const struct { void (*handler)(struct http_request *); const char *body, *field, *word; } wrong[] = {
	{ api_bulk_cancel, "", "", "say which jobs" }, { api_bulk_cancel, "{}", "", "{\"all\":true}" }, { api_bulk_cancel, "{\"all\":false}", "", "say which" }, { api_bulk_cancel, "{\"dry_run\":true}", "", "say which" },
	{ api_bulk_cancel, "[]", "", "object" }, { api_bulk_cancel, "7", "", "object" }, { api_bulk_cancel, "{\"all\":true,\"all\":true}", "", "twice" }, { api_bulk_cancel, "{\"all\":", "", "line 1" },
	{ api_bulk_cancel, "{\"all\":1}", "all", "true or false" }, { api_bulk_cancel, "{\"dry_run\":\"yes\",\"all\":true}", "dry_run", "true or false" }, { api_bulk_cancel, "{\"queues\":\"a\"}", "queues", "no \"queues\"" },
	{ api_bulk_cancel, "{\"queue\":\"\"}", "queue", "1 to 128" }, { api_bulk_cancel, "{\"type\":7}", "type", "string" }, { api_bulk_cancel, "{\"tag\":null}", "tag", "string" }, { api_bulk_cancel, "{\"q\":[]}", "q", "string" },
	{ api_bulk_cancel, "{\"state\":\"dead\"}", "state", "cancelled: scheduled" }, { api_bulk_retry, "{\"state\":\"queued\"}", "state", "retried: dead" }, { api_bulk_retry, "{\"state\":\"succeeded\"}", "state", "retried" },
	{ api_bulk_delete, "{\"state\":\"running\"}", "state", "deleted: succeeded" }, { api_bulk_delete, "{\"state\":\"nonsense\"}", "state", "deleted" }, { api_bulk_delete, "{\"state\":5}", "state", "deleted" },
};

static void what_may_not_be_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		post(wrong[i].handler, wrong[i].body);
		if (answer.status != 400 || strcmp(answer.field, wrong[i].field) != 0 || !strstr(answer.detail, wrong[i].word))
			fail_msg("%s: %d %s: %s", wrong[i].body, answer.status, answer.field, answer.detail);
		assert_int_equal(answer.answers, 1);
		assert_int_equal(asked.n, 0);
		assert_null(q.state);
	}
}

/* --- slices --- */

static void slice_after_slice(void **state)
{
	(void)state;
	jobs(25, "full");
	jobs(3, "other");
	post(api_bulk_cancel, "{\"queue\":\"full\",\"type\":\"email\"}");
	assert_int_equal(answer.answers, 0);
	assert_int_equal(asked.m.act, STORE_ACT_CANCEL);
	unsigned slices = 0;
	for (; answer.answers == 0; slices++)
		keeper_does(7);
	assert_true(slices > 3);
	assert_int_equal(asked.n, slices);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "{\"count\":25}");
	post(api_bulk_retry, "{\"state\":\"cancelled\",\"q\":\"A\"}");
	while (answer.answers == 0)
		keeper_does(1000);
	assert_string_equal(answer.body, "{\"count\":25}");
	post(api_bulk_delete, "{\"all\":true}");
	while (answer.answers == 0)
		keeper_does(1000);
	assert_string_equal(answer.body, "{\"count\":0}");
}

/* All that its queues have, counted and done, and no other's. */
static void a_token_for_some_queues(void **state)
{
	static char names[] = "full\0low", name[] = "both";
	static const struct conf_token both = { .name = name, .queues = names, .queues_bytes = sizeof(names) };

	(void)state;
	jobs(5, "full");
	jobs(6, "other");
	jobs(7, "low");
	token = &both;
	post(api_bulk_cancel, "{}");
	assert_int_equal(answer.status, 400);
	post(api_bulk_cancel, "{\"queue\":\"other\"}");
	assert_int_equal(answer.status, 403);
	post(api_bulk_cancel, "{\"all\":true,\"dry_run\":true}");
	fake_pass(1000);
	assert_string_equal(answer.body, "{\"count\":12}");
	post(api_bulk_cancel, "{\"queue\":\"low\",\"dry_run\":true}");
	fake_pass(1000);
	assert_string_equal(answer.body, "{\"count\":7}");
	post(api_bulk_cancel, "{\"all\":true}");
	while (answer.answers == 0)
		keeper_does(5);
	assert_string_equal(answer.body, "{\"count\":12}");
	token = NULL;
	post(api_bulk_cancel, "{\"all\":true}");
	while (answer.answers == 0)
		keeper_does(5);
	assert_string_equal(answer.body, "{\"count\":6}");
}

static void dry_runs(void **state)
{
	struct job_spec spec = { .type = TEXT("email"), .queue = TEXT("q"), .payload = TEXT("1"), .payload_len = 1, .unique_key = TEXT("only") };

	(void)state;
	jobs(30, "full");
	post(api_bulk_cancel, "{\"queue\":\"full\",\"dry_run\":true}");
	fake_pass(1);
	assert_string_equal(answer.body, "{\"count\":30}");
	assert_int_equal(asked.n, 0);
	assert_int_equal(fake_timers(), 0);
	/* of those with the same unique key one can be retried */
	for (int i = 0; i < 3; i++) {
		submit_spec(&spec);
		post(api_bulk_cancel, "{\"queue\":\"q\"}");
		while (answer.answers == 0)
			keeper_does(1000);
		assert_string_equal(answer.body, "{\"count\":1}");
	}
	post(api_bulk_retry, "{\"queue\":\"q\",\"dry_run\":true}");
	fake_pass(1);
	assert_string_equal(answer.body, "{\"count\":1}");
	post(api_bulk_retry, "{\"queue\":\"q\"}");
	while (answer.answers == 0)
		keeper_does(2);
	assert_string_equal(answer.body, "{\"count\":1}");
	post(api_bulk_retry, "{\"queue\":\"q\",\"dry_run\":true}");
	fake_pass(1);
	assert_string_equal(answer.body, "{\"count\":0}");
}

/* More than a slice looks at: others have their turn in between. */
static void a_dry_run_takes_turns(void **state)
{
	(void)state;
	jobs(4500, "full");
	post(api_bulk_cancel, "{\"all\":true,\"dry_run\":true}");
	assert_int_equal(answer.answers, 0);
	assert_int_equal(fake_timers(), 1);
	fake_pass(1);
	assert_string_equal(answer.body, "{\"count\":4500}");
	post(api_bulk_cancel, "{\"all\":true,\"dry_run\":true}");
	api.draining = true;
	fake_pass(1);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.detail, "nothing was done"));
	assert_int_equal(fake_timers(), 0);
	api.draining = false;
	post(api_bulk_cancel, "{\"all\":true,\"dry_run\":true}");
	q.gone = true;
	fake_pass(1);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(fake_timers(), 0);
}

/* --- what breaks it off --- */

static void broken_off(void **state)
{
	struct store_cursor none = { .part = 0 };

	(void)state;
	jobs(20, "full");
	post(api_bulk_cancel, "{\"all\":true}");
	answer_with(STORE_NO_SPACE, &none, 0);
	assert_int_equal(answer.status, 507);
	assert_non_null(strstr(answer.detail, "nothing was done"));
	answer_with(STORE_OK, &none, 5);                /* an answer that comes twice hits nothing */
	assert_int_equal(answer.answers, 1);
	post(api_bulk_cancel, "{\"all\":true}");
	keeper_does(5);
	assert_int_equal(answer.answers, 0);
	answer_with(STORE_IO, &none, 0);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.detail, "which stay as they are"));
	post(api_bulk_cancel, "{\"all\":true}");
	api.draining = true;
	keeper_does(5);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.detail, "drains"));
	api.draining = false;
	/* nobody is there to hear it: no further slice is asked for */
	post(api_bulk_cancel, "{\"all\":true}");
	q.gone = true;
	keeper_does(5);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(asked.n, 1);
	/* memory is out when the next is asked for */
	post(api_bulk_cancel, "{\"all\":true}");
	ask_fails = true;
	keeper_does(2);
	assert_int_equal(answer.status, 503);
	struct store_reader *reader = api.reader;
	api.reader = NULL;
	post(api_bulk_cancel, "{\"all\":true}");
	api.reader = reader;
	assert_int_equal(answer.status, 503);
	assert_int_equal(asked.n, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(what_may_not_be_asked), TEST(slice_after_slice), TEST(a_token_for_some_queues), TEST(dry_runs), TEST(a_dry_run_takes_turns), TEST(broken_off) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
