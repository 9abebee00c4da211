/* spawn_loop PROCESSES SECONDS PROGRAM: as many processes, each starting the program by clone(2) as vfork(2) does and waiting for it, again and again. Prints how many a second, and the processor time of one in us. What
 * tools/bench-exec compares a server with: whoever starts a program for each job can be no faster. */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"

#define STACK_BYTES (64u << 10)
#define PROCESSES_MAX 256

static char *program[2];

static int child(void *arg)
{
	char *none[] = { NULL };

	(void)arg;
	execve(program[0], program, none);
	_exit(127);
}

static uint64_t loop(int64_t until_ns)
{
	static _Alignas(64) char stack[STACK_BYTES];
	uint64_t n = 0;
	int status;

	while (clock_boot_ns() < until_ns) {
		pid_t pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			_exit(1);
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	unsigned processes = argc == 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0, bad = 0;
	double seconds = argc == 4 ? strtod(argv[2], NULL) : 0;
	uint64_t total = 0, n;
	struct rusage usage;
	int ends[2], status;

	if (processes < 1 || processes > PROCESSES_MAX || seconds <= 0 || pipe(ends) < 0) {
		fprintf(stderr, "usage: spawn_loop PROCESSES SECONDS PROGRAM\n");
		return 64;
	}
	program[0] = argv[3];
	int64_t begin = clock_boot_ns();
	for (unsigned i = 0; i < processes; i++) {
		if (fork() != 0)
			continue;
		n = loop(begin + (int64_t)(seconds * 1e9));
		_exit(write(ends[1], &n, sizeof(n)) == sizeof(n) ? 0 : 1);
	}
	close(ends[1]);
	while (read(ends[0], &n, sizeof(n)) == sizeof(n))
		total += n;
	double took = (double)(clock_boot_ns() - begin) / 1e9;
	for (unsigned i = 0; i < processes; i++)
		bad += wait(&status) < 0 || status != 0;
	if (bad) {
		fprintf(stderr, "spawn_loop: \"%s\" could not be run\n", program[0]);
		return 1;
	}
	getrusage(RUSAGE_CHILDREN, &usage);
	double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	printf("%.0f %.0f\n", (double)total / took, cpu / (double)(total ? total : 1));
	return 0;
}
