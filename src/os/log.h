/* The only file that logs. One event a line, text or JSON, to stderr, syslog or a file.
 *
 * Lines of level info and debug gather in a buffer that log_flush() writes at the end of a loop turn; warnings and errors are written at once
 * (after what is buffered). A reader that has stalled never blocks us: a line that cannot be written now is dropped and counted.
 * Payloads are never logged; job data reaches a line only through the fields below, escaped. */
#ifndef STINT_OS_LOG_H
#define STINT_OS_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_options {
	const char *dest;               /* "stderr", "syslog" or a path (opened O_APPEND|O_CLOEXEC, mode 0640) */
	enum log_level level;
	enum log_format format;
};

/* What a line about a job may carry; NULL, 0 and negative numbers leave a field out. */
struct log_job {
	const char *id, *type, *queue, *outcome, *worker, *trace_id;
	unsigned attempt;
	int64_t duration_us;            /* written as duration_ms with a fraction; -1 where unknown */
	int priority;
	bool has_priority;
};

int log_open(const struct log_options *opt);    /* 0, or -1 with errno; the old destination stays in force then. Safe to call again (reload) */
int log_reopen(void);                           /* USR1: opens the path anew; on failure keeps the old file and returns -1 with errno */
const char *log_why(int err);                   /* the text for the errno of either */
void log_role(const char *role);                /* "master", "worker 2": kept by pointer, must stay valid */
void log_write(enum log_level level, const struct log_job *job, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void log_flush(void);
uint64_t log_dropped(void);                     /* lines dropped since the start */
bool log_enabled(enum log_level level);
int log_fd(void);                               /* the open file's descriptor, -1 for syslog: so that daemonizing keeps it */

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, 0, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, 0, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, 0, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, 0, __VA_ARGS__)

/* Our own bug: logs, flushes and aborts. */
_Noreturn void log_panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
