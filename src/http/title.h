/* Statuses in words. */
#ifndef STINT_HTTP_TITLE_H
#define STINT_HTTP_TITLE_H

const char *title_of(int status);       /* "Not Found" */

#endif
