/* The progress bar of long work. Called by the subcommands that take their time; a terminal that is gone is nobody's trouble. */
#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/clock.h"

#define BAR 30
#define SHOW_NS 100000000

void progress_begin(struct progress *p, const char *what, const char *unit)
{
	*p = (struct progress){ .on = isatty(STDERR_FILENO) == 1, .what = what, .unit = unit };
}

void progress_put(const struct progress *p, double fraction, uint64_t done, int64_t elapsed_ns, struct buf *out)
{
	char total[CLI_COUNT_BYTES], rate[CLI_COUNT_BYTES];

	buf_printf(out, "%s ", p->what);
	if (fraction >= 0) {
		int filled = (int)(fmin(fraction, 1) * BAR);
		buf_char(out, '[');
		for (int i = 0; i < BAR; i++)
			buf_char(out, i < filled ? '=' : ' ');
		buf_str(out, "] ");
	}
	buf_printf(out, "%s %s, %s/s", cli_count(total, done), p->unit,
		cli_count(rate, elapsed_ns > 0 ? (uint64_t)((double)done * 1e9 / (double)elapsed_ns) : 0));
}

void progress_show(struct progress *p, double fraction, uint64_t done, int64_t elapsed_ns)
{
	struct buf line = { 0 };
	int64_t now;

	if (!p->on)
		return;
	now = clock_boot_ns();
	if (p->shown_ns && now - p->shown_ns < SHOW_NS)
		return;
	p->shown_ns = now;
	progress_put(p, fraction, done, elapsed_ns, &line);
	fprintf(stderr, "\r%s\033[K", buf_cstr(&line));
	buf_free(&line);
}

void progress_end(struct progress *p)
{
	if (p->on && p->shown_ns)
		fputs("\r\033[K", stderr);
	p->shown_ns = 0;
}
