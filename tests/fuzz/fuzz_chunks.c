/* Chunked bodies: the same end, length and bytes taken in whatever pieces they come. The first byte says how long the pieces are. */
#include <string.h>

#include "http/lint.h"
#include "tests/fuzz/fuzz.h"

#define MAX_EXTRA 500
#define MAX_BODY 100000

static enum lint_rc take(struct lint_chunks *k, const char *p, size_t n, size_t step, size_t *taken)
{
	enum lint_rc rc = LINT_MORE;

	memset(k, 0, sizeof(*k));
	*taken = 0;
	while (rc == LINT_MORE && *taken < n) {
		size_t m = n - *taken < step ? n - *taken : step, used = SIZE_MAX;

		rc = lint_chunks(k, p + *taken, m, MAX_EXTRA, MAX_BODY, &used);
		if (rc == LINT_BAD)
			break;
		MUST(used <= m && (rc == LINT_DONE || used == m));
		*taken += used;
	}
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lint_chunks whole, pieces;
	size_t step, taken, taken_in_pieces;

	if (n == 0)
		return 0;
	step = data[0] % 16u + 1;
	enum lint_rc rc = take(&whole, (const char *)data + 1, n - 1, n, &taken);
	MUST(take(&pieces, (const char *)data + 1, n - 1, step, &taken_in_pieces) == rc);
	if (rc == LINT_BAD) {
		MUST(whole.no.status == pieces.no.status && whole.no.status >= 400 && whole.no.why[0]);
		return 0;
	}
	MUST(taken == taken_in_pieces && whole.total == pieces.total && whole.left == pieces.left && whole.total <= MAX_BODY);
	MUST(rc != LINT_DONE || (whole.left == 0 && whole.total < taken));
	return 0;
}
