/* Which idempotency keys are remembered: hash of the key -> its row in the log (KV_IDEM). Memory only; the log says all and it can be rebuilt from it. Used by idem.c alone.
 *
 * Open addressing in 256 shards that grow by a half each, so that no growth copies more than a 256th at once. An entry is 16 bytes and a shard between a half and three quarters full: 22 to 32 bytes a
 * key, 128 MB at most for 4,000,000. A hash alone proves nothing: whoever finds an entry reads its row and compares the key. */
#ifndef STINT_STORE_IDEM_INDEX_H
#define STINT_STORE_IDEM_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDEM_SHARDS 256

struct idem_entry { uint64_t hash, row; };      /* row 0: free */
struct idem_shard { struct idem_entry *entry; uint32_t n, cap; };
struct idem_change { struct idem_entry entry; bool added; };

struct idem_index {
	struct idem_shard shard[IDEM_SHARDS];
	uint64_t n;
	struct idem_change *change;     /* of the open batch, in order: what an abort takes back */
	size_t nchange, cap_change;
};

bool idem_index_load(struct idem_index *x, uint64_t hash, uint64_t row);        /* outside a batch; false: memory is out */
bool idem_index_add(struct idem_index *x, uint64_t hash, uint64_t row);         /* likewise, and nothing has changed */
bool idem_index_remove(struct idem_index *x, uint64_t hash, uint64_t row);      /* fine where it is not there */
/* The rows of a hash, one a call: *at begins at 0. 0: no more. Not across changes. */
uint64_t idem_index_next(const struct idem_index *x, uint64_t hash, uint32_t *at);
void idem_index_commit(struct idem_index *x);
void idem_index_abort(struct idem_index *x);    /* as it was at the last commit; needs no memory */
size_t idem_index_bytes(const struct idem_index *x);
void idem_index_free(struct idem_index *x);

#endif
