/* One job's record, result and end, over HTTP. Used by submit and show. */
#include "cli/job_ask.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "job/job.h"
#include "os/clock.h"
#include "text/uuid.h"

#define WAIT "?wait=30s"
#define WAIT_MS 45000           /* of one such call */
#define AWAY_MS 60000           /* how long the server may be away while we wait */
#define AGAIN_MS 500

bool job_ask_id(const char *text)
{
	uint8_t id[UUID_BYTES];

	return uuid_parse(text, strlen(text), id);
}

static int ask(struct client *c, const char *id, const char *rest, int64_t timeout_ms, struct buf *answer)
{
	struct client_call call = { .method = "GET", .timeout_ms = timeout_ms };
	char target[128];
	int code;

	snprintf(target, sizeof(target), "/jobs/%s%s", id, rest);
	call.target = target;
	code = client_ask(c, &call);
	buf_free(answer);
	*answer = call.answer;
	return code;
}

int job_ask(struct client *c, const char *id, const char *rest, struct buf *answer)
{
	return ask(c, id, rest, 0, answer);
}

static bool final(struct slice json)
{
	struct buf state = { 0 };
	bool is = client_string(json, "state", &state) && job_state_final(job_state_of(state.data, state.len));

	buf_free(&state);
	return is;
}

int job_ask_final(struct client *c, const char *id, struct buf *answer)
{
	int64_t away_ns = 0;

	for (;;) {
		int64_t began = clock_boot_ns(), now;
		int code = ask(c, id, WAIT, WAIT_MS, answer);
		const struct timespec pause = { .tv_nsec = AGAIN_MS * 1000000L };

		if (code == 0 && final((struct slice){ answer->data, answer->len }))
			return 0;
		now = clock_boot_ns();
		if (code == 0)
			away_ns = 0;
		else if (code != EX_UNAVAILABLE && code != EX_TEMPFAIL)
			return code;
		else if (away_ns == 0)
			away_ns = now;
		else if (now - away_ns > AWAY_MS * 1000000LL)
			return code;
		if (now - began < AGAIN_MS * 1000000LL)         /* it did not wait: a server that drains, or one that is away */
			nanosleep(&pause, NULL);
	}
}

int job_ask_result(struct client *c, const char *id)
{
	struct buf answer = { 0 };
	int code = job_ask(c, id, "/result", &answer);

	if (code == 0)
		fwrite(answer.data, 1, answer.len, stdout);
	buf_free(&answer);
	return code;
}
