/* Standing claims of remote workers, the acceptor's half. The keeper gives each its jobs in one commit and drops it then; what is handed out stands in the segment's table until the reply is in the
 * kernel's hands, or the lease was given back. Called by api_claim.c, by the ask box's answers and at each bell. Nothing here is fatal. */
#include "http/claim.h"

#include <stdlib.h>
#include <string.h>

#include "http/pending.h"

#define CHAINS 4096u
#define AGAIN_NS (250 * 1000000LL)      /* before a lease is given back again that could not be */

static struct {
	struct claim *chain[CHAINS];
	unsigned n;
	uint64_t last;                  /* number of the newest; begins where no process before us in this slot can have been */
	uint64_t seen;                  /* handouts */
	uint64_t turn;                  /* the keeper's */
	struct claim *ready;
	struct loop_timer again;
	bool give_again[SHM_HANDOUTS];
	struct api *api;
} claims;

unsigned claims_open(void)
{
	return claims.n;
}

static uint64_t keeper_turn(const struct api *a)
{
	return atomic_load_explicit(&a->seg->h->keeper_turn, memory_order_acquire);
}

static struct claim **find(uint64_t number)
{
	struct claim **at = &claims.chain[number % CHAINS];

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

void claim_free(struct claim *c)
{
	buf_free(&c->texts);
	free(c->job);
	free(c);
}

/* Nothing can come of it any more, or it has been answered with what came. */
static void forget(struct claim *c)
{
	*find(c->number) = c->next;
	claims.n--;
	loop_timer_stop(c->api->loop, &c->timer);
}

/* --- leases that nobody was told of --- */

static void give_back(struct api *a, uint32_t index);

static void given_back(void *owner, const struct request_result *r)
{
	uint32_t index = (uint32_t)((uintptr_t)owner - 1);

	switch ((enum store_rc)r->rc) {
	case STORE_OK:
	case STORE_STALE:
	case STORE_REPLAYED:
	case STORE_NOT_FOUND:
		handout_free(claims.api->seg, claims.api->slot, index);
		break;
	default:
		claims.give_again[index] = true;
		loop_timer_set(claims.api->loop, &claims.again, AGAIN_NS);
	}
}

static void again_fired(struct loop_timer *t)
{
	(void)t;
	for (uint32_t i = 0; i < SHM_HANDOUTS; i++) {
		if (!claims.give_again[i])
			continue;
		claims.give_again[i] = false;
		give_back(claims.api, i);
	}
}

static void give_back(struct api *a, uint32_t index)
{
	const struct shm_handout *h = &handout_table(a->seg, a->slot)[index];
	struct request_finish m = { .token = h->token, .outcome = JOB_OUTCOME_RELEASED, .exit_code = -1, .retry_in_ms = -1, .flags = REQUEST_FINISH_REMOTE };
	uint64_t tag = pending_add((void *)((uintptr_t)index + 1), given_back);

	memcpy(&m.id, h->id, sizeof(m.id));
	if (tag && ask_add(a->ask, REQUEST_FINISH, tag, &(struct ask_piece){ &m, sizeof(m) }, 1) == 0)
		return;
	if (tag)
		pending_take(tag, NULL);
	claims.give_again[index] = true;
	loop_timer_set(a->loop, &claims.again, AGAIN_NS);
}

/* --- the answer --- */

/* The reply is in the kernel's hands, or can never be. */
static void replied(struct http_sent *sent, bool delivered)
{
	struct claim *c = LOOP_OWNER(sent, struct claim, sent);

	for (uint32_t i = 0; i < c->njob; i++) {
		if (delivered)
			handout_free(c->api->seg, c->api->slot, c->job[i].index);
		else
			give_back(c->api, c->job[i].index);
	}
	claim_free(c);
}

static struct http_request *let_go(struct claim *c)
{
	struct http_request *q = c->q;

