/* Random histories of the store against a plain model of its rules, over LMDB: there a keeper that dies leaves a file that is opened anew, and so does a whole server. See history.h. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/store/history.h"

#ifdef __SANITIZE_ADDRESS__
#define HISTORIES 1000
#else
#define HISTORIES 10000
#endif

int main(void)
{
	/* Nothing is proved of the disk here; where there is memory that looks like one its syncs cost nothing. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	return histories_main(fixture_lmdb, HISTORIES);
}
