/* How far each schedule has come: one row by its name, written in the batch that submits its job, so that no tick is run twice or lost whatever dies. */
#include "store/embedded.h"

#define NAME_MAX_BYTES 255u
#define ROW_BYTES 40u                   /* upto u64, run u64, id, print u32, reserved u32 */

static struct kv_bytes key_of_name(struct job_text name)
{
	return (struct kv_bytes){ name.p, name.n };
}

enum store_rc schedule_decode(struct kv_bytes key, struct kv_bytes v, struct store_schedule *out)
{
	const uint8_t *p = v.p;

	TRY(sealed_open(key, &v));
	if (v.n != ROW_BYTES)
		return STORE_DAMAGED;
	*out = (struct store_schedule){ .upto_ms = (int64_t)key_get64(p), .run_ms = (int64_t)key_get64(p + 8), .print = key_get32(p + 32) };
	memcpy(&out->job, p + 16, sizeof(out->job));
	return STORE_OK;
}

enum store_rc store_schedule_get(struct store *s, struct job_text name, struct store_schedule *out)
{
	struct kv_bytes v;

	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return STORE_INVALID;
	TRY(row_get(s, KV_SCHEDULE, key_of_name(name), &v));
	return schedule_decode(key_of_name(name), v, out);
}

enum store_rc store_schedule_put(struct store *s, struct job_text name, const struct store_schedule *row)
{
	struct key k = { .n = 0 };

	if (name.n == 0 || name.n > NAME_MAX_BYTES || row->upto_ms < 0 || row->run_ms < 0)
		return STORE_INVALID;
	key_u64(&k, (uint64_t)row->upto_ms);
	key_u64(&k, (uint64_t)row->run_ms);
	key_bytes(&k, &row->job, sizeof(row->job));
	key_u32(&k, row->print);
	key_u32(&k, 0);
	return settled(s, sealed_put(s, KV_SCHEDULE, key_of_name(name), (struct job_text){ (const char *)k.b, k.n }));
}

enum store_rc store_schedules_prune(struct store *s, bool (*keep)(void *arg, struct job_text name), void *arg, unsigned limit)
{
	uint8_t at[NAME_MAX_BYTES + 1];
	struct kv_bytes found, v;
	size_t n = 1;

	at[0] = 0;
	while (limit > 0) {
		enum store_rc rc = row_seek(s, KV_SCHEDULE, (struct kv_bytes){ at, n }, &found, &v);
		if (rc == STORE_NOT_FOUND)
			return STORE_OK;
		TRY(rc);
		if (found.n == 0 || found.n > NAME_MAX_BYTES)
			return STORE_DAMAGED;
		memcpy(at, found.p, found.n);
		n = found.n;
		if (!keep(arg, (struct job_text){ (const char *)at, n })) {
			TRY(settled(s, row_del(s, KV_SCHEDULE, (struct kv_bytes){ at, n })));
			limit--;
		}
		at[n++] = 0;            /* what comes after it */
	}
	return STORE_OK;
}

enum store_rc store_schedule_read(struct store_reader *r, struct job_text name, struct store_schedule *out)
{
	struct kv_bytes v;

	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return STORE_INVALID;
	TRY(kv_get(r->kv, r->txn, KV_SCHEDULE, key_of_name(name), &v));
	return schedule_decode(key_of_name(name), v, out);
}
