/* POST /import line by line: every cut of the body gives the same answer, what is wrong stands in its line's place with the member at fault, lines are asked for in their order whatever is staged, and clients go away at any
 * moment. */
#include "api_test.h"

#include <errno.h>

#include "http/submission.h"
#include "job/whole.h"
#include "shm/request.h"

/* --- the keeper --- */
#define ASKED_MAX 64
static struct { uint64_t tag; struct request_import m; char text[200]; } asked[ASKED_MAX];
static unsigned nasked;
static struct { ask_staged_fn ready; void *arg; size_t n; } staging[8];
static unsigned nstaging;
static int ask_errno;

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	(void)b;
	if (ask_errno) {
		errno = ask_errno;
		return -1;
	}
	assert_int_equal(op, REQUEST_IMPORT);
	assert_true(nasked < ASKED_MAX);
	asked[nasked].tag = tag;
	assert_int_equal(piece[0].n, sizeof(asked[0].m));
	memcpy(&asked[nasked].m, piece[0].p, sizeof(asked[0].m));
	assert_int_equal(n, asked[nasked].m.blob ? 1 : 2);
	if (n == 2) {
		assert_int_equal(piece[1].n, asked[nasked].m.bytes);
		snprintf(asked[nasked].text, sizeof(asked[0].text), "%.*s", (int)piece[1].n, (const char *)piece[1].p);
	}
	nasked++;
	return 0;
}

int ask_add_group(struct ask_box *b, uint32_t results, const struct ask_piece *piece, unsigned n)
{
	(void)b;
	(void)results;
	(void)piece;
	(void)n;
	fail_msg("no group is to be made");
	return -1;
}

int ask_stage(struct ask_box *b, const void *bytes, size_t n, ask_staged_fn ready, void *arg)
{
	(void)b;
	assert_int_equal(*(const char *)bytes, '{');
	if (ask_errno)
		return -1;
	assert_true(nstaging < 8);
	staging[nstaging].ready = ready;
	staging[nstaging].arg = arg;
	staging[nstaging++].n = n;
	return 0;
}

static void keeper_says(unsigned i, int rc, const char *field)
{
	struct request_import_result told = { .tag = asked[i].tag, .rc = rc, .state = JOB_QUEUED };
	struct request_result r;

	snprintf(told.field, sizeof(told.field), "%s", field);
	memcpy(&r, &told, sizeof(r));
	api_answered(&api, &r);
}

/* --- requests --- */
static struct http_pair header = { { "content-type", 12 }, { "application/x-ndjson; charset=utf-8", 35 } };
static struct http_request q;

static int begin(void **state)
{
	nasked = nstaging = 0;
	ask_errno = 0;
	conf.http.max_body = 1 << 20;
	return api_setup(state);
}

static void open_request(void)
{
	answer_clear();
	memset(&live, 0, sizeof(live));
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .path = SLICE("/import"), .header = &header, .nheader = 1, .streamed = true };
	nasked = nstaging = 0;
	assert_true(api_import_streams(&q));
	api_import(&q);
	assert_non_null(q.on_body);
	assert_int_equal(answer.answers, 0);
}

static void body(const char *text, size_t n, bool last)
{
	body_comes(&q, text, n, last);
}

static void all(const char *text)
{
	body(text, strlen(text), true);
}

#define HEAD "{\"kind\":\"stint-export\",\"format\":1,\"version\":\"1\",\"made_ms\":1}\n"
#define ID "0192f0c1-1111-7000-8000-00000000000"
#define JOB(n) "{\"kind\":\"job\",\"id\":\"" ID n "\",\"state\":\"queued\",\"type\":\"t\",\"queue\":\"q\",\"created_ms\":1,\"backoff_factor_milli\":2000,\"payload\":1}\n"
#define PAUSE "{\"kind\":\"queue\",\"name\":\"q\",\"paused\":true}\n"

static const char mixed[] = HEAD JOB("1") "\n \r\n" JOB("2") "{bad}\n{\"kind\":\"job\",\"id\":\"x\"}\n" PAUSE HEAD JOB("3");
static const char expected[] = "{\"kind\":\"stint-export\"}\n{\"id\":\"" ID "1\",\"state\":\"queued\"}\n{\"id\":\"" ID "2\",\"there\":true}\n";

