/* What is done by hand, to store and model: to one job, to many by filter, to a queue. */
#include "tests/store/history.h"

#include <ctype.h>
#include <stdio.h>

#include "text/uuid.h"

/* Whether it may be retried, as its parents stand now. */
static bool parents_let(const struct mjob *j)
{
	for (unsigned k = 0; k < j->nparents; k++) {
		const struct mjob *p = model_of(j->parent[k].id);
		if (p && (FINAL_BAD & IN(p->state)))
			return false;
	}
	return true;
}

static enum store_rc may_retry(const struct mjob *j)
{
	if (!(FINAL_BAD & IN(j->state)) || past(j))
		return STORE_STATE;
	return unique_holder(j) ? STORE_LIVE : parents_let(j) ? STORE_OK : STORE_STATE;
}

/* Its history goes on; its record begins anew. */
static enum job_event retried(struct mjob *j)
{
	enum job_event end = j->state == JOB_CANCELLED ? JOB_EV_CANCEL : j->state == JOB_EXPIRED ? JOB_EV_EXPIRE : JOB_EV_FAIL_DEAD;
	bool told = j->state == JOB_CANCELLED && j->last_outcome == JOB_OUTCOME_CANCELLED, open = false;

	for (unsigned i = 0; i < j->nnotes; i++)
		told |= j->note[i].at_us == j->finished_ms * 1000 && j->note[i].event == (uint32_t)end;
	if (!told)
		model_note(j, j->finished_ms * 1000, end, false);
	model_note(j, h.f->now_us, JOB_EV_REQUEUE, false);
	model_requeued(j);
	for (unsigned k = 0; k < j->nparents; k++) {
		const struct mjob *p = model_of(j->parent[k].id);
		j->parent[k].how = p && p->state != JOB_SUCCEEDED ? LINK_OPEN : LINK_DONE;
		open |= j->parent[k].how == LINK_OPEN;
	}
	j->attempts = j->retry_count = j->crashes = 0;
	j->cancel_asked = false;
	j->last_outcome = JOB_OUTCOME_NONE;
	j->finished_ms = j->started_ms = j->run_at_ms = 0;
	j->state = open ? JOB_WAITING : JOB_QUEUED;
	return open ? JOB_EV_REQUEUE_WAITING : JOB_EV_REQUEUE;
}

/* --- one --- */

static enum store_rc cancel_one(struct mjob *j, enum store_rc rc, const struct job *out)
{
	if (FINAL & IN(j->state))
		return STORE_STATE;
	if (j->state == JOB_RUNNING && j->far) {
		far_cancelled(j);
		heard_one(j, JOB_EV_CANCEL, JOB_OUTCOME_CANCELLED);
	} else if (j->state == JOB_RUNNING) {
		j->cancel_asked = true;
		assert_true(rc != STORE_OK || out->cancel_asked);
		heard_none();
	} else {
		model_end(j, JOB_CANCELLED);
		heard_one(j, JOB_EV_CANCEL, JOB_OUTCOME_NONE);
	}
	return STORE_OK;
}

static enum store_rc retry_one(struct mjob *j, enum store_rc rc, const struct job *out)
{
	enum store_rc want = may_retry(j);

	if (want != STORE_OK || rc != STORE_OK)
		return want;
	enum job_event event = retried(j);
	check_rank(j, out, false);
	heard_one(j, event, JOB_OUTCOME_NONE);
	return STORE_OK;
}

static enum store_rc run_one_now(struct mjob *j, enum store_rc rc, const struct job *out)
{
	bool scheduled = j->state == JOB_SCHEDULED;

	if (!scheduled && j->state != JOB_RETRYING)
		return STORE_STATE;
	if (rc != STORE_OK)
		return STORE_OK;
	model_note(j, h.f->now_us, JOB_EV_RUN_NOW, false);
	j->run_at_ms = now_ms();
	j->state = JOB_QUEUED;
	if (scheduled)                          /* one that has run keeps its place */
		check_rank(j, out, false);
	heard_one(j, JOB_EV_RUN_NOW, JOB_OUTCOME_NONE);
	return STORE_OK;
}

static enum store_rc delete_one(struct mjob *j, enum store_rc rc, const struct job *out)
{
	(void)rc;
	(void)out;
	heard_none();
	if (!(FINAL & IN(j->state)))
		return STORE_STATE;
	model_drop(j);
	return STORE_OK;
}

