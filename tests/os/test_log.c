/* os/log: where lines go and when, and what is never lost on the way. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "log_fixture.h"

static void info_waits_for_the_flush_and_warnings_do_not(void **unused)
{
	const char *path = scratch("log");
	struct stat st;

	(void)unused;
	open_log(path, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~0640, 0);
	assert_true(log_fd() > STDERR_FILENO);
	assert_int_equal(fcntl(log_fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	log_info("first %d", 1);
	assert_count(path, "first", 0);
	log_flush();
	assert_count(path, " info tester[", 1);
	assert_count(path, ": first 1\n", 1);
	log_info("second");
	log_warn("third");
	assert_count(path, ": second\n", 1);
	assert_count(path, " warn tester[", 1);
	log_error("fourth");
	assert_count(path, "\n", 4);
	assert_int_equal(log_dropped(), 0);
}

static void levels_below_the_set_one_are_silent(void **unused)
{
	const char *path = scratch("log");

	(void)unused;
	open_log(path, LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	assert_false(log_enabled(LOG_LEVEL_INFO));
	assert_true(log_enabled(LOG_LEVEL_WARN));
	log_debug("no");
	log_info("no");
	log_error("yes");
	assert_count(path, "no", 0);
	assert_count(path, "yes", 1);
	open_log(path, LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
	log_debug("debugging");
	log_flush();
	assert_count(path, "\"level\":\"debug\"", 1);
}

static void errno_is_kept_and_written(void **unused)
{
	const char *path = scratch("log");

	(void)unused;
	open_log(path, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	errno = ENOSPC;
	log_error("cannot: %m");
	assert_int_equal(errno, ENOSPC);
	assert_count(path, ": cannot: No space left on device\n", 1);
}

static void reopening_follows_the_path(void **unused)
{
	char moved[512];
	int fd;

	(void)unused;
	snprintf(moved, sizeof(moved), "%s/moved", scratch_dir);
	open_log(scratch("log"), LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	fd = log_fd();
	log_info("before");
	assert_int_equal(rename(scratch("log"), moved), 0);
	log_info("still before");
	assert_int_equal(log_reopen(), 0);
	assert_int_equal(log_fd(), fd);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	log_warn("after");
	assert_count(moved, "before", 2);
	assert_count(scratch("log"), "\n", 1);
	assert_count(scratch("log"), "after", 1);
}

static void a_failed_opening_changes_nothing(void **unused)
{
	struct log_options none = { NULL, LOG_LEVEL_DEBUG, LOG_FORMAT_JSON };
	char dir[512];

	(void)unused;
	snprintf(dir, sizeof(dir), "%s/dir", scratch_dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	snprintf(dir, sizeof(dir), "%s/dir/log", scratch_dir);
	open_log(dir, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	none.dest = scratch("none/log");
	assert_int_equal(log_open(&none), -1);
	assert_int_equal(errno, ENOENT);
	log_debug("not");
	log_warn("here");
	assert_count(dir, " warn tester[", 1);
	assert_count(dir, "\n", 1);
	assert_int_equal(rename(scratch("dir"), scratch("gone")), 0);
	assert_int_equal(log_reopen(), -1);
	assert_int_equal(errno, ENOENT);
	log_warn("there");
	assert_count(scratch("gone/log"), "\n", 2);
	/* A FIFO that nobody reads would hold an ordinary open for ever. */
	assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
	none.dest = scratch("fifo");
	assert_int_equal(log_open(&none), -1);
	assert_int_equal(errno, ENXIO);
}

