/* Once a second: our own heartbeat, a look at the children's, and systemd's watchdog. Called by master.c. Nothing here is fatal.
 *
 * A heartbeat is a child's word. One that lies about it lives on, and that is all it gains. */
#include "process/master.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/files.h"
#include "os/log.h"
#include "os/proc.h"

#define TICK_NS (1000 * MASTER_MS)
#define MUTE_TICKS 3u
#define LATE_NS (2000 * MASTER_MS)

/* Where our own tick comes late, everybody may have stood still (suspend, a stopped group): all get a whole period from now. */
static int64_t judged_from(struct watch *w, int64_t now)
{
	if (now - w->last_ns > LATE_NS)
		w->judge_from_ns = now;
	w->last_ns = now;
	return w->judge_from_ns;
}

static void judge(struct child *c, int64_t now, int64_t from)
{
	struct master *m = c->m;
	int64_t beat = atomic_load_explicit(&m->seg.proc[c->slot].heartbeat_ns, memory_order_relaxed);
	char why[96];

	if (c->pid == 0 || c->killed)
		return;
	if (c->io.fd < 0 && ++c->mute >= MUTE_TICKS) {
		spawn_kill(c, "it has closed its channel and lives on");
		return;
	}
	if (beat < from)
		beat = from;
	if (c->state == SHM_PROC_STARTING || m->conf->watchdog == 0 || now - beat <= m->conf->watchdog * MASTER_MS)
		return;
	snprintf(why, sizeof(why), "its heartbeat has stood still for %.1f s", (double)(now - beat) / 1e9);
	spawn_kill(c, why);
	c->killed = "its heartbeat stood still";        /* why[] ends with this function */
}

static void tick(struct loop_timer *t)
{
	struct master *m = LOOP_OWNER(t, struct master, watch.tick);
	int64_t now = clock_boot_ns(), from = judged_from(&m->watch, now);

	atomic_store_explicit(&m->seg.proc[0].heartbeat_ns, now, memory_order_relaxed);
	atomic_store_explicit(&m->seg.proc[0].rss_kb, proc_resident_kb(), memory_order_relaxed);
	shm_gauge(&m->seg.proc[0], SHM_C_LOG_DROPPED, log_dropped());
	for (uint32_t i = 0; i < m->nslot; i++)
		judge(&m->child[i], now, from);
	if (m->groups.stale)
		groups_clear(m);
	loop_timer_set(m->loop, t, TICK_NS);
}

static void ping(struct loop_timer *t)
{
	struct master *m = LOOP_OWNER(t, struct master, watch.ping);

	notify_send("WATCHDOG=1");
	loop_timer_set(m->loop, t, m->watch.ping_ns);
}

/* sd_watchdog_enabled(3): half of what it allows, and only where it means this process. */
static int64_t asked_ping_ns(pid_t self)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtol(pid, NULL, 10) != (long)self))
		return 0;
	long long n = strtoll(usec, NULL, 10);
	return n > 0 && n < INT64_MAX / 1000 ? n * 1000 / 2 : 0;
}

void watch_begin(struct master *m)
{
	m->watch.last_ns = m->watch.judge_from_ns = clock_boot_ns();
	m->watch.tick.fire = tick;
	tick(&m->watch.tick);
	m->watch.ping_ns = asked_ping_ns(m->pid);
	m->watch.ping.fire = ping;
	if (m->watch.ping_ns)
		ping(&m->watch.ping);
}

void watch_stop(struct master *m)
{
	loop_timer_stop(m->loop, &m->watch.tick);
	loop_timer_stop(m->loop, &m->watch.ping);
}
