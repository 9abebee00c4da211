/* What the keeper's answers belong to. A tag is an index and a generation, so that an answer that comes twice or late finds nothing. */
#ifndef STINT_HTTP_PENDING_H
#define STINT_HTTP_PENDING_H

#include <stdint.h>

uint64_t pending_add(void *owner);      /* a tag, never 0; 0 where memory is out */
void *pending_take(uint64_t tag);       /* the owner, once; NULL for a tag that is not, or no longer, known */

#endif
