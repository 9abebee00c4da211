/* The breaker of a type: after so many failures in a row it rests, then one job is tried. The policy alone, over the type's struct limit; the rules act on it (limit.c, jobs.c, finish.c).
 * Failed and timed-out attempts count, whatever comes of their job. While it rests and while it is tried the ends of attempts that began before say nothing. A trial that ends otherwise (cancelled,
 * crashed, released, its lease over) decides nothing: the next job is the trial. */
#ifndef STINT_STORE_BREAKER_H
#define STINT_STORE_BREAKER_H

#include "store/limit.h"

/* Whether nothing may start: until *wake_us, INT64_MAX: until the trial has ended. */
bool breaker_blocks(const struct limit *l, int64_t now_us, int64_t *wake_us);
void breaker_rebase(struct limit *l, int64_t now_us);           /* nothing rests longer than the cooldown, whatever the clock or the conf does */
void breaker_started(struct limit *l, uint64_t token, int64_t now_us);          /* where it is to be tried this is the trial */
enum store_breaker_said breaker_failed(struct limit *l, uint64_t token, int64_t now_us);
enum store_breaker_said breaker_succeeded(struct limit *l, uint64_t token);
bool breaker_over(struct limit *l, uint64_t token);             /* the attempt runs no more; true: it was the trial */

#endif
