/* Makes the sealed file that a handler reads its payload from. A pipe could block us or be cut short; this cannot. Used by the exec kind. */
#include "run/stdin.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Some systems refuse files in memory that could be executed; kernels before 6.3 do not know the flag. */
static int open_memory(void)
{
	static unsigned noexec = MFD_NOEXEC_SEAL;
	int fd = memfd_create("payload", MFD_CLOEXEC | MFD_ALLOW_SEALING | noexec);

	if (fd < 0 && errno == EINVAL && noexec) {
		noexec = 0;
		fd = memfd_create("payload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	}
	return fd;
}

int stdin_make(const void *p, size_t n)
{
	int fd = open_memory(), saved;

	if (fd < 0)
		return -1;
	for (size_t at = 0; at < n;) {
		ssize_t w = pwrite(fd, (const char *)p + at, n - at, (off_t)at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			goto fail;
		at += (size_t)w;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		goto fail;
	return fd;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}
