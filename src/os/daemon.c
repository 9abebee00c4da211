/* Becoming a daemon, being somebody else, being named. Called by stintd's main, once each. Nothing here is fatal but in the waiting parent, which
 * exits with what its child says. */
#include "os/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	pid_t self;             /* who may speak: not what it forks */
	int word_fd, null_fd;
} background = { .word_fd = -1, .null_fd = -1 };

/* Waits for the child's word and leaves with it. The pipe alone would not do: the child's own children hold it too, and outlive it. */
_Noreturn static void parent_wait(pid_t child, int fd)
{
	struct pollfd watch[2] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd_open(child, 0), .events = POLLIN } };
	unsigned char code;
	int status = 0;

	for (;;) {
		/* Without pidfds (a sandbox) the child is looked at ten times a second. */
		int n = poll(watch, 2, watch[1].fd < 0 ? 100 : -1);
		bool gone;

		if (n < 0 && errno != EINTR)
			break;
		gone = waitpid(child, &status, WNOHANG) == child;
		/* After the death check, so that a last word is not missed. */
		if (poll(watch, 1, 0) > 0 && read(fd, &code, 1) == 1)
			_exit(code);
		if (gone)
			break;
	}
	if (WIFSIGNALED(status))
		dprintf(STDERR_FILENO, "stintd: killed by signal %d (%s) before it was ready\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		dprintf(STDERR_FILENO, "stintd: exited with code %d before it was ready\n", WEXITSTATUS(status));
	_exit(1);
}

int daemon_start(void)
{
	int word[2], saved, null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t child;

	if (null_fd < 0)
		return -1;
	if (pipe2(word, O_CLOEXEC) != 0)
		goto fail;
	fflush(NULL);           /* or both would write what is buffered */
	child = fork();
	if (child < 0) {
		saved = errno;
		close(word[0]);
		close(word[1]);
		errno = saved;
		goto fail;
	}
	if (child > 0) {
		close(word[1]);
		parent_wait(child, word[0]);
	}
	close(word[0]);
	setsid();               /* cannot fail: a process just forked leads no group */
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	background.self = getpid();
	background.word_fd = word[1];
	background.null_fd = null_fd;
	return 0;
fail:
	saved = errno;
	close(null_fd);
	errno = saved;
	return -1;
}

/* Tells the parent, once. False where there is none waiting, or it waits for another process than this. */
static bool parent_tell(unsigned char code)
{
	ssize_t n;

	if (background.word_fd < 0 || background.self != getpid())
		return false;
	do
		n = write(background.word_fd, &code, 1);
	while (n < 0 && errno == EINTR);
	close(background.word_fd);
	background.word_fd = -1;
	return true;
}

void daemon_ready(bool keep_stderr)
{
	if (!parent_tell(0))
		return;
	if (!keep_stderr)
		dup2(background.null_fd, STDERR_FILENO);
	close(background.null_fd);
	background.null_fd = -1;
}

void daemon_failed(int exit_code)
{
	parent_tell((unsigned char)exit_code);
}

/* Runs one of the two look-ups with a buffer that grows as they ask. *found is false where the name is unknown. */
static int name_look_up(bool group, const char *name, bool *found, uid_t *uid, gid_t *gid)
{
	size_t size = 1024;
	char *room = NULL, *more;
	int error;

	do {
		struct passwd pw, *pw_found = NULL;
		struct group gr, *gr_found = NULL;

		size *= 2;
		more = realloc(room, size);
		if (!more) {
			error = ENOMEM;
			break;
		}
		room = more;
		if (group) {
			error = getgrnam_r(name, &gr, room, size, &gr_found);
			*found = gr_found != NULL;
			if (gr_found)
				*gid = gr.gr_gid;
		} else {
			error = getpwnam_r(name, &pw, room, size, &pw_found);
			*found = pw_found != NULL;
			if (pw_found) {
				*uid = pw.pw_uid;
				*gid = pw.pw_gid;
			}
		}
	} while (error == ERANGE && size < (1U << 20));
	free(room);
	/* "Not found" has several names among the C library's sources. */
	if (!*found && (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM))
		error = ENOENT;
	errno = error;
	return error ? -1 : 0;
}

