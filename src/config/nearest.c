/* Which known name somebody may have meant. Called for every unknown name; nothing can fail. */
#include "config/internal.h"

#define LONGEST 63                      /* names longer than this are near to nothing */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned edit_distance(struct slice a, struct slice b)
{
	unsigned row[3][LONGEST + 1];   /* of the last but one, the last and this letter of a */
	unsigned *before = row[0], *above = row[1], *here = row[2];

	if (a.n > LONGEST || b.n > LONGEST)
		return LONGEST;
	for (unsigned j = 0; j <= b.n; j++)
		before[j] = above[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		here[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			here[j] = least(least(above[j], here[j - 1]) + 1, above[j - 1] + (a.p[i - 1] != b.p[j - 1]));
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				here[j] = least(here[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = above;
		above = here;
		here = spare;
	}
	return above[b.n];
}

bool edit_near(struct slice written, const char *known, unsigned *best)
{
	unsigned d = edit_distance(written, slice_of(known));
	size_t n = written.n;

	if (d >= *best || d > (n < 3 ? 0 : n < 6 ? 1 : n < 9 ? 2 : 3))
		return false;
	*best = d;
	return true;
}
