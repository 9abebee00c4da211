/* The one table of roles: who there is, how many of each, and where its body is. */
#ifndef STINT_PROCESS_ROLE_H
#define STINT_PROCESS_ROLE_H

#include <stdint.h>

#include "process/process.h"

struct role {
	enum shm_role role;
	const char *title;
	bool numbered;                                  /* "worker 2" and not "acceptor" */
	uint32_t (*count)(const struct conf *conf);     /* how many of them this conf wants */
	void (*body)(struct process *p);                /* never returns */
};

/* Keeper, acceptor, worker, in the order they are started; ended by body == NULL. */
extern const struct role role_table[];

const struct role *role_find(const struct role *table, enum shm_role role);

/* A number that moves when the process in `slot` works. A hint from shared memory: it decides how soon a successor is started, and nothing else. */
uint64_t role_work(const struct segment *s, uint32_t slot, enum shm_role role);

#endif
