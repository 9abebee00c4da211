/* Making and opening the LMDB files. A store is made under path/.new, synced and renamed, so that a half-made one is never met; a directory that is not ours is left alone. */
#include "store/lmdb_kv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/kv_guard.h"

#define MAX_READERS 1024

static const char *const ours[] = { ".", "..", "data.mdb", "lock.mdb", "instance.lock", "writer.lock", ".new", "lost+found" };

static enum store_rc fail(enum store_rc rc, char *why, size_t size, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static enum store_rc fail(enum store_rc rc, char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return rc;
}

/* Whether a store is there. Only its absence is: where the disk cannot say, a new one would be put in its place. */
static enum store_rc look_for_data(int dir, const char *path, bool *has_data, char *why, size_t size)
{
	struct stat st;

	*has_data = fstatat(dir, "data.mdb", &st, 0) == 0;
	if (!*has_data && errno == ENOENT)
		*has_data = fstatat(dir, "data.mdb", &st, AT_SYMLINK_NOFOLLOW) == 0;
	else if (*has_data && !S_ISREG(st.st_mode))
		return fail(STORE_INVALID, why, size, "%s/data.mdb is not a file: a store is expected there, or nothing", path);
	if (!*has_data && errno != ENOENT)
		return fail(STORE_IO, why, size, "cannot read the store directory %s: %s", path, strerror(errno));
	return STORE_OK;
}

/* Nobody's files are mixed with those of a new store. Where a store is already, what lies beside it is no reason not to start: the home of the user that programs of handlers run as is often here. */
static enum store_rc check_directory(const char *path, bool *has_data, char *why, size_t size)
{
	DIR *d = opendir(path);
	struct dirent *e;
	enum store_rc rc;

	*has_data = false;
	if (!d)
		return fail(STORE_IO, why, size, "cannot read the store directory %s: %s", path, strerror(errno));
	rc = look_for_data(dirfd(d), path, has_data, why, size);
	while (rc == STORE_OK && !*has_data) {
		errno = 0;
		e = readdir(d);
		if (!e && errno != 0)
			rc = fail(STORE_IO, why, size, "cannot read the store directory %s: %s", path, strerror(errno));
		if (!e)
			break;
		bool known = strncmp(e->d_name, LMDB_DAMAGED, sizeof(LMDB_DAMAGED) - 1) == 0;
		for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
			known |= strcmp(e->d_name, ours[i]) == 0;
		*has_data = strcmp(e->d_name, "data.mdb") == 0;         /* made meanwhile */
		if (!known)
			rc = fail(STORE_INVALID, why, size, "%s is not a store of ours: it holds '%s'; give the store a directory of its own", path, e->d_name);
	}
	closedir(d);
	return rc;
}

enum store_rc lmdb_check_place(const char *path, char *why, size_t size)
{
	bool has_data;

	return check_directory(path, &has_data, why, size);
}

int lmdb_sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int open_tables(struct lmdb_kv *l, bool create)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(l->env, NULL, create ? 0 : MDB_RDONLY, &txn);

	for (int i = 0; rc == 0 && i < KV_TABLES; i++)
		rc = mdb_dbi_open(txn, kv_table_names[i], create ? MDB_CREATE : 0, &l->dbi[i]);
	if (rc == 0)
		return mdb_txn_commit(txn);
	if (txn)
		mdb_txn_abort(txn);
	return rc;
}

/* Another program's file would be given tables of ours: it is found out before. */
static bool is_another_one(struct lmdb_kv *l)
{
	MDB_txn *txn;
	MDB_dbi meta;
	int rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return false;
	rc = mdb_dbi_open(txn, kv_table_names[KV_META], 0, &meta);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE;
}

