/* Jobs taken whole out of a store and put into another, over every engine: nothing is lost, what comes out of the second is what came out of the first, and both are sound. */
#include "tests/store/rich.h"

#include "store/check.h"
#include "store/embedded.h"
#include "store/whole.h"

/* --- out --- */

static bool paused(void *arg, const struct store_figure *f)
{
	if (f->paused)
		whole_put_queue(arg, f->name);
	return true;
}

static void put_all(struct fixture *f, struct buf *out)
{
	struct job_whole w = { .attempt = NULL };
	struct job_id at = { { 0 } };
	struct whole_schedule t = { .upto_ms = 0 };
	struct whole_key key;
	const char *what;
	uint64_t n = 0;
	bool rest;

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	while (store_next_job(f->reader, &at) == STORE_OK) {
		assert_int_equal(store_whole(f->reader, at, &w, &what, &rest), STORE_OK);
		whole_put_job(out, &w);
	}
	while (store_next_key(f->reader, &n, &key) == STORE_OK)
		whole_put_key(out, &key);
	assert_int_equal(store_queues(f->reader, paused, out), STORE_OK);
	while (store_next_schedule(f->reader, t.name, &t) == STORE_OK)
		whole_put_schedule(out, &t);
	store_read_end(f->reader);
	whole_free(&w);
	assert_false(out->failed);
}

/* --- in --- */

static enum store_rc put(struct fixture *f, const struct whole_line *l, const char **field)
{
	*field = "";
	switch (l->kind) {
	case WHOLE_JOB: return store_restore(f->store, &l->job, field);
	case WHOLE_KEY: return store_restore_key(f->store, &l->key);
	case WHOLE_SCHEDULE: return store_restore_schedule(f->store, &l->schedule);
	default: return store_pause(f->store, l->queue, true);
	}
}

/* Every line in a batch of its own, and the rc that all must have but for pauses. */
static unsigned take_all(struct fixture *f, const struct buf *text, enum store_rc wanted)
{
	struct whole_line l = { .kind = WHOLE_END };
	struct whole_error e;
	unsigned n = 0;

	for (const char *p = text->data, *end; p < text->data + text->len; p = end + 1, n++) {
		const char *field;
		end = memchr(p, '\n', text->len - (size_t)(p - text->data));
		assert_non_null(end);
		if (!whole_parse((struct slice){ p, (size_t)(end - p) }, &l, &e))
			fail_msg("%s: %s in %.*s", e.field, e.what, (int)(end - p), p);
		begin(f);
		enum store_rc rc = put(f, &l, &field);
		assert_false(store_spoilt(f->store));
		if (rc != (l.kind == WHOLE_QUEUE ? STORE_OK : wanted))
			fail_msg("%s (%s): %.*s", store_rc_text(rc), field, (int)(end - p), p);
		commit(f);
	}
	whole_line_free(&l);
	return n;
}

static void flaw(void *arg, const struct store_flaw *f)
{
	(void)arg;
	print_message("# %s: %s\n", f->table, f->what);
}

static void sound(struct fixture *f)
{
	struct store_check_watch w = { .flaw = flaw };
	struct store_checked c;

	assert_int_equal(store_check(f->reader, 0, 0, &w, &c), STORE_OK);
	assert_int_equal(c.flaws, 0);
	recount(f);
}

static void same_rules(struct fixture *f)
{
	f->hide_type = true;
	f->rules.type_limit = rich_limit;
	f->rules.idempotency_window_ms = 86400000;
	f->rules.idempotency_max = 1000;
	store_rules(f->store, &f->rules);
}

static bool nobody_began(void *arg, uint64_t token)
{
	(void)arg;
	(void)token;
	return false;
}

/* Gives back what runs: an import does that by itself, and says so in the history. */
static void let_go(struct fixture *f, const struct rich *r)
{
	bool more;
	struct job j = look(f, r->far);

	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, OWNER.incarnation, nobody_began, NULL, 10, &more), STORE_OK);
	assert_int_equal(store_give_back(f->store, r->far, j.lease_token), STORE_OK);
	commit(f);
}

