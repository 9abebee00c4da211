/* os/log: that no reader and no full disk can hold us, and that what is lost is counted. */
#include <sys/resource.h>

#include "log_fixture.h"

/* Logs to stderr until the reader's room and our own are used up; then reads, and looks for what must have arrived. */
static void assert_stalled_reader_is_survived(int read_fd)
{
	static char text[8 << 20];
	uint64_t dropped;
	size_t n = 0;
	ssize_t got;

	open_log("stderr", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	assert_int_equal(log_fd(), STDERR_FILENO);
	for (unsigned i = 0; log_dropped() < 10; i++) {
		assert_true(i < 100000);
		log_error("line %u of many that nobody reads for the time being, with some more text to fill the room with", i);
	}
	dropped = log_dropped();
	fcntl(read_fd, F_SETFL, O_NONBLOCK);
	do {
		got = read(read_fd, text + n, sizeof(text) - 1 - n);
		n += got > 0 ? (size_t)got : 0;
		log_flush();
	} while (got > 0);
	log_error("the last");
	while ((got = read(read_fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	assert_int_equal(log_dropped(), dropped);
	assert_int_equal(count(text, ": 10 log lines are missing here: they could not be written in time"), 1);
	assert_non_null(strstr(text, ": the last"));
	assert_true(count(text, "\n") > 12);
	/* No line is torn: each that begins ends. */
	assert_int_equal(count(text, "Z error tester["), count(text, "to fill the room with") + 1);
}

static void a_stalled_pipe_costs_lines_not_time(void **unused)
{
	int ends[2];

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	assert_stalled_reader_is_survived(ends[0]);
	close(ends[0]);
}

static void a_stalled_pipe_that_blocks_is_looked_at_first(void **unused)
{
	struct sink s = { .kind = OUT_STREAM };
	char text[3000];
	int ends[2];
	size_t total = 0;
	ssize_t n;

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	s.fd = ends[1];
	memset(text, 'x', sizeof(text));
	while ((n = sink_write(&s, text, sizeof(text))) > 0)
		total += (size_t)n;
	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(total > sizeof(text));
	close(ends[0]);
	close(ends[1]);
}

static void lines_of_a_pipe_are_written_whole(void **unused)
{
	char text[PIPE_BUF + 10];

	(void)unused;
	memset(text, 'x', sizeof(text));
	assert_int_equal(stream_piece(text, PIPE_BUF), PIPE_BUF);
	assert_int_equal(stream_piece(text, sizeof(text)), PIPE_BUF);
	text[99] = text[PIPE_BUF] = '\n';
	assert_int_equal(stream_piece(text, sizeof(text)), 100);
	text[PIPE_BUF - 1] = '\n';
	assert_int_equal(stream_piece(text, sizeof(text)), PIPE_BUF);
}

static void a_stalled_socket_costs_lines_not_time(void **unused)
{
	int ends[2];

	(void)unused;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	assert_stalled_reader_is_survived(ends[0]);
	close(ends[0]);
}

static void a_stalled_terminal_costs_lines_not_time(void **unused)
{
	int ours = posix_openpt(O_RDWR | O_NOCTTY), theirs;

	(void)unused;
	assert_true(ours >= 0);
	assert_int_equal(grantpt(ours), 0);
	assert_int_equal(unlockpt(ours), 0);
	theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
	assert_true(theirs >= 0);
	dup2(theirs, STDERR_FILENO);
	close(theirs);
	assert_stalled_reader_is_survived(ours);
	close(ours);
}

static void a_reader_that_has_gone_costs_lines_only(void **unused)
{
	int ends[2];

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	open_log("stderr", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	close(ends[0]);
	log_info("lost");
	log_error("lost too");
	assert_int_equal(log_dropped(), 2);
	assert_int_equal(state.pending.len, 0);
}

static void a_full_disk_tears_no_later_line(void **unused)
{
	const char *path = scratch("log");
	struct rlimit limit, before;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	char *text;

	(void)unused;
	open_log(path, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	log_error("fits");
	log_error("does not fit: its first half comes to the limit of a hundred bytes and goes no further");
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	assert_int_equal(log_dropped(), 1);
	log_error("after");
	assert_int_equal(log_dropped(), 1);
	text = scratch_read(path);
	assert_non_null(text);
	assert_int_equal(text[100], '\n');
	assert_int_equal(count(text, "\n"), 4);
	assert_int_equal(count(text, ": 1 log lines are missing here"), 1);
	assert_int_equal(count(text, ": after\n"), 1);
	free(text);
}

static void all_that_a_full_disk_cost_is_told_of(void **unused)
{
	const char *path = scratch("log");
	struct rlimit limit, before;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

	(void)unused;
	open_log(path, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 10; i++)
		log_error("lost");                                      /* from the second on a line about the first ones is lost with it */
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	assert_int_equal(log_dropped(), 10);
	log_error("after");
	log_error("and on");
	assert_count(path, "10 log lines are missing here", 1);
	assert_count(path, "missing", 1);
	assert_count(path, "lost", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(a_stalled_pipe_costs_lines_not_time),
		log_test(a_stalled_pipe_that_blocks_is_looked_at_first),
		log_test(lines_of_a_pipe_are_written_whole),
		log_test(a_stalled_socket_costs_lines_not_time),
		log_test(a_stalled_terminal_costs_lines_not_time),
		log_test(a_reader_that_has_gone_costs_lines_only),
		log_test(a_full_disk_tears_no_later_line),
		log_test(all_that_a_full_disk_cost_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
