/* One look of `stint top` as a line of JSON. Called by top.c. */
#include "cli/top.h"

#include "text/duration.h"
#include "text/json.h"

/* What only the store knows is left out where it cannot be read. */
static void put_name(struct buf *out, const struct top_name *n, bool has_store, bool queue)
{
	buf_str(out, "{\"name\":");
	json_put_string(out, slice_of(n->name));
	if (has_store)
		buf_printf(out, ",\"queued\":%llu,\"running\":%llu,\"later\":%llu,\"dead\":%llu,\"failed_total\":%llu,\"submitted_per_s\":%.3f", (unsigned long long)n->queued,
			(unsigned long long)n->running, (unsigned long long)n->later, (unsigned long long)n->dead, (unsigned long long)n->failed, n->in_s);
	if (has_store && queue)
		buf_printf(out, ",\"paused\":%s", n->paused ? "true" : "false");
	if (n->oldest_ms >= 0)
		buf_printf(out, ",\"oldest_queued_s\":%.3f", (double)n->oldest_ms / 1000);
	buf_printf(out, ",\"processed_per_s\":%.3f", n->out_s);
	status_put_quantiles(out, queue ? "queue_ms" : "execution_ms", &n->ms);
	buf_char(out, '}');
}

static void put_names(struct buf *out, const char *name, const struct top_names *l, bool has_store, bool queues)
{
	buf_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < l->n; i++) {
		buf_str(out, i ? "," : "");
		put_name(out, &l->v[i], has_store, queues);
	}
	buf_char(out, ']');
}

void top_put_json(const struct top *t, struct buf *out)
{
	char at[TIME_TEXT_BYTES];
	size_t from;

	time_format(t->st.now_ms, at);
	buf_printf(out, "{\"at\":\"%s\",\"status\":", at);
	from = out->len;
	status_put_json(&t->st, out);
	while (out->len > from && out->data[out->len - 1] == '\n')
		out->len--;
	buf_printf(out, ",\"window\":{\"seconds\":%.3f", t->window_s);
	for (unsigned i = 0; i < TOP_RATES; i++)
		buf_printf(out, ",\"%s_per_s\":%.3f", top_rate_names[i], t->rate[i]);
	status_put_quantiles(out, "queue_ms", &t->queue);
	status_put_quantiles(out, "execution_ms", &t->execution);
	status_put_quantiles(out, "submit_ms", &t->submit);
	status_put_quantiles(out, "commit_ms", &t->commit);
	buf_char(out, '}');
	put_names(out, "queues", &t->queues, t->has_store, true);
	put_names(out, "types", &t->types, t->has_store, false);
	buf_str(out, ",\"running\":[");
	for (size_t i = 0; i < t->nrun; i++) {
		const struct top_run *r = &t->run[i];

		buf_printf(out, "%s{\"id\":\"%s\",\"type\":", i ? "," : "", r->id);
		json_put_string(out, slice_of(r->type));
		buf_printf(out, ",\"attempt\":%u,\"worker\":%u,\"for_ms\":%lld}", r->attempt, r->worker, (long long)r->for_ms);
	}
	buf_str(out, "]}\n");
}
