/* The rules of the store, plainly: every question is answered by looking at all jobs. Called by the operations and checks of tests/store/history_*.c. */
#include "tests/store/history.h"

#include <stdio.h>

struct history h;
const char *const queue_names[QUEUES] = { "q", "heavy", "strict" }, *const type_names[TYPES] = { "t", "u", "hidden" };

/* --- odds --- */

uint32_t dice(uint32_t sides)
{
	h.seed += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = h.seed;
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 32) % sides;
}

int64_t now_ms(void)
{
	return h.f->now_us / 1000;
}

void say(const char *format, ...)
{
	va_list v;

	if (h.ntext > HISTORY_TEXT - 512)
		return;
	va_start(v, format);
	h.ntext += (size_t)vsnprintf(h.text + h.ntext, 500, format, v);
	va_end(v);
}

struct job_text text_of(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

struct job_text bytes_of(struct mbytes b, unsigned buffer)
{
	static char bytes[4][24000];

	for (uint32_t i = 0; i < b.n; i++)
		bytes[buffer][i] = (char)('a' + (b.seed + i * 7) % 23);
	return (struct job_text){ bytes[buffer], b.n };
}

/* --- jobs --- */

bool same_id(struct job_id a, struct job_id b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

struct mjob *model_of(struct job_id id)
{
	for (unsigned i = 0; i < h.m.n; i++)
		if (same_id(h.m.job[i].id, id))
			return &h.m.job[i];
	return NULL;
}

struct mjob *any_of(unsigned states)
{
	unsigned from = h.m.n ? dice(h.m.n) : 0;

	for (unsigned i = 0; i < h.m.n; i++)
		if (states & IN(h.m.job[(from + i) % h.m.n].state))
			return &h.m.job[(from + i) % h.m.n];
	return NULL;
}

struct mjob *any_running(bool far)
{
	unsigned from = h.m.n ? dice(h.m.n) : 0;

	for (unsigned i = 0; i < h.m.n; i++) {
		struct mjob *j = &h.m.job[(from + i) % h.m.n];
		if (j->state == JOB_RUNNING && (j->far != 0) == far)
			return j;
	}
	return NULL;
}

bool past(const struct mjob *j)
{
	return j->expires_at_ms && j->expires_at_ms <= now_ms();
}

bool is_alone(const struct mjob *j)
{
	return j->crashes >= 2;
}

/* Of two in one queue. Each step of aging that a job has waited is worth one priority; without aging the priority alone counts, then the wait. */
bool before(const struct mjob *a, const struct mjob *b)
{
	bool strict = strcmp(queue_names[a->queue], "strict") == 0;
	int64_t x = a->rank_ms - (strict ? 0 : a->priority * 10), y = b->rank_ms - (strict ? 0 : b->priority * 10);

	if (strict && a->priority != b->priority)
		return a->priority > b->priority;
	return x != y ? x < y : memcmp(&a->id, &b->id, sizeof(a->id)) < 0;
}

unsigned running_of(unsigned which)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h.m.n; i++)
		n += h.m.job[i].state == JOB_RUNNING && (which < QUEUES ? h.m.job[i].queue == which : h.m.job[i].type == which - QUEUES);
	return n;
}

uint64_t waiting_of(unsigned queue)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < h.m.n; i++)
		n += (WAITING_STATES & IN(h.m.job[i].state)) && (queue == QUEUES || h.m.job[i].queue == queue);
	return n;
}

/* --- limits --- */

static double level(double tokens, int64_t since_us, double rate)
{
	double most = rate > 1 ? rate : 1;

	if (since_us == 0)
		return most;
	if (h.f->now_us > since_us)
		tokens += (double)(h.f->now_us - since_us) / 1e6 * rate;
	return tokens < most ? tokens : most;
}

/* The store looks at a bucket when it has to. Where the clock was set back it may have been seen before, as full as it then was, or not: nobody knows how much is in it, but that it is no more than full. */
void buckets_clock(void)
{
	for (unsigned i = 0; i < QUEUES + TYPES; i++) {
		struct mbucket *b = &h.m.bucket[i];
		if (h.f->now_us < h.seen_us || h.f->now_us < b->high_since)
			*b = (struct mbucket){ b->low, 1e9, b->low_since, h.f->now_us };
	}
	breakers_clock();
	h.seen_us = h.f->now_us;
}

void bucket_take(unsigned which)
{
	struct mbucket *b = &h.m.bucket[which];
	double rate = h.rules.limit[which].rate;

	if (!(rate > 0))
		return;
	double low = level(b->low, b->low_since, rate), high = level(b->high, b->high_since, rate);
	assert_true(high > 1 - 1e-6);
	*b = (struct mbucket){ low - 1, high - 1, h.f->now_us, h.f->now_us };
}

static enum yes has_token(unsigned which)
{
	const struct mbucket *b = &h.m.bucket[which];
	double rate = h.rules.limit[which].rate;

