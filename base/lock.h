/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Locks between processes (flock). The kernel drops one when its holder closes the descriptor or
 * dies, however it dies: nothing is ever left locked.
 */
#include <stdint.h>

#include "base/error.h"

/*
 * Waits for the lock on an open file or folder, which path names in errors; close(fd) unlocks.
 * -ETIMEDOUT: somebody else has had it for wait_ns.
 */
int stoq_lock_wait(int fd, const char *path, uint64_t wait_ns, struct stoq_error *error);
