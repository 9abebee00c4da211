/* Submissions, made to the store and to the model, with all that may refuse or answer them. */
#include "tests/store/history.h"

#include <stdio.h>

static void plus_submitted(struct mtally *t) { t->submitted++; }

struct mbytes some_bytes(void)
{
	static const uint32_t sizes[] = { 1, 5, 30, 30, 30, 1890, 1990, 2100, 4096 };

	return (struct mbytes){ dice(1000), sizes[dice(sizeof(sizes) / sizeof(sizes[0]))] };
}

/* --- submission --- */

struct asked {                          /* a submission, and what the texts of its spec are kept in */
	struct mjob j;
	struct job_spec spec;
	unsigned key, print;
	char key_text[16], unique_text[16], zone[16], name[16], tag[2];
	uint8_t depends[M_PARENTS * sizeof(struct job_id)];
	struct mstaged *staged;
	bool wrong_length;
};

static void choose_parents(struct asked *a)
{
	a->j.nparents = h.m.n == 0 || dice(4) ? 0 : 1 + dice(M_PARENTS);
	for (unsigned i = 0; i < a->j.nparents; i++) {
		struct mjob *p = dice(20) ? any_of(dice(3) ? ANY_STATE & ~FINAL_BAD : ANY_STATE) : NULL;
		struct job_id id = p ? p->id : h.m.last_id;
		if (!p)
			id.b[15] ^= 0x55;       /* nobody's */
		a->j.parent[i] = (struct mlink){ .id = id };
		memcpy(a->depends + i * sizeof(id), &id, sizeof(id));
	}
	a->spec.depends = a->j.nparents ? a->depends : NULL;
	a->spec.ndepends = a->j.nparents;
}

static void choose_payload(struct asked *a)
{
	a->staged = dice(8) ? NULL : staged_any();
	a->j.payload = a->staged ? a->staged->bytes : some_bytes();
	a->wrong_length = a->staged && dice(6) == 0;
	a->spec.payload_len = a->j.payload.n + a->wrong_length;
	if (a->staged)
		a->spec.payload_blob = a->staged->blob;
	else
		a->spec.payload = bytes_of(a->j.payload, 0);
}

static void choose(struct asked *a)
{
	struct mjob *j = &a->j;

	*a = (struct asked){ .key = dice(4) ? 0 : 1 + dice(4), .print = dice(5) == 0 };
	*j = (struct mjob){ .queue = dice(QUEUES), .type = h.rules.far && dice(2) ? TYPES - 1 : dice(TYPES), .priority = (int32_t)dice(5) - 2, .max_retries = dice(3), .unique = dice(3) ? 0 : 1 + (dice(4) == 0), .key = dice(3) == 0 ? 0 : 1 + (dice(5) == 0), .tag = (char)('a' + dice(2)), .percent = -1, .slot = UINT32_MAX };
	j->run_at_ms = dice(3) ? 0 : now_ms() - 20 + dice(80);
	j->expires_at_ms = dice(4) ? 0 : now_ms() + dice(60);
	if (dice(100) == 0)
		*(dice(2) ? &j->run_at_ms : &j->expires_at_ms) = -5;
	snprintf(a->name, sizeof(a->name), "job-N%u", j->number = ++h.m.numbers);
	snprintf(a->key_text, sizeof(a->key_text), "key-%u", a->key);
	snprintf(a->unique_text, sizeof(a->unique_text), "unique-%u", j->unique);
	snprintf(a->zone, sizeof(a->zone), "zone-%u", j->key);
	a->tag[0] = j->tag;
	a->spec = spec_of(type_names[j->type], queue_names[j->queue], j->priority, "");
	a->spec.aging_ms = strcmp(queue_names[j->queue], "strict") == 0 ? 0 : 10;
	a->spec.max_retries = j->max_retries;
	a->spec.backoff = (struct job_backoff){ .base_ms = 7, .max_ms = 20, .factor_milli = 2000 };
	a->spec.run_at_ms = j->run_at_ms;
	a->spec.expires_at_ms = j->expires_at_ms;
	a->spec.name = text_of(a->name);
	a->spec.tag[0] = (struct job_text){ a->tag, 1 };
	a->spec.ntags = 1;
	if (a->key)
		a->spec.idempotency_key = text_of(a->key_text);
	if (j->key)
		a->spec.key = text_of(a->zone);
	if (j->unique)
		a->spec.unique_key = text_of(a->unique_text);
	memset(a->spec.fingerprint, (int)a->print, sizeof(a->spec.fingerprint));
	choose_parents(a);
	choose_payload(a);
}

/* What its keys alone are answered with; NOT_FOUND: it would be new. *old: the row that its key has in the log, and that is to go where it is used anew; -1: none. */
static enum store_rc keys_say(const struct asked *a, const struct mjob **there, int *old)
{
	*old = -1;
	*there = NULL;
	for (unsigned i = 0; a->key && h.f->rules.idempotency_window_ms > 0 && i < h.m.nkeys; i++) {
		const struct mkey *k = &h.m.key[i];
		if (k->key != a->key)
			continue;
		*there = model_of(k->job);
		if (*there && k->created_ms + h.f->rules.idempotency_window_ms > now_ms())
			return k->print == a->print ? STORE_REPLAYED : STORE_KEY_REUSED;
		*old = (int)i;
	}
	*there = unique_holder(&a->j);
	return *there ? STORE_LIVE : STORE_NOT_FOUND;
}

