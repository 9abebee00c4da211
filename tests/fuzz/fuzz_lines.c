/* NDJSON as it comes: the answer is the same in whatever pieces. The first byte says how long the pieces are. */
#include "tests/http/submit_test.h"

#include "http/submission.h"
#include "tests/fuzz/fuzz.h"

static void end(void)
{
	teardown(NULL);
}

static void begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	setenv("CMOCKA_TEST_ABORT", "1", 1);    /* the fixture's own assertions end the process as others do */
	conf.http.max_body = 300;
	setup(NULL);
	atexit(end);
}

/* All of it in steps, then the keeper's answers. Owned by the caller. */
static char *answer_to(const char *text, size_t n, size_t step)
{
	static struct http_pair ndjson = { { "content-type", 12 }, { "application/x-ndjson", 20 } };
	size_t at = 0;

	answer_clear();
	memset(&live, 0, sizeof(live));
	nasked = 0;
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST, .header = &ndjson, .nheader = 1, .streamed = true };
	api_submit(&q);
	for (; n - at > step; at += step)
		q.on_body(&q, (struct slice){ text + at, step }, false);
	q.on_body(&q, (struct slice){ text + at, n - at }, true);
	for (size_t i = 0; i < nasked; i++)
		keeper_answers(i, i % 3 == 2 ? STORE_NO_SPACE : STORE_OK);
	MUST(live.ended == 1 && live.cut == 0);
	char *said = answer.body;
	answer.body = NULL;
	return said;
}

/* One line of answer for each, all of them JSON. */
static void check(char *said)
{
	for (char *line = said, *end_of; *line; line = end_of + 1) {
		json_t *j;

		end_of = strchr(line, '\n');
		MUST(end_of);
		j = json_loadb(line, (size_t)(end_of - line), JSON_REJECT_DUPLICATES, NULL);
		MUST(j && (json_object_get(j, "state") || json_object_get(j, "line")));
		json_decref(j);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *whole, *pieces;

	if (n == 0 || n > 16384)
		return 0;
	begin();
	whole = answer_to((const char *)data + 1, n - 1, n);
	check(whole);
	pieces = answer_to((const char *)data + 1, n - 1, data[0] % 64u + 1);
	MUST(strcmp(whole, pieces) == 0);
	free(whole);
	free(pieces);
	return 0;
}
