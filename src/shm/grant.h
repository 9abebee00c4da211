/* Standing claims and grants: a worker says how much room it has, the keeper puts claimed jobs into the worker's ring.
 *
 * want = room << 48 | (sequence of the last grant seen, low 48 bits): "having seen all up to that grant I have room for `room` more". The keeper takes off what it granted after it, so
 * neither side ever resets anything. The ring's head moves only after the commit that leased the jobs. */
#ifndef STINT_SHM_GRANT_H
#define STINT_SHM_GRANT_H

#include "job/job.h"
#include "shm/segment.h"

struct grant {                          /* one job, as it lies in the ring, followed by its texts and payload */
	uint32_t bytes;                 /* of the whole entry, 8-aligned; 0 with kind PAD: skip to the ring's begin */
	uint16_t kind;                  /* GRANT_JOB, GRANT_PAD */
	uint16_t flags;
	uint64_t seq;
	struct job_id id;
	uint64_t token;
	uint32_t attempt, max_attempts;
	int64_t timeout_ms;             /* 0: none */
	int64_t claimed_ms;             /* wall clock */
	int32_t priority;
	uint16_t type_len, queue_len, name_len, trace_len;
	uint32_t content_type_len;
	uint64_t payload_len, payload_blob;     /* blob not 0: the worker reads the payload itself; else it follows */
	uint32_t crashes;
	uint32_t reserved;
};
enum { GRANT_JOB = 1, GRANT_PAD = 2, GRANT_CANCEL = 3 /* id and token alone: that attempt is to be ended */ };

struct grant_view { struct grant g; struct job_text type, queue, name, trace, content_type, payload; };   /* texts point into the ring */

/* --- the worker's side --- */
uint64_t grant_attach(struct segment *s, uint32_t slot);  /* a new process in the slot, before it wants anything: forgets what its predecessor did not take; returns the last published sequence */
void grant_want(struct segment *s, uint32_t slot, uint32_t room, uint64_t seen_seq);    /* publishes; does not ring */
/* Room of its own for jobs of some types: the ids of those rooms that this worker has a share of (not 0, at most SHM_WANT_TYPES). To be said after grant_attach(), before anything is wanted. */
void grant_rooms(struct segment *s, uint32_t slot, const uint32_t *ids, uint32_t n);
void grant_want_room(struct segment *s, uint32_t slot, uint32_t i, uint32_t room, uint64_t seen_seq);   /* of the i-th: as grant_want(), and besides it */
/* The next published grant, checked: 1 and *v (v->g.kind tells a job from a cancellation); 0 none; -1 the ring is not sane (the worker must exit). Starts with *seen as grant_attach() gave it
 * and raises it; a job that was seen is passed over. */
int grant_next(struct segment *s, uint32_t slot, uint64_t *seen, struct grant_view *v);
/* After copying what is needed: gives the room in the ring back. Rings the keeper where it held back for want of that room. */
void grant_consume(struct segment *s, uint32_t slot, const struct grant_view *v);

/* --- the keeper's side --- */
struct grant_writer { uint64_t head, seq; };            /* unpublished position; starts at the slot's published one */
void grant_begin(const struct segment *s, uint32_t slot, struct grant_writer *w);
void grant_mend(struct segment *s, uint32_t slot);      /* a new keeper, before anything else: ends a publishing that its predecessor died in */
uint32_t grant_room(const struct segment *s, uint32_t slot, const struct grant_writer *w);      /* jobs it still wants beyond what has been written, 0 where its word makes no sense */
/* The i-th room that the worker has a share of: false behind the last. *room: jobs it wants beyond the grants up to *seen (48 bits of its sequence). */
bool grant_room_at(const struct segment *s, uint32_t slot, uint32_t i, uint32_t *id, uint32_t *room, uint64_t *seen);
bool grant_after(uint64_t seq, uint64_t seen);          /* whether `seq` lies beyond what grant_room_at() gave as seen */
bool grant_fits(const struct segment *s, uint32_t slot, const struct grant_writer *w);   /* even the longest grant has room in the ring now: to be asked before a job is claimed for it */
bool grant_seen(const struct segment *s, uint32_t slot, uint64_t seq);          /* the worker has taken the grant `seq` */
/* Writes one beyond the head; gives it the next sequence (in v->g.seq). To grant again what an earlier keeper leased, w->seq is set to the lease's own sequence - 1 before. False where the ring is too full now. */
bool grant_write(struct segment *s, uint32_t slot, struct grant_writer *w, struct grant_view *v);
bool grant_published(const struct segment *s, uint32_t slot, uint64_t seq);
/* Writes a cancellation, which has no sequence and takes no room of the worker's. False where the ring is too full now. */
bool grant_cancel(struct segment *s, uint32_t slot, struct grant_writer *w, struct job_id id, uint64_t token);
void grant_publish(struct segment *s, uint32_t slot, const struct grant_writer *w);     /* after the commit */

#endif
