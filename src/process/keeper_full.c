/* When the store cannot be written: what is refused, what waits, and how it all goes on by itself. Called by keeper_batch.c and keeper.c.
 * Fatal: an I/O error that is not a full disk, since then nobody knows what was committed (exit 70: a successor opens the store anew and finds out). */
#include "process/keeper.h"

#include <string.h>

#include "os/clock.h"
#include "os/files.h"
#include "os/log.h"

#define PAUSE_NS 200000000LL            /* between tries */
#define SUBMIT_PERCENT 85               /* of the map: submissions are refused beyond, the rest is reserve */
#define RESULT_PERCENT 92               /* long results wait beyond */
#define TINY_DISK (16LL << 20)          /* an I/O error with less than this free is a full disk */
#define USAGE_NS 10000000000LL           /* between two looks at the free pages */
#define USAGE_FULL_NS 200000000LL       /* where there are too few */

/* An I/O error of a commit with next to no room on the disk is a full disk: LMDB says EIO for a short write. After any other the outcome is unknown, and so it is where the environment is
 * so broken that no batch can be begun (STORE_BUSY). */
enum store_rc keeper_judge(struct keeper *k, enum store_rc rc)
{
	if (rc != STORE_IO && rc != STORE_BUSY)
		return rc;
	long long left = disk_free(k->conf->store.path);
	if (rc == STORE_IO && left >= 0 && left < TINY_DISK)
		return STORE_NO_SPACE;
	log_error("the store in %s cannot be written (I/O error): opening it anew", k->conf->store.path);
	child_exit(k->p, 70);
}

static void block(struct keeper *k, enum store_rc rc)
{
	if (shm_counter(k->me, SHM_C_STORE_REFUSING) != 2)
		log_error("the store in %s cannot be written: %s; what is posted waits", k->conf->store.path, store_rc_text(rc));
	shm_gauge(k->me, SHM_C_STORE_REFUSING, 2);
	k->blocked_until_ns = clock_boot_ns() + PAUSE_NS;
}

void keeper_unblock(struct keeper *k)
{
	if (shm_counter(k->me, SHM_C_STORE_REFUSING) == 2)
		log_info("the store can be written again");
	k->blocked_until_ns = 0;
	k->pace = k->pace * 2 < KEEPER_SWEEP ? k->pace * 2 : KEEPER_SWEEP;
	shm_gauge(k->me, SHM_C_STORE_REFUSING, k->refusing ? 1 : 0);
}

/* One request in a transaction of its own. An operation that fails for a reason of its own gets that for its answer and the others go on. A submission that finds no room is told so; a
 * worker's request waits: its jobs have run. STORE_OK: it is answered. */
static enum store_rc alone(struct keeper *k, uint32_t i)
{
	struct shm_request *r = k->posted[i];
	enum store_rc rc;

	for (;;) {
		rc = keeper_judge(k, keeper_transaction(k, i, 1, KEEPER_REQUESTS));
		if (rc == STORE_OK || rc == STORE_NO_SPACE || k->failed_op == KEEPER_NO_OP)
			break;
		shm_count(k->me, SHM_C_COMMIT_FAILURES, 1);
		log_error("an operation of slot %u was refused: %s", request_owner(k->seg, r), store_rc_text(rc));
		k->skip[k->failed_op] = (uint8_t)rc;
	}
	memset(k->skip, 0, KEEPER_OPS_MAX);
	if (rc != STORE_OK) {
		shm_count(k->me, SHM_C_COMMIT_FAILURES, 1);
		if (keeper_of_worker(k, r) || k->check_tokens)
			return rc;
		log_error("a request of slot %u was refused: %s", request_owner(k->seg, r), store_rc_text(rc));
		keeper_apply(k, r, rc);         /* nothing was stored, so no token is needed */
	}
	keeper_publish(k, i, 1);
	return STORE_OK;
}

void keeper_failed(struct keeper *k, enum store_rc rc)
{
	enum store_rc waits = STORE_OK;

	k->pace = k->pace / 4 ? k->pace / 4 : 1;
	shm_count(k->me, SHM_C_COMMIT_FAILURES, 1);
	rc = keeper_judge(k, rc);
	for (uint32_t i = 0; i < k->nposted; i++) {
		enum store_rc one = alone(k, i);
		waits = one == STORE_OK ? waits : one;
	}
	if (waits == STORE_OK) {
		/* what time brings, and the claims, without the requests */
		waits = keeper_judge(k, keeper_transaction(k, 0, 0, KEEPER_ALL));
		if (waits == STORE_OK) {
			keeper_tell_cancels(k);
			keeper_publish_grants(k);
			keeper_free_slots(k);
			k->ticked = false;
			return;
		}
	}
	/* a full map is made less so by ended jobs that are past their time, and only by them */
	if (waits == STORE_NO_SPACE) {
		keeper_judge(k, keeper_transaction(k, 0, 0, KEEPER_TOUCH));
		keeper_judge(k, keeper_transaction(k, 0, 0, KEEPER_ROOM));
	}
	block(k, waits);
}

static void refuse(struct keeper *k, bool refusing)
{
	if (refusing == k->refusing)
		return;
	k->refusing = refusing;
	log_warn(refusing ? "submissions are refused: %s" : "submissions are taken again%s", refusing ?
		(k->map_full ? "the store is near its map_size" : "less than min_free is left on the store's disk") : "");
}

/* Submissions leave the map its reserve, in which what runs can end and what is over can be removed; long results leave a part of that. Counting pages takes a walk over the free ones, so it is
 * done every few seconds, or when what was stored since may have used up the room that was found. */
void keeper_look_at_room(struct keeper *k)
{
	int64_t now = clock_boot_ns(), age = now - k->usage_ns;
	uint64_t used, limit;

	if (k->usage_ns && age < USAGE_NS && (k->submit_room > 0 || (k->map_full && age < USAGE_FULL_NS)))
		return;
	k->usage_ns = now;
	store_usage(k->store, &used, &limit);
	shm_gauge(k->me, SHM_C_STORE_USED, used);
	k->submit_room = (int64_t)(limit / 100 * SUBMIT_PERCENT) - (int64_t)used;
	k->result_room = (int64_t)(limit / 100 * RESULT_PERCENT) - (int64_t)used;
	k->map_full = k->submit_room <= 0;
	if (k->map_full)
		refuse(k, true);
}

/* Generous: rows in half-empty pages, the copies of changed pages. */
void keeper_spend(struct keeper *k, size_t bytes)
{
	int64_t most = (int64_t)bytes * 4 + 2400;

	k->submit_room -= most;
	k->result_room -= most;
}

void keeper_housekeep(struct keeper *k)
{
	long long left = disk_free(k->conf->store.path);

	store_housekeep(k->store);
	keeper_look_at_room(k);
	if (left >= 0)
		shm_gauge(k->me, SHM_C_STORE_FREE, (uint64_t)left);
	refuse(k, k->map_full || (left >= 0 && (uint64_t)left < k->conf->store.min_free));
	if (shm_counter(k->me, SHM_C_STORE_REFUSING) != 2)
		shm_gauge(k->me, SHM_C_STORE_REFUSING, k->refusing ? 1 : 0);
}
