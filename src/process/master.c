/* The master: what it does at each signal and at a child's READY, and its loop. Called by stintd.c.
 *
 * It holds no store, speaks no HTTP, runs no job code, waits for nobody. Fatal: what start.c cannot set up; a keeper or acceptor that says "do not restart". */
#include "process/master.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "process/signals.h"

/* The log's file is opened again by children that are no longer root: it has to be theirs as well. */
void master_log_settled(struct master *m)
{
	struct stat st;
	int fd = log_fd();

	if (!m->identity.change || fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1 || st.st_uid == m->identity.uid)
		return;
	if (fchown(fd, m->identity.uid, m->identity.gid) < 0)
		log_warn("log %s: giving it to %s: %s", m->conf->log, m->identity.name, strerror(errno));
}

void master_ready(struct child *c)
{
	struct master *m = c->m;

	if (c->state != SHM_PROC_STARTING) {
		log_warn("%s says READY once more: ignored", spawn_name(c));
		return;
	}
	loop_timer_stop(m->loop, &c->start_limit);
	spawn_set_state(c, SHM_PROC_READY);
	log_info("%s is ready, pid %d", spawn_name(c), (int)c->pid);
	if (m->phase == PHASE_STARTING) {
		start_child_ready(m, c);
	} else if (m->phase != PHASE_RUNNING) {
		drain_child_ready(m, c);
	} else if (reload_owns(m, c)) {
		reload_look(m);
	} else if (c->role->role == SHM_ROLE_KEEPER) {
		spawn_go(c);
		reap_tell_keeper(m);
		reload_look(m);
	} else if (c->role->role != SHM_ROLE_WORKER || !m->no_claims) {
		spawn_go(c);
	}
}

/* --- signals --- */

static void act_reload(struct master *m)
{
	if (m->phase == PHASE_STARTING) {
		m->reload.again = true;
	} else if (m->phase == PHASE_RUNNING) {
		reload_begin(m);
	} else {
		log_warn("SIGHUP: the server ends, nothing is reloaded");
	}
}

static void start_interrupted(struct master *m)
{
	log_warn("told to end before the server was ready");
	start_failed(m, m->foreground ? 0 : EX_TEMPFAIL);
}

static void act_drain(struct master *m)
{
	if (m->phase == PHASE_STARTING)
		start_interrupted(m);
	else if (m->phase == PHASE_RUNNING)
		drain_begin(m, "told to end");
	else
		drain_stop(m, "told to end for the second time");
}

static void act_stop(struct master *m)
{
	if (m->phase == PHASE_STARTING)
		start_interrupted(m);
	else
		drain_stop(m, "told to stop");
}

static void act_reopen(struct master *m)
{
	if (log_reopen() < 0)
		log_error("log %s: %s; the old file is kept", m->conf->log, log_why(errno));
	else
		log_info("log opened again");
	master_log_settled(m);
	for (uint32_t i = 0; i < m->nslot; i++)
		spawn_say(&m->child[i], MASTER_REOPEN, 0, -1);
}

static void act_pause(struct master *m)
{
	if (m->phase != PHASE_RUNNING || m->no_claims)
		return;
	log_info("no job is claimed any more until a reload");
	m->no_claims = true;
	atomic_store_explicit(&m->seg.h->no_claims, 1, memory_order_relaxed);
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].role && m->child[i].role->role == SHM_ROLE_WORKER)
			spawn_say(&m->child[i], MASTER_PAUSE, 0, -1);
}

static void act_upgrade(struct master *m)
{
	(void)m;
	log_warn("SIGUSR2: this version cannot replace its own binary; restart it (SIGTERM, then start)");
}

static void on_signal(void *arg, const struct signalfd_siginfo *si)
{
	static void (*const act[SIGNAL_ACTIONS])(struct master *m) = {
		[SIGNAL_RELOAD] = act_reload, [SIGNAL_DRAIN] = act_drain, [SIGNAL_STOP] = act_stop, [SIGNAL_REOPEN] = act_reopen,
		[SIGNAL_PAUSE] = act_pause, [SIGNAL_UPGRADE] = act_upgrade, [SIGNAL_REAP] = reap_children,
	};
	const struct signal_entry *e = signals_find((int)si->ssi_signo);

	if (!e)
		return;
	if (e->action != SIGNAL_REAP)
		log_info("%s from pid %u", e->name, si->ssi_pid);
	act[e->action](arg);
}

/* --- the loop --- */

static int open_loop(struct master *m)
{
	int list[SIGNALS_MAX];

	signals_list(list);
	m->loop = loop_new();
	if (m->loop && loop_signals(m->loop, list, on_signal, m) == 0)
		return 0;
	log_error("event loop: %s", strerror(errno));
	return EX_OSERR;
}

static void run(struct master *m)
{
	watch_begin(m);
	start_children(m);
	while (m->phase != PHASE_OVER) {
		loop_turn(m->loop, -1);
		log_flush();
	}
	watch_stop(m);
	log_info("stintd has ended, exit code %d", m->exit_code);
}

int master_run(const struct master_options *opt)
{
	struct master m = { .conf = opt->conf, .conf_file = opt->conf_file, .prefix = opt->prefix, .version = opt->version, .roles = opt->roles,
		.foreground = opt->foreground, .lock_fd = -1, .run_lock_fd = -1, .groups.dir = -1, .pid = getpid() };
	struct log_options first = { .dest = "stderr", .level = (enum log_level)opt->conf->log_level, .format = (enum log_format)opt->conf->log_format };

	/* Until the server is ready a user reads stderr: all of it where that is the log, else what is wrong and nothing more. */
	if (strcmp(opt->conf->log, "stderr") != 0) {
		first.format = LOG_FORMAT_TEXT;
		if (first.level < LOG_LEVEL_WARN)
			first.level = LOG_LEVEL_WARN;
	}
	log_role("master");
	if (log_open(&first) < 0)
		return EX_OSERR;
	m.exit_code = start_prepare(&m);
	if (m.exit_code == 0)
		m.exit_code = open_loop(&m);
	if (m.exit_code == 0)
		run(&m);
	start_undo(&m);
	if (m.loop)
		loop_free(m.loop);
	conf_free(m.conf);
	log_flush();
	if (m.daemonized && !m.ready)
		daemon_failed(m.exit_code);
	return m.exit_code;
}
