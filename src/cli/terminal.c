/* The terminal of `stint top`. Plain ANSI: every terminal of today knows these few sequences. Called by top.c.
 *
 * What was set is undone by terminal_close(); where a signal ends us it is told to the caller, who closes and dies of it; where we crash a handler does it, with what a handler may call. */
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "os/clock.h"

#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct {
	volatile sig_atomic_t open;
	struct termios before;
	sigset_t mask;
	int signals;
} term = { .signals = -1 };

static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t did = write(STDOUT_FILENO, p, n);

		if (did < 0 && errno == EAGAIN) {
			struct pollfd f = { .fd = STDOUT_FILENO, .events = POLLOUT };
			if (poll(&f, 1, 1000) <= 0)
				return;
			continue;
		}
		if (did < 0 && errno != EINTR)
			return;
		p += did > 0 ? did : 0;
		n -= did > 0 ? (size_t)did : 0;
	}
}

/* Safe in a signal handler. */
static void give_back(void)
{
	if (!term.open)
		return;
	term.open = 0;
	write_all(LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
}

static void on_crash(int sig)
{
	give_back();
	signal(sig, SIG_DFL);
	raise(sig);
}

static int take(void)
{
	struct termios raw = term.before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return -1;
	term.open = 1;
	write_all(ENTER, sizeof(ENTER) - 1);
	return 0;
}

int terminal_open(void)
{
	sigset_t set;

	if (tcgetattr(STDIN_FILENO, &term.before) < 0)
		return -1;
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT(ends); i++)
		sigaddset(&set, ends[i]);
	if (sigprocmask(SIG_BLOCK, &set, &term.mask) < 0)
		return -1;
	term.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	for (size_t i = 0; i < COUNT(crashes); i++)
		signal(crashes[i], on_crash);
	if (term.signals >= 0 && take() == 0)
		return 0;
	terminal_close();
	return -1;
}

void terminal_close(void)
{
	int err = errno;

	give_back();
	if (term.signals >= 0) {
		close(term.signals);
		term.signals = -1;
		sigprocmask(SIG_SETMASK, &term.mask, NULL);
		for (size_t i = 0; i < COUNT(crashes); i++)
			signal(crashes[i], SIG_DFL);
	}
	errno = err;
}

/* As if it had come now, and not been caught: so a shell sees it, and where no shell could let us go on we are not stopped. */
static void stop(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static enum terminal_event take_signal(int *what)
{
	struct signalfd_siginfo si;

	if (read(term.signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return TERMINAL_TIME;
	*what = (int)si.ssi_signo;
	if (*what == SIGWINCH)
		return TERMINAL_RESIZED;
	if (*what == SIGTSTP) {
		give_back();
		stop();
		return take() == 0 ? TERMINAL_RESIZED : TERMINAL_GONE;
	}
	if (*what == SIGCONT) {         /* stopped by somebody else: the shell may have changed what we had set */
		return take() == 0 ? TERMINAL_RESIZED : TERMINAL_GONE;
	}
	return TERMINAL_SIGNAL;
}

/* A byte a key: nothing in what arrows and the like send is a key of ours. */
static enum terminal_event take_key(int *what)
{
	unsigned char byte = 0;
	ssize_t n = read(STDIN_FILENO, &byte, 1);

	*what = byte;
	if (n == 1)
		return TERMINAL_KEY;
	return n < 0 && (errno == EINTR || errno == EAGAIN) ? TERMINAL_TIME : TERMINAL_GONE;
}

enum terminal_event terminal_wait(int64_t deadline_ns, int *what)
{
	struct pollfd f[2] = { { .fd = term.signals, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	int64_t left_ns = deadline_ns - clock_boot_ns();
	int rc = poll(f, 2, left_ns <= 0 ? 0 : left_ns > 3600000000000LL ? 3600000 : (int)((left_ns + 999999) / 1000000));

	*what = 0;
	if (rc > 0 && f[0].revents)
		return take_signal(what);
	if (rc > 0 && f[1].revents)
		return take_key(what);
	return TERMINAL_TIME;
}

void terminal_size(unsigned *rows, unsigned *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
		*rows = size.ws_row;
		*columns = size.ws_col;
	}
}

void terminal_write(const struct buf *text)
{
	write_all(text->data, text->len);
}

void terminal_die(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
}
