/* From a checked conf to READY: identity, directories, locks, sockets, segment, background, the first children; and undoing it at the end. Called by master.c.
 * Everything that fails here is fatal to the start: its reason is on stderr, its kind in the exit code (sysexits). */
#include "process/master.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/descend.h"
#include "os/files.h"
#include "os/log.h"
#include "os/timeslice.h"
#include "process/signals.h"
#include "store/store.h"

#define LOCK_TRIES 30                   /* of LOCK_PAUSE_NS: a predecessor that is dying gets 3 s */
#define LOCK_PAUSE_NS 100000000L
#define FILES_WANTED 65536
#define FILES_LEAST 60u                 /* what a process needs for itself, with room to spare */
#define FILES_A_WORKER 4u               /* and more of each worker process: doorbells, and the master's channels to old and new */

static int code_of(int err, int otherwise)
{
	return err == EACCES || err == EPERM || err == EROFS ? EX_NOPERM : otherwise;
}

static int find_identity(struct master *m)
{
	struct conf *c = m->conf;

	if (identity_lookup(c->user, c->group, &m->identity) == 0)
		return 0;
	int err = errno;
	if (err != ENOENT) {
		log_error("user \"%s\", group \"%s\": %s", c->user, c->group, strerror(err));
		return EX_OSERR;
	}
	if (c->user_given) {
		bool user = identity_lookup(c->user, "", &m->identity) != 0;
		log_error("there is no %s \"%s\": add it, or set %s in %s", user ? "user" : "group", user ? c->user : c->group, user ? "user" : "group", c->file);
		return EX_CONFIG;
	}
	log_warn("there is no user \"%s\": going on as root. Add the user, or set user in %s", c->user, c->file);
	m->identity = (struct identity){ .change = false };
	return 0;
}

static int make_directory(struct master *m, const char *path, mode_t mode)
{
	uid_t uid = m->identity.change ? m->identity.uid : (uid_t)-1;
	gid_t gid = m->identity.change ? m->identity.gid : (gid_t)-1;

	if (dir_make(path, mode, uid, gid) == 0)
		return 0;
	int err = errno;
	log_error("directory %s: %s", path, strerror(err));
	return code_of(err, EX_CANTCREAT);
}

static bool has_directory(const struct conf *c)
{
	return !c->store.url || !c->store.url[0];
}

static int make_directories(struct master *m)
{
	char *pid_file = strdup(m->conf->pid_file);
	int rc;

	if (!pid_file) {
		log_error("%s", strerror(ENOMEM));
		return EX_OSERR;
	}
	rc = make_directory(m, m->conf->run_dir, 0755);
	if (rc == 0)
		rc = make_directory(m, dirname(pid_file), 0755);
	if (rc == 0 && has_directory(m->conf))
		rc = make_directory(m, m->conf->store.path, 0750);
	free(pid_file);
	return rc;
}

/* The keeper looks again; but nothing may be left, not even a lock, in a directory that is somebody else's. */
static int check_place(struct master *m)
{
	char why[PATH_MAX + 256];
	enum store_rc rc = has_directory(m->conf) ? store_check_place(m->conf->store.path, why, sizeof(why)) : STORE_OK;

	if (rc == STORE_OK)
		return 0;
	log_error("%s", why);
	return rc == STORE_INVALID ? EX_CONFIG : EX_IOERR;
}

