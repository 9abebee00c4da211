/* The pages for people: what they have in common, and their entries in the route table. Complete without JavaScript; the script only fetches again what stands in a page's live part. */
#ifndef STINT_HTTP_PAGE_H
#define STINT_HTTP_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http.h"
#include "text/buf.h"

/* --- entries (route.c) --- */
void page_jobs(struct http_request *q);                 /* GET /status/jobs; query as GET /jobs, and "done,count" */
void page_job(struct http_request *q);                  /* GET /status/jobs/:id; query "done" */
void page_queues(struct http_request *q);               /* GET /status/queues; query "done" */
void page_workers(struct http_request *q);              /* GET /status/workers */
void page_schedules(struct http_request *q);            /* GET /status/schedules */
void page_submit(struct http_request *q);               /* GET /status/submit; query "type,queue" */
/* POST: a form's, which leads back to a page */
void page_submit_post(struct http_request *q);
void page_job_cancel(struct http_request *q);
void page_job_retry(struct http_request *q);
void page_job_run_now(struct http_request *q);
void page_job_delete(struct http_request *q);
void page_bulk(struct http_request *q);                 /* POST /status/jobs/bulk */
void page_queue_pause(struct http_request *q);
void page_queue_resume(struct http_request *q);
void page_schedule_run(struct http_request *q);

/* --- the frame --- */
enum page_tab { PAGE_OVERVIEW, PAGE_JOBS, PAGE_QUEUES, PAGE_WORKERS, PAGE_SCHEDULES, PAGE_SUBMIT, PAGE_TABS };
enum page_kind {
	PAGE_STILL,             /* as it is */
	PAGE_LIVE,              /* the script keeps what stands between page_live_begin() and page_live_end() as it is now */
	PAGE_REFRESHED,         /* and without a script the browser loads it again now and then: not where something is typed in */
};
/* Up to where the page's own part begins. `title` is escaped. PAGE_TABS: none of them. */
void page_begin(struct buf *b, const struct http_request *q, enum page_tab tab, enum page_kind kind, const char *title);
void page_live_begin(struct buf *b);
void page_live_end(struct buf *b);
void page_end(struct buf *b, const struct http_request *q, int64_t now_ms);
/* Answers with it, under the pages' policy; 503 where memory was out. */
void page_send(struct http_request *q, int status, struct buf *b);

bool page_wanted(const struct http_request *q);         /* a browser asks for /status, or something below it */
void page_problem(struct http_request *q, int status, struct slice detail);     /* an error as a page */
/* What is meant by a page's Accept where it wants JSON and no HTML: hands the request to that handler. False: a page it is. */
bool page_or_json(struct http_request *q, void (*json)(struct http_request *q));
/* "Cancelled." and its like, above a page's content: what has been done by the form that led here. Nothing where the query has no "done" that is known. */
void page_done(struct buf *b, const struct http_request *q);

struct figures;
void page_put_processes(struct buf *b, const struct figures *f);                /* page_workers.c: the table of them */

/* --- pieces --- */
/* `columns` is comma-separated; a name that begins with '#' heads numbers. The same names label the cells where a table is shown as a list (narrow screens). */
void page_table_begin(struct buf *b, const char *columns);
void page_table_end(struct buf *b);
void page_cell(struct buf *b, const char *class, const char *label);            /* opens it */
void page_cell_count(struct buf *b, const char *label, uint64_t n);
void page_cell_us(struct buf *b, const char *label, double us, bool any);
void page_cell_text(struct buf *b, const char *label, struct slice text, size_t max);
void page_cell_none(struct buf *b, const char *label);                          /* a dash */
void page_row_head(struct buf *b, struct slice name);
void page_section(struct buf *b, const char *id, const char *title);
void page_fact(struct buf *b, const char *name);                                /* opens it; "</dd></div>" closes it */
void page_fact_count(struct buf *b, const char *name, uint64_t n);
void page_fact_text(struct buf *b, const char *name, struct slice text);        /* left out where it is empty */
void page_ago(struct buf *b, int64_t now_ms, int64_t at_ms);                    /* "5 s ago", or "in 5 s" of what is to come */
void page_time(struct buf *b, int64_t at_ms);                                   /* as in the API */
/* The listing's address with a state (may be NULL) and one more filter (`name` NULL: none), as an attribute's text. */
void page_jobs_href(struct buf *b, const char *state, const char *name, struct slice value);
void page_cell_jobs(struct buf *b, const char *state, uint64_t n, const char *name, struct slice value);        /* a count that leads there */
/* A form of one button that posts to `before` NAME `after`; the name is percent-coded. */
void page_names_list(struct buf *b, const struct http_request *q);              /* the conf's types and queues, for inputs with list="types" and list="queues" */
void page_button(struct buf *b, const char *before, struct slice name, const char *after, const char *class, const char *label);

#endif
