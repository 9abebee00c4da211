/* An import where no server runs: into the store itself, in batches of one commit each. In a child, as whoever the store belongs to; servers are kept out meanwhile. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/import.h"
#include "os/clock.h"
#include "store/whole.h"

#define JOBS_A_BATCH 1000u
#define BYTES_A_BATCH (4u << 20)

static struct store *open_store(const struct place *p, int *code)
{
	struct store_options o = place_options(p);
	struct store_rules rules = place_rules(p);
	enum store_rc rc;
	char why[4200];
	struct store *s = store_open(&o, &rc, why, sizeof(why));

	if (!s)
		*code = cli_fail(place_code(rc), "%s", why);
	else
		store_rules(s, &rules);
	return s;
}

/* --- one line --- */

static bool is_of_the_line(enum store_rc rc)
{
	return rc == STORE_INVALID || rc == STORE_LIVE || rc == STORE_PARENT || rc == STORE_NOT_FOUND || rc == STORE_KEYS_FULL || rc == STORE_STATE;
}

struct batch { struct store *s; bool open; unsigned jobs; size_t bytes; struct imported done; };

static enum store_rc commit(struct import *m, struct batch *b)
{
	if (!b->open)
		return STORE_OK;
	b->open = false;
	enum store_rc rc = store_commit(b->s);
	if (rc == STORE_OK) {
		m->done.jobs += b->done.jobs;
		m->done.there += b->done.there;
	}
	*b = (struct batch){ .s = b->s };
	import_shown(m);
	return rc;
}

static enum store_rc one(struct import *m, struct batch *b, size_t bytes)
{
	const char *field;
	enum store_rc rc = b->open ? STORE_OK : store_begin(b->s, clock_wall_us());

	if (rc != STORE_OK)
		return rc;
	b->open = true;
	rc = store_restore_line(b->s, &m->parsed, &field);
	if (rc == STORE_OK || rc == STORE_REPLAYED) {
		b->done.jobs += m->parsed.kind == WHOLE_JOB && rc == STORE_OK;
		b->done.there += m->parsed.kind == WHOLE_JOB && rc == STORE_REPLAYED;
	} else if (is_of_the_line(rc) && !store_spoilt(b->s)) {
		import_refused(m, m->number, field, store_restore_text(rc));
	} else {
		return rc;
	}
	b->bytes += bytes;
	return ++b->jobs < JOBS_A_BATCH && b->bytes < BYTES_A_BATCH ? STORE_OK : commit(m, b);
}

static int put_all(void *arg, int fd)
{
	struct import *m = arg;
	struct slice line;
	struct batch b = { .s = NULL };
	enum store_rc rc = STORE_OK;
	int code = place_become(&m->place), next = 0;

	(void)fd;
	if (code == EX_OK)
		code = place_lock(&m->place, "it was started just now: ask again, and the import goes to it");
	if (code != EX_OK)
		return code;
	b.s = open_store(&m->place, &code);
	if (!b.s)
		return code;
	while (rc == STORE_OK && (next = import_next(m, &line, &code)) > 0)
		rc = one(m, &b, line.n);
	if (rc == STORE_OK)
		rc = commit(m, &b);
	if (rc != STORE_OK)
		code = cli_fail(place_code(rc), "the import ended at line %llu: %s; what was there before is, and so are the batches before it", (unsigned long long)m->number, store_rc_text(rc));
	return import_end(m, code);
}

int import_store(struct import *m)
{
	int sig, code = child_run(put_all, m, 0, NULL, NULL, &sig);

	if (code == CHILD_DIED)
		code = cli_fail(EX_DATAERR, "the store could not be written: that ended with the signal %s; stint check says what is damaged", strsignal(sig));
	return code;
}
