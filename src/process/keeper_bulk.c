/* Bulk actions: one slice a request, all of a batch from one share, so that no batch holds the store for long. Called by keeper_apply.c inside its transaction. */
#include "process/keeper.h"

#include <string.h>

static void tell_to_end(void *arg, const struct job *j)
{
	keeper_cancel(arg, j);
}

static bool take_text(struct job_text *from, uint32_t n, struct job_text *out)
{
	if (n > from->n)
		return false;
	*out = (struct job_text){ from->p, n };
	from->p += n;
	from->n -= n;
	return true;
}

/* Where other slices have left nothing of this batch's share the answer is the cursor as it came. */
enum store_rc keeper_bulk(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct request_bulk_result told = { .tag = out->tag };
	struct store_cursor at;
	struct request_bulk m;

	(void)from;
	if (body.n < sizeof(m))
		return STORE_INVALID;
	memcpy(&m, body.p, sizeof(m));
	body = (struct job_text){ body.p + sizeof(m), body.n - sizeof(m) };
	struct store_bulk b = { .act = (enum store_act)m.act, .filter.states = m.states, .until_id = m.until_id, .until_ms = m.until_ms };
	if (!take_text(&body, m.type_len, &b.filter.type) || !take_text(&body, m.queue_len, &b.filter.queue) ||
		!take_text(&body, m.tag_len, &b.filter.tag) || !take_text(&body, m.text_len, &b.filter.text) || !take_text(&body, m.queues_len, &b.filter.queues))
		return STORE_INVALID;
	at.part = m.part;
	memcpy(at.key, m.key, sizeof(at.key));
	enum store_rc rc = store_bulk(k->store, &b, &k->bulk, &at, &told.count, tell_to_end, k);
	told.part = at.part;
	memcpy(told.key, at.key, sizeof(told.key));
	memcpy(told.key_end, at.key + sizeof(told.key), sizeof(told.key_end));
	memcpy(out, &told, sizeof(told));
	return rc;
}
