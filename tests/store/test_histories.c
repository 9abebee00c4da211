/* 100,000 random histories of the store against a plain model of its rules, in memory. See history.h. */
#include "tests/store/history.h"

#ifdef __SANITIZE_ADDRESS__
#define HISTORIES 40000
#else
#define HISTORIES 100000
#endif

int main(void)
{
	return histories_main(fixture_memory, HISTORIES);
}
