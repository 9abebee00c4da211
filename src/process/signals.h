/* The one table of signals: what the master does at each, and the words of `stintd -s`. */
#ifndef STINT_PROCESS_SIGNALS_H
#define STINT_PROCESS_SIGNALS_H

#include <stddef.h>

enum signal_action {
	SIGNAL_RELOAD,          /* the conf is read again */
	SIGNAL_DRAIN,           /* no new work; ends when what runs is done, or after drain_timeout */
	SIGNAL_STOP,            /* ends now */
	SIGNAL_REOPEN,          /* log files */
	SIGNAL_PAUSE,           /* no more claims until a reload */
	SIGNAL_UPGRADE,         /* another binary in our place */
	SIGNAL_REAP,            /* a child has died */
	SIGNAL_ACTIONS
};

struct signal_entry {
	int signo;
	const char *name;       /* "SIGHUP" */
	const char *word;       /* of `stintd -s`; NULL: not to be sent by a word */
	enum signal_action action;
};

extern const struct signal_entry signals_table[];       /* ended by signo 0 */

const struct signal_entry *signals_find(int signo);             /* NULL: not ours */
const struct signal_entry *signals_find_word(const char *word); /* likewise */
const char *signals_name(int signo);                            /* "SIGKILL", of any signal; "signal 77" where it has no name (static buffer) */

/* Every signal of the table, 0-terminated, for loop_signals(). */
#define SIGNALS_MAX 16
void signals_list(int out[SIGNALS_MAX]);

#endif
