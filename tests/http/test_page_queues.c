/* The queues' page: counts that lead to the jobs, limits, what is paused, buttons by role, and a token's own queues alone. */
#include "page_test.h"

#include "http/page.h"
#include "shm/request.h"

static struct { unsigned n; uint64_t tag; struct request_queue m; char name[64]; } asked;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b;
	assert_int_equal(op, REQUEST_QUEUE);
	assert_int_equal(n, 2);
	asked.n++;
	asked.tag = tag;
	memcpy(&asked.m, piece[0].p, sizeof(asked.m));
	snprintf(asked.name, sizeof(asked.name), "%.*s", (int)piece[1].n, (const char *)piece[1].p);
	return 0;
}

static struct conf_queue limited[] = { { .name = (char[]){ "default" }, .weight = 1 }, { .name = (char[]){ "mail" }, .weight = 7, .concurrency = 3, .rate = 2.5, .max_queued = 1234 } };
static char mine[] = "mail";
static struct conf_token token = { .name = (char[]){ "ops" } };
static struct conf locked;

static int setup(void **state)
{
	locked = conf;
	locked.queue = limited;
	locked.nqueue = 2;
	api.conf = &locked;
	return api_setup(state);
}

static int teardown(void **state)
{
	api.conf = &conf;
	token = (struct conf_token){ .name = token.name };
	return api_teardown(state);
}

static void show(void)
{
	browser(HTTP_M_GET, "/status/queues");
	if (token.roles) {
		locked.http.token_file = token_file;
		q.token = &token;
	}
	page_queues(&q);
}

static void everything(void **state)
{
	(void)state;
	server_runs();
	submit_type("email", "n", "mail");
	submit_type("email", "n", "a\"<b>/c");
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_pause(store, (struct job_text){ "mail", 4 }, true), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	fake_wall_ms += 5000;
	show();
	is_page(200);
	has("href=\"/status/jobs?queue=mail\">mail</a> <span class=\"badge soft\">paused</span>");
	has("href=\"/status/jobs?state=queued&amp;queue=mail\">1</a>");
	has("data-label=\"weight\">7<");
	has("data-label=\"limits\">3 at once<br>2.5/s<br>1,234 wait<");
	has("data-label=\"oldest\">5.00");
	has("action=\"/status/queues/mail/resume\"");
	has("action=\"/status/queues/a%22%3Cb%3E%2Fc/pause\"");
	has("a&quot;&lt;b&gt;/c");
}

static void by_role(void **state)
{
	(void)state;
	submit_type("email", "n", "other");
	token.roles = CONF_ROLE_READ;
	show();
	is_page(200);
	has_not("/pause\"");
	has(">other</a>");
	token.roles = CONF_ROLE_ADMIN;
	token.queues = mine;
	token.queues_bytes = sizeof(mine);
	show();
	is_page(200);
	has("/status/queues/mail/pause");
	has_not(">other</a>");
}

static void press(void (*handler)(struct http_request *q), uint32_t act, const char *done)
{
	browser(HTTP_M_POST, "/status/queues/x/pause");
	q.arg[0] = SLICE("a/b");
	memset(&asked, 0, sizeof(asked));
	handler(&q);
	assert_int_equal(asked.n, 1);
	assert_int_equal(asked.m.act, act);
	assert_string_equal(asked.name, "a/b");
	assert_int_equal(store_begin(store, fake_wall_ms * 1000), STORE_OK);
	assert_int_equal(store_pause(store, (struct job_text){ "a/b", 3 }, act == REQUEST_QUEUE_PAUSE), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	api_answered(&api, &(struct request_result){ .tag = asked.tag, .rc = STORE_OK });
	assert_int_equal(answer.status, 303);
	assert_non_null(strstr(answer.headers, done));
}

static void buttons(void **state)
{
	(void)state;
	press(page_queue_pause, REQUEST_QUEUE_PAUSE, "Location: /status/queues?done=pause\n");
	press(page_queue_resume, REQUEST_QUEUE_RESUME, "Location: /status/queues?done=resume\n");
}

static void unreadable(void **state)
{
	struct store_reader *reader = api.reader;

	(void)state;
	api.reader = NULL;
	show();
	api.reader = reader;
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, 503);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(everything), T(by_role), T(buttons), T(unreadable) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