static int open_env(struct lmdb_kv *l, const char *dir, unsigned flags)
{
	int rc = mdb_env_create(&l->env), fd;

	if (rc)
		return rc;
	mdb_env_set_maxdbs(l->env, KV_TABLES);
	mdb_env_set_maxreaders(l->env, MAX_READERS);
	mdb_env_set_mapsize(l->env, l->map_size);
	rc = mdb_env_open(l->env, dir, MDB_NOTLS | flags, 0640);
	/* 0.9.24 opens data.mdb without O_CLOEXEC: a handler would inherit the store */
	if (rc == 0 && mdb_env_get_fd(l->env, &fd) == 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return rc;
}

/* Makes an empty store with all its tables under path/.new and moves it into place. */
static enum store_rc make(const char *path, uint64_t map_size, char *why, size_t size)
{
	char dir[3072], from[3100], to[3100], lock[3100];
	struct lmdb_kv l = { .map_size = map_size };
	int rc;

	snprintf(dir, sizeof(dir), "%s/.new", path);
	snprintf(from, sizeof(from), "%s/data.mdb", dir);
	snprintf(lock, sizeof(lock), "%s/lock.mdb", dir);
	snprintf(to, sizeof(to), "%s/data.mdb", path);
	unlink(from);           /* what an interrupted making left */
	unlink(lock);
	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return fail(errno == ENOSPC ? STORE_NO_SPACE : STORE_IO, why, size, "cannot make %s: %s", dir, strerror(errno));
	rc = open_env(&l, dir, 0);
	if (rc == 0)
		rc = open_tables(&l, true);
	if (rc == 0)
		rc = mdb_env_sync(l.env, 1);
	if (l.env)
		mdb_env_close(l.env);
	if (rc)
		return fail(lmdb_rc(rc), why, size, "cannot make a store in %s: %s", dir, mdb_strerror(rc));
	if (lmdb_sync_dir(dir) < 0 || rename(from, to) < 0 || lmdb_sync_dir(path) < 0)
		return fail(errno == ENOSPC ? STORE_NO_SPACE : STORE_IO, why, size, "cannot move the new store to %s: %s", to, strerror(errno));
	unlink(lock);
	rmdir(dir);
	return STORE_OK;
}

/* LMDB maps what the head says and would die by SIGBUS on a file cut short: compare before a page is touched. */
static enum store_rc check_size(struct lmdb_kv *l, const char *path, char *why, size_t size)
{
	MDB_envinfo info;
	MDB_stat st;
	struct stat file;
	int fd;

	if (mdb_env_info(l->env, &info) || mdb_env_stat(l->env, &st) || mdb_env_get_fd(l->env, &fd) || fstat(fd, &file) < 0)
		return fail(STORE_IO, why, size, "cannot look at %s/data.mdb", path);
	if ((uint64_t)file.st_size < (uint64_t)(info.me_last_pgno + 1) * st.ms_psize)
		return fail(STORE_DAMAGED, why, size, "%s/data.mdb is cut short: %lld bytes, its head says %llu; restore it from a backup", path,
			(long long)file.st_size, (unsigned long long)(info.me_last_pgno + 1) * st.ms_psize);
	return STORE_OK;
}

static enum store_rc open_existing(struct lmdb_kv *l, const char *path, unsigned flags, char *why, size_t size)
{
	int rc = EAGAIN;
	char name[3100];
	struct stat st;

	/* LMDB would take an empty file for a new store */
	snprintf(name, sizeof(name), "%s/data.mdb", path);
	if (stat(name, &st) == 0 && st.st_size == 0)
		return fail(STORE_DAMAGED, why, size, "%s is empty; restore it from a backup, or remove it to begin anew", name);
	/* "can fail if another process is opening or closing it at the same time" (lmdb.h) */
	for (int i = 0; i < 5 && (rc == EAGAIN || rc == EBUSY); i++) {
		if (l->env)
			mdb_env_close(l->env);
		l->env = NULL;
		rc = open_env(l, path, flags);
	}
	if (rc == 0) {
		enum store_rc src = check_size(l, path, why, size);
		if (src != STORE_OK)
			return src;
		if (is_another_one(l))
			return fail(STORE_INVALID, why, size, "%s/data.mdb is not a store of ours: it is another program's LMDB file; give the store a directory of its own", path);
		rc = open_tables(l, !(flags & MDB_RDONLY));
	}
	if (rc == 0)
		return STORE_OK;
	if (rc == MDB_INVALID)
		return fail(STORE_DAMAGED, why, size, "%s/data.mdb has a damaged head: it is not an LMDB file; restore it from a backup", path);
	if (rc == MDB_VERSION_MISMATCH)
		return fail(STORE_INVALID, why, size, "%s/data.mdb was made by another version of LMDB", path);
	return fail(lmdb_rc(rc), why, size, "cannot open the store in %s: %s", path, mdb_strerror(rc));
}

struct table_open { struct lmdb_kv *l; int table; bool done; };

/* writer.lock: the dying writer's own lock goes with it, so a short wait is enough for a successor. */
static int take_writer_lock(const char *path)
{
	char name[3100];
	struct timespec pause = { 0, 2000000 };
	int fd;

	snprintf(name, sizeof(name), "%s/writer.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	for (int i = 0; i < 2500; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		nanosleep(&pause, NULL);
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void open_one_table(void *arg)
{
	struct table_open *o = arg;
	MDB_txn *txn;

	if (mdb_txn_begin(o->l->env, NULL, MDB_RDONLY, &txn))
		return;
	if (mdb_dbi_open(txn, kv_table_names[o->table], 0, &o->l->dbi[o->table]) == 0)
		o->done = mdb_txn_commit(txn) == 0;
	else
		mdb_txn_abort(txn);
}

static struct lmdb_kv *fresh(uint64_t map_size)
{
	struct lmdb_kv *l = calloc(1, sizeof(*l));

	if (l)
		*l = (struct lmdb_kv){ .kv = { &lmdb_kv_ops }, .lock_fd = -1, .map_size = map_size, .pid = (int)getpid() };
	return l;
}

struct kv *lmdb_open_writer(const char *path, uint64_t map_size, enum store_rc *rc, char *why, size_t size)
{
	struct lmdb_kv *l = fresh(map_size);
	bool has_data;

	if (!l) {
		*rc = fail(STORE_NO_MEMORY, why, size, "out of memory");
		return NULL;
	}
	if (strlen(path) > 3000) {
		*rc = fail(STORE_INVALID, why, size, "the store's path is too long");
		goto fail;
	}
	*rc = check_directory(path, &has_data, why, size);
	if (*rc != STORE_OK)
		goto fail;
	l->lock_fd = take_writer_lock(path);
	if (l->lock_fd < 0) {
		*rc = fail(errno == EWOULDBLOCK ? STORE_BUSY : STORE_IO, why, size, "cannot take %s/writer.lock: %s", path,
			errno == EWOULDBLOCK ? "another process writes this store" : strerror(errno));
		goto fail;
	}
	/* Whoever held the lock may have made it meanwhile: only who looks with the lock in hand may make one. */
	*rc = check_directory(path, &has_data, why, size);
	if (*rc == STORE_OK && !has_data)
		*rc = make(path, map_size, why, size);
	if (*rc == STORE_OK)
		*rc = open_existing(l, path, 0, why, size);
	if (*rc == STORE_OK) {
		/* A killed writer may have left a head that is written but not yet synced: nobody may be told of it before it is. */
		int sync = mdb_env_sync(l->env, 1);
		if (sync == 0)
			return &l->kv;
		*rc = fail(lmdb_rc(sync), why, size, "cannot sync the store in %s: %s", path, mdb_strerror(sync));
	}
fail:
	lmdb_kv_ops.close(&l->kv);
	return NULL;
}

struct kv *lmdb_open_reader(const char *path, uint64_t map_size, enum store_rc *rc, char *why, size_t size)
{
	struct lmdb_kv *l = fresh(map_size);

	if (!l) {
		*rc = fail(STORE_NO_MEMORY, why, size, "out of memory");
		return NULL;
	}
	*rc = open_existing(l, path, MDB_RDONLY, why, size);
	if (*rc == STORE_OK)
		return &l->kv;
	lmdb_kv_ops.close(&l->kv);
	return NULL;
}

struct kv *lmdb_open_damaged(const char *path, uint64_t map_size, enum store_rc *rc, char *why, size_t size)
{
	struct lmdb_kv *l = fresh(map_size);
	int err = l ? open_env(l, path, MDB_RDONLY) : ENOMEM;

	for (int t = 0; err == 0 && t < KV_TABLES; t++) {
		struct table_open o = { l, t, false };
		l->dbi[t] = UINT32_MAX;         /* of one whose root cannot be read nothing is found */
		if (!kv_guard_try(open_one_table, &o) || !o.done)
			l->dbi[t] = UINT32_MAX;
	}
	*rc = err ? STORE_DAMAGED : STORE_OK;
	if (err == 0)
		return &l->kv;
	fail(*rc, why, size, "%s/data.mdb cannot be opened at all: %s; restore it from a backup", path, mdb_strerror(err));
	if (l)
		lmdb_kv_ops.close(&l->kv);
	return NULL;
}
