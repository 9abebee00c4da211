/* The bytes of a compiled time zone: TZif, RFC 8536, versions 1 to 4, as in /usr/share/zoneinfo. Pure. */
#ifndef STINT_JOB_TZIF_H
#define STINT_JOB_TZIF_H

#include <stdbool.h>
#include <stddef.h>

#include "job/zone.h"

/* Fills *out from p[0..n). False where these are not the bytes of a zone that can be used; why then says so in a phrase about the file
 * ("it is cut short ..."), and *out is not to be used. */
bool tzif_parse(const void *p, size_t n, struct zone *out, char *why, size_t why_size);

#endif
