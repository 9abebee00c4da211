/* Jobs on their way to remote workers: a table an acceptor, from the keeper's commit to the moment at which the reply is in the kernel's hands. What stands there when the acceptor dies, or was
 * committed when the keeper died, is known by it.
 *
 * FREE -> WRITTEN (keeper, inside the batch that leases the job) -> GRANTED (keeper, after its commit) -> TAKEN (acceptor) -> FREE (acceptor: delivered, or given back). A batch that fails sets what it
 * wrote FREE again; a new keeper asks the store about what its predecessor wrote. */
#ifndef STINT_SHM_HANDOUT_H
#define STINT_SHM_HANDOUT_H

#include "job/job.h"
#include "shm/segment.h"

struct handout { uint32_t index; uint64_t claim, token; struct job_id id; };    /* claim: the acceptor's own number of who waits */

struct shm_handout *handout_table(const struct segment *s, uint32_t slot);      /* SHM_HANDOUTS entries; NULL where slot is no acceptor's */

/* --- the acceptor's side --- */
/* Takes what has been granted since *seen (0 at first; UINT64_MAX: look whatever was seen, as after a change of keeper). */
void handout_take(struct segment *s, uint32_t slot, uint64_t *seen, void (*fn)(void *arg, const struct handout *h), void *arg);
void handout_free(struct segment *s, uint32_t slot, uint32_t index);            /* of one that was taken. Rings the keeper where it waits for room */

/* --- the keeper's side --- */
bool handout_room(struct segment *s, uint32_t slot, uint32_t *from);            /* an entry is free at or behind *from, which is moved to it. False: the acceptor rings when one is */
void handout_write(struct segment *s, uint32_t slot, uint32_t index, const struct handout *h);          /* at what handout_room() found */
void handout_publish(struct segment *s, uint32_t slot);         /* after the commit: all that was written, as one. The caller rings */
void handout_forget(struct segment *s, uint32_t slot);          /* after one that failed */
/* What an earlier keeper wrote: held() says whether the store has the lease. */
void handout_mend(struct segment *s, uint32_t slot, bool (*held)(void *arg, struct job_id id, uint64_t token), void *arg);
void handout_clear(struct segment *s, uint32_t slot);           /* of an acceptor that is gone: all of it */

#endif
