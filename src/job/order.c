/* The ordering key. argmax(priority + waited / step) == argmin(queued - priority * step), whatever the time is: so the key never changes. */
#include "job/order.h"

#define TOP_BIT (UINT64_C(1) << 63)

uint64_t order_key(int64_t queued_ms, int32_t priority, int64_t aging_ms)
{
	if (aging_ms <= 0) {
		/* higher priority first: 32767 -> 0, -32768 -> 65535, above 48 bits of time */
		uint64_t rank = (uint64_t)(32767 - priority) & 0xffff;
		return rank << 48 | ((uint64_t)queued_ms & 0xffffffffffff);
	}
	/* 48 bits of time and 16 of priority times a step of at most 2^31: no overflow of 64 bits */
	int64_t step = aging_ms > INT32_MAX ? INT32_MAX : aging_ms;
	int64_t key = queued_ms - (int64_t)priority * step;
	return (uint64_t)key ^ TOP_BIT;
}
