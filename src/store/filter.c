/* Which jobs a filter means. Called by bulk.c and list.c, which walk; here one job or lane is judged, by rows that are read only where the filter asks for them. */
#include "store/embedded.h"

#include "text/buf.h"
#include "text/uuid.h"

static bool text_is(struct job_text a, const char *p, size_t n)
{
	return a.n == n && memcmp(a.p, p, n) == 0;
}

static bool queue_fits(const struct store_filter *f, const char *p, size_t n)
{
	if (f->queue.n && !text_is(f->queue, p, n))
		return false;
	return f->queues.n == 0 || slice_among((struct slice){ p, n }, (struct slice){ f->queues.p, f->queues.n });
}

/* Whether the lane's queue and type are those that are meant. One that is unknown is nobody's. */
enum store_rc filter_lane(struct filter_look *w, uint32_t lane, bool *fits)
{
	const struct store_filter *f = w->filter;
	struct key k = { .n = 0 };
	struct kv_bytes v;
	uint16_t type_len;

	*fits = true;
	if (f->type.n == 0 && f->queue.n == 0 && f->queues.n == 0)
		return STORE_OK;
	*fits = w->lane_fits;
	if (w->lane_known && w->lane == lane)
		return STORE_OK;
	*fits = false;
	key_u32(&k, lane);
	enum store_rc rc = kv_get(w->kv, w->txn, KV_LANE, key_of(&k), &v);
	if (rc != STORE_OK)
		return may(rc);
	const char *p = v.p;
	if (v.n > 3) {
		memcpy(&type_len, p + 1, sizeof(type_len));
		*fits = 3u + type_len < v.n && (f->type.n == 0 || text_is(f->type, p + 3, type_len)) && queue_fits(f, p + 3 + type_len, v.n - 3 - type_len);
	}
	w->lane = lane;
	w->lane_known = true;
	w->lane_fits = *fits;
	return STORE_OK;
}

enum store_rc filter_lined(struct filter_look *w, uint32_t lane, bool *lined)
{
	struct key k = { .n = 0 };
	struct kv_bytes v;

	*lined = false;
	key_u32(&k, lane);
	enum store_rc rc = kv_get(w->kv, w->txn, KV_LANE, key_of(&k), &v);
	*lined = rc == STORE_OK && v.n > 0 && *(const uint8_t *)v.p == TURN_LINED;
	return may(rc);
}

/* --- texts --- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Whether `part` stands in `whole`, letters of ASCII in either case. */
static bool contains(struct job_text whole, struct job_text part)
{
	for (size_t at = 0; at + part.n <= whole.n; at++) {
		size_t i = 0;
		while (i < part.n && lower(whole.p[at + i]) == lower(part.p[i]))
			i++;
		if (i == part.n)
			return true;
	}
	return false;
}

/* In the error of the last attempt that left one. */
static enum store_rc error_has(struct filter_look *w, struct job_id id, struct job_text part, bool *has)
{
	struct key k = key_attempt(&id, UINT64_MAX);
	struct record_attempt a;
	enum store_rc rc;
	struct kv_bytes found, v;

	while ((rc = w->kv->ops->before(w->txn, KV_ATTEMPT, key_of(&k), &found, &v)) == STORE_OK) {
		if (found.n != k.n || memcmp(found.p, &id, sizeof(id)) != 0)
			return STORE_OK;
		if (record_attempt_decode(v.p, v.n, &a) == RECORD_OK && a.error.n) {
			*has = contains(a.error, part);
			return STORE_OK;
		}
		memcpy(k.b, found.p, found.n);
		*w->looks -= *w->looks > 0;
	}
	return may(rc);
}

static enum store_rc texts_fit(struct filter_look *w, struct job_id id, bool *fit)
{
	const struct store_filter *f = w->filter;
	bool tagged = f->tag.n == 0, found = f->text.n == 0;
	char text[UUID_TEXT_BYTES];
	struct job_spec spec;
	struct kv_bytes v;

	*fit = tagged && found;
	if (*fit)
		return STORE_OK;
	enum store_rc rc = kv_get(w->kv, w->txn, KV_SPEC, id_key(&id), &v);
	if (rc != STORE_OK)
		return may(rc);
	if (record_spec_decode(v.p, v.n, &spec) != RECORD_OK)
		return STORE_OK;
	for (unsigned i = 0; i < spec.ntags; i++) {
		tagged |= text_is(f->tag, spec.tag[i].p, spec.tag[i].n);
		found |= contains(spec.tag[i], f->text);
	}
	if (!tagged)
		return STORE_OK;
	uuid_format(id.b, text);
	found |= contains(spec.name, f->text) || contains(spec.key, f->text) || contains((struct job_text){ text, sizeof(text) - 1 }, f->text);
	if (!found)
		TRY(error_has(w, id, f->text, &found));
	*fit = found;
	return STORE_OK;
}

enum store_rc filter_job(struct filter_look *w, const struct job *j, bool *fits)
{
	TRY(filter_lane(w, j->lane, fits));
	return *fits ? texts_fit(w, j->id, fits) : STORE_OK;
}
