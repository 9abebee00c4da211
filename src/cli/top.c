/* `stint top`: the server live on a terminal, out of the shared segment and the store; speaks to no process, so it works with the server dead. Also for programs: an object a look.
 *
 * The segment is opened anew for each look, since a server that starts again makes another. */
#include "cli/top.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/place.h"
#include "cli/segment_open.h"
#include "cli/terminal.h"
#include "os/clock.h"

#define ONCE_ROWS 200
#define NEVER_NS (3600 * 1000000000LL)

struct view {
	const struct conf *conf;
	struct top_sampler sampler;
	struct top_show show;
	struct top top;                 /* the last look */
	struct screen screen;
	int64_t every_ms;
	bool json, once;
};

/* 0, or an exit code with why; the last look stays then. */
static int look(struct view *v, char *why, size_t why_size)
{
	struct segment seg = { 0 };
	struct status_now now;
	struct top next = { .st.process = NULL };
	int code = segment_open(&seg, v->conf, why, why_size);

	if (code != EX_OK)
		return code;
	segment_now(&now);
	code = top_sample(&v->sampler, &seg, &now, segment_alive, &next) == 0 ? EX_OK : EX_OSERR;
	segment_close(&seg);
	if (code == EX_OK) {
		top_free(&v->top);
		v->top = next;
	} else {
		top_free(&next);
		snprintf(why, why_size, "there is no memory for the figures");
	}
	return code;
}

/* As root it is opened as the one whose it is: what LMDB makes there must not be root's, and no link there may lead root to another file.
 *
 * What only the store knows is left out where it cannot be opened. It is never closed: closing takes care that is not ours of what the server's processes share. */
static void open_store(struct view *v)
{
	enum store_rc rc;
	char why[200];
	uid_t uid = 0;
	gid_t gid = 0;
	bool changes = geteuid() == 0 && place_owner(v->conf->store.path, false, &uid, &gid) && uid != 0;

	if (changes && (setgroups(0, NULL) != 0 || setegid(gid) != 0 || seteuid(uid) != 0))
		snprintf(why, sizeof(why), "cannot become its owner (user %u): %s", (unsigned)uid, strerror(errno));
	else
		v->sampler.store = store_reader_open(v->conf->store.path, v->conf->store.map_size, NULL, &rc, why, sizeof(why));
	if (changes && (seteuid(0) != 0 || setegid(0) != 0))
		abort();
	if (!v->sampler.store)
		snprintf(v->sampler.why, sizeof(v->sampler.why), "without the store: %s", why);
}

/* --- without a terminal --- */

static void pause_ms(int64_t ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

static void print(struct view *v)
{
	struct buf out = { 0 };
	unsigned rows, columns;

	top_sort(&v->top.queues, v->show.sort);
	top_sort(&v->top.types, v->show.sort);
	if (v->json) {
		top_put_json(&v->top, &out);
	} else {
		terminal_size(&rows, &columns);
		screen_begin(&v->screen, ONCE_ROWS, columns);
		top_draw(&v->top, &v->show, &v->screen);
		screen_text(&v->screen, &out);
	}
	cli_out(&out);
	buf_free(&out);
}

/* The first line comes with the second look, so that it has rates. */
static int print_looks(struct view *v)
{
	char why[PATH_MAX + 300];

	v->show.no_foot = true;
	do {
		pause_ms(v->every_ms);
		int code = look(v, why, sizeof(why));
		if (code != EX_OK)
			return cli_fail(code, "%s", why);
		print(v);
	} while (!v->once && fflush(stdout) == 0 && !ferror(stdout));
	return EX_OK;
}

/* --- on a terminal --- */

static void draw(struct view *v)
{
	struct buf out = { 0 };
	unsigned rows, columns;

	terminal_size(&rows, &columns);
	top_sort(&v->top.queues, v->show.sort);
	top_sort(&v->top.types, v->show.sort);
	screen_begin(&v->screen, rows, columns);
	top_draw(&v->top, &v->show, &v->screen);
	screen_write(&v->screen, &out);
	terminal_write(&out);
	buf_free(&out);
}

/* False: it is to end. */
static bool key(struct view *v, int c)
{
	switch (c) {
	case 'q':
	case 'Q':
		return false;
	case ' ':
		v->show.paused = !v->show.paused;
		break;
	case 's':
		v->show.sort = (v->show.sort + 1) % TOP_SORTS;
		break;
	case 'p':
		v->show.no_processes = !v->show.no_processes;
		break;
	default:
		break;
	}
	return true;
}

/* Looks, draws and waits, until a key or a signal ends it; the signal's number, or 0. */
static int live(struct view *v)
{
	char why[PATH_MAX + 300];
	int what;

	for (int64_t next = clock_boot_ns() + v->every_ms * 1000000;;) {
		draw(v);
		switch (terminal_wait(v->show.paused ? clock_boot_ns() + NEVER_NS : next, &what)) {
		case TERMINAL_KEY:
			if (!key(v, what))
				return 0;
			break;
		case TERMINAL_SIGNAL:
			return what;
		case TERMINAL_GONE:
			return 0;
		case TERMINAL_RESIZED:
		case TERMINAL_TIME:
			break;
		}
		if (v->show.paused || clock_boot_ns() < next)
			continue;
		if (look(v, why, sizeof(why)) != EX_OK) {
			v->top.st.running = false;
			snprintf(v->top.why, sizeof(v->top.why), "%.250s", why);
		}
		next = clock_boot_ns() + v->every_ms * 1000000;
	}
}

static int on_terminal(struct view *v)
{
	int sig;

	if (terminal_open() < 0)
		return cli_fail(EX_OSERR, "the terminal cannot be set: %m");
	sig = live(v);
	terminal_close();
	if (sig)
		terminal_die(sig);
	return EX_OK;
}

static bool is_terminal(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && !(kind && strcmp(kind, "dumb") == 0);
}

int cli_top(const struct cli_command *self, int argc, char **argv)
{
	static struct view v;           /* so that the store, left open, is no leak */
	const char *file = NULL;
	const struct option_spec spec[] = {
		{ OPTION_TEXT, "conf", 'c', &file, NULL, "FILE", 0, 0, "the server's conf; else the installed one" },
		{ OPTION_DURATION, "delay", 'd', &v.every_ms, NULL, "TIME", 100, 3600000, "between two looks; 1s" },
		{ OPTION_FLAG, "once", 0, &v.once, NULL, NULL, 0, 0, "print one screen, with the rates of one such time, and end" },
		{ OPTION_FLAG, "json", 0, &v.json, NULL, NULL, 0, 0, "print a JSON object a look" },
		{ .kind = OPTION_END },
	};
	struct option_operands args;
	char why[PATH_MAX + 300];
	struct conf *conf;
	int code;

	v.every_ms = 1000;
	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n > 0)
		return cli_fail(EX_USAGE, "top takes no argument \"%s\"", args.v[0]);
	if (!v.json && !v.once && !is_terminal())
		return cli_fail(EX_USAGE, "top draws on a terminal, and there is none here; `stint top --once` prints one screen, --json an object a second");
	conf = cli_conf(file, &code);
	if (!conf)
		return code;
	v.conf = conf;
	code = look(&v, why, sizeof(why));
	if (code != EX_OK) {
		cli_fail(code, "%s", why);
	} else {
		open_store(&v);
		look(&v, why, sizeof(why));     /* with the store: what later ones are compared with */
		code = v.json || v.once ? print_looks(&v) : on_terminal(&v);
	}
	top_free(&v.top);
	top_sampler_free(&v.sampler);
	screen_free(&v.screen);
	conf_free(conf);
	return code;
}
