/* Becoming a daemon, being somebody else, and being named. */
#ifndef STINT_OS_DAEMON_H
#define STINT_OS_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

/* Forks into the background with a new session, stdin and stdout on /dev/null; stderr is left as it is until daemon_ready(). The parent stays
 * and waits on a pipe: it exits with the code that the child passes to daemon_ready() or daemon_failed(), or 1 where the child dies without a
 * word. Returns 0 in the child, -1 with errno where it could not fork. */
int daemon_start(void);
void daemon_ready(bool keep_stderr);            /* the parent exits 0; then stderr goes to /dev/null unless keep_stderr. A no-op where daemon_start() was not called */
void daemon_failed(int exit_code);              /* the parent exits with this code (the reason has been written to stderr) */

/* Standard input, output and error that are closed become /dev/null, which they can be no better used than before: or the next file opened would be taken
 * for one of them. 0, or -1 with errno. */
int standard_fds_open(void);

struct identity { uid_t uid; gid_t gid; bool change, switches; char name[64]; };        /* switches: of all rights it keeps those to be somebody else (below) */
/* Looks up user and group (group "" is the user's own). change is false where we are not root or user is "". -1 and errno ENOENT: no such user or group. */
int identity_lookup(const char *user, const char *group, struct identity *out);
/* Drops to it for good: its supplementary groups, setresgid, setresuid, checked. PR_SET_DUMPABLE is then put back on, so that /proc/self stays ours;
 * whether a core is dumped is for RLIMIT_CORE. It clears PR_SET_PDEATHSIG. Who is not root afterwards has no capability left, and nothing that it executes gets
 * one; with `switches` CAP_SETUID, CAP_SETGID and CAP_KILL stay, as far as they were there. 0 or -1 with errno. */
int identity_become(const struct identity *id);

void title_init(int argc, char **argv);         /* once, first thing in main: moves environ and argv's strings away, so that their room can be used */
void title_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));    /* "stintd: worker 2", also prctl(PR_SET_NAME) */

#endif
