/* The control groups of a worker's programs: SERVER/w<pid of the worker>/<number>. Called by the kinds that start programs, and by family.c for their end.
 * Nothing here is fatal: without groups limits are the process's own, and families are found by session, group and mark. */
#include "run/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/log.h"

static struct {
	bool open, memory, pids;
	int server, group;
	char name[24];
	uint64_t next;
	bool told;              /* that one could not be made */
} own = { .server = -1, .group = -1 };

bool cage_open(const char *server)
{
	if (!server[0])
		return false;
	own.server = cgroup_open(AT_FDCWD, server);
	snprintf(own.name, sizeof(own.name), "w%d", (int)getpid());
	if (own.server < 0 || (mkdirat(own.server, own.name, 0755) < 0 && errno != EEXIST) || (own.group = cgroup_open(own.server, own.name)) < 0) {
		log_warn("%s: cannot make a control group for the programs of handlers: %s; they go without", server, strerror(errno));
		if (own.server >= 0)
			close(own.server);
		own.server = -1;
		return false;
	}
	own.memory = cgroup_write(own.group, "cgroup.subtree_control", "+memory") == 0;
	own.pids = cgroup_write(own.group, "cgroup.subtree_control", "+pids") == 0;
	own.open = true;
	return true;
}

static void remove_one(void *arg, const char *name)
{
	(void)arg;
	cgroup_remove(own.group, name);
}

void cage_shut(void)
{
	if (!own.open)
		return;
	cgroup_kill(own.group);
	cgroup_each(own.group, remove_one, NULL);
	close(own.group);
	cgroup_remove(own.server, own.name);
	close(own.server);
	own.open = false;
}

static void set_limit(const struct cage *c, const char *file, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	if (cgroup_write(c->group, file, text) < 0)
		log_warn("control group %s: %s = %s: %s", c->name, file, text, strerror(errno));
}

/* Of the whole group, and not of each process or of all that the user runs. */
static void take_limits(const struct cage *c, const struct conf_handler *h, struct spawn_plan *plan)
{
	if (own.memory && h->rlimit_memory) {
		set_limit(c, "memory.max", h->rlimit_memory);
		cgroup_write(c->group, "memory.swap.max", "0");         /* not there where the system has no swap */
		cgroup_write(c->group, "memory.oom.group", "1");        /* or the attempt would go on with a part of its processes */
		spawn_limit_drop(plan, RLIMIT_AS);
	}
	if (own.pids && h->rlimit_processes) {
		set_limit(c, "pids.max", h->rlimit_processes);
		spawn_limit_drop(plan, RLIMIT_NPROC);
	}
}

void cage_make(struct cage *c, const struct conf_handler *h, struct spawn_plan *plan)
{
	*c = (struct cage){ .group = -1 };
	if (!own.open)
		return;
	snprintf(c->name, sizeof(c->name), "%" PRIu64, ++own.next);
	c->made = mkdirat(own.group, c->name, 0755) == 0;
	if (c->made)
		c->group = cgroup_open(own.group, c->name);
	if (c->group < 0) {
		if (!own.told)
			log_warn("cannot make a control group for a program of handler \"%s\": %s; it goes without, as all for which that happens", h->pattern, strerror(errno));
		own.told = true;
		cage_end(c, NULL);
		return;
	}
	take_limits(c, h, plan);
	plan->caged = true;
	plan->cage = c->group;
}

void cage_kill(const struct cage *c)
{
	if (c->made)
		cgroup_kill(c->group);
}

bool cage_left(const struct cage *c)
{
	return c->made && !cgroup_empty(c->group);
}

bool cage_has(const struct cage *c, pid_t pid)
{
	return c->made && cgroup_has(c->group, pid);
}

int64_t cage_peak_kb(const struct cage *c)
{
	int64_t peak = c->made && own.memory ? cgroup_number(c->group, "memory.peak", NULL) : -1;

	return peak < 0 ? -1 : peak / 1024;
}

void cage_end(struct cage *c, struct cage_use *use)
{
	if (use)
		*use = (struct cage_use){ .peak_kb = -1 };
	if (!c->made)
		return;
	if (use && own.memory) {
		use->peak_kb = cage_peak_kb(c);
		use->oom = cgroup_number(c->group, "memory.events", "oom_kill") > 0;
	}
	if (c->group >= 0)
		close(c->group);
	cgroup_remove(own.group, c->name);      /* one that is busy for ever goes with the worker's */
	c->made = false;
}
