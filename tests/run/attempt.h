/* One attempt at a time, in a loop of the test's own: what the worker is to a kind. */
#ifndef STINT_TESTS_RUN_ATTEMPT_H
#define STINT_TESTS_RUN_ATTEMPT_H

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/descend.h"
#include "os/log.h"
#include "run/family.h"
#include "run/kind.h"
#include "run/program.h"

#define ATTEMPTS 64

struct attempt {                        /* what was told of one */
	struct run_task task;
	struct run_attempt *a;
	struct run_result r;
	unsigned started, ended;
	int percent;
	char message[128];
};

static struct {
	struct loop *loop;
	struct run_host host;
	struct conf_handler handler;
	char *argv[8];
	char exe[PATH_MAX];
	struct attempt at[ATTEMPTS];
	unsigned open;                  /* begun and not ended */
} bench;

static inline struct attempt *attempt_of_task(struct run_task *t)
{
	return LOOP_OWNER(t, struct attempt, task);
}

static inline void bench_started(void *arg, struct run_task *t)
{
	assert_ptr_equal(arg, &bench);
	attempt_of_task(t)->started++;
}

static inline void bench_ended(void *arg, struct run_task *t, struct run_result *r)
{
	struct attempt *at = attempt_of_task(t);

	assert_ptr_equal(arg, &bench);
	at->r = *r;
	r->output = r->log = (struct buf){ 0 };
	at->ended++;
	bench.open--;
}

static inline void bench_progress(void *arg, struct run_task *t, int percent, struct slice message)
{
	struct attempt *at = attempt_of_task(t);

	assert_ptr_equal(arg, &bench);
	at->percent = percent;
	snprintf(at->message, sizeof(at->message), "%.*s", (int)message.n, message.p);
}

static inline void bench_signal(void *arg, const struct signalfd_siginfo *si)
{
	(void)arg;
	(void)si;
	while (family_reap(64))
		;
}

static inline int bench_setup(void **state)
{
	static const int signals[] = { SIGCHLD, 0 };

	(void)state;
	memset(&bench, 0, sizeof(bench));
	alarm(120);                     /* a test that hangs is to fail */
	ssize_t n = readlink("/proc/self/exe", bench.exe, sizeof(bench.exe) - 1);
	if (n < 0 || descend_subreaper() < 0)
		return -1;
	bench.loop = loop_new();
	if (!bench.loop || loop_signals(bench.loop, signals, bench_signal, NULL) < 0)
		return -1;
	bench.host = (struct run_host){
		.loop = bench.loop, .arg = &bench, .started = bench_started, .ended = bench_ended, .progress = bench_progress, .pid = getpid(),
	};
	bench.handler = (struct conf_handler){
		.pattern = (char *)(uintptr_t)"test", .kind = CONF_HANDLER_EXEC, .exec = { bench.argv, 0 }, .timeout = 30000, .kill_grace = 20000, .max_output = 65536,
		.cwd = (char *)(uintptr_t)"/", .umask = 077, .rlimit_files = 256,
	};
	return 0;
}

static inline int bench_teardown(void **state)
{
	(void)state;
	program_forget();
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		run_result_free(&bench.at[i].r);
		free(bench.at[i].task.payload);
	}
	loop_free(bench.loop);
	/* nothing is left behind, not even a zombie */
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : -1;
}

/* The handler's program; the list ends with NULL. */
static inline void bench_exec(const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	bench.handler.exec.n = 0;
	for (const char *arg = first; arg; arg = va_arg(ap, const char *))
		bench.argv[bench.handler.exec.n++] = (char *)(uintptr_t)arg;
	va_end(ap);
	bench.handler.kind = CONF_HANDLER_EXEC;
	program_forget();
}

static inline struct attempt *bench_begin(unsigned i, const char *payload, size_t n)
{
	struct attempt *at = &bench.at[i];

	at->task = (struct run_task){
		.id = { { 0x01, 0x93, 0x5a, 0x10, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, (uint8_t)i } }, .token = i + 1, .attempt = 2, .max_attempts = 4, .timeout_ms = 30000,
		.deadline_ms = 1763764859123, .type = (char *)(uintptr_t)"email", .queue = (char *)(uintptr_t)"default", .name = (char *)(uintptr_t)"Weekly mail",
		.trace = (char *)(uintptr_t)"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", .content_type = (char *)(uintptr_t)"",
		.payload = malloc(n + 1), .payload_len = n, .handler = &bench.handler,
	};
	memcpy(at->task.payload, payload, n);
	at->task.payload[n] = '\0';
	at->percent = -1;
	bench.open++;
	return at;
}

static inline void bench_start(struct attempt *at)
{
	run_kind_of(&bench.handler)->start(&bench.host, &at->task, &at->a);
}

static inline void bench_wait(void)
{
	while (bench.open)
		loop_turn(bench.loop, -1);
}

/* One attempt from beginning to end. */
static inline struct attempt *bench_run(const char *payload)
{
	struct attempt *at = bench_begin(0, payload, strlen(payload));

	bench_start(at);
	bench_wait();
	assert_int_equal(at->ended, 1);
	return at;
}

/* The program is this test itself, as the handler `what`. */
static inline struct attempt *bench_fixture(const char *what)
{
	bench_exec(bench.exe, what, NULL);
	return bench_run("{}");
}

static inline const char *attempt_output(struct attempt *at)
{
	return buf_cstr(&at->r.output);
}

static inline void assert_gone(pid_t pid)
{
	assert_true(pid > 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

#endif
