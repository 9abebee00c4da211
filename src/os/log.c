/* Where log lines go: stderr, a file or syslog, without ever waiting for whoever reads them. Called by everybody.
 * Nothing here is fatal but log_panic(). A pipe whose reader has gone raises SIGPIPE, which every process of ours ignores.
 *
 * What a stalled reader does not take stays in the buffer; once that is full, lines are dropped and counted, and the first line that goes out
 * again is preceded by one that says how many are missing. */
#include "os/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log_format.h"
#include "os/trusted.h"

#define MESSAGE_MAX (32 * 1024)         /* a longer one is cut */
#define PENDING_MAX (256 * 1024)        /* room for a message of which every byte is escaped */

/* What may block, and how to ask it not to. */
enum out_kind { OUT_UNKNOWN, OUT_FILE, OUT_STREAM, OUT_SOCKET, OUT_SYSLOG };

struct sink {
	enum out_kind kind;
	int fd;
	char *path;             /* owned; NULL for stderr and syslog */
	bool journal;           /* stderr is the journal's: it takes "<N>" for the level */
};

static struct {
	struct sink sink;
	enum log_level level;
	enum log_format format;
	const char *role;
	struct buf message, line, pending;
	pid_t pending_pid;      /* whose lines they are: a forked child must not write its parent's again */
	bool torn;              /* the last line written lacks its end */
	uint64_t dropped, reported;
	size_t report;          /* bytes at the front of pending that tell of those dropped since `told`; not gone out yet */
	uint64_t told;
} state = { .sink = { .fd = STDERR_FILENO }, .level = LOG_LEVEL_INFO, .role = "stint" };

static const char *syslog_path = "/dev/log";

static enum out_kind fd_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || S_ISREG(st.st_mode))
		return OUT_FILE;
	return S_ISSOCK(st.st_mode) ? OUT_SOCKET : OUT_STREAM;
}

