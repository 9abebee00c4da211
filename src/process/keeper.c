/* The keeper: the one process that writes the store. This file is its life: opening, what the master says, the loop, the end.
 * Fatal: a store that cannot be opened (the reason is logged; sysexits code) and a commit whose outcome is unknown (70: a successor opens the store anew and answers what was committed). */
#include "process/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "shm/event_ring.h"

#define TICK_NS 1000000000LL

static bool random_bytes(void *p, size_t n)
{
	/* A few kilobytes at a time: ids take ten bytes each and a system call for every one would show. Forks do not matter: the store is opened after ours. */
	static uint8_t pool[4096];
	static size_t left;

	if (n > sizeof(pool))
		return false;
	if (n > left) {
		if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
			return false;
		left = sizeof(pool);
	}
	memcpy(p, pool + sizeof(pool) - left, n);
	left -= n;
	return true;
}

/* --- what the store asks about names --- */

static bool runs_here(void *arg, struct job_text type)
{
	const struct keeper *k = arg;
	const struct conf_handler *h = conf_handler_of(k->conf, (struct slice){ type.p, type.n });

	return h && h->kind != CONF_HANDLER_NONE && h->kind != CONF_HANDLER_REMOTE;
}

static uint32_t weight(void *arg, struct job_text queue)
{
	const struct keeper *k = arg;
	uint64_t w = conf_queue_of(k->conf, (struct slice){ queue.p, queue.n })->weight;

	return w < 1 ? 1 : w > 10000 ? 10000 : (uint32_t)w;
}

static uint32_t max_crashes(void *arg, struct job_text type)
{
	const struct keeper *k = arg;
	const struct conf_handler *h = conf_handler_of(k->conf, (struct slice){ type.p, type.n });

	return h ? (uint32_t)h->max_crashes : 10;
}

static struct store_limit queue_limit(void *arg, struct job_text queue)
{
	const struct keeper *k = arg;
	const struct conf_queue *q = conf_queue_of(k->conf, (struct slice){ queue.p, queue.n });

	return (struct store_limit){ .concurrency = q->concurrency, .rate = q->rate, .max_queued = q->max_queued };
}

static struct store_limit type_limit(void *arg, struct job_text type)
{
	const struct keeper *k = arg;
	const struct conf_handler *h = conf_handler_of(k->conf, (struct slice){ type.p, type.n });

	if (!h)
		return (struct store_limit){ .concurrency = 0 };
	/* as many as all instances take, also while a reload's old workers still have some of them */
	uint64_t all = h->kind == CONF_HANDLER_COPROCESS ? h->instances * h->pipeline : 0;
	return (struct store_limit){ .concurrency = all && (h->concurrency == 0 || all < h->concurrency) ? all : h->concurrency, .rate = h->rate, .key_concurrency = h->key_concurrency,
		.breaker_failures = h->breaker_failures, .breaker_cooldown_ms = h->breaker_cooldown };
}

static uint32_t room(void *arg, struct job_text type)
{
	const struct keeper *k = arg;

	return conf_room_of(conf_handler_of(k->conf, (struct slice){ type.p, type.n }));
}

static void set_rules(struct keeper *k)
{
	struct store_rules r = {
		.arg = k, .runs_here = runs_here, .weight = weight, .max_crashes = max_crashes, .queue_limit = queue_limit, .type_limit = type_limit, .room = room, .retain_succeeded_ms = k->conf->store.retain_succeeded,
		.retain_failed_ms = k->conf->store.retain_failed, .retain_count = k->conf->store.retain_count, .max_queued = k->conf->store.max_queued,
		.idempotency_window_ms = k->conf->store.idempotency_window, .idempotency_max = k->conf->store.idempotency_max,
	};

	store_rules(k->store, &r);
	keeper_families(k);
}

/* --- what the master says --- */

static struct conf *conf_from_fd(int fd)
{
	struct conf_report report = { 0 };
	struct conf *c = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return NULL;
	char *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return NULL;
	c = conf_parse("the master's tables", text, (size_t)st.st_size, &report);
	for (size_t i = 0; i < report.n; i++)
		if (!report.v[i].warning)
			log_error("%s:%u: %s", report.v[i].file, report.v[i].line, report.v[i].text);
	conf_report_free(&report);
	munmap(text, (size_t)st.st_size);
	return c;
}

