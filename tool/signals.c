// SPDX-License-Identifier: BSD-2-Clause
#include "tool/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/clock.h"

int tool_signals_open(bool resizing, struct stoq_error *error)
{
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	if (resizing)
		sigaddset(&signals, SIGWINCH);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return stoq_error_set(error, -errno, "cannot receive signals: %s", strerror(errno));
	return fd;
}

uint64_t tool_unix_offset_ns(void)
{
	return stoq_clock_unix_ns() - stoq_clock_now_ns();
}

uint64_t tool_now_ns(void)
{
	return stoq_clock_now_ns();
}
