// SPDX-License-Identifier: BSD-2-Clause
#include "base/lock.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/clock.h"

#define TURN_NS 2000000

int stoq_lock_take(int fd)
{
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	return 0;
}

bool stoq_lock_is_taken(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

int stoq_lock_wait(int fd, const char *path, uint64_t wait_ns, struct stoq_error *error)
{
	const struct timespec turn = {.tv_nsec = TURN_NS};
	uint64_t end_ns = stoq_clock_now_ns() + wait_ns;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return stoq_error_set(
				error, -errno, "cannot lock %s: %s", path, strerror(errno));
		if (stoq_clock_now_ns() >= end_ns)
			return stoq_error_set(error, -ETIMEDOUT,
				"another process keeps %s locked (`lslocks` names it): wait until "
				"it is done, or end it; nothing was changed",
				path);
		nanosleep(&turn, NULL);
	}
	return 0;
}
