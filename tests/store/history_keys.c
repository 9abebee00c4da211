/* Keys of jobs, plainly: of one type and key no more run at once than its key_concurrency, and who waits for the key gets it by arrival. Called by the rules of history_model.c and after each transition. */
#include "tests/store/history.h"

#include "store/embedded.h"

#define LIVE (IN(JOB_QUEUED) | IN(JOB_RUNNING) | IN(JOB_RETRYING))

static uint64_t most_of(const struct mjob *j)
{
	return h.rules.limit[QUEUES + j->type].key_concurrency;
}

static bool same_key(const struct mjob *a, const struct mjob *b)
{
	return a->key && a->key == b->key && a->type == b->type;
}

unsigned running_of_key(const struct mjob *j)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h.m.n; i++)
		n += same_key(&h.m.job[i], j) && h.m.job[i].state == JOB_RUNNING;
	return n;
}

/* While lines are brought in agreement with a reload the type may rest as a whole. */
enum yes key_lets(const struct mjob *j)
{
	if (h.m.unsure[j->type])
		return MAYBE;
	return j->key && most_of(j) && !j->holds ? NO : YES;
}

void key_check_start(const struct mjob *j)
{
	if (!j->key || !most_of(j))
		return;
	assert_true(running_of_key(j) < most_of(j));
	covered(C_KEYED, j->state);
}

static unsigned holders(const struct mjob *of)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h.m.n; i++)
		n += same_key(&h.m.job[i], of) && h.m.job[i].holds;
	return n;
}

static struct mjob *first_of(const struct mjob *like, unsigned states)
{
	struct mjob *first = NULL;

	for (unsigned i = 0; i < h.m.n; i++) {
		struct mjob *j = &h.m.job[i];
		if (same_key(j, like) && (states & IN(j->state)) && !j->holds && (!first || j->arrival < first->arrival))
			first = j;
	}
	return first;
}

/* Who is to be given this key now. One by one in order of arrival means that nobody passes one that is to be tried again. */
static struct mjob *next_holder(const struct mjob *like)
{
	struct mjob *first = first_of(like, IN(JOB_QUEUED)), *rests = first_of(like, IN(JOB_RETRYING));

	if (!first || holders(like) >= most_of(like) || (most_of(like) == 1 && rests && rests->arrival < first->arrival))
		return NULL;
	return first;
}

/* --- after a reload: who has the key is as the store says, within the rules --- */

static void take_over(struct mjob *j)
{
	struct job in;

	assert_int_equal(job_load(h.f->store, j->id, &in), STORE_OK);
	j->holds = in.place == JOB_HOLDS;
	key_check_place(j, &in);
}

static void check_line(const struct mjob *like)
{
	const struct mjob *other = first_of(like, IN(JOB_QUEUED) | IN(JOB_RETRYING));

	assert_null(next_holder(like));
	for (unsigned i = 0; i < h.m.n; i++) {
		const struct mjob *j = &h.m.job[i];
		if (!same_key(j, like) || !j->holds || j->state != JOB_QUEUED)
			continue;
		assert_true(holders(like) <= most_of(like));
		assert_true(most_of(like) > 1 || !other || j->arrival < other->arrival);
	}
}

static void settle(unsigned type)
{
	h.m.unsure[type] = false;
	for (unsigned i = 0; i < h.m.n; i++)
		if (h.m.job[i].type == type && h.m.job[i].key)
			take_over(&h.m.job[i]);
	for (unsigned i = 0; i < h.m.n; i++)
		if (h.m.job[i].type == type && h.m.job[i].key && most_of(&h.m.job[i]))
			check_line(&h.m.job[i]);
}

/* --- after each transition --- */

void keys_look(void)
{
	struct mjob *next;

	for (unsigned i = 0; i < h.m.n; i++) {
		struct mjob *j = &h.m.job[i];
		if (!j->key)
			continue;
		if (!(LIVE & IN(j->state)))
			j->arrival = 0;
		else if (!j->arrival)
			j->arrival = ++h.m.arrivals;
		j->holds &= j->arrival && j->state != JOB_RETRYING && most_of(j);
	}
	for (unsigned i = 0; i < h.m.n; i++)
		while (h.m.job[i].key && most_of(&h.m.job[i]) && !h.m.unsure[h.m.job[i].type] && (next = next_holder(&h.m.job[i])))
			next->holds = true;
}

/* When the keeper has brought the lines in agreement with a reload. In a batch. */
void keys_settle(void)
{
	for (unsigned t = 0; t < TYPES && !store_has_lines(h.f->store); t++)
		if (h.m.unsure[t])
			settle(t);
}

void key_check_place(const struct mjob *j, const struct job *in)
{
	enum job_place want = !j->key || !most_of(j) || !(LIVE & IN(j->state)) ? JOB_FREE : j->holds ? JOB_HOLDS : j->state == JOB_RETRYING ? JOB_RESTS : JOB_LINED;

	if (h.m.unsure[j->type])
		return;
	assert_int_equal(in->place, want);
	assert_false(want == JOB_LINED && j->state == JOB_RUNNING);
	if (want != JOB_FREE)
		covered(want == JOB_HOLDS ? C_HOLDS : C_LINED, j->state);
}

void op_lines(void)
{
	bool stop = false;

	say("lines of keys\n");
	while (store_has_lines(h.f->store) && !stop) {
		for (unsigned i = 0; i < h.m.n; i++)
			if (h.m.unsure[h.m.job[i].type])
				covered(C_RELINED, h.m.job[i].state);
		assert_int_equal(store_lines(h.f->store, 1 + dice(6)), STORE_OK);
		stop = dice(6) == 0;
	}
	keys_settle();
	heard_none();
}
