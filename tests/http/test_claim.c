/* Remote workers that wait: what each is answered with, and that no job is left with nobody who knows of it: what could not be told goes back to the keeper, as often as it takes. */
#include "api_test.h"

#include "http/claim.h"
#include "http/pending.h"

/* --- the keeper --- */
#define ASKED_MAX 32
static struct asked { enum request_op op; uint64_t tag; struct request_claim claim; struct request_finish finish; } asked[ASKED_MAX];
static size_t nasked;
static bool no_room;                    /* nothing can be asked */

int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n)
{
	struct asked *a = &asked[nasked];

	(void)b;
	if (no_room)
		return -1;
	assert_true(nasked < ASKED_MAX && (n == 1 || n == 2));
	*a = (struct asked){ .op = op, .tag = tag };
	if (op == REQUEST_CLAIM)
		memcpy(&a->claim, piece[0].p, sizeof(a->claim));
	else
		memcpy(&a->finish, piece[0].p, sizeof(a->finish));
	assert_true(op == REQUEST_CLAIM || op == REQUEST_FINISH);
	nasked++;
	return 0;
}

static void keeper_answers(size_t i, int rc)
{
	assert_true(i < nasked);
	pending_answer(&(struct request_result){ .tag = asked[i].tag, .rc = rc });
}

static struct store_reader *reader;
static unsigned unreadable;             /* of the next jobs that are put */

bool claim_put_job(struct claim *c, const struct handout *h, bool first, struct buf *out, enum store_rc *rc)
{
	(void)c;
	*rc = STORE_OK;
	if (unreadable) {
		unreadable--;
		*rc = STORE_DAMAGED;
		return false;
	}
	buf_printf(out, "%s%llu", first ? "" : ",", (unsigned long long)h->token);
	return true;
}

/* Writes it into the table for the claim; the acceptor sees it when it looks. */
static void hand_out(uint64_t claim, uint64_t token)
{
	uint32_t at = 0;
	struct handout h = { .claim = claim, .token = token };

	h.id.b[15] = (uint8_t)token;
	assert_true(handout_room(&seg, api.slot, &at));
	handout_write(&seg, api.slot, at, &h);
	handout_publish(&seg, api.slot);
}

static unsigned entries(void)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < SHM_HANDOUTS; i++)
		n += atomic_load(&handout_table(&seg, api.slot)[i].state) != SHM_HANDOUT_FREE;
	return n;
}

/* The keeper has been told so much about a lease: that it is given back. */
static void is_given_back(size_t i, uint64_t token)
{
	assert_true(i < nasked);
	assert_int_equal(asked[i].op, REQUEST_FINISH);
	assert_int_equal(asked[i].finish.token, token);
	assert_int_equal(asked[i].finish.outcome, JOB_OUTCOME_RELEASED);
	assert_true(asked[i].finish.flags & REQUEST_FINISH_REMOTE);
	assert_int_equal(asked[i].finish.id.b[15], token);
}

/* --- a client --- */
static struct http_request q;

/* What it is called. */
static uint64_t ask_for(int64_t wait_ms)
{
	struct claim *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	answer_clear();
	nasked = 0;
	q = (struct http_request){ .api = &api, .method = HTTP_M_POST };
	c->q = &q;
	c->ask.max = 10;
	buf_str(&c->texts, "w");
	claim_begin(c, wait_ms);
	return nasked ? asked[0].claim.claim : 0;
}

static void is_answered(int status, const char *body)
{
	assert_int_equal(answer.answers, 1);
	assert_int_equal(answer.status, status);
	if (body)
		assert_string_equal(answer.body, body);
	assert_null(q.state);
}

static void reply_gets(bool delivered)
{
	assert_non_null(q.sent);
	q.sent->fn(q.sent, delivered);
	q.sent = NULL;
}

static void is_over(void)
{
	assert_int_equal(claims_open(), 0);
	assert_int_equal(entries(), 0);
	assert_int_equal(fake_timers(), 0);
}

/* --- tests --- */

static void without_waiting(void **state)
{
	(void)state;
	uint64_t n = ask_for(0);
	assert_int_equal(asked[0].claim.flags, REQUEST_CLAIM_ONCE);
	assert_int_equal(fake_timers(), 0);
	keeper_answers(0, STORE_OK);
	is_answered(200, "{\"jobs\":[]}");
	is_over();
	/* what it was given counts, although the bell comes later than the answer; oldest lease first */
	assert_true(ask_for(0) > n);
	hand_out(asked[0].claim.claim, 12);
	hand_out(asked[0].claim.claim, 11);
	keeper_answers(0, STORE_OK);
	is_answered(200, "{\"jobs\":[11,12]}");
	assert_int_equal(entries(), 2);
	reply_gets(true);
	assert_int_equal(nasked, 1);
	is_over();
}