static void mixed_answered(void)
{
	assert_int_equal(nasked, 5);
	assert_int_equal(live.ended, 0);
	keeper_says(4, STORE_LIVE, "unique_key");
	keeper_says(1, STORE_OK, "");
	keeper_says(0, STORE_OK, "");
	keeper_says(3, STORE_OK, "");
	assert_int_equal(live.ended, 0);
	keeper_says(2, STORE_REPLAYED, "");
	assert_int_equal(live.ended, 1);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.content_type, "application/x-ndjson");
	assert_memory_equal(answer.body, expected, strlen(expected));
	assert_non_null(strstr(answer.body, "\"status\":400,\"line\":6,\"detail\":\"it is not JSON: column 2"));
	assert_non_null(strstr(answer.body, "\"status\":400,\"line\":7,\"detail\":\"it must be the id of a job\",\"instance\":\"/import\",\"field\":\"id\"}\n{\"kind\":\"queue\"}\n"));
	assert_non_null(strstr(answer.body, "\"line\":9,\"detail\":\"there is one head, the first line\""));
	assert_non_null(strstr(answer.body, "\"status\":409,\"line\":10,\"detail\":\"a live job of its type has this key already\",\"instance\":\"/import\",\"field\":\"unique_key\"}\n"));
}

static void every_cut(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= strlen(mixed); cut++) {
		open_request();
		body(mixed, cut, false);
		body(mixed + cut, strlen(mixed) - cut, true);
		mixed_answered();
	}
}

static void what_is_no_export(void **state)
{
	(void)state;
	open_request();
	all(JOB("1") HEAD JOB("2"));
	assert_int_equal(nasked, 0);
	assert_int_equal(live.ended, 1);
	assert_non_null(strstr(answer.body, "\"line\":1,\"detail\":\"this is no export"));
	assert_non_null(strstr(answer.body, "\"line\":3,\"detail\":\"this is no export"));
	open_request();
	all("{\"kind\":\"stint-export\",\"format\":2,\"version\":\"9\",\"made_ms\":1}\n" JOB("1"));
	assert_int_equal(nasked, 0);
	assert_non_null(strstr(answer.body, "\"line\":1,\"detail\":\"the export has the format 2, this server reads up to 1"));
	assert_non_null(strstr(answer.body, "\"line\":2"));
}

/* A job whose payload makes its line a long one. */
static char *long_job(char n, size_t payload)
{
	static const char from[] = "{\"kind\":\"job\",\"id\":\"" ID;
	char *text = malloc(payload + 300);

	int at = sprintf(text, "%s%c\",\"state\":\"queued\",\"type\":\"t\",\"queue\":\"q\",\"created_ms\":1,\"backoff_factor_milli\":2000,\"payload\":\"", from, n);
	memset(text + at, 'x', payload);
	strcpy(text + at + payload, "\"}\n");
	return text;
}

/* Long lines go up side by side, and nothing overtakes one that is not up yet. */
static void in_their_order(void **state)
{
	char *a = long_job('1', 20000), *b = long_job('2', 30000);

	(void)state;
	open_request();
	body(HEAD, strlen(HEAD), false);
	body(a, strlen(a), false);
	body(JOB("3"), strlen(JOB("3")), false);
	body(b, strlen(b), false);
	all(JOB("4"));
	assert_int_equal(nstaging, 2);
	assert_int_equal(staging[0].n, strlen(a) - 1);
	assert_int_equal(nasked, 1);
	staging[1].ready(staging[1].arg, 72, STORE_OK);
	assert_int_equal(nasked, 1);
	staging[0].ready(staging[0].arg, 71, STORE_OK);
	assert_int_equal(nasked, 5);
	assert_int_equal(asked[1].m.blob, 71);
	assert_int_equal(asked[1].m.bytes, strlen(a) - 1);
	assert_non_null(strstr(asked[2].text, ID "3"));
	assert_int_equal(asked[3].m.blob, 72);
	assert_non_null(strstr(asked[4].text, ID "4"));
	for (unsigned i = 0; i < 5; i++)
		keeper_says(i, STORE_OK, "");
	assert_int_equal(live.ended, 1);
	assert_null(strstr(answer.body, "detail"));
	free(a);
	free(b);
}

