/* What the keeper's answers belong to. A tag is an index and a generation, so that an answer that comes twice or late finds nothing. */
#ifndef STINT_HTTP_PENDING_H
#define STINT_HTTP_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/request.h"

typedef void (*pending_fn)(void *owner, const struct request_result *r);

uint64_t pending_add(void *owner, pending_fn answered);         /* a tag, never 0; 0 where memory is out */
void *pending_take(uint64_t tag, pending_fn *answered);         /* the owner, once; NULL for a tag that is not, or no longer, known. answered may be NULL */
void pending_answer(const struct request_result *r);            /* takes the owner of the answer's tag, if there is one, and calls it */

#endif
