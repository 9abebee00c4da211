/* The file of a time zone, by the zone's name. What the bytes mean is job/tzif's to say. */
#ifndef STINT_OS_ZONE_FILE_H
#define STINT_OS_ZONE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#define ZONE_FILE_MAX 65536     /* bytes; the largest zone has 4,000 */

/* Reads the zone `name`, as "Europe/Berlin", from under `dir` (NULL or "": $TZDIR, and without that /usr/share/zoneinfo). "UTC" is known without any
 * file. Returns how many bytes there are; -1 where there is no such zone, with a sentence in why that names it and, where it can be guessed, the
 * right one. Names that lead out of the directory are refused. */
ssize_t zone_file_read(const char *dir, const char *name, unsigned char out[ZONE_FILE_MAX], char *why, size_t why_size);

#endif
