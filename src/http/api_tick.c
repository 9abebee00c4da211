/* What the answering half does by time. Called by the acceptor at each bell and every second. */
#include "http/http.h"

#include "http/claim.h"
#include "http/events.h"
#include "http/figures.h"
#include "http/health.h"
#include "http/job_watch.h"

#define KEEPER_AWAY_NS (5 * 1000000000LL)       /* one that is replaced is back within milliseconds */
#define GIVE_UP_NS (30 * 1000000000LL)          /* a commit that has not come by then: its outcome will not be known in time */

/* The keeper rings us for its events only while this is said. */
static void say_listening(const struct api *a)
{
	_Atomic uint32_t *word = &a->seg->proc[a->slot].listening;
	uint32_t now = job_watch_count() || events_watchers();

	if (atomic_load_explicit(word, memory_order_relaxed) == now)
		return;
	atomic_store_explicit(word, now, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

bool api_pending(const struct api *a)
{
	say_listening(a);
	return job_watch_pending(a) || events_pending(a);
}

void api_tick(struct api *a)
{
	int64_t away_ns = health_keeper_away(a);

	a->keeper_away = away_ns > KEEPER_AWAY_NS;
	if (away_ns > GIVE_UP_NS)
		http_give_up(a);
	figures_tick(a);
	job_watch_tick(a);
	claims_tick(a);
	events_tick(a);
	say_listening(a);
}
