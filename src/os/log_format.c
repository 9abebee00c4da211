/* The looks of a log line: text for people, one JSON object for machines. Called by log.c. Nothing here is fatal. */
#include "os/log_format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text/duration.h"
#include "text/json.h"

static const struct {
	const char *name;
	unsigned severity;
} levels[] = {
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_ERROR] = { "error", 3 },
};

#define SYSLOG_DAEMON (3U << 3)

unsigned log_severity(enum log_level level)
{
	return levels[level].severity;
}

/* One of the job's fields: how it is named and where it lies. The order is the order in the line. */
enum field_kind { FIELD_TEXT, FIELD_ATTEMPT, FIELD_DURATION, FIELD_PRIORITY };

static const struct {
	const char *name;
	enum field_kind kind;
	size_t offset;
} fields[] = {
	{ "job", FIELD_TEXT, offsetof(struct log_job, id) },
	{ "type", FIELD_TEXT, offsetof(struct log_job, type) },
	{ "queue", FIELD_TEXT, offsetof(struct log_job, queue) },
	{ "attempt", FIELD_ATTEMPT, 0 },
	{ "worker", FIELD_TEXT, offsetof(struct log_job, worker) },
	{ "duration_ms", FIELD_DURATION, 0 },
	{ "outcome", FIELD_TEXT, offsetof(struct log_job, outcome) },
	{ "trace_id", FIELD_TEXT, offsetof(struct log_job, trace_id) },
	{ "priority", FIELD_PRIORITY, 0 },
};

static const char *field_text(const struct log_job *job, size_t offset)
{
	const char *text;

	memcpy(&text, (const char *)job + offset, sizeof(text));
	return text;
}

static bool field_present(const struct log_job *job, size_t i)
{
	const char *text;

	switch (fields[i].kind) {
	case FIELD_TEXT:
		text = field_text(job, fields[i].offset);
		return text && text[0];
	case FIELD_ATTEMPT:
		return job->attempt > 0;
	case FIELD_DURATION:
		return job->duration_us >= 0;
	case FIELD_PRIORITY:
		return job->has_priority;
	}
	return false;
}

/* Microseconds as milliseconds without trailing zeroes: 7200 is "7.2". */
static void put_ms(struct buf *b, int64_t us)
{
	unsigned fraction = (unsigned)(us % 1000), width = 3;

	buf_i64(b, us / 1000);
	if (!fraction)
		return;
	for (; fraction % 10 == 0; fraction /= 10)
		width--;
	buf_printf(b, ".%0*u", (int)width, fraction);
}

static bool is_bare(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || *text == '"' || *text == '=' || *text == '\\')
			return false;
	return true;
}

static void put_field(struct buf *b, const struct log_job *job, size_t i, bool quoted)
{
	const char *text;

	switch (fields[i].kind) {
	case FIELD_TEXT:
		text = field_text(job, fields[i].offset);
		if (!quoted && is_bare(text))
			buf_str(b, text);
		else
			json_put_string(b, slice_of(text));
		return;
	case FIELD_ATTEMPT:
		buf_u64(b, job->attempt);
		return;
	case FIELD_DURATION:
		put_ms(b, job->duration_us);
		return;
	case FIELD_PRIORITY:
		buf_i64(b, job->priority);
		return;
	}
}

void log_put_json(struct buf *b, const struct log_line *line)
{
	char time_text[TIME_TEXT_BYTES];

	time_format(line->wall_ms, time_text);
	buf_printf(b, "{\"ts\":\"%s\",\"level\":\"%s\",\"role\":", time_text, levels[line->level].name);
	json_put_string(b, slice_of(line->role));
	buf_printf(b, ",\"pid\":%d,\"msg\":", (int)line->pid);
	json_put_string(b, line->msg);
	for (size_t i = 0; line->job && i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!field_present(line->job, i))
			continue;
		buf_printf(b, ",\"%s\":", fields[i].name);
		put_field(b, line->job, i, true);
	}
	buf_char(b, '}');
}

/* Escaped as in JSON, so that it stays one line of clean UTF-8, but with plain quotes. */
static void put_message(struct buf *b, struct slice msg)
{
	size_t from = b->len, to = from;

	json_put_string(b, msg);
	if (b->failed)
		return;
	/* Over the quotes at both ends and the backslashes before those within. */
	for (size_t i = from + 1; i + 1 < b->len; i++) {
		if (b->data[i] == '\\' && b->data[i + 1] == '\\')
			b->data[to++] = b->data[i++];
		else if (b->data[i] == '\\' && b->data[i + 1] == '"')
			i++;
		b->data[to++] = b->data[i];
	}
	b->len = to;
}

void log_put_syslog(struct buf *b, const struct log_line *line)
{
	buf_str(b, line->role);
	buf_str(b, ": ");
	put_message(b, line->msg);
	for (size_t i = 0; line->job && i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!field_present(line->job, i))
			continue;
		buf_printf(b, " %s=", fields[i].name);
		put_field(b, line->job, i, false);
	}
}

void log_put_text(struct buf *b, const struct log_line *line)
{
	char time_text[TIME_TEXT_BYTES], role[80];
	struct log_line named = *line;

	time_format(line->wall_ms, time_text);
	buf_printf(b, "%s %s ", time_text, levels[line->level].name);
	snprintf(role, sizeof(role), "%.60s[%d]", line->role, (int)line->pid);
	named.role = role;
	log_put_syslog(b, &named);
}

void log_put_syslog_head(struct buf *b, const struct log_line *line)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)(line->wall_ms / 1000);
	struct tm tm = { 0 };

	localtime_r(&seconds, &tm);
	buf_printf(b, "<%u>%s %2d %02d:%02d:%02d stintd[%d]: ", SYSLOG_DAEMON | log_severity(line->level), months[tm.tm_mon], tm.tm_mday,
		   tm.tm_hour, tm.tm_min, tm.tm_sec, (int)line->pid);
}
