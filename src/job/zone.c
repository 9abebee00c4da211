/* Look-ups in a time zone. Called by cron.c; nothing here can fail. Work is bounded by the zone's changes within two days of the moment asked for. */
#include "job/zone.h"

static int64_t clamp(int64_t t)
{
	return t < ZONE_TIME_MIN ? ZONE_TIME_MIN : t > ZONE_TIME_MAX ? ZONE_TIME_MAX : t;
}

/* How many changes are at or before t. */
static size_t changes_until(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->nchanges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (z->at[middle] <= t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Good for some days beyond the bounds, too: walks that begin within them end within those. */
static struct zone_span span_at(const struct zone *z, int64_t t)
{
	size_t i = changes_until(z, t);
	struct zone_span span = {
		.from = i ? z->at[i - 1] : INT64_MIN,
		.until = i < z->nchanges ? z->at[i] : INT64_MAX,
		.offset = i ? z->offset[i - 1] : z->first_offset,
	};

	if (i == z->nchanges && z->has_rule) {
		int64_t from, until;

		span.offset = zone_rule_offset(&z->rule, t, &from, &until);
		if (from > span.from)
			span.from = from;
		span.until = until;
	}
	return span;
}

struct zone_span zone_span_at(const struct zone *z, int64_t utc)
{
	return span_at(z, clamp(utc));
}

struct zone_moment zone_moment_of(const struct zone *z, int64_t local)
{
	struct zone_moment m = { .how = ZONE_GAP };
	bool found = false;

	local = clamp(local);
	/* No earlier second can show this local time, whatever the offset, and no later one either once the last is passed. */
	for (int64_t t = local - ZONE_OFFSET_MAX;;) {
		struct zone_span span = span_at(z, t);
		int64_t exact = local - span.offset;
		int64_t first = exact > span.from ? exact : span.from;

		if (first < span.until && !found) {
			found = true;
			m.utc = first;
			m.how = first == exact ? ZONE_ONCE : ZONE_GAP;
		} else if (first < span.until && first == exact && m.how == ZONE_ONCE) {
			m.how = ZONE_TWICE;
			m.again = exact;
		}
		if (span.until > local - ZONE_OFFSET_MIN || m.how == ZONE_TWICE)
			return m;
		t = span.until;
	}
}

int64_t zone_reached(const struct zone *z, int64_t utc)
{
	int64_t now = clamp(utc), t = now, most = INT64_MIN;

	for (;;) {
		struct zone_span span = span_at(z, t);

		if (t + span.offset > most)
			most = t + span.offset;
		/* Nothing longer ago than the widest possible change can have been later. */
		if (span.from <= now - (ZONE_OFFSET_MAX - ZONE_OFFSET_MIN))
			return most;
		t = span.from - 1;
	}
}