static void no_room_for_a_long_line(void **state)
{
	char *a = long_job('1', 20000);

	(void)state;
	open_request();
	body(HEAD, strlen(HEAD), false);
	keeper_says(0, STORE_OK, "");
	body(a, strlen(a), false);
	all(JOB("2"));
	staging[0].ready(staging[0].arg, 0, STORE_NO_SPACE);
	assert_int_equal(nasked, 2);
	assert_non_null(strstr(answer.body, "\"status\":507,\"line\":2"));
	keeper_says(1, STORE_PARENT, "waits_for");
	assert_int_equal(live.ended, 1);
	assert_non_null(strstr(answer.body, "\"status\":422,\"line\":3"));
	free(a);
}

static void memory_is_out(void **state)
{
	char *a = long_job('1', 20000);

	(void)state;
	open_request();
	ask_errno = ENOMEM;
	body(HEAD, strlen(HEAD), false);
	body(a, strlen(a), false);
	all(JOB("2"));
	assert_int_equal(nasked, 0);
	assert_int_equal(live.ended, 1);
	assert_non_null(strstr(answer.body, "\"status\":503,\"line\":1"));
	assert_non_null(strstr(answer.body, "\"status\":503,\"line\":3"));
	free(a);
}

static void lines_of_any_length_but(void **state)
{
	size_t most = 2 * 1024 + (32u << 20);
	char *text = malloc(most + 2);

	(void)state;
	conf.http.max_body = 1024;
	memset(text, ' ', most + 1);
	memcpy(text, "{}", 2);
	open_request();
	body(HEAD, strlen(HEAD), false);
	body(text, most, false);
	body("\n", 1, false);
	body(text, most + 1, false);
	all("\n" JOB("1"));
	assert_int_equal(nasked, 2);
	keeper_says(0, STORE_OK, "");
	keeper_says(1, STORE_OK, "");
	assert_non_null(strstr(answer.body, "\"status\":400,\"line\":2,\"detail\":\"the line must be an object that says its kind\""));
	assert_non_null(strstr(answer.body, "\"status\":413,\"line\":3,\"detail\":\"the line is longer than 33556480 bytes (twice max_body and 32M)\""));
	free(text);
}

static void the_client_goes(void **state)
{
	char *a = long_job('1', 20000);

	(void)state;
	open_request();
	body(HEAD, strlen(HEAD), false);
	body(a, strlen(a), false);
	body(JOB("2") "{\"ki", strlen(JOB("2")) + 4, false);
	q.gone = true;
	q.on_gone(&q);
	assert_int_equal(answer.answers, 0);
	keeper_says(0, STORE_OK, "");
	staging[0].ready(staging[0].arg, 9, STORE_OK);
	assert_int_equal(nasked, 3);            /* what had come is stored */
	keeper_says(1, STORE_OK, "");
	keeper_says(2, STORE_OK, "");
	assert_int_equal(answer.answers, 1);
	free(a);
}

static void what_is_refused_as_a_whole(void **state)
{
	static struct http_pair json = { { "content-type", 12 }, { "application/json", 16 } };

	(void)state;
	answer_clear();
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .header = &json, .nheader = 1 };
	assert_false(api_import_streams(&q));
	api_import(&q);
	assert_int_equal(answer.status, 415);
	answer_clear();
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .header = &header, .nheader = 1, .streamed = true };
	api.draining = true;
	api_import(&q);
	api.draining = false;
	assert_int_equal(answer.status, 503);
}

static void draining_in_the_middle(void **state)
{
	(void)state;
	open_request();
	body(HEAD JOB("1"), strlen(HEAD JOB("1")), false);
	api.draining = true;
	all(JOB("2"));
	api.draining = false;
	assert_int_equal(nasked, 2);
	keeper_says(0, STORE_OK, "");
	keeper_says(1, STORE_OK, "");
	assert_non_null(strstr(answer.body, "\"status\":503,\"line\":3"));
}

static int end(void **state)
{
	return api_teardown(state);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(every_cut), T(what_is_no_export), T(in_their_order), T(no_room_for_a_long_line), T(memory_is_out), T(lines_of_any_length_but), T(the_client_goes), T(what_is_refused_as_a_whole),
		T(draining_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