	if (!(rate > 0) || level(b->low, b->low_since, rate) > 1 + 1e-3)
		return YES;
	return level(b->high, b->high_since, rate) < 1 - 1e-6 ? NO : MAYBE;
}

static enum yes lets(unsigned which)
{
	uint64_t most = h.rules.limit[which].concurrency;

	return most && running_of(which) >= most ? NO : has_token(which);
}

bool is_far(const struct mjob *j)
{
	return h.rules.far >> j->type & 1;
}

static enum yes lets_start(const struct mjob *j)
{
	enum yes queue = lets(j->queue), type = lets(QUEUES + j->type);

	if (h.m.paused[j->queue])
		return NO;
	type = type < breaker_lets(j->type) ? type : breaker_lets(j->type);
	queue = queue < type ? queue : type;
	return queue < key_lets(j) ? queue : key_lets(j);
}

enum yes may_start(const struct mjob *j)
{
	return is_far(j) || (h.rests && j->type == ROOM_TYPE && !is_alone(j)) ? NO : lets_start(j);
}

enum yes may_go_far(const struct mjob *j)
{
	return is_far(j) ? lets_start(j) : NO;
}

/* --- turns of queues: by weight, and who comes new has saved up nothing --- */

#define STRIDE (UINT64_C(1) << 20)

void turns_forget(void)
{
	memset(h.pass, 0, sizeof(h.pass));
	memset(h.in_turn, 0, sizeof(h.in_turn));
	memset(h.clock, 0, sizeof(h.clock));
	h.turns_unknown = h.rests = false;
	turns_look();
	h.far_had = true;               /* whoever waits asks anew */
}

/* What runs alone here is out of turn; with a remote worker it is like any other. */
static bool in_turn(unsigned queue, bool far)
{
	for (unsigned i = 0; i < h.m.n; i++) {
		const struct mjob *j = &h.m.job[i];
		if (j->queue == queue && j->state == JOB_QUEUED && (far ? may_go_far(j) : is_alone(j) ? NO : may_start(j)) == YES)
			return true;
	}
	return false;
}

void turns_look(void)
{
	keys_look();
	/* with rates, and while lines change, nobody can say when exactly a queue came back */
	h.turns_unknown |= h.rules.rates;
	for (unsigned t = 0; t < TYPES; t++)
		h.turns_unknown |= h.m.unsure[t];
	for (unsigned i = 0; i < 2 * QUEUES; i++) {
		unsigned far = i / QUEUES, q = i % QUEUES;
		bool in = in_turn(q, far);
		if (in && !h.in_turn[far][q] && h.pass[far][q] < h.clock[far])
			h.pass[far][q] = h.clock[far];
		h.in_turn[far][q] = in;
	}
}

void turns_taken(const struct mjob *j, bool far)
{
	unsigned weight = strcmp(queue_names[j->queue], "heavy") == 0 ? 3 : 1;
	uint64_t *pass = h.pass[far];

	/* a job that is claimed alone is out of turn; whom a remote worker's wish passes over is for its claim to look at */
	h.turns_unknown |= !far && is_alone(j);
	for (unsigned q = 0; q < QUEUES && !far && !h.turns_unknown; q++)
		if (h.in_turn[0][q])
			assert_true(pass[j->queue] <= pass[q]);
	if (pass[j->queue] > h.clock[far])
		h.clock[far] = pass[j->queue];
	pass[j->queue] = h.clock[far] + STRIDE / weight;
}

/* --- transitions --- */

void model_count(struct mjob *j, void (*fn)(struct mtally *t))
{
	fn(&h.m.tally[j->queue]);
	fn(&h.m.tally[QUEUES + j->type]);
	fn(&h.m.tally[QUEUES + TYPES]);
}

static void plus_processed(struct mtally *t) { t->processed++; }
void model_count_processed(struct mjob *j) { model_count(j, plus_processed); }

void model_end(struct mjob *j, enum job_state state)
{
	j->state = state;
	j->finished_ms = now_ms();
	for (unsigned i = 0; i < h.m.n; i++)
		for (unsigned k = 0; k < h.m.job[i].nparents && h.m.job[i].state == JOB_WAITING; k++) {
			struct mlink *l = &h.m.job[i].parent[k];
			if (l->how == LINK_OPEN && same_id(l->id, j->id)) {
				l->how = state == JOB_SUCCEEDED ? LINK_DONE : LINK_BAD;
				l->state = state;
			}
		}
}

void model_requeued(struct mjob *j)
{
	for (unsigned i = 0; i < h.m.n; i++)
		for (unsigned k = 0; k < h.m.job[i].nparents && h.m.job[i].state == JOB_WAITING; k++)
			if (h.m.job[i].parent[k].how == LINK_BAD && same_id(h.m.job[i].parent[k].id, j->id))
				h.m.job[i].parent[k].how = LINK_OPEN;
}

