/* Keys of the embedded store's tables. */
#include "store/embedded.h"

void key_bytes(struct key *k, const void *p, size_t n)
{
	if (n > sizeof(k->b) - k->n)
		n = sizeof(k->b) - k->n;
	if (n)          /* an empty name has no address */
		memcpy(k->b + k->n, p, n);
	k->n += n;
}

void key_u8(struct key *k, uint8_t v)
{
	key_bytes(k, &v, 1);
}

void key_u32(struct key *k, uint32_t v)
{
	v = __builtin_bswap32(v);
	key_bytes(k, &v, sizeof(v));
}

void key_u64(struct key *k, uint64_t v)
{
	v = __builtin_bswap64(v);
	key_bytes(k, &v, sizeof(v));
}

uint32_t key_get32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

uint64_t key_get64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

struct key key_ready(uint32_t lane, uint64_t sortkey, const struct job_id *id)
{
	struct key k = { .n = 0 };

	key_u32(&k, lane);
	key_u64(&k, sortkey);
	key_bytes(&k, id, sizeof(*id));
	return k;
}

struct key key_due(int64_t wall_ms, const struct job_id *id)
{
	struct key k = { .n = 0 };

	key_u64(&k, (uint64_t)wall_ms);
	key_bytes(&k, id, sizeof(*id));
	return k;
}

struct key key_lease(uint64_t epoch, uint32_t slot, uint64_t grant_seq)
{
	struct key k = { .n = 0 };

	key_u64(&k, epoch);
	key_u32(&k, slot);
	key_u64(&k, grant_seq);
	return k;
}

struct key key_remote(uint64_t epoch, int64_t boot_ms, uint64_t token)
{
	struct key k = { .n = 0 };

	key_u64(&k, epoch);
	key_u64(&k, (uint64_t)boot_ms);
	key_u64(&k, token);
	return k;
}

struct key key_final(enum job_state state, int64_t finished_ms, const struct job_id *id)
{
	struct key k = { .n = 0 };

	key_u8(&k, state == JOB_SUCCEEDED ? 0 : 1);
	key_u64(&k, (uint64_t)finished_ms);
	if (id)
		key_bytes(&k, id, sizeof(*id));
	return k;
}

struct key key_attempt(const struct job_id *id, uint64_t token)
{
	struct key k = { .n = 0 };

	key_bytes(&k, id, sizeof(*id));
	key_u64(&k, token);
	return k;
}

struct key key_note(const struct job_id *id, int64_t wall_us, uint8_t event)
{
	struct key k = { .n = 0 };

	key_bytes(&k, id, sizeof(*id));
	key_u64(&k, (uint64_t)wall_us);
	key_u8(&k, event);
	return k;
}

struct key key_blob(uint64_t blob, uint32_t row)
{
	struct key k = { .n = 0 };

	key_u64(&k, blob);
	key_u32(&k, row);
	return k;
}

struct key key_stage(uint64_t epoch, uint64_t blob)
{
	struct key k = { .n = 0 };

	key_u64(&k, epoch);
	key_u64(&k, blob);
	return k;
}

struct key key_parent(const struct job_id *child, unsigned n)
{
	struct key k = { .n = 0 };

	key_bytes(&k, child, sizeof(*child));
	key_u8(&k, (uint8_t)(n >> 8));
	key_u8(&k, (uint8_t)n);
	return k;
}

struct key key_child(const struct job_id *parent, const struct job_id *child)
{
	struct key k = { .n = 0 };

	key_bytes(&k, parent, sizeof(*parent));
	key_bytes(&k, child, sizeof(*child));
	return k;
}

struct key key_line(uint32_t type, const uint8_t hash[JOB_LINE_BYTES], unsigned class, uint64_t arrival)
{
	struct key k = { .n = 0 };

	key_u32(&k, type);
	key_bytes(&k, hash, JOB_LINE_BYTES);
	key_u8(&k, (uint8_t)class);
	key_u64(&k, arrival);
	return k;
}

struct key key_count(char kind, struct job_text name)
{
	struct key k = { .n = 0 };

	key_u8(&k, (uint8_t)kind);
	key_bytes(&k, name.p, name.n);
	return k;
}

void key_step(uint8_t *key, size_t n)
{
	while (n > 0 && ++key[n - 1] == 0)
		n--;
}
