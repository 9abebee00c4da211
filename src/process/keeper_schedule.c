/* Schedules: each tick submits a job, in the transaction that also says in the store how far its schedule has come; so a tick is run once whatever dies. Called by keeper_batch.c and keeper.c.
 * Nothing here is fatal: a job that the store has no room for now waits, and then `missed` says what becomes of its tick. */
#include "process/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "text/duration.h"

#define WAIT_MS 1000                    /* before a refused tick is tried again */

static void rests(const struct conf_schedule *s, const char *why)
{
	log_error("schedule %s does not run: %s", s->name, why);
}

bool keeper_schedules_take(struct keeper *k, const struct conf *conf)
{
	struct keeper_schedules *all = &k->schedules;
	struct keeper_schedule *v = calloc(conf->nschedule + 1, sizeof(*v));
	struct schedules *set = v ? schedules_make(conf, rests) : NULL;

	if (!set) {
		free(v);
		return false;
	}
	schedules_free(all->set);
	free(all->v);
	*all = (struct keeper_schedules){ .set = set, .v = v, .next_ms = INT64_MAX };
	return true;
}

void keeper_schedules_forget(struct keeper *k)
{
	k->schedules.loaded = false;
}

int64_t keeper_schedules_patience(const struct keeper *k)
{
	const struct keeper_schedules *all = &k->schedules;
	int64_t left_ms;

	if (!all->loaded)
		return 0;
	if (all->next_ms == INT64_MAX)
		return INT64_MAX;
	left_ms = all->next_ms - clock_wall_ms();
	return left_ms <= 0 ? 0 : left_ms < KEEPER_SLEEP_NS / 1000000 ? left_ms * 1000000 : KEEPER_SLEEP_NS;
}

/* --- what the store knows --- */

static struct job_text name_of(const struct schedule *s)
{
	return (struct job_text){ s->conf->name, strlen(s->conf->name) };
}

static bool is_named(void *arg, struct job_text name)
{
	const struct keeper *k = arg;

	for (size_t i = 0; i < schedules_count(k->schedules.set); i++) {
		struct job_text own = name_of(schedules_at(k->schedules.set, i));
		if (own.n == name.n && memcmp(own.p, name.p, name.n) == 0)
			return true;
	}
	return false;
}

static void look_ahead(struct keeper_schedules *all)
{
	all->next_ms = INT64_MAX;
	for (size_t i = 0; i < schedules_count(all->set); i++)
		if (all->v[i].next_ms < all->next_ms)
			all->next_ms = all->v[i].next_ms;
}

/* One that is new, or whose expression or time zone is another now, starts from this moment. */
static enum store_rc load_one(struct keeper *k, const struct schedule *s, struct keeper_schedule *out)
{
	enum store_rc rc = store_schedule_get(k->store, name_of(s), &out->row);

	if (rc == STORE_DAMAGED && !store_spoilt(k->store))
		log_error("the store in %s is damaged: how far schedule %s had come cannot be read; it goes on from now", k->conf->store.path, s->conf->name);
	else if (rc != STORE_OK && rc != STORE_NOT_FOUND)
		return rc;
	if (rc != STORE_OK)
		out->row = (struct store_schedule){ .run_ms = 0 };
	if (rc != STORE_OK || out->row.print != s->print) {
		out->row.upto_ms = k->batch_ms;
		out->row.print = s->print;
		rc = store_schedule_put(k->store, name_of(s), &out->row);
	}
	out->next_ms = schedule_next_ms(s, out->row.upto_ms);
	return rc;
}

static enum store_rc load(struct keeper *k)
{
	struct keeper_schedules *all = &k->schedules;
	enum store_rc rc = store_schedules_prune(k->store, is_named, k, KEEPER_SLICE);

	for (size_t i = 0; rc == STORE_OK && i < schedules_count(all->set); i++)
		rc = load_one(k, schedules_at(all->set, i), &all->v[i]);
	all->loaded = rc == STORE_OK;
	look_ahead(all);
	return rc;
}

enum store_rc keeper_schedule_ran(struct keeper *k, struct job_text name, struct job_id job)
{
	struct keeper_schedules *all = &k->schedules;
	enum store_rc rc = all->loaded ? STORE_OK : load(k);

	for (size_t i = 0; rc == STORE_OK && i < schedules_count(all->set); i++) {
		struct job_text own = name_of(schedules_at(all->set, i));
		if (own.n != name.n || memcmp(own.p, name.p, name.n) != 0)
			continue;
		all->v[i].row.run_ms = k->batch_ms;
		all->v[i].row.job = job;
		rc = store_schedule_put(k->store, own, &all->v[i].row);
	}
	if (rc != STORE_OK)
		store_spoil(k->store);  /* its job is there already */
	return rc;
}

/* --- ticking --- */

static enum store_rc submit(struct keeper *k, const struct conf_schedule *s, struct job *out)
{
	static uint8_t bytes[RECORD_SPEC_MAX];
	struct job_spec spec;
	size_t n;

