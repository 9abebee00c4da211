/* fork_bomb N: forks and forks until N processes have been made in all, every other one in a session of its own, all deaf to SIGTERM and with nothing open; then they wait. One that is killed while there are
 * fewer is made up for by the others: whoever ends them one by one without stopping them first runs behind them. A handler of tests/system/hostile_handlers.sh and tools/bench-hostile. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST 2000

static void go_on(atomic_int *made, int most)
{
	for (;;) {
		int n = atomic_fetch_add(made, 1);
		if (n >= most)
			break;
		pid_t pid = fork();
		if (pid == 0 && n % 2)
			setsid();
		if (pid < 0)
			usleep(1000);
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int most = argc > 1 ? atoi(argv[1]) : MOST;
	atomic_int *made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (made == MAP_FAILED)
		return 1;
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	go_on(made, most < MOST ? most : MOST);
}
