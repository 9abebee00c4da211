/* Starting a program the quick way: a child that shares our memory until it executes (vfork), and nothing but system calls in it. */
#ifndef STINT_RUN_SPAWN_H
#define STINT_RUN_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#define SPAWN_LIMITS 5

struct spawn_limit { int resource; struct rlimit value; };

struct spawn_plan {
	const char *file;               /* with a slash; relative to cwd */
	char *const *argv, *const *envp;
	int in, out, err;               /* become 0, 1, 2; nothing else stays open */
	const char *cwd;
	mode_t umask;
	int nice;                       /* added to ours */
	bool caged;
	int cage;                       /* where caged: the control group that it begins in, a directory */
	bool change_user;
	bool drop_rights;               /* with change_user: the capabilities that let us do so are not the program's */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t ngroups;
	struct spawn_limit limit[SPAWN_LIMITS];         /* both values at most our own hard limit: spawn_limit_add() */
	size_t nlimit;
};

enum spawn_step { SPAWN_CLONE, SPAWN_CAGE, SPAWN_SESSION, SPAWN_FDS, SPAWN_SIGNALS, SPAWN_LIMIT, SPAWN_NICE, SPAWN_USER, SPAWN_PRIVILEGES, SPAWN_CWD, SPAWN_ORPHAN, SPAWN_EXEC };
struct spawn_error { enum spawn_step step; int error; };

/* The child leads a session and process group of its own, dies with us (PDEATHSIG), gains no privileges, and has every signal at its default and unblocked.
 * Its pid once it executes the program; -1 and *e where it does not get there (nothing is left of it then). */
pid_t spawn(const struct spawn_plan *p, struct spawn_error *e);

void spawn_signals_changed(void);      /* which signals we ignore is looked up by the first spawn(), and by the next one after this */

void spawn_limit_add(struct spawn_plan *p, int resource, rlim_t soft, rlim_t hard);
void spawn_limit_drop(struct spawn_plan *p, int resource);

/* Whether it failed for want of our own resources (processes, memory, descriptors), not for a fault of the handler's. */
bool spawn_short(const struct spawn_error *e);

#endif
