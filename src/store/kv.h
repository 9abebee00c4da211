/* What the embedded engine asks of an ordered key-value store: transactions, byte-ordered tables. Two stand behind it: LMDB (lmdb_*.c) and memory (mem_kv.c, for the tests).
 * Bytes handed out stay valid until the next change of the same table in the same transaction, at most until its end. */
#ifndef STINT_STORE_KV_H
#define STINT_STORE_KV_H

#include "store/store.h"

enum kv_table {
	KV_META,        /* "head" -> the store's head */
	KV_JOB,         /* id -> record_job */
	KV_SPEC,        /* id -> record_spec, without a payload that is too long for a row */
	KV_BLOB,        /* blob u64, row u32 -> up to KV_BLOB_ROW bytes, crc u32 */
	KV_READY,       /* lane u32, sortkey u64, id -> nothing */
	KV_DUE,         /* wall_ms u64, id -> nothing */
	KV_LEASE,       /* epoch u64, slot u32, grant_seq u64 -> id, token, incarnation */
	KV_FINAL,       /* class u8, finished_ms u64, id -> nothing */
	KV_ATTEMPT,     /* id, lease token u64 -> record_attempt: those that did not simply succeed. By token, since a job retried by hand counts its attempts anew */
	KV_NOTE,        /* id, wall_us u64, event u8 -> attempt u32, text */
	KV_RESULT,      /* id -> inline bytes, crc u32 */
	KV_PROGRESS,    /* id -> percent i32, attempt u32, wall_ms i64, text: the last that was said */
	KV_COUNT,       /* kind u8, name -> a tally */
	KV_LANE,        /* lane u32 -> alone u8, type length u16, type, queue */
	KV_TOKEN,       /* request slot u32 -> epoch u64, sequence u64 */
	KV_STAGE,       /* epoch u64, blob u64 -> incarnation u32, slot u32, length u64; epoch 0: to be swept */
	KV_IDEM,        /* number u64 -> idempotency key, job id, fingerprint, when, crc: a log (idem.c) */
	KV_UNIQUE,      /* hash of type and unique key, 16 bytes -> id of the live job that holds it */
	KV_PARENT,      /* child id, number u16 -> parent id: what it was said to depend on */
	KV_CHILD,       /* parent id, child id -> nothing: the child waits, and the parent has not ended or has not been told on */
	KV_WAITING,     /* child id -> open parents u32 */
	KV_SPREAD,      /* parent id -> state u8 that it ended in: its children are to be told */
	KV_SCHEDULE,    /* name -> upto_ms u64, run_ms u64, id, print u32, reserved u32, crc u32 */
	KV_EXPIRY,      /* wall_ms u64, id -> nothing: jobs with an expires_at, while they wait in whatever state */
	KV_REMOTE,      /* epoch u64, boot_ms u64 of its end, token u64 -> id, lease_ms u64, worker's name: leases of remote workers */
	KV_LINE,        /* type u32, hash of a key 12 bytes, class u8, arrival u64 -> holders u64 and a crc, or the job's id (keyed.c) */
	KV_TABLES
};
extern const char *const kv_table_names[KV_TABLES];

#define KV_BLOB_ROW 2000u       /* two fill a page; longer values would go to overflow pages */
#define KV_KEY_MAX 511

struct kv_bytes { const void *p; size_t n; };

struct kv;
struct kv_txn;

struct kv_ops {
	enum store_rc (*begin)(struct kv *kv, bool write, struct kv_txn **txn);
	enum store_rc (*commit)(struct kv_txn *txn);    /* the transaction is over whatever is returned */
	void (*abort)(struct kv_txn *txn);
	enum store_rc (*get)(struct kv_txn *txn, enum kv_table t, struct kv_bytes key, struct kv_bytes *value);         /* STORE_NOT_FOUND */
	enum store_rc (*put)(struct kv_txn *txn, enum kv_table t, struct kv_bytes key, struct kv_bytes value);
	enum store_rc (*del)(struct kv_txn *txn, enum kv_table t, struct kv_bytes key);                                 /* STORE_NOT_FOUND */
	enum store_rc (*seek)(struct kv_txn *txn, enum kv_table t, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value);        /* the first >= key */
	enum store_rc (*before)(struct kv_txn *txn, enum kv_table t, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value);      /* the last < key; key.n 0: the last of all */
	void (*usage)(struct kv *kv, uint64_t *used, uint64_t *limit);
	bool (*housekeep)(struct kv *kv);       /* false: its files are not where they were opened */
	void (*close)(struct kv *kv);
};

struct kv { const struct kv_ops *ops; };

struct kv *lmdb_open_writer(const char *path, uint64_t map_size, enum store_rc *rc, char *why, size_t why_size);
enum store_rc lmdb_check_place(const char *path, char *why, size_t why_size);
struct kv *lmdb_open_reader(const char *path, uint64_t map_size, enum store_rc *rc, char *why, size_t why_size);
struct kv *mem_kv_open(void);

#endif
