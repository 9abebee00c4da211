/* The bar of an act on many jobs. The server answers such a call when all is done; how far it is, its figures say. They count what others do too, so the bar is a good guess and no more: the answer has
 * the number. Called by act.c and queues.c. */
#include "cli/many.h"

#include <math.h>
#include <unistd.h>

#include "cli/progress.h"
#include "os/clock.h"

#define LOOK_NS (500 * 1000000LL)
#define LOOK_MS 2000                    /* how long a look may take */

struct watch {
	const struct many *m;
	struct progress progress;
	struct client side;
	int64_t began_ns, looked_ns;
	double before, done;
};

bool many_shown(void)
{
	return isatty(STDERR_FILENO) == 1;
}

/* False: the figures cannot be had, and nothing has changed. */
static bool look(struct watch *w, double *sum)
{
	struct client_call call = { .method = "GET", .target = "/stats", .timeout_ms = LOOK_MS };
	bool ok = client_ask(&w->side, &call) == 0;
	double all = 0, v;

	for (size_t i = 0; ok && w->m->figure[i]; i++) {
		ok = client_number((struct slice){ call.answer.data, call.answer.len }, w->m->figure[i], &v);
		all += ok ? v : 0;
	}
	buf_free(&call.answer);
	if (ok)
		*sum = all;
	return ok;
}

static void waiting(void *arg)
{
	struct watch *w = arg;
	int64_t now = clock_boot_ns();
	double sum;

	if (now - w->looked_ns >= LOOK_NS) {
		if (look(w, &sum))
			w->done = fabs(sum - w->before);
		w->looked_ns = clock_boot_ns();
	}
	if (w->m->total > 0 && w->done > w->m->total)
		w->done = w->m->total;
	progress_show(&w->progress, w->m->total > 0 ? w->done / w->m->total : -1, (uint64_t)w->done, now - w->began_ns);
}

int many_ask(struct client *c, struct client_call *call, const struct many *m)
{
	struct watch w = { .m = m, .began_ns = clock_boot_ns() };
	int code;

	progress_begin(&w.progress, m->what, "jobs");
	if (!w.progress.on || client_init(&w.side, c->text, c->token) != 0)
		return client_ask(c, call);
	if (look(&w, &w.before)) {
		call->waiting = waiting;
		call->waiting_arg = &w;
	}
	code = client_ask(c, call);
	progress_end(&w.progress);
	client_close(&w.side);
	return code;
}
