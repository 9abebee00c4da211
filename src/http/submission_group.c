/* An array of jobs on its way to the keeper, which makes all of them or none: long payloads go up first, then one operation asks for the group; where that is too long for a request, what it says goes up too.
 * Called by api_submit.c. Nothing here is fatal. */
#include "http/client.h"
#include "http/submission.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http/pending.h"
#include "job/record.h"
#include "shm/request.h"

struct submission_group {
	struct request_group head;
	struct request_element element[SUBMISSION_ARRAY_MAX];
	struct buf specs;
};

static void group_free(struct submission *s)
{
	if (s->group)
		buf_free(&s->group->specs);
	free(s->group);
	s->group = NULL;
}

static void on_result(void *owner, const struct request_result *r)
{
	submission_take(owner, r);
}

/* All of them have this result. The last one answers and frees the submission. */
static void fail_all(struct submission *s, size_t at, int rc)
{
	size_t n = s->n;

	group_free(s);
	s->open = n;
	for (size_t i = 0; i < n; i++)
		submission_take(&s->item[i], &(struct request_result){ .rc = i == at ? rc : STORE_GROUPED });
}

static void forget_tags(struct submission_group *g, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pending_take(g->element[i].tag, NULL);
}

/* One element; of a group that is refused without its spec. Returns an rc. */
static int compose_one(struct submission_group *g, struct submission_item *item, struct request_element *e)
{
	uint8_t bytes[RECORD_SPEC_MAX];
	size_t n = g->head.refused ? 0 : record_spec_encode(&item->envelope->spec, bytes, sizeof(bytes));

	if (n == 0 && !g->head.refused)
		return STORE_INVALID;
	buf_add(&g->specs, bytes, n);
	if (g->specs.failed)
		return STORE_NO_MEMORY;
	*e = (struct request_element){ .tag = pending_add(item, on_result), .payload_blob = item->envelope->spec.payload_blob, .bytes = (uint32_t)n };
	return e->tag ? STORE_OK : STORE_NO_MEMORY;
}

/* An rc; where it is not OK *at says of which job. */
static int compose(struct submission *s, size_t *at)
{
	struct submission_group *g = s->group;

	for (*at = 0; *at < s->n; ++*at) {
		int rc = compose_one(g, &s->item[*at], &g->element[*at]);
		if (rc != STORE_OK) {
			forget_tags(g, *at);
			return rc;
		}
	}
	g->head.n = (uint32_t)s->n;
	g->head.bytes = g->specs.len;
	return STORE_OK;
}

/* -1 with errno; EMSGSIZE: too long for a request. */
static int post(struct submission *s, bool with_specs)
{
	struct submission_group *g = s->group;
	struct ask_piece piece[] = { { &g->head, sizeof(g->head) }, { g->element, s->n * sizeof(g->element[0]) }, { g->specs.data, g->specs.len } };

	return ask_add_group(s->q->api->ask, g->head.n, piece, with_specs ? 3 : 2);
}

static void posted(struct submission *s)
{
	group_free(s);
	s->open = s->n;
}

static void specs_staged(void *arg, uint64_t blob, int rc)
{
	struct submission *s = arg;
	struct submission_group *g = s->group;

	g->head.blob = blob;
	if (rc != STORE_OK || blob == 0) {
		/* the payloads that are up are to be dropped */
		g->head.refused = rc == STORE_OK ? STORE_IO : rc;
		g->head.bad = 0;
	}
	if (post(s, false) == 0) {
		posted(s);
		return;
	}
	forget_tags(g, s->n);
	fail_all(s, 0, STORE_NO_MEMORY);
}

/* Every payload that had to go up has, or could not. */
static void ask(struct submission *s)
{
	struct submission_group *g = s->group;
	size_t at;
	int rc = compose(s, &at);

	if (rc != STORE_OK) {
		fail_all(s, at, rc);
		return;
	}
	if (post(s, g->head.refused == 0) == 0)
		posted(s);
	else if (errno == EMSGSIZE && ask_stage(s->q->api->ask, g->specs.data, g->specs.len, specs_staged, s) == 0)
		buf_free(&g->specs);    /* they are copied */
	else {
		forget_tags(g, s->n);
		fail_all(s, 0, STORE_NO_MEMORY);
	}
}

static void payload_staged(void *arg, uint64_t blob, int rc)
{
	struct submission_item *item = arg;
	struct submission *s = item->owner;

	item->envelope->spec.payload_blob = blob;
	if ((rc != STORE_OK || blob == 0) && s->group->head.refused == 0) {
		s->group->head.refused = rc == STORE_OK ? STORE_IO : rc;
		s->group->head.bad = (uint32_t)(item - s->item);
	}
	if (--s->open == 0)
		ask(s);
}

void submission_ask_group(struct submission *s)
{
	if (s->patience_ns == 0)        /* not when they are asked for again */
		client_submits(s->q, s->n);
	s->group = calloc(1, sizeof(*s->group));
	if (!s->group) {
		fail_all(s, 0, STORE_NO_MEMORY);
		return;
	}
	s->open = 1;
	for (size_t i = 0; i < s->n; i++) {
		const struct job_text *payload = &s->item[i].envelope->spec.payload;
		if (payload->n <= JOB_INLINE_MAX)
			continue;
		s->open++;
		if (ask_stage(s->q->api->ask, payload->p, payload->n, payload_staged, &s->item[i]) < 0)
			payload_staged(&s->item[i], 0, STORE_NO_MEMORY);
	}
	if (--s->open == 0)
		ask(s);
}