void model_drop(struct mjob *j)
{
	*j = h.m.job[--h.m.n];
}

struct mjob *unique_holder(const struct mjob *j)
{
	for (unsigned i = 0; i < h.m.n; i++) {
		struct mjob *o = &h.m.job[i];
		if (o != j && j->unique && o->unique == j->unique && o->type == j->type && !(FINAL & IN(o->state)))
			return o;
	}
	return NULL;
}

struct mattempt *model_attempt(struct mjob *j, enum job_outcome outcome)
{
	assert_true(j->nattempts < M_ATTEMPTS);
	struct mattempt *a = &j->attempt[j->nattempts++];
	*a = (struct mattempt){ .token = j->token, .attempt = j->attempts, .outcome = outcome, .far = j->far, .claimed_ms = j->started_ms, .ended_ms = now_ms(), .exit_code = -1 };
	return a;
}

struct mattempt *attempt_of(struct mjob *j, uint64_t token)
{
	for (unsigned i = 0; i < j->nattempts; i++)
		if (j->attempt[i].token == token)
			return &j->attempt[i];
	return NULL;
}

/* Two of one event in one microsecond are one. */
void model_note(struct mjob *j, int64_t at_us, enum job_event event, bool parent)
{
	unsigned at = 0;

	while (at < j->nnotes && (j->note[at].at_us < at_us || (j->note[at].at_us == at_us && j->note[at].event < event)))
		at++;
	if (at == j->nnotes || j->note[at].at_us != at_us || j->note[at].event != event) {
		assert_true(j->nnotes < M_NOTES);
		memmove(&j->note[at + 1], &j->note[at], (j->nnotes - at) * sizeof(j->note[0]));
		j->nnotes++;
	}
	j->note[at] = (struct mnote){ at_us, event, j->attempts, parent };
}

void lay_down(struct mjob *j)
{
	j->slot = UINT32_MAX;
	j->begun = false;
}

void keys_expire(void)
{
	for (unsigned i = 0; i < h.m.nkeys; ) {
		if (h.m.key[i].created_ms + h.f->rules.idempotency_window_ms <= now_ms())
			memmove(&h.m.key[i], &h.m.key[i + 1], (--h.m.nkeys - i) * sizeof(h.m.key[0]));
		else if (h.m.key[i].created_ms > now_ms())
			i++;            /* of a time when the clock was ahead */
		else
			break;
	}
}

static int oldest_of(unsigned states)
{
	int at = -1;

	for (unsigned i = 0; i < h.m.n; i++) {
		const struct mjob *j = &h.m.job[i], *o = at < 0 ? NULL : &h.m.job[at];
		if ((states & IN(j->state)) && (!o || j->finished_ms < o->finished_ms || (j->finished_ms == o->finished_ms && memcmp(&j->id, &o->id, sizeof(j->id)) < 0)))
			at = (int)i;
	}
	return at;
}

/* What has succeeded goes first, also where there are too many. */
int retention_next(const struct store_rules *r)
{
	int good = oldest_of(IN(JOB_SUCCEEDED)), bad = oldest_of(FINAL_BAD);
	uint64_t finals = 0;

	for (unsigned i = 0; i < h.m.n; i++)
		finals += (FINAL & IN(h.m.job[i].state)) != 0;
	bool many = r->retain_count && finals > r->retain_count;
	if (good >= 0 && (many || (r->retain_succeeded_ms > 0 && h.m.job[good].finished_ms + r->retain_succeeded_ms <= now_ms())))
		return good;
	return bad >= 0 && (many || (r->retain_failed_ms > 0 && h.m.job[bad].finished_ms + r->retain_failed_ms <= now_ms())) ? bad : -1;
}

/* Its wait counts from its own time where that is to come, else from now; where the clock was set back, from some moment between now and the latest that there was. */
void check_rank(const struct mjob *j, const struct job *out, bool later)
{
	int64_t latest = h.m.latest_us / 1000;
	struct mjob *own = model_of(j->id);

	if (later)
		assert_int_equal(out->queued_ms, j->run_at_ms);
	else
		assert_true(out->queued_ms >= now_ms() && out->queued_ms <= (now_ms() > latest ? now_ms() : latest));
	if (own)
		own->rank_ms = out->queued_ms;
}

/* --- what was heard --- */

void hear_begin(void)
{
	h.said = STORE_BREAKER_SILENT;
	h.nheard = 0;
}

void heard_one(const struct mjob *j, enum job_event event, enum job_outcome outcome)
{
	assert_int_equal(h.nheard, 1);
	assert_int_equal(h.heard[0].event, event);
	assert_int_equal(h.heard[0].outcome, outcome);
	assert_int_equal(h.heard[0].said, h.said);
	assert_true(same_id(h.heard[0].job.id, j->id));
	assert_int_equal(h.heard[0].job.state, j->state);
}

void heard_none(void)
{
	assert_int_equal(h.nheard, 0);
}
