/* `stint list`: which jobs there are, page by page. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/filter.h"
#include "cli/table.h"
#include "cli/width.h"

#define PAGE_MAX 1000
#define LIMIT_MAX 1000000000
#define NAME_SHOWN 60

struct list {
	struct filter filter;
	const char *url, *token;
	int64_t limit;
	bool json;
	struct client client;
	json_t *jobs;                   /* all of them so far */
	char cursor[256];
};

/* One page more. 0, or an exit code that has been told of. */
static int page(struct list *l)
{
	size_t left = (size_t)l->limit - json_array_size(l->jobs);
	struct client_call call = { .method = "GET" };
	struct buf target = { 0 };
	json_t *root = NULL;

	buf_str(&target, "/jobs?");
	filter_query(&target, &l->filter);
	buf_printf(&target, "limit=%zu", left < PAGE_MAX ? left : PAGE_MAX);
	if (l->cursor[0])
		buf_printf(&target, "&cursor=%s", l->cursor);
	call.target = buf_cstr(&target);
	int code = client_ask(&l->client, &call);
	if (code != 0) {
		cli_fail(code, "%s", l->client.why);
		goto done;
	}
	root = json_loadb(call.answer.data, call.answer.len, 0, NULL);
	if (!json_is_array(json_object_get(root, "jobs"))) {
		code = cli_fail(EX_PROTOCOL, "%s did not answer with jobs; is it a Stint server?", l->client.text);
		goto done;
	}
	json_array_extend(l->jobs, json_object_get(root, "jobs"));
	const char *cursor = json_string_value(json_object_get(root, "cursor"));
	snprintf(l->cursor, sizeof(l->cursor), "%s", cursor ? cursor : "");
done:
	json_decref(root);
	buf_free(&call.answer);
	buf_free(&target);
	return code;
}

/* What a person looks for in a row: the error of what went wrong, else the name. */
static void add_remark(struct table *t, const json_t *job)
{
	const json_t *error = json_object_get(job, "last_error"), *v = error ? error : json_object_get(job, "name");
	const char *text = json_string_value(v);
	struct slice whole = { text, text ? json_string_length(v) : 0 };

	table_add(t, (struct slice){ text, width_cut(whole, NAME_SHOWN) });
}

static int print(struct list *l)
{
	static const char *const head[] = { "ID", "STATE", "TYPE", "QUEUE", "#PRIORITY", "#ATTEMPTS", "CREATED", "NAME OR LAST ERROR" };
	static const char *const member[] = { "id", "state", "type", "queue", "priority", "attempts", "created_at" };
	struct table t = { .head = head, .columns = sizeof(head) / sizeof(head[0]) };
	json_t *job;
	size_t i;

	json_array_foreach(l->jobs, i, job) {
		for (size_t k = 0; k < sizeof(member) / sizeof(member[0]); k++)
			table_add_json(&t, json_object_get(job, member[k]));
		add_remark(&t, job);
	}
	if (!t.failed)
		table_print(&t);
	int code = t.failed ? cli_fail(EX_OSERR, "out of memory") : EX_OK;
	table_free(&t);
	if (l->cursor[0])
		fprintf(stderr, "there are more; --limit shows more at once\n");
	return code;
}

static int print_json(const struct list *l)
{
	json_t *root = json_pack("{s:O}", "jobs", l->jobs);
	int rc = root ? json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) : -1;

	json_decref(root);
	putchar('\n');
	return rc < 0 ? cli_fail(EX_IOERR, "the list could not be written") : EX_OK;
}

int cli_list(const struct cli_command *self, int argc, char **argv)
{
	struct list l = { .limit = 50 };
	const struct option_spec spec[] = {
		FILTER_OPTIONS(l.filter),
		{ OPTION_INTEGER, "limit", 0, &l.limit, NULL, "N", 1, LIMIT_MAX, "so many at most; 50" },
		CLIENT_OPTIONS(l),
		{ OPTION_FLAG, "json", 0, &l.json, NULL, NULL, 0, 0, "print {\"jobs\":[...]}" },
		{ .kind = OPTION_END },
	};
	struct option_operands args;
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n)
		return cli_fail(EX_USAGE, "list takes no \"%s\"; filters are options, such as --state dead", args.v[0]);
	l.jobs = json_array();
	code = client_init(&l.client, l.url, l.token);
	if (code != 0)
		cli_fail(code, "%s", l.client.why);
	do {
		code = code ? code : page(&l);
	} while (code == 0 && l.cursor[0] && json_array_size(l.jobs) < (size_t)l.limit);
	if (code == 0)
		code = l.json ? print_json(&l) : print(&l);
	client_close(&l.client);
	json_decref(l.jobs);
	return code;
}
