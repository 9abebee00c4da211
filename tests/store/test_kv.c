/* What the embedded store takes for granted of an ordered key-value engine, over LMDB and over memory: order, seeking either way, and that an abort has changed nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/kv.h"
#include "tests/os/scratch.h"

static struct kv *kv;
static struct kv_txn *txn;
static uint64_t seed;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

static int setup_memory(void **state)
{
	kv = mem_kv_open();
	return scratch_setup(state) || !kv;
}

static int setup_lmdb(void **state)
{
	enum store_rc rc;
	char why[512];

	if (scratch_setup(state) != 0)
		return -1;
	kv = lmdb_open_writer(scratch_dir, 64u << 20, &rc, why, sizeof(why));
	return !kv;
}

static int teardown(void **state)
{
	kv->ops->close(kv);
	return scratch_teardown(state);
}

/* --- short verbs --- */

static struct kv_bytes text(const char *s)
{
	return (struct kv_bytes){ s, strlen(s) };
}

static void begin(void)
{
	assert_int_equal(kv->ops->begin(kv, true, &txn), STORE_OK);
}

static void commit(void)
{
	assert_int_equal(kv->ops->commit(txn), STORE_OK);
}

static void put(const char *k, const char *v)
{
	assert_int_equal(kv->ops->put(txn, KV_JOB, text(k), text(v)), STORE_OK);
}

static bool is(struct kv_bytes b, const char *s)
{
	return b.n == strlen(s) && memcmp(b.p, s, b.n) == 0;
}

/* The key that is found, or "none". */
static const char *seek(const char *k)
{
	static char found[600];
	struct kv_bytes f, v;
	enum store_rc rc = kv->ops->seek(txn, KV_JOB, text(k), &f, &v);

	if (rc == STORE_NOT_FOUND)
		return "none";
	assert_int_equal(rc, STORE_OK);
	snprintf(found, sizeof(found), "%.*s", (int)f.n, (const char *)f.p);
	return found;
}

static const char *before(const char *k)
{
	static char found[600];
	struct kv_bytes f, v;
	enum store_rc rc = kv->ops->before(txn, KV_JOB, text(k), &f, &v);

	if (rc == STORE_NOT_FOUND)
		return "none";
	assert_int_equal(rc, STORE_OK);
	snprintf(found, sizeof(found), "%.*s", (int)f.n, (const char *)f.p);
	return found;
}

/* --- tests --- */

static void test_an_empty_table(void **state)
{
	struct kv_bytes v;

	(void)state;
	begin();
	assert_int_equal(kv->ops->get(txn, KV_JOB, text("a"), &v), STORE_NOT_FOUND);
	assert_int_equal(kv->ops->del(txn, KV_JOB, text("a")), STORE_NOT_FOUND);
	assert_string_equal(seek(""), "none");
	assert_string_equal(seek("a"), "none");
	assert_string_equal(before(""), "none");
	assert_string_equal(before("a"), "none");
	put("a", "1");
	assert_int_equal(kv->ops->get(txn, KV_SPEC, text("a"), &v), STORE_NOT_FOUND);   /* tables know nothing of each other */
	assert_int_equal(kv->ops->del(txn, KV_JOB, text("a")), STORE_OK);
	assert_string_equal(seek(""), "none");
	commit();
}

static void test_order_is_of_bytes(void **state)
{
	static const char *const keys[] = { "b", "a", "ab", "\xff", "aa\x01", "B", "aa" };
	static const char *const order[] = { "B", "a", "aa", "aa\x01", "ab", "b", "\xff" };
	char at[40] = "";

	(void)state;
	begin();
	for (size_t i = 0; i < 7; i++)
		put(keys[i], "");
	commit();
	begin();
	for (size_t i = 0; i < 7; i++) {
		assert_string_equal(seek(at), order[i]);
		snprintf(at, sizeof(at), "%s\x01", order[i]);          /* what could come next at the earliest */
	}
	assert_string_equal(seek("\xff\xff"), "none");
	strcpy(at, "");
	for (size_t i = 7; i-- > 0; strcpy(at, order[i]))
		assert_string_equal(before(at), order[i]);
	assert_string_equal(before("B"), "none");
	assert_string_equal(before("A"), "none");
	assert_string_equal(before("aaa"), "aa\x01");
	commit();
}

