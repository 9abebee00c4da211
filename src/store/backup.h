/* A copy of a store on disk, made while it is in use. Called by `stint backup`, in a child. */
#ifndef STINT_STORE_BACKUP_H
#define STINT_STORE_BACKUP_H

#include "store/store.h"

/* Writes what the store at `path` has at this moment to `dir`/data.mdb, without its free pages, and syncs it; `dir` must be there and empty. begun() is told before that how many bytes it may be. One snapshot is read
 * all the time: pages that are freed meanwhile are used again afterwards. The environment is left open: the process is to end. */
enum store_rc store_backup(const char *path, uint64_t map_size, const char *dir, void (*begun)(void *arg, uint64_t bytes), void *arg, char *why, size_t size);

#endif
