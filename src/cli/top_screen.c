/* The screen of `stint top`: figures above, then as many rows of each table as there is room for. Called by top.c. Pure: the same look gives the same screen. */
#include "cli/top.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "job/job.h"

#define FLEX_MIN 10             /* columns that a name has at least */

/* --- numbers in little room --- */

/* "1,234,567", then "12.3M": at most 9 columns. */
static const char *count(char out[CLI_COUNT_BYTES], uint64_t v)
{
	static const char units[] = "MGTPE";
	double big = (double)v / 1e6;
	unsigned u = 0;

	if (v < 10000000)
		return cli_count(out, v);
	for (; big >= 999.95 && units[u + 1]; u++)
		big /= 1000;
	snprintf(out, CLI_COUNT_BYTES, "%.1f%c", big, units[u]);
	return out;
}

/* Three digits that say something: "0.05", "12.3", "1,234". */
static const char *number(char out[CLI_COUNT_BYTES], double v, unsigned decimals)
{
	if (v >= 999.5)
		return count(out, (uint64_t)llround(v));
	snprintf(out, CLI_COUNT_BYTES, "%.*f", v >= 99.5 ? 0 : v >= 9.95 || decimals < 2 ? 1 : 2, v);
	return out;
}

static const char *per_second(char out[CLI_COUNT_BYTES], double v, bool known)
{
	return known ? number(out, v, 1) : "-";
}

static const char *milliseconds(char out[CLI_COUNT_BYTES], const struct status_quantiles *q, double v)
{
	return q->count ? number(out, v, 2) : "-";
}

static const char *if_known(char out[CLI_COUNT_BYTES], uint64_t v, bool known)
{
	return known ? count(out, v) : "-";
}

/* --- the figures above --- */

