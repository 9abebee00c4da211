/* The coprocess kind: what a program took for its jobs. Called by the other parts when a job is handed over and when it ends. Nothing here is fatal.
 *
 * A program works for many jobs, so a job is told of the processor time since the job before it ended, or since it was handed over to a program that had none: the sum is right whatever the program does, and
 * each job's where it works on one after another. That of the program itself costs one call and is exact; that of processes that it starts, and memory, cost reading /proc, and are looked at now and then. */
#include "run/coprocess_inside.h"

#include <unistd.h>

#include "os/clock.h"
#include "os/proc.h"

#define LOOK_NS 100000000LL

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void look(struct coprocess *c)
{
	int64_t now = loop_now(c->pool->host->loop);
	struct proc p;

	if (c->use.looked_ns && now - c->use.looked_ns < LOOK_NS)
		return;
	c->use.looked_ns = now;
	if (proc_read(c->family.pid, &p))
		c->use.children_us = p.ticks * 1000000 / sysconf(_SC_CLK_TCK);
	int64_t peak = cage_peak_kb(&c->family.cage);
	c->use.peak_kb = larger(c->use.peak_kb, peak >= 0 ? peak : proc_peak_kb(c->family.pid));
}

/* As it is known when the leader has been reaped. */
static int64_t of_the_dead(struct coprocess *c)
{
	c->use.peak_kb = larger(c->use.peak_kb, c->family.use.peak_kb >= 0 ? c->family.use.peak_kb : c->family.usage.ru_maxrss);
	return family_cpu_us(&c->family);
}

static int64_t taken_us(struct coprocess *c)
{
	if (c->family.stage == FAMILY_GONE)
		return of_the_dead(c);
	look(c);
	return clock_of_process_us(c->family.pid) + c->use.children_us;
}

void coprocess_use_begin(struct coprocess *c)
{
	c->use = (struct coprocess_use){ .told_us = 0 };
}

void coprocess_use_pass(struct coprocess *c)
{
	c->use.told_us = larger(c->use.told_us, taken_us(c));
}

void coprocess_use_tell(struct coprocess *c, struct run_result *r)
{
	int64_t taken = taken_us(c);

	r->cpu_us = larger(taken - c->use.told_us, 0);
	r->max_rss_kb = (uint64_t)larger(c->use.peak_kb, 0);
	c->use.told_us = larger(c->use.told_us, taken);
}
