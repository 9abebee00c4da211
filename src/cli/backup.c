/* `stint backup`: a directory that a server can be started on, made while another runs on the store. Copied into a directory beside it, synced, and moved to its name last. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "os/clock.h"
#include "os/files.h"
#include "store/backup.h"

struct backup {
	struct place place;
	const char *dest;
	char part[PATH_MAX], file[PATH_MAX + 16], parent[PATH_MAX];     /* where it is made; its file; the directory of both */
	bool json;
	uint64_t bytes;                 /* it may become */
	int64_t began_ns;
	struct progress progress;
};

static void tell_bytes(void *arg, uint64_t bytes)
{
	child_tell(*(int *)arg, &bytes, sizeof(bytes));
}

static int copy(void *arg, int fd)
{
	struct backup *b = arg;
	char why[8400];
	int code = place_become(&b->place);

	if (code != EX_OK)
		return code;
	umask(027);             /* LMDB makes it for everybody to read */
	enum store_rc rc = store_backup(b->place.path, b->place.conf->store.map_size, b->part, tell_bytes, &fd, why, sizeof(why));
	return rc == STORE_OK ? EX_OK : cli_fail(place_code(rc), "%s", why);
}

static void told(void *arg, const void *message)
{
	memcpy(&((struct backup *)arg)->bytes, message, sizeof(uint64_t));
}

static uint64_t copied(const struct backup *b)
{
	struct stat st;

	return stat(b->file, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void tick(void *arg)
{
	struct backup *b = arg;
	uint64_t done = copied(b);

	progress_show(&b->progress, b->bytes ? (double)done / (double)b->bytes : 0, done >> 20, clock_boot_ns() - b->began_ns);
}

static int paths(struct backup *b)
{
	char text[PATH_MAX];
	size_t n = strlen(b->dest);

	while (n > 1 && b->dest[n - 1] == '/')
		n--;
	if (n > PATH_MAX - 64)
		return cli_fail(EX_USAGE, "the path of DEST is too long");
	snprintf(text, sizeof(text), "%.*s", (int)n, b->dest);
	snprintf(b->part, sizeof(b->part), "%.*s.part-%d", (int)n, text, (int)getpid());
	snprintf(b->file, sizeof(b->file), "%s/data.mdb", b->part);
	snprintf(b->parent, sizeof(b->parent), "%s", dirname(text));
	return EX_OK;
}

static int make_part(const struct backup *b)
{
	struct stat st;

	if (lstat(b->dest, &st) == 0)
		return cli_fail(EX_CANTCREAT, "%s is there already; a backup is a new directory", b->dest);
	if (mkdir(b->part, 0750) != 0)
		return cli_fail(errno == EACCES ? EX_NOPERM : EX_CANTCREAT, "cannot make %s: %s", b->part, strerror(errno));
	if (geteuid() == 0 && dir_give(b->part, 0750, b->place.uid, b->place.gid) != 0)
		return cli_fail(EX_NOPERM, "cannot give %s to the store's owner: %s", b->part, strerror(errno));
	return EX_OK;
}

static int move(const struct backup *b)
{
	if (renameat2(AT_FDCWD, b->part, AT_FDCWD, b->dest, RENAME_NOREPLACE) != 0)
		return cli_fail(EX_CANTCREAT, "cannot move %s to %s: %s", b->part, b->dest, strerror(errno));
	if (dir_sync(b->parent) != 0)
		return cli_fail(EX_IOERR, "cannot sync %s: %s", b->parent, strerror(errno));
	return EX_OK;
}

static int make(struct backup *b)
{
	int sig, code = make_part(b);
	char bytes[CLI_COUNT_BYTES];
	uint64_t size;

	if (code != EX_OK)
		return code;
	progress_begin(&b->progress, "copying", "MB");
	b->began_ns = clock_boot_ns();
	code = child_run(copy, b, sizeof(uint64_t), told, tick, &sig);
	progress_end(&b->progress);
	size = copied(b);
	if (code == CHILD_DIED)
		code = cli_fail(EX_DATAERR, "the store could not be read: that ended with the signal %s; stint check says what is damaged", strsignal(sig));
	if (code == EX_OK)
		code = move(b);
	if (code != EX_OK) {
		unlink(b->file);
		rmdir(b->part);
	} else if (b->json) {
		printf("{\"bytes\":%llu}\n", (unsigned long long)size);
	} else {
		printf("%s: %s bytes\n", b->dest, cli_count(bytes, size));
	}
	return code;
}

int cli_backup(const struct cli_command *self, int argc, char **argv)
{
	struct backup b = { .json = false };
	const char *file = NULL;
	const struct option_spec spec[] = {
		PLACE_OPTION(file),
		{ OPTION_FLAG, "json", 0, &b.json, NULL, NULL, 0, 0, "print one JSON object" },
		{ .kind = OPTION_END },
	};
	int code;

	if (!cli_operand(self, spec, argc, argv, "a backup goes to one new directory: stint backup DEST", &b.dest, &code))
		return code;
	code = place_open(&b.place, file, false);
	if (code != EX_OK)
		return code;
	code = paths(&b);
	if (code == EX_OK)
		code = make(&b);
	place_close(&b.place);
	return code;
}