	c->q = NULL;
	q->state = NULL;
	q->on_gone = NULL;
	return q;
}

/* All jobs that were handed out to it, in the order of their leases. What cannot be read now goes back, and so does all of it where the reply cannot be made. */
static bool put_jobs(struct claim *c, struct buf *body)
{
	struct store_reader *reader = c->api->reader;
	enum store_rc rc = reader ? store_read_begin(reader) : STORE_BUSY;
	uint32_t kept = 0;

	if (rc != STORE_OK)
		return false;
	buf_str(body, "{\"jobs\":[");
	for (uint32_t i = 0; i < c->njob; i++) {
		struct handout h = c->job[i];
		if (claim_put_job(c, &h, kept == 0, body, &rc))
			c->job[kept++] = h;
		else
			give_back(c->api, h.index);
	}
	buf_str(body, "]}");
	store_read_end(reader);
	c->njob = kept;
	return !body->failed;
}

static int by_token(const void *a, const void *b)
{
	uint64_t x = ((const struct handout *)a)->token, y = ((const struct handout *)b)->token;

	return (x > y) - (x < y);
}

static void answer(struct claim *c)
{
	struct http_request *q = let_go(c);
	struct buf body = { 0 };

	forget(c);
	qsort(c->job, c->njob, sizeof(*c->job), by_token);
	c->sent = (struct http_sent){ .fn = replied };
	if (put_jobs(c, &body)) {
		q->sent = &c->sent;
		reply_json(q, 200, &body);
	} else {
		problem_send(q, 503, NULL, "the store cannot be read now; what was claimed has been given back");
		replied(&c->sent, false);
	}
	buf_free(&body);
}

static void answer_none(struct claim *c)
{
	struct http_request *q = c->q ? let_go(c) : NULL;
	struct buf body = { 0 };

	forget(c);
	claim_free(c);
	if (!q)
		return;
	buf_str(&body, "{\"jobs\":[]}");
	reply_json(q, 200, &body);
	buf_free(&body);
}

static void refuse(struct claim *c, int rc)
{
	struct http_request *q = c->q ? let_go(c) : NULL;

	forget(c);
	claim_free(c);
	if (!q)
		return;
	problem_send(q, rc == STORE_NO_SPACE ? 507 : 503, NULL, "nothing can be claimed now: %s", store_rc_text((enum store_rc)rc));
}

/* --- what is handed out --- */

/* False where memory is out. */
static bool collect(struct claim *c, const struct handout *h)
{
	if (c->njob == c->cap) {
		uint32_t cap = c->cap ? c->cap * 2 : 4;
		struct handout *v = realloc(c->job, cap * sizeof(*v));
		if (!v)
			return false;
		c->job = v;
		c->cap = cap;
	}
	c->job[c->njob++] = *h;
	if (!c->ready) {
		c->ready = true;
		c->next_ready = claims.ready;
		claims.ready = c;
	}
	return true;
}

static void handed_out(void *arg, const struct handout *h)
{
	struct claim *c = *find(h->claim);

	if (!c || !c->q || !collect(c, h))
		give_back(arg, h->index);
}

static void take(struct api *a)
{
	struct claim *c;

	handout_take(a->seg, a->slot, &claims.seen, handed_out, a);
	while ((c = claims.ready) != NULL) {
		claims.ready = c->next_ready;
		c->ready = false;
		if (c->ending)
			continue;       /* the answer to that is under way, and finds them */
		answer(c);
	}
}

/* --- the keeper's answers --- */

static void ask(struct claim *c, uint32_t flags, pending_fn answered);

static void asked(void *owner, const struct request_result *r)
{
	struct api *a = claims.api;
	uint64_t number = (uint64_t)(uintptr_t)owner;
	struct claim *c;

	take(a);                /* what it was given counts before the answer */
	c = *find(number);
	if (!c || c->ending)
		return;
	if (r->rc != STORE_OK)
		refuse(c, r->rc);
	else if (c->wait_ms == 0)
		answer_none(c);
	else if (c->turn != keeper_turn(a))
		ask(c, 0, asked);       /* that one has died since: it may have taken this and its successor not */
	else
		c->registered = true;
}

static void ended(void *owner, const struct request_result *r)
{
	struct api *a = claims.api;
	uint64_t number = (uint64_t)(uintptr_t)owner;
	struct claim *c;

	take(a);
	c = *find(number);
	(void)r;                /* whatever it says: nobody waits for more */
	if (!c)
		return;
	c->ending = false;
	if (c->q && c->njob)
		answer(c);
	else
		answer_none(c);
}

/* Numbers are handed through the table of pending answers in place of pointers: a claim may be gone by then. */
static void ask(struct claim *c, uint32_t flags, pending_fn answered)
{
	struct request_claim m = c->ask;
	struct ask_piece piece[] = { { &m, sizeof(m) }, { c->texts.data, c->texts.len } };
	uint64_t tag = pending_add((void *)(uintptr_t)c->number, answered);

	m.flags = flags;
	c->turn = keeper_turn(c->api);
	if (tag && ask_add(c->api->ask, REQUEST_CLAIM, tag, piece, 2) == 0)
		return;
	if (tag)
		pending_take(tag, NULL);
	refuse(c, STORE_NO_MEMORY);
}

/* --- its end without a job --- */

static void end(struct claim *c)
{
	if (c->ending)
		return;
	c->ending = true;
	loop_timer_stop(c->api->loop, &c->timer);
	ask(c, REQUEST_CLAIM_END, ended);
}

static void time_is_up(struct loop_timer *t)
{
	end(LOOP_OWNER(t, struct claim, timer));
}

static void client_gone(struct http_request *q)
{
	struct claim *c = q->state;
	struct buf body = { 0 };

	for (uint32_t i = 0; i < c->njob; i++)
		give_back(c->api, c->job[i].index);
	c->njob = 0;
	let_go(c);
	end(c);
	reply_json(q, 200, &body);      /* to nobody: it sets the request free */
}

/* --- its begin --- */

static void attach(struct api *a)
{
	if (claims.api)
		return;
	claims.api = a;
	claims.again.fire = again_fired;
	claims.turn = keeper_turn(a);
	/* (slot, number) is never used again: numbers of this process begin where its incarnation puts them */
	claims.last = (uint64_t)atomic_load_explicit(&a->seg->proc[a->slot].incarnation, memory_order_relaxed) << 40;
	claims.seen = UINT64_MAX;
}

void claim_begin(struct claim *c, int64_t wait_ms)
{
	struct http_request *q = c->q;

	attach(q->api);
	c->api = q->api;
	c->number = c->ask.claim = ++claims.last;
	c->wait_ms = wait_ms;
	c->timer.fire = time_is_up;
	c->next = claims.chain[c->number % CHAINS];
	claims.chain[c->number % CHAINS] = c;
	claims.n++;
	q->state = c;
	q->on_gone = client_gone;
	if (wait_ms > 0)
		loop_timer_set(q->api->loop, &c->timer, wait_ms * 1000000);
	ask(c, wait_ms > 0 ? 0 : REQUEST_CLAIM_ONCE, asked);
}

/* A keeper that begins anew knows of nobody; and the server that drains, or this process, hands out nothing more. */
static void look_at_all(struct api *a, bool again)
{
	bool over = a->draining || http_draining(a);

	for (unsigned i = 0; claims.n && (again || over) && i < CHAINS; i++) {
		struct claim *next;
		for (struct claim *c = claims.chain[i]; c; c = next) {
			next = c->next;
			if (over && c->wait_ms)
				end(c);
			else if (c->registered && !c->ending)
				ask(c, 0, asked);
		}
	}
}

bool claims_poll(struct api *a)
{
	if (!claims.api || claims.seen == atomic_load_explicit(&a->seg->proc[a->slot].grant_seq, memory_order_acquire))
		return false;
	take(a);
	return true;
}

void claims_tick(struct api *a)
{
	uint64_t turn = keeper_turn(a);
	bool again;

	if (!claims.api)
		return;
	again = turn != claims.turn;
	claims.turn = turn;
	if (again)
		claims.seen = UINT64_MAX;
	take(a);
	look_at_all(a, again);
}
