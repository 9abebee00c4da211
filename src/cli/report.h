/* What a benchmark found out, for people (labels, aligned) or as one JSON object. */
#ifndef STINT_CLI_REPORT_H
#define STINT_CLI_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/histogram.h"
#include "text/buf.h"

#define REPORT_LINES 32

struct report_line {
	const char *key;        /* in JSON: "jobs_per_s" */
	const char *label;      /* for people: "jobs/s" */
	const char *text;       /* a text, else a number */
	double number;
	unsigned decimals;
};

struct report { struct report_line line[REPORT_LINES]; size_t n; };

void report_text(struct report *r, const char *key, const char *label, const char *text);      /* kept by pointer */
void report_count(struct report *r, const char *key, const char *label, uint64_t v);
void report_number(struct report *r, const char *key, const char *label, double v, unsigned decimals);
/* p50, p95, p99 and the maximum in milliseconds: keys PREFIX_p50_ms ... The prefix is a literal of at most 24 characters. */
void report_histogram(struct report *r, const char *prefix, const struct shm_histogram *us);
/* after - before, bucket by bucket; the maximum becomes the upper limit of the highest bucket that has grown, where `after`'s is older than that. */
void report_difference(struct shm_histogram *out, const struct shm_histogram *before, const struct shm_histogram *after);

void report_put(const struct report *r, bool json, struct buf *out);
void report_print(const struct report *r, bool json);   /* to stdout */

#endif
