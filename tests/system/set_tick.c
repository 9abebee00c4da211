/* set_tick STORE NAME SECONDS: says in the store of a server that does not run that the schedule's ticks are done up to so many seconds ago. For schedules.sh, which cannot wait for a tick that
 * was missed. Exits with 1 and a line where it cannot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "os/clock.h"
#include "store/store.h"

static bool random_bytes(void *p, size_t n)
{
	return getrandom(p, n, 0) == (ssize_t)n;
}

static enum store_rc set(struct store *s, const char *name, int64_t upto_ms)
{
	struct job_text text = { name, strlen(name) };
	struct store_schedule row;
	enum store_rc rc = store_schedule_get(s, text, &row);

	row.upto_ms = upto_ms;
	return rc == STORE_OK ? store_schedule_put(s, text, &row) : rc;
}

int main(int argc, char **argv)
{
	char why[512];
	enum store_rc rc;

	if (argc != 4) {
		fprintf(stderr, "usage: set_tick STORE NAME SECONDS\n");
		return 1;
	}
	struct store_options opt = { .path = argv[1], .map_size = 1u << 30, .epoch = 1, .random = random_bytes };
	struct store *s = store_open(&opt, &rc, why, sizeof(why));
	if (!s) {
		fprintf(stderr, "set_tick: %s\n", why);
		return 1;
	}
	int64_t now_us = clock_wall_us();
	rc = store_begin(s, now_us);
	if (rc == STORE_OK)
		rc = set(s, argv[2], now_us / 1000 - strtoll(argv[3], NULL, 10) * 1000);
	if (rc == STORE_OK)
		rc = store_commit(s);
	if (rc != STORE_OK)
		fprintf(stderr, "set_tick: %s\n", store_rc_text(rc));
	store_close(s);
	return rc == STORE_OK ? 0 : 1;
}