void op_act(void)
{
	static enum store_rc (*const acts[STORE_ACTS])(struct mjob *j, enum store_rc rc, const struct job *out) = {
		[STORE_ACT_CANCEL] = cancel_one, [STORE_ACT_RETRY] = retry_one, [STORE_ACT_RUN_NOW] = run_one_now, [STORE_ACT_DELETE] = delete_one,
	};
	static const char *const name[] = { "", "cancel", "retry", "run_now", "delete" };
	static const enum cover what[] = { 0, C_CANCEL, C_RETRY, C_RUN_NOW, C_DELETE };
	enum store_act act = (enum store_act)(1 + dice(4));
	struct mjob *j = any_of(dice(2) ? store_act_states(act) : ANY_STATE);
	struct job out;

	if (!j)
		return;
	covered(what[act], j->state);
	say("%s job %u (%s)", name[act], j->number, job_state_name(j->state));
	enum store_rc rc = store_act(h.f->store, j->id, act, &out);
	say(" -> %s\n", store_rc_text(rc));
	assert_int_equal(rc, acts[act](j, rc, &out));
	covered_rc(rc);
	if (rc != STORE_OK)
		heard_none();
}

/* --- many --- */

static bool text_in(const char *whole, const char *part)
{
	size_t n = strlen(part);

	for (; *whole; whole++) {
		size_t i = 0;
		while (i < n && whole[i] && tolower((unsigned char)whole[i]) == tolower((unsigned char)part[i]))
			i++;
		if (i == n)
			return true;
	}
	return n == 0;
}

static bool has_text(const struct mjob *j, const char *part)
{
	char name[16], id[UUID_TEXT_BYTES], tag[2] = { j->tag, '\0' }, key[8] = "";

	snprintf(name, sizeof(name), "job-N%u", j->number);
	if (j->key)
		snprintf(key, sizeof(key), "zone-%u", j->key % 10);
	uuid_format(j->id.b, id);
	if (text_in(name, part) || text_in(id, part) || text_in(tag, part) || text_in(key, part))
		return true;
	for (unsigned i = j->nattempts; i-- > 0;)
		if (j->attempt[i].error[0])
			return text_in(j->attempt[i].error, part);
	return false;
}

static bool in_one_of(const struct mjob *j, struct job_text queues)
{
	bool is = queues.n == 0;

	for (size_t at = 0; at < queues.n; at += strlen(queues.p + at) + 1)
		is |= strcmp(queues.p + at, queue_names[j->queue]) == 0;
	return is;
}

static bool fits(const struct mjob *j, const struct store_filter *f, const char *text, char tag)
{
	if ((f->type.n && strcmp(f->type.p, type_names[j->type]) != 0) || (f->queue.n && strcmp(f->queue.p, queue_names[j->queue]) != 0) || (f->tag.n && tag != j->tag))
		return false;
	return in_one_of(j, f->queues) && (f->states == 0 || f->states & IN(j->state)) && (f->text.n == 0 || has_text(j, text));
}

static bool is_meant(const struct mjob *j, const struct store_bulk *b, const char *text, char tag)
{
	if (!(store_act_states(b->act) & IN(j->state)) || memcmp(&j->id, &b->until_id, sizeof(j->id)) > 0 || ((FINAL & IN(j->state)) && j->finished_ms > b->until_ms))
		return false;
	if (b->act == STORE_ACT_CANCEL && j->state == JOB_RUNNING && j->cancel_asked)
		return false;
	return (b->act != STORE_ACT_RETRY || !past(j)) && fits(j, &b->filter, text, tag);
}

static unsigned told_to_end;

static void asked(void *arg, const struct job *out)
{
	struct mjob *j = model_of(out->id);

	(void)arg;
	assert_true(j && j->state == JOB_RUNNING && out->cancel_asked);
	told_to_end++;
}

static const struct heard *heard_of(struct job_id id)
{
	for (unsigned i = 0; i < h.nheard; i++)
		if (same_id(h.heard[i].job.id, id))
			return &h.heard[i];
	return NULL;
}

