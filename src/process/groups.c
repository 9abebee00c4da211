/* The server's part of the tree of control groups, where it was given one: OWN/stint-<instance>/main holds the server's own processes, OWN/stint-<instance>/w<pid> the programs of
 * a worker (run/cage.c). No process may be in a group that divides memory among groups below it, so the master moves itself down before it forks anybody.
 * Called by start.c and reap.c. Nothing here is fatal: without groups handlers are kept by other means. */
#include "process/master.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/log.h"
#include "text/siphash.h"

#define STALE_TRIES 200                 /* of STALE_PAUSE_NS: what an earlier run left gets 2 s to die */
#define STALE_PAUSE_NS 10000000L
#define MAIN_WEIGHT "1000"              /* of the processor, where all that a worker runs has 100: who serves waits for no fork bomb */

static const char *const controllers[GROUPS_CONTROLLERS] = { "memory", "pids", "cpu" };

/* Two servers may share a group; each knows its own part again. */
static bool name_path(struct master *m)
{
	static const uint8_t key[SIPHASH_BYTES];
	uint8_t hash[SIPHASH_BYTES];
	const struct conf *c = m->conf;

	siphash(key, c->store.path, strlen(c->store.path), hash);
	siphash(hash, c->run_dir, strlen(c->run_dir), hash);
	return (size_t)snprintf(m->groups.path, sizeof(m->groups.path), "%s/stint-%02x%02x%02x%02x", m->groups.home, hash[0], hash[1], hash[2], hash[3]) < sizeof(m->groups.path);
}

/* --- what is left of an earlier run, or of a worker --- */

struct clearing {
	const struct master *m;
	int group;
	unsigned left;          /* groups that are not gone yet */
	unsigned lived;         /* of which processes had to be ended */
};

static bool lives(const struct master *m, const char *name)
{
	long pid = name[0] == 'w' ? strtol(name + 1, NULL, 10) : 0;

	for (uint32_t i = 0; pid && m->child && i < m->nslot; i++)
		if (m->child[i].pid == pid)
			return true;
	return false;
}

static void clear_one(void *arg, const char *name)
{
	struct clearing *c = arg;

	if (lives(c->m, name) || (c->m->groups.dir >= 0 && strcmp(name, "main") == 0))
		return;
	int group = cgroup_open(c->group, name);
	if (group < 0)
		return;
	c->lived += !cgroup_empty(group);
	close(group);
	c->left += !cgroup_remove(c->group, name);
}

bool groups_clear(struct master *m)
{
	struct clearing c = { .m = m, .group = m->groups.dir };

	if (m->groups.dir < 0)
		return true;
	cgroup_each(m->groups.dir, clear_one, &c);
	m->groups.stale = c.left > 0;
	return c.left == 0;
}

static void clear_stale(struct master *m, int group)
{
	const struct timespec pause = { .tv_nsec = STALE_PAUSE_NS };
	struct clearing c = { .m = m, .group = group };
	bool lived = false;

	for (unsigned i = 0; i < STALE_TRIES; i++) {
		c.left = c.lived = 0;
		cgroup_each(group, clear_one, &c);
		lived |= c.lived > 0;
		if (c.left == 0)
			break;
		nanosleep(&pause, NULL);
	}
	if (lived)
		log_warn("%s: programs of an earlier run were still there: %s", m->groups.path, c.left ? "some cannot be ended" : "ended");
}

/* --- its begin and its end --- */

static bool give_to(const struct master *m, int group)
{
	const struct identity *id = &m->identity;

	/* the group itself to make others in it, its list of processes to move one from main to a program's */
	return !id->change || (fchown(group, id->uid, id->gid) == 0 && fchownat(group, "cgroup.procs", id->uid, id->gid, 0) == 0);
}

/* What is divided already is not ours to take back. */
static bool enable(int home, int group, const char *controller, bool *took)
{
	char text[16];

	snprintf(text, sizeof(text), "+%s", controller);
	*took = !cgroup_lists(home, "cgroup.subtree_control", controller) && cgroup_write(home, "cgroup.subtree_control", text) == 0;
	return cgroup_write(group, "cgroup.subtree_control", text) == 0;
}

/* Who started us is in our group until we are ready. */
static pid_t waiting_parent(const struct master *m)
{
	return m->daemonized ? getppid() : 0;
}

/* Everything that moves or divides. False with errno where it is not all to be had. */
static bool divide(struct master *m, int home, int group, int *main_group)
{
	pid_t waiting = waiting_parent(m);

	if (mkdirat(group, "main", 0755) < 0 && errno != EEXIST)
		return false;
	*main_group = cgroup_open(group, "main");
	if (*main_group < 0 || cgroup_join(*main_group, getpid()) < 0 || (waiting && cgroup_join(*main_group, waiting) < 0))
		return false;
	errno = EBUSY;
	if (!cgroup_alone(home, 0))
		return false;
	for (size_t i = 0; i < GROUPS_CONTROLLERS; i++)
		m->groups.has[i] = enable(home, group, controllers[i], &m->groups.took[i]);
	cgroup_write(*main_group, "cpu.weight", MAIN_WEIGHT);   /* there is none without its controller */
	return give_to(m, group);
}

static void undo(struct master *m, int home, int group)
{
	char text[16];

	for (size_t i = 0; i < GROUPS_CONTROLLERS; i++) {
		snprintf(text, sizeof(text), "-%s", controllers[i]);
		cgroup_write(group, "cgroup.subtree_control", text);
		if (m->groups.took[i])
			cgroup_write(home, "cgroup.subtree_control", text);
	}
	cgroup_join(home, getpid());
	if (waiting_parent(m) > 1 && !m->ready)
		cgroup_join(home, waiting_parent(m));
	unlinkat(group, "main", AT_REMOVEDIR);
	rmdir(m->groups.path);
}

int groups_begin(struct master *m)
{
	static const char *const limits[] = { "nothing (no controller is to be had)", "processes", "memory", "memory and processes" };
	struct groups *g = &m->groups;
	int home = -1, group = -1, main_group = -1;

	g->dir = -1;
	if (!cgroup_own(g->home, sizeof(g->home)) || !cgroup_delegated(g->home) || !name_path(m) || (home = cgroup_open(AT_FDCWD, g->home)) < 0)
		goto none;
	if ((mkdir(g->path, 0755) < 0 && errno != EEXIST) || (group = cgroup_open(AT_FDCWD, g->path)) < 0) {
		log_debug("%s: %s: handlers have no control groups", g->path, strerror(errno));
		goto none;
	}
	clear_stale(m, group);
	if (divide(m, home, group, &main_group)) {
		g->dir = group;
		group = -1;
		log_info("programs of handlers have control groups of their own below %s, which limit %s", g->path, limits[g->has[0] * 2 + g->has[1]]);
		goto done;
	}
	log_info("%s: %s: handlers have no control groups", g->home, errno == EBUSY ? "other processes are in it" : strerror(errno));
	undo(m, home, group);
none:
	g->path[0] = '\0';
done:
	if (main_group >= 0)
		close(main_group);
	if (group >= 0)
		close(group);
	if (home >= 0)
		close(home);
	return 0;
}

void groups_end(struct master *m)
{
	struct groups *g = &m->groups;
	int home = g->dir >= 0 ? cgroup_open(AT_FDCWD, g->home) : -1;

	if (home < 0)
		return;
	groups_clear(m);
	undo(m, home, g->dir);
	close(home);
	close(g->dir);
	g->dir = -1;
}
