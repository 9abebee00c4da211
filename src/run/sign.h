/* Signatures of the Standard Webhooks specification (symmetric, v1). */
#ifndef STINT_RUN_SIGN_H
#define STINT_RUN_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"

/* Appends "v1," and the base64 of HMAC-SHA256(key, ID.TIMESTAMP.BODY). False with the reason in `why` where libcrypto cannot be had. */
bool sign_webhook(struct slice key, const char *id, int64_t timestamp_s, struct slice body, struct buf *out, char *why, size_t why_size);

#endif