static void a_job_comes(void **state)
{
	(void)state;
	uint64_t n = ask_for(5000);
	assert_int_equal(asked[0].claim.flags, 0);
	keeper_answers(0, STORE_OK);
	assert_false(claims_poll(&api));
	assert_int_equal(answer.answers, 0);
	hand_out(n, 21);
	assert_true(claims_poll(&api));
	is_answered(200, "{\"jobs\":[21]}");
	reply_gets(true);
	assert_int_equal(nasked, 1);
	is_over();
}

/* It is said again until the keeper has taken it: a lease that nobody knows of would be lost until it runs out. */
static void not_delivered(void **state)
{
	(void)state;
	uint64_t n = ask_for(5000);
	keeper_answers(0, STORE_OK);
	hand_out(n, 31);
	claims_tick(&api);
	is_answered(200, "{\"jobs\":[31]}");
	reply_gets(false);
	assert_int_equal(nasked, 2);
	is_given_back(1, 31);
	keeper_answers(1, STORE_NO_SPACE);
	assert_int_equal(entries(), 1);
	fake_pass(250);
	assert_int_equal(nasked, 3);
	is_given_back(2, 31);
	no_room = true;
	keeper_answers(2, STORE_BUSY);
	fake_pass(250);                 /* it cannot even be asked */
	assert_int_equal(nasked, 3);
	no_room = false;
	fake_pass(250);
	is_given_back(3, 31);
	keeper_answers(3, STORE_STALE);
	is_over();
}

static void time_is_up(void **state)
{
	(void)state;
	ask_for(1000);
	keeper_answers(0, STORE_OK);
	fake_pass(999);
	assert_int_equal(nasked, 1);
	fake_pass(1);
	assert_int_equal(nasked, 2);
	assert_int_equal(asked[1].claim.flags, REQUEST_CLAIM_END);
	assert_int_equal(answer.answers, 0);
	keeper_answers(1, STORE_OK);
	is_answered(200, "{\"jobs\":[]}");
	is_over();
	/* one that comes while the end is asked for is part of the answer */
	uint64_t n = ask_for(1000);
	keeper_answers(0, STORE_OK);
	fake_pass(1000);
	hand_out(n, 41);
	claims_tick(&api);
	assert_int_equal(answer.answers, 0);
	keeper_answers(1, STORE_OK);
	is_answered(200, "{\"jobs\":[41]}");
	reply_gets(true);
	is_over();
}

static void client_goes(void **state)
{
	(void)state;
	uint64_t n = ask_for(5000);
	keeper_answers(0, STORE_OK);
	q.gone = true;
	q.on_gone(&q);
	assert_int_equal(answer.answers, 1);
	assert_int_equal(asked[1].claim.flags, REQUEST_CLAIM_END);
	hand_out(n, 51);                /* before the keeper heard of it */
	claims_tick(&api);
	is_given_back(2, 51);
	keeper_answers(1, STORE_OK);
	keeper_answers(2, STORE_OK);
	is_over();
	/* with its jobs there already: they came while its end was asked for */
	n = ask_for(1000);
	keeper_answers(0, STORE_OK);
	fake_pass(1000);
	hand_out(n, 52);
	claims_tick(&api);
	q.gone = true;
	q.on_gone(&q);
	is_given_back(2, 52);
	keeper_answers(2, STORE_OK);
	keeper_answers(1, STORE_OK);
	is_over();
}

static void the_keeper_dies(void **state)
{
	(void)state;
	uint64_t n = ask_for(5000);
	claims_tick(&api);
	atomic_fetch_add(&seg.h->keeper_turn, 1);
	claims_tick(&api);
	assert_int_equal(nasked, 1);    /* the request lies in its slot: the new one finds it */
	/* or it was committed by the old one, and the new one has answered it and knows of nobody */
	keeper_answers(0, STORE_OK);
	assert_int_equal(nasked, 2);
	keeper_answers(1, STORE_OK);
	claims_tick(&api);
	assert_int_equal(nasked, 2);
	atomic_fetch_add(&seg.h->keeper_turn, 1);
	claims_tick(&api);
	assert_int_equal(nasked, 3);
	for (size_t i = 1; i < nasked; i++) {
		assert_int_equal(asked[i].claim.claim, n);
		assert_int_equal(asked[i].claim.flags, 0);
	}
	claims_tick(&api);
	assert_int_equal(nasked, 3);
	keeper_answers(2, STORE_OK);
	hand_out(n, 61);
	claims_tick(&api);
	is_answered(200, "{\"jobs\":[61]}");
	reply_gets(true);
	is_over();
}

