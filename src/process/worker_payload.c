/* Reads large payloads down from the store, through a reader of our own that is opened for the first of them. Called by worker_job.c.
 * Nothing here is fatal. */
#include "process/worker.h"

#include <stdio.h>

#define PIECE (1u << 20)                /* bytes read in one transaction: a reader that stays pins pages */

static enum store_rc open_reader(struct worker *w, char *why, size_t size)
{
	enum store_rc rc = STORE_OK;

	if (w->reader)
		return STORE_OK;
	w->reader = store_reader_open(w->p->conf->store.path, w->p->conf->store.map_size, NULL, &rc, why, size);
	/* whatever is wrong, it is not this job's payload */
	return w->reader ? STORE_OK : STORE_IO;
}

enum store_rc worker_payload(struct worker *w, uint64_t blob, size_t n, struct buf *out, char *why, size_t why_size)
{
	enum store_rc rc = open_reader(w, why, why_size);

	if (rc != STORE_OK)
		return rc;
	while (out->len < n && !out->failed) {
		size_t before = out->len, want = n - before < PIECE ? n - before : PIECE;
		rc = store_read_begin(w->reader);
		if (rc == STORE_OK) {
			rc = store_blob(w->reader, blob, before, want, out);
			store_read_end(w->reader);
		}
		if (rc == STORE_OK && out->len == before)
			rc = STORE_DAMAGED;
		if (rc != STORE_OK) {
			snprintf(why, why_size, "%s", store_rc_text(rc));
			return rc;
		}
	}
	if (!out->failed)
		return STORE_OK;
	snprintf(why, why_size, "out of memory");
	return STORE_NO_MEMORY;
}