/* What the act does to one that is meant; false where it is refused after all. */
static bool bulk_one(struct mjob *j, enum store_act act)
{
	static const enum cover what[] = { [STORE_ACT_CANCEL] = C_BULK_CANCEL, [STORE_ACT_RETRY] = C_BULK_RETRY, [STORE_ACT_DELETE] = C_BULK_DELETE };

	if (act == STORE_ACT_RETRY && may_retry(j) != STORE_OK)
		return false;
	covered(what[act], j->state);
	say(" %u", j->number);
	const struct heard *told = heard_of(j->id);
	enum job_event event = JOB_EV_CANCEL;
	if (act == STORE_ACT_DELETE) {
		model_drop(j);
		return true;
	}
	if (act == STORE_ACT_CANCEL && j->state == JOB_RUNNING && !j->far) {
		j->cancel_asked = true;
		return true;
	}
	assert_non_null(told);
	if (act == STORE_ACT_RETRY) {
		event = retried(j);
		keys_look();
		check_rank(j, &told->job, false);
	} else if (j->state == JOB_RUNNING) {
		far_cancelled(j);
		assert_int_equal(told->outcome, JOB_OUTCOME_CANCELLED);
	} else {
		model_end(j, JOB_CANCELLED);
	}
	assert_int_equal(told->event, event);
	assert_int_equal(told->job.state, j->state);
	return true;
}

/* Those that are meant, in the order of their ends, which decides who of two gets back a unique key. */
static uint64_t bulk_model(const struct store_bulk *b, const char *text, char tag)
{
	struct job_id meant[M_JOBS];
	int64_t when[M_JOBS];
	unsigned n = 0;
	uint64_t count = 0;

	for (unsigned i = 0; i < h.m.n; i++) {
		const struct mjob *j = &h.m.job[i];
		if (!is_meant(j, b, text, tag))
			continue;
		unsigned at = n++;
		for (; at > 0 && (when[at - 1] > j->finished_ms || (when[at - 1] == j->finished_ms && memcmp(&meant[at - 1], &j->id, sizeof(j->id)) > 0)); at--) {
			meant[at] = meant[at - 1];
			when[at] = when[at - 1];
		}
		meant[at] = j->id;
		when[at] = j->finished_ms;
	}
	for (unsigned i = 0; i < n; i++)
		count += bulk_one(model_of(meant[i]), b->act);
	return count;
}

static void choose_filter(struct store_filter *f, const char **text, char *tag)
{
	static const char *const texts[] = { "BOOM", "n1", "worker died", "-N", "zOne-1", "a", "01" };
	static const char some[] = "heavy\0nowhere\0q", other[] = "strict";
	static char one_tag[2];

	*f = (struct store_filter){ .states = 0 };
	if (dice(4) == 0)
		f->type = text_of(type_names[dice(TYPES)]);
	if (dice(4) == 0)
		f->queue = text_of(queue_names[dice(QUEUES)]);
	if (dice(4) == 0)
		f->queues = dice(3) ? (struct job_text){ some, sizeof(some) } : (struct job_text){ other, sizeof(other) };
	*tag = one_tag[0] = (char)('a' + dice(2));
	if (dice(5) == 0)
		f->tag = (struct job_text){ one_tag, 1 };
	*text = texts[dice(sizeof(texts) / sizeof(texts[0]))];
	if (dice(5) == 0)
		f->text = text_of(*text);
}

static void choose_bulk(struct store_bulk *b, const char **text, char *tag)
{
	static const enum store_act acts[] = { STORE_ACT_CANCEL, STORE_ACT_RETRY, STORE_ACT_DELETE };

	*b = (struct store_bulk){ .act = acts[dice(3)], .until_ms = dice(4) ? INT64_MAX : now_ms() - dice(30) };
	choose_filter(&b->filter, text, tag);
	b->filter.states = dice(3) ? 0 : 1u << (1 + dice(JOB_STATES - 1)) | 1u << (1 + dice(JOB_STATES - 1));
	const struct mjob *early = any_of(IN(JOB_EXPIRED));
	if (early && !past(early) && dice(2))
		*b = (struct store_bulk){ .act = STORE_ACT_RETRY, .until_ms = INT64_MAX, .filter.states = IN(JOB_EXPIRED) };    /* the clock was set back: it can be retried, which is rare */
	memset(&b->until_id, 0xff, sizeof(b->until_id));
	if (dice(4) == 0) {
		const struct mjob *j = any_of(ANY_STATE);
		if (j)
			b->until_id = j->id;
	}
}

