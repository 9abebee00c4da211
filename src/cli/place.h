/* The store that a conf names, for the commands that work on it themselves; and the child in which they do: LMDB believes what it reads, so a damaged file may end the process, and that is then an answer. */
#ifndef STINT_CLI_PLACE_H
#define STINT_CLI_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "store/store.h"

struct place {
	struct conf *conf;
	const char *path;               /* the conf's */
	uid_t uid;                      /* whose the store is */
	gid_t gid;
	pid_t server;                   /* the master that runs on it; 0: none */
	int lock_fd;                    /* -1: not taken */
};

#define PLACE_OPTION(file) { OPTION_TEXT, "conf", 'c', &(file), NULL, "FILE", 0, 0, "the server's conf; else the installed one" }

/* 0, or a code with the message printed. `make`: a store that is not there yet is fine. */
int place_open(struct place *p, const char *conf_file, bool make);
void place_close(struct place *p);
/* Whose the store is that lies there, or, with `make`, is to lie there; a link or a second name that may have been planted counts as his whose directory or link it is. False with errno. */
bool place_owner(const char *path, bool make, uid_t *uid, gid_t *gid);
/* In the child: whoever was started as root goes on as the one whose store it is, so that no file of root's is left in it. */
int place_become(const struct place *p);
/* In the child: keeps servers out until the process ends. EX_UNAVAILABLE with the message where one runs. */
int place_lock(struct place *p, const char *why);

/* For who writes the store while no server does. What the conf says of types and queues the server settles when it starts. */
struct store_options place_options(const struct place *p);
struct store_rules place_rules(const struct place *p);

int place_code(enum store_rc rc);       /* the exit code for it */

/* Runs body() in a child, which has `fd` to write messages of `size` bytes to (child_tell()); told() is called with each, and tick(), where it is not
 * NULL, a few times a second. Returns what the child returned; CHILD_DIED where it died by a signal, which is in *sig. */
#define CHILD_DIED (-1)
#define CHILD_MESSAGE_MAX 2048u
int child_run(int (*body)(void *arg, int fd), void *arg, size_t size, void (*told)(void *arg, const void *message), void (*tick)(void *arg), int *sig);
void child_tell(int fd, const void *message, size_t size);

#endif
