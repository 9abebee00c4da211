/* Opening a directory as a store: what is refused, with which words, and that a refusal leaves it as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/lmdb_kv.h"
#include "store/store.h"
#include "tests/os/scratch.h"

/* In place of libc's: a disk that cannot read a directory, or what a name in it is. */
static int readdir_error, fstatat_error;

struct dirent *readdir(DIR *d)
{
	static struct dirent *(*real)(DIR *);

	if (readdir_error) {
		errno = readdir_error;
		return NULL;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "readdir");
	return real(d);
}

int fstatat(int dir, const char *restrict name, struct stat *restrict st, int flags)
{
	static int (*real)(int, const char *, struct stat *, int);

	if (fstatat_error) {
		errno = fstatat_error;
		return -1;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fstatat");
	return real(dir, name, st, flags);
}

static char why[1024];
static enum store_rc rc;

static bool zero_random(void *p, size_t n)
{
	memset(p, 1, n);
	return true;
}

static struct store *open_it(void)
{
	struct store_options o = { .path = scratch_dir, .map_size = 64u << 20, .epoch = 1, .random = zero_random };

	return store_open(&o, &rc, why, sizeof(why));
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(scratch(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make(void)
{
	struct store *s = open_it();

	if (!s)
		fail_msg("%s", why);
	store_close(s);
}

/* Overwrites one of the store's own rows through LMDB itself. */
static void overwrite_head(size_t at, uint8_t xor)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val k = { 4, (void *)(uintptr_t)"head" }, v;
	uint8_t row[256];

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 20);
	assert_int_equal(mdb_env_open(env, scratch_dir, 0, 0640), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "meta", 0, &dbi), 0);
	assert_int_equal(mdb_get(txn, dbi, &k, &v), 0);
	memcpy(row, v.mv_data, v.mv_size);
	row[at] ^= xor;
	v.mv_data = row;
	assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void test_makes_and_opens_again(void **state)
{
	struct stat st;

	(void)state;
	make();
	assert_int_equal(stat(scratch("data.mdb"), &st), 0);
	assert_int_equal(stat(scratch(".new"), &st), -1);
	make();
}

static void test_what_an_interrupted_making_left_is_no_obstacle(void **state)
{
	(void)state;
	assert_int_equal(mkdir(scratch(".new"), 0700), 0);
	write_file(".new/data.mdb", "half");
	make();
	assert_int_equal(mkdir(scratch("lost+found"), 0700), 0);
	make();
}

static void test_a_directory_that_is_not_ours(void **state)
{
	struct stat st;

	(void)state;
	write_file("letters.txt", "x");
	assert_null(open_it());
	assert_int_equal(rc, STORE_INVALID);
	assert_non_null(strstr(why, "letters.txt"));
	assert_int_equal(stat(scratch("data.mdb"), &st), -1);
	assert_int_equal(stat(scratch("writer.lock"), &st), -1);
}

/* A store's directory may be the home of whom programs run as: what they leave there is no reason not to start again. */
static void test_files_beside_a_store(void **state)
{
	struct stat st;

	(void)state;
	make();
	write_file(".profile", "x");
	assert_int_equal(mkdir(scratch(".cache"), 0700), 0);
	make();
	assert_int_equal(stat(scratch(".profile"), &st), 0);
	assert_int_equal(store_check_place(scratch_dir, why, sizeof(why)), STORE_OK);
}

/* No new store is put in the place of one that only cannot be seen. */
static void test_a_disk_that_cannot_be_read(void **state)
{
	struct stat before, after;

	(void)state;
	make();
	assert_int_equal(stat(scratch("data.mdb"), &before), 0);
	for (int i = 0; i < 3; i++) {
		readdir_error = i != 1 ? EIO : 0;
		fstatat_error = i != 0 ? EIO : 0;
		struct store *s = open_it();
		if (s)
			store_close(s);
		assert_true((s == NULL) == (fstatat_error != 0));
		if (!s) {
			assert_int_equal(rc, STORE_IO);
			assert_non_null(strstr(why, "cannot read the store directory"));
		}
	}
	fstatat_error = 0;
	assert_int_equal(stat(scratch("data.mdb"), &after), 0);
	assert_true(after.st_ino == before.st_ino);     /* the very one */
	assert_int_equal(unlink(scratch("data.mdb")), 0);
	assert_null(open_it());         /* what else is there cannot be seen */
	assert_int_equal(rc, STORE_IO);
	assert_int_equal(stat(scratch("data.mdb"), &after), -1);
	readdir_error = 0;
	make();
}

static void test_an_lmdb_file_of_another_program(void **state)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_stat st;
	MDB_val k = { 4, (void *)(uintptr_t)"name" }, v = { 3, (void *)(uintptr_t)"ann" };

	(void)state;
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, scratch_dir, 0, 0640), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	assert_null(open_it());
	assert_int_equal(rc, STORE_INVALID);
	assert_non_null(strstr(why, "another program's LMDB file"));

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, scratch_dir, MDB_RDONLY, 0640), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	assert_int_equal(mdb_stat(txn, dbi, &st), 0);
	assert_int_equal(st.ms_entries, 1);             /* nothing of ours in it */
	mdb_txn_abort(txn);
	mdb_env_close(env);
}

static void test_not_lmdb_at_all(void **state)
{
	(void)state;
	write_file("data.mdb", "this is not a database, but long enough to look at it as one ........................................................................................................................................................................................................");
	assert_null(open_it());
	assert_int_equal(rc, STORE_DAMAGED);
	assert_non_null(strstr(why, "damaged head"));
}

