/* `stint submit TYPE [PAYLOAD|@FILE|-]`: submits a job, prints its id; with --wait its result. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/job_ask.h"
#include "cli/submit_job.h"
#include "text/duration.h"
#include "text/json.h"

#define PAYLOAD_MAX (256u << 20)

struct submit {
	struct submit_job job;
	const char *payload, *content_type, *url, *token;
	bool raw, wait, json;
	struct client client;
	struct buf body, target, answer;
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

/* Without one: null, or with --raw no bytes at all. */
static int read_payload(const struct submit *s, struct buf *out)
{
	const char *arg = s->payload;
	int fd, code;

	if (!arg) {
		buf_str(out, s->raw ? "" : "null");
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

static int compose(struct submit *s)
{
	struct buf payload = { 0 };
	struct json_error err;
	int code = read_payload(s, &payload);

	buf_str(&s->target, "/jobs");
	if (code == 0 && s->raw) {
		buf_char(&s->target, '?');
		submit_job_query(&s->target, &s->job);
		buf_add(&s->body, payload.data, payload.len);
	} else if (code == 0 && json_valid(payload.data, payload.len, &err)) {
		submit_job_json(&s->body, &s->job, (struct slice){ payload.data, payload.len });
	} else if (code == 0) {
		code = cli_fail(EX_DATAERR, "the payload is not JSON: %s at line %u, column %u. A text needs quotes of its own: '\"hello\"'; other bytes go with --raw", err.what, err.line,
			err.column);
	}
	if (code == 0 && (payload.failed || s->body.failed || s->target.failed))
		code = cli_fail(EX_OSERR, "there is no memory for the job");
	buf_free(&payload);
	return code;
}

static int submit(struct submit *s)
{
	struct client_call call = { .method = "POST", .target = buf_cstr(&s->target), .body = { s->body.data, s->body.len }, .content_type = s->content_type };
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
		code = code ? cli_fail(code, "job %s was submitted; waiting for it failed: %s", buf_cstr(&id), s->client.why)
			: job_ask_ended(&s->client, buf_cstr(&id), &s->answer, s->json ? JOB_ENDED_JSON : JOB_ENDED_RESULT);
	} else if (s->json) {
		cli_out(&call.answer);
		putchar('\n');
	} else {
		printf("%s\n", buf_cstr(&id));
	}
done:
	buf_free(&id);
	buf_free(&call.answer);
	return code;
}

/* Options that contradict each other. False: *code has been told of. */
static bool agree(struct submit *s, const struct option_operands *args, int *code)
{
	char why[400];

	if (args->n < 1 || args->n > 2)
		*code = cli_fail(EX_USAGE, args->n ? "submit takes a TYPE and one PAYLOAD; quote the payload for the shell" : "submit which TYPE? stint submit TYPE [PAYLOAD|@FILE|-]");
	else if (s->content_type && !s->raw)
		*code = cli_fail(EX_USAGE, "--content-type is of a --raw payload; without that option the payload is JSON");
	else if (s->content_type && s->content_type[strcspn(s->content_type, "\r\n")])
		*code = cli_fail(EX_USAGE, "--content-type has a line break in it; it must be a media type such as image/png");
	else if (!submit_job_check(&s->job, s->raw, why, sizeof(why)))
		*code = cli_fail(EX_USAGE, "%s", why);
	else
		return true;
	return false;
}

static int run(struct submit *s)
{
	int code = client_init(&s->client, s->url, s->token);

	if (code != 0)
		cli_fail(code, "%s", s->client.why);
	if (code == 0)
		code = compose(s);
	if (code == 0)
		code = submit(s);
	client_close(&s->client);
	buf_free(&s->body);
	buf_free(&s->target);
	buf_free(&s->answer);
	return code;
}

int cli_submit(const struct cli_command *self, int argc, char **argv)
{
	struct submit s = { 0 };
	struct submit_job *j = &s.job;
	const struct option_spec spec[] = {
		{ OPTION_TEXT, "queue", 'q', &j->queue, NULL, "QUEUE", 0, 0, "else the type's" },
		{ OPTION_TEXT, "name", 0, &j->name, NULL, "NAME", 0, 0, "a label for people" },
		{ OPTION_INTEGER, "priority", 'p', &j->priority, &j->has_priority, "N", -32768, 32767, "a higher one runs first; else 0" },
		{ OPTION_DURATION, "delay", 0, &j->delay_ms, &j->has_delay, "TIME", 0, DURATION_LIMIT_MS, "not before so long from now" },
		{ OPTION_TEXT, "run-at", 0, &j->run_at, NULL, "TIME", 0, 0, "not before then: 2026-11-21T20:40:59Z" },
		{ OPTION_DURATION, "expires-in", 0, &j->expires_ms, &j->has_expires, "TIME", 1, DURATION_LIMIT_MS, "not worth starting after so long from now" },
		{ OPTION_INTEGER, "retries", 0, &j->retries, &j->has_retries, "N", 0, 1000, "after a failure; else the type's" },
		{ OPTION_DURATION, "timeout", 0, &j->timeout_ms, &j->has_timeout, "TIME", 0, DURATION_LIMIT_MS, "limit of one attempt; else the type's" },
		{ OPTION_TEXT, "key", 0, &j->key, NULL, "KEY", 0, 0, "so many jobs of the type with this key run at once as its key_concurrency says" },
		{ OPTION_TEXT, "idempotency-key", 0, &j->idempotency_key, NULL, "KEY", 0, 0, "the same job again with this key is the first one" },
		{ OPTION_TEXT, "unique-key", 0, &j->unique_key, NULL, "KEY", 0, 0, "at most one job of the type at a time has this key" },
		{ OPTION_LIST, "tag", 0, &j->tags, NULL, "TAG", 0, 0, "for search; up to 16, an option each" },
		{ OPTION_LIST, "depends-on", 0, &j->depends_on, NULL, "ID", 0, 0, "waits until that job has succeeded; an option for each" },
		{ OPTION_FLAG, "raw", 0, &s.raw, NULL, NULL, 0, 0, "the payload is any bytes, not JSON" },
		{ OPTION_TEXT, "content-type", 0, &s.content_type, NULL, "TYPE", 0, 0, "of a --raw payload; else application/octet-stream" },
		{ OPTION_FLAG, "wait", 'w', &s.wait, NULL, NULL, 0, 0, "until it has ended; prints its result, exits 1 where it did not succeed" },
		CLIENT_OPTIONS(s),
		{ OPTION_FLAG, "json", 0, &s.json, NULL, NULL, 0, 0, "print the job as JSON" },
		{ .kind = OPTION_END },
	};
	struct option_operands args;
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code) || !agree(&s, &args, &code))
		return code;
	j->type = args.v[0];
	s.payload = args.n > 1 ? args.v[1] : NULL;
	if (s.raw && !s.content_type)
		s.content_type = "application/octet-stream";
	return run(&s);
}
