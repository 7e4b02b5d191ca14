/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Locks between processes (flock). The kernel drops one when its holder closes the descriptor or
 * dies, however it dies: nothing is ever left locked.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Waits for the lock without a limit; close(fd) unlocks. 0 or a negative errno. */
int stoq_lock_take(int fd);

/* Whether another process, or another descriptor, has the lock. It is shared until close(fd). */
bool stoq_lock_is_taken(int fd);

/*
 * Waits for the lock on an open file or folder, which path names in errors; close(fd) unlocks.
 * -ETIMEDOUT: another process has had it for wait_ns.
 */
int stoq_lock_wait(int fd, const char *path, uint64_t wait_ns, struct stoq_error *error);
