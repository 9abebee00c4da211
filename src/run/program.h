/* What every attempt of one handler has in common: whom its program runs as, its limits, its environment. Worked out once and kept. */
#ifndef STINT_RUN_PROGRAM_H
#define STINT_RUN_PROGRAM_H

#include <stddef.h>

#include "config/config.h"
#include "run/run.h"
#include "run/spawn.h"

struct program;

/* The handler's, made at its first use. NULL with the reason in `why` where its user or group is not known, or memory is out (errno ENOMEM). */
struct program *program_of(const struct conf_handler *h, char *why, size_t why_size);
void program_forget(void);              /* all of them; for when the conf goes */

/* Fills everything in the plan but the descriptors, for one attempt: valid until the next call. False with the reason in `why` where the program cannot be found or memory is out (errno ENOMEM). */
bool program_plan(struct program *p, const struct run_task *t, struct spawn_plan *plan, char *why, size_t why_size);

/* The same for a program that stays: of a job's variables it has none, but `mark` ("STINT_COPROCESS=..."). */
bool program_plan_to_stay(struct program *p, const char *mark, struct spawn_plan *plan, char *why, size_t why_size);

/* A plain sentence about why it did not start. */
void program_explain(const struct program *p, const struct spawn_plan *plan, const struct spawn_error *e, char *why, size_t why_size);

#endif
