/* A new conf: read, checked, its sockets bound, its processes started and READY; then the keeper takes the tables, and only then the old ones drain.
 * Whatever fails before that leaves everything as it was. Called by master.c for HUP; nothing here is fatal. */
#include "process/master.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/files.h"
#include "os/log.h"

static void notify_reloading(void)
{
	char note[64];

	snprintf(note, sizeof(note), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_us());
	notify_send(note);
}

bool reload_owns(const struct master *m, const struct child *c)
{
	return m->reload.active && c->generation == m->reload.generation && c->role->role != SHM_ROLE_KEEPER;
}

/* --- giving up --- */

static void kill_coming(struct master *m)
{
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].pid && reload_owns(m, &m->child[i]))
			spawn_kill(&m->child[i], "its generation is given up");
}

static void drop_coming(struct master *m)
{
	struct reload *r = &m->reload;

	kill_coming(m);
	r->active = r->handed = false;
	loop_timer_stop(m->loop, &r->limit);
	listen_close(&r->listen, &m->listen);
	conf_free(r->conf);
	r->conf = NULL;
}

static void count_failure(struct master *m)
{
	shm_count(&m->seg.proc[0], SHM_C_RELOAD_FAILURES, 1);
	atomic_store_explicit(&m->seg.h->reload_failed, 1, memory_order_relaxed);
	log_error("the reload has failed: everything goes on with the old conf");
	notify_send("READY=1\nSTATUS=running, the last reload failed");
}

void reload_if_asked(struct master *m)
{
	if (!m->reload.again || m->phase != PHASE_RUNNING)
		return;
	m->reload.again = false;
	reload_begin(m);
}

static int hand_over(struct master *m, const struct conf *conf);

void reload_fail(struct master *m, const char *why)
{
	if (!m->reload.active)
		return;
	bool handed = m->reload.handed;

	log_error("reload: %s", why);
	drop_coming(m);
	if (handed && hand_over(m, m->conf) < 0)
		log_error("the keeper could not be given the old conf back: %s", strerror(errno));
	count_failure(m);
	reload_if_asked(m);
}

void reload_abort(struct master *m)
{
	m->reload.again = m->reload.waiting = false;
	if (m->reload.active) {
		log_warn("the reload under way is given up: the server ends");
		drop_coming(m);
	}
}

static void overdue(struct loop_timer *t)
{
	struct master *m = LOOP_OWNER(t, struct master, reload.limit);

	reload_fail(m, m->reload.handed ? "the keeper did not take the new conf in 30 s" : "not all processes got ready for it in 30 s");
}

/* --- putting it in force --- */

static bool log_differs(const struct conf *a, const struct conf *b)
{
	return strcmp(a->log, b->log) != 0 || a->log_level != b->log_level || a->log_format != b->log_format;
}

static void switch_log(struct master *m)
{
	struct log_options o = { .dest = m->conf->log, .level = (enum log_level)m->conf->log_level, .format = (enum log_format)m->conf->log_format };

	if (log_open(&o) < 0)
		log_error("log %s: %s; logging goes on where it went", o.dest, log_why(errno));
	else
		master_log_settled(m);
}

static bool is_old(const struct master *m, const struct child *c)
{
	return c->pid && c->role->role != SHM_ROLE_KEEPER && c->generation != m->generation;
}

/* The seats of acceptors and workers are the new generation's from here on. */
static void reseat(struct master *m)
{
	for (uint32_t i = 0; i < m->nslot; i++) {
		struct seat *s = &m->seat[i];
		if (!s->role || s->role->role == SHM_ROLE_KEEPER)
			continue;
		loop_timer_stop(m->loop, &s->again);
		s->wanted = s->number <= s->role->count(m->conf);
		s->fatal = false;
		s->child = NULL;
		s->throttle = (struct throttle){ 0 };
	}
	for (uint32_t i = 0; i < m->nslot; i++) {
		struct child *c = &m->child[i];
		if (c->pid && c->role->role != SHM_ROLE_KEEPER && c->generation == m->generation)
			seat_at(m, c->role->role, c->number)->child = c;
	}
}

