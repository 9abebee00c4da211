/* Whether the server lives, may be sent to, and is well: GET /livez, /readyz, /health. Called through http_routes; judges the segment and the reader,
 * asks nobody. */
#include "http/health.h"

#include <stdio.h>

#include "http/http.h"
#include "text/json.h"

#define KEEPER_SILENT_NS (5 * 1000000000LL)

static bool role_runs(const struct segment *seg, enum shm_role role)
{
	for (uint32_t i = 0; i < seg->geo.nproc; i++) {
		uint32_t state = atomic_load_explicit(&seg->proc[i].state, memory_order_relaxed);
		if (atomic_load_explicit(&seg->proc[i].role, memory_order_relaxed) == (uint32_t)role && state == SHM_PROC_RUNNING)
			return true;
	}
	return false;
}

/* The age of the keeper's last sign of life; -1 where no keeper runs. */
static int64_t keeper_silence(const struct segment *seg, int64_t now_ns)
{
	int64_t best = -1;

	for (uint32_t i = 0; i < seg->geo.nproc; i++) {
		const struct shm_proc *p = &seg->proc[i];
		uint32_t state = atomic_load_explicit(&p->state, memory_order_relaxed);
		int64_t age = now_ns - atomic_load_explicit(&p->heartbeat_ns, memory_order_relaxed);
		if (atomic_load_explicit(&p->role, memory_order_relaxed) != SHM_ROLE_KEEPER || (state != SHM_PROC_RUNNING && state != SHM_PROC_DRAINING))
			continue;
		if (age < 0)
			age = 0;
		if (best < 0 || age < best)
			best = age;
	}
	return best;
}

int64_t health_keeper_away(const struct api *a)
{
	static int64_t seen_ns;
	int64_t now = loop_now(a->loop), silence = a->seg ? keeper_silence(a->seg, now) : 0;

	if (seen_ns == 0 || (silence >= 0 && silence <= KEEPER_SILENT_NS))
		seen_ns = now;
	return now - seen_ns;
}

static bool store_answers(const struct api *a)
{
	if (!a->reader || store_read_begin(a->reader) != STORE_OK)
		return false;
	store_read_end(a->reader);
	return true;
}

struct health health_judge(const struct api *a)
{
	uint32_t server = atomic_load_explicit(&a->seg->h->server_state, memory_order_relaxed);
	int64_t silence = keeper_silence(a->seg, loop_now(a->loop));
	uint64_t refusing = segment_total(a->seg, SHM_C_STORE_REFUSING);

	if (a->draining || server == SHM_SERVER_DRAINING || server == SHM_SERVER_STOPPING)
		return (struct health){ HEALTH_DRAINING, "draining: the server finishes what runs and takes no jobs" };
	if (server == SHM_SERVER_STARTING)
		return (struct health){ HEALTH_STARTING, "starting: not all processes are ready yet" };
	if (silence < 0)
		return (struct health){ HEALTH_NO_KEEPER, "keeper: the process that writes the store is not running" };
	if (silence > KEEPER_SILENT_NS)
		return (struct health){ HEALTH_NO_KEEPER, "keeper: the process that writes the store has given no sign of life for more than 5 s" };
	if (refusing == 3)
		return (struct health){ HEALTH_STORE, "store: its files are gone from their place; put them back, or restart the server" };
	if (refusing)
		return (struct health){ HEALTH_STORE, refusing == 1 ? "store: there is no room for submissions (min_free, map_size)" : "store: commits fail" };
	if (!store_answers(a))
		return (struct health){ HEALTH_STORE, "store: it cannot be read" };
	if (!role_runs(a->seg, SHM_ROLE_WORKER))
		return (struct health){ HEALTH_NO_WORKER, "worker: no worker process is running" };
	return (struct health){ HEALTH_OK, "ready" };
}

void api_livez(struct http_request *q)
{
	struct buf b = { 0 };

	buf_str(&b, "{\"status\":\"alive\"}");
	reply_json(q, 200, &b);
	buf_free(&b);
}

void api_readyz(struct http_request *q)
{
	struct health h = health_judge(q->api);
	struct buf b = { 0 };

	if (h.check != HEALTH_OK) {
		problem_send(q, 503, NULL, "not ready: %s", h.what);
		return;
	}
	buf_str(&b, "{\"status\":\"ready\"}");
	reply_json(q, 200, &b);
	buf_free(&b);
}

void api_health(struct http_request *q)
{
	bool connected = store_answers(q->api) && keeper_silence(q->api->seg, loop_now(q->api->loop)) >= 0 &&
		keeper_silence(q->api->seg, loop_now(q->api->loop)) <= KEEPER_SILENT_NS;
	struct buf b = { 0 };

	buf_printf(&b, "{\"status\":\"%s\",\"store\":\"%s\",\"version\":", connected ? "healthy" : "unhealthy", connected ? "connected" : "disconnected");
	json_put_string(&b, slice_of(q->api->version));
	buf_char(&b, '}');
	reply_json(q, connected ? 200 : 503, &b);
	buf_free(&b);
}
