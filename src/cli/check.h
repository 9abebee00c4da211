/* The two halves of `stint check`. */
#ifndef STINT_CLI_CHECK_H
#define STINT_CLI_CHECK_H

#include "cli/place.h"

int check_repair(struct place *p, bool json);   /* the exit code, with everything said */

#endif
