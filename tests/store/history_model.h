/* A plain model of what the store holds, for random histories: no indexes, no bytes, only the rules. */
#ifndef STINT_TESTS_STORE_HISTORY_MODEL_H
#define STINT_TESTS_STORE_HISTORY_MODEL_H

#include "tests/store/contract.h"

#include <string.h>

#include "job/order.h"

#define JOBS 64
#define KEEP_SUCCEEDED 120              /* milliseconds of retention */
#define KEEP_FAILED 260
#define MAX_CRASHES 3
#define SLOTS 2u

struct mjob {
	struct job_id id;
	enum job_state state;
	int queue, type;
	int32_t priority;
	uint64_t sortkey, token;
	int64_t run_at_ms, expires_at_ms, finished_ms;
	uint32_t attempts, retry_count, max_retries, crashes, slot;
	bool cancel_asked;
};

struct model {
	struct mjob job[JOBS];
	unsigned n;
	uint64_t submitted, succeeded, dead, failed, recovered;
	int64_t latest_ms;              /* the latest time that any committed batch has seen */
};

static struct fixture *f;
static struct model m, saved;
static uint64_t seed, grants, begun;
static uint32_t incarnation[SLOTS];
static unsigned long transitions, claims, aborts, reopenings;

static inline uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

static inline int64_t now_ms(void)
{
	return f->now_us / 1000;
}

static inline struct mjob *of_id(struct job_id id)
{
	for (unsigned i = 0; i < m.n; i++)
		if (memcmp(&m.job[i].id, &id, sizeof(id)) == 0)
			return &m.job[i];
	fail_msg("a job that was never submitted, or is gone");
	return NULL;
}

/* Any of the jobs in these states (bits), NULL where there is none. */
static inline struct mjob *any_of(unsigned states)
{
	unsigned from = m.n ? dice(m.n) : 0;

	for (unsigned i = 0; i < m.n; i++)
		if (states >> m.job[(from + i) % m.n].state & 1)
			return &m.job[(from + i) % m.n];
	return NULL;
}

#define IN(s) (1u << (s))
#define FINAL_BAD (IN(JOB_DEAD) | IN(JOB_CANCELLED) | IN(JOB_EXPIRED))

static inline void end(struct mjob *j, enum job_state state)
{
	j->state = state;
	j->finished_ms = now_ms();
}

static inline void drop(struct mjob *j)
{
	*j = m.job[--m.n];
}

/* What a clock that has never been set back makes the key of a job that is queued now. */
static inline void check_key(const struct mjob *j, uint64_t key, int64_t queued_ms)
{
	if (queued_ms > now_ms() || now_ms() >= m.latest_ms)
		assert_true(key == order_key(queued_ms, j->priority, 60000));
}

#endif
