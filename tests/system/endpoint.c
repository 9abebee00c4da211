/* endpoint DIR: the HTTP server of tests/run/endpoint.h as a program. Listens on 127.0.0.1, writes its port to DIR/port, requests for /keep to DIR/N.request and how
 * much of /huge it could send to DIR/sent; ends with its parent. */
#include "../run/endpoint.h"

#include <sys/prctl.h>

static void put(const char *name, unsigned long long v)
{
	char path[512], made[520];

	snprintf(path, sizeof(path), "%s/%s", endpoint.dir, name);
	snprintf(made, sizeof(made), "%s.new", path);
	FILE *f = fopen(made, "w");
	if (!f)
		exit(1);
	fprintf(f, "%llu\n", v);
	fclose(f);
	rename(made, path);
}

int main(int argc, char **argv)
{
	struct timespec pause = { 0, 50000000 };
	unsigned long long sent = 1;

	if (argc != 2)
		return 64;
	endpoint.dir = argv[1];
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!endpoint_listen("127.0.0.1", &endpoint.port))
		return 1;
	put("port", (unsigned long long)endpoint.port);
	for (;;) {
		if (atomic_load(&endpoint.sent) != sent)
			put("sent", sent = atomic_load(&endpoint.sent));
		nanosleep(&pause, NULL);
	}
}
