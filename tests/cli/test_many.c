/* cli/many: an act on many jobs shows how far it is on a terminal, and asks for nothing more elsewhere. The server holds its answer back until it has been asked how far it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/many.h"
#include "fake_server.h"

static struct { volatile int looks, refuse; } *seen;    /* shared with the server's processes */

static void nap(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	nanosleep(&ms, NULL);
}

/* 10 are dead and 5 expired before it began; by the third look 6 less. */
static void serve(int fd, unsigned number)
{
	char head[1024], body[1024];

	(void)number;
	while (fake_read_request(fd, head, sizeof(head), body, sizeof(body))) {
		if (strncmp(head, "GET /stats ", 11) == 0) {
			int n = ++seen->looks;
			fake_json(fd, seen->refuse ? "403 Forbidden" : "200 OK", n < 3 ? "{\"dead\":10,\"expired\":5}" : "{\"dead\":5,\"expired\":4}");
			continue;
		}
		while (seen->looks && !seen->refuse && seen->looks < 4)
			nap();
		fake_json(fd, "200 OK", "{\"count\":8}");
	}
}

static const struct many retrying = { "retrying", { "dead", "expired" }, 8 };

/* The call's exit code, with stderr on `fd`. */
static int ask_with_stderr(int fd, char *answer, size_t size)
{
	struct client_call call = { .method = "POST", .target = "/jobs/retry", .body = SLICE("{}") };
	struct client client;
	struct fake_server f;
	int saved = dup(STDERR_FILENO), code;

	seen->looks = 0;
	fake_start(&f, serve);
	assert_int_equal(client_init(&client, f.url, NULL), 0);
	dup2(fd, STDERR_FILENO);
	code = many_ask(&client, &call, &retrying);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	snprintf(answer, size, "%s", buf_cstr(&call.answer));
	buf_free(&call.answer);
	client_close(&client);
	fake_stop(&f);
	return code;
}

static int open_terminal(int *master)
{
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(*master >= 0);
	assert_int_equal(grantpt(*master), 0);
	assert_int_equal(unlockpt(*master), 0);
	return open(ptsname(*master), O_RDWR | O_NOCTTY);
}

static const char *written(int master)
{
	static char text[20000];
	ssize_t n, at = 0;

	while (at < (ssize_t)sizeof(text) - 1 && (n = read(master, text + at, sizeof(text) - 1 - (size_t)at)) > 0)
		at += n;
	text[at] = '\0';
	return text;
}

static void a_terminal_has_a_bar(void **unused)
{
	char answer[100];
	int master, terminal = open_terminal(&master);

	(void)unused;
	seen->refuse = 0;
	assert_int_equal(ask_with_stderr(terminal, answer, sizeof(answer)), 0);
	assert_string_equal(answer, "{\"count\":8}");
	assert_true(seen->looks >= 4);
	const char *text = written(master);
	assert_non_null(strstr(text, "retrying ["));
	assert_non_null(strstr(text, "] 6 jobs"));
	assert_non_null(strstr(text, "[======================        ]"));          /* 6 of 8, the last of the bar is empty */
	assert_string_equal(text + strlen(text) - 4, "\r\033[K");                /* wiped */
	close(terminal);
	close(master);
}

static void without_the_figures_there_is_none(void **unused)
{
	char answer[100];
	int master, terminal = open_terminal(&master);

	(void)unused;
	seen->refuse = 1;
	assert_int_equal(ask_with_stderr(terminal, answer, sizeof(answer)), 0);
	assert_string_equal(answer, "{\"count\":8}");
	assert_int_equal(seen->looks, 1);
	assert_string_equal(written(master), "");
	close(terminal);
	close(master);
}

static void elsewhere_nothing_more_is_asked(void **unused)
{
	char answer[100];
	int fd = open("/dev/null", O_WRONLY);

	(void)unused;
	seen->refuse = 0;
	assert_int_equal(ask_with_stderr(fd, answer, sizeof(answer)), 0);
	assert_string_equal(answer, "{\"count\":8}");
	assert_int_equal(seen->looks, 0);
	close(fd);
}

static int set_up(void **unused)
{
	(void)unused;
	seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return seen == MAP_FAILED ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_has_a_bar),
		cmocka_unit_test(without_the_figures_there_is_none),
		cmocka_unit_test(elsewhere_nothing_more_is_asked),
	};

	return cmocka_run_group_tests_name("cli/many", tests, set_up, NULL);
}
