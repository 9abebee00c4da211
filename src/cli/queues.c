/* `stint queues`, `pause`, `resume`, `purge` and `schedules`: what the server has besides jobs, and what is done to queues. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/many.h"
#include "cli/table.h"
#include "text/url.h"

struct ask {
	const char *url, *token;
	bool json;
	struct client client;
	struct client_call call;
};

#define COMMON_OPTIONS(a) \
	CLIENT_OPTIONS(a), \
	{ OPTION_FLAG, "json", 0, &(a).json, NULL, NULL, 0, 0, "print JSON" }

static int ask(struct ask *a, const char *method, const char *target)
{
	buf_free(&a->call.answer);
	a->call = (struct client_call){ .method = method, .target = target, .timeout_ms = 60 * 60 * 1000 };
	static const struct many purge = { "purging", { "cancelled" }, -1 };
	int code = strcmp(method, "DELETE") == 0 ? many_ask(&a->client, &a->call, &purge) : client_ask(&a->client, &a->call);
	return code ? cli_fail(code, "%s", a->client.why) : EX_OK;
}

/* --- listings --- */

struct column { const char *head, *path; };     /* "counts.queued" */

static const json_t *at(const json_t *v, const char *path)
{
	char name[64];

	while (v && *path) {
		size_t n = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		v = json_object_get(v, name);
		path += n + (path[n] == '.');
	}
	return v;
}

static int list(struct ask *a, const char *what, const struct column *column, size_t columns)
{
	const char *head[TABLE_COLUMNS];
	struct table t = { .head = head, .columns = columns };
	char target[32];
	json_t *root, *item;
	size_t i;

	snprintf(target, sizeof(target), "/%s", what);
	int code = ask(a, "GET", target);
	if (code != 0)
		return code;
	if (a->json) {
		printf("%.*s\n", (int)a->call.answer.len, a->call.answer.data);
		return EX_OK;
	}
	root = json_loadb(a->call.answer.data, a->call.answer.len, 0, NULL);
	if (!json_is_array(json_object_get(root, what))) {
		json_decref(root);
		return cli_fail(EX_PROTOCOL, "%s did not answer with %s; is it a Stint server?", a->client.text, what);
	}
	for (size_t k = 0; k < columns; k++)
		head[k] = column[k].head;
	json_array_foreach(json_object_get(root, what), i, item)
		for (size_t k = 0; k < columns; k++)
			table_add_json(&t, at(item, column[k].path));
	if (!t.failed)
		table_print(&t);
	code = t.failed ? cli_fail(EX_OSERR, "out of memory") : EX_OK;
	table_free(&t);
	json_decref(root);
	return code;
}

static int listing(const struct cli_command *self, int argc, char **argv, const struct column *column, size_t columns)
{
	struct ask a = { 0 };
	const struct option_spec spec[] = { COMMON_OPTIONS(a), { .kind = OPTION_END } };
	struct option_operands args;
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n)
		return cli_fail(EX_USAGE, "%s takes no \"%s\"", self->name, args.v[0]);
	code = client_init(&a.client, a.url, a.token);
	code = code ? cli_fail(code, "%s", a.client.why) : list(&a, self->name, column, columns);
	client_close(&a.client);
	buf_free(&a.call.answer);
	return code;
}

int cli_queues(const struct cli_command *self, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "QUEUE", "name" }, { "PAUSED", "paused" }, { "#QUEUED", "counts.queued" }, { "#RUNNING", "counts.running" }, { "#SCHEDULED", "counts.scheduled" },
		{ "#RETRYING", "counts.retrying" }, { "#DEAD", "counts.dead" }, { "#OLDEST S", "oldest_queued_s" }, { "#WEIGHT", "weight" }, { "#CONCURRENCY", "concurrency" }, { "#RATE", "rate" },
	};

	return listing(self, argc, argv, columns, sizeof(columns) / sizeof(columns[0]));
}

int cli_schedules(const struct cli_command *self, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "SCHEDULE", "name" }, { "CRON", "cron" }, { "TIME ZONE", "timezone" }, { "TYPE", "type" }, { "QUEUE", "queue" }, { "LAST RUN", "last_run_at" }, { "NEXT RUN", "next_run_at" },
	};

	return listing(self, argc, argv, columns, sizeof(columns) / sizeof(columns[0]));
}

/* --- what is done to one --- */

static void say(const struct ask *a, const char *queue, bool purged)
{
	struct slice answer = { a->call.answer.data, a->call.answer.len };
	double count = 0;

	if (a->json)
		printf("%.*s\n", (int)answer.n, answer.p);
	else if (purged && client_number(answer, "count", &count))
		printf("%s: %.0f cancelled\n", queue, count);
	else
		printf("%s: %s\n", queue, strstr(a->call.target, "/pause") ? "paused" : "resumed");
}

int cli_queue(const struct cli_command *self, int argc, char **argv)
{
	struct ask a = { 0 };
	const struct option_spec spec[] = { COMMON_OPTIONS(a), { .kind = OPTION_END } };
	bool purge = strcmp(self->name, "purge") == 0;
	struct option_operands args;
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n == 0)
		return cli_fail(EX_USAGE, "%s which QUEUE? `stint queues` lists them", self->name);
	for (size_t i = 0; i < args.n; i++)
		if (!*args.v[i])
			return cli_fail(EX_USAGE, "%s: a queue's name is empty; `stint queues` lists them", self->name);
	code = client_init(&a.client, a.url, a.token);
	if (code != 0)
		cli_fail(code, "%s", a.client.why);
	for (size_t i = 0; code == 0 && i < args.n; i++) {
		struct buf target = { 0 };
		buf_str(&target, "/queues/");
		url_encode(&target, slice_of(args.v[i]));
		buf_str(&target, purge ? "/jobs?state=queued" : "/");
		buf_str(&target, purge ? "" : self->name);
		code = ask(&a, purge ? "DELETE" : "POST", buf_cstr(&target));
		if (code == 0)
			say(&a, args.v[i], purge);
		buf_free(&target);
	}
	client_close(&a.client);
	buf_free(&a.call.answer);
	return code;
}
