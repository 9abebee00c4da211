/* The digests against the vectors of FIPS 180-4 and RFC 4231, and the comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "os/crypto.h"

static void hex(const uint8_t *p, char out[65])
{
	for (unsigned i = 0; i < CRYPTO_SHA256_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void test_sha256(void **state)
{
	static const struct { const char *text, *digest; } cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t out[CRYPTO_SHA256_BYTES];
	char text[65], why[200] = "";

	(void)state;
	if (!crypto_ready(why, sizeof(why)))
		fail_msg("%s", why);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(crypto_sha256(cases[i].text, strlen(cases[i].text), out));
		hex(out, text);
		assert_string_equal(text, cases[i].digest);
	}
}

static void test_hmac(void **state)
{
	uint8_t out[CRYPTO_SHA256_BYTES], key[131];
	char text[65];

	(void)state;
	assert_true(crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out));
	hex(out, text);
	assert_string_equal(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	assert_true(crypto_hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, out));
	hex(out, text);
	assert_string_equal(text, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(crypto_equal("abc", "abd", 2));
	assert_false(crypto_equal("abc", "abd", 3));
	assert_false(crypto_equal("xbc", "abc", 3));
	assert_true(crypto_equal("", "", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sha256), cmocka_unit_test(test_hmac), cmocka_unit_test(test_equal) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