static enum store_rc parents_say(struct asked *a, struct job *bad)
{
	for (unsigned i = 0; i < a->j.nparents; i++) {
		struct mlink *l = &a->j.parent[i];
		const struct mjob *p = model_of(l->id);
		for (unsigned k = 0; k < i; k++)
			if (same_id(a->j.parent[k].id, l->id))
				return STORE_INVALID;
		*bad = (struct job){ .id = l->id, .state = p ? p->state : JOB_NONE };
		if (!p || (FINAL_BAD & IN(p->state)))
			return STORE_PARENT;
		l->how = p->state == JOB_SUCCEEDED ? LINK_DONE : LINK_OPEN;
	}
	return STORE_OK;
}

static void key_remember(const struct asked *a, struct job_id id, int old)
{
	if (a->key == 0 || h.f->rules.idempotency_window_ms == 0)
		return;
	if (old >= 0)
		memmove(&h.m.key[old], &h.m.key[old + 1], (--h.m.nkeys - (unsigned)old) * sizeof(h.m.key[0]));
	assert_true(h.m.nkeys < M_KEYS);
	h.m.key[h.m.nkeys++] = (struct mkey){ a->key, a->print, id, now_ms() };
}

/* The rules of a submission, in their order. */
static enum store_rc submission(struct asked *a, const struct mjob **there, struct job *bad, int *old)
{
	const struct store_rules *r = &h.f->rules;
	bool remembers = a->key && r->idempotency_window_ms > 0;
	enum store_rc rc;

	if (a->j.run_at_ms < 0 || a->j.expires_at_ms < 0)
		return STORE_INVALID;
	if (remembers && h.m.nkeys >= r->idempotency_max)
		keys_expire();
	rc = keys_say(a, there, old);
	if (remembers && (rc == STORE_LIVE || rc == STORE_NOT_FOUND) && h.m.nkeys - (*old >= 0) >= r->idempotency_max)
		return STORE_KEYS_FULL;
	if (rc != STORE_NOT_FOUND)
		return rc;
	if (r->max_queued && waiting_of(QUEUES) >= r->max_queued)
		return STORE_QUEUE_FULL;
	if (h.rules.limit[a->j.queue].max_queued && waiting_of(a->j.queue) >= h.rules.limit[a->j.queue].max_queued)
		return STORE_QUEUE_LIMIT;
	rc = parents_say(a, bad);
	if (rc != STORE_OK)
		return rc;
	return a->wrong_length ? STORE_INVALID : STORE_OK;
}

static void submitted(struct asked *a, const struct job *out, int old)
{
	struct mjob *j = &h.m.job[h.m.n];
	bool open = false, later = a->j.run_at_ms > now_ms();

	for (unsigned i = 0; i < a->j.nparents; i++)
		open |= a->j.parent[i].how == LINK_OPEN;
	*j = a->j;
	j->id = out->id;
	j->state = open ? JOB_WAITING : later ? JOB_SCHEDULED : JOB_QUEUED;
	j->created_ms = now_ms();
	h.m.n++;
	assert_true(memcmp(&out->id, &h.m.last_id, sizeof(out->id)) > 0);       /* ids only grow */
	h.m.last_id = out->id;
	check_rank(j, out, later);
	key_remember(a, out->id, old);
	if (a->staged)
		staged_own(a->staged);
	if (j->nparents)
		model_note(j, h.f->now_us, open ? JOB_EV_SUBMIT_WAITING : later ? JOB_EV_SUBMIT_LATER : JOB_EV_SUBMIT_NOW, false);
	model_count(j, plus_submitted);
	heard_one(j, open ? JOB_EV_SUBMIT_WAITING : later ? JOB_EV_SUBMIT_LATER : JOB_EV_SUBMIT_NOW, JOB_OUTCOME_NONE);
	covered(C_SUBMIT, j->state);
	say(" -> job %u %s\n", j->number, job_state_name(j->state));
}

void op_submit(void)
{
	static uint8_t bytes[RECORD_SPEC_MAX];
	const struct mjob *there = NULL, *known;
	struct job out, bad = { .state = JOB_NONE };
	struct job_spec decoded;
	struct asked a;
	int old = -1, spare;

	if (h.m.n == M_JOBS || h.m.nkeys == M_KEYS)
		return;
	choose(&a);
	say("submit %s/%s priority %d run_at %+d expires %+d key %u.%u unique %u zone %u parents %u staged %d", type_names[a.j.type], queue_names[a.j.queue], a.j.priority,
		a.j.run_at_ms ? (int)(a.j.run_at_ms - now_ms()) : 0, a.j.expires_at_ms ? (int)(a.j.expires_at_ms - now_ms()) : 0, a.key, a.print, a.j.unique, a.j.key, a.j.nparents, a.staged != NULL);
	size_t n = record_spec_encode(&a.spec, bytes, sizeof(bytes));
	assert_true(n > 0);
	assert_int_equal(record_spec_decode(bytes, n, &decoded), RECORD_OK);
	if (dice(4) == 0) {
		assert_int_equal(store_submit_known(h.f->store, &decoded, &out), keys_say(&a, &known, &spare));
		assert_true(!known || same_id(known->id, out.id));
	}
	enum store_rc want = submission(&a, &there, &bad, &old), rc = store_submit(h.f->store, &decoded, bytes, n, &out);
	assert_int_equal(rc, want);
	covered_rc(rc);
	if (rc == STORE_OK) {
		submitted(&a, &out, old);
		return;
	}
	say(" -> %s\n", store_rc_text(rc));
	heard_none();
	if (rc == STORE_REPLAYED || rc == STORE_LIVE) {
		assert_true(same_id(out.id, there->id));
		assert_int_equal(out.state, there->state);
		covered(rc == STORE_LIVE ? C_LIVE : C_REPLAYED, there->state);
	}
	if (rc == STORE_LIVE)
		key_remember(&a, there->id, old);
	if (rc == STORE_PARENT) {
		assert_true(same_id(out.id, bad.id));
		assert_int_equal(out.state, bad.state);
		covered(C_PARENT, bad.state);
	}
}
