/* Which kind runs a handler, and what all kinds' results have in common. Used by the worker and the kinds. */
#include "run/kind.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/duration.h"

const struct run_kind *run_kind_of(const struct conf_handler *h)
{
	static const struct run_kind *const kinds[] = {
		[CONF_HANDLER_EXEC] = &run_exec,
		[CONF_HANDLER_HTTP] = &run_http,
		[CONF_HANDLER_COPROCESS] = &run_coprocess,
		[CONF_HANDLER_SMTP] = &run_smtp,
		[CONF_HANDLER_BUILTIN] = &run_builtin,
	};

	return h->kind >= 0 && (size_t)h->kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[h->kind] : NULL;
}

void run_result_init(struct run_result *r)
{
	*r = (struct run_result){ .outcome = JOB_OUTCOME_FAILED, .exit_code = -1, .retry_in_ms = -1 };
}

void run_result_free(struct run_result *r)
{
	buf_free(&r->output);
	buf_free(&r->log);
}

void run_no_memory(struct run_host *h, struct run_task *t)
{
	struct run_result r;

	run_result_init(&r);
	r.outcome = JOB_OUTCOME_RELEASED;
	snprintf(r.error, sizeof(r.error), "out of memory");
	h->ended(h->arg, t, &r);
	run_result_free(&r);
}

void run_timed_out(const struct run_task *t, struct run_result *r)
{
	struct buf b = { 0 };

	duration_put(&b, t->timeout_ms);
	r->outcome = JOB_OUTCOME_TIMED_OUT;
	snprintf(r->error, sizeof(r->error), "timed out after %s", buf_cstr(&b));
	buf_free(&b);
}

void run_timer(struct loop *l, struct loop_timer *t, int64_t ms)
{
	loop_timer_set(l, t, clock_boot_ns() - loop_now(l) + ms * 1000000);
}

bool run_read(struct run_host *h, struct loop_io *io, unsigned rounds, run_take_fn take, void *arg)
{
	static char bytes[RUN_READ_BYTES];

	while (io->fd >= 0 && rounds-- > 0) {
		ssize_t n = read(io->fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		h->output_bytes += (uint64_t)n;
		take(arg, io, bytes, (size_t)n);
		if ((size_t)n < sizeof(bytes))
			return true;    /* that was all */
	}
	return true;
}