static void put_in_force(struct master *m)
{
	struct reload *r = &m->reload;
	struct listen_set old_listen = m->listen;

	r->active = r->handed = false;
	loop_timer_stop(m->loop, &r->limit);
	conf_free(m->conf);
	m->conf = r->conf;
	r->conf = NULL;
	m->listen = r->listen;
	r->listen = (struct listen_set){ 0 };
	m->generation = r->generation;
	m->no_claims = false;
	if (r->log_changes)
		switch_log(m);
	reseat(m);
	atomic_store_explicit(&m->seg.h->generation, m->generation, memory_order_relaxed);
	atomic_store_explicit(&m->seg.h->no_claims, 0, memory_order_relaxed);
	atomic_store_explicit(&m->seg.h->reload_ok_ms, clock_wall_ms(), memory_order_relaxed);
	atomic_store_explicit(&m->seg.h->reload_failed, 0, memory_order_relaxed);
	shm_count(&m->seg.proc[0], SHM_C_RELOADS, 1);
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].pid && m->child[i].role->role != SHM_ROLE_KEEPER && m->child[i].generation == m->generation)
			spawn_go(&m->child[i]);
	for (uint32_t i = 0; i < m->nslot; i++) {
		if (!is_old(m, &m->child[i]))
			continue;
		spawn_set_state(&m->child[i], SHM_PROC_DRAINING);
		spawn_say(&m->child[i], MASTER_DRAIN, 0, -1);
	}
	if (r->log_changes)
		spawn_say(seat_at(m, SHM_ROLE_KEEPER, 1)->child, MASTER_GO, 0, -1);     /* a second one: the log as the new tables have it */
	listen_close(&old_listen, &m->listen);
	log_info("reload: generation %u is in force, the old processes finish what they have", m->generation);
	notify_send("READY=1\nSTATUS=running");
	reload_if_asked(m);
}

/* --- on the way --- */

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int hand_over(struct master *m, const struct conf *conf)
{
	struct seat *keeper = seat_at(m, SHM_ROLE_KEEPER, 1);
	struct buf text = { 0 };
	int fd, rc = -1;

	if (!keeper->child || !keeper->child->go_ns) {
		errno = ESRCH;
		return -1;
	}
	conf_dump(conf, true, &text);
	fd = memfd_create("stint.conf", MFD_CLOEXEC);
	if (text.failed)
		errno = ENOMEM;
	else if (fd >= 0 && write_all(fd, text.data, text.len) == 0 && lseek(fd, 0, SEEK_SET) == 0) {
		spawn_say(keeper->child, MASTER_CONF, ++m->reload.given, fd);
		rc = 0;
	}
	int saved = errno;
	if (fd >= 0)
		close(fd);
	buf_free(&text);
	errno = saved;
	return rc;
}

/* All of the new generation READY, and a keeper there to take the tables: one that is just being replaced is waited for. */
void reload_look(struct master *m)
{
	struct seat *keeper = seat_at(m, SHM_ROLE_KEEPER, 1);

	if (!m->reload.active || m->reload.handed || !keeper->child || !keeper->child->go_ns)
		return;
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].pid && reload_owns(m, &m->child[i]) && m->child[i].state != SHM_PROC_READY)
			return;
	if (hand_over(m, m->reload.conf) < 0)
		reload_fail(m, "the conf could not be handed to the keeper");
	else
		m->reload.handed = true;
}

void reload_conf_taken(struct master *m, int64_t which)
{
	if (m->reload.active && m->reload.handed && which == m->reload.given)
		put_in_force(m);
}

void reload_conf_refused(struct master *m, int64_t which)
{
	if (m->reload.active && m->reload.handed && which == m->reload.given)
		reload_fail(m, "the keeper could not take the new conf");
}

void reload_keeper_died(struct master *m)
{
	if (m->reload.active && m->reload.handed) {
		m->reload.handed = false;       /* its successor begins with the conf in force */
		reload_fail(m, "the keeper died while it took the new conf");
	}
}

void reload_slot_free(struct master *m)
{
	if (!m->reload.waiting || m->phase != PHASE_RUNNING)
		return;
	m->reload.waiting = false;
	reload_begin(m);
}

