/* What is done to many jobs in one call, which can take minutes: the call, with a bar meanwhile where stderr is a terminal. */
#ifndef STINT_CLI_MANY_H
#define STINT_CLI_MANY_H

#include <stdint.h>

#include "cli/client.h"

struct many {
	const char *what;               /* "cancelling" */
	const char *figure[4];          /* of /stats, by how much their sum changes is how far it has come; NULL ends them */
	double total;                   /* so many jobs; below 0: not known */
};

/* client_ask() for this call. Only for a bar the server is asked of its figures, over a connection of its own. */
int many_ask(struct client *c, struct client_call *call, const struct many *m);
bool many_shown(void);                  /* whether there would be a bar: then it is worth asking for the total */

#endif
