/* A real keeper in a child over a real segment and an LMDB store; the test plays master, acceptor and workers, and knows of every job what may be and what must be.
 *
 * Jobs are numbers: the payload of job n is n. What a player posted before it died lies in the segment and must be applied; what it held must be granted again, to somebody else. */
#ifndef STINT_TESTS_PROCESS_KEEPER_FIXTURE_H
#define STINT_TESTS_PROCESS_KEEPER_FIXTURE_H

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/log.h"
#include "process/channel.h"
#include "process/child.h"
#include "shm/grant.h"
#include "shm/request.h"
#include "store/store.h"
#include "tests/shm/segment_fixture.h"

#define JOBS 60000u
#define ROOM 24u                        /* jobs that a worker runs at once */
#define PLAYERS 3u                      /* an acceptor, then workers */

enum fate { UNKNOWN, ASKED, STORED, HELD, OVER };       /* of a job: over is what must not run again */

static struct {
	enum fate fate;
	bool answered, lost, refused;   /* lost: its asker died before it was answered; refused: for want of room */
	bool tight;                     /* of the type "tight", which takes room of its own */
	struct job_id id;
} job[JOBS];
static unsigned njob, answered_jobs, over_jobs, refused_jobs;
static uint32_t damaged_job;             /* whose record cannot be read: its end is answered so */
static unsigned finishes;
static bool may_refuse;                 /* submissions may find no room */
static size_t padding;                  /* spaces behind each payload */
static unsigned tight_in;               /* one in so many jobs is of the type "tight"; 0: none */

struct held { uint32_t n; uint64_t token; struct job_id id; bool alone, ending, started, tight; enum job_outcome outcome; };

static struct player {
	uint32_t slot;
	bool alive, abandoned;
	struct ask_box *box;
	uint64_t seen, promised, tight_promised;
	unsigned tight_room, tight_seen;        /* for jobs of that type; how many it was granted */
	struct held held[ROOM];         /* the same places in the run table; n 0: free */
	struct shm_run *run;
} player[PLAYERS];

static struct conf *conf;
static pid_t keeper;
static int channel = -1;
static bool keeper_ready;
static unsigned slots_freed;
static uint64_t seed;

static inline uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

static inline uint32_t number_of(struct job_text payload)
{
	char text[16] = "";

	assert_true(payload.n > 0);
	memcpy(text, payload.p, payload.n < sizeof(text) ? payload.n : sizeof(text) - 1);
	return (uint32_t)strtoul(text, NULL, 10);
}

/* --- the master --- */

static inline void keeper_start(void)
{
	static struct process p;
	int pair[2];
	pid_t master = getpid();

	assert_int_equal(channel_pair(pair), 0);
	atomic_fetch_add(&seg.proc[SHM_KEEPER_SLOT].incarnation, 1);
	keeper = fork();
	assert_true(keeper >= 0);
	if (keeper == 0) {
		close(pair[0]);
		child_born(&(struct child_birth){ .master = master, .title = "keeper" });
		p = (struct process){ .seg = &seg, .slot = SHM_KEEPER_SLOT, .number = 1, .role = SHM_ROLE_KEEPER, .conf = conf, .channel = pair[1] };
		keeper_main(&p);
	}
	close(pair[1]);
	channel = pair[0];
	keeper_ready = false;
}

static inline void player_revive(struct player *p);

static inline void keeper_hear(void)
{
	struct process_packet m;

	while (channel >= 0 && channel_receive(channel, &m, NULL) == CHANNEL_PACKET) {
		if (m.message == CHILD_READY) {
			keeper_ready = true;
			for (unsigned i = 0; i < PLAYERS; i++)
				if (player[i].abandoned)
					channel_send(channel, MASTER_ABANDONED, player[i].slot, -1);
			segment_ring(&seg, SHM_KEEPER_SLOT);
		} else if (m.message == CHILD_SLOT_FREE) {
			for (unsigned i = 0; i < PLAYERS; i++)
				if (player[i].slot == (uint32_t)m.arg) {
					assert_true(player[i].abandoned);
					slots_freed++;
					player_revive(&player[i]);
				}
		}
	}
}

