/* The repair of an LMDB store: what stands in the directory, and in which order it changes. Called by `stint check --repair`, in a child that holds the instance's lock. */
#include "store/repair.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/embedded.h"
#include "store/kv_guard.h"
#include "store/lmdb_kv.h"

#define PATH_BYTES 3100

static enum store_rc said(enum store_rc rc, char *why, size_t size, const char *what, const char *path)
{
	snprintf(why, size, "cannot %s %s: %s", what, path, strerror(errno));
	return rc;
}

/* What is left of a repair, or a making, that was broken off; and of this one. */
static void clear_away(const char *dir)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "writer.lock" };
	char name[PATH_BYTES + 32];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, files[i]);
		unlink(name);
	}
	rmdir(dir);
}

/* A name for the old file first, then the new one in its place: at no moment is there none. */
static enum store_rc put_in_place(const char *path, const char *dir, const char *kept, char *why, size_t size)
{
	char from[PATH_BYTES + 32], to[PATH_BYTES], lock[PATH_BYTES];

	snprintf(from, sizeof(from), "%s/data.mdb", dir);
	snprintf(to, sizeof(to), "%s/data.mdb", path);
	snprintf(lock, sizeof(lock), "%s/lock.mdb", path);
	if (link(to, kept) != 0)
		return said(STORE_IO, why, size, "keep the damaged file as", kept);
	if (lmdb_sync_dir(dir) != 0 || rename(from, to) != 0 || lmdb_sync_dir(path) != 0)
		return said(STORE_IO, why, size, "put the new file in the place of", to);
	unlink(lock);           /* it tells of the old file */
	return STORE_OK;
}

static struct store_reader *open_old(const char *path, uint64_t map_size, enum store_rc *rc, char *why, size_t size)
{
	struct kv *kv = lmdb_open_damaged(path, map_size, rc, why, size), *guard = kv ? kv_guard(kv) : NULL;
	struct store_reader *r = guard ? calloc(1, sizeof(*r)) : NULL;

	if (kv && !r) {
		*rc = STORE_NO_MEMORY;
		snprintf(why, size, "out of memory");
	}
	if (r)
		r->kv = guard;
	return r;
}

enum store_rc store_repair(const struct store_options *opt, const struct store_rules *rules, int64_t wall_us, struct store_repair *r, char *kept, size_t kept_size, char *why, size_t size)
{
	struct store_options fresh = *opt;
	char dir[PATH_BYTES - 32];
	enum store_rc rc;

	*why = '\0';
	snprintf(dir, sizeof(dir), "%.3000s/.new", opt->path);
	snprintf(kept, kept_size, "%.3000s/" LMDB_DAMAGED "%lld", opt->path, (long long)(wall_us / 1000000));
	fresh.path = dir;
	clear_away(dir);
	if (mkdir(dir, 0750) != 0)
		return said(errno == ENOSPC ? STORE_NO_SPACE : STORE_IO, why, size, "make", dir);
	struct store_reader *old = open_old(opt->path, opt->map_size, &rc, why, size);
	struct store *s = old ? store_open(&fresh, &rc, why, size) : NULL;
	if (s) {
		store_rules(s, rules);
		rc = store_rebuild(old, s, wall_us, r);
		if (rc != STORE_OK)
			snprintf(why, size, "the new store could not be made: %s", store_rc_text(rc));
		store_close(s);         /* nobody else knows of it */
	}
	if (rc == STORE_OK)
		rc = put_in_place(opt->path, dir, kept, why, size);
	clear_away(dir);
	return rc;
}
