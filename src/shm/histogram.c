/* Log-linear histograms. The writer is one process; readers see each bucket whole but the set only roughly at one moment. */
#include "shm/histogram.h"

#define LOAD(x) atomic_load_explicit(&(x), memory_order_relaxed)
#define STORE(x, v) atomic_store_explicit(&(x), (v), memory_order_relaxed)

unsigned histogram_bucket(uint64_t us)
{
	if (us < HISTOGRAM_SUB)
		return (unsigned)us;
	unsigned power = 63u - (unsigned)__builtin_clzll(us);           /* >= 4 */
	if (power >= HISTOGRAM_POWERS)
		return HISTOGRAM_BUCKETS - 1;
	return HISTOGRAM_SUB * (power - 3) + (unsigned)(us >> (power - 4) & (HISTOGRAM_SUB - 1));
}

uint64_t histogram_upper(unsigned bucket)
{
	if (bucket < HISTOGRAM_SUB)
		return bucket;
	if (bucket >= HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	unsigned power = bucket / HISTOGRAM_SUB + 3;
	return ((uint64_t)(HISTOGRAM_SUB + bucket % HISTOGRAM_SUB + 1) << (power - 4)) - 1;
}

void histogram_add(struct shm_histogram *h, int64_t us)
{
	uint64_t v = us > 0 ? (uint64_t)us : 0;
	_Atomic uint64_t *b = &h->bucket[histogram_bucket(v)];

	STORE(*b, LOAD(*b) + 1);
	STORE(h->sum_us, LOAD(h->sum_us) + v);
	if (v > LOAD(h->max_us))
		STORE(h->max_us, v);
	STORE(h->count, LOAD(h->count) + 1);
}

double histogram_quantile(const struct shm_histogram *h, double q)
{
	uint64_t total = 0, seen = 0;
	double max = (double)LOAD(h->max_us);

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += LOAD(h->bucket[i]);
	if (total == 0)
		return 0;
	double rank = q * (double)total;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = LOAD(h->bucket[i]);
		if (n == 0 || (double)(seen + n) < rank) {
			seen += n;
			continue;
		}
		if (i == HISTOGRAM_BUCKETS - 1)
			return max;
		double low = i ? (double)histogram_upper(i - 1) + 1 : 0, high = (double)histogram_upper(i) + 1;
		double at = low + (high - low) * (rank - (double)seen) / (double)n;
		return at < max ? at : max;
	}
	return max;
}

uint64_t histogram_at_most(const struct shm_histogram *h, uint64_t us)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram_upper(i) <= us; i++)
		n += LOAD(h->bucket[i]);
	return n;
}
