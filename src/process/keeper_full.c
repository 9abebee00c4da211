/* When the store cannot be written: what is refused, what waits, and how it all goes on by itself. Called by keeper_batch.c and keeper.c.
 * Fatal: an I/O error that is not a full disk, since then nobody knows what was committed (exit 70: a successor opens the store anew and finds out). */
#include "process/keeper.h"

#include <string.h>

#include "os/clock.h"
#include "os/files.h"
#include "os/log.h"

#define PAUSE_NS 200000000LL            /* between tries */
#define FULL_PERCENT 85                 /* of the map: submissions are refused beyond, the rest is reserve */
#define RESULTS_PERCENT 95              /* and long results wait: what is left is for the ends of jobs, which make room */
#define DISK_RESERVE (1u << 20)         /* where min_free asks for less */
#define TINY_DISK (16LL << 20)          /* an I/O error with less than this free is a full disk */
#define USAGE_TICKS 10

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

/* That commits fail stands until one succeeds. */
static void show_refusal(struct keeper *k, bool committed)
{
	if (committed || shm_counter(k->me, SHM_C_STORE_REFUSING) != 2)
		shm_gauge(k->me, SHM_C_STORE_REFUSING, k->gone ? 3 : k->refusing ? 1 : 0);
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
	show_refusal(k, true);
}

static void refuse(struct keeper *k, bool refusing, bool map)
{
	if (refusing != k->refusing)
		log_warn(refusing ? "submissions are refused: %s" : "submissions are taken again%s", refusing ?
			(map ? "the store is near its map_size" : "less than min_free is left on the store's disk") : "");
	k->refusing = refusing;
	show_refusal(k, false);
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
	if (rc == STORE_NO_SPACE && keeper_of_worker(k, r)) {
		k->no_staging = true;
		rc = keeper_judge(k, keeper_transaction(k, i, 1, KEEPER_REQUESTS));
		k->no_staging = false;
	}
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
	if (rc == STORE_NO_SPACE) {
		k->denied = true;
		refuse(k, true, k->map_first);
	}
	for (uint32_t i = 0; i < k->nposted; i++) {
		if (keeper_look_due(k))
			keeper_look(k);
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
			k->ticked = k->clock_set = false;
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

static uint64_t beyond(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What must be free before submissions are taken again: the largest of them, lest small ones eat the room that it was refused for. But for a quarter of the map at most, which a store with
 * an outsized max_body might never have. */
static uint64_t enough(const struct keeper *k, uint64_t limit)
{
	uint64_t body = k->conf->http.max_body + k->conf->http.max_body / 8 + KEEPER_OPERATION_BYTES;

	if (body > limit / 4)
		body = limit / 4;
	return body > limit / 100 ? body : limit / 100;
}

/* Once refused it stays so for a tick, and until there is room for more than the next one: or every other submission would be taken, and the log told of each. */
static void look(struct keeper *k, bool ticked)
{
	long long left = disk_free(k->conf->store.path);
	uint64_t min = k->conf->store.min_free < DISK_RESERVE ? DISK_RESERVE : k->conf->store.min_free;
	uint64_t disk = left < 0 ? UINT64_MAX : beyond((uint64_t)left, min), used, limit;

	store_usage(k->store, &used, &limit);
	shm_gauge(k->me, SHM_C_STORE_USED, used);
	if (left >= 0)
		shm_gauge(k->me, SHM_C_STORE_FREE, (uint64_t)left);
	uint64_t map = beyond(limit / 100 * FULL_PERCENT, used);
	k->room = map < disk ? map : disk;
	k->room_all = beyond(limit / 100 * RESULTS_PERCENT, used);
	k->unlooked = 0;
	k->map_first = map <= disk;
	k->denied = false;
	refuse(k, k->room == 0 || (k->refusing && (!ticked || k->room < enough(k, limit) || disk < min / 8)), k->map_first);
}

void keeper_look(struct keeper *k)
{
	look(k, false);
}

bool keeper_look_due(const struct keeper *k)
{
	return k->denied || (k->unlooked > 0 && k->unlooked >= k->room / 4);
}

/* The guess is on the safe side, so that one batch cannot eat the reserve: jobs that run must be able to end. */
enum store_rc keeper_room_for(struct keeper *k, size_t bytes, bool submission)
{
	uint64_t cost = bytes + bytes / 8 + KEEPER_OPERATION_BYTES;

	if (submission && k->gone)
		return STORE_BUSY;
	if (submission ? k->refusing || k->unlooked + cost > k->room : k->no_staging || k->unlooked + cost > k->room_all) {
		if (submission) {
			/* who is answered 507 finds /readyz saying so */
			k->denied = true;
			refuse(k, true, k->map_first);
		}
		return STORE_NO_SPACE;
	}
	k->unlooked += cost;
	return STORE_OK;
}

static void look_for_files(struct keeper *k)
{
	bool gone = !store_housekeep(k->store);

	if (gone && !k->gone)
		log_error("the store is not in %s any more: it was moved or removed while it is in use. Submissions are refused until its files are back, or the server has been restarted",
			k->conf->store.path);
	else if (k->gone && !gone)
		log_info("the store is in %s again", k->conf->store.path);
	k->gone = gone;
	show_refusal(k, false);
}

void keeper_housekeep(struct keeper *k)
{
	long long left = disk_free(k->conf->store.path);
	uint64_t min = k->conf->store.min_free;

	look_for_files(k);
	/* the disk is others' too; the map is only looked at where somebody writes */
	if (k->ticks++ % USAGE_TICKS == 0 || k->refusing || keeper_look_due(k) || (left >= 0 && beyond((uint64_t)left, min) < k->room))
		look(k, true);
	else if (left >= 0)
		shm_gauge(k->me, SHM_C_STORE_FREE, (uint64_t)left);
}
