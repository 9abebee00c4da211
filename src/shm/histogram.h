/* A log-linear histogram of microseconds: 16 buckets a power of two, 1 us to 2^36 us (19 hours), single writer, relaxed atomics. */
#ifndef STINT_SHM_HISTOGRAM_H
#define STINT_SHM_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_SUB 16
#define HISTOGRAM_POWERS 36
#define HISTOGRAM_BUCKETS (HISTOGRAM_SUB * (HISTOGRAM_POWERS - 3) + 1)   /* values under 16 us one bucket each, then 16 a power; the last holds what is beyond */

struct shm_histogram {
	_Atomic uint64_t count, sum_us, max_us;
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct shm_histogram *h, int64_t us);        /* negative counts as 0 */
unsigned histogram_bucket(uint64_t us);
uint64_t histogram_upper(unsigned bucket);                      /* the largest value that falls into it */
/* The value below which `q` (0..1) of the samples lie, interpolated within its bucket, at most the maximum; 0 where there are none. Microseconds. */
double histogram_quantile(const struct shm_histogram *h, double q);
/* How many samples are <= us, for Prometheus buckets: exact at bucket limits. */
uint64_t histogram_at_most(const struct shm_histogram *h, uint64_t us);

#endif
