/* The samples behind throughput_1m and error_rate_1m: one a second, of this process, kept for a minute. Called by figures.c and api_tick(). */
#include "http/figures_rate.h"

#include <string.h>

#define SECOND_NS 1000000000LL
#define SAMPLES (FIGURES_SECONDS + 1)

struct sample { int64_t at_ns; uint64_t processed, failed; };

static struct {
	struct sample v[SAMPLES];       /* a ring */
	unsigned n, last;
} ring;

static struct sample now_of(const struct api *a)
{
	return (struct sample){ loop_now(a->loop), segment_total(a->seg, SHM_C_PROCESSED), segment_total(a->seg, SHM_C_FAILED) };
}

/* The i-th sample, oldest first. */
static const struct sample *sample_at(unsigned i)
{
	return &ring.v[(ring.last + SAMPLES + 1 - ring.n + i) % SAMPLES];
}

void figures_forget(void)
{
	memset(&ring, 0, sizeof(ring));
}

void figures_tick(const struct api *a)
{
	struct sample s = now_of(a);

	/* bells ring between the seconds; a tick that comes a little early still counts as the second's */
	if (ring.n && s.at_ns - ring.v[ring.last].at_ns < SECOND_NS - SECOND_NS / 10)
		return;
	ring.last = ring.n ? (ring.last + 1) % SAMPLES : 0;
	ring.v[ring.last] = s;
	if (ring.n < SAMPLES)
		ring.n++;
}

void figures_rate(const struct api *a, double *per_second, double *error_rate)
{
	struct sample now = now_of(a);
	const struct sample *from = NULL;

	*per_second = *error_rate = 0;
	for (unsigned i = 0; i < ring.n && !from; i++)
		if (now.at_ns - sample_at(i)->at_ns <= FIGURES_SECONDS * SECOND_NS + SECOND_NS / 2)
			from = sample_at(i);
	if (!from || now.at_ns - from->at_ns < SECOND_NS / 1000 || now.processed <= from->processed)
		return;
	*per_second = (double)(now.processed - from->processed) * 1e9 / (double)(now.at_ns - from->at_ns);
	if (now.failed > from->failed)
		*error_rate = (double)(now.failed - from->failed) / (double)(now.processed - from->processed);
	if (*error_rate > 1)
		*error_rate = 1;        /* the two totals are not read at one moment */
}

unsigned figures_rate_series(uint32_t out[FIGURES_SECONDS])
{
	for (unsigned i = 1; i < ring.n; i++) {
		uint64_t a = sample_at(i - 1)->processed, b = sample_at(i)->processed;
		out[i - 1] = b > a ? (uint32_t)(b - a) : 0;
	}
	return ring.n ? ring.n - 1 : 0;
}
