/* Compiled time zones: whatever bytes are taken for one, each moment has a span and each local time a moment. */
#include "job/tzif.h"
#include "tests/fuzz/fuzz.h"

static void look(const struct zone *z, int64_t t)
{
	struct zone_span s = zone_span_at(z, t);
	struct zone_moment m = zone_moment_of(z, t);

	MUST(s.from <= t && t < s.until);
	MUST(zone_reached(z, t) >= t + s.offset);
	if (m.how == ZONE_TWICE)
		MUST(m.again > m.utc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct zone z;
	char why[200] = "";

	if (!tzif_parse(data, n, &z, why, sizeof(why))) {
		MUST(why[0]);
		return 0;
	}
	MUST(z.nchanges <= ZONE_CHANGES_MAX);
	for (int64_t t = 0; t < INT64_C(4102444800); t += 86400 * 91 + 3601)
		look(&z, t);
	for (size_t i = 0; i < z.nchanges && i < 200; i++)
		for (int64_t d = -1; d <= 1; d++)
			if (z.at[i] > 0 && z.at[i] < INT64_C(4102444800))
				look(&z, z.at[i] + d);
	return 0;
}
