/* Signs what is posted. Called by the http kind. Nothing is fatal. */
#include "run/sign.h"

#include <stdio.h>

#include "os/crypto.h"
#include "text/base64.h"

bool sign_webhook(struct slice key, const char *id, int64_t timestamp_s, struct slice body, struct buf *out, char *why, size_t why_size)
{
	uint8_t mac[CRYPTO_SHA256_BYTES];
	struct buf whole = { 0 };

	if (!crypto_ready(why, why_size))
		return false;
	buf_printf(&whole, "%s.%lld.", id, (long long)timestamp_s);
	buf_slice(&whole, body);
	bool made = !whole.failed && crypto_hmac_sha256(key.p, key.n, whole.data, whole.len, mac);
	if (made) {
		buf_str(out, "v1,");
		base64_put(out, mac, sizeof(mac));
	} else {
		snprintf(why, why_size, "cannot sign: %s", whole.failed ? "out of memory" : "OpenSSL does not compute an HMAC here");
	}
	buf_free(&whole);
	return made;
}
