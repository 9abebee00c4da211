/* Which store, whose it is and who runs on it; and children that may die. Called by `stint check`, `backup`, `export` and `import`. */
#include "cli/place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/files.h"

bool place_owner(const char *path, bool make, uid_t *uid, gid_t *gid)
{
	char name[PATH_MAX];
	struct stat st = { .st_uid = 0 };

	snprintf(name, sizeof(name), "%s/data.mdb", path);
	bool there = lstat(name, &st) == 0, other = !there && make && errno == ENOENT;
	if (there && S_ISLNK(st.st_mode) && st.st_uid == 0)
		there = stat(name, &st) == 0;
	else if (there && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink > 1)
		other = true;           /* that may be the second name of any file of root's */
	if (other)
		there = stat(path, &st) == 0;
	*uid = st.st_uid;
	*gid = st.st_gid;
	return there;
}

static int look(struct place *p, bool make)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s/data.mdb", p->path);
	if (!place_owner(p->path, make, &p->uid, &p->gid) || (access(name, F_OK) != 0 && !(make && errno == ENOENT))) {
		if (errno == ENOENT)
			return cli_fail(EX_NOINPUT, "there is no store in %s; name the server's conf with -c FILE%s", p->path, make ? ", or start the server once, which makes it" : "");
		return cli_fail(errno == EACCES ? EX_NOPERM : EX_IOERR, "cannot look at %s: %s", name, strerror(errno));
	}
	if (geteuid() != 0 && access(name, R_OK | W_OK) != 0 && errno == EACCES)
		return cli_fail(EX_NOPERM, "%s may not be used by you; ask as root or as the server's user", name);
	snprintf(name, sizeof(name), "%s/instance.lock", p->path);
	p->server = lockfile_holder(name);
	if (p->server < 0 && errno != ENOENT)
		return cli_fail(errno == EACCES ? EX_NOPERM : EX_IOERR, "cannot look at %s: %s", name, strerror(errno));
	if (p->server < 0)
		p->server = 0;
	return EX_OK;
}

int place_open(struct place *p, const char *conf_file, bool make)
{
	int code;

	*p = (struct place){ .lock_fd = -1 };
	p->conf = cli_conf(conf_file, &code);
	if (!p->conf)
		return code;
	p->path = p->conf->store.path;
	code = look(p, make);
	if (code != EX_OK)
		place_close(p);
	return code;
}

void place_close(struct place *p)
{
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	conf_free(p->conf);
	*p = (struct place){ .lock_fd = -1 };
}

int place_become(const struct place *p)
{
	if (geteuid() != 0 || p->uid == 0)
		return EX_OK;
	if (setgroups(0, NULL) != 0 || setgid(p->gid) != 0 || setuid(p->uid) != 0)
		return cli_fail(EX_NOPERM, "cannot become the store's owner (user %u): %s", (unsigned)p->uid, strerror(errno));
	return EX_OK;
}

int place_lock(struct place *p, const char *why)
{
	char name[PATH_MAX];
	pid_t holder = 0;

	snprintf(name, sizeof(name), "%s/instance.lock", p->path);
	p->lock_fd = lockfile_take(name, &holder);
	if (p->lock_fd >= 0)
		return EX_OK;
	if (errno == EWOULDBLOCK && holder)
		return cli_fail(EX_UNAVAILABLE, "a server runs on %s (process %d); %s", p->path, (int)holder, why);
	if (errno == EWOULDBLOCK)
		return cli_fail(EX_UNAVAILABLE, "a server runs on %s; %s", p->path, why);
	return cli_fail(errno == EACCES ? EX_NOPERM : EX_IOERR, "cannot take %s: %s", name, strerror(errno));
}

/* --- writing without a server --- */

static bool random_bytes(void *p, size_t n)
{
	return getrandom(p, n, 0) == (ssize_t)n;
}

static bool runs_here(void *arg, struct job_text type)
{
	(void)arg;
	(void)type;
	return true;
}

static uint32_t weight(void *arg, struct job_text queue)
{
	(void)arg;
	(void)queue;
	return 1;
}

struct store_options place_options(const struct place *p)
{
	return (struct store_options){ .path = p->path, .map_size = p->conf->store.map_size, .epoch = (uint64_t)clock_wall_us(), .random = random_bytes, .idem_slice = UINT32_MAX };
}

struct store_rules place_rules(const struct place *p)
{
	const struct conf_store *c = &p->conf->store;

	return (struct store_rules){ .runs_here = runs_here, .weight = weight, .idempotency_window_ms = c->idempotency_window, .idempotency_max = c->idempotency_max };
}

int place_code(enum store_rc rc)
{
	static const int code[STORE_RCS] = {
		[STORE_OK] = EX_OK, [STORE_INVALID] = EX_DATAERR, [STORE_DAMAGED] = EX_DATAERR, [STORE_NO_SPACE] = EX_IOERR, [STORE_IO] = EX_IOERR, [STORE_NO_MEMORY] = EX_OSERR,
		[STORE_BUSY] = EX_UNAVAILABLE,
	};

	return rc == STORE_OK ? EX_OK : (unsigned)rc < STORE_RCS && code[rc] ? code[rc] : EX_SOFTWARE;
}

/* --- children --- */

static int read_all(int fd, void *p, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t r = read(fd, (char *)p + have, n - have);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -1;
		have += (size_t)r;
	}
	return 0;
}

#define TICK_MS 200

/* Waits until there is something to read, or its end. */
static bool comes(int fd, void (*tick)(void *arg), void *arg)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (tick && poll(&p, 1, TICK_MS) <= 0)
		tick(arg);
	return true;
}

/* What it dies of is to be seen as that, by our parent alone: no handler of a sanitizer's, no core of a store's size. */
static void prepare(pid_t parent)
{
	static const int deadly[] = { SIGBUS, SIGSEGV, SIGABRT, SIGILL, SIGFPE };
	struct rlimit none = { 0, 0 };

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EX_TEMPFAIL);
}

int child_run(int (*body)(void *arg, int fd), void *arg, size_t size, void (*told)(void *arg, const void *message), void (*tick)(void *arg), int *sig)
{
	uint64_t message[CHILD_MESSAGE_MAX / sizeof(uint64_t)];
	pid_t self = getpid(), pid;
	int fd[2], status;

	*sig = 0;
	fflush(stdout);
	if (size > sizeof(message) || pipe2(fd, O_CLOEXEC) != 0)
		return cli_fail(EX_OSERR, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		close(fd[0]);
		close(fd[1]);
		return cli_fail(EX_OSERR, "cannot start a process: %s", strerror(errno));
	}
	if (pid == 0) {
		prepare(self);
		close(fd[0]);
		status = body(arg, fd[1]);
		_exit(cli_finish(status));
	}
	close(fd[1]);
	while (comes(fd[0], tick, arg) && size && read_all(fd[0], message, size) == 0)
		told(arg, message);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(fd[0]);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	*sig = WTERMSIG(status);
	return CHILD_DIED;
}

void child_tell(int fd, const void *message, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)message + done, size - done);
		if (n < 0 && errno != EINTR)
			_exit(EX_OSERR);        /* nobody listens any more */
		done += n > 0 ? (size_t)n : 0;
	}
}
