/* `stint status`: one screen out of the shared segment, with the server running or dead. Speaks to no process. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/status_view.h"
#include "os/clock.h"

/* A zombie is dead: whoever adopted it has only not looked yet. */
static bool zombie(pid_t pid)
{
	char path[40], text[256] = "";
	const char *name_end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' && (name_end[2] == 'Z' || name_end[2] == 'X');
}

static bool alive(pid_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM) && !zombie(pid);
}

static int no_segment(const char *path)
{
	if (errno == ENOENT)
		return cli_fail(EX_NOINPUT, "there is no %s: the server has not been started since the host was, or runs with another conf (name it with -c FILE)", path);
	if (errno == EACCES || errno == EPERM)
		return cli_fail(EX_NOPERM, "cannot open %s: %s; ask as root or as the server's user", path, strerror(errno));
	if (errno == EPROTO)
		return cli_fail(EX_DATAERR, "%s is not a status segment of this version; use the `stint` that came with the server", path);
	return cli_fail(EX_IOERR, "cannot open %s: %s", path, strerror(errno));
}

static int print(const struct segment *seg, const char *path, bool json)
{
	struct status_now now = { .wall_ms = clock_wall_ms(), .boot_ns = clock_boot_ns() };
	struct status st = { .path = path };
	struct buf out = { 0 };
	int code = EX_OK;

	clock_boot_id(now.boot_id);
	if (status_gather(&st, seg, &now, alive) != 0) {
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
	char path[PATH_MAX];
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n > 0)
		return cli_fail(EX_USAGE, "status takes no argument \"%s\"", args.v[0]);
	conf = cli_conf(file, &code);
	if (!conf)
		return code;
	snprintf(path, sizeof(path), "%s/status.shm", conf->run_dir);
	if (segment_view(&seg, path) != 0) {
		code = no_segment(path);
	} else {
		code = print(&seg, path, json);
		segment_close(&seg);
	}
	conf_free(conf);
	return code;
}