static char *path_in(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* A lock in a directory: whoever holds it has the store, or the segment, to itself. */
static int take_lock(struct master *m, const char *dir, const char *name, int *fd)
{
	char *path = path_in(dir, name);
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	pid_t holder = 0;

	if (!path) {
		log_error("%s", strerror(ENOMEM));
		return EX_OSERR;
	}
	for (unsigned i = 0; ; i++) {
		*fd = lockfile_take(path, &holder);
		if (*fd >= 0 || errno != EWOULDBLOCK || i == LOCK_TRIES)
			break;
		nanosleep(&pause, NULL);
	}
	int err = *fd < 0 ? errno : 0, rc = 0;
	if (err == EWOULDBLOCK) {
		log_error("%s is in use by another server (pid %d): stop it first, or give this one directories of its own", dir, (int)holder);
		rc = EX_UNAVAILABLE;
	} else if (err) {
		log_error("%s: %s", path, strerror(err));
		rc = code_of(err, EX_CANTCREAT);
	} else if (m->identity.change && fchown(*fd, m->identity.uid, m->identity.gid) < 0) {
		log_error("%s: giving it to %s: %s", path, m->identity.name, strerror(errno));
		rc = EX_NOPERM;
	}
	free(path);
	return rc;
}

static int take_locks(struct master *m)
{
	int rc = 0;

	if (has_directory(m->conf))
		rc = take_lock(m, m->conf->store.path, "instance.lock", &m->lock_fd);
	return rc ? rc : take_lock(m, m->conf->run_dir, "run.lock", &m->run_lock_fd);
}

static int open_sockets(struct master *m)
{
	char why[512];

	if (listen_open(&m->listen, &m->conf->http, NULL, &m->identity, why, sizeof(why)) == 0)
		return 0;
	log_error("cannot listen on %s", why);
	return EX_UNAVAILABLE;
}

static int make_segment(struct master *m)
{
	/* its group, so that `stint status` may read it as the user that the server runs as; not the user's own, or a handler could cut it under us */
	struct segment_plan plan = { .workers = (uint32_t)m->conf->worker_processes, .worker_jobs = (uint32_t)m->conf->worker_jobs, .version = m->version,
		.group = m->identity.change ? &m->identity.gid : NULL };
	char *path = path_in(m->conf->run_dir, "status.shm");
	int64_t wall_ms = clock_wall_ms();
	uint8_t boot[16];

	if (!path) {
		log_error("%s", strerror(ENOMEM));
		return EX_OSERR;
	}
	strays_end(path);
	clock_boot_id(boot);
	uint64_t epoch = (uint64_t)wall_ms * 1000000u + (uint64_t)(clock_boot_ns() % 1000000);
	int rc = segment_create(&m->seg, path, &plan, epoch, wall_ms, boot) < 0 ? errno : 0;
	if (rc)
		log_error("%s: %s", path, strerror(rc));
	free(path);
	return rc ? code_of(rc, EX_IOERR) : 0;
}

/* The tables by slot, made while nobody else can write to the segment. */
static int make_tables(struct master *m)
{
	uint32_t nacceptor = m->seg.geo.nacceptor, nworker = m->seg.geo.nworker;

	m->nslot = m->seg.geo.nproc;
	m->run_capacity = m->seg.geo.run_capacity;
	m->child = calloc(m->nslot, sizeof(*m->child));
	m->seat = calloc(m->nslot, sizeof(*m->seat));
	if (!m->child || !m->seat) {
		log_error("%s", strerror(ENOMEM));
		return EX_OSERR;
	}
	for (uint32_t i = 0; i < m->nslot; i++)
		m->child[i] = (struct child){ .m = m, .slot = i, .io.fd = -1 };
	m->child[1].role = role_find(m->roles, SHM_ROLE_KEEPER);
	for (uint32_t i = 0; i < nacceptor; i++)
		m->child[segment_acceptor_slot(&m->seg, i)].role = role_find(m->roles, SHM_ROLE_ACCEPTOR);
	for (uint32_t i = 0; i < nworker; i++)
		m->child[segment_worker_slot(&m->seg, i)].role = role_find(m->roles, SHM_ROLE_WORKER);
	for (uint32_t i = 0; i < m->nslot; i++)
		m->seat[i] = (struct seat){ .m = m, .role = m->child[i].role };
	for (const struct role *r = m->roles; r->body; r++)
		for (uint32_t n = 1; n <= seat_capacity(m, r->role); n++)
			seat_at(m, r->role, n)->number = n;
	return 0;
}

/* As many open files as we may have. Too few for the conf is a warning, too few for anything the end. */
static int raise_file_limit(struct master *m)
{
	uint64_t connections = m->conf->http.max_connections, pipes = 2 * m->conf->worker_jobs, most = connections > pipes ? connections : pipes;
	uint64_t least = FILES_LEAST + FILES_A_WORKER * m->conf->worker_processes;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return 0;
	if (r.rlim_cur < FILES_WANTED && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max < FILES_WANTED ? r.rlim_max : FILES_WANTED;
		if (setrlimit(RLIMIT_NOFILE, &r) < 0)
			log_warn("raising the limit of open files: %s", strerror(errno));
	}
	if (r.rlim_cur < least) {
		log_error("a process may have %llu files open here (ulimit -n), and %llu are needed", (unsigned long long)r.rlim_cur, (unsigned long long)least);
		return EX_OSERR;
	}
	if (r.rlim_cur - least < most)
		log_warn("a process may have %llu files open here (ulimit -n): too few for %s = %llu, which takes %llu", (unsigned long long)r.rlim_cur,
			connections > pipes ? "max_connections" : "worker_jobs", (unsigned long long)(connections > pipes ? connections : pipes / 2),
			(unsigned long long)(least + most));
	return 0;
}

static int go_background(struct master *m)
{
	if (!m->foreground) {
		if (daemon_start() < 0) {
			log_error("cannot go into the background: %s", strerror(errno));
			return EX_OSERR;
		}
		m->daemonized = true;
		if (!timeslice_weigh_session(PROCESS_SESSION_NICE))
			log_debug("/proc/self/autogroup: %s: our session weighs what any other does", strerror(errno));
		if (chdir("/") < 0)     /* or we would hold the file system that we were started on */
			log_warn("chdir /: %s", strerror(errno));
		if (m->lock_fd >= 0)
			lockfile_say(m->lock_fd, getpid());
		lockfile_say(m->run_lock_fd, getpid());
	}
	m->pid = getpid();
	signal(SIGPIPE, SIG_IGN);
	if (descend_subreaper() < 0) {
		log_error("PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
		return EX_OSERR;
	}
	size_t n = descend_children(m->stranger, MASTER_STRANGERS);
	m->nstranger = n < MASTER_STRANGERS ? n : MASTER_STRANGERS;
	return 0;
}

int start_prepare(struct master *m)
{
	static int (*const step[])(struct master *m) = { raise_file_limit, find_identity, make_directories, check_place, take_locks, open_sockets, make_segment, make_tables, go_background, groups_begin };
	int rc = 0;

	umask(022);
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]) && rc == 0; i++)
		rc = step[i](m);
	return rc;
}

