/* A stage for tests of the master: roles of their own making that do as the shared `play` says and tell there what they heard.
 *
 * The master runs in a process of its own; its readiness comes as a datagram on $NOTIFY_SOCKET. Nothing is measured: what is waited for is waited for until HANG_S ends the test. */
#ifndef STINT_TESTS_PROCESS_STAGE_H
#define STINT_TESTS_PROCESS_STAGE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "process/master.h"

#define HANG_S 60
#define KEEPER 1u
#define WORKERS 2u

/* What the roles are to do, and what they have done. */
struct play {
	_Atomic int keeper_start_code, worker_start_code;       /* not 0: exit with it instead of getting ready */
	_Atomic int worker_start_code_generation;               /* only from this conf generation on */
	_Atomic int keeper_dies_of_conf, keeper_refuses_conf;   /* at MASTER_CONF */
	_Atomic int worker_deaf;                                /* heeds neither DRAIN nor STOP */
	_Atomic int worker_leaves_child;                        /* each worker starts a process that ignores everything */
	_Atomic int left_pid;                                   /* the last of those */
	_Atomic int left_alive_when_abandoned;
	_Atomic int conf_taken, refused, paused, reopened, abandoned, drained, stopped;
};

static struct play *play;
static char dir[80];                     /* short: paths of Unix sockets are */
static int notify_fd = -1;
static pid_t master;

/* --- the roles --- */

static inline void keeper_heard(struct process *p, const struct process_packet *m, int fd)
{
	if (fd >= 0)
		close(fd);
	switch (m->message) {
	case MASTER_CONF:
		if (atomic_load(&play->keeper_dies_of_conf))
			_exit(9);
		atomic_fetch_add(&play->conf_taken, fd >= 0);
		child_say(p, atomic_load(&play->keeper_refuses_conf) ? CHILD_CONF_REFUSED : CHILD_CONF_TAKEN, m->arg);
		break;
	case MASTER_ABANDONED:
		atomic_fetch_add(&play->abandoned, 1);
		if (atomic_load(&play->left_pid) && kill(atomic_load(&play->left_pid), 0) == 0)
			atomic_fetch_add(&play->left_alive_when_abandoned, 1);
		child_say(p, CHILD_SLOT_FREE, m->arg);
		break;
	case MASTER_STOP:
		child_exit(p, 0);
	}
}

static inline void acceptor_heard(struct process *p, const struct process_packet *m, int fd)
{
	(void)fd;
	if (m->message == MASTER_REFUSE)
		atomic_fetch_add(&play->refused, 1);
	if (m->message == MASTER_DRAIN || m->message == MASTER_STOP)
		child_exit(p, 0);
}

static inline void worker_heard(struct process *p, const struct process_packet *m, int fd)
{
	(void)fd;
	if (m->message == MASTER_PAUSE)
		atomic_fetch_add(&play->paused, 1);
	if (m->message == MASTER_DRAIN)
		atomic_fetch_add(&play->drained, 1);
	if (m->message == MASTER_STOP)
		atomic_fetch_add(&play->stopped, 1);
	if ((m->message == MASTER_DRAIN || m->message == MASTER_STOP) && !atomic_load(&play->worker_deaf))
		child_exit(p, 0);
}

static inline void serve(struct process *p, void (*heard)(struct process *p, const struct process_packet *m, int fd))
{
	p->on_message = heard;
	child_begin(p);
	child_say(p, CHILD_READY, 0);
	for (;;)
		child_turn(p, NULL, -1);
}

static inline void keeper_body(struct process *p)
{
	if (atomic_load(&play->keeper_start_code))
		_exit(atomic_load(&play->keeper_start_code));
	serve(p, keeper_heard);
}

static inline void acceptor_body(struct process *p)
{
	for (size_t i = 0; i < p->conf->http.nlisten; i++)
		if (fcntl(p->listen_fd[i], F_GETFD) < 0)
			_exit(3);
	serve(p, acceptor_heard);
}

static inline void worker_body(struct process *p)
{
	int generation = (int)atomic_load(&p->seg->proc[p->slot].generation);

	if (atomic_load(&play->worker_start_code) && generation >= atomic_load(&play->worker_start_code_generation))
		_exit(atomic_load(&play->worker_start_code));
	if (atomic_load(&play->worker_leaves_child)) {
		pid_t left = fork();
		if (left == 0) {
			signal(SIGTERM, SIG_IGN);
			setsid();
			for (;;)
				pause();
		}
		atomic_store(&play->left_pid, left);
	}
	serve(p, worker_heard);
}

static inline uint32_t one(const struct conf *c)
{
	(void)c;
	return 1;
}

