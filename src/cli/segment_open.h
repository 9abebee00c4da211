/* The server's status segment, for those who look from outside. */
#ifndef STINT_CLI_SEGMENT_OPEN_H
#define STINT_CLI_SEGMENT_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli/status_view.h"
#include "config/config.h"
#include "shm/segment.h"

/* The one of a conf's run_dir. 0, or an exit code with why. */
int segment_open(struct segment *seg, const struct conf *conf, char *why, size_t why_size);
void segment_now(struct status_now *now);       /* what status_gather() asks of time and boot */
bool segment_alive(pid_t pid);                  /* not a zombie either */

#endif
