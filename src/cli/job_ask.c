/* One job's record, result and end, over HTTP. Used by submit and show. */
#include "cli/job_ask.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "cli/cli.h"
#include "job/job.h"
#include "os/clock.h"
#include "text/json.h"
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

bool job_ask_is_final(const struct buf *job)
{
	struct buf state = { 0 };
	bool is = client_string((struct slice){ job->data, job->len }, "state", &state) && job_state_final(job_state_of(state.data, state.len));

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

		if (code == 0 && job_ask_is_final(answer))
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
		cli_out(&answer);
	buf_free(&answer);
	return code;
}

int job_ask_ended(struct client *c, const char *id, const struct buf *job, enum job_ended print)
{
	struct slice json = { job->data, job->len }, result;
	struct buf state = { 0 }, error = { 0 }, shown = { 0 };
	bool well = client_string(json, "state", &state) && strcmp(buf_cstr(&state), "succeeded") == 0;
	int code = well ? EX_OK : CLI_JOB_FAILED;

	if (print == JOB_ENDED_JSON) {
		fwrite(json.p, 1, json.n, stdout);
		putchar('\n');
	} else if (print == JOB_ENDED_RESULT && json_member(json.p, json.n, "result", &result)) {
		int rc = job_ask_result(c, id);

		if (rc != 0)
			code = cli_fail(rc, "the result of %s: %s", id, c->why);
	}
	if (!well) {
		client_string(json, "last_error", &error);
		cli_text(&shown, (struct slice){ error.data, error.len });
		cli_fail(code, "job %s is %s%s%s", id, buf_cstr(&state), shown.len ? ": " : "", buf_cstr(&shown));
	}
	buf_free(&state);
	buf_free(&error);
	buf_free(&shown);
	return code;
}