static void test_values(void **state)
{
	static char longest[KV_KEY_MAX + 1], big[3 * 4096];
	struct kv_bytes v, key = { longest, KV_KEY_MAX };

	(void)state;
	memset(longest, 'k', sizeof(longest));
	memset(big, 'v', sizeof(big));
	begin();
	put("a", "first");
	put("a", "and now something longer");
	put("empty", "");
	assert_int_equal(kv->ops->put(txn, KV_JOB, key, (struct kv_bytes){ big, sizeof(big) }), STORE_OK);
	commit();
	begin();
	assert_int_equal(kv->ops->get(txn, KV_JOB, text("a"), &v), STORE_OK);
	assert_true(is(v, "and now something longer"));
	assert_int_equal(kv->ops->get(txn, KV_JOB, text("empty"), &v), STORE_OK);
	assert_int_equal(v.n, 0);
	assert_int_equal(kv->ops->get(txn, KV_JOB, key, &v), STORE_OK);
	assert_int_equal(v.n, sizeof(big));
	assert_memory_equal(v.p, big, sizeof(big));
	key.n++;
	assert_int_not_equal(kv->ops->put(txn, KV_JOB, key, text("x")), STORE_OK);
	kv->ops->abort(txn);
}

static void test_an_abort_has_changed_nothing(void **state)
{
	struct kv_bytes v;

	(void)state;
	begin();
	put("kept", "1");
	put("changed", "1");
	put("deleted", "1");
	commit();
	begin();
	put("changed", "2");
	put("changed", "3");
	assert_int_equal(kv->ops->del(txn, KV_JOB, text("deleted")), STORE_OK);
	put("deleted", "again");
	assert_int_equal(kv->ops->del(txn, KV_JOB, text("deleted")), STORE_OK);
	put("new", "1");
	assert_int_equal(kv->ops->del(txn, KV_JOB, text("new")), STORE_OK);
	put("new", "2");
	kv->ops->abort(txn);
	begin();
	assert_string_equal(seek(""), "changed");
	assert_string_equal(seek("changee"), "deleted");
	assert_string_equal(seek("deletee"), "kept");
	assert_string_equal(seek("kepu"), "none");
	assert_int_equal(kv->ops->get(txn, KV_JOB, text("changed"), &v), STORE_OK);
	assert_true(is(v, "1"));
	assert_int_equal(kv->ops->get(txn, KV_JOB, text("deleted"), &v), STORE_OK);
	assert_true(is(v, "1"));
	commit();
}

/* Walking and deleting what is found: how leases, due jobs and blobs are worked off. */
static void test_deleting_while_walking(void **state)
{
	char k[40];

	(void)state;
	begin();
	for (int i = 0; i < 2000; i++) {
		snprintf(k, sizeof(k), "%04d", i);
		put(k, "some value that makes the pages fill");
	}
	commit();
	begin();
	for (int i = 0; i < 2000; i += 2) {
		snprintf(k, sizeof(k), "%04d", i);
		assert_string_equal(seek(k), k);
		assert_int_equal(kv->ops->del(txn, KV_JOB, text(k)), STORE_OK);
	}
	for (int i = 1; i < 1999; i += 2) {
		char next[40];
		snprintf(k, sizeof(k), "%04d", i);
		snprintf(next, sizeof(next), "%04d", i + 2);
		assert_string_equal(before(next), k);
		assert_int_equal(kv->ops->del(txn, KV_JOB, text(k)), STORE_OK);
		assert_string_equal(seek(""), next);
	}
	assert_string_equal(before(""), "1999");
	commit();
}

