/* The terminal as a screen: keys one by one, no echo, no cursor, a page of its own; given back as it was on every way out. One at a time. */
#ifndef STINT_CLI_TERMINAL_H
#define STINT_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"

/* Takes the terminal of stdin and stdout. Signals that end or stop us come through terminal_wait() from then on. 0, or -1 with errno. Where we crash it is given back too. */
int terminal_open(void);
void terminal_close(void);      /* fine where it is not open */

enum terminal_event { TERMINAL_TIME, TERMINAL_KEY, TERMINAL_RESIZED, TERMINAL_GONE, TERMINAL_SIGNAL };
/* Waits for a key, another size or a signal, until the deadline on clock_boot_ns(). *what is the key or the signal. After TERMINAL_GONE the terminal is no more. A stop (Ctrl-Z) and what follows is
 * dealt with here: it comes as TERMINAL_RESIZED when we go on. */
enum terminal_event terminal_wait(int64_t deadline_ns, int *what);
void terminal_size(unsigned *rows, unsigned *columns);
void terminal_write(const struct buf *text);

/* After terminal_close(): dies of the signal, so that who started us sees it. */
void terminal_die(int sig);

#endif
