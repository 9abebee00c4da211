/* `stint cancel|retry|run-now|delete`: by hand, to jobs that are named or to all that filters mean. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/filter.h"
#include "cli/job_ask.h"
#include "cli/many.h"

#define MANY_TIMEOUT_MS (60 * 60 * 1000)        /* a million jobs in slices */

struct act {
	const char *name, *method, *suffix, *past;
	bool many;                      /* filters too */
	struct many bar;
};
static const struct act acts[] = {
	{ "cancel", "DELETE", "", "cancelled", true, { "cancelling", { "cancelled" }, -1 } },
	{ "retry", "POST", "/retry", "retried", true, { "retrying", { "dead", "cancelled", "expired" }, -1 } },
	{ "run-now", "POST", "/run-now", "queued", false, { "", { NULL }, -1 } },
	{ "delete", "POST", "/delete", "deleted", true, { "deleting", { "total" }, -1 } },
};

struct run {
	const struct act *act;
	struct filter filter;
	const char *url, *token;
	bool all, dry_run, json;
	struct client client;
};

static int one(struct run *r, const char *id)
{
	struct client_call call = { .method = r->act->method };
	struct buf target = { 0 }, state = { 0 };

	buf_printf(&target, "/jobs/%s%s", id, r->act->suffix);
	call.target = buf_cstr(&target);
	int code = client_ask(&r->client, &call);
	if (code != 0)
		cli_fail(code, "%s: %s", id, r->client.why);
	else if (r->json && call.answer.len > 0)
		printf("%.*s\n", (int)call.answer.len, call.answer.data);
	else if (r->json)
		printf("{\"id\":\"%s\"}\n", id);
	else if (client_string((struct slice){ call.answer.data, call.answer.len }, "state", &state))
		printf("%s %s%s\n", id, buf_cstr(&state), call.status == 202 ? ", told to end" : "");
	else
		printf("%s %s\n", id, r->act->past);
	buf_free(&state);
	buf_free(&call.answer);
	buf_free(&target);
	return code;
}

/* 0 with how many, or an exit code that has been told of. */
static int ask_many(struct run *r, bool dry_run, double total, struct client_call *call, double *count)
{
	struct buf target = { 0 }, body = { 0 };
	struct many bar = r->act->bar;

	buf_printf(&target, "/jobs/%s", r->act->name);
	buf_printf(&body, "{\"dry_run\":%s", dry_run ? "true" : "false");
	if (r->all)
		buf_str(&body, ",\"all\":true");
	filter_json(&body, &r->filter);
	buf_char(&body, '}');
	*call = (struct client_call){ .method = "POST", .target = buf_cstr(&target), .body = { body.data, body.len }, .timeout_ms = MANY_TIMEOUT_MS };
	bar.total = total;
	int code = dry_run ? client_ask(&r->client, call) : many_ask(&r->client, call, &bar);
	if (code != 0)
		cli_fail(code, "%s", r->client.why);
	else if (!client_number((struct slice){ call->answer.data, call->answer.len }, "count", count))
		code = cli_fail(EX_PROTOCOL, "%s did not say how many; is it a Stint server?", r->client.text);
	buf_free(&target);
	buf_free(&body);
	return code;
}

static int many(struct run *r)
{
	struct client_call call = { .method = NULL };
	double count = 0, total = -1;
	int code = 0;

	if (!r->dry_run && many_shown()) {
		code = ask_many(r, true, -1, &call, &total);
		buf_free(&call.answer);
	}
	if (code == 0)
		code = ask_many(r, r->dry_run, total, &call, &count);
	if (code == 0 && r->json)
		printf("%.*s\n", (int)call.answer.len, call.answer.data);
	else if (code == 0)
		printf("%.0f %s%s\n", count, r->dry_run ? "would be " : "", r->act->past);
	buf_free(&call.answer);
	return code;
}

static int check(const struct run *r, const struct option_operands *args)
{
	bool filters = r->all || !filter_empty(&r->filter);

	if (args->n && (filters || r->dry_run))
		return cli_fail(EX_USAGE, "%s takes IDs, or filters with --dry-run where it is only to be counted, not both", r->act->name);
	if (!args->n && !filters)
		return cli_fail(EX_USAGE, "%s which jobs? Name IDs%s", r->act->name, r->act->many ? ", or filters such as --state, or --all" : "");
	for (size_t i = 0; i < args->n; i++)
		if (!job_ask_id(args->v[i]))
			return cli_fail(EX_USAGE, "\"%s\" is not a job id; one looks like 01930000-0000-7000-8000-000000000000", args->v[i]);
	return EX_OK;
}

int cli_act(const struct cli_command *self, int argc, char **argv)
{
	struct run r = { .act = acts };
	const struct option_spec spec[] = {
		CLIENT_OPTIONS(r),
		{ OPTION_FLAG, "json", 0, &r.json, NULL, NULL, 0, 0, "print JSON, an object a line" },
		FILTER_OPTIONS(r.filter),
		{ OPTION_FLAG, "all", 0, &r.all, NULL, NULL, 0, 0, "every job that this can be done to" },
		{ OPTION_FLAG, "dry-run", 0, &r.dry_run, NULL, NULL, 0, 0, "only say how many" },
		{ .kind = OPTION_END },
	};
	const struct option_spec by_id[] = { spec[0], spec[1], spec[2], { .kind = OPTION_END } };
	struct option_operands args;
	int code;

	while (strcmp(r.act->name, self->name) != 0)
		r.act++;
	if (!cli_options(self->name, self, r.act->many ? spec : by_id, argc, argv, &args, &code))
		return code;
	code = check(&r, &args);
	if (code != EX_OK)
		return code;
	code = client_init(&r.client, r.url, r.token);
	if (code != 0) {
		cli_fail(code, "%s", r.client.why);
	} else if (args.n == 0) {
		code = many(&r);
	} else {
		for (size_t i = 0; i < args.n; i++) {   /* one that fails does not keep the others from it */
			int rc = one(&r, args.v[i]);
			code = rc ? rc : code;
		}
	}
	client_close(&r.client);
	return code;
}
