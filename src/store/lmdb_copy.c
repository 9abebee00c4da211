/* The backup of an LMDB store: the library's own compacting copy of one snapshot. Called by `stint backup`. */
#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/lmdb_kv.h"

static int sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	int saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

enum store_rc store_backup(const char *path, uint64_t map_size, const char *dir, void (*begun)(void *arg, uint64_t bytes), void *arg, char *why, size_t size)
{
	enum store_rc rc;
	struct kv *kv = lmdb_open_reader(path, map_size, &rc, why, size);
	uint64_t used, limit;
	char file[3100];

	if (!kv)
		return rc;
	kv->ops->usage(kv, &used, &limit);
	begun(arg, used);
	snprintf(file, sizeof(file), "%s/data.mdb", dir);
	int err = mdb_env_copy2(((struct lmdb_kv *)(void *)kv)->env, dir, MDB_CP_COMPACT);
	if (err == MDB_INCOMPATIBLE && unlink(file) == 0)       /* some pages are on no list, which only costs room: they are copied as well */
		err = mdb_env_copy2(((struct lmdb_kv *)(void *)kv)->env, dir, 0);
	if (err) {
		snprintf(why, size, "cannot copy %s/data.mdb to %s: %s", path, file, mdb_strerror(err));
		return lmdb_rc(err);
	}
	if (sync_path(file, 0) != 0 || sync_path(dir, O_DIRECTORY) != 0) {
		snprintf(why, size, "cannot sync %s: %s", file, strerror(errno));
		return STORE_IO;
	}
	return STORE_OK;
}