	schedule_spec(k->conf, s, &spec);
	n = record_spec_encode(&spec, bytes, sizeof(bytes));
	if (n == 0 || record_spec_decode(bytes, n, &spec) != RECORD_OK)
		return STORE_INVALID;
	enum store_rc rc = keeper_room_for(k, n, true);
	return rc == STORE_OK ? store_submit(k->store, &spec, bytes, n, out) : rc;
}

static void tell_missed(const struct conf_schedule *s, unsigned late, bool dropped)
{
	if (s->missed == TICK_ALL && dropped)
		log_warn("schedule %s: more than %d ticks were missed: %u jobs run for them and no more", s->name, TICK_ALL_MAX, late);
	else if (s->missed == TICK_SKIP && dropped)
		log_info("schedule %s: ticks were missed and are skipped", s->name);
	else if (late)
		log_info("schedule %s: ticks were missed: %u %s for them", s->name, late, late == 1 ? "job runs" : "jobs run");
}

static void refused(const struct conf_schedule *s, struct keeper_schedule *own, enum store_rc rc)
{
	if (!own->waits)
		log_warn("schedule %s: its job is not taken: %s; trying again each second", s->name, store_rc_text(rc));
	own->waits = true;
}

/* All that is due of one schedule. *budget says how many more jobs this batch may submit. */
static enum store_rc run(struct keeper *k, const struct schedule *s, struct keeper_schedule *own, unsigned *budget)
{
	unsigned done = 0, late = 0;
	enum store_rc rc = STORE_OK;
	struct tick_step step;
	bool dropped = false;
	struct job j;

	while (tick_step(&s->cron, s->zone, (enum tick_missed)s->conf->missed, own->row.upto_ms, k->batch_ms, done, &step)) {
		if (step.run) {
			rc = submit(k, s->conf, &j);
			if (rc != STORE_OK)
				break;
			own->row.run_ms = k->batch_ms;
			own->row.job = j.id;
			(*budget)--;
		}
		own->row.upto_ms = step.upto_ms;
		late += step.run && step.late;
		dropped |= step.dropped;
		done++;
	}
	if (store_spoilt(k->store))
		return rc;
	tell_missed(s->conf, late, dropped);
	own->next_ms = schedule_next_ms(s, own->row.upto_ms);
	if (rc == STORE_OK)
		own->waits = false;
	else
		refused(s->conf, own, rc);
	if (own->waits)
		own->next_ms = k->batch_ms + WAIT_MS;   /* the others go on meanwhile */
	return done ? store_schedule_put(k->store, name_of(s), &own->row) : STORE_OK;
}

/* The clock was put back: the schedule goes by the new time, or no tick is run twice and nothing runs until it has caught up. Said once. */
static enum store_rc look_back(struct keeper *k, const struct schedule *s, struct keeper_schedule *own)
{
	char upto[TIME_TEXT_BYTES];
	bool behind = k->batch_ms < own->row.upto_ms - TICK_LATE_MS;

	/* a refused tick is tried again by this clock, not by the one that was */
	if (own->waits && own->next_ms > k->batch_ms + WAIT_MS)
		own->next_ms = k->batch_ms + WAIT_MS;
	time_format(own->row.upto_ms, upto);
	if (tick_back(&s->cron, own->row.upto_ms, k->batch_ms)) {
		log_warn("schedule %s has run up to %s, and the clock was set back: it goes by the new time", s->conf->name, upto);
		own->row.upto_ms = k->batch_ms;
		own->next_ms = schedule_next_ms(s, own->row.upto_ms);
		own->waits = own->behind = false;
		return store_schedule_put(k->store, name_of(s), &own->row);
	}
	if (behind && !own->behind)
		log_warn("schedule %s has run up to %s, which the clock has not reached: it goes on then", s->conf->name, upto);
	own->behind = behind;
	return STORE_OK;
}

enum store_rc keeper_tick_schedules(struct keeper *k)
{
	struct keeper_schedules *all = &k->schedules;
	unsigned budget = TICK_ALL_MAX;
	enum store_rc rc = STORE_OK;

	if (!all->loaded)
		rc = load(k);
	for (size_t i = 0; rc == STORE_OK && (k->ticked || k->clock_set) && i < schedules_count(all->set); i++)
		rc = look_back(k, schedules_at(all->set, i), &all->v[i]);
	if (k->ticked || k->clock_set)
		look_ahead(all);
	if (rc != STORE_OK || all->next_ms > k->batch_ms)
		return rc;
	for (size_t i = 0; rc == STORE_OK && budget > 0 && i < schedules_count(all->set); i++) {
		const struct schedule *s = schedules_at(all->set, i);
		/* one that runs all that it missed does so in one batch, which ends the counting: it waits for one with room for that */
		if (all->v[i].next_ms > k->batch_ms || (s->conf->missed == TICK_ALL && budget < TICK_ALL_MAX))
			continue;
		rc = run(k, s, &all->v[i], &budget);
	}
	look_ahead(all);
	return rc;
}
