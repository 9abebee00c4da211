/* How much room a text takes on a terminal, in columns: none for an accent that joins the letter before it, two for a wide character. */
#ifndef STINT_CLI_WIDTH_H
#define STINT_CLI_WIDTH_H

#include <stddef.h>

#include "text/buf.h"

size_t width_of(struct slice s);        /* columns; a byte that is no UTF-8 is one */
/* How many bytes of s fill at most so many columns; what joins the last character goes with it. */
size_t width_cut(struct slice s, size_t columns);

#endif
