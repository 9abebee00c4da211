/* The LMDB engine's transactions. Used by the embedded store of one process; LMDB's own rules (lmdb.h, "Caveats") are kept here: an environment is never used in a process that did not open it. */
#include "store/lmdb_kv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const kv_table_names[KV_TABLES] = {
	[KV_META] = "meta", [KV_JOB] = "job", [KV_SPEC] = "spec", [KV_BLOB] = "blob", [KV_READY] = "ready", [KV_DUE] = "due", [KV_LEASE] = "lease",
	[KV_FINAL] = "final", [KV_ATTEMPT] = "attempt", [KV_NOTE] = "note", [KV_RESULT] = "result", [KV_PROGRESS] = "progress", [KV_COUNT] = "count",
	[KV_LANE] = "lane", [KV_TOKEN] = "token", [KV_STAGE] = "stage", [KV_IDEM] = "idem", [KV_UNIQUE] = "unique",
	[KV_PARENT] = "parent", [KV_CHILD] = "child", [KV_WAITING] = "waiting", [KV_SPREAD] = "spread",
	[KV_SCHEDULE] = "schedule", [KV_EXPIRY] = "expiry", [KV_REMOTE] = "remote",
	[KV_LINE] = "line",
};

struct kv_txn {
	struct lmdb_kv *l;
	MDB_txn *txn;
	bool write;
	MDB_cursor *cursor[KV_TABLES];  /* opened where first needed */
};

enum store_rc lmdb_rc(int rc)
{
	switch (rc) {
	case MDB_SUCCESS: return STORE_OK;
	case MDB_NOTFOUND: return STORE_NOT_FOUND;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT: return STORE_NO_SPACE;
	case ENOMEM: return STORE_NO_MEMORY;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_CURSOR_FULL:           /* a tree deeper than any can be */
	case MDB_PAGE_FULL:
	case MDB_INCOMPATIBLE:
	case MDB_INVALID: return STORE_DAMAGED;
	case MDB_READERS_FULL:
	case EAGAIN: return STORE_BUSY;
	default: return STORE_IO;
	}
}

static MDB_val val(struct kv_bytes b)
{
	/* LMDB takes what it only reads through the same non-const struct */
	return (MDB_val){ b.n, (void *)(uintptr_t)b.p };
}

static struct kv_bytes bytes(MDB_val v)
{
	return (struct kv_bytes){ v.mv_data, v.mv_size };
}

static int begin_txn(struct lmdb_kv *l, bool write, MDB_txn **txn)
{
	int rc;

	if (write || !l->idle_read)
		return mdb_txn_begin(l->env, NULL, write ? 0 : MDB_RDONLY, txn);
	*txn = l->idle_read;
	l->idle_read = NULL;
	rc = mdb_txn_renew(*txn);
	if (rc)
		mdb_txn_abort(*txn);
	return rc;
}

static enum store_rc begin(struct kv *kv, bool write, struct kv_txn **out)
{
	struct lmdb_kv *l = (struct lmdb_kv *)(void *)kv;
	struct kv_txn *t;
	int rc;

	if (l->pid != (int)getpid())
		abort();
	t = calloc(1, sizeof(*t));
	if (!t)
		return STORE_NO_MEMORY;
	t->l = l;
	t->write = write;
	rc = begin_txn(l, write, &t->txn);
	if (rc == MDB_MAP_RESIZED) {
		/* another process opened it with a larger map: adopt it */
		mdb_env_set_mapsize(l->env, 0);
		rc = begin_txn(l, write, &t->txn);
	}
	if (rc) {
		free(t);
		return lmdb_rc(rc);
	}
	*out = t;
	return STORE_OK;
}

static void close_cursors(struct kv_txn *t)
{
	for (int i = 0; i < KV_TABLES; i++)
		if (t->cursor[i])
			mdb_cursor_close(t->cursor[i]);
}

static void end_read(struct kv_txn *t)
{
	close_cursors(t);
	mdb_txn_reset(t->txn);
	if (t->l->idle_read)
		mdb_txn_abort(t->txn);
	else
		t->l->idle_read = t->txn;
	free(t);
}

static enum store_rc commit(struct kv_txn *t)
{
	if (!t->write) {
		end_read(t);
		return STORE_OK;
	}
	close_cursors(t);
	int rc = mdb_txn_commit(t->txn);
	free(t);
	return lmdb_rc(rc);
}

static void abort_txn(struct kv_txn *t)
{
	if (!t->write) {
		end_read(t);
		return;
	}
	close_cursors(t);
	mdb_txn_abort(t->txn);
	free(t);
}

static enum store_rc get(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes *value)
{
	MDB_val k = val(key), v;
	int rc = mdb_get(t->txn, t->l->dbi[table], &k, &v);

