/* Between the parts of the check: check.c (the walk), check_job.c (what each job must have), check_row.c (what each row must belong to), check_bytes.c (rows of bytes and their owners), check_tally.c (the figures). */
#ifndef STINT_STORE_CHECK_IMPL_H
#define STINT_STORE_CHECK_IMPL_H

#include "store/check.h"
#include "store/embedded.h"

struct check_blob { uint64_t blob, len; };
struct check_blobs { struct check_blob *v; size_t n, cap; };
struct check_type { char *name; size_t n; uint32_t number; };

struct check {
	struct store_reader *r;
	const struct store_check_watch *w;
	struct store_checked *out;
	struct head head;               /* as it was when the check began */
	bool headless;                  /* it cannot be read */
	bool whole;                     /* it began with the first step */
	uint64_t unread;                /* jobs whose records cannot be read */
	struct check_blobs owned, staged;
	uint64_t nobodys;               /* the last bytes that were found to be */
	struct check_type *type;        /* numbers of types, for lines */
	size_t ntype;
	enum store_rc failed;           /* what is no flaw: out of memory, an I/O error */
};

void check_flaw(struct check *c, enum kv_table t, const struct job_id *id, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The row, where it is there. What is neither there nor absent is a flaw of its own, or c->failed. */
bool check_get(struct check *c, enum kv_table t, struct kv_bytes key, struct kv_bytes *v);
bool check_has(struct check *c, enum kv_table t, const struct key *k);
bool check_seek(struct check *c, enum kv_table t, const struct key *k, struct kv_bytes *found, struct kv_bytes *v);
bool check_remember(struct check *c, struct check_blobs *b, uint64_t blob, uint64_t len);
bool check_lane(struct check *c, uint32_t lane, struct lane_row *out);          /* in this snapshot */
uint32_t check_type_number(struct check *c, struct job_text type);      /* the least lane of the type; 0: it has none */

/* Whether a job that stands so has a row in this index, and under which key. */
bool check_stands(struct check *c, const struct job *j, enum kv_table t, struct key *k);
enum check_job { CHECK_JOB_FINE, CHECK_JOB_GONE, CHECK_JOB_DAMAGED };
enum check_job check_job_of(struct check *c, const struct job_id *id, struct job *out);

/* One for each table: a row of it. */
void check_job(struct check *c, struct kv_bytes key, struct kv_bytes v);
void check_attempt(struct check *c, struct kv_bytes key, struct kv_bytes v);
void check_blob_row(struct check *c, struct kv_bytes key, struct kv_bytes v);
void check_stage_row(struct check *c, struct kv_bytes key, struct kv_bytes v);
extern void (*const check_rows[KV_TABLES])(struct check *c, struct kv_bytes key, struct kv_bytes v);   /* of the others; NULL: not by row */

bool check_blob_whole(struct check *c, enum kv_table t, const struct job_id *id, const char *what, uint64_t blob, uint64_t len);   /* and it has an owner now */
void check_owned_twice(struct check *c);
void check_tallies(struct check *c);

#endif
