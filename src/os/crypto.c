/* Loads libcrypto and calls the four functions of it that are needed. See the header for who calls. Nothing is fatal. */
#include "os/crypto.h"

#include <limits.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "os/library.h"

#define FUNCTIONS(F) F(EVP_Digest) F(EVP_sha256) F(HMAC)

static struct { FUNCTIONS(LIBRARY_MEMBER) } lib;
static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ENTRY) };

bool crypto_ready(char *why, size_t size)
{
	static const struct library libcrypto = { "libcrypto.so.3", "OpenSSL", "libssl3", "OpenSSL 3", functions, sizeof(functions) / sizeof(functions[0]) };
	static bool loaded;

	loaded = loaded || library_load(&libcrypto, why, size);
	return loaded;
}

bool crypto_sha256(const void *p, size_t n, uint8_t out[CRYPTO_SHA256_BYTES])
{
	char why[200];
	unsigned len = CRYPTO_SHA256_BYTES;

	return crypto_ready(why, sizeof(why)) && lib.EVP_Digest(p, n, out, &len, lib.EVP_sha256(), NULL) == 1;
}

bool crypto_hmac_sha256(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[CRYPTO_SHA256_BYTES])
{
	char why[200];
	unsigned len = CRYPTO_SHA256_BYTES;

	return key_len <= INT_MAX && crypto_ready(why, sizeof(why)) && lib.HMAC(lib.EVP_sha256(), key, (int)key_len, p, n, out, &len) != NULL;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differs = 0;

	for (size_t i = 0; i < n; i++)
		differs |= x[i] ^ y[i];
	return differs == 0;
}
