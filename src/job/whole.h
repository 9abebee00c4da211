/* A job with everything that belongs to it, as it goes from one store to another: `stint export`, `import` and `check --repair`. As a line of JSON and back (whole_put.c, whole_parse.c). */
#ifndef STINT_JOB_WHOLE_H
#define STINT_JOB_WHOLE_H

#include "job/job.h"
#include "job/record.h"
#include "text/buf.h"

#define WHOLE_FORMAT 1u
#define WHOLE_ATTEMPTS_MAX 100000u      /* of one job; and as many notes */

struct whole_note { int64_t at_us; uint32_t event, attempt; struct job_text detail; };

struct job_whole {
	struct job job;                 /* but for what a store gives: lane, lease, numbers of bytes */
	enum job_state state;           /* the job's: job.state is for the store to set */
	struct job_spec spec;           /* without its payload, and depends set */
	struct job_text payload, result;
	const uint8_t *waits_for;       /* of depends, those that have not told it of their end: 16 bytes each */
	unsigned nwaits;
	struct record_attempt *attempt; /* oldest first; token 0, log_blob 0, the log in full where it is kept */
	unsigned nattempts;
	struct whole_note *note;
	unsigned nnotes;
	bool said;                      /* its progress */
	int32_t percent;
	uint32_t said_attempt;
	int64_t said_ms;
	struct job_text message;
	struct buf bytes;               /* what the texts point into, where they do not point into the caller's */
};
void whole_clear(struct job_whole *w);          /* to be filled anew; keeps the memory */
void whole_free(struct job_whole *w);

struct whole_key { struct job_text key; struct job_id id; uint8_t fingerprint[16]; int64_t created_ms; };
struct whole_schedule { struct job_text name; struct job_id job; int64_t upto_ms, run_ms; uint32_t print; };

/* A line of an export. */
enum whole_kind { WHOLE_HEAD, WHOLE_JOB, WHOLE_KEY, WHOLE_QUEUE, WHOLE_SCHEDULE, WHOLE_END };
struct whole_line {
	enum whole_kind kind;
	uint64_t format;                /* HEAD */
	uint64_t jobs;                  /* END: so many there were */
	struct job_whole job;
	struct whole_key key;
	struct whole_schedule schedule;
	struct job_text queue;          /* QUEUE: it is paused */
};
void whole_line_free(struct whole_line *l);

/* Append one line each, with its end. */
void whole_put_head(struct buf *out, const char *version, int64_t wall_ms);
void whole_put_job(struct buf *out, const struct job_whole *w);
void whole_put_key(struct buf *out, const struct whole_key *k);
void whole_put_queue(struct buf *out, struct job_text name);
void whole_put_schedule(struct buf *out, const struct whole_schedule *s);
void whole_put_end(struct buf *out, uint64_t jobs);

struct whole_error { char field[64], what[200]; };
/* One line, without its end, into *l, whose memory is used again. False: *e says which member is at fault (none: the line) and what would be right. */
bool whole_parse(struct slice line, struct whole_line *l, struct whole_error *e);

/* The members of a job and of its attempts that are plain values: one table for both ways. */
enum whole_type { WHOLE_TEXT, WHOLE_U32, WHOLE_I32, WHOLE_U64, WHOLE_I64, WHOLE_BOOL };
struct whole_field { const char *name; enum whole_type type; size_t at; int64_t absent, min, max; };
extern const struct whole_field whole_job_fields[], whole_attempt_fields[];     /* ended by a NULL name */

#endif