static void test_a_damaged_head(void **state)
{
	(void)state;
	make();
	overwrite_head(20, 0x40);
	assert_null(open_it());
	assert_int_equal(rc, STORE_DAMAGED);
	assert_non_null(strstr(why, "checksum"));
	overwrite_head(20, 0x40);
	overwrite_head(0, 0xff);
	assert_null(open_it());
	assert_int_equal(rc, STORE_DAMAGED);
	assert_non_null(strstr(why, "not one of ours"));
}

static void test_a_newer_format(void **state)
{
	(void)state;
	make();
	overwrite_head(4, 1 ^ 9);
	assert_null(open_it());
	assert_int_equal(rc, STORE_INVALID);
	assert_non_null(strstr(why, "newer"));
	assert_non_null(strstr(why, "format 9"));
}

static void test_a_file_cut_short(void **state)
{
	(void)state;
	make();
	assert_int_equal(truncate(scratch("data.mdb"), 2 * 4096), 0);
	assert_null(open_it());
	assert_int_equal(rc, STORE_DAMAGED);
	assert_non_null(strstr(why, "cut short"));
}

static void test_no_such_directory(void **state)
{
	struct store_options o = { .path = scratch("absent"), .map_size = 64u << 20, .epoch = 1, .random = zero_random };

	(void)state;
	assert_null(store_open(&o, &rc, why, sizeof(why)));
	assert_int_equal(rc, STORE_IO);
	assert_non_null(strstr(why, "No such file"));
}

/* A job in the store of `dir`; its id. */
static struct job_id put_job(const char *dir)
{
	struct store_options o = { .path = dir, .map_size = 64u << 20, .epoch = 1, .random = zero_random };
	struct job_spec spec = { .type = { "t", 1 }, .queue = { "q", 1 }, .payload = { "1", 1 }, .payload_len = 1 };
	static uint8_t bytes[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(&spec, bytes, sizeof(bytes));
	struct store *s = store_open(&o, &rc, why, sizeof(why));
	struct job j;

	assert_non_null(s);
	assert_int_equal(store_begin(s, 1800000000000000), STORE_OK);
	assert_int_equal(store_submit(s, &spec, bytes, n, &j), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	store_close(s);
	return j.id;
}

/* In a child of its own: waits for the lock that we hold, opens, and says whether it found a job. */
static _Noreturn void open_and_count(void)
{
	struct store *s = open_it();
	struct store_tally t;

	if (!s)
		_exit(9);
	store_totals(s, &t);
	_exit(t.state[JOB_QUEUED] == 1 ? 0 : 1);
}

static bool has_open(pid_t pid, const char *name)
{
	for (int fd = 0; fd < 64; fd++) {
		char link[64], to[1024];
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
		ssize_t n = readlink(link, to, sizeof(to) - 1);
		if (n > 0) {
			to[n] = '\0';
			if (strstr(to, name))
				return true;
		}
	}
	return false;
}

/* It saw an empty directory, then waited for the lock; meanwhile another made the store and took jobs. */
static void test_a_store_made_while_waiting_is_not_made_anew(void **state)
{
	char made[512];
	int status;

	(void)state;
	snprintf(made, sizeof(made), "%s.made", scratch_dir);
	assert_int_equal(mkdir(made, 0700), 0);
	put_job(made);
	int fd = open(scratch("writer.lock"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(fd);
		open_and_count();
	}
	while (!has_open(pid, "writer.lock") && waitpid(pid, &status, WNOHANG) == 0)
		usleep(1000);
	char from[600];
	snprintf(from, sizeof(from), "%s/data.mdb", made);
	assert_int_equal(rename(from, scratch("data.mdb")), 0);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	snprintf(from, sizeof(from), "rm -r '%s'", made);
	assert_int_equal(system(from), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_what_lmdb_says_of_damage_is_damage(void **state)
{
	static const int codes[] = { MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_CURSOR_FULL, MDB_PAGE_FULL, MDB_INVALID };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_int_equal(lmdb_rc(codes[i]), STORE_DAMAGED);
	assert_int_equal(lmdb_rc(MDB_MAP_FULL), STORE_NO_SPACE);
	assert_int_equal(lmdb_rc(ENOSPC), STORE_NO_SPACE);
	assert_int_equal(lmdb_rc(EIO), STORE_IO);       /* which may be a full disk: the keeper judges */
	assert_int_equal(lmdb_rc(MDB_PANIC), STORE_IO);
}

/* The map is not to be inherited by what a worker runs: Debian's LMDB opens it without O_CLOEXEC. */
static void test_no_descriptor_survives_exec(void **state)
{
	struct store *s;
	int status;

	(void)state;
	s = open_it();
	assert_non_null(s);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "for f in /proc/self/fd/*; do case $(readlink $f) in *.mdb|*.lock) exit 7;; esac; done; exit 0", (char *)NULL);
		_exit(9);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	store_close(s);
}

static void test_a_reader_cannot_make_one(void **state)
{
	struct stat st;

	(void)state;
	assert_null(store_reader_open(scratch_dir, 64u << 20, NULL, &rc, why, sizeof(why)));
	assert_int_not_equal(rc, STORE_OK);
	assert_true(why[0] != '\0');
	assert_int_equal(stat(scratch("data.mdb"), &st), -1);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_makes_and_opens_again), CASE(test_what_an_interrupted_making_left_is_no_obstacle), CASE(test_a_directory_that_is_not_ours), CASE(test_files_beside_a_store), CASE(test_an_lmdb_file_of_another_program), CASE(test_a_disk_that_cannot_be_read),
		CASE(test_not_lmdb_at_all), CASE(test_a_damaged_head), CASE(test_a_newer_format), CASE(test_a_file_cut_short), CASE(test_no_such_directory),
		CASE(test_no_descriptor_survives_exec), CASE(test_a_reader_cannot_make_one), CASE(test_a_store_made_while_waiting_is_not_made_anew),
		CASE(test_what_lmdb_says_of_damage_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