/* The first player's place with a box of the test's own, and a keeper that is ready. */
static inline struct ask_box *keeper_alone(ask_done_fn on_answer)
{
	struct ask_box *box;

	ask_close(player[0].box);
	player[0].box = NULL;
	box = ask_open(&seg, player[0].slot, on_answer, NULL);
	assert_non_null(box);
	keeper_start();
	while (!keeper_ready) {
		keeper_hear();
		usleep(200);
	}
	return box;
}

/* As the master sees it: what the keeper said last may or may not have been read. */
static inline int keeper_end(bool read_last)
{
	int status;

	assert_int_equal(waitpid(keeper, &status, 0), keeper);
	if (read_last)
		keeper_hear();
	close(channel);
	channel = -1;
	keeper_ready = false;
	return status;
}

static inline void keeper_kill(void)
{
	kill(keeper, SIGKILL);
	int status = keeper_end(dice(2));
	if (!WIFSIGNALED(status))
		fail_msg("the keeper exited with %d", WEXITSTATUS(status));
}

static inline void keeper_stop(void)
{
	channel_send(channel, MASTER_STOP, 0, -1);
	int status = keeper_end(true);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- what comes back --- */

#define FINISH (UINT64_C(1) << 40)

static inline void finish_answered(struct player *p, const struct request_result *r)
{
	struct held *h = &p->held[r->tag & 0xff];

	assert_true(h->n && h->ending);
	assert_int_equal(r->tag, FINISH | (uint64_t)h->n << 8 | (r->tag & 0xff));
	if (r->rc != (h->n == damaged_job ? STORE_DAMAGED : STORE_OK))
		fail_msg("the end of job %u was answered with %d", h->n, r->rc);
	if (h->n != damaged_job)
		assert_memory_equal(&r->id, &h->id, sizeof(h->id));
	finishes++;
	atomic_store(&p->run[r->tag & 0xff].state, SHM_RUN_FREE);
	h->n = 0;
}

static inline void answered(void *arg, const struct request_result *r)
{
	if (r->tag & FINISH) {
		finish_answered(arg, r);
		return;
	}
	assert_in_range(r->tag, 1, njob);
	assert_false(job[r->tag].answered);             /* once each */
	job[r->tag].answered = true;
	answered_jobs++;
	if (r->rc == STORE_NO_SPACE && may_refuse) {
		assert_int_equal(job[r->tag].fate, ASKED);
		job[r->tag].refused = true;
		refused_jobs++;
		return;
	}
	if (r->rc != STORE_OK)
		fail_msg("job %u was answered with %d", (unsigned)r->tag, r->rc);
	assert_int_equal(r->state, JOB_QUEUED);
	job[r->tag].id = r->id;
	if (job[r->tag].fate == ASKED)
		job[r->tag].fate = STORED;
}

/* --- acceptor --- */

static inline void submit(struct player *p, unsigned most)
{
	static uint8_t bytes[RECORD_SPEC_MAX];
	static char payload[JOB_INLINE_MAX];
	char queue[16];

	for (unsigned i = 0; i < most && njob + 1 < JOBS; i++) {
		uint32_t n = ++njob;
		struct job_spec s = { .type = { "noop", 4 }, .max_retries = 1000, .backoff = { .base_ms = 0, .max_ms = 1, .factor_milli = 1000 }, .aging_ms = 60000 };
		job[n].tight = tight_in && dice(tight_in) == 0;
		if (job[n].tight)
			s.type = (struct job_text){ "tight", 5 };
		s.queue = (struct job_text){ queue, (size_t)snprintf(queue, sizeof(queue), "q%u", dice(5)) };
		s.payload = (struct job_text){ payload, (size_t)snprintf(payload, sizeof(payload), "%u%*s", n, (int)padding, "") };
		s.payload_len = s.payload.n;
		size_t len = record_spec_encode(&s, bytes, sizeof(bytes));
		assert_true(len > 0);
		job[n].fate = ASKED;
		assert_int_equal(ask_add(p->box, REQUEST_SUBMIT, n, &(struct ask_piece){ bytes, len }, 1), 0);
	}
	ask_post(p->box);
}

/* --- worker --- */

static inline unsigned count_held(const struct player *p, bool running)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ROOM; i++)
		n += p->held[i].n && !(running && p->held[i].ending);
	return n;
}

