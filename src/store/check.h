/* Whether a store is sound: every record and every row of every index, held against each other. Called by `stint check` and by the tests; nothing here changes anything.
 *
 * Reads in slices, each a snapshot of its own, so that a server that runs meanwhile is not kept from using its pages again: a row and what it must agree with are always read in the same one. Only the recount
 * of the figures reads all jobs in one. A page that cannot be read may end the process (LMDB believes its pages): who checks a store that may be damaged does so in a child. */
#ifndef STINT_STORE_CHECK_H
#define STINT_STORE_CHECK_H

#include "store/store.h"

struct store_flaw {
	const char *table;              /* where it was met: "ready" */
	bool of_job;                    /* it is this job's: */
	struct job_id id;
	const char *what;               /* one line, without the id */
};

struct store_check_watch {
	void *arg;
	void (*flaw)(void *arg, const struct store_flaw *f);
	/* Before each table and now and then: which step it is at, of so many, and rows of all tables so far. May be NULL. */
	void (*at)(void *arg, unsigned step, unsigned steps, uint64_t rows);
};

struct store_checked { uint64_t jobs, rows, flaws; };

#define STORE_CHECK_SLICE 8192u         /* rows: some ten milliseconds */

/* From this step on; slice 0: STORE_CHECK_SLICE. Steps that need what the ones before them have seen are left out where it does not begin with the first. STORE_OK: it came to its end, and out->flaws says what of it. */
enum store_rc store_check(struct store_reader *r, unsigned from_step, unsigned slice, const struct store_check_watch *w, struct store_checked *out);
const char *store_check_step(unsigned step);    /* the table that it looks at; NULL behind the last */

#endif
