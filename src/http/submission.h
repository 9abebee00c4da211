/* A POST /jobs from its parsed jobs to the keeper's last answer. Used by api_submit.c; the answer to the client is made in submission_answer.c. */
#ifndef STINT_HTTP_SUBMISSION_H
#define STINT_HTTP_SUBMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "http/envelope.h"
#include "http/http.h"
#include "http/members.h"

#define SUBMISSION_ARRAY_MAX MEMBERS_ARRAY_MAX

enum submission_kind { SUBMISSION_ONE, SUBMISSION_ARRAY, SUBMISSION_LINES };

struct submission;

struct submission_item {                /* one job */
	struct submission *owner;
	struct envelope *envelope;      /* NULL once it is not needed any more, and for a line that is refused */
	struct envelope_problem *problem;       /* why it was refused before it was asked (LINES), or what is there may not be seen; else NULL */
	unsigned line;                  /* LINES: from 1 */
	struct request_result result;
};

struct lines;

struct submission_import {              /* a line of an import: api_import.c's own */
	unsigned kind;                  /* enum whole_kind */
	struct job_id id;               /* of a job */
	uint64_t blob;                  /* its text is staged there; 0: it is not */
	bool ready, asked;              /* it lies where it can be asked from; the keeper has been asked, or will not be */
	char field[REQUEST_FIELD_BYTES];/* that was refused */
};


struct submission {
	struct http_request *q;
	struct lines *lines;            /* it is a line of these: they hear of its end, and answer. NULL else */
	struct submission *next;        /* the next line */
	char *text;                     /* what the envelope points into, where that is not the request's body; freed with it */
	enum submission_kind kind;
	struct submission_item *item;
	size_t n, cap;
	size_t open;                    /* items without an answer, and one while they are being asked; an array's: whose payload goes up, then those without an answer */
	struct loop_timer again;        /* submission_later() */
	int64_t patience_ns;            /* until when it is asked for again; 0: it was not yet */
	struct submission_group *group; /* ARRAY: submission_group.c's own */
	const char *schedule;           /* its one job is this one's, run by hand; NULL else */
	struct submission_import *import;       /* a line of an import; NULL else */
};

struct submission *submission_new(struct http_request *q, enum submission_kind kind);   /* NULL: memory is out */
struct submission_item *submission_add(struct submission *s);                           /* likewise; moves the others */
void submission_free(struct submission *s);
/* Asks the keeper for all items that have an envelope; submission_answer() follows when the last has its result (api_submit.c). */
void submission_ask(struct submission *s);
/* The same for an array that is not empty: for all of them or none (submission_group.c). */
void submission_ask_group(struct submission *s);
/* Where the keeper is still reading idempotency keys after a start: asks again a little later for those that were refused for that, but not for ever. False: there is none such, or it has been long enough. */
bool submission_later(struct submission *s);
/* Takes one item's result. */
void submission_take(struct submission_item *item, const struct request_result *r);

/* The item's job from the text of a JSON value; false with *p filled in. */
bool submission_parse(struct submission_item *item, struct slice text, struct envelope_problem *p);
/* {"id","state"}, or the item's problem. */
void submission_put(struct buf *b, const struct submission_item *item);

/* api_lines.c: NDJSON. What its lines are: jobs to be made, or those of an export. */
struct lines_kind {
	bool (*take)(struct submission *s, struct slice text, struct envelope_problem *p);      /* reads one line; false: it is refused, *p says why */
	void (*ask)(struct submission *s);              /* asks the keeper for it; lines_ended() follows, later or at once */
	void (*put)(struct buf *b, const struct submission_item *item);
	uint64_t spare;                 /* a line may have max_body, `times` over, and so many bytes more */
	unsigned times;
	const char *limit;              /* the same in words */
};
/* Begins to take the request's body line by line. */
void lines_begin(struct http_request *q, const struct lines_kind *kind);
void lines_ended(struct submission *s);                 /* one of them has its result */
struct submission *lines_first(const struct submission *s);             /* of those that are not answered */
struct lines_import { bool headed, foreign; unsigned staging; };        /* api_import.c's own, of one request: its head has come; its first line was none; lines whose text goes up */
struct lines_import *lines_import(const struct submission *s);

/* Its Content-Type is application/x-ndjson (api_submit.c). */
bool submission_is_lines(const struct http_request *q);

/* Answers the client and frees it: every item has its result. */
void submission_answer(struct submission *s);
/* Says in its field which element of the array it is of. */
void submission_at(struct envelope_problem *p, size_t at);
/* Answers with the problem and counts a refused submission. */
void submission_refuse(struct http_request *q, const struct envelope_problem *p);
/* The problem that a store's answer is; status 0 for STORE_OK. */
struct envelope_problem submission_store_problem(int rc, const struct job_spec *spec);

#endif