static inline unsigned count_tight(const struct player *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ROOM; i++)
		n += p->held[i].n && p->held[i].tight;
	return n;
}

static inline void say(struct player *p)
{
	unsigned room = ROOM - count_held(p, false), tight = count_tight(p);

	tight = p->tight_room > tight ? p->tight_room - tight : 0;
	atomic_store(&seg.proc[p->slot].running, count_held(p, true));
	if (p->tight_room)
		grant_want_room(&seg, p->slot, 0, tight, p->seen);
	grant_want(&seg, p->slot, room, p->seen);
	if (room + p->seen > p->promised || tight + p->tight_seen > p->tight_promised)
		segment_ring(&seg, SHM_KEEPER_SLOT);
	p->promised = room + p->seen;
	p->tight_promised = tight + p->tight_seen;
}

/* From now on it has so much room for those jobs; it never has less than it had. */
static inline void give_tight_room(struct player *p, unsigned room)
{
	uint32_t id = conf_room_of(conf_handler_of(conf, SLICE("tight")));

	assert_true(id != 0 && room >= p->tight_room);
	if (p->tight_room == 0)
		grant_rooms(&seg, p->slot, &id, room > 0);
	p->tight_room = room;
	say(p);
}

static inline void take_one(struct player *p, const struct grant_view *v)
{
	unsigned i = 0;
	uint32_t n = number_of(v->payload);

	assert_in_range(n, 1, njob);
	while (i < ROOM && p->held[i].n)
		i++;
	assert_true(i < ROOM);                          /* no more than was wanted */
	for (unsigned k = 0; k < ROOM; k++)
		if (p->held[k].n && !p->held[k].ending && (p->held[k].alone || v->g.crashes >= 2))
			fail_msg("job %u has job %u for a neighbour, and one of them must have none", n, p->held[k].n);
	if (job[n].fate == OVER || job[n].fate == HELD)
		fail_msg("job %u is granted though it is %s", n, job[n].fate == OVER ? "over" : "held");
	job[n].fate = HELD;
	bool tight = v->type.n == 5 && memcmp(v->type.p, "tight", 5) == 0;
	assert_int_equal(tight, job[n].tight);
	p->tight_seen += tight;
	if (tight && count_tight(p) >= p->tight_room)
		fail_msg("job %u is granted to a worker that has no room for its type", n);
	p->held[i] = (struct held){ .tight = tight, .n = n, .token = v->g.token, .id = v->g.id, .alone = v->g.crashes >= 2, .started = dice(4) > 0 };
	p->run[i].token = v->g.token;
	atomic_store(&p->run[i].state, p->held[i].started ? SHM_RUN_STARTED : SHM_RUN_GRANTED);
}

static inline void take(struct player *p)
{
	struct grant_view v;
	int rc;

	while ((rc = grant_next(&seg, p->slot, &p->seen, &v)) == 1) {
		take_one(p, &v);
		say(p);
		grant_consume(&seg, p->slot, &v);
	}
	assert_int_equal(rc, 0);
}

/* Ends some of what runs; posted at once, so that it must count whatever dies next. */
static inline void end_some(struct player *p, unsigned in)
{
	static const enum job_outcome ends[] = { JOB_OUTCOME_SUCCEEDED, JOB_OUTCOME_SUCCEEDED, JOB_OUTCOME_SUCCEEDED, JOB_OUTCOME_FAILED, JOB_OUTCOME_RELEASED };

	if (ask_outstanding(p->box))
		return;
	for (unsigned i = 0; i < ROOM; i++) {
		struct held *h = &p->held[i];
		if (!h->n || dice(in))
			continue;
		h->outcome = ends[dice(5)];
		struct request_finish f = { .id = h->id, .token = h->token, .outcome = h->outcome, .started_ms = h->started ? 1 : 0, .duration_us = 10 };
		struct ask_piece piece[] = { { &f, sizeof(f) } };
		assert_int_equal(ask_add(p->box, REQUEST_FINISH, FINISH | (uint64_t)h->n << 8 | i, piece, 1), 0);
		h->ending = true;
		job[h->n].fate = h->outcome == JOB_OUTCOME_SUCCEEDED ? OVER : STORED;
		over_jobs += h->outcome == JOB_OUTCOME_SUCCEEDED;
	}
	say(p);
	ask_post(p->box);
}

