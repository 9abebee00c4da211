/* Figures for people and for programs. Called by the bench subcommands. */
#include "cli/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "text/json.h"

static struct report_line *add(struct report *r, const char *key, const char *label)
{
	static struct report_line spare;
	struct report_line *l = r->n < REPORT_LINES ? &r->line[r->n++] : &spare;

	*l = (struct report_line){ .key = key, .label = label };
	return l;
}

void report_text(struct report *r, const char *key, const char *label, const char *text)
{
	add(r, key, label)->text = text;
}

void report_count(struct report *r, const char *key, const char *label, uint64_t v)
{
	add(r, key, label)->number = (double)v;
}

void report_number(struct report *r, const char *key, const char *label, double v, unsigned decimals)
{
	struct report_line *l = add(r, key, label);

	l->number = isfinite(v) ? v : 0;
	l->decimals = decimals;
}

/* Keys and labels must outlive the report, and there are few prefixes: all of them stand here. */
static const struct { const char *prefix, *key[4], *label[4]; } quantiles[] = {
	{ "submit", { "submit_p50_ms", "submit_p95_ms", "submit_p99_ms", "submit_max_ms" }, { "submit p50 ms", "submit p95 ms", "submit p99 ms", "submit max ms" } },
	{ "queue", { "queue_p50_ms", "queue_p95_ms", "queue_p99_ms", "queue_max_ms" }, { "queue p50 ms", "queue p95 ms", "queue p99 ms", "queue max ms" } },
	{ "start", { "start_p50_ms", "start_p95_ms", "start_p99_ms", "start_max_ms" }, { "submit to start p50 ms", "submit to start p95 ms", "submit to start p99 ms", "submit to start max ms" } },
	{ "done", { "done_p50_ms", "done_p95_ms", "done_p99_ms", "done_max_ms" }, { "submit to end p50 ms", "submit to end p95 ms", "submit to end p99 ms", "submit to end max ms" } },
	{ "commit", { "commit_p50_ms", "commit_p95_ms", "commit_p99_ms", "commit_max_ms" }, { "commit p50 ms", "commit p95 ms", "commit p99 ms", "commit max ms" } },
};

void report_histogram(struct report *r, const char *prefix, const struct shm_histogram *us)
{
	static const double q[3] = { 0.50, 0.95, 0.99 };

	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		if (strcmp(quantiles[i].prefix, prefix) != 0)
			continue;
		for (size_t k = 0; k < 3; k++)
			report_number(r, quantiles[i].key[k], quantiles[i].label[k], histogram_quantile(us, q[k]) / 1000, 3);
		report_number(r, quantiles[i].key[3], quantiles[i].label[3], (double)us->max_us / 1000, 3);
	}
}

void report_difference(struct shm_histogram *out, const struct shm_histogram *before, const struct shm_histogram *after)
{
	uint64_t highest = 0;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t a = after->bucket[i], b = before->bucket[i];

		out->bucket[i] = a > b ? a - b : 0;
		out->count += out->bucket[i];
		if (out->bucket[i])
			highest = histogram_upper(i);
	}
	out->sum_us = after->sum_us > before->sum_us ? after->sum_us - before->sum_us : 0;
	out->max_us = after->max_us > before->max_us || after->max_us < highest ? (uint64_t)after->max_us : highest;
}

/* "12,345.678" */
static void number_put(struct buf *out, double v, unsigned decimals)
{
	char count[CLI_COUNT_BYTES], digits[64];
	double whole = floor(fabs(v));

	snprintf(digits, sizeof(digits), "%.*f", (int)decimals, fabs(v) - whole);
	if (digits[0] == '1')   /* 0.9996 to three decimals */
		whole += 1;
	buf_printf(out, "%s%s%s", v < 0 ? "-" : "", cli_count(count, (uint64_t)whole), digits + 1);
}

void report_put(const struct report *r, bool json, struct buf *out)
{
	if (json)
		buf_char(out, '{');
	for (size_t i = 0; i < r->n; i++) {
		const struct report_line *l = &r->line[i];
		struct buf value = { 0 };

		if (json) {
			buf_str(out, i ? "," : "");
			json_put_string(out, slice_of(l->key));
			buf_char(out, ':');
			if (l->text)
				json_put_string(out, slice_of(l->text));
			else
				buf_printf(out, "%.*f", (int)l->decimals, l->number);
			continue;
		}
		if (l->text)
			buf_str(&value, l->text);
		else
			number_put(&value, l->number, l->decimals);
		buf_printf(out, "%-22s %16s\n", l->label, buf_cstr(&value));
		buf_free(&value);
	}
	if (json)
		buf_str(out, "}\n");
}

void report_print(const struct report *r, bool json)
{
	struct buf out = { 0 };

	report_put(r, json, &out);
	cli_out(&out);
	buf_free(&out);
}
