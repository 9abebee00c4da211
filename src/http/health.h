/* Whether submissions are welcome. */
#ifndef STINT_HTTP_HEALTH_H
#define STINT_HTTP_HEALTH_H

#include "http/http.h"

enum health_check { HEALTH_OK, HEALTH_DRAINING, HEALTH_STARTING, HEALTH_NO_KEEPER, HEALTH_STORE, HEALTH_NO_WORKER };

struct health {
	enum health_check check;        /* the first that fails */
	const char *what;               /* static text that begins with the check's name */
};

struct health health_judge(const struct api *a);

/* How long no keeper has been at work, in ns; 0 where one is. To be called every second. */
int64_t health_keeper_away(const struct api *a);

#endif