int standard_fds_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* the lowest number that is free is this one; opened the other way round, so that who uses it still hears that it is closed (EBADF) */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	}
	return 0;
}

int identity_lookup(const char *user, const char *group, struct identity *out)
{
	bool found = false;

	*out = (struct identity){ .uid = geteuid(), .gid = getegid() };
	if (strlen(user) >= sizeof(out->name)) {
		errno = ENOENT;
		return -1;
	}
	memcpy(out->name, user, strlen(user) + 1);
	if (!user[0] || geteuid() != 0)
		return 0;
	if (name_look_up(false, user, &found, &out->uid, &out->gid) != 0)
		return -1;
	if (group[0] && name_look_up(true, group, &found, &out->uid, &out->gid) != 0)
		return -1;
	out->change = true;
	return 0;
}

/* Also those that were given from outside (ambient ones): they end with the inheritable set. */
static int capabilities_limit(bool switches)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct own[2];
	const uint32_t kept = switches ? 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL : 0;

	if (geteuid() == 0)
		return 0;
	if (syscall(SYS_capget, &head, own) != 0)
		return -1;
	own[0].effective = own[0].permitted &= kept;
	own[1].effective = own[1].permitted = 0;
	own[0].inheritable = own[1].inheritable = 0;
	return (int)syscall(SYS_capset, &head, own);
}

int identity_become(const struct identity *id)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (!id->change)
		return capabilities_limit(id->switches);
	if (id->switches && prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL) != 0)
		return -1;
	/* initgroups() is setgroups(2) with the user's own supplementary groups. */
	if (initgroups(id->name, id->gid) != 0 || setresgid(id->gid, id->gid, id->gid) != 0 || setresuid(id->uid, id->uid, id->uid) != 0)
		return -1;
	if (getresgid(&rgid, &egid, &sgid) != 0 || getresuid(&ruid, &euid, &suid) != 0)
		return -1;
	if (rgid != id->gid || egid != id->gid || sgid != id->gid || ruid != id->uid || euid != id->uid || suid != id->uid) {
		errno = EPERM;
		return -1;
	}
	if (capabilities_limit(id->switches) != 0)
		return -1;
	/* The kernel has made /proc/self root's with the change. */
	return prctl(PR_SET_DUMPABLE, 1UL, 0UL, 0UL, 0UL);
}

static struct {
	char *room;             /* argv's and environ's strings, in one run as the kernel laid them */
	size_t size;
	char *copies;           /* where argv and environ point now */
} title;

void title_init(int argc, char **argv)
{
	extern char **environ;
	char *end, *to;

	if (argc < 1 || !argv[0] || title.room)
		return;
	end = argv[0];
	for (int i = 0; i < argc && argv[i] == end; i++)
		end += strlen(argv[i]) + 1;
	for (char **e = environ; e && *e == end; e++)
		end += strlen(*e) + 1;
	title.size = (size_t)(end - argv[0]);
	title.copies = malloc(title.size);
	if (!title.copies)
		return;         /* then only the short name changes */
	title.room = argv[0];
	to = title.copies;
	memcpy(to, title.room, title.size);
	for (int i = 0; i < argc && argv[i] >= title.room && argv[i] < end; i++)
		argv[i] = to + (argv[i] - title.room);
	for (char **e = environ; e && *e; e++)
		if (*e >= title.room && *e < end)
			*e = to + (*e - title.room);
}

void title_set(const char *fmt, ...)
{
	char text[128], name[128], *to = name;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	/* The short name has room for 15 bytes: spaces go first, so that "worker 12" keeps its number. */
	for (const char *from = text; *from; from++)
		if (*from != ' ' || strlen(text) < 16)
			*to++ = *from;
	*to = '\0';
	prctl(PR_SET_NAME, name);
	if (!title.room)
		return;
	/* All the rest is zeroed, and the last byte stays zero: where it is not, the kernel reads on into what follows. */
	memset(title.room, 0, title.size);
	n = (int)strlen(text);
	memcpy(title.room, text, (size_t)n < title.size ? (size_t)n : title.size - 1);
}
