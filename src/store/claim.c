/* Handing out the next job under a lease. */
#include "store/embedded.h"

/* Who takes a job. */
struct taker { struct store_owner owner; uint64_t grant_seq; const struct store_lease *remote; /* NULL: a worker of ours */ };

static enum store_rc lease_put(struct store *s, const struct job *j, uint32_t incarnation)
{
	struct lease_row row = { j->id, j->lease_token, incarnation, 0 };
	struct key k = key_lease(j->lease_epoch, j->worker, j->grant_seq);

	return row_put(s, KV_LEASE, key_of(&k), (struct kv_bytes){ &row, sizeof(row) });
}

static enum store_rc lease(struct store *s, struct job *j, const struct taker *who)
{
	const struct store_lease *remote = who->remote;


	TRY(ready_del(s, j));
	j->attempts++;
	j->lease_token = s->head.next_token++;
	j->lease_epoch = s->epoch;
	j->grant_seq = remote ? (uint64_t)(remote->boot_ms + remote->lease_ms) : who->grant_seq;
	j->worker = remote ? STORE_REMOTE : who->owner.slot;
	j->worker_pid = remote ? 0 : who->owner.pid;
	j->started_ms = s->now_ms;
	j->finished_ms = 0;
	TRY(job_event(s, j, JOB_EV_CLAIM, JOB_OUTCOME_NONE));
	TRY(remote ? remote_put(s, j, remote) : lease_put(s, j, who->owner.incarnation));
	return job_save(s, j);
}

/* A job whose record is sound and whose payload is not: it can never run, and who waits for it is to hear so. */
static enum store_rc bury(struct store *s, struct job *j)
{
	static const char why[] = "its payload cannot be read from the store: the record is damaged";
	j->attempts++;
	j->lease_token = s->head.next_token++;
	struct record_attempt a = {
		.token = j->lease_token, .attempt = j->attempts, .outcome = JOB_OUTCOME_FAILED, .claimed_ms = s->now_ms, .ended_ms = s->now_ms, .exit_code = -1, .error = { why, sizeof(why) - 1 },
	};

	TRY(ready_del(s, j));
	TRY(job_event(s, j, JOB_EV_CLAIM, JOB_OUTCOME_NONE));
	j->finished_ms = s->now_ms;
	j->last_outcome = a.outcome;
	j->exit_code = -1;
	j->term_signal = 0;
	j->duration_us = j->cpu_us = 0;
	TRY(job_event(s, j, JOB_EV_FAIL_DEAD, JOB_OUTCOME_FAILED));
	TRY(final_put(s, j));
	TRY(attempt_put(s, j, &a));
	return job_save(s, j);
}

/* The head of a lane: handed out, or got out of the way where it cannot be (*gone). */
static enum store_rc take_head(struct store *s, struct turn_lane *l, const struct taker *who, struct store_claimed *out, bool *gone)
{
	struct job *j = &out->job;

	*gone = true;
	TRY(must(job_load(s, l->head, j)));
	if (j->state != JOB_QUEUED || j->sortkey != l->key || j->lane != l->id)
		return STORE_DAMAGED;
	if (j->expires_at_ms && j->expires_at_ms <= s->now_ms) {
		if (s->expire_left == 0)
			return STORE_NOT_FOUND;
		s->expire_left--;
		return job_expire(s, j);        /* not worth starting */
	}
	enum store_rc rc = spec_load(s, j->id, &out->spec);
	if (rc == STORE_DAMAGED && !s->spoilt)
		return bury(s, j);
	TRY(rc);
	*gone = false;
	turn_taken(s->turn, l);
	TRY(lease(s, j, who));
	struct tally_set set = tally_of(s, l);
	for (int i = 0; i < 3; i++) {
		set.t[i]->queue_us_sum += (uint64_t)(s->now_us > j->queued_us ? s->now_us - j->queued_us : 0);
		set.t[i]->queue_n++;
	}
	out->alone = l->alone;
	return STORE_OK;
}

/* The lane's head, or what comes after it where that had to go. NOT_FOUND with *again: another lane may be next now. */
static enum store_rc take(struct store *s, struct turn_lane *l, const struct taker *who, struct store_claimed *out, bool *again)
{
	struct job_id id = l->head;
	bool gone;
	enum store_rc rc = take_head(s, l, who, out, &gone);

