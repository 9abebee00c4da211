/* Opening the status segment, and who of its processes lives. Called by status.c and top.c. */
#include "cli/segment_open.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

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

bool segment_alive(pid_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM) && !zombie(pid);
}

void segment_now(struct status_now *now)
{
	*now = (struct status_now){ .wall_ms = clock_wall_ms(), .boot_ns = clock_boot_ns() };
	clock_boot_id(now->boot_id);
}

int segment_open(struct segment *seg, const struct conf *conf, char *why, size_t why_size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/status.shm", conf->run_dir);
	if (segment_view(seg, path) == 0)
		return EX_OK;
	if (errno == ENOENT) {
		snprintf(why, why_size, "there is no %s: the server has not been started since the host was, or runs with another conf (name it with -c FILE)", path);
		return EX_NOINPUT;
	}
	if (errno == EACCES || errno == EPERM) {
		snprintf(why, why_size, "cannot open %s: %s; ask as root or as the server's user", path, strerror(errno));
		return EX_NOPERM;
	}
	if (errno == EPROTO) {
		snprintf(why, why_size, "%s is not a status segment of this version; use the `stint` that came with the server", path);
		return EX_DATAERR;
	}
	snprintf(why, why_size, "cannot open %s: %s", path, strerror(errno));
	return EX_IOERR;
}
