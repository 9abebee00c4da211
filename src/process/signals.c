/* The signal table of the master and its look-ups, for master.c and stintd.c (-s). Nothing here is fatal. */
#include "process/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

const struct signal_entry signals_table[] = {
	{ SIGHUP, "SIGHUP", "reload", SIGNAL_RELOAD },
	{ SIGTERM, "SIGTERM", "quit", SIGNAL_DRAIN },
	{ SIGQUIT, "SIGQUIT", NULL, SIGNAL_DRAIN },
	{ SIGINT, "SIGINT", "stop", SIGNAL_STOP },
	{ SIGUSR1, "SIGUSR1", "reopen", SIGNAL_REOPEN },
	{ SIGUSR2, "SIGUSR2", NULL, SIGNAL_UPGRADE },
	{ SIGWINCH, "SIGWINCH", NULL, SIGNAL_PAUSE },
	{ SIGCHLD, "SIGCHLD", NULL, SIGNAL_REAP },
	{ 0, NULL, NULL, SIGNAL_ACTIONS },
};
_Static_assert(sizeof(signals_table) / sizeof(signals_table[0]) <= SIGNALS_MAX, "signals_list() has room");

const struct signal_entry *signals_find(int signo)
{
	for (const struct signal_entry *e = signals_table; e->signo; e++)
		if (e->signo == signo)
			return e;
	return NULL;
}

const struct signal_entry *signals_find_word(const char *word)
{
	for (const struct signal_entry *e = signals_table; e->signo; e++)
		if (e->word && strcmp(e->word, word) == 0)
			return e;
	return NULL;
}

const char *signals_name(int signo)
{
	static char text[32];
	const char *abbreviation = sigabbrev_np(signo);

	if (abbreviation)
		snprintf(text, sizeof(text), "SIG%s", abbreviation);
	else
		snprintf(text, sizeof(text), "signal %d", signo);
	return text;
}

void signals_list(int out[SIGNALS_MAX])
{
	size_t n = 0;

	for (const struct signal_entry *e = signals_table; e->signo; e++)
		out[n++] = e->signo;
	out[n] = 0;
}