	if (passed_over(s, id, rc)) {
		rc = lane_refresh(s, l);
		gone = true;
	}
	*again = rc == STORE_OK && gone;
	if (!*again)
		return settled(s, rc);
	row_whole(s);
	return STORE_NOT_FOUND;
}

/* Whose head is next and who gets it; NULL where there is no such pair. */
static struct turn_lane *choose(struct store *s, const struct store_chooser *c, struct taker *to)
{
	enum store_choice said = STORE_REST;
	struct turn_lane *l;

	for (uint32_t i = 0; said != STORE_END && (l = turn_lone(s->turn, i)) != NULL; i++) {
		said = c->choose(c->arg, l->type->room, true, &to->owner, &to->grant_seq);
		if (said == STORE_TAKE)
			return l;
	}
	while ((l = turn_pick(s->turn)) != NULL) {
		said = c->choose(c->arg, l->type->room, false, &to->owner, &to->grant_seq);
		if (said != STORE_REST)
			return said == STORE_TAKE ? l : NULL;
		if (!turn_rest(s->turn, l->type)) {
			s->stale = true;
			return NULL;
		}
	}
	return NULL;
}

enum store_rc store_claim_for(struct store *s, const struct store_chooser *c, struct store_claimed *out)
{
	struct taker to = { .remote = NULL };
	enum store_rc rc = STORE_NOT_FOUND;
	struct turn_lane *l;
	bool again = true;

	while (again && (l = choose(s, c, &to)) != NULL)
		rc = take(s, l, &to, out, &again);
	return rc;
}

enum store_rc store_claim_remote(struct store *s, const struct store_pick *p, const struct store_lease *lease, struct store_claimed *out)
{
	struct taker who = { .remote = lease };
	enum store_rc rc = STORE_NOT_FOUND;
	struct turn_lane *l;
	bool again = true;

	if (p->ntypes > STORE_PICK_MAX || p->nqueues > STORE_PICK_MAX || lease->worker.n > STORE_WORKER_MAX || lease->lease_ms <= 0 || lease->boot_ms < 0)
		return STORE_INVALID;
	while (again && (l = turn_pick_remote(s->turn, p)) != NULL)
		rc = take(s, l, &who, out, &again);
	return rc;
}

bool store_has_remote(struct store *s, const struct store_pick *p)
{
	return turn_pick_remote(s->turn, p) != NULL;
}

uint64_t store_remote_news(const struct store *s)
{
	return turn_news(s->turn);
}

struct one_owner { const struct store_owner *owner; uint64_t grant_seq; bool idle; };

static enum store_choice choose_one(void *arg, uint32_t room, bool alone, struct store_owner *owner, uint64_t *grant_seq)
{
	const struct one_owner *o = arg;

	(void)room;
	*owner = *o->owner;
	*grant_seq = o->grant_seq;
	return alone && !o->idle ? STORE_END : STORE_TAKE;
}

enum store_rc store_claim(struct store *s, const struct store_owner *owner, uint64_t grant_seq, bool idle_owner, struct store_claimed *out)
{
	struct one_owner o = { owner, grant_seq, idle_owner };

	return store_claim_for(s, &(struct store_chooser){ &o, choose_one }, out);
}

void store_wake(struct store *s, bool (*has_room)(void *arg, uint32_t room), void *arg)
{
	if (!turn_wake(s->turn, has_room, arg))
		s->stale = true;
}

struct room_count { uint32_t room; uint64_t running; };

static void count_running(void *arg, struct turn_named *type)
{
	struct room_count *c = arg;

	if (type->room == c->room)
		c->running += type->tally.state[JOB_RUNNING];
}

uint64_t store_room_running(struct store *s, uint32_t room)
{
	struct room_count c = { room, 0 };

	turn_each_type(s->turn, count_running, &c);
	return c.running;
}

bool store_waits(const struct store *s)
{
	return turn_has(s->turn) || turn_has_lone(s->turn) || turn_rests(s->turn);
}

bool store_alone_fits(struct store *s, bool (*fits)(void *arg, uint32_t room), void *arg)
{
	struct turn_lane *l;

	for (uint32_t i = 0; (l = turn_lone(s->turn, i)) != NULL; i++)
		if (fits(arg, l->type->room))
			return true;
	return false;
}