/* --- lives of the players --- */

static inline void player_revive(struct player *p)
{
	struct shm_proc *me = &seg.proc[p->slot];

	atomic_fetch_add(&me->incarnation, 1);
	atomic_store(&me->role, p == player ? SHM_ROLE_ACCEPTOR : SHM_ROLE_WORKER);
	atomic_store(&me->pid, 1000 + (int)p->slot);
	p->box = ask_open(&seg, p->slot, answered, p);
	assert_non_null(p->box);
	p->run = segment_runs(&seg, p->slot);
	memset(p->held, 0, sizeof(p->held));
	if (p->run) {
		unsigned tight = p->tight_room;
		p->seen = p->promised = grant_attach(&seg, p->slot);
		p->tight_room = p->tight_seen = 0;
		p->tight_promised = 0;
		if (tight)
			give_tight_room(p, tight);
	}
	p->alive = true;
	p->abandoned = false;
	atomic_store(&me->state, SHM_PROC_RUNNING);
}

static inline void player_kill(struct player *p)
{
	ask_close(p->box);
	p->box = NULL;
	p->alive = false;
	p->abandoned = true;
	for (unsigned i = 0; i < ROOM; i++)
		if (p->held[i].n && !p->held[i].ending)
			job[p->held[i].n].fate = STORED;
	for (uint32_t n = 1; p == player && n <= njob; n++)
		job[n].lost |= !job[n].answered;
	atomic_store(&seg.proc[p->slot].state, SHM_PROC_ABANDONED);
	if (keeper_ready) {
		channel_send(channel, MASTER_ABANDONED, p->slot, -1);
		segment_ring(&seg, SHM_KEEPER_SLOT);
	}
}

static inline int keeper_setup(void **state, const char *store_options)
{
	struct conf_report report = { 0 };
	char text[1024];

	if (segment_setup(state) != 0)
		return -1;
	alarm(200);
	if (log_open(&(struct log_options){ .dest = scratch("log"), .level = LOG_LEVEL_INFO }) < 0 || mkdir(scratch("store"), 0700) < 0)
		return -1;
	int n = snprintf(text, sizeof(text), "handler noop { builtin = noop max_crashes = 1000 }\nhandler tight { builtin = noop max_crashes = 1000 }\nstore { path = \"%s\" %s }\n", scratch("store"), store_options);
	conf = conf_parse("test", text, (size_t)n, &report);
	if (!conf)
		conf_report_print(&report, 2);
	conf_report_free(&report);
	for (size_t i = 0; conf && i < conf->nhandler; i++)
		if (strcmp(conf->handler[i].pattern, "tight") == 0)
			conf->handler[i].kind = CONF_HANDLER_COPROCESS, conf->handler[i].instances = 4096;
	tight_in = 0;
	memset(job, 0, sizeof(job));
	memset(player, 0, sizeof(player));
	njob = answered_jobs = over_jobs = refused_jobs = slots_freed = 0;
	may_refuse = false;
	damaged_job = finishes = 0;
	padding = 0;
	for (unsigned i = 0; i < PLAYERS; i++) {
		player[i].slot = i ? segment_worker_slot(&seg, i - 1) : segment_acceptor_slot(&seg, 0);
		player_revive(&player[i]);
	}
	atomic_store(&seg.h->server_state, SHM_SERVER_RUNNING);
	return conf ? 0 : -1;
}

static inline int keeper_teardown(void **state)
{
	if (channel >= 0)
		keeper_kill();
	for (unsigned i = 0; i < PLAYERS; i++)
		ask_close(player[i].box);
	conf_free(conf);
	log_flush();
	log_open(&(struct log_options){ .dest = "stderr", .level = LOG_LEVEL_INFO });
	alarm(0);
	return segment_teardown(state);
}

#endif
