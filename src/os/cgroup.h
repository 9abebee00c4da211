/* Control groups, version 2: directories whose files say who is in them, what they may use and what they have used. */
#ifndef STINT_OS_CGROUP_H
#define STINT_OS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH_MAX 1024

/* The directory of the group that `own` (the text of /proc/self/cgroup) names, by `mounts` (that of /proc/self/mountinfo). False where there is none. */
bool cgroup_path(const char *mounts, const char *own, char *out, size_t size);
/* This process's. False where there is none, or where it is the root, which is nobody's. */
bool cgroup_own(char *out, size_t size);
/* Whether it was given away to be divided: nobody else, such as systemd, puts processes or limits into it. */
bool cgroup_delegated(const char *path);

int cgroup_open(int at, const char *path);              /* close-on-exec, for the calls below; at: AT_FDCWD, or another group. -1 with errno */
int cgroup_write(int group, const char *file, const char *text);        /* 0, or -1 with errno */
int cgroup_join(int group, pid_t pid);                  /* 0, or -1 with errno */
/* A number that stands alone in a file, or behind `key` (may be NULL) at a line's begin; -1 where there is none ("max" is none). */
int64_t cgroup_number(int group, const char *file, const char *key);
bool cgroup_lists(int group, const char *file, const char *word);       /* "memory" in cgroup.subtree_control */
/* Whether no process lives in it or below it (zombies do not). */
bool cgroup_empty(int group);
bool cgroup_alone(int group, pid_t other);              /* whether no process but ours and `other` is in it, those below not counted */
bool cgroup_has(int group, pid_t pid);

/* SIGKILL to all in it and below it, so that no fork escapes. They may take a moment to be gone. */
void cgroup_kill(int group);
/* Ends what is in the group `name` below `at`, and removes it with all groups below it. False with errno where it is not gone yet (EBUSY: its processes are dying). */
bool cgroup_remove(int at, const char *name);
/* Calls fn for the name of each group right below. */
void cgroup_each(int group, void (*fn)(void *arg, const char *name), void *arg);

#endif
