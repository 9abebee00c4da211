/* `stint submit TYPE [PAYLOAD|@FILE|-]`: submits a job, prints its id; with --wait its result. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/job_ask.h"
#include "text/json.h"

#define PAYLOAD_MAX (256u << 20)
#define CENTURY_MS (100LL * 366 * 24 * 3600 * 1000)

struct submit {
	const char *type, *payload, *queue, *idempotency_key, *unique_key, *key, *url, *token;
	int64_t priority, delay_ms, retries;
	bool has_priority, has_delay, has_retries, wait, json;
	struct client client;
	struct buf body, answer;
};

static int read_all(int fd, const char *name, struct buf *out)
{
	for (;;) {
		ssize_t n;

		if (!buf_reserve(out, 65536) || out->len > PAYLOAD_MAX)
			return cli_fail(EX_DATAERR, "%s is too long for a payload", name);
		n = read(fd, out->data + out->len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cli_fail(EX_IOERR, "cannot read %s: %s", name, strerror(errno));
		if (n == 0)
			return 0;
		out->len += (size_t)n;
	}
}

static int read_payload(const char *arg, struct buf *out)
{
	int fd, code;

	if (!arg) {
		buf_str(out, "null");
		return 0;
	}
	if (strcmp(arg, "-") == 0)
		return read_all(STDIN_FILENO, "standard input", out);
	if (arg[0] != '@') {
		buf_str(out, arg);
		return 0;
	}
	fd = open(arg + 1, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail(EX_NOINPUT, "cannot open %s: %s", arg + 1, strerror(errno));
	code = read_all(fd, arg + 1, out);
	close(fd);
	return code;
}

static void put_text(struct submit *s, const char *name, const char *text)
{
	if (!text)
		return;
	buf_printf(&s->body, ",\"%s\":", name);
	json_put_string(&s->body, slice_of(text));
}

static int compose(struct submit *s)
{
	struct buf payload = { 0 };
	struct json_error err;
	int code = read_payload(s->payload, &payload);

	if (code == 0 && !json_valid(payload.data, payload.len, &err))
		code = cli_fail(EX_DATAERR, "the payload is not JSON: %s at line %u, column %u. A text needs quotes of its own: '\"hello\"'", err.what, err.line, err.column);
	if (code == 0) {
		buf_str(&s->body, "{\"type\":");
		json_put_string(&s->body, slice_of(s->type));
		put_text(s, "queue", s->queue);
		if (s->has_priority)
			buf_printf(&s->body, ",\"priority\":%" PRId64, s->priority);
		if (s->has_delay)
			buf_printf(&s->body, ",\"delay\":\"%" PRId64 "ms\"", s->delay_ms);
		if (s->has_retries)
			buf_printf(&s->body, ",\"max_retries\":%" PRId64, s->retries);
		put_text(s, "key", s->key);
		put_text(s, "idempotency_key", s->idempotency_key);
		put_text(s, "unique_key", s->unique_key);
		buf_str(&s->body, ",\"payload\":");
		buf_add(&s->body, payload.data, payload.len);
		buf_char(&s->body, '}');
		if (s->body.failed)
			code = cli_fail(EX_OSERR, "there is no memory for the job");
	}
	buf_free(&payload);
	return code;
}

/* The job has ended: its result to stdout, and where it did not succeed why not to stderr. */
static int ended(struct submit *s, const char *id)
{
	struct slice json = { s->answer.data, s->answer.len };
	struct buf state = { 0 }, error = { 0 }, shown = { 0 };
	struct slice result;
	bool well = client_string(json, "state", &state) && strcmp(buf_cstr(&state), "succeeded") == 0;
	int code = well ? EX_OK : CLI_JOB_FAILED;

	if (s->json) {
		fwrite(json.p, 1, json.n, stdout);
		putchar('\n');
	} else if (json_member(json.p, json.n, "result", &result)) {
		int rc = job_ask_result(&s->client, id);

		if (rc != 0)
			code = cli_fail(rc, "the result of %s: %s", id, s->client.why);
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

static int submit(struct submit *s)
{
	struct client_call call = { .method = "POST", .target = "/jobs", .body = { s->body.data, s->body.len } };
	struct buf id = { 0 };
	int code = client_ask(&s->client, &call);

	if (code != 0) {
		cli_fail(code, "%s", s->client.why);
		goto done;
	}
	if (!client_string((struct slice){ call.answer.data, call.answer.len }, "id", &id) || !job_ask_id(buf_cstr(&id))) {
		code = cli_fail(EX_PROTOCOL, "%s took the job but said no id; is it a Stint server?", s->client.text);
		goto done;
	}
	if (s->wait) {
		code = job_ask_final(&s->client, buf_cstr(&id), &s->answer);
		code = code ? cli_fail(code, "job %s was submitted; waiting for it failed: %s", buf_cstr(&id), s->client.why) : ended(s, buf_cstr(&id));
	} else if (s->json) {
		fwrite(call.answer.data, 1, call.answer.len, stdout);
		putchar('\n');
	} else {
		printf("%s\n", buf_cstr(&id));
	}
done:
	buf_free(&id);
	buf_free(&call.answer);
	return code;
}

int cli_submit(const struct cli_command *self, int argc, char **argv)
{
	struct submit s = { 0 };
	const struct option_spec spec[] = {
		{ OPTION_TEXT, "queue", 0, &s.queue, NULL, "QUEUE", 0, 0, "else the type's" },
		{ OPTION_INTEGER, "priority", 0, &s.priority, &s.has_priority, "N", -32768, 32767, "a higher one runs first; else 0" },
		{ OPTION_DURATION, "delay", 0, &s.delay_ms, &s.has_delay, "TIME", 0, CENTURY_MS, "not before so long from now" },
		{ OPTION_INTEGER, "retries", 0, &s.retries, &s.has_retries, "N", 0, 1000, "after a failure; else the type's" },
		{ OPTION_TEXT, "key", 0, &s.key, NULL, "KEY", 0, 0, "so many jobs of the type with this key run at once as its key_concurrency says" },
		{ OPTION_TEXT, "idempotency-key", 0, &s.idempotency_key, NULL, "KEY", 0, 0, "the same job again with this key is the first one" },
		{ OPTION_TEXT, "unique-key", 0, &s.unique_key, NULL, "KEY", 0, 0, "at most one job of the type at a time has this key" },
		{ OPTION_FLAG, "wait", 0, &s.wait, NULL, NULL, 0, 0, "until it has ended; prints its result, exits 1 where it did not succeed" },
		CLIENT_OPTIONS(s),
		{ OPTION_FLAG, "json", 0, &s.json, NULL, NULL, 0, 0, "print the job as JSON" },
		{ .kind = OPTION_END },
	};
	struct option_operands args;
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n < 1 || args.n > 2)
		return cli_fail(EX_USAGE, args.n ? "submit takes a TYPE and one PAYLOAD; quote the payload for the shell" : "submit which TYPE? stint submit TYPE [PAYLOAD|@FILE|-]");
	s.type = args.v[0];
	s.payload = args.n > 1 ? args.v[1] : NULL;
	code = client_init(&s.client, s.url, s.token);
	if (code != 0)
		cli_fail(code, "%s", s.client.why);
	if (code == 0)
		code = compose(&s);
	if (code == 0)
		code = submit(&s);
	client_close(&s.client);
	buf_free(&s.body);
	buf_free(&s.answer);
	return code;
}
