/* Base64 (RFC 4648, 4): the plain alphabet, padded. */
#ifndef STINT_TEXT_BASE64_H
#define STINT_TEXT_BASE64_H

#include <stdbool.h>

#include "text/buf.h"

void base64_put(struct buf *out, const void *p, size_t n);
/* Appends what s stands for. False where it is not base64 to the letter: a foreign character, a length that is no multiple of four, bits set in the padding. */
bool base64_parse(struct slice s, struct buf *out);

#endif