/* --- beginning --- */

static void tell_kept(void *arg, const char *option)
{
	(void)arg;
	log_warn("reload: %s has changed, which needs a restart: the old value stays in force", option);
}

static struct conf *load(struct master *m)
{
	struct conf_report report = { 0 };
	struct conf *conf = conf_load(m->conf_file, m->prefix, &report);

	for (size_t i = 0; i < report.n; i++) {
		const struct conf_message *c = &report.v[i];
		char line[16] = "";
		if (c->line)
			snprintf(line, sizeof(line), ":%u", c->line);
		log_write(c->warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, NULL, "reload: %s%s: %s", c->file, line, c->text);
	}
	conf_report_free(&report);
	if (!conf)
		return NULL;
	conf_restart_only(m->conf, conf, tell_kept, NULL);
	if (conf_keep_restart_only(m->conf, conf) < 0) {
		log_error("reload: %s", strerror(ENOMEM));
		conf_free(conf);
		return NULL;
	}
	return conf;
}

static bool old_ones_left(const struct master *m)
{
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->child[i].role && (is_old(m, &m->child[i]) || (m->child[i].pid == 0 && m->child[i].state != SHM_PROC_FREE)))
			return true;
	return false;
}

/* Room for the new generation beside the old one. 1: there is; 0: there will be; -1: never, and that has been said. */
static int room(const struct master *m, const struct conf *conf)
{
	if (conf->worker_jobs > m->run_capacity) {
		log_error("reload: worker_jobs = %llu needs a restart: this server was started with room for %u",
			(unsigned long long)conf->worker_jobs, m->run_capacity);
		return -1;
	}
	for (const struct role *r = m->roles; r->body; r++) {
		uint32_t n = r->count(conf), capacity = seat_capacity(m, r->role), used = seat_filled(m, r->role);
		if (r->role == SHM_ROLE_KEEPER || spawn_has_room(m, r, n))
			continue;
		if (n <= capacity && old_ones_left(m))
			return 0;
		log_error("reload: %u %ss do not fit beside the %u that run now: at most %u without a restart", n, r->title, used, capacity - used);
		return -1;
	}
	return 1;
}

static bool spawn_coming(struct master *m)
{
	struct reload *r = &m->reload;

	for (const struct role *role = m->roles; role->body; role++) {
		if (role->role == SHM_ROLE_KEEPER)
			continue;
		for (uint32_t n = 1; n <= role->count(r->conf); n++) {
			struct spawn_order o = { .role = role, .number = n, .generation = r->generation, .conf = r->conf, .listen = &r->listen, .log_at_go = r->log_changes };
			if (!spawn_child(m, &o))
				return false;
		}
	}
	return true;
}

static void start_coming(struct master *m, struct conf *conf)
{
	struct reload *r = &m->reload;
	char why[512];

	if (listen_open(&r->listen, &conf->http, &m->listen, &m->identity, why, sizeof(why)) < 0) {
		log_error("reload: cannot listen on %s", why);
		conf_free(conf);
		count_failure(m);
		return;
	}
	r->conf = conf;
	r->active = true;
	r->generation = ++m->last_generation;
	r->log_changes = log_differs(m->conf, conf);
	r->limit.fire = overdue;
	loop_timer_set(m->loop, &r->limit, MASTER_START_NS);
	if (!spawn_coming(m))
		reload_fail(m, strerror(errno));
}

void reload_begin(struct master *m)
{
	struct reload *r = &m->reload;

	if (r->active || r->waiting) {
		log_info("reload: one is under way, another one follows it");
		r->again = r->active;
		return;
	}
	log_info("reload: reading %s", m->conf_file);
	notify_reloading();
	struct conf *conf = load(m);
	if (!conf) {
		count_failure(m);
		return;
	}
	switch (room(m, conf)) {
	case 1:
		start_coming(m, conf);
		return;
	case 0:
		log_info("reload: waiting until old processes have finished: their places are needed");
		r->waiting = true;
		notify_send("READY=1\nSTATUS=running, a reload waits for old processes to finish");
		conf_free(conf);
		return;
	default:
		conf_free(conf);
		count_failure(m);
	}
}