static bool take_conf(struct keeper *k, int fd)
{
	struct conf *c = fd >= 0 ? conf_from_fd(fd) : NULL;

	if (!c) {
		log_error("the conf handed over cannot be read; the old tables stay in force");
		return false;
	}
	if (!keeper_schedules_take(k, c)) {
		log_error("memory is out: the old tables stay in force");
		conf_free(c);
		return false;
	}
	conf_free(k->own_conf);
	k->conf = k->own_conf = c;
	k->p->conf = c;
	set_rules(k);
	return true;
}

static void on_message(struct process *p, const struct process_packet *m, int fd)
{
	struct keeper *k = p->arg;

	switch (m->message) {
	case MASTER_CONF:
		child_say(k->p, take_conf(k, fd) ? CHILD_CONF_TAKEN : CHILD_CONF_REFUSED, m->arg);
		break;
	case MASTER_ABANDONED:
		if (m->arg >= 2 && m->arg < (int64_t)k->seg->geo.nproc)
			k->abandoned[m->arg] = k->any_abandoned = true;
		break;
	case MASTER_STOP:
		k->stopping = true;
		break;
	default:
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void on_orphan(struct process *p)
{
	/* Nobody is left to answer: what was committed is safe, what is posted was never acknowledged. */
	child_exit(p, 0);
}

static void recover(struct keeper *k);

static void on_tick(struct loop_timer *t)
{
	struct keeper *k = LOOP_OWNER(t, struct keeper, tick);

	k->ticked = true;
	if (k->old_run_left && k->ready)
		recover(k);
	keeper_housekeep(k);
	loop_timer_set(k->p->loop, t, TICK_NS);
}

/* Due times, ticks and tokens are times of the wall clock: those that have come by its being set are due now. */
static void on_clock(struct loop_io *io, uint32_t events)
{
	struct keeper *k = LOOP_OWNER(io, struct keeper, clock);

	(void)events;
	k->clock_set |= clock_was_set(io->fd);
}

static void watch_clock(struct keeper *k)
{
	k->clock = (struct loop_io){ .fd = clock_watch(), .ready = on_clock };
	if (k->clock.fd >= 0 && loop_add(k->p->loop, &k->clock, EPOLLIN) == 0)
		return;
	log_warn("the wall clock cannot be watched: that it was set is noticed within a second");
	if (k->clock.fd >= 0)
		close(k->clock.fd);
	k->clock.fd = -1;
}

/* --- opening --- */

static int exit_code_of(enum store_rc rc)
{
	switch (rc) {
	case STORE_INVALID: return EX_CONFIG;
	case STORE_BUSY: return EX_UNAVAILABLE;
	case STORE_NO_MEMORY: return EX_OSERR;
	default: return EX_IOERR;
	}
}

static void open_store(struct keeper *k)
{
	const struct conf_store *c = &k->conf->store;
	enum store_rc rc;
	char why[4096];
	struct store_options opt = {
		.path = c->path, .map_size = c->map_size, .epoch = k->seg->geo.epoch, .random = random_bytes, .max_queued = c->max_queued,
	};

	k->store = store_open(&opt, &rc, why, sizeof(why));
	if (!k->store) {
		log_error("%s", why);
		child_exit(k->p, exit_code_of(rc));
	}
	set_rules(k);
	store_watch(k->store, keeper_hear, k);
	event_start(k->seg, store_told(k->store));
}

/* Leases of an older run of the server: those of workers of ours nobody holds any more, those of remote ones begin anew. */
static enum store_rc clear_old_run(struct keeper *k, bool *more)
{
	enum store_rc rc = store_begin(k->store, clock_wall_us());

	if (rc != STORE_OK)
		return rc == STORE_IO ? STORE_BUSY : rc;
	rc = store_abandon_old(k->store, keeper_paced(k, KEEPER_SLICE), more);
	if (rc == STORE_OK && !*more)
		rc = store_renew_leases(k->store, keeper_boot_ms(), keeper_paced(k, KEEPER_SLICE), more);
	if (rc == STORE_OK)
		return store_commit(k->store);
	store_abort(k->store);
	return rc;
}

static void recover(struct keeper *k)
{
	bool more = true;

	while (more) {
		k->told.n = 0;
		enum store_rc rc = keeper_judge(k, clear_old_run(k, &more));
		if (rc != STORE_OK) {
			if (!k->old_run_left)
				log_error("the jobs that an earlier run left unfinished cannot be queued again: %s; trying again each second", store_rc_text(rc));
			k->old_run_left = true;
			k->told.n = 0;
			return;
		}
		keeper_tell(k, 0);
	}
	k->old_run_left = false;
}

static void allocate(struct keeper *k)
{
	uint32_t n = k->seg->geo.nproc;

	uint32_t requests = request_count(k->seg), capacity;

	for (uint32_t i = 0; i < requests; i++) {
		request_results(k->seg, request_slot(k->seg, i), &capacity);
		if (capacity > KEEPER_OPS_MAX)
			abort();
	}
	k->posted = calloc(requests, sizeof(*k->posted));
	k->applied = calloc(requests, sizeof(*k->applied));
	k->skip = calloc(KEEPER_OPS_MAX, sizeof(*k->skip));
	k->tokens = calloc(k->seg->geo.run_capacity, sizeof(*k->tokens));
	k->abandoned = calloc(n, sizeof(*k->abandoned));
	k->done = calloc(n, sizeof(*k->done));
	k->worker = calloc(n, sizeof(*k->worker));
	if (k->seg->geo.nacceptor > KEEPER_ACCEPTORS)
		abort();
	if (!keeper_remote_init(k) || !k->posted || !k->applied || !k->skip || !k->tokens || !k->abandoned || !k->done || !k->worker) {
		log_error("out of memory");
		child_exit(k->p, EX_OSERR);
	}
}

/* How long the loop may sleep: to the next due job, token or tick of a schedule, the end of a pause, or for ever. The tick's timer wakes it before long, and so does a clock that is set. */
static int64_t patience(struct keeper *k)
{
	int64_t now = loop_now(k->p->loop), due = store_next_due_ms(k->store), wake = store_next_token_us(k->store);
	int64_t tick = keeper_schedules_patience(k);

	if (k->blocked_until_ns > now)
		return k->blocked_until_ns - now;
	if (due < wake / 1000)
		wake = due * 1000;
	if (wake != INT64_MAX) {
		wake -= clock_wall_us();
		wake = wake <= 0 ? 0 : wake < KEEPER_SLEEP_NS / 1000 ? wake * 1000 : KEEPER_SLEEP_NS;
	}
	if (tick < wake)
		wake = tick;
	int64_t lease = store_next_lease_ms(k->store);
	if (lease < INT64_MAX / 1000000 && lease * 1000000 - now < wake)
		wake = lease * 1000000 > now ? lease * 1000000 - now : 0;
	return wake == INT64_MAX ? -1 : wake;
}

void keeper_main(struct process *p)
{
	static struct keeper keeper;
	struct keeper *k = &keeper;

	*k = (struct keeper){ .p = p, .seg = p->seg, .conf = p->conf, .me = &p->seg->proc[p->slot], .check_tokens = true, .pace = KEEPER_SWEEP };
	p->arg = k;
	p->on_message = on_message;
	p->on_orphan = on_orphan;
	child_begin(p);
	allocate(k);
	named_attach(&k->queues, p->seg->queue_hist);
	named_attach(&k->types, p->seg->type_hist);
	if (!keeper_schedules_take(k, k->conf)) {
		log_error("out of memory");
		child_exit(p, EX_OSERR);
	}
	open_store(k);
	recover(k);
	k->tick.fire = on_tick;
	on_tick(&k->tick);
	watch_clock(k);
	atomic_fetch_add_explicit(&k->seg->h->keeper_turn, 1, memory_order_release);
	keeper_work(k);         /* answers what lay there before anybody new is told to go */
	k->ready = true;
	child_say(p, CHILD_READY, 0);
	for (;;) {
		child_turn(p, keeper_busy, patience(k));
		if (k->blocked_until_ns <= loop_now(p->loop))
			keeper_work(k);
		if (k->stopping && !keeper_busy(k))
			child_exit(p, 0);
	}
}
