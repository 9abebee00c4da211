/* A directory of its own for each test, gone afterwards; and small files in it. */
#ifndef STINT_TESTS_OS_SCRATCH_H
#define STINT_TESTS_OS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_dir[256];

static inline int scratch_setup(void **unused)
{
	const char *tmp = getenv("TMPDIR");

	(void)unused;
	snprintf(scratch_dir, sizeof(scratch_dir), "%s/stint-test.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	return mkdtemp(scratch_dir) ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int scratch_teardown(void **unused)
{
	(void)unused;
	return nftw(scratch_dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a name in it; good until the fourth call after this. */
static inline const char *scratch(const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch_dir, name);
	return path;
}

/* The whole file, NUL-terminated, to be freed; NULL where it cannot be read. */
static inline char *scratch_read(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t size = 1 << 22, n;
	char *text;

	if (!file)
		return NULL;
	text = malloc(size);
	n = text ? fread(text, 1, size - 1, file) : 0;
	fclose(file);
	if (text)
		text[n] = '\0';
	return text;
}

static inline void scratch_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

#endif
