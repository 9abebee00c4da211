/* A file whose path may lead through directories of users less privileged than the caller. */
#ifndef STINT_OS_TRUSTED_H
#define STINT_OS_TRUSTED_H

#include <sys/types.h>

/* As open(2), but a symbolic link anywhere in the path is followed only where it is root's or that of `trust`: ELOOP otherwise. EMLINK: a file of root's that has another name
 * besides, which anybody may have given it. */
int trusted_open(const char *path, int flags, mode_t mode, uid_t trust);

#endif