static void draw_head(const struct top *t, const struct top_show *how, struct screen *out)
{
	struct buf head = { 0 };
	char *line = NULL, *rest = NULL;

	status_put_head(&t->st, &head);
	buf_cstr(&head);
	for (line = strtok_r(head.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		screen_line(out, SCREEN_BOLD, "%s%s", line, how->paused && out->used == 0 ? "  PAUSED" : "");
	buf_free(&head);
}

static void draw_states(const struct top *t, struct screen *out)
{
	static const enum job_state rows[2][5] = { { JOB_QUEUED, JOB_RUNNING, JOB_SCHEDULED, JOB_RETRYING, JOB_WAITING }, { JOB_SUCCEEDED, JOB_DEAD, JOB_CANCELLED, JOB_EXPIRED, 0 } };
	char n[CLI_COUNT_BYTES];

	for (unsigned r = 0; r < 2; r++) {
		struct buf line = { 0 };

		buf_str(&line, r ? "ended " : "jobs  ");
		for (unsigned i = 0; i < 5 && rows[r][i]; i++)
			buf_printf(&line, "  %s %s", job_state_name(rows[r][i]), count(n, t->st.jobs[rows[r][i] - 1]));
		screen_line(out, SCREEN_PLAIN, "%s", buf_cstr(&line));
		buf_free(&line);
	}
}

static void draw_rates(const struct top *t, struct screen *out)
{
	static const enum top_rate shown[] = { TOP_SUBMITTED, TOP_SUCCEEDED, TOP_FAILED, TOP_RETRIED, TOP_DEAD };
	struct buf line = { 0 };
	char n[CLI_COUNT_BYTES];

	buf_str(&line, "per s ");
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		buf_printf(&line, "  %s %s", top_rate_names[shown[i]], per_second(n, t->rate[shown[i]], t->window_s > 0));
	screen_line(out, SCREEN_PLAIN, "%s", buf_cstr(&line));
	buf_free(&line);
}

static void draw_times(const struct top *t, struct screen *out)
{
	const struct { const char *name; const struct status_quantiles *q; } rows[] = { { "queue", &t->queue }, { "run", &t->execution }, { "submit", &t->submit }, { "commit", &t->commit } };
	struct buf line = { 0 };
	char p50[CLI_COUNT_BYTES], p99[CLI_COUNT_BYTES];

	buf_str(&line, "p50/p99 ms");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		buf_printf(&line, "  %s %s/%s", rows[i].name, milliseconds(p50, rows[i].q, rows[i].q->p50), milliseconds(p99, rows[i].q, rows[i].q->p99));
	screen_line(out, SCREEN_PLAIN, "%s", buf_cstr(&line));
	buf_free(&line);
}

/* --- tables --- */

struct column { const char *head; unsigned columns; bool left; };       /* columns 0: what the others leave */

/* One row of cells under its columns, each with a blank before it but the first. */
static void put_row(struct buf *line, const struct column *c, size_t n, const char *const *cell, unsigned width)
{
	unsigned fixed = 0;

	for (size_t i = 0; i < n; i++)
		fixed += c[i].columns + (i > 0);
	for (size_t i = 0; i < n; i++) {
		unsigned wide = c[i].columns ? c[i].columns : width > fixed + FLEX_MIN ? width - fixed : FLEX_MIN;

		buf_str(line, i ? " " : "");
		screen_cell(line, cell[i], wide, !c[i].left);
	}
}

#define TABLES 4
#define CELLS 8
struct cells { const char *text[CELLS]; char room[CELLS][CLI_COUNT_BYTES], name[SHM_NAME + 24]; };      /* texts lie in the rooms, or in what is shown */
struct table {
	const struct column *column;
	size_t columns;
	size_t rows;
	void (*row)(const struct top *t, size_t i, struct cells *c);
};

/* The head says how many of how many are shown where not all are. */
static void draw_table(const struct top *t, const struct table *table, unsigned lines, struct screen *out)
{
	size_t shown = table->rows < lines - 1 ? table->rows : lines - 1;
	struct cells c;

	for (size_t k = 0; k < table->columns; k++)
		c.text[k] = table->column[k].head;
	if (shown < table->rows) {
		snprintf(c.name, sizeof(c.name), "%s %zu/%zu", c.text[0], shown, table->rows);
		c.text[0] = c.name;
	}
	for (size_t i = 0; i <= shown; i++) {
		struct buf line = { 0 };

		if (i > 0)
			table->row(t, i - 1, &c);
		put_row(&line, table->column, table->columns, c.text, out->columns);
		screen_line(out, i == 0 ? SCREEN_REVERSE : SCREEN_PLAIN, "%s", buf_cstr(&line));
		buf_free(&line);
	}
}

static const char *integer(char out[CLI_COUNT_BYTES], long long v)
{
	snprintf(out, CLI_COUNT_BYTES, "%lld", v);
	return out;
}

static const struct column process_columns[] = {
	{ "PROCESS", 0, true }, { "PID", 8, false }, { "STATE", 9, true }, { "UP", 9, false }, { "BEAT", 6, false }, { "RUNNING", 7, false }, { "RESTARTS", 8, false }, { "RSS", 9, false },
};
static void process_row(const struct top *t, size_t i, struct cells *c)
{
	const struct status_process *p = &t->st.process[i];

	snprintf(c->name, sizeof(c->name), p->number ? "%s %u" : "%s", p->role, p->number);
	snprintf(c->room[7], sizeof(c->room[7]), "%.1f MB", (double)p->rss_kb / 1024);
	c->text[0] = c->name;
	c->text[1] = integer(c->room[1], p->pid);
	c->text[2] = p->state;
	c->text[3] = status_age(c->room[3], p->up_ms);
	c->text[4] = status_age(c->room[4], p->beat_age_ms);
	c->text[5] = integer(c->room[5], p->running);
	c->text[6] = integer(c->room[6], p->restarts);
	c->text[7] = c->room[7];
}

static const struct column queue_columns[] = {
	{ "QUEUE", 0, true }, { "QUEUED", 9, false }, { "RUNNING", 7, false }, { "LATER", 9, false }, { "IN/S", 7, false }, { "OUT/S", 7, false }, { "OLDEST", 8, false }, { "P95 MS", 7, false },
};
static void queue_row(const struct top *t, size_t i, struct cells *c)
{
	const struct top_name *q = &t->queues.v[i];

	snprintf(c->name, sizeof(c->name), "%s%s", q->paused ? "(paused) " : "", q->name);
	c->text[0] = c->name;
	c->text[1] = if_known(c->room[1], q->queued, t->has_store);
	c->text[2] = if_known(c->room[2], q->running, t->has_store);
	c->text[3] = if_known(c->room[3], q->later, t->has_store);
	c->text[4] = per_second(c->room[4], q->in_s, t->has_store && t->window_s > 0);
	c->text[5] = per_second(c->room[5], q->out_s, t->window_s > 0);
	c->text[6] = status_age(c->room[6], q->oldest_ms);
	c->text[7] = milliseconds(c->room[7], &q->ms, q->ms.p95);
}

static const struct column type_columns[] = {
	{ "TYPE", 0, true }, { "QUEUED", 9, false }, { "RUNNING", 7, false }, { "DEAD", 9, false }, { "FAILED", 7, false }, { "OUT/S", 7, false }, { "P50 MS", 8, false }, { "P95 MS", 7, false },
};
static void type_row(const struct top *t, size_t i, struct cells *c)
{
	const struct top_name *y = &t->types.v[i];

	c->text[0] = y->name;
	c->text[1] = if_known(c->room[1], y->queued, t->has_store);
	c->text[2] = if_known(c->room[2], y->running, t->has_store);
	c->text[3] = if_known(c->room[3], y->dead, t->has_store);
	c->text[4] = if_known(c->room[4], y->failed, t->has_store);
	c->text[5] = per_second(c->room[5], y->out_s, t->window_s > 0);
	c->text[6] = milliseconds(c->room[6], &y->ms, y->ms.p50);
	c->text[7] = milliseconds(c->room[7], &y->ms, y->ms.p95);
}

static const struct column run_columns[] = { { "RUNNING", 36, true }, { "TYPE", 0, true }, { "ATTEMPT", 7, false }, { "WORKER", 6, false }, { "FOR", 9, false } };
static void run_row(const struct top *t, size_t i, struct cells *c)
{
	const struct top_run *r = &t->run[i];

	c->text[0] = r->id;
	c->text[1] = r->type;
	c->text[2] = integer(c->room[2], r->attempt);
	c->text[3] = integer(c->room[3], r->worker);
	c->text[4] = status_age(c->room[4], r->for_ms);
}

/* Lines of each table, its head included: the smallest first what they need, the others the rest in equal parts; 0: not shown. Where there is too little room for all some are left out, queues last. */
static void share(const struct table table[TABLES], unsigned lines, unsigned out[TABLES])
{
	static const unsigned leave_out[TABLES] = { 0, 2, 3, 1 };
	bool open[TABLES];
	unsigned left = 0;

	for (unsigned i = 0; i < TABLES; i++) {
		out[i] = 0;
		open[i] = table[i].rows > 0;
		left += open[i];
	}
	for (unsigned k = 0; k < TABLES && left && lines / left < (left > 1 ? 3 : 2); k++) {
		left -= open[leave_out[k]];
		open[leave_out[k]] = false;
	}
	for (; left > 0; left--) {
		unsigned part = lines / left, best = TABLES;

		for (unsigned i = 0; i < TABLES; i++)
			if (open[i] && (best == TABLES || table[i].rows < table[best].rows))
				best = i;
		out[best] = table[best].rows + 1 < part ? (unsigned)table[best].rows + 1 : part;
		open[best] = false;
		lines -= out[best];
	}
}

static void draw_foot(const struct top *t, const struct top_show *how, struct screen *out)
{
	static const char *const sorts[TOP_SORTS] = { "load", "rate", "name" };
	char text[400];

	if (how->no_foot) {
		if (t->why[0])
			screen_line(out, SCREEN_PLAIN, "%s", t->why);
		return;
	}
	snprintf(text, sizeof(text), "q quit  space %s  s sort (%s)  p processes%s%s", how->paused ? "go on" : "pause", sorts[how->sort], t->why[0] ? "   " : "", t->why);
	screen_last(out, SCREEN_REVERSE, text);
}

void top_draw(const struct top *t, const struct top_show *how, struct screen *out)
{
	const struct table tables[TABLES] = {
		{ process_columns, 8, how->no_processes ? 0 : t->st.nprocess, process_row },
		{ queue_columns, 8, t->queues.n, queue_row },
		{ type_columns, 8, t->types.n, type_row },
		{ run_columns, 5, t->nrun, run_row },
	};
	unsigned lines[TABLES];

	draw_head(t, how, out);
	draw_states(t, out);
	draw_rates(t, out);
	draw_times(t, out);
	share(tables, out->rows > out->used ? out->rows - out->used - 1 : 0, lines);
	for (unsigned i = 0; i < TABLES; i++)
		if (lines[i])
			draw_table(t, &tables[i], lines[i], out);
	draw_foot(t, how, out);
}

/* --- order --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct top_name *)a)->name, ((const struct top_name *)b)->name);
}

static int by_load(const void *a, const void *b)
{
	const struct top_name *x = a, *y = b;
	uint64_t nx = x->queued + x->running, ny = y->queued + y->running;

	if (nx != ny)
		return nx < ny ? 1 : -1;
	return x->out_s < y->out_s ? 1 : x->out_s > y->out_s ? -1 : by_name(a, b);
}

static int by_rate(const void *a, const void *b)
{
	const struct top_name *x = a, *y = b;

	return x->out_s < y->out_s ? 1 : x->out_s > y->out_s ? -1 : by_name(a, b);
}

void top_sort(struct top_names *n, enum top_sort by)
{
	static int (*const order[TOP_SORTS])(const void *a, const void *b) = { by_load, by_rate, by_name };

	if (n->n)
		qsort(n->v, n->n, sizeof(*n->v), order[by]);
}
