/* A disk that fails when it is asked to sync. fsync(2) and fdatasync(2) answer EIO for every file whose path begins with what stands
 * in the file that FAIL_SYNC names, as long as that one is there. Loaded before libc by `failing_sync.rs`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(int fd)
{
	char begin[4096], link[64], path[4096];
	const char *order = getenv("FAIL_SYNC");
	int file = order ? open(order, O_RDONLY | O_CLOEXEC) : -1;
	if (file < 0)
		return 0;
	ssize_t n_begin = read(file, begin, sizeof(begin));
	close(file);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n_path = readlink(link, path, sizeof(path));
	if (n_begin <= 0 || n_path < n_begin || memcmp(path, begin, (size_t)n_begin) != 0)
		return 0;
	errno = EIO;
	return 1;
}

int fsync(int fd)
{
	return fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
