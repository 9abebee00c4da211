/* The acceptor: owns the clients' sockets, asks the keeper for what changes the store, reads the rest itself. Called by role.c in the forked child.
 * Fatal: a loop, ask box or store reader that cannot be made (the reason is logged; the master starts another). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/schedule.h"
#include "http/http.h"
#include "os/log.h"
#include "process/listen.h"
#include "process/process.h"
#include "shm/request.h"
#include "store/store.h"

#define MS 1000000LL
#define TICK_NS (1000 * MS)
#define READER_TRIES 200                /* the keeper may be making the store */
#define READER_PAUSE_NS (50 * MS)
#define DRAIN_IDLE_MS 2000              /* what a client with an idle connection gets to send one more request */
#define STOP_SPARE_MS 100               /* so long before the master's patience ends we are gone */

struct acceptor {
	struct process *p;
	struct api api;
	struct http_listener **listener;        /* conf->http.nlisten of them; NULL while not listening */
	struct loop_timer tick, limit;
	bool going;
	bool ending;                    /* no new connections; gone when the last is */
	bool stopping;                  /* gone when what is open is answered */
	bool overdue;
};

static _Noreturn void cannot(struct process *p, const char *what, const char *why)
{
	log_error("cannot begin: %s: %s", what, why);
	child_exit(p, EX_OSERR);
}

/* --- what the master says --- */

static void listen_all(struct acceptor *a)
{
	const struct conf_http *http = &a->p->conf->http;

	if (a->going || a->ending)
		return;
	a->going = true;
	for (size_t i = 0; i < http->nlisten; i++) {
		a->listener[i] = http_listen(&a->api, a->p->listen_fd[i], http->listen[i].tls);
		if (!a->listener[i])
			cannot(a->p, http->listen[i].text, strerror(errno));
	}
}

static void listen_no_more(struct acceptor *a)
{
	a->ending = true;
	for (size_t i = 0; i < a->p->conf->http.nlisten; i++) {
		if (a->listener[i])
			http_listener_close(a->listener[i]);
		a->listener[i] = NULL;
	}
}

static void on_limit(struct loop_timer *t)
{
	LOOP_OWNER(t, struct acceptor, limit)->overdue = true;
}

static void drain(struct acceptor *a)
{
	if (a->ending)
		return;
	listen_no_more(a);
	http_drain(&a->api, DRAIN_IDLE_MS);
	if (a->api.ask)
		api_tick(&a->api);      /* who waits for a job is to ask elsewhere */
	loop_timer_set(a->p->loop, &a->limit, a->p->conf->drain_timeout * MS);
}

/* Whoever waits for a job is answered with what it is now. */
static void stop(struct acceptor *a, int64_t within_ms)
{
	int64_t ms = within_ms > STOP_SPARE_MS ? within_ms - STOP_SPARE_MS : 0;

	listen_no_more(a);
	a->stopping = true;
	a->api.draining = true;
	http_drain(&a->api, 0);
	if (a->api.ask)
		api_tick(&a->api);
	loop_timer_set(a->p->loop, &a->limit, ms * MS);
}

static void on_message(struct process *p, const struct process_packet *m, int fd)
{
	struct acceptor *a = p->arg;

	if (fd >= 0)
		close(fd);
	switch (m->message) {
	case MASTER_GO: listen_all(a); break;
	case MASTER_DRAIN: drain(a); break;
	case MASTER_STOP: stop(a, m->arg); break;
	case MASTER_REFUSE: a->api.draining = true; break;
	default: break;
	}
}

static void on_orphan(struct process *p)
{
	/* Nobody is left who commits: an answer could only be wrong. */
	child_exit(p, 0);
}

/* --- the keeper's answers --- */

static void on_answer(void *arg, const struct request_result *r)
{
	struct acceptor *a = arg;

	api_answered(&a->api, r);
}

