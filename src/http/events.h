/* GET /events: those who watch. */
#ifndef STINT_HTTP_EVENTS_H
#define STINT_HTTP_EVENTS_H

#include "http/http.h"

void events_tick(struct api *a);                /* tells what has happened; once a second the figures */
bool events_pending(const struct api *a);       /* somebody watches, and there is something to tell */
unsigned events_watchers(void);

#endif