	if (rc == 0)
		*value = bytes(v);
	return lmdb_rc(rc);
}

static enum store_rc put(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes value)
{
	MDB_val k = val(key), v = val(value);

	/* Rows of bytes nearly always go to the end, and two fill a page. Put there as any other they would split every page into halves, which nothing fills any more. */
	if (table == KV_BLOB) {
		int rc = mdb_put(t->txn, t->l->dbi[table], &k, &v, MDB_APPEND);
		if (rc != MDB_KEYEXIST)
			return lmdb_rc(rc);
	}
	return lmdb_rc(mdb_put(t->txn, t->l->dbi[table], &k, &v, 0));
}

static enum store_rc del(struct kv_txn *t, enum kv_table table, struct kv_bytes key)
{
	MDB_val k = val(key);

	return lmdb_rc(mdb_del(t->txn, t->l->dbi[table], &k, NULL));
}

static int cursor_of(struct kv_txn *t, enum kv_table table)
{
	return t->cursor[table] ? 0 : mdb_cursor_open(t->txn, t->l->dbi[table], &t->cursor[table]);
}

static int compare(struct kv_bytes a, struct kv_bytes b)
{
	int d = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return d ? d : (a.n > b.n) - (a.n < b.n);
}

/* A damaged page may bring a row that lies on the other side of the key: who walks a table would go round for ever. */
static enum store_rc seek(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value)
{
	MDB_val k = val(key), v;
	int rc = cursor_of(t, table);

	if (rc == 0)
		rc = mdb_cursor_get(t->cursor[table], &k, &v, key.n ? MDB_SET_RANGE : MDB_FIRST);
	if (rc)
		return lmdb_rc(rc);
	*found = bytes(k);
	*value = bytes(v);
	return key.n && compare(*found, key) < 0 ? STORE_DAMAGED : STORE_OK;
}

static enum store_rc before(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value)
{
	MDB_val k = val(key), v;
	int rc = cursor_of(t, table);

	if (rc)
		return lmdb_rc(rc);
	rc = key.n ? mdb_cursor_get(t->cursor[table], &k, &v, MDB_SET_RANGE) : MDB_NOTFOUND;
	if (rc == 0)
		rc = mdb_cursor_get(t->cursor[table], &k, &v, MDB_PREV);
	else if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(t->cursor[table], &k, &v, MDB_LAST);
	if (rc)
		return lmdb_rc(rc);
	*found = bytes(k);
	*value = bytes(v);
	return key.n && compare(*found, key) >= 0 ? STORE_DAMAGED : STORE_OK;
}

/* Pages on the free list do not count: the file never shrinks, but they are used again. */
static void usage(struct kv *kv, uint64_t *used, uint64_t *limit)
{
	struct lmdb_kv *l = (struct lmdb_kv *)(void *)kv;
	MDB_envinfo info;
	MDB_stat st;
	MDB_txn *txn;
	MDB_cursor *c;
	uint64_t free_pages = 0;

	*used = 0;
	*limit = l->map_size;
	if (mdb_env_info(l->env, &info) || mdb_env_stat(l->env, &st) || mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn))
		return;
	if (mdb_cursor_open(txn, 0 /* LMDB's own free list */, &c) == 0) {
		MDB_val k, v;
		while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
			size_t n;
			memcpy(&n, v.mv_data, sizeof(n));
			free_pages += n;
		}
		mdb_cursor_close(c);
	}
	mdb_txn_abort(txn);
	*used = (info.me_last_pgno + 1 - free_pages) * st.ms_psize;
}

/* Whether the open file is still the one at its path: what is written to any other is not there after the next start. */
static bool in_place(const struct lmdb_kv *l)
{
	char name[4096];
	const char *path;
	struct stat open, there;
	int fd;

	if (mdb_env_get_path(l->env, &path) || mdb_env_get_fd(l->env, &fd) || fstat(fd, &open) < 0)
		return true;
	snprintf(name, sizeof(name), "%s/data.mdb", path);
	if (stat(name, &there) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	return open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

static bool housekeep(struct kv *kv)
{
	struct lmdb_kv *l = (struct lmdb_kv *)(void *)kv;
	int dead;

	mdb_reader_check(l->env, &dead);
	return in_place(l);
}

static void close_kv(struct kv *kv)
{
	struct lmdb_kv *l = (struct lmdb_kv *)(void *)kv;

	if (l->pid == (int)getpid()) {
		if (l->idle_read)
			mdb_txn_abort(l->idle_read);
		if (l->env)
			mdb_env_close(l->env);
	}
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	free(l);
}

const struct kv_ops lmdb_kv_ops = {
	.begin = begin, .commit = commit, .abort = abort_txn, .get = get, .put = put, .del = del, .seek = seek, .before = before,
	.usage = usage, .housekeep = housekeep, .close = close_kv,
};
