/* Lines of an export asked of a real keeper: put there whole, staged or not, left alone where they are there, refused with the member at fault; what is malformed is refused and hurts nobody. */
#include "keeper_fixture.h"

#include "job/whole.h"

static struct ask_box *box;
static struct request_import_result last;
static unsigned taken;
static uint64_t blob;

static void on_answer(void *arg, const struct request_result *r)
{
	(void)arg;
	memcpy(&last, r, sizeof(last));
	taken++;
}

static void on_staged(void *arg, uint64_t number, int rc)
{
	(void)arg;
	assert_int_equal(rc, STORE_OK);
	blob = number;
	taken++;
}

static void wait_answer(unsigned before)
{
	while (taken == before) {       /* keeper_setup() has set an alarm */
		ask_post(box);
		ask_poll(box);
		usleep(200);
	}
}

static int ask(const struct request_import *m, size_t head, const char *text)
{
	const struct ask_piece piece[] = { { m, head }, { text, strlen(text) } };
	unsigned before = taken;

	assert_int_equal(ask_add(box, REQUEST_IMPORT, 7, piece, 2), 0);
	wait_answer(before);
	assert_int_equal(last.tag, 7);
	return last.rc;
}

static int line(const char *text)
{
	struct request_import m = { .bytes = strlen(text) };

	return ask(&m, sizeof(m), text);
}

static int long_line(const char *text)
{
	unsigned before = taken;

	assert_int_equal(ask_stage(box, text, strlen(text), on_staged, NULL), 0);
	wait_answer(before);
	return ask(&(struct request_import){ blob, strlen(text) }, sizeof(struct request_import), "");
}

#define ID(n) "\"0192f0c1-1111-7000-8000-00000000000" n "\""
#define JOB(n, state, more) "{\"kind\":\"job\",\"id\":" ID(n) ",\"state\":\"" state "\",\"type\":\"noop\",\"queue\":\"q\",\"created_ms\":1,\"backoff_factor_milli\":2000,\"payload\":1" more "}"

static uint64_t in_state(enum job_state state)
{
	return shm_counter(&seg.proc[SHM_KEEPER_SLOT], (enum shm_counter)(SHM_C_STATE_FIRST + state));
}

static void lines(void)
{
	assert_int_equal(line(JOB("1", "queued", "")), STORE_OK);
	assert_int_equal(last.state, JOB_QUEUED);
	assert_int_equal(line(JOB("1", "dead", ",\"finished_ms\":5")), STORE_REPLAYED);
	assert_int_equal(line(JOB("2", "running", ",\"attempts\":1,\"started_ms\":5")), STORE_OK);
	assert_int_equal(last.state, JOB_QUEUED);
	assert_int_equal(line(JOB("3", "running", ",\"attempts\":1,\"started_ms\":5,\"cancel_asked\":true")), STORE_OK);
	assert_int_equal(last.state, JOB_CANCELLED);
	assert_int_equal(line(JOB("4", "dead", "")), STORE_INVALID);
	assert_string_equal(last.field, "finished_ms");
	assert_int_equal(line(JOB("4", "waiting", ",\"depends_on\":[" ID("9") "],\"waits_for\":[" ID("9") "]")), STORE_PARENT);
	assert_string_equal(last.field, "waits_for");
	assert_int_equal(line(JOB("4", "queued", ",\"unique_key\":\"u\"")), STORE_OK);
	assert_int_equal(line(JOB("5", "queued", ",\"unique_key\":\"u\"")), STORE_LIVE);
	assert_string_equal(last.field, "unique_key");
	assert_int_equal(line("{\"kind\":\"queue\",\"name\":\"q\",\"paused\":true}"), STORE_OK);
	assert_int_equal(line("{\"kind\":\"end\",\"jobs\":4}"), STORE_OK);
	assert_int_equal(line("{\"kind\":\"key\",\"id\":" ID("9") ",\"key\":\"k\",\"created_ms\":5}"), STORE_NOT_FOUND);
	assert_string_equal(last.field, "id");
	assert_int_equal(in_state(JOB_QUEUED), 3);
	assert_int_equal(in_state(JOB_CANCELLED), 1);
}

static void malformed(void)
{
	struct request_import m = { .bytes = 4 };

	assert_int_equal(line("{\"kind\":\"job\",\"id\":7}"), STORE_INVALID);
	assert_string_equal(last.field, "id");
	assert_int_equal(line(""), STORE_INVALID);
	assert_int_equal(ask(&m, sizeof(m), "{}"), STORE_INVALID);
	assert_int_equal(ask(&m, 3, ""), STORE_INVALID);
	m.blob = 1u << 30;
	assert_int_equal(ask(&m, sizeof(m), ""), STORE_INVALID);
}

static void staged(void)
{
	char *text = malloc(200000);
	int n = sprintf(text, "{\"kind\":\"job\",\"id\":" ID("6") ",\"state\":\"queued\",\"type\":\"noop\",\"queue\":\"q\",\"created_ms\":1,\"backoff_factor_milli\":2000,\"payload\":\"");

	memset(text + n, 'x', 120000);
	strcpy(text + n + 120000, "\"}");
	assert_int_equal(long_line(text), STORE_OK);
	assert_int_equal(long_line(text), STORE_REPLAYED);
	assert_int_equal(ask(&(struct request_import){ blob, strlen(text) }, sizeof(struct request_import), ""), STORE_INVALID);        /* it went with its line */
	assert_int_equal(in_state(JOB_QUEUED), 4);
	free(text);
}

static void test_import(void **state)
{
	(void)state;
	box = keeper_alone(on_answer);
	lines();
	malformed();
	staged();
	keeper_stop();
	ask_close(box);
}

static int setup(void **state)
{
	return keeper_setup(state, "min_free = 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_import, setup, keeper_teardown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
