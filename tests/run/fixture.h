/* Handlers that behave in every way a handler may: the test program runs itself as one, `argv[1]` says which. */
#ifndef STINT_TESTS_RUN_FIXTURE_H
#define STINT_TESTS_RUN_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static inline void fixture_say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(99);
}

static inline void fixture_pid(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	fixture_say(1, text);
}

static inline void fixture_wait(void)
{
	for (;;)
		pause();
}

/* The parent goes on; the child comes back with 0 in a session of its own, its own parent gone. */
static inline pid_t fixture_escape(void)
{
	pid_t pid = fork();

	if (pid != 0) {
		waitpid(pid, NULL, 0);
		return pid;
	}
	setsid();
	if (fork() != 0)
		_exit(0);
	return 0;
}

static inline void fixture_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		int fd = atoi(e->d_name);
		if (e->d_name[0] == '.' || fd == dirfd(d))
			continue;
		printf("%d ", fd);
	}
	fflush(stdout);
}

/* What a process inherits besides descriptors. */
static inline void fixture_state(void)
{
	char cwd[256];
	sigset_t mask;
	struct rlimit files, cpu;
	unsigned blocked = 0, ignored = 0;
	mode_t m = umask(0);
	int death = 0;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int s = 1; s < NSIG; s++) {
		struct sigaction a;
		blocked += sigismember(&mask, s) == 1;
		ignored += sigaction(s, NULL, &a) == 0 && a.sa_handler == SIG_IGN;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_CPU, &cpu);
	prctl(PR_GET_PDEATHSIG, &death);
	printf("cwd=%s umask=%03o nice=%d blocked=%u ignored=%u session=%d group=%d newprivs=%d death=%d files=%lu cpu=%lu offset=%ld",
	       getcwd(cwd, sizeof(cwd)), (unsigned)m, getpriority(PRIO_PROCESS, 0), blocked, ignored, getsid(0) == getpid(), getpgid(0) == getpid(),
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), death, (unsigned long)files.rlim_cur, (unsigned long)cpu.rlim_cur, (long)lseek(0, 0, SEEK_CUR));
	fflush(stdout);
}

static inline void fixture_env(void)
{
	for (char **e = environ; *e; e++)
		printf("%s\n", *e);
	fflush(stdout);
}

static inline void fixture_stdin(void)
{
	static char bytes[65536];
	unsigned long long total = 0, sum = 0;
	ssize_t n;

	while ((n = read(0, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + (unsigned char)bytes[i];
		total += (unsigned long long)n;
	}
	printf("%llu %llu %s %s", total, sum, pwrite(0, "x", 1, 0) < 0 ? "sealed" : "writable", ftruncate(0, 0) < 0 ? "fixed" : "shrunk");
	fflush(stdout);
}

static inline void fixture_flood(int fd, size_t bytes)
{
	static char text[65536];

	memset(text, 'x', sizeof(text));
	for (size_t at = 0; at < sizeof(text); at += 64)
		text[at + 63] = '\n';
	while (bytes) {
		ssize_t n = write(fd, text, bytes < sizeof(text) ? bytes : sizeof(text));
		if (n <= 0)
			_exit(98);
		bytes -= (size_t)n;
	}
}

/* A child of the same group that would run on, holding the pipes. */
static inline void fixture_child_holds_pipe(void)
{
	if (fork() == 0) {
		signal(SIGTERM, SIG_IGN);
		fixture_pid();
		fixture_wait();
	}
	usleep(1000);
}

static inline void fixture_escape_and_stay(int clear_environment)
{
	int ready[2];
	char c;

	if (pipe(ready) != 0)
		_exit(97);
	if (fixture_escape() == 0) {
		signal(SIGTERM, SIG_IGN);
		if (clear_environment) {
			char *argv[] = { (char *)(uintptr_t)"escaped", (char *)(uintptr_t)"announce-and-wait", NULL }, *envp[] = { NULL };
			dup2(ready[1], 3);
			execve("/proc/self/exe", argv, envp);
			_exit(96);
		}
		fixture_pid();
		fixture_say(ready[1], "x");
		fixture_wait();
	}
	close(ready[1]);
	while (read(ready[0], &c, 1) < 0 && errno == EINTR)
		;
}

/* Many, each with a session of its own. */
static inline void fixture_swarm(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (fork() == 0) {
			setsid();
			if (fork() == 0)
				setsid();
			fixture_wait();
		}
}

static inline int fixture_main(const char *what)
{
	if (strcmp(what, "exit") == 0)
		return 0;
	if (strcmp(what, "exit-1") == 0)
		return 1;
	if (strcmp(what, "exit-65") == 0)
		fixture_say(2, "first\nthis order does not exist\n\n"), exit(65);
	if (strcmp(what, "exit-75") == 0)
		fixture_say(2, "::retry-in 90s\n::progress 40 half way\nbusy\n"), exit(75);
	if (strcmp(what, "kill-itself") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(what, "abort") == 0)
		raise(SIGABRT);
	if (strcmp(what, "hang") == 0)
		fixture_say(2, "waiting\n"), fixture_wait();
	if (strcmp(what, "ignore-term") == 0)
		signal(SIGTERM, SIG_IGN), fixture_pid(), fixture_wait();
	if (strcmp(what, "stopped") == 0)
		raise(SIGSTOP);
	if (strcmp(what, "close-stdio") == 0)
		fixture_pid(), close(0), close(1), close(2), fixture_wait();
	if (strcmp(what, "close-stdio-end") == 0)
		fixture_say(1, "bye"), close(0), close(1), close(2), usleep(2000), exit(3);
	if (strcmp(what, "flood") == 0)
		fixture_flood(1, 20u << 20), fixture_flood(2, 20u << 20), fixture_say(2, "the last line\n"), exit(1);
	if (strcmp(what, "no-read") == 0)
		fixture_say(1, "done");
	if (strcmp(what, "stdin") == 0)
		fixture_stdin();
	if (strcmp(what, "binary") == 0)
		fixture_say(2, "\xff\xfe broken \x80\n"), (void)!write(1, "a\0b\xff\n", 5), exit(4);
	if (strcmp(what, "fds") == 0)
		fixture_fds();
	if (strcmp(what, "env") == 0)
		fixture_env();
	if (strcmp(what, "state") == 0)
		fixture_state();
	if (strcmp(what, "child-holds-pipe") == 0)
		fixture_child_holds_pipe();
	if (strcmp(what, "escape") == 0)
		fixture_escape_and_stay(0);
	if (strcmp(what, "escape-unmarked") == 0)
		fixture_escape_and_stay(1);
	if (strcmp(what, "announce-and-wait") == 0)
		fixture_pid(), fixture_say(3, "x"), fixture_wait();
	if (strcmp(what, "escape-and-hang") == 0)
		fixture_escape_and_stay(0), fixture_wait();
	if (strcmp(what, "swarm") == 0)
		fixture_swarm(100);
	if (strcmp(what, "whoami") == 0)
		printf("%d %d %d\n", (int)getuid(), (int)getgid(), getgroups(0, NULL)), fflush(stdout);
	return 0;
}

#endif