static void same_text(const struct buf *a, const struct buf *b)
{
	size_t i = 0, from = 0;

	for (; i < a->len && i < b->len && a->data[i] == b->data[i]; i++)
		from = a->data[i] == '\n' ? i + 1 : from;
	if (a->len != b->len || i != a->len)
		fail_msg("not the same from:\n%.*s\nbut:\n%.*s", (int)(a->len - from < 3000 ? a->len - from : 3000), a->data + from, (int)(b->len - from < 3000 ? b->len - from : 3000), b->data + from);
}

static void round_trip(void **state, int (*other)(void **state))
{
	struct fixture *f = *state, *g;
	struct buf first = { 0 }, second = { 0 };
	struct rich r;
	void *own = NULL;

	rich_make(f, &r);
	let_go(f, &r);
	put_all(f, &first);
	assert_int_equal(other(&own), 0);
	g = own;
	g->now_us = f->now_us + 1000000;
	same_rules(g);
	assert_int_equal(take_all(g, &first, STORE_OK), 17 + 3);
	sound(g);
	put_all(g, &second);
	same_text(&first, &second);
	/* again: all of it is there, and is left alone */
	take_all(g, &first, STORE_REPLAYED);
	buf_clear(&second);
	put_all(g, &second);
	same_text(&first, &second);
	sound(g);
	if (fixture_persists(g)) {
		fixture_reopen(g, 78);
		sound(g);
	}
	buf_free(&first);
	buf_free(&second);
	fixture_end(&own);
}

static void test_round_trip_to_memory(void **state) { round_trip(state, fixture_memory); }
static void test_round_trip_to_lmdb(void **state) { round_trip(state, fixture_lmdb); }

/* --- what ran, and what goes on --- */

static void test_what_ran_is_queued(void **state)
{
	struct fixture *f = *state, *g;
	struct buf text = { 0 };
	struct store_claimed c;
	struct rich r;
	void *own = NULL;

	rich_make(f, &r);
	put_all(f, &text);
	assert_int_equal(fixture_memory(&own), 0);
	g = own;
	g->now_us = f->now_us + 1000000;
	same_rules(g);
	take_all(g, &text, STORE_OK);
	sound(g);
	struct job j = look(g, r.running);
	assert_int_equal(j.state, JOB_QUEUED);
	assert_int_equal(j.attempts, 1);
	assert_int_equal(j.retry_count, 0);
	assert_int_equal(j.last_outcome, JOB_OUTCOME_RELEASED);
	assert_int_equal(look(g, r.far).state, JOB_QUEUED);
	/* the jobs run, with leases above all that there were */
	unsigned n = 0;
	while (claim(g, 100 + n, &c)) {
		struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
		assert_int_equal(finish(g, &m, &j), STORE_OK);
		n++;
		begin(g);
		assert_int_equal(store_spread(g->store, 100), STORE_OK);
		commit(g);
	}
	assert_true(n >= 7);
	assert_int_equal(look(g, r.lined).state, JOB_SUCCEEDED);
	assert_int_equal(look(g, r.waiting).state, JOB_SUCCEEDED);
	sound(g);
	buf_free(&text);
	fixture_end(&own);
}

/* --- what is refused --- */

static bool parsed(const char *text, struct whole_line *l)
{
	struct whole_error e;
	bool ok = whole_parse(slice_of(text), l, &e);

	if (!ok)
		print_message("# %s: %s\n", e.field, e.what);
	return ok;
}

#define ID(n) "\"01930000-0000-7000-8000-00000000000" n "\""
#define JOB(id, state, more) "{\"kind\":\"job\",\"id\":" ID(id) ",\"state\":\"" state "\",\"type\":\"t\",\"queue\":\"q\",\"created_ms\":1,\"backoff_factor_milli\":2000,\"payload\":1" more "}"