/* --- the first children --- */

/* False where it could not: the start has failed then. */
static bool want(struct master *m, enum shm_role role)
{
	const struct role *r = role_find(m->roles, role);

	for (uint32_t n = 1; n <= r->count(m->conf); n++) {
		struct seat *s = seat_at(m, role, n);
		if (!s)
			break;
		s->wanted = true;
		seat_fill(s);
		if (!s->child) {
			start_failed(m, EX_OSERR);
			return false;
		}
	}
	return true;
}

void start_children(struct master *m)
{
	struct shm_proc *me = &m->seg.proc[0];

	atomic_store_explicit(&me->role, SHM_ROLE_MASTER, memory_order_relaxed);
	atomic_store_explicit(&me->pid, m->pid, memory_order_relaxed);
	atomic_store_explicit(&me->started_ms, clock_wall_ms(), memory_order_relaxed);
	atomic_store_explicit(&me->state, SHM_PROC_RUNNING, memory_order_release);
	m->generation = m->last_generation = 1;
	atomic_store_explicit(&m->seg.h->generation, m->generation, memory_order_relaxed);
	want(m, SHM_ROLE_KEEPER);
}

static int settle_log(struct master *m)
{
	struct log_options o = { .dest = m->conf->log, .level = (enum log_level)m->conf->log_level, .format = (enum log_format)m->conf->log_format };

	if (log_open(&o) < 0) {
		int err = errno;
		log_error("log %s: %s", o.dest, log_why(err));
		return code_of(err, EX_CANTCREAT);
	}
	master_log_settled(m);
	return 0;
}

