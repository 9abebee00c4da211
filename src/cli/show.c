/* `stint show ID`: a job's record, history, result or log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/job_ask.h"
#include "cli/job_follow.h"
#include "cli/log_out.h"
#include "text/json.h"

struct show {
	const char *id, *url, *token;
	int64_t attempt;
	bool history, result, log, follow, attempt_given, json;
	struct client client;
	struct buf answer;
	struct log_out out;
};

/* A value as people read it: a string bare, anything else as JSON. */
static void put_value(struct buf *out, const json_t *v)
{
	char *text;

	if (json_is_string(v)) {
		cli_text(out, (struct slice){ json_string_value(v), json_string_length(v) });
		return;
	}
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
	cli_text(out, slice_of(text));
	free(text);
}

static void put_record(struct buf *out, json_t *job)
{
	const char *key;
	json_t *v;

	json_object_foreach(job, key, v) {
		buf_printf(out, "%-16s ", key);
		put_value(out, v);
		buf_char(out, '\n');
	}
}

static void put_column(struct buf *out, const json_t *entry, const char *key, int width)
{
	struct buf text = { 0 };
	const json_t *v = json_object_get(entry, key);

	if (v)
		put_value(&text, v);
	buf_printf(out, "%-*s ", width, v ? buf_cstr(&text) : "-");
	buf_free(&text);
}

/* One event a line: when, what, attempt, worker, then whatever else it says. */
static void put_event(struct buf *out, json_t *entry)
{
	static const char *const columns[] = { "at", "event", "attempt", "worker" };
	static const int widths[] = { 24, 16, 7, 16 };
	const char *key;
	json_t *v;

	for (size_t i = 0; i < 4; i++)
		put_column(out, entry, columns[i], widths[i]);
	json_object_foreach(entry, key, v) {
		bool shown = false;

		for (size_t i = 0; i < 4; i++)
			shown |= strcmp(columns[i], key) == 0;
		if (shown)
			continue;
		buf_printf(out, "%s=", key);
		put_value(out, v);
		buf_char(out, ' ');
	}
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	buf_char(out, '\n');
}

static int print(struct show *s)
{
	json_error_t err;
	json_t *root = json_loadb(s->answer.data, s->answer.len, 0, &err), *entry;
	struct buf out = { 0 };
	size_t i;

	if (!json_is_object(root)) {
		json_decref(root);
		return cli_fail(EX_PROTOCOL, "%s did not answer with a JSON object; is it a Stint server?", s->client.text);
	}
	if (s->history) {
		buf_printf(&out, "%-24s %-16s %-7s %-16s %s\n", "AT", "EVENT", "ATTEMPT", "WORKER", "DETAIL");
		json_array_foreach(json_object_get(root, "history"), i, entry)
			put_event(&out, entry);
	} else {
		put_record(&out, root);
	}
	cli_out(&out);
	buf_free(&out);
	json_decref(root);
	return EX_OK;
}

/* With --json a result that is no JSON comes as a JSON string, as it stands in the job. */
static int print_result(struct show *s)
{
	struct slice value;
	int code;

	if (!s->json) {
		code = job_ask_result(&s->client, s->id);
		return code ? cli_fail(code, "%s", s->client.why) : EX_OK;
	}
	code = job_ask(&s->client, s->id, "", &s->answer);
	if (code != 0)
		return cli_fail(code, "%s", s->client.why);
	if (!json_member(s->answer.data, s->answer.len, "result", &value))
		value = SLICE("null");
	fwrite(value.p, 1, value.n, stdout);
	putchar('\n');
	return EX_OK;
}

/* What is written of a log, as it comes. */
static void take_log(void *arg, struct slice bytes)
{
	struct show *s = arg;
	struct buf text = { 0 };

	log_out_add(&s->out, bytes, &text);
	cli_out(&text);
	buf_free(&text);
}

/* Objects say of which attempt they are, which only the job itself knows where it was not asked for. */
static int print_log(struct show *s)
{
	struct client_call call = { .method = "GET", .take = take_log, .arg = s };
	struct buf target = { 0 }, rest = { 0 };
	double attempts = (double)s->attempt;
	int code = s->json && !s->attempt ? job_ask(&s->client, s->id, "", &s->answer) : 0;

	if (code == 0 && s->json && !s->attempt)
		client_number((struct slice){ s->answer.data, s->answer.len }, "attempts", &attempts);
	s->out.attempt = (uint32_t)attempts;
	buf_printf(&target, "/jobs/%s/log", s->id);
	if (s->attempt)
		buf_printf(&target, "?attempt=%lld", (long long)s->attempt);
	call.target = buf_cstr(&target);
	if (code == 0)
		code = client_ask(&s->client, &call);
	log_out_end(&s->out, &rest);
	cli_out(&rest);
	buf_free(&call.answer);
	buf_free(&target);
	buf_free(&rest);
	return code ? cli_fail(code, "%s", s->client.why) : EX_OK;
}

static int follow(struct show *s)
{
	int code = job_follow(&s->client, s->id, &s->out, &s->answer);

	return code ? cli_fail(code, "%s", s->client.why) : job_ask_ended(&s->client, s->id, &s->answer, s->json ? JOB_ENDED_JSON : JOB_ENDED_QUIET);
}

static int show(struct show *s)
{
	int code;

	if (s->result)
		return print_result(s);
	if (s->follow)
		return follow(s);
	if (s->log)
		return print_log(s);
	code = job_ask(&s->client, s->id, s->history ? "/history" : "", &s->answer);
	if (code != 0)
		return cli_fail(code, "%s", s->client.why);
	if (!s->json)
		return print(s);
	cli_out(&s->answer);
	putchar('\n');
	return EX_OK;
}

int cli_show(const struct cli_command *self, int argc, char **argv)
{
	struct show s = { 0 };
	const struct option_spec spec[] = {
		{ OPTION_FLAG, "history", 0, &s.history, NULL, NULL, 0, 0, "what happened to it, oldest first" },
		{ OPTION_FLAG, "result", 0, &s.result, NULL, NULL, 0, 0, "its result as it is" },
		{ OPTION_FLAG, "log", 0, &s.log, NULL, NULL, 0, 0, "what its last attempt wrote to standard error" },
		{ OPTION_INTEGER, "attempt", 0, &s.attempt, &s.attempt_given, "N", 1, 1000000000, "with --log: of this attempt; the last ten are kept" },
		{ OPTION_FLAG, "follow", 'f', &s.follow, NULL, NULL, 0, 0, "its log live, until it has ended; exits 1 where it did not succeed" },
		CLIENT_OPTIONS(s),
		{ OPTION_FLAG, "json", 0, &s.json, NULL, NULL, 0, 0, "print JSON" },
		{ .kind = OPTION_END },
	};
	int code;

	if (!cli_operand(self, spec, argc, argv, "show which job? stint show ID", &s.id, &code))
		return code;
	if (!job_ask_id(s.id))
		return cli_fail(EX_USAGE, "\"%s\" is not a job id; one looks like 01930000-0000-7000-8000-000000000000", s.id);
	if (s.history + s.result + s.log + s.follow > 1)
		return cli_fail(EX_USAGE, "only one of --history, --result, --log and --follow");
	if (s.attempt_given && !s.log)
		return cli_fail(EX_USAGE, "--attempt goes with --log");
	s.out.form = log_out_form(s.json);
	code = client_init(&s.client, s.url, s.token);
	code = code ? cli_fail(code, "%s", s.client.why) : show(&s);
	client_close(&s.client);
	log_out_free(&s.out);
	buf_free(&s.answer);
	return code;
}
