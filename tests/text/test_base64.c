/* Base64: the vectors of RFC 4648, every byte, and what is not base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "text/base64.h"

static const struct { const char *plain, *coded; } vectors[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	{ "\xff\xfe\xfb", "//77" }, { "\xfb\xef\xbe", "++++" },
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct buf there = { 0 }, back = { 0 };
		base64_put(&there, vectors[i].plain, strlen(vectors[i].plain));
		assert_string_equal(buf_cstr(&there), vectors[i].coded);
		assert_true(base64_parse(slice_of(vectors[i].coded), &back));
		assert_string_equal(buf_cstr(&back), vectors[i].plain);
		buf_free(&there);
		buf_free(&back);
	}
}

static void test_all_bytes(void **state)
{
	unsigned char all[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)(255 - i);
	for (size_t n = 0; n <= sizeof(all); n++) {
		struct buf there = { 0 }, back = { 0 };
		base64_put(&there, all, n);
		assert_int_equal(there.len, (n + 2) / 3 * 4);
		assert_true(base64_parse((struct slice){ there.data, there.len }, &back));
		assert_int_equal(back.len, n);
		assert_memory_equal(n ? back.data : "", all, n);
		buf_free(&there);
		buf_free(&back);
	}
}

static void test_not_base64(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zg==Zg==", "Zm9=", "Zh==", "Zm9v\n", "Zm-v", "Zm_v", "Zm 9", "=m9v", "Zm=v", "Zm9vZ", "\xc3\xa9\xc3\xa9" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf out = { 0 };
		if (base64_parse(slice_of(bad[i]), &out))
			fail_msg("taken: %s", bad[i]);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors), cmocka_unit_test(test_all_bytes), cmocka_unit_test(test_not_base64) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
