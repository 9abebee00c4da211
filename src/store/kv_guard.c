/* A reader of a damaged store: whatever LMDB makes of a page that cannot be, and a page that is not there at all, is STORE_DAMAGED of that one call, and the next one goes on in a new transaction. For the repair alone, in a
 * process that has nothing else to lose: it catches SIGBUS, SIGSEGV and SIGABRT while the engine reads. Nobody writes the store meanwhile, so that what was read stays where it is. */
#include "store/kv_guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

static sigjmp_buf back;
static volatile sig_atomic_t armed;

struct guard { struct kv kv; struct kv *inner; };
struct kv_txn { struct guard *g; struct kv_txn *inner; };

static void caught(int sig)
{
	if (armed) {
		armed = 0;
		siglongjmp(back, sig);
	}
	signal(sig, SIG_DFL);           /* our own fault: it dies of it when it is met again */
}

static enum store_rc begin(struct kv *kv, bool write, struct kv_txn **out)
{
	struct guard *g = (struct guard *)(void *)kv;
	struct kv_txn *t = malloc(sizeof(*t));
	enum store_rc rc;

	if (!t)
		return STORE_NO_MEMORY;
	*t = (struct kv_txn){ .g = g };
	rc = write ? STORE_INVALID : g->inner->ops->begin(g->inner, false, &t->inner);
	if (rc != STORE_OK)
		free(t);
	else
		*out = t;
	return rc;
}

static void end(struct kv_txn *t)
{
	if (t->inner)
		t->g->inner->ops->abort(t->inner);
	free(t);
}

static enum store_rc commit(struct kv_txn *t)
{
	end(t);
	return STORE_OK;
}

/* LMDB's transaction is good for nothing after an error. */
static enum store_rc settled(struct kv_txn *t, enum store_rc rc)
{
	if (rc == STORE_OK || rc == STORE_NOT_FOUND)
		return rc;
	if (t->inner)
		t->g->inner->ops->abort(t->inner);
	t->inner = NULL;
	return t->g->inner->ops->begin(t->g->inner, false, &t->inner) == STORE_OK ? STORE_DAMAGED : STORE_IO;
}

#define GUARDED(t, call) \
	volatile enum store_rc rc = STORE_DAMAGED; \
	if (!(t)->inner) \
		return STORE_IO; \
	if (sigsetjmp(back, 1) == 0) { \
		armed = 1; \
		rc = (call); \
	} \
	armed = 0; \
	return settled(t, rc)

static enum store_rc get(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes *value)
{
	GUARDED(t, t->g->inner->ops->get(t->inner, table, key, value));
}

static enum store_rc seek(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value)
{
	GUARDED(t, t->g->inner->ops->seek(t->inner, table, key, found, value));
}

static enum store_rc before(struct kv_txn *t, enum kv_table table, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value)
{
	GUARDED(t, t->g->inner->ops->before(t->inner, table, key, found, value));
}

static void close_kv(struct kv *kv)
{
	struct guard *g = (struct guard *)(void *)kv;

	g->inner->ops->close(g->inner);
	free(g);
}

static const struct kv_ops guard_ops = { .begin = begin, .commit = commit, .abort = end, .get = get, .seek = seek, .before = before, .close = close_kv };

static void catch_all(void)
{
	struct sigaction sa = { .sa_handler = caught, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGABRT, &sa, NULL);  /* an assertion of LMDB's */
}

bool kv_guard_try(void (*fn)(void *arg), void *arg)
{
	volatile bool whole = false;

	catch_all();
	if (sigsetjmp(back, 1) == 0) {
		armed = 1;
		fn(arg);
		whole = true;
	}
	armed = 0;
	return whole;
}

struct kv *kv_guard(struct kv *inner)
{
	struct guard *g = malloc(sizeof(*g));

	if (!g)
		return NULL;
	*g = (struct guard){ { &guard_ops }, inner };
	catch_all();
	return &g->kv;
}
