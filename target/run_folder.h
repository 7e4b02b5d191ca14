/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The folders below /run/stoq: one per target, private; and the lock on all of them. */
#include <stdbool.h>

#include "base/error.h"

/*
 * Opens the run base, waits for its lock and gives the descriptor that holds it: close it to
 * unlock. create: makes the folder if missing, else -ENOENT. It must be ours and writable by
 * no one else (-EPERM), since what its files say is believed.
 */
int stoq_run_base_lock(const char *path, bool create, int *lock, struct stoq_error *error);

/* True if someone holds the lock now. */
bool stoq_run_base_is_locked(const char *path);

/* Makes a folder with mode 0700. */
int stoq_run_folder_make(const char *path, struct stoq_error *error);

/* Removes a target's folder with the files in it; there are no folders in it. */
int stoq_run_folder_remove(const char *path, struct stoq_error *error);
