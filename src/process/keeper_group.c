/* An array of submissions: all are made in the batch, or none, whatever else is in it. Called by keeper_apply.c. Nothing here is fatal.
 * What would be refused is found before the first is made, so that a wrong array costs nobody but its sender. One that is refused in spite of that spoils the batch, which is then tried request by request. */
#include "process/keeper.h"

#include <stdlib.h>
#include <string.h>

struct group {
	struct request_group m;
	const struct request_element *element;
	struct job_spec *spec;
	const char **bytes;             /* of each spec */
	struct buf staged;
	struct job_text specs;          /* all of them */
	struct request_result *result;
};

static void group_free(struct group *g)
{
	free(g->spec);
	free(g->bytes);
	buf_free(&g->staged);
}

/* Copies the head and the elements, one group's at a time. False: malformed. */
static bool take(struct group *g, struct job_text body, uint32_t capacity)
{
	static struct request_element element[KEEPER_OPS_MAX];

	if (body.n < sizeof(g->m))
		return false;
	memcpy(&g->m, body.p, sizeof(g->m));
	size_t table = (size_t)g->m.n * sizeof(*g->element);
	if (g->m.n == 0 || g->m.n > capacity || g->m.n > KEEPER_OPS_MAX || table > body.n - sizeof(g->m))
		return false;
	g->specs = (struct job_text){ body.p + sizeof(g->m) + table, body.n - sizeof(g->m) - table };
	memcpy(element, body.p + sizeof(g->m), table);
	g->element = element;
	return true;
}

/* The specs, staged or not. */
static enum store_rc decode(struct keeper *k, const struct store_owner *from, struct group *g)
{
	if (g->m.blob) {
		enum store_rc rc = store_staged(k->store, from->slot, from->incarnation, g->m.blob, g->m.bytes, &g->staged);
		if (rc != STORE_OK)
			return rc;
		g->specs = (struct job_text){ g->staged.data, g->staged.len };
	}
	g->spec = calloc(g->m.n, sizeof(*g->spec));
	g->bytes = calloc(g->m.n, sizeof(*g->bytes));
	if (!g->spec || !g->bytes)
		return STORE_NO_MEMORY;
	size_t at = 0;
	for (uint32_t i = 0; i < g->m.n; at += g->element[i++].bytes) {
		if (g->element[i].bytes > g->specs.n - at)
			return STORE_INVALID;
		g->bytes[i] = g->specs.p + at;
		if (record_spec_decode(g->bytes[i], g->element[i].bytes, &g->spec[i]) != RECORD_OK)
			return STORE_INVALID;
	}
	return STORE_OK;
}

static bool is_there(enum store_rc rc)
{
	return rc == STORE_OK || rc == STORE_REPLAYED || rc == STORE_LIVE;
}

static void told(struct request_result *r, enum store_rc rc, const struct job *j)
{
	r->rc = (int32_t)rc;
	r->id = j->id;
	r->state = j->state;
	r->at_ms = j->created_ms;
	r->run_at_ms = j->run_at_ms;
}

/* Where there is no room for new jobs: a group of which all are there already can still be told. */
static enum store_rc known(struct keeper *k, struct group *g, enum store_rc why, uint32_t *bad)
{
	struct job j;

	for (*bad = 0; *bad < g->m.n; ++*bad) {
		const struct job_spec *spec = &g->spec[*bad];
		enum store_rc rc = spec->idempotency_key.n || spec->unique_key.n ? store_submit_known(k->store, spec, &j) : STORE_NOT_FOUND;
		if (!is_there(rc))
			return rc == STORE_NOT_FOUND ? why : rc;
		told(&g->result[*bad], rc, &j);
	}
	return STORE_OK;
}

/* One that is refused here should have been found before. */
static enum store_rc make_all(struct keeper *k, struct group *g, uint32_t *bad)
{
	struct job j;

	for (*bad = 0; *bad < g->m.n; ++*bad) {
		enum store_rc rc = store_submit(k->store, &g->spec[*bad], (const uint8_t *)g->bytes[*bad], g->element[*bad].bytes, &j);
		if (!is_there(rc)) {
			store_spoil(k->store);
			return rc;
		}
		told(&g->result[*bad], rc, &j);
	}
	return STORE_OK;
}

static enum store_rc make(struct keeper *k, struct group *g, uint32_t *bad)
{
	struct job j = { .state = JOB_NONE };
	enum store_rc rc = keeper_room_for(k, g->specs.n + (size_t)(g->m.n - 1) * KEEPER_OPERATION_BYTES, true);

	if (rc != STORE_OK)
		return known(k, g, rc, bad);
	rc = store_submit_check(k->store, g->spec, g->m.n, bad, &j);
	if (rc == STORE_PARENT) {
		g->result[*bad].id = j.id;
		g->result[*bad].state = j.state;
	}
	return rc == STORE_OK ? make_all(k, g, bad) : rc;
}

/* The staged specs, and payloads whose jobs were not made, belong to nobody now. */
static enum store_rc drop(struct keeper *k, const struct store_owner *from, const struct group *g, bool all)
{
	enum store_rc rc = STORE_OK;

	if (g->m.blob)
		rc = store_unstage(k->store, from->slot, from->incarnation, g->m.blob);
	for (uint32_t i = 0; i < g->m.n && !store_spoilt(k->store); i++)
		if (g->element[i].payload_blob && (all || g->result[i].rc != STORE_OK))
			rc = store_unstage(k->store, from->slot, from->incarnation, g->element[i].payload_blob);
	return rc;
}

static void drop_later(struct keeper *k, const struct store_owner *from, const struct group *g)
{
	keeper_add_stray(k, from, g->m.blob);
	for (uint32_t i = 0; i < g->m.n; i++)
		keeper_add_stray(k, from, g->element[i].payload_blob);
}

/* Each of them says why, the one at fault alone where that is known. */
static void refuse_all(struct group *g, enum store_rc rc, uint32_t bad)
{
	for (uint32_t i = 0; i < g->m.n; i++) {
		struct request_result *r = &g->result[i];
		*r = (struct request_result){ .tag = g->element[i].tag, .rc = (int32_t)(i == bad || bad >= g->m.n ? rc : STORE_GROUPED), .id = i == bad ? r->id : (struct job_id){ { 0 } }, .state = i == bad ? r->state : 0 };
	}
}

enum store_rc keeper_group(struct keeper *k, const struct store_owner *from, struct job_text body, enum store_rc refused, struct request_result *result, uint32_t capacity, uint32_t *n)
{
	struct group g = { .result = result };
	uint32_t bad = UINT32_MAX;
	enum store_rc rc = refused;

	*n = 0;
	if (!take(&g, body, capacity))
		return STORE_INVALID;
	for (uint32_t i = 0; i < g.m.n; i++)
		result[i] = (struct request_result){ .tag = g.element[i].tag };
	if (rc != STORE_OK) {
		drop_later(k, from, &g);
	} else {
		if (g.m.refused) {
			rc = (enum store_rc)g.m.refused;
			bad = g.m.bad;
		} else {
			rc = decode(k, from, &g);
			if (rc == STORE_OK)
				rc = make(k, &g, &bad);
		}
		enum store_rc dropped = store_spoilt(k->store) ? rc : drop(k, from, &g, rc != STORE_OK);
		if (rc == STORE_OK && store_spoilt(k->store))
			rc = dropped;
	}
	if (rc != STORE_OK)
		refuse_all(&g, rc, bad);
	*n = g.m.n;
	group_free(&g);
	return rc;
}
