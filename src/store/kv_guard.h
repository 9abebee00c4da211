/* See kv_guard.c. */
#ifndef STINT_STORE_KV_GUARD_H
#define STINT_STORE_KV_GUARD_H

#include "store/kv.h"

/* Runs it where those signals are caught; false: one came. */
bool kv_guard_try(void (*fn)(void *arg), void *arg);
struct kv *kv_guard(struct kv *inner);  /* reads alone; takes `inner` over. NULL: memory is out */

#endif
