/* Coprocesses: programs that stay, started with the worker, and take job after job. What the worker does with them besides running attempts through run_coprocess. */
#ifndef STINT_RUN_COPROCESS_H
#define STINT_RUN_COPROCESS_H

#include "run/run.h"

/* So many instances of the handler are this worker's. -1 where memory is out. */
int coprocess_begin(struct run_host *h, const struct conf_handler *handler, unsigned instances);
void coprocess_warm(void);                      /* starts them all; one that cannot be started is tried again with each job */
/* How many jobs of the handler could be begun now: those that no instance is ready for end as RELEASED and `crowded`. */
uint32_t coprocess_room(const struct conf_handler *handler);
/* No more jobs: each instance is let finish what it has, then its standard input is closed; SIGTERM after kill_grace, SIGKILL after another. */
void coprocess_drain(void);
void coprocess_stop(int64_t grace_ms);         /* at once: SIGTERM, SIGKILL after the grace (or kill_grace where that is less) */
bool coprocess_gone(void);                      /* nothing of any of them is left */
void coprocess_forget(void);                    /* frees all; when nothing runs */

#endif
