/* The table of roles, used by master.c and its parts; tests bring their own. Nothing here is fatal. */
#include "process/role.h"

#include <stddef.h>

static uint32_t one(const struct conf *conf)
{
	(void)conf;
	return 1;
}

static uint32_t workers(const struct conf *conf)
{
	return (uint32_t)conf->worker_processes;
}

const struct role role_table[] = {
	{ SHM_ROLE_KEEPER, "keeper", false, one, keeper_main },
	{ SHM_ROLE_ACCEPTOR, "acceptor", false, one, acceptor_main },
	{ SHM_ROLE_WORKER, "worker", true, workers, worker_main },
	{ SHM_ROLE_NONE, NULL, false, NULL, NULL },
};

const struct role *role_find(const struct role *table, enum shm_role role)
{
	for (const struct role *r = table; r->body; r++)
		if (r->role == role)
			return r;
	return NULL;
}

uint64_t role_work(const struct segment *s, uint32_t slot, enum shm_role role)
{
	const struct shm_proc *p = &s->proc[slot];

	switch (role) {
	case SHM_ROLE_KEEPER:
		return atomic_load_explicit(&p->counter[SHM_C_OPERATIONS], memory_order_relaxed);
	case SHM_ROLE_ACCEPTOR:
		return atomic_load_explicit(&p->counter[SHM_C_HTTP_REQUESTS], memory_order_relaxed);
	case SHM_ROLE_WORKER:
		return atomic_load_explicit(&p->grant_tail, memory_order_relaxed);
	default:
		return 0;
	}
}