static void on_bell(struct process *p)
{
	struct acceptor *a = p->arg;

	if (!a->api.ask)
		return;                 /* rung before we are ready */
	ask_poll(a->api.ask);
	api_tick(&a->api);
}

static void on_tick(struct loop_timer *t)
{
	struct acceptor *a = LOOP_OWNER(t, struct acceptor, tick);

	ask_poll(a->api.ask);
	api_tick(&a->api);
	loop_timer_set(a->p->loop, t, TICK_NS);
}

/* Looked at before sleeping; what is found is answered in the turn that follows at once. */
static bool busy(void *arg)
{
	struct acceptor *a = arg;

	bool answered = (ask_outstanding(a->api.ask) && ask_poll(a->api.ask) > 0) | claims_poll(&a->api);

	return api_pending(&a->api) || answered;
}

/* --- its life --- */

static void open_reader(struct acceptor *a)
{
	const struct conf_store *c = &a->p->conf->store;
	enum store_rc rc = STORE_OK;
	char why[4096];

	for (unsigned i = 0; i < READER_TRIES; i++) {
		a->api.reader = store_reader_open(c->path, c->map_size, NULL, &rc, why, sizeof(why));
		if (a->api.reader)
			return;
		if (rc == STORE_NO_MEMORY || a->ending)
			break;
		child_turn(a->p, NULL, READER_PAUSE_NS);
	}
	if (a->ending)
		child_exit(a->p, 0);
	cannot(a->p, "the store", why[0] ? why : store_rc_text(rc));
}

static void open_tls(struct acceptor *a)
{
	char why[300];

	if (listen_tls(&a->p->conf->http, &a->api.tls, why, sizeof(why)))
		return;
	log_error("cannot begin: tls: %s", why);
	child_exit(a->p, PROCESS_EXIT_FATAL);
}

static void begin(struct acceptor *a)
{
	struct process *p = a->p;

	p->on_message = on_message;
	p->on_bell = on_bell;
	p->on_orphan = on_orphan;
	p->arg = a;
	child_begin(p);
	a->limit.fire = on_limit;
	a->tick.fire = on_tick;
	a->api = (struct api){ .loop = p->loop, .seg = p->seg, .slot = p->slot, .conf = p->conf, .version = p->seg->geo.version };
	a->listener = calloc(p->conf->http.nlisten ? p->conf->http.nlisten : 1, sizeof(*a->listener));
	if (!a->listener)
		cannot(p, "listeners", strerror(errno));
	a->api.schedules = schedules_make(p->conf, NULL);       /* the keeper says which of them rest */
	if (!a->api.schedules)
		cannot(p, "schedules", strerror(errno));
	open_tls(a);
	open_reader(a);
	a->api.ask = ask_open(p->seg, p->slot, on_answer, a);
	if (!a->api.ask)
		cannot(p, "requests", strerror(errno));
	loop_timer_set(p->loop, &a->tick, TICK_NS);
	child_say(p, CHILD_READY, 0);
}

/* What the turn's handlers asked for goes first: the keeper works while the answers are written. */
static void turn(struct acceptor *a)
{
	child_turn(a->p, busy, -1);
	http_resume(&a->api);
	ask_post(a->api.ask);
	http_flush(&a->api);
	ask_post(a->api.ask);
}

static bool over(const struct acceptor *a)
{
	if (!a->ending)
		return false;
	if (a->overdue || http_open(&a->api) == 0)
		return true;
	return a->stopping && http_unanswered(&a->api) == 0;
}

_Noreturn void acceptor_main(struct process *p)
{
	static struct acceptor self;

	self.p = p;
	begin(&self);
	while (!over(&self))
		turn(&self);
	if (self.overdue && http_unanswered(&self.api))
		log_warn("%u requests were open when the time for them was over", http_unanswered(&self.api));
	http_close_all(&self.api);
	child_say(p, CHILD_DRAINED, 0);
	child_exit(p, 0);
}
