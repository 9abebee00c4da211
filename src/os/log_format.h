/* How a log line looks. Needed by log.c only. */
#ifndef STINT_OS_LOG_FORMAT_H
#define STINT_OS_LOG_FORMAT_H

#include <stdint.h>
#include <sys/types.h>

#include "os/log.h"
#include "text/buf.h"

struct log_line {
	enum log_level level;
	int64_t wall_ms;
	const char *role;
	pid_t pid;
	struct slice msg;
	const struct log_job *job;      /* may be NULL */
};

unsigned log_severity(enum log_level level);    /* as syslog and the journal count */

/* Each appends one line without its line end. */
void log_put_json(struct buf *b, const struct log_line *line);
void log_put_text(struct buf *b, const struct log_line *line);          /* "TIME LEVEL ROLE[PID]: MESSAGE FIELD=..." */
void log_put_syslog(struct buf *b, const struct log_line *line);        /* "ROLE: MESSAGE FIELD=...": syslog has the rest in its own head */
void log_put_syslog_head(struct buf *b, const struct log_line *line);   /* "<PRI>Mmm dd HH:MM:SS stintd[PID]: ", in local time */

#endif
