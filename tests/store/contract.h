/* The contract suite's frame: every case runs over every engine, each on a store of its own. */
#ifndef STINT_TESTS_STORE_CONTRACT_H
#define STINT_TESTS_STORE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

struct fixture {
	const char *engine;             /* "memory" or "lmdb" */
	char dir[256];                  /* of the LMDB engine */
	struct store *store;
	struct store_reader *reader;
	uint64_t epoch;
	unsigned idem_slice;            /* store_options: of the next reopening */
	int64_t now_us;
	struct store_rules rules;
	bool hide_type;                 /* rules: the type "hidden" runs nowhere */
	uint32_t max_crashes;
	struct { enum job_event event; enum job_outcome outcome; enum job_state state; } heard[64];
	size_t nheard;
};

#define T0 1800000000000000LL           /* the suite's first moment, microseconds */
#define SLOT 7u
#define OWNER ((struct store_owner){ SLOT, 3, 4242 })

int fixture_memory(void **state);
int fixture_lmdb(void **state);
int fixture_end(void **state);
void fixture_reopen(struct fixture *f, uint64_t epoch);         /* memory: a no-op but for the epoch, which it cannot change */
bool fixture_persists(const struct fixture *f);

struct job_spec spec_of(const char *type, const char *queue, int priority, const char *payload);
void begin(struct fixture *f);
void commit(struct fixture *f);
struct job submit(struct fixture *f, const struct job_spec *spec);              /* in a batch of its own */
enum store_rc try_submit(struct fixture *f, const struct job_spec *spec, struct job *out);      /* inside a batch */
bool claim(struct fixture *f, uint64_t grant_seq, struct store_claimed *out);   /* in a batch of its own; false: none */
struct store_finish finish_of(const struct job *j, enum job_outcome outcome);
enum store_rc finish(struct fixture *f, const struct store_finish *m, struct job *out);         /* in a batch of its own */
struct job look(struct fixture *f, struct job_id id);
enum store_rc look_rc(struct fixture *f, struct job_id id);
struct store_tally totals(struct fixture *f);
void recount(struct fixture *f);        /* the tallies equal what is there */

#endif