static void the_journal_gets_the_level(void **unused)
{
	char named[64];
	struct stat st;
	int fd = open(scratch("err"), O_RDWR | O_CREAT | O_APPEND, 0600);

	(void)unused;
	dup2(fd, STDERR_FILENO);
	close(fd);
	fstat(STDERR_FILENO, &st);
	snprintf(named, sizeof(named), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", named, 1);
	open_log("stderr", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	log_error("one");
	assert_count(scratch("err"), "<3>20", 1);
	log_info("two");
	log_warn("three");
	assert_count(scratch("err"), "<6>20", 1);
	assert_count(scratch("err"), "<4>20", 1);
	open_log("stderr", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_error("four");
	assert_count(scratch("err"), "\n{\"ts\":", 1);
	/* Inherited from a service, but stderr has been led elsewhere since. */
	setenv("JOURNAL_STREAM", "1:1", 1);
	open_log("stderr", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	log_error("five");
	assert_count(scratch("err"), "<", 3);
	assert_count(scratch("err"), "\n", 5);
}

static int syslog_listen(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", syslog_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void syslog_gets_a_datagram_a_line(void **unused)
{
	struct log_options opt = { "syslog", LOG_LEVEL_INFO, LOG_FORMAT_TEXT };
	char path[512], text[512];
	ssize_t n;
	int fd;

	(void)unused;
	snprintf(path, sizeof(path), "%s/syslog", scratch_dir);
	syslog_path = path;
	assert_int_equal(log_open(&opt), -1);
	assert_int_equal(errno, ENOENT);
	fd = syslog_listen();
	assert_int_equal(log_open(&opt), 0);
	assert_int_equal(log_fd(), -1);
	log_warn("to syslog");
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_memory_equal(text, "<28>", 4);
	assert_non_null(strstr(text, ": tester: to syslog"));
	assert_null(strchr(text, '\n'));

	/* Restarted: what comes while it is away is lost and counted, then it goes on. */
	close(fd);
	unlink(path);
	log_error("lost");
	assert_int_equal(log_dropped(), 1);
	fd = syslog_listen();
	log_error("found");
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "1 log lines are missing here"));
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "tester: found"));

	/* Stalled: its queue is short, and nobody waits for it. */
	for (unsigned i = 0; i < 100000 && log_dropped() < 5; i++)
		log_error("more");
	assert_int_equal(log_dropped(), 5);
	close(fd);
}

static void a_child_does_not_repeat_its_parents_lines(void **unused)
{
	const char *path = scratch("log");
	pid_t child;

	(void)unused;
	open_log(path, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	log_info("from the parent");
	child = fork();
	if (child == 0) {
		log_flush();
		log_info("from the child");
		log_flush();
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	log_flush();
	assert_count(path, "from the parent", 1);
	assert_count(path, "from the child", 1);
}

static void a_very_long_message_is_cut(void **unused)
{
	const char *path = scratch("log");
	char *message = malloc(500000);

	(void)unused;
	memset(message, '\x01', 499999);
	message[499999] = '\0';
	open_log(path, LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_error("%s", message);
	log_error("next");
	assert_count(path, "\\u0001", 32 * 1024 - 3);
	assert_count(path, "...\"}\n", 1);
	assert_count(path, "\"next\"", 1);
	assert_int_equal(log_dropped(), 0);
	free(message);
}

static void many_lines_of_one_turn_all_arrive(void **unused)
{
	const char *path = scratch("log");

	(void)unused;
	open_log(path, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	for (unsigned i = 0; i < 20000; i++)
		log_info("line %u.", i);
	log_flush();
	assert_count(path, "\n", 20000);
	assert_count(path, ": line 19999.\n", 1);
	assert_int_equal(log_dropped(), 0);
}

static void a_panic_says_why_and_aborts(void **unused)
{
	const char *path = scratch("log");
	pid_t child;
	int status;

	(void)unused;
	open_log(path, LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGABRT, SIG_DFL);
		log_panic("impossible: %d", 42);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_count(path, " error tester[", 1);
	assert_count(path, ": impossible: 42\n", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(info_waits_for_the_flush_and_warnings_do_not),
		log_test(levels_below_the_set_one_are_silent),
		log_test(errno_is_kept_and_written),
		log_test(reopening_follows_the_path),
		log_test(a_failed_opening_changes_nothing),
		log_test(the_journal_gets_the_level),
		log_test(syslog_gets_a_datagram_a_line),
		log_test(a_child_does_not_repeat_its_parents_lines),
		log_test(a_very_long_message_is_cut),
		log_test(many_lines_of_one_turn_all_arrive),
		log_test(a_panic_says_why_and_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
