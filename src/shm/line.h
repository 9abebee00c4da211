/* A line to each worker: whoever wants to read the log of a running attempt sends the write end of a pipe along it. Made with the segment, like the doorbells: a worker's successor in the slot has it too. */
#ifndef STINT_SHM_LINE_H
#define STINT_SHM_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/segment.h"

struct line_ask {
	uint64_t token;                 /* of the attempt's lease */
	uint32_t follow;                /* 1: until it ends; 0: what there is now */
	uint32_t reserved;
};

/* Does not block. The descriptor goes along; ours stays ours. -1 with errno: EAGAIN where the line is full, EINVAL where the slot is no worker's. */
int line_send(const struct segment *s, uint32_t slot, const struct line_ask *ask, int fd);
/* The next one at the worker's own end: 1, and *fd is the caller's (-1: it was lost on the way, for want of descriptors); 0: none. */
int line_take(const struct segment *s, uint32_t slot, struct line_ask *ask, int *fd);
int line_fd(const struct segment *s, uint32_t slot);    /* to be waited on by the worker */

/* segment.c */
int line_make(struct segment *s);       /* -1 with errno */
void line_close(struct segment *s);

#endif
