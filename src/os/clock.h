/* The only file that reads a clock. Everything else is handed the time. */
#ifndef STINT_OS_CLOCK_H
#define STINT_OS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

int64_t clock_wall_ms(void);            /* CLOCK_REALTIME, milliseconds since 1970: run_at, cron, people */
int64_t clock_wall_us(void);            /* the same clock in microseconds: time in queue */
int64_t clock_boot_ns(void);            /* CLOCK_BOOTTIME, nanoseconds: leases, time-outs, heartbeats; does not stop in suspend */
int64_t clock_monotonic_us(void);       /* CLOCK_MONOTONIC, microseconds: what systemd compares a reload's start with */
int64_t clock_of_process_us(pid_t pid); /* the processor time that a process, all threads of it, has taken; -1 where it is gone */
/* A descriptor that becomes readable when somebody sets the wall clock, forwards or back; -1 with errno. Slewing it, as NTP does, is no setting. */
int clock_watch(void);
bool clock_was_set(int watch);          /* since it was asked last */
void clock_boot_id(uint8_t out[16]);    /* /proc/sys/kernel/random/boot_id; zeroes where it cannot be read */

#endif
