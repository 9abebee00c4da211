/* The check: the figures of all jobs, of each queue and of each type, against a recount. All of it is read in one snapshot. */
#include "store/check_impl.h"

#include <inttypes.h>
#include <stdlib.h>

struct name { char *key; size_t n; struct store_tally said, have; bool row; };       /* key: kind, then the name */
struct recount {
	struct check *c;
	struct name *name;
	size_t n, cap;
	struct store_tally *lane;       /* by number */
	size_t lanes;
};

static int compare(const char *p, size_t n, const struct name *b)
{
	int d = memcmp(p, b->key, n < b->n ? n : b->n);

	return d ? d : (n > b->n) - (n < b->n);
}

/* Names are kept sorted; they come in that order but for those that have no row. */
static struct name *name_of(struct recount *r, const struct key *k)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare((const char *)k->b, k->n, &r->name[mid]) > 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < r->n && compare((const char *)k->b, k->n, &r->name[low]) == 0)
		return &r->name[low];
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct name *more = realloc(r->name, cap * sizeof(*more));
		if (!more)
			goto no_memory;
		r->name = more;
		r->cap = cap;
	}
	char *text = malloc(k->n);
	if (!text)
		goto no_memory;
	memcpy(text, k->b, k->n);
	memmove(r->name + low + 1, r->name + low, (r->n - low) * sizeof(*r->name));
	r->n++;
	r->name[low] = (struct name){ .key = text, .n = k->n };
	return &r->name[low];
no_memory:
	r->c->failed = STORE_NO_MEMORY;
	return NULL;
}

static void read_figures(struct recount *r)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	struct limit unused;

	while (check_seek(r->c, KV_COUNT, &k, &found, &v)) {
		char kind = *(const char *)found.p;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		r->c->out->rows++;
		struct name *name = strchr("tqy", kind) && found.n <= 1 + JOB_QUEUE_MAX ? name_of(r, &k) : NULL;
		if (r->c->failed != STORE_OK)
			return;
		if (!name)
			check_flaw(r->c, KV_COUNT, NULL, "there are figures of nothing that we know");
		else if (tally_decode(v, &name->said, &unused) != STORE_OK)
			check_flaw(r->c, KV_COUNT, NULL, "the figures of %s%.*s cannot be read", kind == 't' ? "all jobs" : kind == 'q' ? "queue " : "type ", (int)found.n - 1, (const char *)found.p + 1);
		else
			name->row = true;
		key_u8(&k, 0);
	}
}

static bool count_job(struct recount *r, const struct job *j)
{
	if (j->lane >= r->lanes) {
		size_t lanes = (size_t)j->lane + 64;
		struct lane_row row;
		if (!check_lane(r->c, j->lane, &row))
			return true;            /* which is said of the job */
		struct store_tally *more = realloc(r->lane, lanes * sizeof(*more));
		if (!more) {
			r->c->failed = STORE_NO_MEMORY;
			return false;
		}
		memset(more + r->lanes, 0, (lanes - r->lanes) * sizeof(*more));
		r->lane = more;
		r->lanes = lanes;
	}
	struct store_tally *t = &r->lane[j->lane];
	t->state[j->state]++;
	t->retry_sum += j->retry_count;
	t->with_retries += j->retry_count > 0;
	return true;
}

static void count_jobs(struct recount *r)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	struct job j;

	while (check_seek(r->c, KV_JOB, &k, &found, &v)) {
		if (record_job_decode(v.p, v.n, &j) == RECORD_OK && !count_job(r, &j))
			return;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
	}
}

static void add(struct recount *r, char kind, struct job_text text, const struct store_tally *t)
{
	struct key k = key_count(kind, text);
	struct name *name = name_of(r, &k);

	if (!name)
		return;
	for (int s = 0; s < JOB_STATES; s++)
		name->have.state[s] += t->state[s];
	name->have.retry_sum += t->retry_sum;
	name->have.with_retries += t->with_retries;
}

static void sum_lanes(struct recount *r)
{
	struct lane_row row;

	for (uint32_t i = 0; i < r->lanes && r->c->failed == STORE_OK; i++) {
		uint64_t any = 0;
		for (int s = 0; s < JOB_STATES; s++)
			any |= r->lane[i].state[s];
		if (!any || !check_lane(r->c, i, &row))
			continue;
		add(r, 'q', row.queue, &r->lane[i]);
		add(r, 'y', row.type, &r->lane[i]);
		add(r, 't', (struct job_text){ NULL, 0 }, &r->lane[i]);
	}
}

static void compare_figures(struct recount *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct name *n = &r->name[i];
		const char *of = *n->key == 't' ? "all jobs" : *n->key == 'q' ? "queue " : "type ";
		int len = (int)n->n - 1;
		if (!n->row)
			check_flaw(r->c, KV_COUNT, NULL, "the figures of %s%.*s are not there", of, len, n->key + 1);
		for (int s = 0; s < JOB_STATES && n->row; s++)
			if (n->said.state[s] != n->have.state[s])
				check_flaw(r->c, KV_COUNT, NULL, "the figures of %s%.*s say that %" PRIu64 " are %s, and %" PRIu64 " are", of, len, n->key + 1, n->said.state[s],
					job_state_name((enum job_state)s), n->have.state[s]);
		if (n->row && (n->said.retry_sum != n->have.retry_sum || n->said.with_retries != n->have.with_retries))
			check_flaw(r->c, KV_COUNT, NULL, "the figures of %s%.*s say %" PRIu64 " retries of %" PRIu64 " jobs, and there are %" PRIu64 " of %" PRIu64, of, len, n->key + 1,
				n->said.retry_sum, n->said.with_retries, n->have.retry_sum, n->have.with_retries);
	}
}

void check_tallies(struct check *c)
{
	struct recount r = { .c = c };
	uint64_t flaws = c->out->flaws;

	read_figures(&r);
	if (c->failed == STORE_OK && c->out->flaws == flaws)
		count_jobs(&r);
	if (c->failed == STORE_OK)
		sum_lanes(&r);
	if (c->failed == STORE_OK && c->out->flaws == flaws && c->unread == 0)          /* what cannot be read cannot be counted */
		compare_figures(&r);
	for (size_t i = 0; i < r.n; i++)
		free(r.name[i].key);
	free(r.name);
	free(r.lane);
}
