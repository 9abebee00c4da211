/* Jobs taken whole out of a store, and put whole into one: `stint export`, `import` and `check --repair`. */
#ifndef STINT_STORE_WHOLE_H
#define STINT_STORE_WHOLE_H

#include "job/whole.h"
#include "store/store.h"

/* --- out; all inside store_read_begin() and end(), until which the texts stay valid --- */
/* The first job behind *at, in order of ids; *at all zeroes begins. NOT_FOUND: there is none. */
enum store_rc store_next_job(struct store_reader *r, struct job_id *at);
/* All of one, into *w, whose memory is used again. DAMAGED: *what says what of it cannot be read; where that is a result, a log or some of its history, it has been left out and the rest is there (*rest). */
enum store_rc store_whole(struct store_reader *r, struct job_id id, struct job_whole *w, const char **what, bool *rest);
/* Idempotency keys that are remembered, behind *at, in order of age; 0 begins. Passes over those that cannot be read. NOT_FOUND: there is no other. */
enum store_rc store_next_key(struct store_reader *r, uint64_t *at, struct whole_key *out);
/* The first schedule behind `name` (empty: the first). NOT_FOUND: there is none. */
enum store_rc store_next_schedule(struct store_reader *r, struct job_text name, struct whole_schedule *out);

/* --- in: transitions of a batch --- */
/* A job with its id, its state, its bytes and its history. What ran is queued, without using a retry. Not told to those who watch. REPLAYED: a job with this id is there, and is left as it is. LIVE: a live job has its unique
 * key. PARENT: a job that it waits for is not there. INVALID: *field says what of it makes no sense. */
enum store_rc store_restore(struct store *s, const struct job_whole *w, const char **field);
enum job_state store_restored(const struct job_whole *w);                              /* the state in which one is then there */
enum store_rc store_restore_key(struct store *s, const struct whole_key *k);            /* REPLAYED: it is remembered already. NOT_FOUND: its job is not there */
enum store_rc store_restore_schedule(struct store *s, const struct whole_schedule *t);  /* REPLAYED: it is known already */
/* Any line of an export: one of the above, or a pause. *field as above; those without a meaning for the store are OK. */
enum store_rc store_restore_line(struct store *s, const struct whole_line *l, const char **field);

#endif
