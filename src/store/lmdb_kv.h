/* Between the two halves of the LMDB engine. The only headers and files that know <lmdb.h> are named lmdb_*. */
#ifndef STINT_STORE_LMDB_KV_H
#define STINT_STORE_LMDB_KV_H

#include <lmdb.h>

#include "store/kv.h"

struct lmdb_kv {
	struct kv kv;
	MDB_env *env;
	MDB_dbi dbi[KV_TABLES];
	int lock_fd;            /* writer.lock; -1 in a reader */
	uint64_t map_size;
	MDB_txn *idle_read;     /* a reader's transaction, reset and kept for the next */
	int pid;                /* of the process that opened it: use after fork is a bug that LMDB does not notice */
};

extern const struct kv_ops lmdb_kv_ops;
enum store_rc lmdb_rc(int rc);
int lmdb_sync_dir(const char *path);    /* 0, or -1 with errno */

#define LMDB_DAMAGED "data.mdb.damaged-"        /* a file that a repair has kept; a server passes over it */
/* To be read through a guard (kv_guard.h): a file that is cut, and tables that cannot be opened, are no reason not to. */
struct kv *lmdb_open_damaged(const char *path, uint64_t map_size, enum store_rc *rc, char *why, size_t why_size);

#endif
