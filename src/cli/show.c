/* `stint show ID`: a job's record, history or result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/job_ask.h"
#include "text/json.h"

struct show {
	const char *id, *url, *token;
	bool history, result, json;
	struct client client;
	struct buf answer;
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
	fwrite(out.data, 1, out.len, stdout);
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

static int show(struct show *s)
{
	int code;

	if (s->result)
		return print_result(s);
	code = job_ask(&s->client, s->id, s->history ? "/history" : "", &s->answer);
	if (code != 0)
		return cli_fail(code, "%s", s->client.why);
	if (!s->json)
		return print(s);
	fwrite(s->answer.data, 1, s->answer.len, stdout);
	putchar('\n');
	return EX_OK;
}

int cli_show(const struct cli_command *self, int argc, char **argv)
{
	struct show s = { 0 };
	const struct option_spec spec[] = {
		{ OPTION_FLAG, "history", 0, &s.history, NULL, NULL, 0, 0, "what happened to it, oldest first" },
		{ OPTION_FLAG, "result", 0, &s.result, NULL, NULL, 0, 0, "its result as it is" },
		CLIENT_OPTIONS(s),
		{ OPTION_FLAG, "json", 0, &s.json, NULL, NULL, 0, 0, "print JSON" },
		{ .kind = OPTION_END },
	};
	struct option_operands args;
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n != 1)
		return cli_fail(EX_USAGE, args.n ? "show takes one ID" : "show which job? stint show ID");
	if (!job_ask_id(args.v[0]))
		return cli_fail(EX_USAGE, "\"%s\" is not a job id; one looks like 01930000-0000-7000-8000-000000000000", args.v[0]);
	if (s.history && s.result)
		return cli_fail(EX_USAGE, "only one of --history and --result");
	s.id = args.v[0];
	code = client_init(&s.client, s.url, s.token);
	code = code ? cli_fail(code, "%s", s.client.why) : show(&s);
	client_close(&s.client);
	buf_free(&s.answer);
	return code;
}
