/* A control group of its own for each program that is started, where the server was given a part of the tree: its limits, its end, what it has used. */
#ifndef STINT_RUN_CAGE_H
#define STINT_RUN_CAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "run/spawn.h"

struct cage {                           /* zeroed: none, and all calls do nothing */
	bool made;
	int group;
	char name[24];
};

struct cage_use { int64_t peak_kb; bool oom; };         /* -1: not known; the kernel killed something of it for want of memory */

/* The worker's own part, below the server's group. False where it cannot have one (nothing is said where `server` is ""). */
bool cage_open(const char *server);
void cage_shut(void);                   /* process death: ends what is in all of them, removes what can be */

/* Before spawn(): makes the group with the handler's limits and puts it into the plan, whose own limits of memory and processes go where the group has them. Where it
 * cannot be made the plan stays as it is. */
void cage_make(struct cage *c, const struct conf_handler *h, struct spawn_plan *plan);
void cage_kill(const struct cage *c);
bool cage_left(const struct cage *c);   /* a process lives in it */
int64_t cage_peak_kb(const struct cage *c);     /* the most memory that all of it have had at once so far; -1: not known */
bool cage_has(const struct cage *c, pid_t pid);
void cage_end(struct cage *c, struct cage_use *use);    /* reads what it has used, and removes it; use may be NULL */

#endif