/* A log that is not stderr begins here: what came before went to stderr, and only where it was a warning. */
static void tell_ready(const struct master *m)
{
	bool fresh = strcmp(m->conf->log, "stderr") != 0;

	for (uint32_t i = 0; fresh && i < m->nslot; i++)
		if (m->child[i].pid)
			log_info("%s runs, pid %d, slot %u", spawn_name(&m->child[i]), (int)m->child[i].pid, i);
	for (size_t i = 0; i < m->listen.n; i++)
		log_info("listening on %s", m->listen.v[i].text);
	log_info("stintd %s is ready, pid %d: %u workers of %llu jobs each, conf %s", m->version, (int)m->pid, reap_alive(m, SHM_ROLE_WORKER),
		(unsigned long long)m->conf->worker_jobs, m->conf->file);
}

/* Everybody is READY: nothing that follows can fail. */
static void complete(struct master *m)
{
	char note[128];
	int rc = 0;

	if (pidfile_write(m->conf->pid_file, m->pid) < 0) {
		rc = code_of(errno, EX_CANTCREAT);
		log_error("%s: %s", m->conf->pid_file, strerror(errno));
	}
	if (rc == 0)
		rc = settle_log(m);
	if (rc) {
		start_failed(m, rc);
		return;
	}
	m->phase = PHASE_RUNNING;
	atomic_store_explicit(&m->seg.h->server_state, SHM_SERVER_RUNNING, memory_order_release);
	for (const struct role *r = m->roles; r->body; r++)
		for (uint32_t i = 0; i < m->nslot; i++)
			if (m->child[i].role == r && m->child[i].pid)
				spawn_go(&m->child[i]);
	m->ready = true;
	tell_ready(m);
	snprintf(note, sizeof(note), "READY=1\nMAINPID=%d\nSTATUS=running", (int)m->pid);
	notify_send(note);
	log_flush();
	daemon_ready(strcmp(m->conf->log, "stderr") == 0);
	reload_if_asked(m);
}

void start_child_ready(struct master *m, struct child *c)
{
	if (c->role->role == SHM_ROLE_KEEPER && !(want(m, SHM_ROLE_ACCEPTOR) && want(m, SHM_ROLE_WORKER)))
		return;
	for (uint32_t i = 0; i < m->nslot; i++)
		if (m->phase != PHASE_STARTING || (m->child[i].pid && m->child[i].state != SHM_PROC_READY))
			return;
	complete(m);
}

void start_failed(struct master *m, int exit_code)
{
	if (m->phase != PHASE_STARTING)
		return;
	m->exit_code = exit_code;
	drain_kill(m);
}

/* A child's own exit code is ours where it is one of sysexits(3); its reason is above, from itself. */
void start_child_died(struct master *m, const struct child *c, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	log_error("cannot start: %s %s", spawn_name(c), reap_how(status));
	if (code == PROCESS_EXIT_FATAL)
		code = EX_UNAVAILABLE;
	start_failed(m, code >= EX__BASE && code <= EX__MAX ? code : EX_SOFTWARE);
}

void start_undo(struct master *m)
{
	for (uint32_t i = 0; i < m->nslot; i++)
		atomic_store_explicit(&m->seg.proc[i].pid, 0, memory_order_relaxed);
	if (m->seg.h) {
		atomic_store_explicit(&m->seg.h->server_state, SHM_SERVER_STOPPING, memory_order_release);
		segment_close(&m->seg);
	}
	pidfile_remove(m->conf->pid_file, m->pid);      /* only where it names us */
	listen_close(&m->listen, NULL);
	groups_end(m);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	if (m->run_lock_fd >= 0)
		close(m->run_lock_fd);
	free(m->child);
	free(m->seat);
}