/* As systemd.exec(5) says: JOURNAL_STREAM counts only where it names this very descriptor. */
static bool fd_is_journal(int fd)
{
	const char *named = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return named && sscanf(named, "%llu:%llu", &dev, &ino) == 2 && fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* Gives stderr a file description of its own that does not block. Setting O_NONBLOCK on the one we were given would set it for the shell, and
 * whoever else has it, too. Where the pipe or terminal may not be opened again, sink_write() has to look first. */
static void stderr_unblock(void)
{
	int flags = fcntl(STDERR_FILENO, F_GETFL);
	int fd;

	if (flags < 0 || flags & O_NONBLOCK || fd_kind(STDERR_FILENO) != OUT_STREAM)
		return;
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static int syslog_connect(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int saved, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", syslog_path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* The directory may be that of the user whom handlers run as, and root gives the file to that user: a link planted there must not lead it to another file. */
static int path_open(const char *path)
{
	/* O_NONBLOCK is nothing to a file; a FIFO without a reader then fails instead of holding us. */
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = geteuid() == 0 ? trusted_open(path, flags, 0640, 0) : open(path, flags, 0640);

	if (fd >= 0 && fd <= STDERR_FILENO) {
		int high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

		close(fd);
		fd = high;
	}
	return fd;
}

static int sink_open(const char *dest, struct sink *out)
{
	*out = (struct sink){ .fd = STDERR_FILENO };
	if (strcmp(dest, "stderr") == 0) {
		out->journal = fd_is_journal(out->fd);
		stderr_unblock();
	} else if (strcmp(dest, "syslog") == 0) {
		out->fd = syslog_connect();
		out->kind = OUT_SYSLOG;
		return out->fd < 0 ? -1 : 0;
	} else {
		out->path = strdup(dest);
		out->fd = out->path ? path_open(dest) : -1;
		if (out->fd < 0) {
			free(out->path);
			return -1;
		}
	}
	out->kind = fd_kind(out->fd);
	return 0;
}

static void sink_close(struct sink *s)
{
	if (s->fd > STDERR_FILENO)
		close(s->fd);
	free(s->path);
}

/* Where the line that tells of dropped ones is among what is dropped now, they have not been told of. */
static void pending_drop(size_t from)
{
	for (size_t i = from > state.report ? from : state.report; i < state.pending.len; i++)
		state.dropped += state.pending.data[i] == '\n';
	if (from < state.report)
		state.reported = state.told;
	state.report = 0;
	state.pending.len = from;
}

const char *log_why(int err)
{
	switch (err) {
	case ELOOP:
		return "there is a symbolic link on the way that is not root's: root does not follow it";
	case EMLINK:
		return "it is a file of root's that has another name besides: remove one of the two";
	default:
		return strerror(err);
	}
}

int log_open(const struct log_options *opt)
{
	struct sink fresh;

	if (sink_open(opt->dest, &fresh) != 0)
		return -1;
	log_flush();
	if (fresh.kind == OUT_SYSLOG)   /* which takes line by line */
		pending_drop(0);
	sink_close(&state.sink);
	state.sink = fresh;
	state.level = opt->level;
	state.format = opt->format;
	state.torn = false;
	return 0;
}

int log_reopen(void)
{
	int fd;

	log_flush();
	if (!state.sink.path)
		return 0;
	fd = path_open(state.sink.path);
	if (fd < 0)
		return -1;
	/* The number stays: others may have been told it. */
	dup3(fd, state.sink.fd, O_CLOEXEC);
	close(fd);
	state.sink.kind = fd_kind(state.sink.fd);
	state.torn = false;
	return 0;
}

void log_role(const char *role)
{
	state.role = role;
}

bool log_enabled(enum log_level level)
{
	return level >= state.level;
}

uint64_t log_dropped(void)
{
	return state.dropped;
}

int log_fd(void)
{
	return state.sink.kind == OUT_SYSLOG ? -1 : state.sink.fd;
}

/* As many whole lines as a pipe takes in one piece, so that those of several processes do not mix. */
static size_t stream_piece(const char *p, size_t n)
{
	const char *last;

	if (n <= PIPE_BUF)
		return n;
	last = memrchr(p, '\n', PIPE_BUF);
	return last ? (size_t)(last - p) + 1 : PIPE_BUF;
}

/* Writes some of it without waiting: -1 with EAGAIN where that cannot be. */
static ssize_t sink_write(struct sink *s, const char *p, size_t n)
{
	struct pollfd room = { .fd = s->fd, .events = POLLOUT };

	if (s->kind == OUT_UNKNOWN)     /* before log_open() */
		s->kind = fd_kind(s->fd);
	if (s->kind == OUT_FILE)
		return write(s->fd, p, n);
	if (s->kind == OUT_SOCKET)
		return send(s->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* For a description that blocks: a pipe that is said to be ready takes PIPE_BUF bytes. */
	if (poll(&room, 1, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	return write(s->fd, p, stream_piece(p, n));
}

static void pending_own(void)
{
	pid_t self = getpid();

	if (state.pending_pid != self) {
		buf_clear(&state.pending);
		state.report = 0;
	}
	state.pending_pid = self;
}

void log_flush(void)
{
	struct buf *b = &state.pending;
	int saved = errno;
	size_t done = 0;

	if (b->len == 0)
		return;
	pending_own();
	while (done < b->len) {
		ssize_t n = sink_write(&state.sink, b->data + done, b->len - done);

		if (n > 0) {
			done += (size_t)n;
			state.torn = b->data[done - 1] != '\n';
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		/* A full disk or a reader that has gone: what is left would never go out in order. */
		if (n == 0 || errno != EAGAIN)
			pending_drop(done);
		break;
	}
	state.report = state.report > done ? state.report - done : 0;
	buf_consume(b, done);
	errno = saved;
}

/* Puts a formatted line into the buffer, making room first. False where there is none. */
static bool pending_add(const struct buf *line)
{
	struct buf *b = &state.pending;
	size_t need = line->len + 2;

	if (b->len + need > PENDING_MAX)
		log_flush();
	if (line->failed || b->len + need > PENDING_MAX || !buf_reserve(b, need)) {
		b->failed = false;
		return false;
	}
	if (state.torn && b->len == 0)
		buf_char(b, '\n');
	buf_add(b, line->data, line->len);
	buf_char(b, '\n');
	return true;
}

static bool syslog_send(const struct buf *line)
{
	struct sink *s = &state.sink;

	if (line->failed)
		return false;
	for (int attempt = 0; attempt < 2; attempt++) {
		if (s->fd >= 0 && send(s->fd, line->data, line->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		if (s->fd >= 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE))
			return false;
		/* It has been restarted: its socket is another one now. */
		if (s->fd >= 0)
			close(s->fd);
		s->fd = syslog_connect();
	}
	return false;
}

static bool line_put(const struct log_line *line)
{
	struct buf *b = &state.line;
	bool to_syslog = state.sink.kind == OUT_SYSLOG;

	buf_clear(b);
	if (to_syslog)
		log_put_syslog_head(b, line);
	else if (state.sink.journal && state.format == LOG_FORMAT_TEXT)
		buf_printf(b, "<%u>", log_severity(line->level));
	if (state.format == LOG_FORMAT_JSON)
		log_put_json(b, line);
	else if (to_syslog)
		log_put_syslog(b, line);
	else
		log_put_text(b, line);
	return to_syslog ? syslog_send(b) : pending_add(b);
}

/* Once lines go out again: how many did not. */
static void missing_put(const struct log_line *about)
{
	struct log_line line = { .level = LOG_LEVEL_WARN, .wall_ms = about->wall_ms, .role = about->role, .pid = about->pid };
	char text[96];
	int n = snprintf(text, sizeof(text), "%llu log lines are missing here: they could not be written in time",
			 (unsigned long long)(state.dropped - state.reported));

	line.msg = (struct slice){ text, (size_t)n };
	if (!line_put(&line))
		return;
	state.told = state.reported;
	state.reported = state.dropped;
	state.report = state.pending.len;
}

static __attribute__((format(printf, 3, 0))) void line_write(enum log_level level, const struct log_job *job, const char *fmt, va_list ap)
{
	struct buf *m = &state.message;
	struct log_line line = { .level = level, .role = state.role, .pid = getpid(), .job = job };

	pending_own();
	buf_clear(m);
	buf_vprintf(m, fmt, ap);
	if (m->len > MESSAGE_MAX) {
		m->len = MESSAGE_MAX - 3;
		buf_str(m, "...");
	}
	line.msg = (struct slice){ m->data ? m->data : "", m->len };
	line.wall_ms = clock_wall_ms();
	if (state.dropped != state.reported && state.pending.len == 0)
		missing_put(&line);
	if (!line_put(&line))
		state.dropped++;
	if (level >= LOG_LEVEL_WARN)
		log_flush();
}

void log_write(enum log_level level, const struct log_job *job, const char *fmt, ...)
{
	int saved = errno;      /* "%m" in the format, and the caller's afterwards */
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	line_write(level, job, fmt, ap);
	va_end(ap);
	errno = saved;
}

void log_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_write(LOG_LEVEL_ERROR, NULL, fmt, ap);
	va_end(ap);
	log_flush();
	abort();
}
