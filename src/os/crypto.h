/* SHA-256 and HMAC of OpenSSL's libcrypto, loaded at the first call: linked in it would cost every process megabytes that most never use (doc/dependencies.md).
 * Called by the acceptor for tokens, by handlers that sign what they send, and by `stint token`. Nothing here is fatal: each call says whether it could be done. */
#ifndef STINT_OS_CRYPTO_H
#define STINT_OS_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRYPTO_SHA256_BYTES 32

/* Loads the library where that has not been done. False with a sentence in why; the next call tries again. */
bool crypto_ready(char *why, size_t why_size);
/* False where the library is not there. */
bool crypto_sha256(const void *p, size_t n, uint8_t out[CRYPTO_SHA256_BYTES]);
bool crypto_hmac_sha256(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[CRYPTO_SHA256_BYTES]);      /* RFC 2104; key_len up to INT_MAX */
/* Takes the same time whatever differs. Needs no library. */
bool crypto_equal(const void *a, const void *b, size_t n);

#endif