/* A dry run, of what is committed and in slices of its own. */
static uint64_t counted(const struct store_bulk *b)
{
	struct store_bulk_seen seen = { .n = 0 };
	struct store_cursor at = { .part = 0 };
	uint64_t count = 0, slice;

	assert_int_equal(store_read_begin(h.f->reader), STORE_OK);
	for (unsigned i = 0; at.part != STORE_CURSOR_END; i++) {
		assert_true(i < 1000);
		assert_int_equal(store_bulk_count(h.f->reader, b, now_ms(), 1 + dice(6), &seen, &at, &slice), STORE_OK);
		count += slice;
	}
	store_read_end(h.f->reader);
	store_bulk_seen_free(&seen);
	return count;
}

void op_bulk(void)
{
	struct store_cursor at = { .part = 0 };
	struct store_bulk b;
	uint64_t count = 0, slice, want, marked = 0, dry_count = 0;
	bool dry = dice(2);
	const char *text;
	char tag;

	choose_bulk(&b, &text, &tag);
	say("bulk act %d states %x type %.*s queue %.*s tag %.*s text %.*s:", (int)b.act, b.filter.states, (int)b.filter.type.n, b.filter.type.p, (int)b.filter.queue.n, b.filter.queue.p,
		(int)b.filter.tag.n, b.filter.tag.p, (int)b.filter.text.n, b.filter.text.p);
	told_to_end = 0;
	if (dry) {
		say(" commit, dry run,");
		batch_commit();
		dry_count = counted(&b);
		batch_begin();
	}
	for (unsigned i = 0; at.part != STORE_CURSOR_END; i++) {
		struct store_bulk_limit left = { 1 + dice(4), 1 + dice(12) };
		assert_true(i < 1000);
		assert_int_equal(store_bulk(h.f->store, &b, &left, &at, &slice, asked, NULL), STORE_OK);
		count += slice;
	}
	for (unsigned i = 0; i < h.m.n; i++)
		marked += b.act == STORE_ACT_CANCEL && h.m.job[i].state == JOB_RUNNING && !h.m.job[i].far && is_meant(&h.m.job[i], &b, text, tag);
	want = bulk_model(&b, text, tag);
	say("\n");
	assert_int_equal(count, want);
	if (dry)
		assert_int_equal(dry_count, want);
	assert_int_equal(told_to_end, marked);
	assert_int_equal(h.nheard, b.act == STORE_ACT_DELETE ? 0 : want - marked);
}

/* --- a list of those that a filter means, page by page --- */

static struct { struct job_id id[2 * M_JOBS]; unsigned n; } listed;

static bool list_one(void *arg, struct job_id id)
{
	(void)arg;
	assert_true(listed.n < 2 * M_JOBS);
	listed.id[listed.n++] = id;
	return true;
}

void check_list(void)
{
	struct store_cursor at = { .part = 0 };
	struct store_filter f;
	const char *text;
	unsigned n = 0;
	char tag;

	choose_filter(&f, &text, &tag);
	f.states = dice(3) == 0 ? 0 : dice(3) == 0 ? FINAL_BAD : 1u << (1 + dice(JOB_STATES - 1));
	listed.n = 0;
	for (unsigned i = 0; at.part != STORE_CURSOR_END; i++) {
		assert_true(i < 1000);
		assert_int_equal(store_list(h.f->reader, &f, 1 + dice(6), &at, list_one, NULL), STORE_OK);
	}
	for (unsigned i = 0; i < h.m.n; i++)
		n += fits(&h.m.job[i], &f, text, tag);
	assert_int_equal(listed.n, n);
	for (unsigned i = 0; i < listed.n; i++) {
		const struct mjob *j = model_of(listed.id[i]);
		assert_true(j && fits(j, &f, text, tag));
		if (i > 0 && f.states == 0)     /* the newest first */
			assert_true(memcmp(&listed.id[i - 1], &listed.id[i], sizeof(listed.id[0])) > 0);
		for (unsigned k = 0; k < i; k++)
			assert_false(same_id(listed.id[k], listed.id[i]));
	}
}

/* --- a queue --- */

void op_pause(void)
{
	unsigned q = dice(QUEUES);
	bool pause = dice(3) == 0;

	say("%s %s\n", pause ? "pause" : "resume", queue_names[q]);
	assert_int_equal(store_pause(h.f->store, text_of(queue_names[q]), pause), STORE_OK);
	h.m.paused[q] = pause;
	heard_none();
}
