/* Zones of this system for the tests that reckon with them, and the C library as the one to compare with. Package tzdata is needed. */
#ifndef STINT_TESTS_JOB_ZONE_FIXTURE_H
#define STINT_TESTS_JOB_ZONE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "job/tzif.h"
#include "job/zone.h"
#include "os/zone_file.h"
#include "text/buf.h"
#include "text/duration.h"

static inline size_t zone_bytes(const char *name, unsigned char bytes[ZONE_FILE_MAX])
{
	char why[256];
	ssize_t n = zone_file_read(NULL, name, bytes, why, sizeof(why));

	if (n < 0)
		fail_msg("%s", why);
	return (size_t)n;
}

static inline void zone_load(const char *name, struct zone *out)
{
	static unsigned char bytes[ZONE_FILE_MAX];
	char why[256];
	size_t n = zone_bytes(name, bytes);

	if (!tzif_parse(bytes, n, out, why, sizeof(why)))
		fail_msg("%s: %s", name, why);
}

/* What localtime_r() goes by from now on. */
static inline void zone_of_libc(const char *name)
{
	char value[80];

	snprintf(value, sizeof(value), ":%s", name);
	setenv("TZ", value, 1);
	tzset();
}

/* The local time of the C library, as seconds since 1970 as if it were UTC. */
static inline int64_t libc_local(int64_t utc)
{
	time_t t = utc;
	struct tm tm;

	if (!localtime_r(&t, &tm))
		fail_msg("localtime_r(%lld)", (long long)utc);
	return utc + tm.tm_gmtoff;
}

/* "2026-03-29T01:00:00Z" or with an offset, to seconds. */
static inline int64_t at(const char *text)
{
	int64_t ms;

	if (!time_parse(slice_of(text), &ms))
		fail_msg("%s is no time", text);
	return ms / 1000;
}

/* A generator of one's own: the same numbers on every machine. */
static uint32_t random_seed = 1;

static inline uint32_t random_below(uint32_t n)
{
	random_seed = random_seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(random_seed >> 4) * n) >> 28);
}

#endif