static void test_usage_grows_and_shrinks(void **state)
{
	static char big[1000];
	uint64_t empty, full, after, limit;
	char k[40];

	(void)state;
	kv->ops->usage(kv, &empty, &limit);
	for (int i = 0; i < 10; i++) {
		begin();
		for (int n = 0; n < 100; n++) {
			snprintf(k, sizeof(k), "%d.%02d", i, n);
			assert_int_equal(kv->ops->put(txn, KV_JOB, text(k), (struct kv_bytes){ big, sizeof(big) }), STORE_OK);
		}
		commit();
	}
	kv->ops->usage(kv, &full, &limit);
	assert_true(full - empty >= 1000 * sizeof(big));
	for (int i = 0; i < 10; i++) {
		begin();
		for (int n = 0; n < 100; n++) {
			snprintf(k, sizeof(k), "%d.%02d", i, n);
			assert_int_equal(kv->ops->del(txn, KV_JOB, text(k)), STORE_OK);
		}
		commit();
	}
	kv->ops->usage(kv, &after, &limit);
	assert_true(after - empty < 100 * sizeof(big));         /* free pages are not in use */
}

/* --- against a plain array --- */

#define KEYS 300

static struct { bool there; uint32_t value; } model[KEYS], saved[KEYS];

static struct kv_bytes key_of(uint32_t i, char to[40])
{
	return (struct kv_bytes){ to, (size_t)snprintf(to, 8, "%05u", i * 3) };         /* gaps, to seek into */
}

static int first_from(int i)
{
	while (i < KEYS && !model[i].there)
		i++;
	return i;
}

static int last_before(int i)
{
	while (--i >= 0 && !model[i].there)
		;
	return i;
}

static void check_found(enum store_rc rc, struct kv_bytes found, struct kv_bytes v, int want)
{
	char k[40];

	assert_int_equal(rc, want < 0 || want >= KEYS ? STORE_NOT_FOUND : STORE_OK);
	if (rc != STORE_OK)
		return;
	struct kv_bytes w = key_of((uint32_t)want, k);
	assert_true(found.n == w.n && memcmp(found.p, w.p, w.n) == 0);
	assert_int_equal(v.n, 4 + model[want].value % 900);
	assert_memory_equal(v.p, &model[want].value, 4);
}

static void one_change(void)
{
	static char bytes[1000];
	uint32_t i = dice(KEYS);
	struct kv_bytes found, v;
	char k[40], between[8];

	switch (dice(6)) {
	case 0:
	case 1:
		model[i].value = dice(1u << 30);
		memcpy(bytes, &model[i].value, 4);
		assert_int_equal(kv->ops->put(txn, KV_JOB, key_of(i, k), (struct kv_bytes){ bytes, 4 + model[i].value % 900 }), STORE_OK);
		model[i].there = true;
		break;
	case 2:
		assert_int_equal(kv->ops->del(txn, KV_JOB, key_of(i, k)), model[i].there ? STORE_OK : STORE_NOT_FOUND);
		model[i].there = false;
		break;
	case 3:
		assert_int_equal(kv->ops->get(txn, KV_JOB, key_of(i, k), &v), model[i].there ? STORE_OK : STORE_NOT_FOUND);
		break;
	case 4:
		snprintf(between, sizeof(between), "%05u", i * 3 - (i && dice(2)));
		check_found(kv->ops->seek(txn, KV_JOB, text(between), &found, &v), found, v, first_from((int)i));
		break;
	default:
		snprintf(between, sizeof(between), "%05u", i * 3 - (i && dice(2)));
		check_found(kv->ops->before(txn, KV_JOB, text(between), &found, &v), found, v, last_before((int)i));
	}
}

static void test_random_changes(void **state)
{
	(void)state;
	memset(model, 0, sizeof(model));
	for (unsigned batch = 0; batch < 150; batch++) {
		memcpy(saved, model, sizeof(model));
		begin();
		for (unsigned i = dice(300); i-- > 0;)
			one_change();
		if (dice(3)) {
			commit();
		} else {
			kv->ops->abort(txn);
			memcpy(model, saved, sizeof(model));
		}
	}
}

#define BOTH(t) { "memory: " #t, t, setup_memory, teardown, NULL }, { "lmdb: " #t, t, setup_lmdb, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_an_empty_table),
		BOTH(test_order_is_of_bytes),
		BOTH(test_values),
		BOTH(test_an_abort_has_changed_nothing),
		BOTH(test_deleting_while_walking),
		BOTH(test_usage_grows_and_shrinks),
		BOTH(test_random_changes),
	};
	const char *given = getenv("STINT_TEST_SEED");

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	print_message("# STINT_TEST_SEED=%" PRIu64 "\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