static void the_server_drains(void **state)
{
	(void)state;
	ask_for(5000);
	keeper_answers(0, STORE_OK);
	api.draining = true;
	claims_tick(&api);
	claims_tick(&api);
	api.draining = false;
	assert_int_equal(nasked, 2);
	assert_int_equal(asked[1].claim.flags, REQUEST_CLAIM_END);
	keeper_answers(1, STORE_OK);
	is_answered(200, "{\"jobs\":[]}");
	is_over();
}

static void it_is_refused(void **state)
{
	(void)state;
	ask_for(5000);
	keeper_answers(0, STORE_NO_SPACE);
	is_answered(507, NULL);
	is_over();
	ask_for(5000);
	keeper_answers(0, STORE_BUSY);
	is_answered(503, NULL);
	is_over();
	no_room = true;
	ask_for(5000);
	no_room = false;
	is_answered(503, NULL);
	is_over();
}

static void it_cannot_be_read(void **state)
{
	(void)state;
	uint64_t n = ask_for(5000);
	keeper_answers(0, STORE_OK);
	hand_out(n, 71);
	hand_out(n, 72);
	api.reader = NULL;
	claims_tick(&api);
	api.reader = reader;
	is_answered(503, NULL);
	is_given_back(1, 71);
	is_given_back(2, 72);
	keeper_answers(1, STORE_OK);
	keeper_answers(2, STORE_NOT_FOUND);
	is_over();
	/* one of them alone: the others are given */
	n = ask_for(5000);
	keeper_answers(0, STORE_OK);
	hand_out(n, 73);
	hand_out(n, 74);
	unreadable = 1;
	claims_tick(&api);
	is_answered(200, "{\"jobs\":[74]}");
	is_given_back(1, 73);
	keeper_answers(1, STORE_OK);
	reply_gets(true);
	is_over();
}

/* What an acceptor that died had waiting in its table. */
static void of_an_earlier_process(void **state)
{
	(void)state;
	nasked = 0;
	hand_out(77, 81);
	claims_tick(&api);
	is_given_back(0, 81);
	keeper_answers(0, STORE_REPLAYED);
	is_over();
}

static void many_at_once(void **state)
{
	static struct http_request of[20];
	uint64_t number[20];

	(void)state;
	answer_clear();
	nasked = 0;
	for (unsigned i = 0; i < 20; i++) {
		struct claim *c = calloc(1, sizeof(*c));
		assert_non_null(c);
		of[i] = (struct http_request){ .api = &api, .method = HTTP_M_POST };
		c->q = &of[i];
		claim_begin(c, 1000 + i);
		number[i] = asked[i].claim.claim;
		keeper_answers(i, STORE_OK);
	}
	assert_int_equal(claims_open(), 20);
	for (unsigned i = 0; i < 20; i += 2)
		hand_out(number[i], 100 + i);
	claims_tick(&api);
	assert_int_equal(answer.answers, 10);
	for (unsigned i = 0; i < 20; i += 2) {
		assert_non_null(of[i].sent);
		of[i].sent->fn(of[i].sent, true);
	}
	for (unsigned i = 1; i < 20; i += 2)
		assert_null(of[i].sent);
	nasked = 0;
	fake_pass(2000);
	assert_int_equal(nasked, 10);
	for (size_t i = 0; i < 10; i++)
		keeper_answers(i, STORE_OK);
	assert_int_equal(answer.answers, 20);
	is_over();
}

/* One process for all: its table of who waits is its own as long as it lives. */
static int begin(void **state)
{
	int rc = api_setup(state);

	reader = api.reader;
	return rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_waiting), cmocka_unit_test(a_job_comes), cmocka_unit_test(not_delivered), cmocka_unit_test(time_is_up), cmocka_unit_test(client_goes),
		cmocka_unit_test(the_keeper_dies), cmocka_unit_test(the_server_drains), cmocka_unit_test(it_is_refused), cmocka_unit_test(it_cannot_be_read),
		cmocka_unit_test(of_an_earlier_process), cmocka_unit_test(many_at_once),
	};

	return cmocka_run_group_tests_name("claim", tests, begin, api_teardown);
}