static inline uint32_t workers(const struct conf *c)
{
	return (uint32_t)c->worker_processes;
}

static const struct role roles[] = {
	{ SHM_ROLE_KEEPER, "keeper", false, one, keeper_body },
	{ SHM_ROLE_ACCEPTOR, "acceptor", false, one, acceptor_body },
	{ SHM_ROLE_WORKER, "worker", true, workers, worker_body },
	{ SHM_ROLE_NONE, NULL, false, NULL, NULL },
};

/* --- the stage --- */

static inline const char *in_dir(const char *name)
{
	static char path[4][320];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static inline void write_conf(const char *more)
{
	FILE *f = fopen(in_dir("stint.conf"), "w");

	assert_non_null(f);
	fprintf(f, "worker_processes = %u\nworker_jobs = 1\nuser = \"\"\ngroup = \"\"\nrun_dir = \"%s/run\"\npid_file = \"%s/run/pid\"\nlog = \"%s/log\"\n"
		"drain_timeout = 60s\nhttp { listen = {\"unix:%s/http\"} }\nstore { path = \"%s/store\" }\n%s\n", WORKERS, dir, dir, dir, dir, dir, more);
	fclose(f);
}

static inline int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)state;
	alarm(HANG_S);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(dir, sizeof(dir), "%s/stint-master.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	play = mmap(NULL, sizeof(*play), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/notify", dir);
	if (bind(notify_fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	setenv("NOTIFY_SOCKET", a.sun_path, 1);
	write_conf("");
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int teardown(void **state)
{
	(void)state;
	if (master)
		kill(master, SIGKILL);
	/* whoever outlived its master has become ours */
	while (waitpid(-1, NULL, 0) > 0)
		;
	master = 0;
	close(notify_fd);
	munmap(play, sizeof(*play));
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void start(void)
{
	master = fork();
	assert_true(master >= 0);
	if (master == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);       /* of a test that hangs and is ended nothing stays */
		struct conf_report report;
		struct conf *conf = conf_load(in_dir("stint.conf"), NULL, &report);
		conf_report_print(&report, 2);
		conf_report_free(&report);
		if (!conf)
			_exit(EX_CONFIG);
		static char file[320];
		strcpy(file, in_dir("stint.conf"));
		const struct master_options o = { .conf = conf, .conf_file = file, .version = "test", .roles = roles, .foreground = true };
		_exit(master_run(&o));
	}
}

/* Waits for a datagram that begins with `what`; others before it are passed over. */
static inline void hear(const char *what)
{
	char text[512];

	for (;;) {
		ssize_t n = recv(notify_fd, text, sizeof(text) - 1, 0);
		assert_true(n > 0);
		text[n] = '\0';
		if (strncmp(text, what, strlen(what)) == 0)
			return;
	}
}

static inline int master_ended(void)
{
	int status;

	assert_int_equal(waitpid(master, &status, 0), master);
	master = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static inline void nobody_is_left(void)
{
	errno = 0;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(access(in_dir("run/pid"), F_OK), -1);
	assert_int_equal(access(in_dir("http"), F_OK), -1);
}

static inline struct segment view(void)
{
	struct segment s;

	assert_int_equal(segment_view(&s, in_dir("run/status.shm")), 0);
	return s;
}

#define UNTIL(condition) do { while (!(condition)) usleep(1000); } while (0)

static inline uint32_t count_of(const struct segment *s, enum shm_role role, enum shm_proc_state state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->geo.nproc; i++)
		n += atomic_load(&s->proc[i].role) == role && atomic_load(&s->proc[i].state) == state && atomic_load(&s->proc[i].pid);
	return n;
}

static inline bool all_run(const struct segment *s)
{
	return count_of(s, SHM_ROLE_KEEPER, SHM_PROC_RUNNING) == 1 && count_of(s, SHM_ROLE_ACCEPTOR, SHM_PROC_RUNNING) == 1
		&& count_of(s, SHM_ROLE_WORKER, SHM_PROC_RUNNING) == WORKERS;
}

static inline uint32_t slot_of(const struct segment *s, enum shm_role role)
{
	for (uint32_t i = 0; i < s->geo.nproc; i++)
		if (atomic_load(&s->proc[i].role) == role && atomic_load(&s->proc[i].state) == SHM_PROC_RUNNING)
			return i;
	fail_msg("no process has role %d", (int)role);
	return 0;
}

static inline bool log_says(const char *what)
{
	char text[65536];
	int fd = open(in_dir("log"), O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, what) != NULL;
}

static inline void end_well(void)
{
	kill(master, SIGTERM);
	assert_int_equal(master_ended(), 0);
	nobody_is_left();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
