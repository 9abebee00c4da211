/* `stint status`: one screen out of the shared segment, with the server running or dead. Speaks to no process. */
#include <limits.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/segment_open.h"

static int print(const struct segment *seg, bool json)
{
	struct status_now now;
	struct status st = { .process = NULL };
	struct buf out = { 0 };
	int code = EX_OK;

	segment_now(&now);
	if (status_gather(&st, seg, &now, segment_alive) != 0) {
		code = cli_fail(EX_OSERR, "there is no memory for the figures");
	} else {
		(json ? status_put_json : status_put_text)(&st, &out);
		cli_out(&out);
	}
	buf_free(&out);
	status_free(&st);
	return code;
}

int cli_status(const struct cli_command *self, int argc, char **argv)
{
	const char *file = NULL;
	bool json = false;
	const struct option_spec spec[] = {
		{ OPTION_TEXT, "conf", 'c', &file, NULL, "FILE", 0, 0, "the server's conf; else the installed one" },
		{ OPTION_FLAG, "json", 0, &json, NULL, NULL, 0, 0, "print one JSON object" },
		{ .kind = OPTION_END },
	};
	struct option_operands args;
	struct segment seg = { 0 };
	struct conf *conf;
	char why[PATH_MAX + 300];
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n > 0)
		return cli_fail(EX_USAGE, "status takes no argument \"%s\"", args.v[0]);
	conf = cli_conf(file, &code);
	if (!conf)
		return code;
	code = segment_open(&seg, conf, why, sizeof(why));
	if (code != EX_OK) {
		cli_fail(code, "%s", why);
	} else {
		code = print(&seg, json);
		segment_close(&seg);
	}
	conf_free(conf);
	return code;
}
