/* What a handler says. Standard output: its head is the result, the rest is counted. Standard error: its tail is the log, with the lines that are meant for us
 * (`::progress N message`, `::retry-in 90s`) taken out. */
#ifndef STINT_RUN_OUTPUT_H
#define STINT_RUN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/buf.h"

#define OUTPUT_LOG_MAX (64u << 10)      /* of standard error, kept */
#define OUTPUT_LINE_MAX 1024u           /* a longer line beginning with `::` is an ordinary one */

struct output_head {
	struct buf kept;
	uint64_t limit, total;          /* total: seen, dropped bytes included */
};
void output_head_add(struct output_head *o, const char *p, size_t n);
bool output_head_cut(const struct output_head *o);

struct output_log {
	struct buf kept;                /* may exceed OUTPUT_LOG_MAX until output_log_end() */
	uint64_t total;                 /* seen */
	uint64_t said;                  /* of it, what became the log's; the last kept.len of them are kept */
	int64_t retry_in_ms;            /* -1: not said */
	void (*progress)(void *arg, int percent, struct slice message);         /* may be NULL; message as it came */
	void *arg;
	bool plain;                     /* no line is meant for us */
	int at;                         /* where the next byte stands, enum output_at */
	size_t nline;
	char line[OUTPUT_LINE_MAX];     /* begun with ':', not decided yet */
};
void output_log_init(struct output_log *o);
void output_log_add(struct output_log *o, const char *p, size_t n);
void output_log_end(struct output_log *o);              /* a last line without its newline; cuts to OUTPUT_LOG_MAX */

/* The last line of `log` that is not blank, without white space around it, cut to size - 1 bytes between characters, NUL bytes as '?'. False where there is none. */
bool output_last_line(struct slice log, char *out, size_t size);
/* Copies what fits of s as a C string, as above. */
void output_copy(struct slice s, char *out, size_t size);

#endif