static void refused(struct fixture *f, const char *text, enum store_rc wanted, const char *at)
{
	struct whole_line l = { .kind = WHOLE_END };
	const char *field;

	assert_true(parsed(text, &l));
	begin(f);
	assert_int_equal(put(f, &l, &field), wanted);
	if (at)
		assert_string_equal(field, at);
	assert_false(store_spoilt(f->store));
	commit(f);
	whole_line_free(&l);
	sound(f);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
	struct fixture *f = *state;

	same_rules(f);
	refused(f, JOB("1", "dead", ""), STORE_INVALID, "finished_ms");
	refused(f, JOB("1", "queued", ",\"finished_ms\":5"), STORE_INVALID, "finished_ms");
	refused(f, JOB("1", "scheduled", ""), STORE_INVALID, "run_at_ms");
	refused(f, JOB("1", "waiting", ""), STORE_INVALID, "waits_for");
	refused(f, JOB("1", "queued", ",\"depends_on\":[" ID("2") "],\"waits_for\":[" ID("2") "]"), STORE_INVALID, "waits_for");
	refused(f, JOB("1", "waiting", ",\"depends_on\":[" ID("3") "],\"waits_for\":[" ID("2") "]"), STORE_INVALID, "waits_for");
	refused(f, JOB("1", "waiting", ",\"depends_on\":[" ID("2") "],\"waits_for\":[" ID("2") "]"), STORE_PARENT, "waits_for");
	refused(f, "{\"kind\":\"job\",\"id\":\"00000000-0000-0000-0000-000000000000\",\"state\":\"queued\",\"type\":\"t\",\"queue\":\"q\",\"created_ms\":1,\"backoff_factor_milli\":2000,\"payload\":1}", STORE_INVALID, "id");
	refused(f, JOB("1", "queued", ",\"unique_key\":\"u\""), STORE_OK, "");
	refused(f, JOB("1", "queued", ""), STORE_REPLAYED, "id");
	refused(f, JOB("2", "queued", ",\"unique_key\":\"u\""), STORE_LIVE, "unique_key");
	refused(f, JOB("2", "dead", ",\"finished_ms\":5,\"unique_key\":\"u\""), STORE_OK, NULL);
	refused(f, "{\"kind\":\"key\",\"id\":" ID("9") ",\"key\":\"k\",\"created_ms\":1}", STORE_NOT_FOUND, NULL);
	assert_int_equal(totals(f).submitted, 2);
}

/* A child whose parent ended while nobody told it: the import tells it. */
static void test_parents_that_have_ended_tell_their_children(void **state)
{
	struct fixture *f = *state;
	struct job_id id = { { 0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0 } };

	same_rules(f);
	refused(f, JOB("1", "succeeded", ",\"finished_ms\":5"), STORE_OK, NULL);
	refused(f, JOB("2", "dead", ",\"finished_ms\":5"), STORE_OK, NULL);
	refused(f, JOB("3", "waiting", ",\"depends_on\":[" ID("1") "],\"waits_for\":[" ID("1") "]"), STORE_OK, NULL);
	refused(f, JOB("4", "waiting", ",\"depends_on\":[" ID("1") "," ID("2") "],\"waits_for\":[" ID("1") "," ID("2") "]"), STORE_OK, NULL);
	begin(f);
	assert_int_equal(store_spread(f->store, 100), STORE_OK);
	commit(f);
	id.b[15] = 3;
	assert_int_equal(look(f, id).state, JOB_QUEUED);
	id.b[15] = 4;
	assert_int_equal(look(f, id).state, JOB_CANCELLED);
	sound(f);
}

#define BOTH(test) cmocka_unit_test_setup_teardown(test, fixture_memory, fixture_end), cmocka_unit_test_setup_teardown(test, fixture_lmdb, fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_round_trip_to_memory),
		BOTH(test_round_trip_to_lmdb),
		BOTH(test_what_ran_is_queued),
		BOTH(test_what_makes_no_sense_is_refused),
		BOTH(test_parents_that_have_ended_tell_their_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
